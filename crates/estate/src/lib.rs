//! The reference K-12 estate: a deterministic generator with its own answer key.
//!
//! Two stores, IDS (the information system of record) and HCP1 (a learning platform), filled for
//! any number of districts. While it generates, it writes down which row belongs to which district
//! and where every sensitive value stands. It must never ask the planner or the closure: this crate
//! is what they are checked against, so it depends on no other crate of the workspace.

mod answer_key;
mod config;
mod error;
mod estate;
mod generate;
mod neighbour;
mod people;
mod pools;
mod postgres;
mod rng;
mod row;
mod schema;
mod sqlite;
mod value;

pub use answer_key::{AnswerKey, DistrictAnswer, KeyJoin, KeyText, SensitiveValue, TableAnswer};
pub use config::{StoreLocations, UrlPlace, config_toml, write_url_file};
pub use error::EstateError;
pub use estate::{Estate, TableRows};
pub use generate::{EstateOptions, generate_into};
pub use postgres::{
    write_cert_neighbours_postgres, write_postgres, write_rows_postgres, write_schema_postgres,
};
pub use row::{Place, Row, Sensitive, SensitiveKind, Visitor};
pub use schema::{EstateKind, StoreId, TABLES, TableSpec, schema_sql};
pub use sqlite::{
    SqliteFiles, sqlite_url, write_cert_neighbours_sqlite, write_rows_sqlite, write_schema_sqlite,
    write_sqlite,
};
pub use value::Value;
