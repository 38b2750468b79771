//! The reading side: PROD, and the part of CERT that is read with the same statements.

use arrow::array::RecordBatch;
use async_trait::async_trait;
use futures::stream::BoxStream;
use redistrict_model::{Catalog, Finding, Key, KeyRow, StoreKind, StoreName, Table, TableRef};

use crate::error::StoreError;
use crate::passing::{self, RowsWhere};
use crate::tally::{Tally, TallyRequest};
use crate::unmatched::UnmatchedRequest;

/// Record batches of one table, all of the schema of the request.
pub type BatchStream<'a> = BoxStream<'a, Result<RecordBatch, StoreError>>;

/// What tells one database from another, stable over time; equal fingerprints are the same
/// database. For PostgreSQL the system identifier and the database's oid, for SQLite the file's
/// device and inode.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub String);

/// Which rows a key request means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Rows in which these columns have one of these values. The order of the columns is the order
    /// of the parts of each key. Keys that cannot be values of the columns match nothing.
    Matching {
        columns: Vec<String>,
        keys: Vec<Key>,
    },
    /// At most so many rows, any, but the same ones for the same data: for measuring.
    Sample { limit: u32 },
    /// Every row. Only for tables that are few rows by nature (the tenant root).
    All,
}

/// Asks for columns of rows as canonical text.
///
/// The rows of a keyless table (`Table::identity` is none) are told by *locators*: the one text of
/// `KeyRow::id` names a row inside this view and nowhere else (docs/design/keyless.md).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRequest {
    pub table: TableRef,
    pub columns: Vec<String>,
    pub selector: Selector,
}

/// Asks for whole rows by identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowRequest {
    pub table: TableRef,
    /// The columns of the batches, in order. Each must be of a type that moves.
    pub columns: Vec<String>,
    /// The identity columns (see `Table::identity`); empty for a keyless table.
    pub identity: Vec<String>,
    /// Every key once; locators of this view for a keyless table. Keys without a row give no row.
    pub keys: Vec<Key>,
}

/// Why a value cannot travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnfitReason {
    /// Longer than [`MAX_VALUE_BYTES`].
    TooLarge,
    /// Outside the range of the Arrow type that its column travels as.
    OutOfRange,
    /// A text that is not UTF-8, in a database that does not say what its bytes mean.
    NotUtf8,
}

/// Values that cannot travel: how many rows have one in that column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    pub column: String,
    pub reason: UnfitReason,
    pub rows: u64,
}

/// The largest single value that moves, in bytes of its text or binary form.
pub const MAX_VALUE_BYTES: usize = 32 << 20;

/// Reads keys. Each answer is complete: all rows that match, each once, in no particular order.
///
/// Requests may be of any size; the reader splits what the server cannot take at once. A request
/// names tables and columns of the catalog only: anything else is [`StoreErrorKind::Bug`].
///
/// [`StoreErrorKind::Bug`]: crate::StoreErrorKind::Bug
#[async_trait]
pub trait KeyReader: Send {
    /// The rows that match. `KeyRow::id` is the identity of the row, or its locator where the table is
    /// keyless.
    async fn keys(&mut self, request: &KeyRequest) -> Result<Vec<KeyRow>, StoreError>;

    /// The number of rows of a table, exact.
    async fn count(&mut self, table: &TableRef) -> Result<u64, StoreError>;

    /// The number of rows in which these columns have one of these values, as [`Selector::Matching`] says, exact.
    /// A kind that does not count by itself reads what tells the rows apart, and counts here.
    async fn count_matching(
        &mut self,
        table: &TableRef,
        columns: &[String],
        keys: &[Key],
    ) -> Result<u64, StoreError> {
        let selector = Selector::Matching {
            columns: columns.to_vec(),
            keys: keys.to_vec(),
        };
        let request = KeyRequest {
            table: table.clone(),
            columns: Vec::new(),
            selector,
        };
        Ok(self.keys(&request).await?.len() as u64)
    }

    /// How many rows have which values in some columns, over the whole table. A kind that does not count by
    /// itself reads the columns of all rows, and counts here.
    async fn tally(&mut self, request: &TallyRequest) -> Result<Tally, StoreError> {
        let rows = KeyRequest {
            table: request.table.clone(),
            columns: [&request.columns[..], &request.present[..]].concat(),
            selector: Selector::All,
        };
        Ok(Tally::of_rows(request, self.keys(&rows).await?))
    }

    /// How many rows refer to no row, over the whole tables; none where the kind does not count that by itself.
    async fn unmatched(&mut self, _request: &UnmatchedRequest) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }
}

/// Reads whole rows as record batches with the schema `arrow_schema(table, columns)`.
///
/// Values arrive exactly or as an error that names table and column: nothing is rounded, cut or
/// replaced. (A target with an open schema leaves out rows whose values are of other types than those the
/// columns are described with: others wrote them since, and they equal no row that was described.)
/// Rows come in ascending order of their key text (bytes; locators likewise) within the
/// order of `keys` chunks; the same request inside one cut gives the same bytes. A batch holds at
/// most 8,192 rows.
#[async_trait]
pub trait RowReader: Send {
    /// Streams the rows. Dropping the stream cancels the statement.
    async fn rows<'a>(&'a mut self, request: &'a RowRequest)
    -> Result<BatchStream<'a>, StoreError>;
}

/// What stands in the manifest about a consistent view of a source.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Cut {
    pub store: StoreName,
    /// The server's name of the snapshot, or what identifies it.
    pub snapshot: String,
    /// The server's clock when the cut was taken, RFC 3339, UTC.
    pub at: String,
}

/// One consistent, read-only view of a source. Dropping it ends the view.
///
/// If the view is lost (connection gone, snapshot too old) every further call fails with
/// [`StoreErrorKind::Transient`](crate::StoreErrorKind::Transient); a new cut has to be taken and
/// everything of this store read again: two cuts are never mixed.
#[async_trait]
pub trait SourceCut: KeyReader + RowReader {
    /// Where and when.
    fn cut(&self) -> &Cut;

    /// Counts the values of the requested rows that cannot travel, per column and reason, without
    /// moving them. Only columns that can hold such values cost anything.
    async fn unfit(&mut self, request: &RowRequest) -> Result<Vec<Unfit>, StoreError>;

    /// Streams the rows in which the columns `by` have one of the keys, each row once, in any order. Memory
    /// does not grow with the number of rows where the kind streams them by itself; others look up the
    /// identities of the rows of some keys at a time.
    async fn rows_where<'a>(
        &'a mut self,
        request: &'a RowsWhere,
    ) -> Result<BatchStream<'a>, StoreError> {
        Ok(passing::by_identity(self, request))
    }

    /// Whether [`rows_where`](Self::rows_where) streams rows by itself.
    fn streams(&self) -> bool {
        false
    }

    /// Another reader of this same view, over a connection of its own; none where the kind has no such
    /// thing, or the server does not allow it.
    async fn beside(&mut self) -> Result<Option<Box<dyn SourceCut>>, StoreError> {
        Ok(None)
    }

    /// Called once, after the last read. Says whether everything read was one state of the
    /// database; kinds with snapshots always say so (none). Otherwise a warning with the number of
    /// transactions that were committed meanwhile.
    async fn settle(&mut self) -> Result<Option<Finding>, StoreError> {
        Ok(None)
    }
}

/// What a preflight of a source found: rights the role should not have, settings that matter.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    pub fingerprint: Fingerprint,
    pub version: String,
    pub findings: Vec<Finding>,
}

/// PROD's side of a store. Nothing that is reachable through it can write.
#[async_trait]
pub trait SourceStore: Send + Sync {
    /// The store's name in the configuration.
    fn name(&self) -> &StoreName;

    /// The kind.
    fn kind(&self) -> StoreKind;

    /// Connects and looks: fingerprint, version, rights. Writes nothing.
    async fn probe(&self) -> Result<Probe, StoreError>;

    /// The catalog of the configured schemas.
    async fn catalog(&self) -> Result<Catalog, StoreError>;

    /// Takes a consistent cut. `tables` are the catalog entries that requests may name.
    async fn open_cut(&self, tables: &[Table]) -> Result<Box<dyn SourceCut>, StoreError>;
}
