//! The journal mode of a target's files. A commit over several files is atomic with rollback journals only, so a file
//! in WAL mode is taken out of it, and put back when nobody writes it any more. Must not fail a run for what only
//! puts it back.

use redistrict_store::{StoreError, StoreErrorKind};
use rusqlite::Connection;

use crate::error::Context;
use crate::names::quote;

const WAL: &str = "wal";

/// Takes a file out of WAL mode for as long as a run writes it; what it was is noted in the file first, so that
/// whoever ends the run after a crash knows it.
///
/// # Errors
/// `Transient` where other connections keep the file in WAL mode.
pub(crate) fn take_out_of_wal(connection: &Connection, alias: &str) -> Result<(), StoreError> {
    let what = "prepare a SQLite file for atomic commits";
    if is_wal(connection, alias)? {
        note_wal(connection, alias)?;
    }
    if set(connection, alias, "delete").doing(what)? == "delete" {
        return Ok(());
    }
    let refused = StoreError::new(StoreErrorKind::Transient, what);
    Err(refused.with_hint("other connections keep the file in WAL mode"))
}

/// Puts the files back into WAL mode that were in it and that nobody holds the lease of. One that somebody reads just now
/// stays noted: the next run that ends puts it back.
pub(crate) fn put_back(connection: &Connection, aliases: &[String]) -> Result<(), StoreError> {
    for alias in aliases {
        let what = "put a SQLite file back into WAL mode";
        let sql = format!(
            "select count(*) from {}.redistrict_lease where run_id is null and journal_mode = '{WAL}'",
            quote(alias)
        );
        let is_noted: bool = connection
            .query_row(&sql, [], |row| row.get(0))
            .doing(what)?;
        // A file that is busy says so as an error.
        if is_noted && set(connection, alias, WAL).is_ok_and(|mode| mode == WAL) {
            note(connection, alias, None).doing(what)?;
        }
    }
    Ok(())
}

/// Whether the file is in WAL mode now.
pub(crate) fn is_wal(connection: &Connection, alias: &str) -> Result<bool, StoreError> {
    let mode = connection.pragma_query_value(Some(alias), "journal_mode", |row| row.get(0));
    let mode: String = mode.doing("look up the journal mode of a SQLite file")?;
    Ok(mode == WAL)
}

/// Notes that the file has to be put back into WAL mode.
pub(crate) fn note_wal(connection: &Connection, alias: &str) -> Result<(), StoreError> {
    note(connection, alias, Some(WAL)).doing("note the journal mode of a SQLite file")
}

fn set(connection: &Connection, alias: &str, mode: &str) -> Result<String, rusqlite::Error> {
    connection.pragma_update_and_check(Some(alias), "journal_mode", mode, |row| row.get(0))
}

/// Does nothing in a file without our own objects.
fn note(connection: &Connection, alias: &str, mode: Option<&str>) -> Result<(), rusqlite::Error> {
    let sql = "select count(*) from pragma_table_info('redistrict_lease', ?1) where name = 'journal_mode'";
    if connection.query_row(sql, [alias], |row| row.get(0))? {
        let sql = format!(
            "update {}.redistrict_lease set journal_mode = ?1",
            quote(alias)
        );
        connection.execute(&sql, [mode])?;
    }
    Ok(())
}
