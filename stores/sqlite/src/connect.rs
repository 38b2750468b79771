//! Connections: how files are found, opened and attached, and how a blocking connection is used from
//! async code. Must not know what is read or written over them.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redistrict_model::StoreName;
use redistrict_store::{Fingerprint, StoreError, StoreErrorKind};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::{Context, bug, config};
use crate::journal_mode;
use crate::names::{alias_of, quote};
use crate::telling::Telling;

/// How long a statement waits for another process's lock.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// SQLite's own limit of attached files, which the bundled build does not raise.
const MOST_ATTACHED: usize = 10;

/// A connection that is used on blocking threads, by one call at a time.
#[derive(Clone)]
pub(crate) struct Session(Arc<Mutex<Connection>>);

impl Session {
    pub(crate) fn new(connection: Connection) -> Self {
        Self(Arc::new(Mutex::new(connection)))
    }

    /// Runs `work` on a blocking thread. If the caller goes away, the work still runs to its end.
    pub(crate) async fn call<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let connection = Arc::clone(&self.0);
        blocking(move || work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))).await
    }
}

/// Runs `work` on a blocking thread.
pub(crate) async fn blocking<T, F>(work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, StoreError> + Send + 'static,
{
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(bug("finish a call of the SQLite driver")))
}

/// The file behind a path, symbolic links followed, and what tells it from other files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) fingerprint: Fingerprint,
}

impl File {
    /// Finds the file; it is never made.
    pub(crate) fn find(path: &Path) -> Result<Self, StoreError> {
        let refused = |error: &std::io::Error| {
            let kind = match error.kind() {
                std::io::ErrorKind::PermissionDenied => StoreErrorKind::Auth,
                std::io::ErrorKind::NotFound => StoreErrorKind::Config,
                _ => StoreErrorKind::Unreachable,
            };
            StoreError::new(kind, format!("open the SQLite file {}", path.display()))
                .with_code(error.kind().to_string())
        };
        // An absolute path is never taken for a `file:` URI with options of its own.
        let found = path.canonicalize().map_err(|error| refused(&error))?;
        let metadata = found.metadata().map_err(|error| refused(&error))?;
        if !metadata.is_file() {
            let what = format!("open {} as SQLite: it is not a file", path.display());
            return Err(config(what));
        }
        let fingerprint = format!("sqlite:{}:{}", metadata.dev(), metadata.ino());
        Ok(Self {
            path: found,
            fingerprint: Fingerprint(fingerprint),
        })
    }
}

/// Opens PROD's file: nothing that is reachable over the connection can write. Its statements are noted
/// where somebody is to be told.
pub(crate) fn open_source(
    path: &Path,
    telling: Option<&Telling>,
) -> Result<(Connection, File), StoreError> {
    let file = File::find(path)?;
    let what = format!("open the SQLite file {}", path.display());
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(&file.path, flags).doing(&what)?;
    if let Some(telling) = telling {
        telling.watch(&mut connection).doing(&what)?;
    }
    harden(&connection, BUSY_TIMEOUT).doing(&what)?;
    connection
        .pragma_update(None, "query_only", true)
        .doing(&what)?;
    look(&connection, "main").doing(&what)?;
    Ok((connection, file))
}

/// The files of a commit group in configuration order; the first is `main`, the others are attached.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) files: Vec<(StoreName, PathBuf)>,
    pub(crate) busy_timeout: Duration,
}

impl Group {
    /// The alias under which a store's file is attached.
    pub(crate) fn alias(&self, store: &StoreName) -> Result<String, StoreError> {
        self.files
            .iter()
            .position(|(name, _)| name == store)
            .map(alias_of)
            .ok_or_else(|| {
                bug(format!(
                    "find store {store}: it is not of this commit group"
                ))
            })
    }

    /// All aliases, in order.
    pub(crate) fn aliases(&self) -> Vec<String> {
        (0..self.files.len()).map(alias_of).collect()
    }

    /// The part of the group that is one store, as a group.
    pub(crate) fn only(&self, store: &StoreName) -> Result<Self, StoreError> {
        self.alias(store)?;
        let files = self.files.iter().filter(|(name, _)| name == store);
        Ok(Self {
            files: files.cloned().collect(),
            busy_timeout: self.busy_timeout,
        })
    }

    /// Opens the files for reading. The files are opened writable all the same: what a writer that
    /// died has left behind can only be rolled back so.
    pub(crate) fn open_for_reading(&self) -> Result<Connection, StoreError> {
        let connection = self.open()?;
        connection
            .pragma_update(None, "query_only", true)
            .doing("make a connection read-only")?;
        Ok(connection)
    }

    /// Opens the files for writing, so that a commit over all of them is atomic and durable: rollback
    /// journals (with a WAL it would be atomic per file only) and full syncs.
    pub(crate) fn open_for_writing(&self) -> Result<Connection, StoreError> {
        let connection = self.open()?;
        let what = "prepare a SQLite file for atomic commits";
        connection
            .pragma_update(None, "foreign_keys", true)
            .doing(what)?;
        // Not ours to fire: an undo could not take back what they do.
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)
            .doing(what)?;
        for alias in self.aliases() {
            let alias = alias.as_str();
            journal_mode::take_out_of_wal(&connection, alias)?;
            connection
                .pragma_update(Some(alias), "synchronous", "full")
                .doing(what)?;
        }
        Ok(connection)
    }

    fn open(&self) -> Result<Connection, StoreError> {
        let files = self.find()?;
        let Some((first, others)) = files.split_first() else {
            return Err(config("open a commit group without stores"));
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let what = |file: &File| format!("open the SQLite file {}", file.path.display());
        let connection = Connection::open_with_flags(&first.path, flags).doing(&what(first))?;
        harden(&connection, self.busy_timeout).doing(&what(first))?;
        look(&connection, "main").doing(&what(first))?;
        for (position, file) in others.iter().enumerate() {
            let alias = alias_of(position + 1);
            let path = file.path.to_str().ok_or_else(|| config(what(file)))?;
            connection
                .execute(&format!("attach database ?1 as {}", quote(&alias)), [path])
                .doing(&what(file))?;
            look(&connection, &alias).doing(&what(file))?;
        }
        Ok(connection)
    }

    fn find(&self) -> Result<Vec<File>, StoreError> {
        if self.files.len() > MOST_ATTACHED + 1 {
            let what = format!(
                "open {} SQLite targets at once: at most {} commit together",
                self.files.len(),
                MOST_ATTACHED + 1
            );
            return Err(config(what));
        }
        let mut found: Vec<File> = Vec::new();
        for (store, path) in &self.files {
            let file = File::find(path)?;
            if found
                .iter()
                .any(|other| other.fingerprint == file.fingerprint)
            {
                let what = format!(
                    "open {} as the target of {store}: another store of the group has the same file",
                    path.display()
                );
                return Err(config(what));
            }
            found.push(file);
        }
        Ok(found)
    }
}

/// Settings of every connection: what a hostile schema could reach is off.
fn harden(connection: &Connection, busy_timeout: Duration) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(busy_timeout)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // A misspelt name in double quotes is an error, not a string.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, false)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "memory")
}

/// The first read of a file: tells whether it is a database at all.
fn look(connection: &Connection, alias: &str) -> Result<(), rusqlite::Error> {
    let sql = format!("select count(*) from {}.sqlite_schema", quote(alias));
    connection
        .query_row(&sql, [], |row| row.get::<_, i64>(0))
        .map(drop)
}
