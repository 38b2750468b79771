//! A world for one test: a PROD and a CERT database, the product's stores on them, and the steps of a
//! migration without any skill.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use redistrict_model::{Catalog, Key, RunId, StoreName, Table, TableRef};
use redistrict_postgres::{PostgresSource, PostgresTarget};
use redistrict_store::{
    CommitOutcome, Enrolment, KeyRequest, Lease, LeaseOutcome, Merge, RowRequest, RunRecord,
    RunState, Selector, SourceCut, SourceStore, StagePart, StoreError, TargetStore,
};
use redistrict_testkit::postgres::{RoleKind, TestServer};

pub(crate) use arrow::array::RecordBatch;

pub(crate) struct World {
    pub(crate) server: &'static TestServer,
    pub(crate) prod: String,
    pub(crate) cert: String,
    pub(crate) source: PostgresSource,
    pub(crate) target: PostgresTarget,
    pub(crate) store: StoreName,
}

impl World {
    /// PROD is read by a role with SELECT only, CERT is written by its owner.
    pub(crate) async fn new() -> Self {
        let server = TestServer::start();
        let (prod, cert) = (
            server.create_database().await,
            server.create_database().await,
        );
        Self::of(server, prod, cert).await
    }

    /// The same with databases of these encodings.
    pub(crate) async fn encoded(prod: &str, cert: &str) -> Self {
        let server = TestServer::start();
        let (prod, cert) = (encoded(server, prod).await, encoded(server, cert).await);
        Self::of(server, prod, cert).await
    }

    async fn of(server: &'static TestServer, prod: String, cert: String) -> Self {
        let reader = server.create_role(&prod, RoleKind::Reader).await;
        let store = StoreName::new("ids");
        let world = Self {
            server,
            source: PostgresSource::connect_lazy(store.clone(), reader, Vec::new()),
            target: PostgresTarget::new(store.clone(), cert.clone(), Vec::new()),
            prod,
            cert,
            store,
        };
        world.enroll().await;
        world
    }

    async fn enroll(&self) {
        let enrolment = Enrolment {
            uuid: "0".repeat(32),
            name: "cert".into(),
            at: "2025-01-01T00:00:00Z".into(),
            fingerprint: self.target.fingerprint(&self.store).await.unwrap(),
        };
        self.target.enroll(&self.store, &enrolment).await.unwrap();
        assert_eq!(
            self.target.enrolment(&self.store).await.unwrap(),
            Some(enrolment)
        );
    }

    pub(crate) async fn both(&self, sql: &str) {
        self.server.psql(&self.prod, sql).await;
        self.server.psql(&self.cert, sql).await;
    }

    pub(crate) fn table(&self, name: &str) -> TableRef {
        TableRef::new(&self.store, "public", name)
    }

    pub(crate) async fn catalog(&self) -> Catalog {
        self.source.catalog().await.unwrap()
    }

    pub(crate) async fn lease(&self, run: &str) -> Lease {
        let claim = redistrict_testkit::claims::claim(&RunId::new(run), true);
        match self.target.acquire_lease(&claim).await.unwrap() {
            LeaseOutcome::Held(lease) => lease,
            other => panic!("no lease: {other:?}"),
        }
    }

    /// Stages all rows of these tables of PROD.
    pub(crate) async fn stage_all(&self, lease: &Lease, tables: &[Table]) {
        let mut cut = self.source.open_cut(tables).await.unwrap();
        for table in tables {
            let batches = read_all(cut.as_mut(), table).await.unwrap();
            self.stage(lease, table, batches).await.unwrap();
        }
    }

    pub(crate) async fn stage(
        &self,
        lease: &Lease,
        table: &Table,
        batches: Vec<RecordBatch>,
    ) -> Result<u64, StoreError> {
        let part = StagePart {
            table: table.name.clone(),
            part: 0,
            columns: writable(table),
            identity: table.identity().unwrap_or_default().to_vec(),
        };
        let stream = stream::iter(batches.into_iter().map(Ok)).boxed();
        Ok(self.target.stage(lease, table, &part, stream).await?.rows)
    }

    /// Moves all rows of these tables from PROD to CERT as inserts, in one statement.
    pub(crate) async fn move_all(&self, run: &str, tables: &[Table]) -> Result<(), StoreError> {
        let lease = self.lease(run).await;
        self.stage_all(&lease, tables).await;
        let mut merge = self.target.begin_merge(&lease, tables).await?;
        let names: Vec<TableRef> = tables.iter().map(|table| table.name.clone()).collect();
        merge.apply(&names).await?;
        merge.check_constraints().await?;
        commit(merge, &lease).await?;
        self.target.clear_staging(&lease).await?;
        self.target.release_lease(&lease).await
    }

    /// The sorted texts of all rows, by the server.
    pub(crate) async fn dump(&self, url: &str, table: &str) -> Vec<String> {
        let sql = format!("set timezone = 'UTC'; select t::text from {table} as t order by 1");
        let rows = self.server.query(url, &sql).await;
        rows.into_iter()
            .map(|mut row| row.remove(0).unwrap())
            .collect()
    }
}

async fn encoded(server: &TestServer, encoding: &str) -> String {
    let url = server.create_database().await;
    let (_, name) = url.rsplit_once('/').unwrap();
    let encoded = format!("{name}_{}", encoding.to_lowercase());
    let make = format!(
        "create database {encoded} template template0 encoding '{encoding}' lc_collate 'C' lc_ctype 'C'"
    );
    server.psql(server.url(), &make).await;
    url.replace(name, &encoded)
}

pub(crate) async fn commit(
    merge: Box<dyn Merge>,
    lease: &Lease,
) -> Result<CommitOutcome, StoreError> {
    let record = RunRecord {
        run: lease.run.clone(),
        parent: None,
        epoch: lease.epoch,
        plan_digest: "digest".into(),
        state: RunState::Committed,
        origin: None,
    };
    merge.commit(&record).await
}

/// The columns that are written.
pub(crate) fn writable(table: &Table) -> Vec<String> {
    let is_stored = |generated| generated == redistrict_model::Generated::Stored;
    let columns = table
        .columns
        .iter()
        .filter(|column| !is_stored(column.generated));
    columns.map(|column| column.name.clone()).collect()
}

pub(crate) async fn all_keys(
    cut: &mut dyn SourceCut,
    table: &Table,
) -> Result<Vec<Key>, StoreError> {
    let request = KeyRequest {
        table: table.name.clone(),
        columns: Vec::new(),
        selector: Selector::All,
    };
    let mut keys: Vec<Key> = cut
        .keys(&request)
        .await?
        .into_iter()
        .map(|row| row.id)
        .collect();
    keys.sort();
    Ok(keys)
}

pub(crate) async fn read_all(
    cut: &mut dyn SourceCut,
    table: &Table,
) -> Result<Vec<RecordBatch>, StoreError> {
    let request = RowRequest {
        table: table.name.clone(),
        columns: writable(table),
        identity: table.identity().unwrap_or_default().to_vec(),
        keys: all_keys(cut, table).await?,
    };
    cut.rows(&request).await?.try_collect().await
}
