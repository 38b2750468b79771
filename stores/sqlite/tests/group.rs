//! A folder with a source and the targets of a commit group, for the tests of this kind's own.

use std::path::Path;
use std::time::Duration;

use redistrict_model::{Catalog, RunId, StoreName, Table, TableRef};
use redistrict_sqlite::{SqliteSource, SqliteTarget};
use redistrict_store::{
    Enrolment, KeyRequest, Lease, LeaseOutcome, RowRequest, RunRecord, RunState, Selector,
    SourceStore, StagePart, TargetStore,
};
use tempfile::TempDir;

use crate::harness::{Plain, empty};

/// A source `prod.db` and targets `0.db`, `1.db`, … in one folder.
pub(crate) struct Group {
    pub(crate) folder: TempDir,
    pub(crate) target: SqliteTarget,
}

pub(crate) fn store(number: usize) -> StoreName {
    StoreName::new(format!("s{number}"))
}

impl Group {
    pub(crate) async fn of(files: usize, ddl: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: String| folder.path().join(name);
        for name in (0..files)
            .map(|n| format!("{n}.db"))
            .chain(["prod.db".to_owned()])
        {
            empty(&path(name.clone()), "delete");
            Plain(path(name)).connection().execute_batch(ddl).unwrap();
        }
        let stores = (0..files)
            .map(|n| (store(n), path(format!("{n}.db"))))
            .collect();
        let target = SqliteTarget::new(stores).with_busy_timeout(Duration::from_millis(60));
        let group = Self { target, folder };
        for number in 0..files {
            let mark = Enrolment {
                uuid: "0".repeat(32),
                name: "cert".into(),
                at: "2024-02-29T12:00:00Z".into(),
                fingerprint: group.target.fingerprint(&store(number)).await.unwrap(),
            };
            group.target.enroll(&store(number), &mark).await.unwrap();
        }
        group
    }

    pub(crate) fn plain(&self, name: &str) -> Plain {
        Plain(self.folder.path().join(name))
    }

    pub(crate) fn run(&self, name: &str, sql: &str) {
        self.plain(name).connection().execute_batch(sql).unwrap();
    }

    pub(crate) async fn lease(&self) -> Lease {
        let claim = redistrict_testkit::claims::claim(&RunId::new("mig-1"), false);
        match self.target.acquire_lease(&claim).await.unwrap() {
            LeaseOutcome::Held(lease) => lease,
            other => panic!("no lease: {other:?}"),
        }
    }

    pub(crate) async fn tables(&self, files: usize) -> Vec<Table> {
        let mut tables = Vec::new();
        for number in 0..files {
            tables.extend(self.target.catalog(&store(number)).await.unwrap().tables);
        }
        tables
    }

    /// Stages the rows of PROD's table into the table of that name of a store.
    pub(crate) async fn stage(&self, lease: &Lease, number: usize, name: &str) {
        let source = SqliteSource::new(store(number), self.folder.path().join("prod.db"));
        let table = source.catalog().await.unwrap();
        let table = table
            .table(&TableRef::new(&store(number), "main", name))
            .unwrap()
            .clone();
        let identity = table.identity().unwrap().to_vec();
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect();
        let mut cut = source.open_cut(std::slice::from_ref(&table)).await.unwrap();
        let all = KeyRequest {
            table: table.name.clone(),
            columns: vec![],
            selector: Selector::All,
        };
        let keys = cut
            .keys(&all)
            .await
            .unwrap()
            .into_iter()
            .map(|row| row.id)
            .collect();
        let request = RowRequest {
            table: table.name.clone(),
            columns: columns.clone(),
            identity: identity.clone(),
            keys,
        };
        let stream = cut.rows(&request).await.unwrap();
        let part = StagePart {
            table: table.name.clone(),
            part: 0,
            columns,
            identity,
        };
        self.target
            .stage(lease, &table, &part, stream)
            .await
            .unwrap();
    }
}

pub(crate) fn record(lease: &Lease) -> RunRecord {
    RunRecord {
        run: lease.run.clone(),
        parent: None,
        epoch: lease.epoch,
        plan_digest: "p".into(),
        state: RunState::Committed,
        origin: None,
    }
}

pub(crate) fn source(path: &Path) -> SqliteSource {
    SqliteSource::new(store(0), path.to_owned())
}

pub(crate) async fn catalog_of(ddl: &str) -> (Group, Catalog) {
    let group = Group::of(0, ddl).await;
    let catalog = source(&group.folder.path().join("prod.db"))
        .catalog()
        .await
        .unwrap();
    (group, catalog)
}

pub(crate) fn table<'a>(catalog: &'a Catalog, name: &str) -> &'a Table {
    catalog
        .table(&TableRef::new(&store(0), "main", name))
        .unwrap()
}
