//! Sequences: SQLite keeps one per AUTOINCREMENT key. They only move up.

use redistrict_model::TableRef;
use redistrict_store::StoreError;
use rusqlite::{Connection, OptionalExtension, params};

use crate::catalog::has_autoincrement;
use crate::error::Context;
use crate::names::quote;
use crate::tables::Entry;

const WHAT: &str = "raise a sequence";

/// The last value that the sequence of a table has given; none where it has none or gave none.
pub(crate) fn last(connection: &Connection, entry: &Entry) -> Result<Option<i64>, StoreError> {
    let table: &TableRef = &entry.table.name;
    if !has_autoincrement(connection, &entry.alias, &table.table).doing_at(WHAT, table)? {
        return Ok(None);
    }
    let sql = format!("select seq from {} where name = ?1", sequences(entry));
    connection
        .query_row(&sql, [&table.table], |row| row.get(0))
        .optional()
        .doing_at(WHAT, table)
}

/// Raises the sequence of a table to its largest key, inside the open transaction; gives where it is then. A
/// table without a sequence has none to raise.
///
/// SQLite raises them itself on an insert; one is behind only where a key was changed by an update or
/// the sequence by hand.
pub(crate) fn raise(connection: &Connection, entry: &Entry) -> Result<Option<i64>, StoreError> {
    let table: &TableRef = &entry.table.name;
    if !has_autoincrement(connection, &entry.alias, &table.table).doing_at(WHAT, table)? {
        return Ok(None);
    }
    let largest: Option<i64> = connection
        .query_row(
            &format!("select max(rowid) from {}", entry.sql_name()),
            [],
            |row| row.get(0),
        )
        .doing_at(WHAT, table)?;
    if let Some(largest) = largest {
        let sequences = sequences(entry);
        for sql in [
            format!("update {sequences} set seq = ?1 where name = ?2 and seq < ?1"),
            format!(
                "insert into {sequences} (name, seq) select ?2, ?1 \
                 where not exists (select 1 from {sequences} where name = ?2)"
            ),
        ] {
            let values = params![largest, table.table];
            connection.execute(&sql, values).doing_at(WHAT, table)?;
        }
    }
    last(connection, entry)
}

fn sequences(entry: &Entry) -> String {
    format!("{}.sqlite_sequence", quote(&entry.alias))
}
