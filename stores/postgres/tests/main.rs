//! Tests of store kind `postgres` against a real server, which is also the oracle.

#![expect(clippy::unwrap_used, reason = "helpers of tests are test code too")]

mod attacks;
mod catalog;
mod conformance_harness;
mod connection;
mod encodings;
mod keyless_merge;
mod keys_of_types;
mod locators;
mod merge;
mod moments;
mod refusals;
mod round_trip;
mod shapes;
mod standby;
mod support;
mod triggers;
mod unfit;
mod unmatched;
mod updates;
mod wide;

mod conformance {
    redistrict_testkit::conformance_suite!(crate::conformance_harness::PostgresHarness::start());
}
