//! Tests of the store kind sqlite: the conformance suite, values of every type, and what only files do.

mod harness;
mod own;
mod value_roundtrip;

mod conformance {
    redistrict_testkit::conformance_suite!(crate::harness::Files);
}
