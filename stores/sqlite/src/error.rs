//! SQLite's errors in the words of the store contract. Must never pass on SQLite's own message: it may
//! quote statements and values.

use redistrict_model::TableRef;
use redistrict_store::{StoreError, StoreErrorKind};
use rusqlite::ffi;

/// What was being done when SQLite refused.
pub(crate) trait Context<T> {
    /// Names the operation; `what` fits after "failed to".
    fn doing(self, what: &str) -> Result<T, StoreError>;

    /// Names the operation and the table.
    fn doing_at(self, what: &str, table: &TableRef) -> Result<T, StoreError>;
}

impl<T> Context<T> for Result<T, rusqlite::Error> {
    fn doing(self, what: &str) -> Result<T, StoreError> {
        self.map_err(|error| from_sqlite(&error, what))
    }

    fn doing_at(self, what: &str, table: &TableRef) -> Result<T, StoreError> {
        self.map_err(|error| from_sqlite(&error, what).at(table))
    }
}

/// An invariant of ours, or of the caller, does not hold.
pub(crate) fn bug(what: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Bug, what)
}

/// Something that the user has to change.
pub(crate) fn config(what: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Config, what)
}

/// Somebody else owns the target now.
pub(crate) fn superseded(what: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Superseded, what)
}

/// A value that cannot move unchanged; the value itself is never named.
pub(crate) fn bad_value(table: &TableRef, column: &str, why: &str) -> StoreError {
    let what = format!("move a value of column {column:?} unchanged: {why}");
    StoreError::new(StoreErrorKind::Data, what).at(table)
}

fn from_sqlite(error: &rusqlite::Error, what: &str) -> StoreError {
    let Some(code) = error.sqlite_error().map(|error| error.extended_code) else {
        return StoreError::new(StoreErrorKind::Bug, what).with_code(driver_code(error));
    };
    let refused = StoreError::new(kind(code), what).with_code(name(code));
    match hint(code) {
        Some(hint) => refused.with_hint(hint),
        None => refused,
    }
}

fn driver_code(error: &rusqlite::Error) -> &'static str {
    match error {
        rusqlite::Error::QueryReturnedNoRows => "no row",
        rusqlite::Error::InvalidColumnType(..) => "column type",
        rusqlite::Error::FromSqlConversionFailure(..) => "conversion",
        rusqlite::Error::InvalidParameterCount(..) => "parameter count",
        _ => "driver",
    }
}

fn kind(extended: i32) -> StoreErrorKind {
    match extended & 0xff {
        ffi::SQLITE_BUSY
        | ffi::SQLITE_LOCKED
        | ffi::SQLITE_IOERR
        | ffi::SQLITE_NOMEM
        | ffi::SQLITE_INTERRUPT
        | ffi::SQLITE_PROTOCOL => StoreErrorKind::Transient,
        ffi::SQLITE_CANTOPEN => StoreErrorKind::Unreachable,
        ffi::SQLITE_READONLY | ffi::SQLITE_PERM | ffi::SQLITE_AUTH => StoreErrorKind::Auth,
        ffi::SQLITE_CONSTRAINT => StoreErrorKind::Constraint,
        ffi::SQLITE_MISMATCH | ffi::SQLITE_TOOBIG => StoreErrorKind::Data,
        ffi::SQLITE_NOTADB
        | ffi::SQLITE_CORRUPT
        | ffi::SQLITE_FULL
        | ffi::SQLITE_FORMAT
        | ffi::SQLITE_NOLFS
        | ffi::SQLITE_SCHEMA => StoreErrorKind::Config,
        _ => StoreErrorKind::Bug,
    }
}

fn hint(extended: i32) -> Option<&'static str> {
    Some(match extended {
        ffi::SQLITE_READONLY_ROLLBACK | ffi::SQLITE_READONLY_RECOVERY => {
            "its last writer died in a transaction: open the file once with that application, then try again"
        }
        _ => match extended & 0xff {
            ffi::SQLITE_BUSY => "another process holds the file's lock",
            ffi::SQLITE_NOTADB => "the file is not a SQLite database",
            ffi::SQLITE_CORRUPT => "the file is damaged: `pragma integrity_check` tells where",
            ffi::SQLITE_FULL => "the disk is full",
            ffi::SQLITE_READONLY => "the file or its folder cannot be written",
            ffi::SQLITE_CANTOPEN => "check that the file exists and may be opened",
            _ => return None,
        },
    })
}

/// The extended result code's name.
fn name(extended: i32) -> String {
    NAMES
        .iter()
        .find(|(code, _)| *code == extended)
        .or_else(|| NAMES.iter().find(|(code, _)| *code == extended & 0xff))
        .map_or_else(
            || format!("SQLITE_{extended}"),
            |(_, name)| (*name).to_owned(),
        )
}

macro_rules! names {
    ($($code:ident),* $(,)?) => {
        const NAMES: &[(i32, &str)] = &[$((ffi::$code, stringify!($code))),*];
    };
}

names!(
    SQLITE_ERROR,
    SQLITE_INTERNAL,
    SQLITE_PERM,
    SQLITE_ABORT,
    SQLITE_BUSY,
    SQLITE_LOCKED,
    SQLITE_NOMEM,
    SQLITE_READONLY,
    SQLITE_INTERRUPT,
    SQLITE_IOERR,
    SQLITE_CORRUPT,
    SQLITE_FULL,
    SQLITE_CANTOPEN,
    SQLITE_PROTOCOL,
    SQLITE_SCHEMA,
    SQLITE_TOOBIG,
    SQLITE_CONSTRAINT,
    SQLITE_MISMATCH,
    SQLITE_MISUSE,
    SQLITE_NOLFS,
    SQLITE_AUTH,
    SQLITE_FORMAT,
    SQLITE_RANGE,
    SQLITE_NOTADB,
    SQLITE_BUSY_RECOVERY,
    SQLITE_BUSY_SNAPSHOT,
    SQLITE_BUSY_TIMEOUT,
    SQLITE_LOCKED_SHAREDCACHE,
    SQLITE_READONLY_RECOVERY,
    SQLITE_READONLY_CANTLOCK,
    SQLITE_READONLY_ROLLBACK,
    SQLITE_READONLY_DBMOVED,
    SQLITE_READONLY_CANTINIT,
    SQLITE_READONLY_DIRECTORY,
    SQLITE_IOERR_READ,
    SQLITE_IOERR_SHORT_READ,
    SQLITE_IOERR_WRITE,
    SQLITE_IOERR_FSYNC,
    SQLITE_IOERR_DIR_FSYNC,
    SQLITE_IOERR_TRUNCATE,
    SQLITE_IOERR_DELETE,
    SQLITE_IOERR_LOCK,
    SQLITE_CORRUPT_INDEX,
    SQLITE_CANTOPEN_ISDIR,
    SQLITE_CANTOPEN_FULLPATH,
    SQLITE_CANTOPEN_SYMLINK,
    SQLITE_CONSTRAINT_CHECK,
    SQLITE_CONSTRAINT_FOREIGNKEY,
    SQLITE_CONSTRAINT_NOTNULL,
    SQLITE_CONSTRAINT_PRIMARYKEY,
    SQLITE_CONSTRAINT_TRIGGER,
    SQLITE_CONSTRAINT_UNIQUE,
    SQLITE_CONSTRAINT_ROWID,
    SQLITE_CONSTRAINT_DATATYPE,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_row_names_code_and_kind_and_no_value() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection
            .execute_batch("create table person (ssn text unique, check (ssn <> 'none'))")
            .unwrap();
        let insert = "insert into person values ('123-45-6789')";
        connection.execute(insert, []).unwrap();
        let error = connection.execute(insert, []).doing("insert").unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Constraint);
        assert_eq!(error.code.as_deref(), Some("SQLITE_CONSTRAINT_UNIQUE"));
        assert_eq!(error.to_string(), "insert [SQLITE_CONSTRAINT_UNIQUE]");
    }

    #[test]
    fn codes_without_a_name_of_their_own_take_the_name_of_their_family() {
        assert_eq!(name(ffi::SQLITE_IOERR | (33 << 8)), "SQLITE_IOERR");
        assert_eq!(name(250), "SQLITE_250");
    }

    #[test]
    fn a_statement_of_ours_that_is_refused_is_a_bug_without_its_text() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let error = connection
            .execute("select secret from nothing", [])
            .doing("look")
            .unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Bug);
        assert!(!format!("{error:?}").contains("secret"));
    }
}
