//! The journal on disk: one SQLite database, WAL, every append one synced transaction.
//!
//! Several processes of a machine may share it (writers take turns); a file system without working
//! locks (NFS) is not supported. Nothing is ever updated or deleted.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redistrict_model::RunId;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use crate::error::JournalError;
use crate::event::{Event, FORMAT_VERSION, Record};
use crate::fold::fold;
use crate::journal::Journal;
use crate::order::extend;
use crate::state::RunState;

/// How long a writer waits for another process's append.
const TURN: Duration = Duration::from_secs(10);

/// A [`Journal`] in a file. Blocking: an append costs one fsync.
#[derive(Debug)]
pub struct SqliteJournal {
    path: String,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    connection: Connection,
    /// The folded state of runs this process appends to, as of their last own append.
    states: HashMap<RunId, RunState>,
}

impl SqliteJournal {
    /// Opens the journal, making file (mode 0600) and directory (mode 0700) on first use.
    ///
    /// # Errors
    /// A directory or file that cannot be made, a file that is no journal, another format.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let failed = |source| JournalError::Directory {
            path: name.clone(),
            source,
        };
        make_directory(path).map_err(failed)?;
        if !path.exists() {
            let draft = draft_of(path);
            let made = open_connection(&draft, &name).map(drop);
            let given = made.and_then(|()| give_name(&draft, path).map_err(failed));
            let _gone = fs::remove_file(&draft);
            given?;
        }
        keep_private(path).map_err(failed)?;
        let connection = open_connection(path, &name)?;
        Ok(Self {
            path: name,
            inner: Mutex::new(Inner {
                connection,
                states: HashMap::new(),
            }),
        })
    }

    fn failed(&self, doing: &'static str) -> impl Fn(rusqlite::Error) -> JournalError {
        let path = self.path.clone();
        move |source| JournalError::Sqlite {
            doing,
            path: path.clone(),
            source,
        }
    }
}

impl Journal for SqliteJournal {
    fn append(&self, run: &RunId, wall_millis: u64, events: &[Event]) -> Result<(), JournalError> {
        if events.is_empty() {
            return Ok(());
        }
        let failed = self.failed("write to");
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { connection, states } = &mut *inner;
        let cached = states.remove(run);
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        let place = place_of(&transaction, run).map_err(&failed)?;
        let before = match (cached, place) {
            (_, None) => None,
            (Some(state), Some(place))
                if last_sequence(&transaction, place).map_err(&failed)? == state.sequence =>
            {
                Some(state)
            }
            (_, Some(place)) => fold(&records_of(&transaction, run, place, &failed)?),
        };
        let (state, records) = extend(run, before, wall_millis, events)?;
        insert(&transaction, run, place, &records, &failed)?;
        transaction.commit().map_err(&failed)?;
        states.extend(state.map(|state| (run.clone(), state)));
        Ok(())
    }

    fn read(&self, run: &RunId) -> Result<Vec<Record>, JournalError> {
        let failed = self.failed("read");
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        match place_of(&inner.connection, run).map_err(&failed)? {
            Some(place) => records_of(&inner.connection, run, place, &failed),
            None => Ok(Vec::new()),
        }
    }

    fn runs(&self) -> Result<Vec<RunId>, JournalError> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let list = || -> rusqlite::Result<Vec<RunId>> {
            let mut statement = inner
                .connection
                .prepare("select name from run order by place")?;
            let names = statement.query_map([], |row| row.get::<_, String>(0))?;
            names.map(|name| name.map(RunId::new)).collect()
        };
        list().map_err(self.failed("read"))
    }
}

fn make_directory(path: &Path) -> std::io::Result<()> {
    let parent = path.parent();
    match parent.filter(|parent| !parent.as_os_str().is_empty()) {
        None => Ok(()),
        Some(directory) => fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory),
    }
}

/// Beside the journal, of this process and call alone.
fn draft_of(path: &Path) -> PathBuf {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    path.with_extension(format!("new-{}-{call}", std::process::id()))
}

/// A new journal is made whole beside its place, in write-ahead mode already, and given its name at once:
/// a database that changes its mode while others open it refuses them. Whoever is second uses the first
/// one's.
fn give_name(draft: &Path, path: &Path) -> std::io::Result<()> {
    match fs::hard_link(draft, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The mode of the file, which SQLite gives its -wal and -shm files too. It is not opened for that: to
/// close a file takes the locks away that the process has on it.
fn keep_private(path: &Path) -> std::io::Result<()> {
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    // The names of file and directory have to survive a power loss as well.
    let directory = path.canonicalize()?;
    for ancestor in directory.ancestors().skip(1).take(2) {
        if let Ok(ancestor) = fs::File::open(ancestor) {
            ancestor.sync_all()?;
        }
    }
    Ok(())
}

fn open_connection(path: &Path, name: &str) -> Result<Connection, JournalError> {
    let failed = |source| JournalError::Sqlite {
        doing: "open",
        path: name.to_owned(),
        source,
    };
    let mut connection = Connection::open(path).map_err(failed)?;
    connection.busy_timeout(TURN).map_err(failed)?;
    let found = create_or_read_format(&mut connection).map_err(failed)?;
    if found != FORMAT_VERSION {
        return Err(JournalError::Format {
            path: name.to_owned(),
            found,
        });
    }
    connection
        .pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))
        .and_then(|()| connection.pragma_update(None, "synchronous", "full"))
        .and_then(|()| connection.pragma_update(None, "foreign_keys", "on"))
        .map_err(failed)?;
    Ok(connection)
}

/// Makes the tables in an empty file and tells the format of any other.
fn create_or_read_format(connection: &mut Connection) -> rusqlite::Result<u32> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let is_empty: bool =
        transaction.query_row("select count(*) = 0 from sqlite_schema", [], |row| {
            row.get(0)
        })?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if !is_empty || found != 0 {
        return Ok(found);
    }
    transaction.execute_batch(include_str!("../sql/schema.sql"))?;
    transaction.pragma_update(None, "user_version", FORMAT_VERSION)?;
    transaction.commit()?;
    Ok(FORMAT_VERSION)
}

fn place_of(connection: &Connection, run: &RunId) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare("select place from run where name = ?1")?
        .query_row([run.as_str()], |row| row.get(0))
        .optional()
}

fn last_sequence(connection: &Connection, place: i64) -> rusqlite::Result<u64> {
    connection
        .prepare("select coalesce(max(sequence), 0) from event where run = ?1")?
        .query_row([place], |row| unsigned(row, 0))
}

fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn records_of(
    connection: &Connection,
    run: &RunId,
    place: i64,
    failed: &impl Fn(rusqlite::Error) -> JournalError,
) -> Result<Vec<Record>, JournalError> {
    let list = || -> rusqlite::Result<Vec<(u64, u64, String)>> {
        let mut statement = connection.prepare(
            "select sequence, wall_millis, body from event where run = ?1 order by sequence",
        )?;
        let rows = statement.query_map([place], |row| {
            Ok((unsigned(row, 0)?, unsigned(row, 1)?, row.get(2)?))
        })?;
        rows.collect()
    };
    let rows = list().map_err(failed)?;
    rows.into_iter()
        .map(|(sequence, wall_millis, body)| {
            let event = serde_json::from_str(&body).map_err(|source| JournalError::Event {
                run: run.clone(),
                sequence,
                source,
            })?;
            Ok(Record {
                sequence,
                wall_millis,
                event,
            })
        })
        .collect()
}

fn insert(
    transaction: &Transaction<'_>,
    run: &RunId,
    place: Option<i64>,
    records: &[Record],
    failed: &impl Fn(rusqlite::Error) -> JournalError,
) -> Result<(), JournalError> {
    let place = match place {
        Some(place) => place,
        None => {
            transaction
                .execute("insert into run (name) values (?1)", [run.as_str()])
                .map_err(failed)?;
            transaction.last_insert_rowid()
        }
    };
    for record in records {
        let body = serde_json::to_string(&record.event).map_err(|source| JournalError::Encode {
            run: run.clone(),
            source,
        })?;
        transaction
            .prepare("insert into event (run, sequence, wall_millis, body) values (?1, ?2, ?3, ?4)")
            .and_then(|mut statement| {
                let (sequence, wall) = (signed(record.sequence), signed(record.wall_millis));
                statement.execute(params![place, sequence, wall, body])
            })
            .map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_append_is_synced_before_it_returns() {
        let directory = tempfile::tempdir().unwrap();
        let journal = SqliteJournal::open(directory.path().join("journal.db")).unwrap();
        let inner = journal.inner.lock().unwrap();
        let pragma = |name: &str| {
            let value = inner
                .connection
                .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0));
            format!("{:?}", value.unwrap())
        };
        assert_eq!(pragma("synchronous"), "Integer(2)", "full");
        assert_eq!(pragma("journal_mode"), "Text(\"wal\")");
        assert_eq!(pragma("user_version"), "Integer(1)");
    }
}
