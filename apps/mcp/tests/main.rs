//! Servers over a desk that answers by heart: what clients get, over a pipe and over HTTP.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on may panic, and starts tasks that end with it"
)]

mod conversation;
mod fake;
mod http;
