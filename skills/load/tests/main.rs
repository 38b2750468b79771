//! The skill from the outside, against a target in memory and faults on every call of the contract.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod crash;
mod decided;
mod faulty;
mod groups;
mod keyless;
mod load;
mod memory;
mod open;
mod planning;
mod real;
mod runner;
mod undo;
mod world;
