//! Store kind sqlite: files as PROD and CERT. All targets of a run are one commit group: one connection
//! with the files attached, whose commit is atomic over all of them.
//!
//! A value moves exactly or is refused: SQLite's columns hold any class of value, so every value is
//! checked against its column's declared type on the way out, and against what SQLite would make
//! of it on the way in.

mod catalog;
mod connect;
mod ddl;
mod error;
mod journal_mode;
mod names;
mod reader;
mod rights;
mod source;
mod tables;
mod tally;
mod target;
mod telling;
mod temporal;
mod types;
mod unfit;
mod values;

pub use source::SqliteSource;
pub use target::SqliteTarget;
