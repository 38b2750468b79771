//! Stages the masked artifact: each of its parts exactly once, in the order of the manifest.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use futures::StreamExt;
use futures::stream;
use redistrict_artifact::{Artifact, ArtifactError};
use redistrict_model::{LoadGroup, Membership, TableRef, UnitKey};
use redistrict_skill::{Progress, SkillError, UnitContext, UnitOutcome};
use redistrict_store::{StagePart, StoreError, StoreErrorKind, TargetStore};
use serde_json::json;

use crate::error::{artifact_failed, bug, store_failed};
use crate::held::as_held;
use crate::session::Session;
use crate::shape::Shape;

type Batches = dyn Iterator<Item = Result<(RecordBatch, Vec<Membership>), ArtifactError>> + Send;

/// The unit: all parts of one table.
pub(crate) async fn run(
    session: &Session,
    group: &LoadGroup,
    table: &TableRef,
    unit: &UnitKey,
    context: &UnitContext,
) -> Result<UnitOutcome, SkillError> {
    let artifact = session.artifact(context)?;
    let rows = artifact
        .manifest()
        .table(table)
        .map_or(0, |entry| entry.rows);
    if rows == 0 {
        return Ok(UnitOutcome {
            facts: json!({ "staged": 0 }),
            ..UnitOutcome::default()
        });
    }
    let lease = session.lease(group, context).await?;
    let target = session.target(group)?;
    let shape = Shape::of(&context.plan, table)?;
    let parts = artifact
        .manifest()
        .table(table)
        .map(|entry| entry.parts.as_slice())
        .unwrap_or_default();
    let source = Arc::new(Source::new(&artifact, &shape, target));
    let mut staged = 0;
    for (number, part) in parts.iter().enumerate() {
        context.cancel.check()?;
        let stage = StagePart {
            table: table.clone(),
            part: u32::try_from(number).map_err(|_| bug("number the parts of the artifact"))?,
            columns: shape.columns.clone(),
            identity: shape.identity.clone(),
        };
        let batches = source.part(part.rows);
        let done = target.stage(&lease, &shape.table, &stage, batches).await;
        let done = done.map_err(|error| source.explain(table, &error))?;
        source.skip_rest()?;
        if done.rows != part.rows {
            return Err(bug(format!(
                "stage {table}: {} of {} rows of part {number} arrived",
                done.rows, part.rows
            )));
        }
        staged += done.rows;
        context.progress.progress(Progress {
            unit: unit.clone(),
            subject: table.to_string(),
            rows_done: staged,
            rows_expected: Some(rows),
        });
    }
    Ok(UnitOutcome {
        rows: staged,
        facts: json!({ "staged": staged }),
        ..UnitOutcome::default()
    })
}

/// The rows of the artifact, handed out part by part; a batch never spans two parts.
struct Source<'a> {
    state: Mutex<SourceState>,
    shape: &'a Shape,
    target: &'a dyn TargetStore,
}

struct SourceState {
    batches: Box<Batches>,
    /// Rows of the current part that were not read yet.
    left: u64,
    failed: Option<ArtifactError>,
}

impl<'a> Source<'a> {
    fn new(artifact: &Artifact, shape: &'a Shape, target: &'a dyn TargetStore) -> Self {
        Self {
            state: Mutex::new(SourceState {
                batches: Box::new(artifact.rows(shape.name())),
                left: 0,
                failed: None,
            }),
            shape,
            target,
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut SourceState) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The batches of the next part.
    fn part(self: &Arc<Self>, rows: u64) -> redistrict_store::BatchStream<'a> {
        self.with(|state| state.left = rows);
        let source = Arc::clone(self);
        stream::iter(std::iter::from_fn(move || source.next())).boxed()
    }

    fn next(&self) -> Option<Result<RecordBatch, StoreError>> {
        self.with(|state| {
            if state.left == 0 || state.failed.is_some() {
                return None;
            }
            let fail = |what: &str| Some(Err(StoreError::new(StoreErrorKind::Data, what)));
            match state.batches.next() {
                None => fail("read as many rows as the manifest says"),
                Some(Err(error)) => {
                    state.failed = Some(error);
                    fail("read the masked artifact")
                }
                Some(Ok((batch, _))) => {
                    state.left = state.left.saturating_sub(batch.num_rows() as u64);
                    Some(as_held(&batch, self.shape, self.target))
                }
            }
        })
    }

    /// Passes over what a store that had the part already did not read.
    fn skip_rest(&self) -> Result<(), SkillError> {
        while let Some(batch) = self.next() {
            batch.map_err(|error| self.explain_read(&error))?;
        }
        Ok(())
    }

    /// What really happened: the artifact's failure if it had one.
    fn explain(&self, table: &TableRef, error: &StoreError) -> SkillError {
        match self.with(|state| state.failed.take()) {
            Some(cause) => artifact_failed("read the masked artifact", &cause),
            None => store_failed(format!("stage {table}"), error),
        }
    }

    fn explain_read(&self, error: &StoreError) -> SkillError {
        match self.with(|state| state.failed.take()) {
            Some(cause) => artifact_failed("read the masked artifact", &cause),
            None => store_failed("read the masked artifact", error),
        }
    }
}
