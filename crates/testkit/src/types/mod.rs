//! Every type of every kind of store as data: what it travels as, its edge values, an expression that
//! makes random ones. One table for the value round trips, for `cargo xtask prove types` and for
//! `docs/reference/types.md`.

pub mod files;
pub mod graph;
mod graph_lists;
pub mod graph_values;
mod page;
mod postgres;
mod postgres_tables;
mod random;

pub use page::{PAGE_PATH, page};
pub use postgres::{DEFINITIONS, all};
pub use random::Random;

use redistrict_model::ColumnType;

/// What a type is good for as a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// Rows are found and linked by its canonical text.
    Yes,
    /// The server allows such keys and we refuse them by name: equal values may print differently.
    Refused,
    /// The server has no order for the type, so there can be no primary or unique key of it.
    Impossible,
}

/// One type of PostgreSQL, as it stands in a column's definition. Those of SQLite are in [`files`], those of
/// Neo4j in [`graph`].
#[derive(Clone, Copy, Debug)]
pub struct TypeEntry {
    /// Valid SQL.
    pub name: &'static str,
    pub column_type: ColumnType,
    pub element: Option<ColumnType>,
    /// SQL expressions that can be cast to the type.
    pub edges: &'static [&'static str],
    /// An SQL expression that gives another value each time; `g` is the row's number.
    pub random: &'static str,
    pub key: KeyUse,
    pub note: &'static str,
}

const fn entry(
    name: &'static str,
    column_type: ColumnType,
    edges: &'static [&'static str],
    random: &'static str,
) -> TypeEntry {
    TypeEntry {
        name,
        column_type,
        element: None,
        edges,
        random,
        key: KeyUse::Yes,
        note: "",
    }
}

const fn array(
    name: &'static str,
    element: ColumnType,
    edges: &'static [&'static str],
    random: &'static str,
) -> TypeEntry {
    let mut one = entry(name, ColumnType::Array, edges, random);
    one.element = Some(element);
    one
}

impl TypeEntry {
    const fn key(mut self, key: KeyUse) -> Self {
        self.key = key;
        self
    }

    const fn note(mut self, note: &'static str) -> Self {
        self.note = note;
        self
    }
}
