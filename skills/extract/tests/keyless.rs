//! Rows without a key out of real databases: every copy comes, references of others' rows are cut in the
//! right copy, and what was read in more than one state is told.
#![expect(clippy::unwrap_used, reason = "helpers of tests are test code too")]

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};
use async_trait::async_trait;
use redistrict_artifact::{Artifact, Layout, RootKey};
use redistrict_closure::{Decisions, InferInput, Measurements, build_edges, infer};
use redistrict_extract::ExtractSkill;
use redistrict_model::{
    BoundaryPolicy, Catalog, CheckSection, DistrictId, ExtractSection, ExtractTable, Finding,
    KeyRow, LoadSection, MaskSection, Plan, PlanDigest, PlanSections, RunId, StoreKind, StoreName,
    Table, TableRef,
};
use redistrict_postgres::PostgresSource;
use redistrict_skill::{
    Cancel, ManualClock, Progress, ProgressSink, Skill, SkillError, UnitContext, UnitOutcome,
};
use redistrict_sqlite::SqliteSource;
use redistrict_store::{
    BatchStream, Cut, KeyReader, KeyRequest, Probe, RowReader, RowRequest, SourceCut, SourceStore,
    StoreError, Unfit,
};
use redistrict_testkit::postgres::TestServer;

/// Two districts; events by users of the first, some twice, one by nobody, one noted by the other's user.
const ROWS: &str = "
    insert into districts values (1), (2);
    insert into users values (10, 1), (11, 1), (20, 2);
    insert into events values
        (10, null, 'open'), (10, null, 'open'), (10, 20, 'open'), (11, 20, 'open'), (11, null, null),
        (20, 10, 'open'), (null, 11, 'open'), (10, null, 'shut'), (10, 20, 'shut'), (10, 11, 'shut');";

const TABLES: &str = "
    create table districts (id int not null primary key);
    create table users (id int not null primary key, district_id int not null references districts (id));";

const PLAIN: &str = "
    create table events (user_id int references users (id), by_id int references users (id), kind text);";

const PARTITIONED: &str = "
    create table events (user_id int references users (id), by_id int references users (id), kind text)
      partition by list (kind);
    create table events_open partition of events for values in ('open');
    create table events_rest partition of events default;";

struct Silent;

impl ProgressSink for Silent {
    fn progress(&self, _: Progress) {}
}

fn name(table: &str, catalog: &Catalog) -> TableRef {
    let found = catalog.tables.iter().find(|one| one.name.table == table);
    found.unwrap().name.clone()
}

/// What analyze would plan: events belong to their user, who noted them does not matter.
fn plan(catalog: &Catalog) -> Plan {
    let catalogs = [catalog.clone()];
    let edges = build_edges(&catalogs, &[]);
    let mut decisions = Decisions::default();
    let events = name("events", catalog);
    for edge in edges.iter().filter(|edge| edge.child == events) {
        if edge.child_columns == ["user_id"] {
            decisions.owner.insert(events.clone(), vec![edge.id]);
        } else {
            decisions.boundary.insert(edge.id, BoundaryPolicy::Null);
        }
    }
    let root = name("districts", catalog);
    let input = InferInput {
        catalogs: &catalogs,
        links: &[],
        edges: &edges,
        root: &root,
        root_key: &["id".to_owned()],
        decisions: &decisions,
    };
    let draft = infer(&input, &Measurements::new()).unwrap();
    assert_eq!(draft.problems, []);
    let moving = |table: &str| {
        let entry = catalog.table(&name(table, catalog)).unwrap();
        ExtractTable {
            table: entry.name.clone(),
            columns: entry.columns.iter().map(|one| one.name.clone()).collect(),
            identity: entry.identity().unwrap_or_default().to_vec(),
            max_rows: None,
        }
    };
    Plan {
        format_version: 1,
        district: DistrictId::new("1"),
        district_name: None,
        sections: PlanSections {
            extract: ExtractSection {
                ownership: draft.ownership,
                tables: ["districts", "users", "events"].map(moving).into(),
                catalogs: catalogs.into(),
            },
            anonymize: MaskSection {
                key_version: 1,
                columns: Vec::new(),
            },
            validate: CheckSection::default(),
            load: LoadSection {
                groups: Vec::new(),
                tables: Vec::new(),
            },
        },
        digest: PlanDigest("d".into()),
        findings: Vec::new(),
    }
}

struct Extracted {
    outcome: UnitOutcome,
    artifact: Artifact,
    events: TableRef,
}

async fn extract(folder: &Path, source: Arc<dyn SourceStore>) -> Result<Extracted, SkillError> {
    let catalog = source.catalog().await.unwrap();
    let plan = plan(&catalog);
    let layout = Layout {
        data_dir: folder.join("data"),
        log_dir: folder.join("logs"),
        state_dir: folder.join("state"),
    };
    let key = RootKey::new(&[7; 32]).unwrap();
    let skill = ExtractSkill::new(vec![source], layout.clone(), key.clone());
    let run = RunId::new("mig-1");
    let directory = layout.raw_of(&plan.district, &key).join(run.as_str());
    let units = skill.units(&plan);
    let context = UnitContext {
        run,
        plan: Arc::new(plan),
        attempt: 1,
        is_resume: false,
        outcomes: Arc::default(),
        clock: Arc::new(ManualClock::default()),
        cancel: Cancel::default(),
        progress: Arc::new(Silent),
    };
    let outcome = skill.run(&units[0], &context).await?;
    skill.run(&units[1], &context).await?;
    Ok(Extracted {
        outcome,
        artifact: Artifact::open(&directory, &key).unwrap(),
        events: name("events", &catalog),
    })
}

/// The cells of a batch as a line per row.
fn lines(batch: &RecordBatch) -> Vec<String> {
    let number = |column: usize, row: usize| {
        let array = batch.column(column);
        if array.is_null(row) {
            return "~".to_owned();
        }
        match array.as_primitive_opt::<Int32Type>() {
            Some(array) => array.value(row).to_string(),
            None => array.as_primitive::<Int64Type>().value(row).to_string(),
        }
    };
    let kinds = batch.column(2).as_string::<i32>();
    let kind = |row: usize| {
        if kinds.is_null(row) {
            "~"
        } else {
            kinds.value(row)
        }
    };
    (0..batch.num_rows())
        .map(|row| format!("{} {} {}", number(0, row), number(1, row), kind(row)))
        .collect()
}

fn check(extracted: &Extracted) {
    let manifest = extracted.artifact.manifest();
    let entry = manifest.table(&extracted.events).unwrap();
    assert_eq!(
        (entry.rows, entry.own, entry.shared, entry.stubs),
        (8, 8, 0, 0)
    );
    let mut found = Vec::new();
    for item in extracted.artifact.rows(&extracted.events) {
        found.extend(lines(&item.unwrap().0));
    }
    found.sort();
    // Three copies of one row: two were copies before, one lost its reference to the other district.
    let expected = [
        "10 11 shut",
        "10 ~ open",
        "10 ~ open",
        "10 ~ open",
        "10 ~ shut",
        "10 ~ shut",
        "11 ~ open",
        "11 ~ ~",
    ];
    assert_eq!(found, expected);
    let isolation = &manifest.facts["isolation"];
    assert_eq!(isolation["roots"], 1);
    assert_eq!(isolation["examined"], 11);
    let boundaries = &manifest.facts["boundaries"];
    assert_eq!(boundaries[0]["rows"], 3, "{boundaries}");
}

fn file(folder: &Path) -> SqliteSource {
    let path = folder.join("prod.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    let sql = format!("{TABLES} {PLAIN} {ROWS}");
    connection.execute_batch(&sql).unwrap();
    SqliteSource::new(StoreName::new("ids"), path)
}

#[tokio::test]
async fn equal_rows_come_out_of_a_file_each_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let source = Arc::new(file(folder.path()));
    let extracted = extract(folder.path(), source).await.unwrap();
    check(&extracted);
    assert_eq!(
        extracted.artifact.manifest().facts["unsettled"],
        serde_json::json!([])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_rows_come_out_of_a_server_partitioned_or_not() {
    let server = TestServer::start();
    for events in [PLAIN, PARTITIONED] {
        let folder = tempfile::tempdir().unwrap();
        let url = server.create_database().await;
        server
            .psql(&url, &format!("{TABLES} {events} {ROWS}"))
            .await;
        let source = PostgresSource::connect_lazy(StoreName::new("ids"), url, Vec::new());
        let extracted = extract(folder.path(), Arc::new(source)).await.unwrap();
        check(&extracted);
    }
}

/// A source whose cut is no snapshot, or loses a row on the way.
#[derive(Clone)]
struct Odd {
    source: SqliteSource,
    loses: bool,
}

struct OddCut {
    cut: Box<dyn SourceCut>,
    loses: bool,
}

#[async_trait]
impl SourceStore for Odd {
    fn name(&self) -> &StoreName {
        self.source.name()
    }

    fn kind(&self) -> StoreKind {
        self.source.kind()
    }

    async fn probe(&self) -> Result<Probe, StoreError> {
        self.source.probe().await
    }

    async fn catalog(&self) -> Result<Catalog, StoreError> {
        self.source.catalog().await
    }

    async fn open_cut(&self, tables: &[Table]) -> Result<Box<dyn SourceCut>, StoreError> {
        Ok(Box::new(OddCut {
            cut: self.source.open_cut(tables).await?,
            loses: self.loses,
        }))
    }
}

#[async_trait]
impl KeyReader for OddCut {
    async fn keys(&mut self, request: &KeyRequest) -> Result<Vec<KeyRow>, StoreError> {
        self.cut.keys(request).await
    }

    async fn count(&mut self, table: &TableRef) -> Result<u64, StoreError> {
        self.cut.count(table).await
    }
}

#[async_trait]
impl RowReader for OddCut {
    async fn rows<'a>(
        &'a mut self,
        request: &'a RowRequest,
    ) -> Result<BatchStream<'a>, StoreError> {
        let is_short = self.loses && request.identity.is_empty();
        let batches = self.cut.rows(request).await?;
        let short = move |batch: RecordBatch| {
            if is_short {
                batch.slice(1, batch.num_rows() - 1)
            } else {
                batch
            }
        };
        Ok(Box::pin(futures::TryStreamExt::map_ok(batches, short)))
    }
}

#[async_trait]
impl SourceCut for OddCut {
    fn cut(&self) -> &Cut {
        self.cut.cut()
    }

    async fn unfit(&mut self, request: &RowRequest) -> Result<Vec<Unfit>, StoreError> {
        self.cut.unfit(request).await
    }

    async fn settle(&mut self) -> Result<Option<Finding>, StoreError> {
        let message = "others committed while it was read";
        Ok(Some(Finding::warning("unsettled-cut", "ids", message, 3)))
    }
}

#[tokio::test]
async fn a_cut_that_was_no_snapshot_is_told_in_the_manifest_and_in_the_findings() {
    let folder = tempfile::tempdir().unwrap();
    let source = file(folder.path());
    let odd = Odd {
        source,
        loses: false,
    };
    let extracted = extract(folder.path(), Arc::new(odd)).await.unwrap();
    let told = &extracted.artifact.manifest().facts["unsettled"];
    assert_eq!(
        (&told[0]["code"], &told[0]["count"]),
        (&"unsettled-cut".into(), &3.into())
    );
    let findings = &extracted.outcome.findings;
    assert!(
        findings
            .iter()
            .any(|finding| finding.code == "unsettled-cut")
    );
}

#[tokio::test]
async fn a_row_that_does_not_come_any_more_seals_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let source = file(folder.path());
    let odd = Odd {
        source,
        loses: true,
    };
    let error = extract(folder.path(), Arc::new(odd)).await.err().unwrap();
    assert!(error.kind.is_transient(), "{}", error.chain());
    assert!(error.chain().contains("7 of 8 rows"), "{}", error.chain());
}
