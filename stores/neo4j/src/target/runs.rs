//! The records of runs: committed together with the data, so that one is there if and only if its data
//! is.

use neo4j::ValueSend;
use redistrict_model::RunId;
use redistrict_store::{Epoch, RunRecord, RunState, StoreError};

use super::transactions::parameters;
use crate::bolt::{Parameters, Transaction};
use crate::error::{Context as _, bug};
use crate::record::{Fields, one_count};

const FIND: &str = "MATCH (r:RedistrictRun {id: $run}) RETURN count(r)";
const WRITE: &str = "OPTIONAL MATCH (r:RedistrictRun) WITH coalesce(max(r.position), 0) + 1 AS next \
                     CREATE (:RedistrictRun {id: $run, position: next, parent: $parent, \
                     epoch: $epoch, plan_digest: $plan_digest, state: $state})";
const SET_STATE: &str = "MATCH (r:RedistrictRun {id: $run}) SET r.state = $state RETURN count(r)";
const READ: &str = "MATCH (r:RedistrictRun) \
                    RETURN r.id, r.parent, r.epoch, r.plan_digest, r.state \
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
    let parent = match &record.parent {
        Some(parent) => parent.as_str().into(),
        None => ValueSend::Null,
    };
    let values = parameters([
        run(),
        ("parent", parent),
        ("epoch", record.epoch.0.into()),
        ("plan_digest", record.plan_digest.as_str().into()),
        ("state", record.state.as_str().into()),
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
        })
    });
    read.collect::<Option<Vec<RunRecord>>>()
        .ok_or_else(|| bug(what))
}
