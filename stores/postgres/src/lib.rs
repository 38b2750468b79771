//! Store kind `postgres`: PROD read in one consistent, read-only cut, CERT written in one transaction.
//!
//! Rows move by binary COPY both ways, keys as canonical text; values are only ever bound,
//! identifiers come from the catalog and are quoted. Errors carry the SQLSTATE and names of
//! objects, never the server's message.

mod catalog;
mod checks;
mod connect;
mod copy;
mod encoding;
mod error;
mod inserts;
mod live;
mod locator;
mod reader;
mod rights;
mod source;
mod statement;
mod tally;
mod target;
mod types;
mod unfit;
mod url;

pub use source::PostgresSource;
pub use target::PostgresTarget;
