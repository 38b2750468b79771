//! The ledger: what a run wrote, in the file of the table that it wrote. Written inside the merge's
//! transaction.

use redistrict_model::{RunId, StoreName, TableRef};
use redistrict_store::packing::{
    pack_rows, pack_versioned_keys, unpack_hashes, unpack_rows, unpack_versioned_keys,
};
use redistrict_store::{Ledger, LedgerEntry, LedgerOperation, StoreError};
use rusqlite::{Connection, Row, params};

use crate::error::{Context, bug};
use crate::names::{SCHEMA, quote};

/// Writes one entry into the file attached as `alias`, behind all entries of the group.
pub(crate) fn insert(
    connection: &Connection,
    aliases: &[String],
    alias: &str,
    entry: &LedgerEntry,
) -> Result<(), StoreError> {
    let what = "write the ledger";
    let table = &entry.table;
    entry.require_whole()?;
    let too_large = || bug("pack an entry of the ledger").at(table);
    let before = entry
        .before
        .as_ref()
        .map(|rows| pack_rows(rows).map_err(|_| too_large()));
    let rows = i64::try_from(entry.keys.len()).map_err(|_| too_large())?;
    let sql = format!(
        "insert into {}.redistrict_ledger \
         (position, run_id, table_name, part, operation, row_count, keys, after, before) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        quote(alias)
    );
    let values = params![
        next_position(connection, aliases)?,
        entry.run.as_str(),
        table.table,
        entry.part,
        entry.operation.as_str(),
        rows,
        pack_versioned_keys(&entry.keys).map_err(|_| too_large())?,
        entry.after.as_flattened(),
        before.transpose()?,
    ];
    connection
        .execute(&sql, values)
        .doing_at(what, table)
        .map(drop)
}

/// One position after another over all files of the group, so that the order of a run's entries is
/// known again.
fn next_position(connection: &Connection, aliases: &[String]) -> Result<i64, StoreError> {
    let mut newest = 0;
    for alias in aliases {
        let sql = format!(
            "select coalesce(max(position), 0) from {}.redistrict_ledger",
            quote(alias)
        );
        let position: i64 = connection
            .query_row(&sql, [], |row| row.get(0))
            .doing("number an entry of the ledger")?;
        newest = newest.max(position);
    }
    Ok(newest + 1)
}

/// All entries of a run over the files of the group, in the order in which they were written.
pub(crate) fn read(
    connection: &Connection,
    files: &[(StoreName, String)],
    run: &RunId,
) -> Result<Ledger, StoreError> {
    let what = "read the ledger";
    let mut entries: Vec<(i64, LedgerEntry)> = Vec::new();
    for (store, alias) in files {
        let sql = format!(
            "select position, table_name, part, operation, row_count, keys, after, before \
             from {}.redistrict_ledger where run_id = ?1",
            quote(alias)
        );
        let mut statement = connection.prepare(&sql).doing(what)?;
        let mut rows = statement.query([run.as_str()]).doing(what)?;
        while let Some(row) = rows.next().doing(what)? {
            let table = TableRef::new(store, SCHEMA, row.get::<_, String>(1).doing(what)?);
            let packed = Packed::read(row).doing_at(what, &table)?;
            let damaged = || bug("unpack an entry of the ledger").at(&table);
            let position = packed.position;
            let entry = packed.unpack(run, &table).ok_or_else(damaged)?;
            entries.push((position, entry));
        }
    }
    entries.sort_by_key(|(position, _)| *position);
    Ok(entries.into_iter().map(|(_, entry)| entry).collect())
}

/// A row of the ledger as it is stored.
struct Packed {
    position: i64,
    part: u32,
    operation: String,
    row_count: i64,
    keys: Vec<u8>,
    after: Vec<u8>,
    before: Option<Vec<u8>>,
}

impl Packed {
    fn read(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            position: row.get(0)?,
            part: row.get(2)?,
            operation: row.get(3)?,
            row_count: row.get(4)?,
            keys: row.get(5)?,
            after: row.get(6)?,
            before: row.get(7)?,
        })
    }

    fn unpack(self, run: &RunId, table: &TableRef) -> Option<LedgerEntry> {
        let keys = unpack_versioned_keys(&self.keys).ok()?;
        let before = self.before.as_deref().map(unpack_rows).transpose();
        let entry = LedgerEntry {
            run: run.clone(),
            table: table.clone(),
            part: self.part,
            operation: LedgerOperation::parse(&self.operation)?,
            keys,
            after: unpack_hashes(&self.after).ok()?,
            before: before.ok()?,
        };
        let is_whole = usize::try_from(self.row_count) == Ok(entry.keys.len());
        (is_whole && entry.is_whole()).then_some(entry)
    }
}
