//! The binary from the outside, on real servers: whole journeys, wrong inputs, the modes of a
//! migration.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on may panic, and it writes its own files"
)]

mod approvals;
mod artifacts;
mod chinook;
mod classify;
mod dangling;
mod demo;
mod demo_servers;
mod district_keys;
mod environment;
mod examples;
mod faults;
mod forecast;
mod grants;
mod hook;
mod init_unfit;
mod inside;
mod key_types;
mod left_behind;
mod links;
mod lost;
mod mcp;
mod modes;
mod moments;
mod northwind;
mod notify;
mod outputs;
mod pagila;
mod privacy;
mod read_only;
mod sakila;
mod samples;
mod schemas;
mod screen;
mod shell;
mod statements;
mod streams;
mod taking_back;
mod trees;
mod triggers;
mod unmasked;
mod unusual_tables;
mod why;
mod why_edfi;
mod wrong_inputs;
