//! What a kind of store brings so that the conformance suite can be run on it: fresh databases, plain
//! clients that are not the product's code, and the few words of its SQL that differ. Must not
//! know how any kind does what the contracts promise.

use std::any::Any;

use async_trait::async_trait;
use futures::future::BoxFuture;
use redistrict_model::{ColumnType, StoreName, TableRef};
use redistrict_store::{SourceStore, TargetStore};

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

    /// What the catalog has to call it.
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
    /// Runs one or more statements. The error is the server's message (these are test data).
    async fn try_run(&self, sql: &str) -> Result<(), String>;

    /// The rows of one query: each value as text that tells types and NULL apart as exactly as the
    /// kind can (`None` is NULL). The same value gives the same text in source and target.
    async fn query(&self, sql: &str) -> Vec<Vec<Option<String>>>;

    /// Runs statements that have to work.
    async fn run(&self, sql: &str) {
        if let Err(message) = self.try_run(sql).await {
            panic!("the plain client failed: {message}\n{sql}");
        }
    }

    /// All rows of a table, all columns, one text per row, sorted.
    async fn dump(&self, table: &str) -> Vec<String> {
        let rows = self
            .query(&format!("select * from {}", quoted(table)))
            .await;
        let mut lines: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
        lines.sort();
        lines
    }
}

/// Two fresh, empty databases of one store: PROD and CERT. The target is not enrolled.
pub struct World {
    /// The store's name on both sides.
    pub store: StoreName,
    /// The schema in which unqualified DDL of the plain clients makes tables.
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
    /// Whatever has to live as long as the world: folders, servers.
    pub guard: Box<dyn Any + Send + Sync>,
}

impl World {
    /// A table of the store.
    #[must_use]
    pub fn table(&self, name: &str) -> TableRef {
        TableRef::new(&self.store, &self.schema, name)
    }

    /// Runs statements in both databases.
    pub async fn both(&self, sql: &str) {
        self.prod.run(sql).await;
        self.cert.run(sql).await;
    }
}

/// A kind of store under test.
#[async_trait]
pub trait Harness: Send + Sync {
    /// New databases that share nothing with those of other tests.
    async fn fresh(&self) -> World;

    /// The type's name in DDL.
    fn sql(&self, logical: LogicalType) -> &str;

    /// A literal of the type for a canonical text (`true`, `\x00ff`, `2024-02-29`,
    /// `2024-02-29 23:59:59.000001`, …).
    fn literal(&self, logical: LogicalType, canonical: &str) -> String {
        match logical {
            LogicalType::Bool | LogicalType::Int64 | LogicalType::Float64 => canonical.to_owned(),
            _ => format!("'{}'", canonical.replace('\'', "''")),
        }
    }

    /// The definition, after the column's name, of a primary key that the server fills from a
    /// sequence; none where the kind has no sequences.
    fn serial_key(&self) -> Option<&str> {
        None
    }

    /// A trigger after insert on a table that writes the literal `'fired'` into column `what` of
    /// another table; both names come quoted. None where the kind has no triggers.
    fn insert_trigger(&self, on: &str, log: &str) -> Option<String> {
        let _ = (on, log);
        None
    }

    /// Makes `store(id, manager)` and `staff(id, store)`, all columns NOT NULL integers of 64 bits, whose
    /// foreign keys form a cycle, not deferrable.
    fn cycle(&self) -> String {
        format!(
            "create table store (id {0} not null primary key, manager {0} not null);
             create table staff (id {0} not null primary key, store {0} not null references store (id));
             alter table store add constraint store_manager_fkey foreign key (manager) references staff (id);",
            self.sql(LogicalType::Int64)
        )
    }

    /// Whether statements of the plain client on PROD work while a cut is open. Where they do not (a
    /// file lock), they must fail, not wait for ever.
    fn writes_beside_a_cut(&self) -> bool {
        true
    }
}

/// An identifier in double quotes.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
