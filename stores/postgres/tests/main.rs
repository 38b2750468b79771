//! Tests of store kind `postgres` against a real server, which is also the oracle.

#![expect(clippy::unwrap_used, reason = "helpers of tests are test code too")]

mod attacks;
mod catalog;
mod conformance_harness;
mod connection;
mod merge;
mod round_trip;
mod support;

mod conformance {
    redistrict_testkit::conformance_suite!(crate::conformance_harness::PostgresHarness::start());
}
