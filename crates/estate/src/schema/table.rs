//! What the estate knows about one of its tables.

use crate::schema::{EstateKind, GraphTable, StoreId};
use crate::value::Value;

/// Stands for NULL in the key of a keyless row. No value of the estate holds it.
pub const NULL_TEXT: &str = "\u{0}";

/// A table. Identified by store and name.
#[derive(Debug)]
pub struct TableSpec {
    pub store: StoreId,
    pub name: &'static str,
    /// The columns that are written, in catalog order.
    pub columns: &'static [&'static str],
    /// Columns that the database computes.
    pub generated: &'static [&'static str],
    /// The primary key's columns, in its order; empty for keyless tables.
    pub key: &'static [&'static str],
    /// Columns that may be NULL.
    pub nullable: &'static [&'static str],
    /// A column that closes a cycle of foreign keys: written after all rows are there.
    pub late: Option<&'static str>,
    /// The key comes from a sequence in PostgreSQL.
    pub is_serial: bool,
    /// What the table is where the store is a graph.
    pub graph: Option<GraphTable>,
}

impl PartialEq for TableSpec {
    fn eq(&self, other: &Self) -> bool {
        (self.store, self.name) == (other.store, other.name)
    }
}

impl Eq for TableSpec {}

impl TableSpec {
    pub(crate) const fn base(store: StoreId, name: &'static str) -> Self {
        Self {
            store,
            name,
            columns: &[],
            generated: &[],
            key: &[],
            nullable: &[],
            late: None,
            is_serial: false,
            graph: None,
        }
    }

    /// `store.table`, as the answer key and a relational configuration name it.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.store.as_str(), self.name)
    }

    /// `store.table` as the configuration names it in a store of that kind: `sp.node.Person`.
    #[must_use]
    pub fn name_in(&self, kind: EstateKind) -> String {
        match (&self.graph, kind) {
            (Some(graph), EstateKind::Neo4j) => {
                format!("{}.{}", self.store.as_str(), graph.name())
            }
            _ => self.full_name(),
        }
    }

    /// A column as a store of that kind names it: `:start` for the start of a relationship.
    #[must_use]
    pub fn column_in<'a>(&self, kind: EstateKind, column: &'a str) -> &'a str {
        match (&self.graph, kind) {
            (Some(graph), EstateKind::Neo4j) => graph.column(column),
            _ => column,
        }
    }

    /// A multiset of whole rows in a store of that kind: no key tells its rows from each other. A
    /// relationship has the key of its table only where the graph has a constraint for it.
    #[must_use]
    pub fn is_keyless_in(&self, kind: EstateKind) -> bool {
        match (&self.graph, kind) {
            (Some(graph), EstateKind::Neo4j) => !graph.has_key(),
            _ => self.is_keyless(),
        }
    }

    /// A multiset of whole rows.
    #[must_use]
    pub fn is_keyless(&self) -> bool {
        self.key.is_empty()
    }

    /// The position of a column.
    ///
    /// # Panics
    /// If the table has no such column, or computes it.
    #[must_use]
    pub fn index(&self, column: &str) -> usize {
        self.columns
            .iter()
            .position(|one| *one == column)
            .expect("the estate names columns of the table")
    }

    /// The canonical texts of the key of a row. For a keyless table those of all columns, NULL as
    /// [`NULL_TEXT`]; equal rows have equal keys here and differ in the answer key by one more part,
    /// their number among equals: see [`Self::keys_of`].
    ///
    /// # Panics
    /// If a key value is NULL.
    #[must_use]
    pub fn key_of(&self, values: &[Value]) -> Vec<String> {
        if self.is_keyless() {
            let texts = values.iter().map(Value::text);
            let or_null = |text: Option<String>| text.unwrap_or_else(|| NULL_TEXT.to_owned());
            return texts.map(or_null).collect();
        }
        let parts = self.key.iter().map(|column| &values[self.index(column)]);
        let texts = parts.map(|value| value.text().expect("keys are NOT NULL"));
        texts.collect()
    }

    /// The keys of rows as the answer key has them: those of keyless rows end in the row's number
    /// among equal ones, from 1 in the order given.
    pub fn keys_of<'a>(
        &self,
        rows: impl IntoIterator<Item = &'a [Value]>,
    ) -> impl Iterator<Item = Vec<String>> {
        let mut numbers = Numbers::default();
        let is_keyless = self.is_keyless();
        rows.into_iter().map(move |row| {
            let key = self.key_of(row);
            if is_keyless { numbers.number(key) } else { key }
        })
    }
}

/// Numbers equal keys.
#[derive(Debug, Default)]
struct Numbers(std::collections::BTreeMap<Vec<String>, u32>);

impl Numbers {
    fn number(&mut self, mut key: Vec<String>) -> Vec<String> {
        let number = self.0.entry(key.clone()).or_insert(0);
        *number += 1;
        key.push(number.to_string());
        key
    }
}
