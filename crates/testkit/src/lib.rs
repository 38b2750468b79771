//! For tests only: real servers, fault wrappers, crash harness, oracles.

pub mod conformance;
pub mod postgres;
