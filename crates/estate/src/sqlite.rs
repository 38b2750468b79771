//! Writes an estate into SQLite files. Each store is written in one transaction with foreign keys
//! checked at its end.

use std::path::{Path, PathBuf};

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, ToSql, Transaction, params_from_iter};
use serde::{Deserialize, Serialize};

use crate::error::EstateError;
use crate::estate::{Estate, TableRows};
use crate::schema::{EstateKind, StoreId, TableSpec, schema_sql};
use crate::value::Value;

/// The database files of one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqliteFiles {
    pub ids: PathBuf,
    pub hcp1: PathBuf,
}

impl SqliteFiles {
    /// `ids.db` and `hcp1.db` in a directory; creates nothing.
    #[must_use]
    pub fn in_directory(directory: &Path) -> Self {
        Self {
            ids: directory.join("ids.db"),
            hcp1: directory.join("hcp1.db"),
        }
    }

    /// The file of a store.
    #[must_use]
    pub fn of(&self, store: StoreId) -> &Path {
        match store {
            StoreId::Ids => &self.ids,
            StoreId::Hcp1 => &self.hcp1,
        }
    }
}

/// The URL of a database file, as redistrict expects it.
#[must_use]
pub fn sqlite_url(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

/// Creates the directory, both files and all tables, without rows.
///
/// # Errors
/// When the directory or a table cannot be created, or a table is there already.
pub fn write_schema_sqlite(directory: &Path) -> Result<SqliteFiles, EstateError> {
    std::fs::create_dir_all(directory).map_err(|source| EstateError::File {
        operation: "create",
        path: directory.to_owned(),
        source,
    })?;
    let files = SqliteFiles::in_directory(directory);
    for store in StoreId::ALL {
        let connection = open(files.of(store), store)?;
        connection
            .execute_batch(schema_sql(EstateKind::Sqlite, store))
            .map_err(|error| failed("create the tables of", store.as_str(), &error))?;
    }
    Ok(files)
}

/// Writes rows into tables that exist. All rows of a store or none.
///
/// # Errors
/// When a row is refused: a key that is there already, a foreign key without its row.
pub fn write_rows_sqlite(files: &SqliteFiles, tables: &[TableRows]) -> Result<(), EstateError> {
    for store in StoreId::ALL {
        let mut connection = open(files.of(store), store)?;
        let name = store.as_str();
        let transaction = connection
            .transaction()
            .map_err(|error| failed("write to", name, &error))?;
        for rows in tables.iter().filter(|rows| rows.table.store == store) {
            insert(&transaction, rows)
                .map_err(|error| failed("write", &rows.table.full_name(), &error))?;
        }
        transaction
            .commit()
            .map_err(|error| failed("commit", name, &error))?;
    }
    Ok(())
}

/// Creates the files with all rows of the estate.
///
/// # Errors
/// As [`write_schema_sqlite`] and [`write_rows_sqlite`].
pub fn write_sqlite(estate: &Estate, directory: &Path) -> Result<SqliteFiles, EstateError> {
    let files = write_schema_sqlite(directory)?;
    write_rows_sqlite(&files, &estate.tables)?;
    Ok(files)
}

/// Writes another district as earlier test data and some rows made by hand into tables that exist:
/// see [`Estate::cert_neighbour_rows`].
///
/// # Errors
/// Unknown district, or as [`write_rows_sqlite`].
pub fn write_cert_neighbours_sqlite(
    estate: &Estate,
    files: &SqliteFiles,
    district: u32,
) -> Result<(), EstateError> {
    write_rows_sqlite(files, &estate.cert_neighbour_rows(district)?)
}

fn open(path: &Path, store: StoreId) -> Result<Connection, EstateError> {
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        Ok(connection)
    };
    open().map_err(|error| failed("open", store.as_str(), &error))
}

fn insert(transaction: &Transaction<'_>, rows: &TableRows) -> rusqlite::Result<()> {
    transaction.pragma_update(None, "defer_foreign_keys", true)?;
    let mut statement = transaction.prepare(&insert_sql(rows.table))?;
    for row in &rows.rows {
        statement.execute(params_from_iter(row))?;
    }
    Ok(())
}

fn insert_sql(table: &TableSpec) -> String {
    let places = vec!["?"; table.columns.len()].join(", ");
    let columns = table.columns.join(", ");
    format!("insert into {} ({columns}) values ({places})", table.name)
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        use rusqlite::types::{Value as Owned, ValueRef};
        Ok(match self {
            Self::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Bool(value) => i64::from(*value).into(),
            Self::Int(value) => (*value).into(),
            Self::Float(value) => (*value).into(),
            Self::Text(value) | Self::Json(value) => value.as_str().into(),
            Self::Bytes(value) => value.as_slice().into(),
            other => ToSqlOutput::Owned(other.text().map_or(Owned::Null, Owned::Text)),
        })
    }
}

fn failed(operation: &'static str, table: &str, error: &rusqlite::Error) -> EstateError {
    let code = match error {
        rusqlite::Error::SqliteFailure(failure, _) => Some(failure.extended_code),
        _ => None,
    };
    EstateError::Sqlite {
        operation,
        table: table.to_owned(),
        code,
    }
}
