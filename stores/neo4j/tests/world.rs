//! Two graphs and what moves rows between them: reading PROD, writing CERT, looking at both with the plain
//! client. The steps are those of a load, without its decisions.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use redistrict_model::{Key, RunId, StoreName, Table, TableRef};
use redistrict_neo4j::{Neo4jSource, Neo4jTarget};
use redistrict_store::{
    CommitOutcome, Enrolment, KeyReader, KeyRequest, Lease, LeaseOutcome, Merge, RowReader,
    RowRequest, RunRecord, RunState, Selector, SourceStore as _, StagePart, StoreError,
    TargetStore as _,
};
use redistrict_testkit::neo4j::{Graph, Neo4jPair, Neo4jServer, Parameters, ValueReceive};

pub(crate) fn store() -> StoreName {
    StoreName::new("sp")
}

pub(crate) fn run(name: &str) -> RunId {
    RunId::new(format!("mig-20240229T120000Z-{name}"))
}

pub(crate) fn nodes(label: &str) -> TableRef {
    TableRef::new(&store(), "node", label)
}

pub(crate) fn relationships(kind: &str) -> TableRef {
    TableRef::new(&store(), "rel", kind)
}

/// PROD, and CERT enrolled.
pub(crate) struct World {
    pub(crate) prod: Graph,
    pub(crate) cert: Graph,
    pub(crate) target: Neo4jTarget,
    pub(crate) server: Option<Neo4jServer>,
    _pair: Neo4jPair,
}

impl World {
    /// Two empty graphs with these constraints in both.
    pub(crate) async fn fresh(constraints: &[&str]) -> Self {
        let pair = Neo4jPair::take().await;
        let (prod, cert) = (pair.prod.clone(), pair.cert.clone());
        for graph in [&prod, &cert] {
            for constraint in constraints {
                graph.run(constraint).await;
            }
        }
        let world = Self {
            target: target_of(&cert),
            prod,
            cert,
            server: None,
            _pair: pair,
        };
        enroll(&world.target).await;
        world
    }

    /// The same with a server for CERT alone, which has these settings.
    pub(crate) async fn alone(settings: &str, constraints: &[&str]) -> Self {
        let server = Neo4jServer::launch(settings).expect("a server");
        let mut world = Self::fresh(constraints).await;
        world.cert = server.graph();
        for constraint in constraints {
            world.cert.run(constraint).await;
        }
        world.target = target_of(&world.cert);
        world.server = Some(server);
        enroll(&world.target).await;
        world
    }

    /// Ends the server of CERT as a lost machine would.
    pub(crate) fn kill(&mut self) {
        let server = self.server.as_mut().expect("a server of its own");
        server.kill().expect("the server is gone");
    }

    /// Starts it again on its data.
    pub(crate) fn start_again(&mut self) {
        let server = self.server.as_mut().expect("a server of its own");
        server.start_again().expect("the server is back");
    }

    /// The tables of PROD, as a plan has them.
    pub(crate) async fn tables(&self) -> Vec<Table> {
        let source = Neo4jSource::connect_lazy(store(), self.prod.url().to_owned(), Vec::new());
        source.catalog().await.expect("the catalog of PROD").tables
    }

    /// All rows of a table of PROD.
    pub(crate) async fn rows(&self, table: &Table) -> Vec<RecordBatch> {
        let source = Neo4jSource::connect_lazy(store(), self.prod.url().to_owned(), Vec::new());
        let tables = self.tables().await;
        let mut cut = source.open_cut(&tables).await.expect("a cut");
        let keys = all_keys(cut.as_mut(), table).await;
        all_rows(cut.as_mut(), table, keys).await
    }

    /// Stages all rows of the named tables of PROD, each as one part.
    pub(crate) async fn stage(&self, lease: &Lease, names: &[TableRef]) -> Vec<Table> {
        let tables = self.tables().await;
        for name in names {
            let table = tables
                .iter()
                .find(|table| table.name == *name)
                .expect("a table");
            let batches = self.rows(table).await;
            self.stage_batches(lease, table, 0, batches)
                .await
                .expect("rows are staged");
        }
        tables
    }

    /// Stages batches of all columns of a table.
    pub(crate) async fn stage_batches(
        &self,
        lease: &Lease,
        table: &Table,
        part: u32,
        batches: Vec<RecordBatch>,
    ) -> Result<redistrict_store::Staged, StoreError> {
        let part = part_of(table, part);
        let batches = stream::iter(batches.into_iter().map(Ok)).boxed();
        self.target.stage(lease, table, &part, batches).await
    }

    /// Stages and inserts all rows of the named tables, in one run that is committed.
    pub(crate) async fn copy(&self, name: &str, tables: &[TableRef]) -> Lease {
        let lease = claim(&self.target, name, false).await;
        let known = self.stage(&lease, tables).await;
        let mut merge = self
            .target
            .begin_merge(&lease, &known)
            .await
            .expect("a merge");
        for table in tables {
            merge.lock_staged(table).await.expect("rows are locked");
        }
        merge.apply(tables).await.expect("rows are written");
        merge.check_constraints().await.expect("constraints hold");
        commit(merge, &lease).await;
        lease
    }
}

pub(crate) fn target_of(graph: &Graph) -> Neo4jTarget {
    Neo4jTarget::new(store(), graph.url().to_owned(), Vec::new())
}

pub(crate) async fn enroll(target: &Neo4jTarget) {
    let fingerprint = target.fingerprint(&store()).await.expect("a fingerprint");
    let mark = Enrolment {
        uuid: "00112233445566778899aabbccddeeff".to_owned(),
        name: "cert".to_owned(),
        at: "2024-02-29T12:00:00Z".to_owned(),
        fingerprint,
    };
    target
        .enroll(&store(), &mark)
        .await
        .expect("the target is enrolled");
}

pub(crate) async fn try_claim(target: &Neo4jTarget, name: &str, is_resume: bool) -> LeaseOutcome {
    let claim = redistrict_testkit::claims::claim(&run(name), is_resume);
    target
        .acquire_lease(&claim)
        .await
        .expect("an answer to the claim")
}

pub(crate) async fn claim(target: &Neo4jTarget, name: &str, is_resume: bool) -> Lease {
    match try_claim(target, name, is_resume).await {
        LeaseOutcome::Held(lease) => lease,
        other => panic!("no lease: {other:?}"),
    }
}

pub(crate) fn record(lease: &Lease) -> RunRecord {
    RunRecord {
        run: lease.run.clone(),
        parent: None,
        epoch: lease.epoch,
        plan_digest: "digest".to_owned(),
        state: RunState::Committed,
        origin: None,
    }
}

pub(crate) async fn commit(merge: Box<dyn Merge>, lease: &Lease) {
    let outcome = merge
        .commit(&record(lease))
        .await
        .expect("the merge is committed");
    assert_eq!(outcome, CommitOutcome::Committed);
}

/// All columns of a table as a part.
pub(crate) fn part_of(table: &Table, part: u32) -> StagePart {
    StagePart {
        table: table.name.clone(),
        part,
        columns: table
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect(),
        identity: table.identity().unwrap_or_default().to_vec(),
    }
}

pub(crate) async fn all_keys<R: KeyReader + ?Sized>(reader: &mut R, table: &Table) -> Vec<Key> {
    let request = KeyRequest {
        table: table.name.clone(),
        columns: Vec::new(),
        selector: Selector::All,
    };
    let rows = reader.keys(&request).await.expect("keys");
    rows.into_iter().map(|row| row.id).collect()
}

pub(crate) async fn all_rows<R: RowReader + ?Sized>(
    reader: &mut R,
    table: &Table,
    keys: Vec<Key>,
) -> Vec<RecordBatch> {
    let request = RowRequest {
        table: table.name.clone(),
        columns: table
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect(),
        identity: table.identity().unwrap_or_default().to_vec(),
        keys,
    };
    let rows = reader.rows(&request).await.expect("rows");
    rows.try_collect().await.expect("all rows")
}

/// Every node and relationship but ours, exactly, as sorted lines. Ends are told by their own lines.
pub(crate) async fn dump(graph: &Graph) -> Vec<String> {
    let foreign =
        |name: &str| format!("none(l in labels({name}) where l starts with 'Redistrict')");
    let (n, a) = (foreign("n"), foreign("a"));
    let mut lines = Vec::new();
    for cypher in [
        format!("match (n) where {n} return labels(n), properties(n)"),
        format!(
            "match (a)-[r]->(b) where {a} return labels(a), properties(a), type(r), properties(r), \
             labels(b), properties(b)"
        ),
    ] {
        let rows = graph.query(&cypher, Parameters::new()).await;
        lines.extend(rows.into_iter().map(|row| {
            let fields: Vec<String> = row.into_iter().map(exact).collect();
            fields.join(" ")
        }));
    }
    lines.sort();
    lines
}

fn exact(value: ValueReceive) -> String {
    match value {
        ValueReceive::List(mut labels) => {
            labels.sort_by_key(|label| label.as_string().cloned());
            format!("{labels:?}")
        }
        ValueReceive::Map(properties) => {
            let sorted: BTreeMap<String, ValueReceive> = properties.into_iter().collect();
            format!("{sorted:?}")
        }
        other => format!("{other:?}"),
    }
}
