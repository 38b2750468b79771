//! The orchestrator from outside, with fake skills, journals that die and clocks that obey.

#[cfg(test)]
mod approvals;
#[cfg(test)]
mod asking;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod dying_journal;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod feed;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod others;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod undo;
#[cfg(test)]
mod world;
