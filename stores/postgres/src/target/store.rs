//! CERT's store. Each call has a session to itself, named after the run and the epoch it works for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use redistrict_model::{Catalog, Finding, RunId, StoreName, Table, TableRef};
use redistrict_store::{
    BatchStream, Decision, Enrolment, Fingerprint, FiresAnyway, Lease, LeaseClaim, LeaseOutcome,
    Ledger, LedgerOperation, Merge, PreparedId, Preparing, RunRecord, Secret, StagePart, Staged,
    StoreError, TargetCapabilities, TargetRead, TargetStore, Traces,
};
use tokio_postgres::types::Type;

use super::lease::{self, begin, commit, own_failed};
use super::merge::PostgresMerge;
use super::view::View;
use super::{ledger, obstacles, prepared, silence, stage};
use crate::catalog;
use crate::connect::{Session, Target, label};
use crate::error::{bug, failed};
use crate::live::LiveTables;

const ENROLL: &str = include_str!("../../sql/enroll.sql");
const MARK_ENVIRONMENT: &str = include_str!("../../sql/mark_environment.sql");
/// `select pg_advisory_xact_lock`: two enrolments of one database follow each other.
const LOCK_ENROLMENT: &str = "select pg_advisory_xact_lock(7236837546871)";

/// A PostgreSQL database that is written: a commit group of one store.
#[derive(Clone, Debug)]
pub struct PostgresTarget {
    stores: [StoreName; 1],
    url: Secret,
    schemas: Vec<String>,
    idle: Arc<Idle>,
}

/// Sessions between two calls, outside of any transaction. All belong to one lease: they are closed
/// when another one is taken or this one is given back, so that nobody takes them for a writer.
#[derive(Debug, Default)]
struct Idle(Mutex<Vec<(String, Session<Target>)>>);

impl Idle {
    fn take(&self, label: &str) -> Option<Session<Target>> {
        let mut sessions = self.sessions();
        sessions.retain(|(kept, session)| kept == label && !session.is_closed());
        sessions.pop().map(|(_, session)| session)
    }

    fn put(&self, label: String, session: Session<Target>) {
        self.sessions().push((label, session));
    }

    fn close(&self) {
        self.sessions().clear();
    }

    fn sessions(&self) -> MutexGuard<'_, Vec<(String, Session<Target>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PostgresTarget {
    /// Connects to nobody yet. `url` is `postgres://…` or a keyword string; no schemas mean every
    /// non-system schema. One value per target database.
    #[must_use]
    pub fn new(name: StoreName, url: String, schemas: Vec<String>) -> Self {
        Self {
            stores: [name],
            url: Secret::new(url),
            schemas,
            idle: Arc::default(),
        }
    }

    /// A session outside of any transaction and any lease.
    pub(crate) async fn probing(&self) -> Result<Session<Target>, StoreError> {
        Session::open(&self.url, &label("probe", 0)).await
    }

    /// A session named after the lease: an idle one, or a new one.
    async fn working(&self, lease: &Lease) -> Result<Session<Target>, StoreError> {
        let label = label(lease.run.as_str(), lease.epoch.0);
        match self.idle.take(&label) {
            Some(session) => Ok(session),
            None => Session::open(&self.url, &label).await,
        }
    }

    /// Keeps a session whose transaction is over for the next call of the same lease.
    fn keep(&self, lease: &Lease, session: Session<Target>) {
        self.idle
            .put(label(lease.run.as_str(), lease.epoch.0), session);
    }

    fn check(&self, store: &StoreName) -> Result<(), StoreError> {
        let is_ours = self.stores.contains(store);
        if is_ours {
            Ok(())
        } else {
            Err(bug(format!("find store {store} in this commit group")))
        }
    }
}

#[async_trait]
impl TargetStore for PostgresTarget {
    fn stores(&self) -> &[StoreName] {
        &self.stores
    }

    fn capabilities(&self) -> TargetCapabilities {
        TargetCapabilities {
            defers_foreign_keys: false,
            open_schema: false,
        }
    }

    async fn fingerprint(&self, store: &StoreName) -> Result<Fingerprint, StoreError> {
        self.check(store)?;
        Ok(catalog::fingerprint(&self.probing().await?).await?.0)
    }

    async fn catalog(&self, store: &StoreName) -> Result<Catalog, StoreError> {
        self.check(store)?;
        catalog::read(&self.probing().await?, store, &self.schemas).await
    }

    async fn obstacles(&self, tables: &[TableRef]) -> Result<Vec<Finding>, StoreError> {
        let [store] = &self.stores;
        obstacles::find(&self.probing().await?, store, tables).await
    }

    async fn fires_anyway(&self, tables: &[TableRef]) -> Result<Vec<FiresAnyway>, StoreError> {
        silence::fires_anyway(self.probing().await?.client(), tables).await
    }

    async fn preparing(&self) -> Result<Preparing, StoreError> {
        prepared::preparing(self.probing().await?.client()).await
    }

    async fn enrolment(&self, store: &StoreName) -> Result<Option<Enrolment>, StoreError> {
        self.check(store)?;
        let session = self.probing().await?;
        let client = session.client();
        let sql = "select to_regclass('redistrict_meta.environment') is not null";
        let there = client.query_typed(sql, &[]).await;
        let there = there.map_err(|error| failed("look for the enrolment mark", &error))?;
        if !there.first().is_some_and(|row| row.get(0)) {
            return Ok(None);
        }
        let sql = "select uuid, name, at, fingerprint from redistrict_meta.environment";
        let rows = client
            .query_typed(sql, &[])
            .await
            .map_err(|error| failed("read the enrolment mark", &error))?;
        Ok(rows.first().map(|row| Enrolment {
            uuid: row.get("uuid"),
            name: row.get("name"),
            at: row.get("at"),
            fingerprint: Fingerprint(row.get("fingerprint")),
        }))
    }

    async fn enroll(&self, store: &StoreName, enrolment: &Enrolment) -> Result<(), StoreError> {
        self.check(store)?;
        let session = self.probing().await?;
        let client = session.client();
        let refused = |error| {
            let mut mapped = failed(
                "make the schemas redistrict_meta and redistrict_stage",
                &error,
            );
            if mapped
                .code
                .as_deref()
                .is_some_and(|code| code.starts_with("42501"))
            {
                mapped = mapped.with_hint(
                    "`redistrict init --grants` prints what the administrator of CERT runs, once: the role may not make schemas, or nothing in these",
                );
            }
            mapped
        };
        begin(client).await?;
        client
            .query_typed(LOCK_ENROLMENT, &[])
            .await
            .map_err(refused)?;
        client.batch_execute(ENROLL).await.map_err(refused)?;
        client
            .execute_typed(
                MARK_ENVIRONMENT,
                &[
                    (&enrolment.uuid, Type::TEXT),
                    (&enrolment.name, Type::TEXT),
                    (&enrolment.at, Type::TEXT),
                    (&enrolment.fingerprint.0, Type::TEXT),
                ],
            )
            .await
            .map_err(|error| own_failed("write the enrolment mark", &error))?;
        commit(client, "write the enrolment mark").await
    }

    async fn acquire_lease(&self, claim: &LeaseClaim) -> Result<LeaseOutcome, StoreError> {
        self.idle.close();
        lease::acquire(&self.probing().await?, claim).await
    }

    async fn beat(&self, lease: &Lease) -> Result<(), StoreError> {
        let session = self.working(lease).await?;
        lease::beat(session.client(), lease).await?;
        self.keep(lease, session);
        Ok(())
    }

    async fn traces(&self) -> Result<Traces, StoreError> {
        lease::traces(self.probing().await?.client()).await
    }

    async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        self.idle.close();
        lease::release(self.probing().await?.client(), lease).await
    }

    async fn read(&self, tables: &[Table]) -> Result<Box<dyn TargetRead>, StoreError> {
        Ok(Box::new(View::open(self.probing().await?, tables).await?))
    }

    async fn stage(
        &self,
        lease: &Lease,
        table: &Table,
        part: &StagePart,
        batches: BatchStream<'_>,
    ) -> Result<Staged, StoreError> {
        if table.name != part.table {
            return Err(bug("stage rows of another table").at(&part.table));
        }
        let session = self.working(lease).await?;
        let tables = LiveTables::look_up(&session, std::slice::from_ref(table)).await?;
        let live = tables.table(&part.table)?;
        let staged = stage::stage(&session, lease, live, part, batches).await?;
        self.keep(lease, session);
        Ok(staged)
    }

    async fn begin_merge(
        &self,
        lease: &Lease,
        tables: &[Table],
    ) -> Result<Box<dyn Merge>, StoreError> {
        let session = self.working(lease).await?;
        let [store] = &self.stores;
        Ok(Box::new(
            PostgresMerge::begin(session, store, lease, tables).await?,
        ))
    }

    async fn run_record(&self, run: &RunId) -> Result<Option<RunRecord>, StoreError> {
        let session = self.probing().await?;
        Ok(ledger::runs(session.client(), Some(run))
            .await?
            .into_iter()
            .next())
    }

    async fn run_records(&self) -> Result<Vec<RunRecord>, StoreError> {
        ledger::runs(self.probing().await?.client(), None).await
    }

    async fn ledger(&self, run: &RunId, _tables: &[Table]) -> Result<Ledger, StoreError> {
        ledger::read(self.probing().await?.client(), run, None).await
    }

    async fn ledger_of(
        &self,
        run: &RunId,
        _tables: &[Table],
        operations: &[LedgerOperation],
    ) -> Result<Ledger, StoreError> {
        ledger::read(self.probing().await?.client(), run, Some(operations)).await
    }

    async fn finish(&self, prepared: &PreparedId, decision: Decision) -> Result<bool, StoreError> {
        // Named after the attempt: whoever takes the run over ends this session as well.
        let label = label(prepared.run.as_str(), prepared.epoch.0);
        let session = Session::open(&self.url, &label).await?;
        prepared::finish(session.client(), prepared, decision).await
    }

    async fn clear_staging(&self, lease: &Lease) -> Result<(), StoreError> {
        let session = self.working(lease).await?;
        stage::clear(session.client(), lease).await?;
        self.keep(lease, session);
        Ok(())
    }
}
