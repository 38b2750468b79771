//! Tests of the store kind sqlite: the conformance suite, values of every type, and what only files do.

#[cfg(test)]
mod catalog;
#[cfg(test)]
mod files;
#[cfg(test)]
mod group;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod keyless;
#[cfg(test)]
mod value_roundtrip;

#[cfg(test)]
mod conformance {
    redistrict_testkit::conformance_suite!(crate::harness::Files);
}
