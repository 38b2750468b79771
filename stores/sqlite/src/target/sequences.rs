//! Sequences: SQLite keeps one per AUTOINCREMENT key. They only move up.

use redistrict_model::TableRef;
use redistrict_store::StoreError;
use rusqlite::{Connection, params};

use crate::catalog::has_autoincrement;
use crate::error::Context;
use crate::names::quote;
use crate::tables::Entry;

/// Raises the sequence of a table to its largest key, inside the open transaction; tells whether it
/// moved. A table without a sequence has none to raise.
///
/// SQLite raises them itself on an insert; one is behind only where a key was changed by an update or
/// the sequence by hand.
pub(crate) fn raise(connection: &Connection, entry: &Entry) -> Result<bool, StoreError> {
    let table: &TableRef = &entry.table.name;
    let what = "raise a sequence";
    if !has_autoincrement(connection, &entry.alias, &table.table).doing_at(what, table)? {
        return Ok(false);
    }
    let largest: Option<i64> = connection
        .query_row(
            &format!("select max(rowid) from {}", entry.sql_name()),
            [],
            |row| row.get(0),
        )
        .doing_at(what, table)?;
    let Some(largest) = largest else {
        return Ok(false);
    };
    let sequences = format!("{}.sqlite_sequence", quote(&entry.alias));
    let raised = connection
        .execute(
            &format!("update {sequences} set seq = ?1 where name = ?2 and seq < ?1"),
            params![largest, table.table],
        )
        .doing_at(what, table)?;
    let made = connection
        .execute(
            &format!(
                "insert into {sequences} (name, seq) select ?2, ?1 \
                 where not exists (select 1 from {sequences} where name = ?2)"
            ),
            params![largest, table.table],
        )
        .doing_at(what, table)?;
    Ok(raised + made > 0)
}
