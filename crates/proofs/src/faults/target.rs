//! A commit group with an effect point before and after each effect on CERT.

use std::sync::Arc;

use arrow::array::ArrayRef;
use async_trait::async_trait;
use redistrict_model::{Catalog, Column, Finding, Key, KeyRow, RunId, StoreName, Table, TableRef};
use redistrict_store::{
    Action, Applied, BatchStream, CommitOutcome, Decision, Enrolment, Fingerprint, FiresAnyway,
    KeyReader, KeyRequest, Lease, LeaseClaim, LeaseOutcome, Ledger, LedgerEntry, Merge,
    PrepareOutcome, PreparedId, Preparing, RaisedSequence, RowReader, RowRequest, RunRecord,
    RunState, StagePart, Staged, StoreError, StoreErrorKind, TableSize, TargetCapabilities,
    TargetRead, TargetStore, Traces,
};

use super::points::Points;

/// Set: no target can prepare a commit, and several of them commit one after another.
pub(crate) const ONE_AFTER_ANOTHER: &str = "REDISTRICT_ONE_AFTER_ANOTHER";

#[expect(
    clippy::disallowed_methods,
    reason = "a switch of the faulty twin alone"
)]
fn commits_alone() -> bool {
    std::env::var_os(ONE_AFTER_ANOTHER).is_some()
}

pub(super) fn wrap(inner: Arc<dyn TargetStore>, points: &Arc<Points>) -> Arc<dyn TargetStore> {
    Arc::new(PointTarget {
        inner,
        points: Arc::clone(points),
    })
}

fn lost() -> StoreError {
    StoreError::new(StoreErrorKind::Transient, "hear the answer")
}

struct PointTarget {
    inner: Arc<dyn TargetStore>,
    points: Arc<Points>,
}

impl PointTarget {
    fn group(&self) -> String {
        self.inner
            .stores()
            .first()
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    async fn around<T>(
        &self,
        what: &str,
        effect: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let what = format!("cert {what} {}", self.group());
        self.points.pass("before", &what);
        let value = effect.await?;
        match self.points.pass("after", &what) {
            true => Err(lost()),
            false => Ok(value),
        }
    }
}

#[async_trait]
impl TargetStore for PointTarget {
    fn stores(&self) -> &[StoreName] {
        self.inner.stores()
    }

    fn capabilities(&self) -> TargetCapabilities {
        self.inner.capabilities()
    }

    async fn fingerprint(&self, store: &StoreName) -> Result<Fingerprint, StoreError> {
        self.inner.fingerprint(store).await
    }

    async fn catalog(&self, store: &StoreName) -> Result<Catalog, StoreError> {
        self.inner.catalog(store).await
    }

    async fn fits(&self, size: &[TableSize]) -> Result<Option<Finding>, StoreError> {
        self.inner.fits(size).await
    }

    async fn obstacles(&self, tables: &[TableRef]) -> Result<Vec<Finding>, StoreError> {
        self.inner.obstacles(tables).await
    }

    async fn fires_anyway(&self, tables: &[TableRef]) -> Result<Vec<FiresAnyway>, StoreError> {
        self.inner.fires_anyway(tables).await
    }

    fn key_statement(&self, table: &Table) -> Option<String> {
        self.inner.key_statement(table)
    }

    fn verbatim(&self, column: &Column, values: &ArrayRef) -> Result<ArrayRef, StoreError> {
        self.inner.verbatim(column, values)
    }

    async fn preparing(&self) -> Result<Preparing, StoreError> {
        match commits_alone() {
            true => Ok(Preparing::never("a target of this proof")),
            false => self.inner.preparing().await,
        }
    }

    async fn finish(&self, id: &PreparedId, decision: Decision) -> Result<bool, StoreError> {
        self.around("finish", self.inner.finish(id, decision)).await
    }

    async fn enrolment(&self, store: &StoreName) -> Result<Option<Enrolment>, StoreError> {
        self.inner.enrolment(store).await
    }

    async fn enroll(&self, store: &StoreName, enrolment: &Enrolment) -> Result<(), StoreError> {
        self.inner.enroll(store, enrolment).await
    }

    async fn acquire_lease(&self, claim: &LeaseClaim) -> Result<LeaseOutcome, StoreError> {
        self.around("lease", self.inner.acquire_lease(claim)).await
    }

    async fn beat(&self, lease: &Lease) -> Result<(), StoreError> {
        self.inner.beat(lease).await
    }

    async fn traces(&self) -> Result<Traces, StoreError> {
        self.inner.traces().await
    }

    async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        self.around("release", self.inner.release_lease(lease))
            .await
    }

    async fn read(&self, tables: &[Table]) -> Result<Box<dyn TargetRead>, StoreError> {
        self.inner.read(tables).await
    }

    async fn stage(
        &self,
        lease: &Lease,
        table: &Table,
        part: &StagePart,
        batches: BatchStream<'_>,
    ) -> Result<Staged, StoreError> {
        self.around("stage", self.inner.stage(lease, table, part, batches))
            .await
    }

    async fn begin_merge(
        &self,
        lease: &Lease,
        tables: &[Table],
    ) -> Result<Box<dyn Merge>, StoreError> {
        let inner = self.inner.begin_merge(lease, tables).await?;
        let group = self.group();
        Ok(Box::new(PointMerge {
            inner,
            points: Arc::clone(&self.points),
            group,
        }))
    }

    async fn run_record(&self, run: &RunId) -> Result<Option<RunRecord>, StoreError> {
        self.inner.run_record(run).await
    }

    async fn run_records(&self) -> Result<Vec<RunRecord>, StoreError> {
        self.inner.run_records().await
    }

    async fn ledger(&self, run: &RunId, tables: &[Table]) -> Result<Ledger, StoreError> {
        self.inner.ledger(run, tables).await
    }

    async fn clear_staging(&self, lease: &Lease) -> Result<(), StoreError> {
        self.around("clear-staging", self.inner.clear_staging(lease))
            .await
    }
}

struct PointMerge {
    inner: Box<dyn Merge>,
    points: Arc<Points>,
    group: String,
}

impl PointMerge {
    fn pass(&self, when: &str, what: &str) -> Result<(), StoreError> {
        let what = format!("cert {what} {}", self.group);
        match self.points.pass(when, &what) {
            true => Err(lost()),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl KeyReader for PointMerge {
    async fn keys(&mut self, request: &KeyRequest) -> Result<Vec<KeyRow>, StoreError> {
        self.inner.keys(request).await
    }

    async fn count(&mut self, table: &TableRef) -> Result<u64, StoreError> {
        self.inner.count(table).await
    }
}

#[async_trait]
impl RowReader for PointMerge {
    async fn rows<'a>(
        &'a mut self,
        request: &'a RowRequest,
    ) -> Result<BatchStream<'a>, StoreError> {
        self.inner.rows(request).await
    }
}

#[async_trait]
impl Merge for PointMerge {
    async fn silence(&mut self, tables: &[TableRef]) -> Result<(), StoreError> {
        self.inner.silence(tables).await
    }

    async fn lock_staged(&mut self, table: &TableRef) -> Result<Vec<Key>, StoreError> {
        self.inner.lock_staged(table).await
    }

    async fn lock(&mut self, table: &TableRef, keys: &[Key]) -> Result<Vec<Key>, StoreError> {
        self.inner.lock(table, keys).await
    }

    async fn mark(
        &mut self,
        table: &TableRef,
        keys: &[Key],
        action: Action,
    ) -> Result<(), StoreError> {
        self.inner.mark(table, keys, action).await
    }

    async fn apply(&mut self, tables: &[TableRef]) -> Result<Vec<Applied>, StoreError> {
        self.pass("before", "apply")?;
        let applied = self.inner.apply(tables).await?;
        self.pass("after", "apply")?;
        Ok(applied)
    }

    async fn delete(&mut self, tables: &[(TableRef, Vec<Key>)]) -> Result<u64, StoreError> {
        self.pass("before", "delete")?;
        let deleted = self.inner.delete(tables).await?;
        self.pass("after", "delete")?;
        Ok(deleted)
    }

    async fn write_ledger(&mut self, entries: &[LedgerEntry]) -> Result<(), StoreError> {
        self.pass("before", "ledger")?;
        self.inner.write_ledger(entries).await?;
        self.pass("after", "ledger")
    }

    async fn set_run_state(&mut self, run: &RunId, state: RunState) -> Result<(), StoreError> {
        self.inner.set_run_state(run, state).await
    }

    async fn raise_sequences(
        &mut self,
        tables: &[TableRef],
    ) -> Result<Vec<RaisedSequence>, StoreError> {
        self.pass("before", "sequences")?;
        let raised = self.inner.raise_sequences(tables).await?;
        self.pass("after", "sequences")?;
        Ok(raised)
    }

    async fn check_constraints(&mut self) -> Result<(), StoreError> {
        self.inner.check_constraints().await
    }

    async fn commit(self: Box<Self>, record: &RunRecord) -> Result<CommitOutcome, StoreError> {
        let Self {
            inner,
            points,
            group,
        } = *self;
        points.pass("before", &format!("cert commit {group}"));
        let outcome = inner.commit(record).await?;
        let is_lost = points.pass("after", &format!("cert commit {group}"));
        Ok(if is_lost {
            CommitOutcome::Unknown
        } else {
            outcome
        })
    }

    async fn prepare(
        self: Box<Self>,
        record: &RunRecord,
        id: &PreparedId,
    ) -> Result<PrepareOutcome, StoreError> {
        let Self {
            inner,
            points,
            group,
        } = *self;
        points.pass("before", &format!("cert prepare {group}"));
        let outcome = inner.prepare(record, id).await?;
        let is_lost = points.pass("after", &format!("cert prepare {group}"));
        Ok(if is_lost {
            PrepareOutcome::Unknown
        } else {
            outcome
        })
    }
}
