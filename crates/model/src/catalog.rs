//! The catalog of one store, as every kind of store describes it.

use serde::{Deserialize, Serialize};

use crate::ids::{StoreKind, StoreName, TableRef};

/// Everything a store's catalog says that a plan depends on. Tables are in name order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    pub store: StoreName,
    pub kind: StoreKind,
    /// The server's version, for people: `PostgreSQL 15.18`.
    pub version: String,
    pub tables: Vec<Table>,
}

impl Catalog {
    /// The table of that name.
    #[must_use]
    pub fn table(&self, name: &TableRef) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == *name)
    }
}

/// What a relation is; only `Table` and `Partitioned` carry rows that can move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableKind {
    Table,
    /// A partitioned parent; its partitions are folded into it.
    Partitioned,
}

/// A logical table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    pub name: TableRef,
    pub kind: TableKind,
    /// In catalog order, dropped columns left out.
    pub columns: Vec<Column>,
    pub primary_key: Option<Vec<String>>,
    /// Unique constraints and plain unique indexes without the primary key. Partial and expression
    /// indexes are left out: they identify no row.
    #[serde(default)]
    pub uniques: Vec<Unique>,
    #[serde(default)]
    pub foreign_keys: Vec<ForeignKey>,
    #[serde(default)]
    pub checks: Vec<Check>,
    /// Exclusion constraints, by name.
    #[serde(default)]
    pub exclusions: Vec<String>,
    #[serde(default)]
    pub triggers: Vec<Trigger>,
    /// Row security is on and applies to the connected role.
    #[serde(default)]
    pub row_security: bool,
    /// The table whose columns this one inherits, the first of several. Rows of each are its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherits: Option<TableRef>,
    /// The planner's estimate; none where nobody has analyzed the table. Never part of a digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_rows: Option<u64>,
}

impl Table {
    /// A table with nothing but a name.
    #[must_use]
    pub fn empty(name: TableRef) -> Self {
        Self {
            name,
            kind: TableKind::Table,
            columns: Vec::new(),
            primary_key: None,
            uniques: Vec::new(),
            foreign_keys: Vec::new(),
            checks: Vec::new(),
            exclusions: Vec::new(),
            triggers: Vec::new(),
            row_security: false,
            inherits: None,
            estimated_rows: None,
        }
    }

    /// The column of that name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The names of the triggers that fire, in the order of the catalog.
    #[must_use]
    pub fn firing_triggers(&self) -> Vec<&str> {
        let enabled = self.triggers.iter().filter(|trigger| trigger.enabled);
        enabled.map(|trigger| trigger.name.as_str()).collect()
    }

    /// The columns that identify a row: the primary key, else the first unique key by name whose
    /// columns are all NOT NULL, else none: such a table is *keyless*, a multiset of whole rows
    /// (docs/design/keyless.md).
    #[must_use]
    pub fn identity(&self) -> Option<&[String]> {
        if let Some(key) = &self.primary_key {
            return Some(key);
        }
        let is_mandatory = |name: &String| self.column(name).is_some_and(|column| !column.nullable);
        self.uniques
            .iter()
            .filter(|unique| unique.columns.iter().all(is_mandatory))
            .min_by(|a, b| a.name.cmp(&b.name))
            .map(|unique| unique.columns.as_slice())
    }
}

/// How a column's value comes about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Generated {
    #[default]
    No,
    /// Computed from other columns; never written.
    Stored,
    /// Identity or serial; written with our value.
    Identity,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    /// The type exactly as the server prints it: `character varying(40)`, `numeric(10,2)`.
    pub source_type: String,
    pub column_type: ColumnType,
    pub nullable: bool,
    #[serde(default)]
    pub generated: Generated,
    #[serde(default)]
    pub has_default: bool,
    /// In characters, for `varchar(n)` and `char(n)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// The labels of an enum, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// For `Array`: the type of its elements, never `Array` itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<ColumnType>,
}

/// The types that move, and how. What Arrow cannot hold travels as the server's exact text with the
/// source type kept. `Other` is what cannot be written back from its text: refused in the plan by name.
///
/// The Arrow type each one travels as is fixed in `redistrict_store::arrow_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    Bool,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    /// Exact text with the source type kept.
    Numeric,
    Text,
    /// `char(n)`: padded; trailing spaces do not count in comparisons.
    Char,
    Bytes,
    /// Days since 1970; `i32::MAX` and `i32::MIN` are the infinities.
    Date,
    /// Exact text.
    Time,
    /// Microseconds since 1970, no zone; `i64::MAX` and `i64::MIN` are the infinities.
    Timestamp,
    /// Microseconds since 1970 UTC; infinities likewise.
    TimestampTz,
    /// Exact text.
    Interval,
    /// Exact text, lower case with hyphens.
    Uuid,
    /// Exact text (`json` and `jsonb`).
    Json,
    /// Exact text (`inet`, `cidr`, `macaddr`).
    Inet,
    /// Exact text.
    Enum,
    /// Exact text, a PostgreSQL array literal (see [`crate::array_text`]), in every kind of store; the
    /// elements are of type `Column::element`.
    Array,
    /// Exact text of a range or multirange.
    Range,
    /// Exact text of a row: `(a,"b c",)`.
    Composite,
    /// Exact text of `0` and `1`.
    Bits,
    /// Exact text.
    Xml,
    /// Exact text, printed under `lc_monetary = 'C'`.
    Money,
    /// ISO 8601 date and time as exact text, with nanoseconds, offset and zone name where the value has
    /// them: what microseconds in UTC cannot hold.
    DateTimeText,
    /// Exact text in the server's own notation, for types that have no meaning to us: written back
    /// from that text, masked only as a whole.
    Verbatim,
    Other,
}

/// A unique constraint or index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unique {
    pub name: String,
    pub columns: Vec<String>,
}

/// A declared foreign key; keys on partitions are lifted to the parent and stand once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    pub name: String,
    pub columns: Vec<String>,
    pub parent: TableRef,
    pub parent_columns: Vec<String>,
    pub on_delete_cascade: bool,
    pub deferrable: bool,
    /// False for NOT VALID keys: rows without a partner may exist.
    pub validated: bool,
    /// The key counts only for rows where each named column has one of the texts: the ends of
    /// relationships in a graph. Empty in relational stores.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<(String, Vec<String>)>,
}

/// A CHECK constraint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub name: String,
    /// As the server prints it.
    pub expression: String,
    /// The columns it names; empty where the kind cannot tell.
    #[serde(default)]
    pub columns: Vec<String>,
}

/// A user trigger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    pub name: String,
    /// Fires for our inserts and updates.
    pub enabled: bool,
    /// The tables that its text inserts into, where it fires for our writes and the text says so. A hint,
    /// never a decision.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fills: Vec<TableRef>,
}
