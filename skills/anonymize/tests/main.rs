//! The skill from the outside: what is decided, what masks give, what the proof catches.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on may panic, and writes files of its own"
)]

mod masks;
mod names;
mod plan;
mod proof;
mod server;
mod special;
mod support;
