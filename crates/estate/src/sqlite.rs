//! Writes an estate into SQLite files. Each store is written in one transaction with foreign keys
//! checked at its end.

use std::path::{Path, PathBuf};

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, ToSql, Transaction, params_from_iter};
use serde::{Deserialize, Serialize};

use crate::error::EstateError;
use crate::estate::Estate;
use crate::rows::Rows;
use crate::schema::{EstateKind, StoreId, TABLES, TableSpec, schema_sql};
use crate::value::Value;

/// The database files of one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqliteFiles {
    directory: PathBuf,
}

impl SqliteFiles {
    /// `ids.db`, `hcp1.db` and so on in a directory; creates nothing.
    #[must_use]
    pub fn in_directory(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    /// The file of a store.
    #[must_use]
    pub fn of(&self, store: StoreId) -> PathBuf {
        self.directory.join(format!("{}.db", store.as_str()))
    }
}

/// The URL of a database file, as redistrict expects it.
#[must_use]
pub fn sqlite_url(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

/// Creates the directory, all files and all tables, without rows.
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
        create(&files.of(store), store)?;
    }
    Ok(files)
}

/// Writes rows into tables that exist. All rows of a store or none.
///
/// # Errors
/// When a row is refused: a key that is there already, a foreign key without its row.
pub fn write_rows_sqlite<'a>(
    files: &SqliteFiles,
    rows: impl Into<Rows<'a>>,
) -> Result<(), EstateError> {
    let rows = rows.into();
    let mut stores = StoreId::ALL.into_iter();
    stores.try_for_each(|store| write(&files.of(store), store, &rows))
}

/// Creates the files with all rows of the estate.
///
/// # Errors
/// As [`write_schema_sqlite`] and [`write_rows_sqlite`].
pub fn write_sqlite(estate: &Estate, directory: &Path) -> Result<SqliteFiles, EstateError> {
    let files = write_schema_sqlite(directory)?;
    write_rows_sqlite(&files, &estate.tables[..])?;
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
    write_rows_sqlite(files, &estate.cert_neighbour_rows(district)?[..])
}

/// Creates the tables of one store.
pub(crate) fn create(path: &Path, store: StoreId) -> Result<(), EstateError> {
    open(path, store)?
        .execute_batch(schema_sql(EstateKind::Sqlite, store))
        .map_err(|error| failed("create the tables of", store.as_str(), &error))
}

/// Writes the rows of one store, in one transaction.
pub(crate) fn write(path: &Path, store: StoreId, rows: &Rows<'_>) -> Result<(), EstateError> {
    let mut connection = open(path, store)?;
    let name = store.as_str();
    let transaction = connection
        .transaction()
        .map_err(|error| failed("write to", name, &error))?;
    transaction
        .pragma_update(None, "defer_foreign_keys", true)
        .map_err(|error| failed("write to", name, &error))?;
    for table in TABLES.iter().filter(|table| table.store == store) {
        insert(&transaction, table, rows)
            .map_err(|error| failed("write", &table.full_name(), &error))?;
    }
    transaction
        .commit()
        .map_err(|error| failed("commit", name, &error))
}

fn open(path: &Path, store: StoreId) -> Result<Connection, EstateError> {
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        Ok(connection)
    };
    open().map_err(|error| failed("open", store.as_str(), &error))
}

fn insert(
    transaction: &Transaction<'_>,
    table: &'static TableSpec,
    rows: &Rows<'_>,
) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare(&insert_sql(table))?;
    let mut written = Ok(());
    rows.each(table, &mut |row| {
        if written.is_ok() {
            written = statement.execute(params_from_iter(row)).map(|_| ());
        }
    });
    written
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
            // There are no arrays here: JSON text, as people do.
            Self::List(_) => self.json().to_string().into(),
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
