//! For tests only: real servers, fault wrappers, crash harness, oracles.

pub mod claims;
pub mod closed_set;
pub mod conformance;
pub mod foreign_keys;
pub mod loose;
pub mod neo4j;
pub mod postgres;
pub mod proxy;
pub mod recorder;
pub mod types;
