//! The reference K-12 estate: a deterministic generator with its own answer key.
//!
//! Five stores, IDS (the information system of record), HCP1 (learning content), HCP2 (licences), ADB
//! (assessments) and SP (a graph of relationships, or its tables), filled for any number of districts of any
//! size. While it generates, it writes down which row belongs to which district and where every
//! sensitive value stands. It must never ask the planner or the closure: this crate is what they are
//! checked against, so it depends on no other crate of the workspace.

mod answer_key;
mod config;
mod databases;
mod error;
mod estate;
mod generate;
mod handmade;
mod neighbour;
mod neo4j;
mod own;
mod people;
mod permutation;
mod pools;
mod postgres;
mod rng;
mod row;
mod rows;
mod schema;
mod script;
mod sqlite;
mod summary;
mod value;

pub use answer_key::{AnswerKey, DistrictAnswer, KeyJoin, KeyText, SensitiveValue, TableAnswer};
pub use config::{StoreLocations, StoreSide, UrlPlace, config_toml, write_url_file};
pub use databases::Databases;
pub use error::EstateError;
pub use estate::{Estate, TableRows};
pub use generate::{EstateOptions, generate_into, generate_table};
pub use own::{OneServer, OwnDatabases, Servers};
pub use row::{Place, Row, Sensitive, SensitiveKind, Visitor};
pub use rows::Rows;
pub use schema::{
    End, EstateKind, GraphTable, LINKS, Link, NULL_TEXT, Side, StoreId, StoreKinds, TABLES,
    TableSpec, schema_sql,
};
pub use script::write_copy_script;
pub use sqlite::{
    SqliteFiles, sqlite_url, write_cert_neighbours_sqlite, write_rows_sqlite, write_schema_sqlite,
    write_sqlite,
};
pub use summary::{EstateSummary, KeyDigest, TableSummary};
pub use value::Value;
