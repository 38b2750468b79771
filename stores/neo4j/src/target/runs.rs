//! The records of runs: committed together with the data, so that one is there if and only if its data
//! is.

use neo4j::ValueSend;
use redistrict_model::RunId;
use redistrict_store::{Epoch, RunOrigin, RunRecord, RunState, StoreError};

use super::transactions::parameters;
use crate::bolt::{Parameters, Transaction};
use crate::error::{Context as _, bug};
use crate::record::{Fields, one_count};

const FIND: &str = "MATCH (r:RedistrictRun {id: $run}) RETURN count(r)";
const WRITE: &str = "OPTIONAL MATCH (r:RedistrictRun) WITH coalesce(max(r.position), 0) + 1 AS next \
                     CREATE (:RedistrictRun {id: $run, position: next, parent: $parent, \
                     epoch: $epoch, plan_digest: $plan_digest, state: $state, \
                     district: $district, key_id: $key_id})";
const SET_STATE: &str = "MATCH (r:RedistrictRun {id: $run}) SET r.state = $state RETURN count(r)";
const READ: &str = "MATCH (r:RedistrictRun) \
                    RETURN r.id, r.parent, r.epoch, r.plan_digest, r.state, r.district, r.key_id \
                    ORDER BY r.epoch, r.position";

/// Writes the record of the run that is about to be committed.
pub(super) async fn insert(
    transaction: &mut Transaction,
    record: &RunRecord,
) -> Result<(), StoreError> {
    let what = "write the record of a run";
    let run = || ("run", ValueSend::from(record.run.as_str()));
    let found = transaction
        .all(FIND, parameters([run()]))
        .await
        .doing(what)?;
    if one_count(found) != Some(0) {
        return Err(bug(format!("{what}: {} has one already", record.run)));
    }
    let text = |text: Option<&str>| text.map_or(ValueSend::Null, ValueSend::from);
    let origin = record.origin.as_ref();
    let values = parameters([
        run(),
        ("parent", text(record.parent.as_ref().map(RunId::as_str))),
        ("epoch", record.epoch.0.into()),
        ("plan_digest", record.plan_digest.as_str().into()),
        ("state", record.state.as_str().into()),
        ("district", text(origin.map(|one| one.district.as_str()))),
        ("key_id", text(origin.map(|one| one.key.as_str()))),
    ]);
    transaction.all(WRITE, values).await.doing(what).map(drop)
}

/// Changes the state of a run that has a record.
pub(super) async fn set_state(
    transaction: &mut Transaction,
    run: &RunId,
    state: RunState,
) -> Result<(), StoreError> {
    let what = "change the state of a run";
    let values = parameters([
        ("run", run.as_str().into()),
        ("state", state.as_str().into()),
    ]);
    let changed = transaction.all(SET_STATE, values).await.doing(what)?;
    if one_count(changed) == Some(1) {
        return Ok(());
    }
    Err(bug(format!("{what}: {run} has no record")))
}

fn origin(district: Option<String>, key: Option<String>) -> Option<RunOrigin> {
    let (district, key) = district.zip(key)?;
    Some(RunOrigin { district, key })
}

/// All records, oldest first; none where nobody has enrolled the graph.
pub(super) async fn read(transaction: &mut Transaction) -> Result<Vec<RunRecord>, StoreError> {
    let what = "read the runs of a graph";
    let records = transaction.all(READ, Parameters::new()).await.doing(what)?;
    let read = records.into_iter().map(|record| {
        let mut fields = Fields::of(record);
        Some(RunRecord {
            run: RunId::new(fields.text()?),
            parent: fields.optional_text()?.map(RunId::new),
            epoch: Epoch(fields.integer()?),
            plan_digest: fields.text()?,
            state: RunState::parse(&fields.text()?)?,
            origin: origin(fields.optional_text()?, fields.optional_text()?),
        })
    });
    read.collect::<Option<Vec<RunRecord>>>()
        .ok_or_else(|| bug(what))
}
