//! Faults on any target: fail before doing, fail after doing (the reply is lost), and the death of the
//! process at either moment, at the n-th call of the contract.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::ArrayRef;
use async_trait::async_trait;
use futures::future::BoxFuture;
use redistrict_model::{Catalog, Column, Finding, Key, KeyRow, RunId, StoreName, Table, TableRef};
use redistrict_store::{
    Action, Applied, BatchStream, CommitOutcome, Decision, Enrolment, Fingerprint, FiresAnyway,
    KeyReader, KeyRequest, Lease, LeaseClaim, LeaseOutcome, Ledger, LedgerEntry, Merge,
    PrepareOutcome, PreparedId, Preparing, RaisedSequence, RowReader, RowRequest, RunRecord,
    RunState, StagePart, Staged, StoreError, StoreErrorKind, TableSize, TargetCapabilities,
    TargetRead, TargetStore, Traces,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    FailBefore,
    FailAfter,
    DieBefore,
    DieAfter,
}

impl Fault {
    pub(crate) const ALL: [Self; 4] = [
        Self::FailBefore,
        Self::FailAfter,
        Self::DieBefore,
        Self::DieAfter,
    ];
}

/// What others do right before the first such call on that table.
pub(crate) struct Meanwhile {
    pub(crate) call: &'static str,
    pub(crate) table: TableRef,
    pub(crate) work: BoxFuture<'static, ()>,
}

/// What shall go wrong, shared by all targets of a process.
#[derive(Default)]
pub(crate) struct Faults {
    at: Vec<(usize, Fault)>,
    /// A store that is gone for good from that call on.
    gone: Option<(usize, &'static str)>,
    /// A call of this name on this store fails for good.
    refused: Option<(&'static str, &'static str)>,
    calls: AtomicUsize,
    is_dead: AtomicBool,
    names: Mutex<Vec<&'static str>>,
    key_requests: Mutex<Vec<KeyRequest>>,
    meanwhile: Mutex<Option<Meanwhile>>,
    /// At that call, a commit, the process dies, and the server commits later: when somebody asks for the
    /// lease, whom it lets have it after that.
    late_at: Option<usize>,
    under_way: Arc<Mutex<Option<UnderWay>>>,
}

/// A commit that a server has not come to yet.
struct UnderWay {
    store: StoreName,
    merge: Box<dyn Merge>,
    record: RunRecord,
}

impl Faults {
    pub(crate) fn none() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn at(call: usize, fault: Fault) -> Arc<Self> {
        Arc::new(Self {
            at: vec![(call, fault)],
            ..Self::default()
        })
    }

    /// Two faults of one process.
    pub(crate) fn both(first: (usize, Fault), second: (usize, Fault)) -> Arc<Self> {
        Arc::new(Self {
            at: vec![first, second],
            ..Self::default()
        })
    }

    /// A fault, and whatever is called next fails so many times.
    pub(crate) fn at_and_then_away(call: usize, fault: Fault, calls: usize) -> Arc<Self> {
        let away = (1..=calls).map(|later| (call + later, Fault::FailBefore));
        Arc::new(Self {
            at: [(call, fault)].into_iter().chain(away).collect(),
            ..Self::default()
        })
    }

    /// The process dies at that call, a commit, which the server does when it is asked for the lease.
    pub(crate) fn late(call: usize) -> Arc<Self> {
        Arc::new(Self {
            late_at: Some(call),
            ..Self::default()
        })
    }

    /// No fault; but what the server has to do for the process before is still under way.
    pub(crate) fn none_after(before: &Self) -> Arc<Self> {
        Arc::new(Self {
            under_way: Arc::clone(&before.under_way),
            ..Self::default()
        })
    }

    /// Keeps a commit for later, if this call is the one.
    fn put_off(&self, under_way: UnderWay) -> Result<(), UnderWay> {
        if self.late_at != Some(self.calls.load(Ordering::SeqCst)) {
            return Err(under_way);
        }
        *self.under_way.lock().unwrap() = Some(under_way);
        self.is_dead.store(true, Ordering::SeqCst);
        Ok(())
    }

    async fn catch_up(&self, store: &StoreName) {
        let is_here = |one: &mut UnderWay| one.store == *store;
        let late = self.under_way.lock().unwrap().take_if(is_here);
        if let Some(UnderWay { merge, record, .. }) = late {
            merge.commit(&record).await.unwrap();
        }
    }

    /// The store goes away at that call and does not come back.
    pub(crate) fn gone(call: usize, store: &'static str) -> Arc<Self> {
        Arc::new(Self {
            gone: Some((call, store)),
            ..Self::default()
        })
    }

    pub(crate) fn refuse(call: &'static str, store: &'static str) -> Arc<Self> {
        Arc::new(Self {
            refused: Some((call, store)),
            ..Self::default()
        })
    }

    /// Refused for good, and a fault at a later call.
    pub(crate) fn refuse_and(
        call: &'static str,
        store: &'static str,
        at: usize,
        fault: Fault,
    ) -> Arc<Self> {
        Arc::new(Self {
            at: vec![(at, fault)],
            refused: Some((call, store)),
            ..Self::default()
        })
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::SeqCst)
    }

    /// The names of the calls made so far.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        self.names.lock().unwrap().clone()
    }

    pub(crate) fn meanwhile(work: Meanwhile) -> Arc<Self> {
        Arc::new(Self {
            meanwhile: Mutex::new(Some(work)),
            ..Self::default()
        })
    }

    async fn others(&self, call: &str, tables: &[TableRef]) {
        let is_now = |one: &mut Meanwhile| one.call == call && tables.contains(&one.table);
        let work = self.meanwhile.lock().unwrap().take_if(is_now);
        if let Some(work) = work {
            work.work.await;
        }
    }

    /// The keys that were asked for in merges.
    pub(crate) fn key_requests(&self) -> Vec<KeyRequest> {
        self.key_requests.lock().unwrap().clone()
    }

    fn enter(&self, name: &'static str, store: &StoreName) -> Result<Option<Fault>, StoreError> {
        if self.is_dead() {
            return Err(lost("go on after death"));
        }
        self.names.lock().unwrap().push(name);
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        if self.refused == Some((name, store.as_str())) {
            return Err(StoreError::new(
                StoreErrorKind::Constraint,
                "pass a constraint",
            ));
        }
        if self
            .gone
            .is_some_and(|(from, gone)| call >= from && gone == store.as_str())
        {
            return Err(lost("reach a store that is gone"));
        }
        let fault = self.at.iter().find(|(at, _)| *at == call);
        let fault = fault.map(|(_, fault)| *fault);
        match fault {
            Some(Fault::FailBefore) => Err(lost(name)),
            Some(Fault::DieBefore) => {
                self.is_dead.store(true, Ordering::SeqCst);
                Err(lost(name))
            }
            other => Ok(other),
        }
    }

    fn leave<T>(&self, fault: Option<Fault>, done: Result<T, StoreError>) -> Result<T, StoreError> {
        match fault {
            None => done,
            Some(fault) => {
                if fault == Fault::DieAfter {
                    self.is_dead.store(true, Ordering::SeqCst);
                }
                Err(lost("hear the answer"))
            }
        }
    }
}

fn lost(what: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Transient, what)
}

/// A target whose calls go wrong as told.
pub(crate) struct FaultyTarget {
    pub(crate) inner: Arc<dyn TargetStore>,
    pub(crate) faults: Arc<Faults>,
}

macro_rules! through {
    ($self:ident, $name:literal, $call:expr) => {{
        let fault = $self.faults.enter($name, &$self.inner.stores()[0])?;
        let done = $call.await;
        $self.faults.leave(fault, done)
    }};
}

#[async_trait]
impl TargetStore for FaultyTarget {
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
        through!(self, "catalog", self.inner.catalog(store))
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
        through!(self, "preparing", self.inner.preparing())
    }

    async fn finish(&self, id: &PreparedId, decision: Decision) -> Result<bool, StoreError> {
        through!(self, "finish", self.inner.finish(id, decision))
    }

    async fn enrolment(&self, store: &StoreName) -> Result<Option<Enrolment>, StoreError> {
        self.inner.enrolment(store).await
    }

    async fn enroll(&self, store: &StoreName, mark: &Enrolment) -> Result<(), StoreError> {
        self.inner.enroll(store, mark).await
    }

    async fn acquire_lease(&self, claim: &LeaseClaim) -> Result<LeaseOutcome, StoreError> {
        if claim.is_resume && !self.faults.is_dead() {
            self.faults.catch_up(&self.inner.stores()[0]).await;
        }
        through!(self, "acquire_lease", self.inner.acquire_lease(claim))
    }

    /// Not counted: it comes when it comes.
    async fn beat(&self, lease: &Lease) -> Result<(), StoreError> {
        self.inner.beat(lease).await
    }

    async fn traces(&self) -> Result<Traces, StoreError> {
        self.inner.traces().await
    }

    async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        through!(self, "release_lease", self.inner.release_lease(lease))
    }

    async fn read(&self, tables: &[Table]) -> Result<Box<dyn TargetRead>, StoreError> {
        through!(self, "read", self.inner.read(tables))
    }

    async fn stage(
        &self,
        lease: &Lease,
        table: &Table,
        part: &StagePart,
        batches: BatchStream<'_>,
    ) -> Result<Staged, StoreError> {
        through!(self, "stage", self.inner.stage(lease, table, part, batches))
    }

    async fn begin_merge(
        &self,
        lease: &Lease,
        tables: &[Table],
    ) -> Result<Box<dyn Merge>, StoreError> {
        let merge = through!(self, "begin_merge", self.inner.begin_merge(lease, tables))?;
        Ok(Box::new(FaultyMerge {
            merge,
            store: self.stores()[0].clone(),
            faults: Arc::clone(&self.faults),
        }))
    }

    async fn run_record(&self, run: &RunId) -> Result<Option<RunRecord>, StoreError> {
        through!(self, "run_record", self.inner.run_record(run))
    }

    async fn run_records(&self) -> Result<Vec<RunRecord>, StoreError> {
        through!(self, "run_records", self.inner.run_records())
    }

    async fn ledger(&self, run: &RunId, tables: &[Table]) -> Result<Ledger, StoreError> {
        through!(self, "ledger", self.inner.ledger(run, tables))
    }

    async fn clear_staging(&self, lease: &Lease) -> Result<(), StoreError> {
        through!(self, "clear_staging", self.inner.clear_staging(lease))
    }
}

struct FaultyMerge {
    merge: Box<dyn Merge>,
    store: StoreName,
    faults: Arc<Faults>,
}

macro_rules! merge_through {
    ($self:ident, $name:literal, $call:expr) => {{
        let fault = $self.faults.enter($name, &$self.store)?;
        let done = $call.await;
        $self.faults.leave(fault, done)
    }};
}

#[async_trait]
impl KeyReader for FaultyMerge {
    async fn keys(&mut self, request: &KeyRequest) -> Result<Vec<KeyRow>, StoreError> {
        self.faults
            .key_requests
            .lock()
            .unwrap()
            .push(request.clone());
        merge_through!(self, "keys", self.merge.keys(request))
    }

    async fn count(&mut self, table: &TableRef) -> Result<u64, StoreError> {
        merge_through!(self, "count", self.merge.count(table))
    }
}

#[async_trait]
impl RowReader for FaultyMerge {
    async fn rows<'a>(
        &'a mut self,
        request: &'a RowRequest,
    ) -> Result<BatchStream<'a>, StoreError> {
        merge_through!(self, "rows", self.merge.rows(request))
    }
}

#[async_trait]
impl Merge for FaultyMerge {
    async fn silence(&mut self, tables: &[TableRef]) -> Result<(), StoreError> {
        merge_through!(self, "silence", self.merge.silence(tables))
    }

    async fn lock_staged(&mut self, table: &TableRef) -> Result<Vec<Key>, StoreError> {
        let tables = std::slice::from_ref(table);
        self.faults.others("lock_staged", tables).await;
        merge_through!(self, "lock_staged", self.merge.lock_staged(table))
    }

    async fn lock(&mut self, table: &TableRef, keys: &[Key]) -> Result<Vec<Key>, StoreError> {
        self.faults
            .others("lock", std::slice::from_ref(table))
            .await;
        merge_through!(self, "lock", self.merge.lock(table, keys))
    }

    async fn mark(
        &mut self,
        table: &TableRef,
        keys: &[Key],
        action: Action,
    ) -> Result<(), StoreError> {
        merge_through!(self, "mark", self.merge.mark(table, keys, action))
    }

    async fn apply(&mut self, tables: &[TableRef]) -> Result<Vec<Applied>, StoreError> {
        self.faults.others("apply", tables).await;
        merge_through!(self, "apply", self.merge.apply(tables))
    }

    async fn delete(&mut self, tables: &[(TableRef, Vec<Key>)]) -> Result<u64, StoreError> {
        merge_through!(self, "delete", self.merge.delete(tables))
    }

    async fn write_ledger(&mut self, entries: &[LedgerEntry]) -> Result<(), StoreError> {
        merge_through!(self, "write_ledger", self.merge.write_ledger(entries))
    }

    async fn set_run_state(&mut self, run: &RunId, state: RunState) -> Result<(), StoreError> {
        merge_through!(self, "set_run_state", self.merge.set_run_state(run, state))
    }

    async fn raise_sequences(
        &mut self,
        tables: &[TableRef],
    ) -> Result<Vec<RaisedSequence>, StoreError> {
        merge_through!(self, "raise_sequences", self.merge.raise_sequences(tables))
    }

    async fn changed_tables(&mut self) -> Result<Vec<(TableRef, u64)>, StoreError> {
        self.merge.changed_tables().await
    }

    async fn check_constraints(&mut self) -> Result<(), StoreError> {
        merge_through!(self, "check_constraints", self.merge.check_constraints())
    }

    async fn commit(self: Box<Self>, record: &RunRecord) -> Result<CommitOutcome, StoreError> {
        let Self {
            merge,
            store,
            faults,
        } = *self;
        let under_way = UnderWay {
            store: store.clone(),
            merge,
            record: record.clone(),
        };
        let Err(UnderWay { merge, .. }) = faults.put_off(under_way) else {
            return Ok(CommitOutcome::Unknown);
        };
        let unknown = CommitOutcome::Unknown;
        ended(&faults, ("commit", &store), unknown, merge.commit(record)).await
    }

    async fn prepare(
        self: Box<Self>,
        record: &RunRecord,
        id: &PreparedId,
    ) -> Result<PrepareOutcome, StoreError> {
        let Self {
            merge,
            store,
            faults,
        } = *self;
        let unknown = PrepareOutcome::Unknown;
        let work = merge.prepare(record, id);
        ended(&faults, ("prepare", &store), unknown, work).await
    }
}

/// The end of a transaction: one that gets no answer is unknown, whether it was done or not.
async fn ended<T>(
    faults: &Faults,
    (call, store): (&'static str, &StoreName),
    unknown: T,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match faults.enter(call, store) {
        Err(error) if error.kind == StoreErrorKind::Transient => Ok(unknown),
        Err(error) => Err(error),
        Ok(fault) => match faults.leave(fault, work.await) {
            Err(_) if fault.is_some() => Ok(unknown),
            done => done,
        },
    }
}
