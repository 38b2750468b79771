//! For tests only: real servers, fault wrappers, crash harness, oracles.

pub mod conformance;
pub mod neo4j;
pub mod postgres;
pub mod proxy;
pub mod types;
