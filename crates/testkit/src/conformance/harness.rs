//! What a kind of store brings so that the conformance suite can be run on it: fresh databases, plain
//! clients that are not the product's code and understand the suite's [words](super::words), and what
//! the kind does not have. Must not know how any kind does what the contracts promise.

use std::any::Any;

use async_trait::async_trait;
use futures::future::BoxFuture;
use redistrict_model::{ColumnType, StoreName, TableRef};
use redistrict_store::{SourceStore, TargetStore};

use super::words::{Change, NewTable, Row, rows};

/// A type that every kind has under some name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogicalType {
    Bool,
    Int64,
    Float64,
    Text,
    /// `varchar(40)`.
    Varchar40,
    Bytes,
    Date,
    Timestamp,
    Uuid,
    Json,
}

impl LogicalType {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Bool,
        Self::Int64,
        Self::Float64,
        Self::Text,
        Self::Varchar40,
        Self::Bytes,
        Self::Date,
        Self::Timestamp,
        Self::Uuid,
        Self::Json,
    ];

    /// What the catalog has to call it where the kind has the type.
    #[must_use]
    pub fn column_type(self) -> ColumnType {
        match self {
            Self::Bool => ColumnType::Bool,
            Self::Int64 => ColumnType::Int64,
            Self::Float64 => ColumnType::Float64,
            Self::Text | Self::Varchar40 => ColumnType::Text,
            Self::Bytes => ColumnType::Bytes,
            Self::Date => ColumnType::Date,
            Self::Timestamp => ColumnType::Timestamp,
            Self::Uuid => ColumnType::Uuid,
            Self::Json => ColumnType::Json,
        }
    }
}

/// A plain client of one database: the server's own driver and nothing of the product.
#[async_trait]
pub trait Database: Send + Sync {
    /// Makes tables, which may refer to each other in any order.
    async fn create(&self, tables: &[NewTable]);

    /// Makes changes in one transaction. The error is the server's message (these are test data).
    async fn try_change(&self, changes: &[Change<'_>]) -> Result<(), String>;

    /// All rows of a table, all that they have, one text per row that tells types and NULL apart as
    /// exactly as the kind can; sorted. The same row gives the same text in source and target.
    async fn dump(&self, table: &str) -> Vec<String>;

    /// These columns, integers or texts, of all rows of a table as canonical text; sorted.
    async fn cells(&self, table: &str, columns: &[&str]) -> Vec<Row>;

    /// Makes a trigger after insert on a table that writes `fired` into column `what` of another
    /// one. Called only where [`Abilities::triggers`] says so.
    async fn trigger(&self, on: &str, log: &str) {
        panic!("a trigger on {on} that writes to {log}: this kind has none")
    }
}

impl dyn Database {
    /// Makes changes that have to work.
    pub async fn change(&self, changes: &[Change<'_>]) {
        if let Err(message) = self.try_change(changes).await {
            panic!("the plain client failed: {message}\n{changes:?}");
        }
    }

    /// Inserts rows with all columns, given as texts (see [`NULL`](super::NULL)).
    pub async fn insert<const N: usize>(&self, table: &NewTable, texts: &[[&str; N]]) {
        self.insert_rows(table, rows(texts)).await;
    }

    /// Inserts rows with all columns.
    pub async fn insert_rows(&self, table: &NewTable, rows: Vec<Row>) {
        let columns = table.written();
        self.change(&[Change::Insert {
            table,
            columns,
            rows,
        }])
        .await;
    }
}

/// Two fresh, empty databases of one store: PROD and CERT. The target is not enrolled.
pub struct World {
    /// The store's name on both sides.
    pub store: StoreName,
    /// The schema in which the plain clients make tables.
    pub schema: String,
    pub source: Box<dyn SourceStore>,
    /// A commit group of this one store.
    pub target: Box<dyn TargetStore>,
    /// The product's source store, but on the target's database: to prove that PROD = CERT is seen.
    pub mirror: Box<dyn SourceStore>,
    /// Another value for the same commit group, as another process would make it.
    pub reopen: Box<dyn Fn() -> BoxFuture<'static, Box<dyn TargetStore>> + Send + Sync>,
    pub prod: Box<dyn Database>,
    pub cert: Box<dyn Database>,
    /// Whatever has to live as long as the world: folders, servers. Dropped last.
    pub guard: Box<dyn Any + Send + Sync>,
}

impl World {
    /// A table of the store.
    #[must_use]
    pub fn table(&self, name: &str) -> TableRef {
        TableRef::new(&self.store, &self.schema, name)
    }

    /// Makes tables in both databases.
    pub async fn both(&self, tables: &[NewTable]) {
        self.prod.create(tables).await;
        self.cert.create(tables).await;
    }
}

/// What a kind has. A test whose point is something that a kind has not says so and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// Tables and columns are declared: they have types, NOT NULL, defaults and lengths without any row.
    pub declared_columns: bool,
    pub foreign_keys: bool,
    pub checks: bool,
    pub computed_columns: bool,
    pub sequences: bool,
    pub triggers: bool,
    /// A cut is one state of the database. Where it is not, `SourceCut::settle` has to tell.
    pub snapshots: bool,
    /// Plain clients can write to PROD while a cut is open. Where they cannot (a file lock), they have to
    /// fail, not wait for ever.
    pub writes_beside_a_cut: bool,
    /// Plain clients can write to CERT while a merge is open.
    pub writes_beside_a_merge: bool,
}

impl Abilities {
    /// All of them: a relational server.
    pub const ALL: Self = Self {
        declared_columns: true,
        foreign_keys: true,
        checks: true,
        computed_columns: true,
        sequences: true,
        triggers: true,
        snapshots: true,
        writes_beside_a_cut: true,
        writes_beside_a_merge: true,
    };
}

/// A kind of store under test.
#[async_trait]
pub trait Harness: Send + Sync {
    /// New databases that share nothing with those of other tests.
    async fn fresh(&self) -> World;

    /// What the kind has.
    fn abilities(&self) -> Abilities {
        Abilities::ALL
    }

    /// What the catalog has to call a column of this type; none where the kind has no such type.
    fn column_type(&self, logical: LogicalType) -> Option<ColumnType> {
        Some(logical.column_type())
    }
}
