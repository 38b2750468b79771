//! The skill from the outside, against a target in memory and faults on every call of the contract.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod beside;
mod crash;
mod decided;
mod faulty;
mod groups;
mod keyless;
mod links;
mod load;
mod memory;
mod neighbours;
mod open;
mod phases;
mod planning;
mod real;
mod reliance;
mod runner;
mod triggers;
mod undo;
mod whose;
mod world;
