//! The journal from outside: one binary for all its tests.

#[cfg(test)]
mod folding;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod journals;
#[cfg(test)]
mod support;
