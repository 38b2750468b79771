//! For tests only: real servers, fault wrappers, crash harness, oracles.
