//! One worker per store: they copy side by side, and what happens to one of them ends all, with nothing
//! sealed and nobody writing any more.
#![expect(clippy::unwrap_used, reason = "helpers of tests are test code too")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redistrict_artifact::{Artifact, Layout, RootKey};
use redistrict_closure::{Decisions, InferInput, Measurements, ResolvedLink, build_edges, infer};
use redistrict_extract::ExtractSkill;
use redistrict_model::{
    Catalog, CheckSection, DistrictId, ErrorKind, ExtractSection, ExtractTable, KeyRow,
    LoadSection, MaskSection, Plan, PlanDigest, PlanSections, RunId, StoreKind, StoreName, Table,
    TableRef,
};
use redistrict_skill::{
    Cancel, ManualClock, Progress, ProgressSink, Skill, SkillError, UnitContext,
};
use redistrict_sqlite::SqliteSource;
use redistrict_store::{
    BatchStream, Cut, KeyReader, KeyRequest, Probe, RowReader, RowRequest, SourceCut, SourceStore,
    StoreError, StoreErrorKind, Unfit,
};
use tokio::sync::Barrier;

const STORES: [&str; 3] = ["ids", "hcp", "adb"];

/// What happens when the store is asked for its rows.
#[derive(Clone)]
enum AtRows {
    Nothing,
    /// Nobody goes on before everybody is there.
    Meet(Arc<Barrier>),
    Panic,
    Gone,
}

struct Played {
    source: SqliteSource,
    at_rows: AtRows,
}

struct PlayedCut {
    cut: Box<dyn SourceCut>,
    at_rows: AtRows,
}

#[async_trait]
impl SourceStore for Played {
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
        Ok(Box::new(PlayedCut {
            cut: self.source.open_cut(tables).await?,
            at_rows: self.at_rows.clone(),
        }))
    }
}

#[async_trait]
impl KeyReader for PlayedCut {
    async fn keys(&mut self, request: &KeyRequest) -> Result<Vec<KeyRow>, StoreError> {
        self.cut.keys(request).await
    }

    async fn count(&mut self, table: &TableRef) -> Result<u64, StoreError> {
        self.cut.count(table).await
    }
}

#[async_trait]
impl RowReader for PlayedCut {
    async fn rows<'a>(
        &'a mut self,
        request: &'a RowRequest,
    ) -> Result<BatchStream<'a>, StoreError> {
        match &self.at_rows {
            AtRows::Nothing => {}
            AtRows::Meet(barrier) => {
                barrier.wait().await;
            }
            AtRows::Panic => panic!("Kowalczyk"),
            AtRows::Gone => {
                let what = format!("read rows of {}", self.cut.cut().store);
                return Err(StoreError::new(StoreErrorKind::Transient, what));
            }
        }
        self.cut.rows(request).await
    }
}

#[async_trait]
impl SourceCut for PlayedCut {
    fn cut(&self) -> &Cut {
        self.cut.cut()
    }

    async fn unfit(&mut self, request: &RowRequest) -> Result<Vec<Unfit>, StoreError> {
        self.cut.unfit(request).await
    }
}

struct Silent;

impl ProgressSink for Silent {
    fn progress(&self, _: Progress) {}
}

/// Three files: districts, and in each of the others pupils that a link leads to their district.
fn sources(folder: &Path, at_rows: [AtRows; 3]) -> Vec<Arc<dyn SourceStore>> {
    let sql = "create table districts (id int not null primary key);
        insert into districts values (1), (2);";
    // Pupils refer to pupils: their rows are held, and read by their keys, in the end.
    let linked = "create table pupils (id int not null primary key, district_id int not null,
            buddy int references pupils);
        insert into pupils values (10, 1, null), (11, 1, 10), (20, 2, null);";
    STORES
        .into_iter()
        .zip([sql, linked, linked])
        .zip(at_rows)
        .map(|((store, sql), at_rows)| {
            let path = folder.join(format!("{store}.db"));
            if !path.exists() {
                let connection = rusqlite::Connection::open(&path).unwrap();
                connection.execute_batch(sql).unwrap();
            }
            let source = SqliteSource::new(StoreName::new(store), path);
            Arc::new(Played { source, at_rows }) as Arc<dyn SourceStore>
        })
        .collect()
}

fn plan(catalogs: Vec<Catalog>) -> Plan {
    let table = |catalog: &Catalog| catalog.tables[0].name.clone();
    let root = table(&catalogs[0]);
    let links: Vec<ResolvedLink> = catalogs[1..]
        .iter()
        .map(|catalog| ResolvedLink {
            child: table(catalog),
            child_columns: vec!["district_id".to_owned()],
            inside: None,
            parent: root.clone(),
            parent_columns: vec!["id".to_owned()],
            owns: true,
            when: Vec::new(),
        })
        .collect();
    let edges = build_edges(&catalogs, &links);
    let input = InferInput {
        catalogs: &catalogs,
        links: &links,
        edges: &edges,
        root: &root,
        root_key: &["id".to_owned()],
        decisions: &Decisions::default(),
    };
    let draft = infer(&input, &Measurements::new()).unwrap();
    let moving = |catalog: &Catalog| ExtractTable {
        table: table(catalog),
        columns: catalog.tables[0]
            .columns
            .iter()
            .map(|one| one.name.clone())
            .collect(),
        identity: vec!["id".to_owned()],
        max_rows: None,
    };
    Plan {
        format_version: 1,
        district: DistrictId::new("1"),
        district_name: None,
        sections: PlanSections {
            extract: ExtractSection {
                ownership: draft.ownership,
                // Not in the order of the stores.
                tables: [2, 0, 1].map(|at| moving(&catalogs[at])).into(),
                catalogs,
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

async fn extract(folder: &Path, at_rows: [AtRows; 3]) -> Result<Artifact, SkillError> {
    let sources = sources(folder, at_rows);
    let mut catalogs = Vec::new();
    for source in &sources {
        catalogs.push(source.catalog().await.unwrap());
    }
    let plan = plan(catalogs);
    let layout = Layout {
        data_dir: folder.join("data"),
        log_dir: folder.join("logs"),
        state_dir: folder.join("state"),
    };
    let key = RootKey::new(&[7; 32]).unwrap();
    let run = RunId::new("mig-1");
    let directory = layout.raw_of(&plan.district, &key).join(run.as_str());
    let skill = ExtractSkill::new(sources, layout, key.clone());
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
    for unit in &units {
        skill.run(unit, &context).await?;
    }
    Ok(Artifact::open(&directory, &key).unwrap())
}

fn tables(artifact: &Artifact) -> Vec<(String, u64)> {
    let entries = &artifact.manifest().tables;
    entries
        .iter()
        .map(|entry| (entry.table.to_string(), entry.rows))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_are_copied_side_by_side_and_stand_in_the_order_of_the_plan() {
    let folder = tempfile::tempdir().unwrap();
    let barrier = Arc::new(Barrier::new(3));
    let meet = || AtRows::Meet(Arc::clone(&barrier));
    // One after another would wait for ever.
    let limit = Duration::from_secs(60);
    let extracting = extract(folder.path(), [meet(), meet(), meet()]);
    let artifact = tokio::time::timeout(limit, extracting)
        .await
        .unwrap()
        .unwrap();
    let expected = [
        ("adb.main.pupils", 2),
        ("ids.main.districts", 1),
        ("hcp.main.pupils", 2),
    ];
    assert_eq!(
        tables(&artifact),
        expected.map(|(name, rows)| (name.to_owned(), rows))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_one_ends_all_and_the_next_attempt_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    for (fault, kind) in [
        (AtRows::Gone, ErrorKind::Transient),
        (AtRows::Panic, ErrorKind::Bug),
    ] {
        let at_rows = [AtRows::Nothing, fault, AtRows::Nothing];
        let error = extract(folder.path(), at_rows).await.err().unwrap();
        assert_eq!(error.kind, kind, "{}", error.chain());
        let said = error.chain();
        assert!(!said.contains("Kowalczyk"), "{said}");
        assert!(said.contains("hcp") || kind == ErrorKind::Bug, "{said}");
        let nothing = [AtRows::Nothing, AtRows::Nothing, AtRows::Nothing];
        let artifact = extract(folder.path(), nothing).await.unwrap();
        assert_eq!(artifact.manifest().total_rows(), 5);
    }
}
