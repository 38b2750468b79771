//! Store kind `neo4j`: a property graph read and written as tables (docs/design/graph.md).

mod batches;
mod bolt;
mod bookmark;
mod catalog;
mod cells;
mod connect;
mod dates;
mod derive;
mod error;
mod layout;
mod live;
mod lookup;
mod moments;
#[cfg(test)]
mod plans;
mod reader;
mod record;
mod rights;
#[cfg(test)]
mod round_trip;
mod source;
mod statement;
mod target;
mod types;
mod unfit;
mod url;
mod values;

pub use source::Neo4jSource;
pub use target::Neo4jTarget;
