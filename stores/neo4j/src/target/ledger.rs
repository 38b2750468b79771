//! The ledger: what a run wrote, in nodes of our own. Written inside the merge's transaction.

use neo4j::ValueSend;
use redistrict_model::{RunId, StoreName, TableRef};
use redistrict_store::packing::{
    pack_rows, pack_versioned_keys, unpack_hashes, unpack_rows, unpack_versioned_keys,
};
use redistrict_store::{Ledger, LedgerEntry, LedgerOperation, StoreError};

use super::transactions::parameters;
use crate::bolt::{Record, Transaction};
use crate::error::{Context as _, bug};
use crate::record::Fields;

const NEXT: &str = "MATCH (j:RedistrictJournal) WHERE j.run = $run AND j.position >= 0 \
                    RETURN count(j)";
const WRITE: &str = "CREATE (:RedistrictJournal {run: $run, position: $position, \
                     table_schema: $schema, table_name: $table, part: $part, \
                     operation: $operation, row_count: $rows, keys: $keys, after: $after, \
                     before: $before})";
const READ: &str = "MATCH (j:RedistrictJournal {run: $run, position: $position}) \
                    RETURN j.table_schema, j.table_name, j.part, j.operation, j.row_count, \
                    j.keys, j.after, j.before";

/// How many entries the run has; the next one gets this position.
pub(super) async fn count(transaction: &mut Transaction, run: &RunId) -> Result<i64, StoreError> {
    let what = "number the entries of the ledger";
    let run = parameters([("run", run.as_str().into())]);
    let records = transaction.all(NEXT, run).await.doing(what)?;
    let record = records.into_iter().next().ok_or_else(|| bug(what))?;
    Fields::of(record).integer().ok_or_else(|| bug(what))
}

/// Writes one entry at a position.
pub(super) async fn insert(
    transaction: &mut Transaction,
    position: i64,
    entry: &LedgerEntry,
) -> Result<(), StoreError> {
    let table = &entry.table;
    entry.require_whole()?;
    let too_large = || bug("pack an entry of the ledger").at(table);
    let before = match &entry.before {
        Some(rows) => ValueSend::Bytes(pack_rows(rows).map_err(|_| too_large())?),
        None => ValueSend::Null,
    };
    let rows = i64::try_from(entry.keys.len()).map_err(|_| too_large())?;
    let keys = pack_versioned_keys(&entry.keys).map_err(|_| too_large())?;
    let values = parameters([
        ("run", entry.run.as_str().into()),
        ("position", position.into()),
        ("schema", table.schema.as_str().into()),
        ("table", table.table.as_str().into()),
        ("part", entry.part.into()),
        ("operation", entry.operation.as_str().into()),
        ("rows", rows.into()),
        ("keys", ValueSend::Bytes(keys)),
        (
            "after",
            ValueSend::Bytes(entry.after.as_flattened().to_vec()),
        ),
        ("before", before),
    ]);
    let written = transaction.all(WRITE, values).await;
    written.doing_at("write the ledger", table).map(drop)
}

/// All entries of a run, in the order in which they were written, one in memory twice at a time.
pub(super) async fn read(
    transaction: &mut Transaction,
    store: &StoreName,
    run: &RunId,
) -> Result<Ledger, StoreError> {
    let what = "read the ledger";
    let mut entries = Vec::new();
    for position in 0..count(transaction, run).await? {
        let at = parameters([("run", run.as_str().into()), ("position", position.into())]);
        let records = transaction.all(READ, at).await.doing(what)?;
        let record = records.into_iter().next().ok_or_else(|| bug(what))?;
        let entry = unpack(record, store, run);
        entries.push(entry.ok_or_else(|| bug("unpack an entry of the ledger"))?);
    }
    Ok(entries)
}

fn unpack(record: Record, store: &StoreName, run: &RunId) -> Option<LedgerEntry> {
    let mut fields = Fields::of(record);
    let table = TableRef::new(store, fields.text()?, fields.text()?);
    let part = u32::try_from(fields.integer()?).ok()?;
    let operation = LedgerOperation::parse(&fields.text()?)?;
    let rows = fields.count()?;
    let keys = unpack_versioned_keys(&fields.bytes()?).ok()?;
    let after = unpack_hashes(&fields.bytes()?).ok()?;
    let before = match fields.optional_bytes()? {
        Some(bytes) => Some(unpack_rows(&bytes).ok()?),
        None => None,
    };
    let entry = LedgerEntry {
        run: run.clone(),
        table,
        part,
        operation,
        keys,
        after,
        before,
    };
    let is_whole = u64::try_from(entry.keys.len()) == Ok(rows);
    (is_whole && entry.is_whole()).then_some(entry)
}
