//! PROD's side: a file that is only ever read, and one read transaction per cut. Must not open a file
//! for writing.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use redistrict_model::{Catalog, Finding, KeyRow, Severity, StoreKind, StoreName, Table, TableRef};
use redistrict_store::{
    BatchStream, Cut, KeyReader, KeyRequest, Listing, Probe, RowReader, RowRequest, SourceCut,
    SourceStore, StoreError, Tally, TallyRequest, Unfit,
};
use rusqlite::Connection;

use crate::catalog::{self, Side};
use crate::connect::{File, Session, blocking, open_source};
use crate::error::Context;
use crate::names::SCHEMA;
use crate::reader::{Reader, View};
use crate::tables::{Entry, Tables};
use crate::telling::Telling;
use crate::unfit;

/// A SQLite file as a source.
#[derive(Clone, Debug)]
pub struct SqliteSource {
    name: StoreName,
    path: PathBuf,
    listing: Option<Arc<Listing>>,
}

impl SqliteSource {
    /// Names the file; it is opened when it is asked for something.
    #[must_use]
    pub fn new(name: StoreName, path: PathBuf) -> Self {
        Self {
            name,
            path,
            listing: None,
        }
    }

    /// Notes every statement from now on. What would read rows is noted and not run.
    #[must_use]
    pub fn telling(mut self, listing: Arc<Listing>) -> Self {
        self.listing = Some(listing);
        self
    }

    fn tells(&self, purpose: &'static str) -> Option<Telling> {
        let listing = self.listing.as_ref();
        listing.map(|listing| Telling::new(Arc::clone(listing), purpose))
    }

    /// The file.
    pub(crate) fn path(&self) -> &std::path::Path {
        &self.path
    }
}

#[async_trait]
impl SourceStore for SqliteSource {
    fn name(&self) -> &StoreName {
        &self.name
    }

    fn kind(&self) -> StoreKind {
        StoreKind::Sqlite
    }

    async fn probe(&self) -> Result<Probe, StoreError> {
        let (name, path) = (self.name.clone(), self.path.clone());
        let telling = self.tells("looks at the file before anything is read");
        blocking(move || {
            let (connection, file) = open_source(&path, telling.as_ref())?;
            Ok(Probe {
                findings: findings(&connection, &name)?,
                fingerprint: file.fingerprint,
                version: catalog::version(),
            })
        })
        .await
    }

    async fn catalog(&self) -> Result<Catalog, StoreError> {
        let (name, path) = (self.name.clone(), self.path.clone());
        let telling = self.tells("catalog: tables, columns, keys, constraints");
        blocking(move || {
            let (mut connection, _) = open_source(&path, telling.as_ref())?;
            let view = connection.transaction().doing("begin to read")?;
            catalog::read(&view, SCHEMA, &name, Side::Source)
        })
        .await
    }

    async fn open_cut(&self, tables: &[Table]) -> Result<Box<dyn SourceCut>, StoreError> {
        let (name, path) = (self.name.clone(), self.path.clone());
        let entries = tables.iter().filter(|table| table.name.store == self.name);
        let tables = Tables::new(entries.map(|table| (SCHEMA.to_owned(), table.clone())));
        let telling = self.tells("begins a view that stays the same and cannot write");
        let cut = blocking(move || {
            let (connection, file) = open_source(&path, telling.as_ref())?;
            let cut = begin(&connection, name, &file)?;
            let session = Session::new(connection);
            let reader = Reader::new(session, tables, View::Held).telling(telling);
            Ok(SqliteCut { cut, reader })
        })
        .await?;
        Ok(Box::new(cut))
    }
}

/// Begins the read transaction. A transaction of SQLite begins to see with its first read.
fn begin(connection: &Connection, name: StoreName, file: &File) -> Result<Cut, StoreError> {
    let what = "take a cut of a SQLite file";
    connection.execute_batch("begin").doing(what)?;
    let version: i64 = connection
        .query_row("select count(*) from sqlite_schema", [], |row| row.get(0))
        .and_then(|_: i64| connection.pragma_query_value(None, "data_version", |row| row.get(0)))
        .doing(what)?;
    let now = "select strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";
    let at = connection
        .query_row(now, [], |row| row.get(0))
        .doing(what)?;
    Ok(Cut {
        store: name,
        snapshot: format!("{}/{version}", file.fingerprint.0),
        at,
    })
}

fn findings(connection: &Connection, name: &StoreName) -> Result<Vec<Finding>, StoreError> {
    let mut findings: Vec<Finding> = catalog::virtual_tables(connection)?
        .into_iter()
        .map(|table| {
            let subject = TableRef::new(name, SCHEMA, table).to_string();
            Finding::warning("virtual-table", subject, "virtual tables are not read", 1)
        })
        .collect();
    findings.extend(collated_keys(connection, name)?);
    findings.extend(nameless_rows(connection, name)?);
    let mode: String = connection
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .doing("read the journal mode of a SQLite file")?;
    if mode != "wal" {
        findings.push(Finding {
            severity: Severity::Info,
            ..Finding::warning(
                "cut-blocks-writers",
                name.to_string(),
                format!(
                    "the journal mode is {mode}: writers of the source wait while a cut is open"
                ),
                0,
            )
        });
    }
    Ok(findings)
}

/// Keyless tables whose columns hide the number of a row under all of its names: nothing tells their rows.
fn nameless_rows(connection: &Connection, name: &StoreName) -> Result<Vec<Finding>, StoreError> {
    let catalog = catalog::read(connection, SCHEMA, name, Side::Source)?;
    let entry = |table| Entry {
        alias: SCHEMA.to_owned(),
        table,
    };
    let is_nameless = |entry: &Entry| entry.told_by().is_err();
    let entries = catalog.tables.into_iter().map(entry);
    let finding = |entry: Entry| {
        let message = "it has no key, and columns named rowid, _rowid_ and oid hide the number of a \
                       row: nothing tells its rows apart";
        Finding::error(
            "hidden-row-number",
            entry.table.name.to_string(),
            message,
            1,
        )
    };
    Ok(entries.filter(is_nameless).map(finding).collect())
}

/// One read transaction.
struct SqliteCut {
    cut: Cut,
    reader: Reader,
}

#[async_trait]
impl SourceCut for SqliteCut {
    fn cut(&self) -> &Cut {
        &self.cut
    }

    async fn unfit(&mut self, request: &RowRequest) -> Result<Vec<Unfit>, StoreError> {
        unfit::unfit(&self.reader, request).await
    }
}

#[async_trait]
impl KeyReader for SqliteCut {
    async fn keys(&mut self, request: &KeyRequest) -> Result<Vec<KeyRow>, StoreError> {
        self.reader.keys(request).await
    }

    async fn count(&mut self, table: &TableRef) -> Result<u64, StoreError> {
        self.reader.count(table).await
    }

    async fn tally(&mut self, request: &TallyRequest) -> Result<Tally, StoreError> {
        self.reader.tally(request).await
    }
}

#[async_trait]
impl RowReader for SqliteCut {
    async fn rows<'a>(
        &'a mut self,
        request: &'a RowRequest,
    ) -> Result<BatchStream<'a>, StoreError> {
        self.reader.rows(request).await
    }
}

/// Keys that others refer to and that SQLite compares by another collation than ours (byte by byte):
/// a child that differs in case would be lost, so they are refused by name.
fn collated_keys(connection: &Connection, name: &StoreName) -> Result<Vec<Finding>, StoreError> {
    let what = "read the collations of keys";
    let mut statement = connection
        .prepare(include_str!("sql/collated_keys.sql"))
        .doing(what)?;
    let rows = statement
        .query_map([], |row| {
            let (table, column): (String, String) = (row.get(0)?, row.get(1)?);
            Ok((table, column, row.get::<_, String>(2)?))
        })
        .doing(what)?;
    rows.map(|row| {
        let (table, column, collation) = row.doing(what)?;
        let subject = TableRef::new(name, SCHEMA, table).to_string();
        let message = format!(
            "others refer to its key column {column}, which compares by the collation {collation}: \
             that is not available yet"
        );
        Ok(Finding::error("key-collation", subject, message, 1))
    })
    .collect()
}
