//! The ledger and the run records: what was written, in the transaction of the rows themselves.

use redistrict_model::RunId;
use redistrict_store::{
    Epoch, Ledger, LedgerEntry, LedgerOperation, RunOrigin, RunRecord, RunState, StoreError,
    StoreErrorKind, packing,
};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error, Row};

use super::lease::{is_missing, own_failed};
use crate::error::{bug, failed_at};

const SELECT_RUNS: &str =
    "select run_id, parent, epoch, plan_digest, state, district, key_id from redistrict_meta.run";

/// Appends one entry.
pub(super) async fn write(client: &Client, entry: &LedgerEntry) -> Result<(), StoreError> {
    entry.require_whole()?;
    let refused = |_| bug("pack a ledger entry").at(&entry.table);
    let keys = packing::pack_keys(&entry.keys).map_err(refused)?;
    let after = entry.after.as_flattened();
    let before = entry
        .before
        .as_ref()
        .map(packing::pack_rows)
        .transpose()
        .map_err(refused)?;
    let sql = "insert into redistrict_meta.ledger \
               (run_id, table_name, part, operation, keys, after, before) \
               values ($1, $2, $3, $4, $5, $6, $7)";
    client
        .execute_typed(
            sql,
            &[
                (&entry.run.as_str(), Type::TEXT),
                (&entry.table.to_string(), Type::TEXT),
                (&i64::from(entry.part), Type::INT8),
                (&entry.operation.as_str(), Type::TEXT),
                (&keys, Type::BYTEA),
                (&after, Type::BYTEA),
                (&before, Type::BYTEA),
            ],
        )
        .await
        .map_err(|error| failed_at("write the ledger", &entry.table, &error))?;
    Ok(())
}

/// The entries of a run in the order of writing: all, or those of some operations.
pub(super) async fn read(
    client: &Client,
    run: &RunId,
    operations: Option<&[LedgerOperation]>,
) -> Result<Ledger, StoreError> {
    let sql = "select run_id, table_name, part, operation, keys, after, before \
               from redistrict_meta.ledger \
               where run_id = $1 and ($2::text[] is null or operation = any($2)) order by seq";
    let names = operations.map(|all| all.iter().map(|one| one.as_str()).collect::<Vec<&str>>());
    let rows = client
        .query_typed(
            sql,
            &[(&run.as_str(), Type::TEXT), (&names, Type::TEXT_ARRAY)],
        )
        .await
        .or_else(nothing_where_missing)
        .map_err(|error| own_failed("read the ledger", &error))?;
    rows.iter()
        .map(|row| entry(row).ok_or_else(damaged))
        .collect()
}

/// A target that was never enrolled has no runs.
fn nothing_where_missing(error: Error) -> Result<Vec<Row>, Error> {
    if is_missing(&error) {
        Ok(Vec::new())
    } else {
        Err(error)
    }
}

fn damaged() -> StoreError {
    StoreError::new(StoreErrorKind::Data, "read the ledger: an entry is damaged")
}

fn entry(row: &Row) -> Option<LedgerEntry> {
    let before: Option<&[u8]> = row.get("before");
    let keys = packing::unpack_keys(row.get("keys")).ok()?;
    let after = packing::unpack_hashes(row.get("after")).ok()?;
    let entry = LedgerEntry {
        run: RunId::new(row.get::<_, String>("run_id")),
        table: row.get::<_, &str>("table_name").parse().ok()?,
        part: u32::try_from(row.get::<_, i64>("part")).ok()?,
        operation: LedgerOperation::parse(row.get("operation"))?,
        keys,
        after,
        before: before.map(packing::unpack_rows).transpose().ok()?,
    };
    entry.is_whole().then_some(entry)
}

/// Inserts the run's record; one that is there already is a bug.
pub(super) async fn write_run(client: &Client, record: &RunRecord) -> Result<(), StoreError> {
    let sql = "insert into redistrict_meta.run \
               (run_id, parent, epoch, plan_digest, state, district, key_id) \
               values ($1, $2, $3, $4, $5, $6, $7)";
    let origin = record.origin.as_ref();
    client
        .execute_typed(
            sql,
            &[
                (&record.run.as_str(), Type::TEXT),
                (&record.parent.as_ref().map(RunId::as_str), Type::TEXT),
                (&record.epoch.0, Type::INT8),
                (&record.plan_digest, Type::TEXT),
                (&record.state.as_str(), Type::TEXT),
                (&origin.map(|one| one.district.as_str()), Type::TEXT),
                (&origin.map(|one| one.key.as_str()), Type::TEXT),
            ],
        )
        .await
        .map_err(|error| {
            let mut mapped = own_failed("write the run's record", &error);
            if mapped.kind == StoreErrorKind::Constraint {
                mapped.kind = StoreErrorKind::Bug;
            }
            mapped
        })?;
    Ok(())
}

/// Sets the state of another run's record.
pub(super) async fn set_state(
    client: &Client,
    run: &RunId,
    state: RunState,
) -> Result<(), StoreError> {
    let sql = "update redistrict_meta.run set state = $2 where run_id = $1";
    let changed = client
        .execute_typed(
            sql,
            &[(&run.as_str(), Type::TEXT), (&state.as_str(), Type::TEXT)],
        )
        .await
        .map_err(|error| own_failed("set the state of a run", &error))?;
    if changed == 1 {
        Ok(())
    } else {
        Err(bug("set the state of a run that is not there"))
    }
}

/// The record of one run, or of all, oldest first.
pub(super) async fn runs(
    client: &Client,
    run: Option<&RunId>,
) -> Result<Vec<RunRecord>, StoreError> {
    let refused = |error| own_failed("read the run records", &error);
    let rows = match run {
        Some(run) => {
            let sql = format!("{SELECT_RUNS} where run_id = $1");
            client
                .query_typed(&sql, &[(&run.as_str(), Type::TEXT)])
                .await
        }
        None => {
            let sql = format!("{SELECT_RUNS} order by seq");
            client.query_typed(&sql, &[]).await
        }
    };
    let rows = rows.or_else(nothing_where_missing).map_err(refused)?;
    rows.iter()
        .map(|row| record(row).ok_or_else(damaged))
        .collect()
}

fn record(row: &Row) -> Option<RunRecord> {
    let state: &str = row.get("state");
    let origin = |(district, key)| RunOrigin { district, key };
    let district: Option<String> = row.get("district");
    Some(RunRecord {
        run: RunId::new(row.get::<_, String>("run_id")),
        parent: row.get::<_, Option<String>>("parent").map(RunId::new),
        epoch: Epoch(row.get("epoch")),
        plan_digest: row.get("plan_digest"),
        state: RunState::parse(state)?,
        origin: district.zip(row.get("key_id")).map(origin),
    })
}
