//! One suite for every kind of store: what the contracts of `redistrict-store` promise, as tests
//! over a [`Harness`]. Must not depend on any store crate.

mod harness;

pub use harness::{Database, Harness, LogicalType, World, quoted};
