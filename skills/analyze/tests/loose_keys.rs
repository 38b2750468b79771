//! What is found in a schema whose keys are loose, held against the truth: links right, wrong and missed, and
//! tables that stay unknown.
#![expect(clippy::unwrap_used, reason = "helpers of tests are test code too")]

use std::collections::{BTreeMap, BTreeSet};

use redistrict_analyze::{Cuts, ProposedLinks, Settings, infer_ownership, propose_links};
use redistrict_closure::{ResolvedLink, build_edges};
use redistrict_model::{Catalog, Role, StoreName, TableRef};
use redistrict_sqlite::SqliteSource;
use redistrict_store::SourceStore as _;
use redistrict_testkit::loose::{Convention, Loose, ROOT, Reference};
use rusqlite::Connection;

/// The schema of a seed in a file, looked at.
struct World {
    loose: Loose,
    store: StoreName,
    catalogs: Vec<Catalog>,
    cuts: Cuts,
    _dir: tempfile::TempDir,
}

impl World {
    async fn new(seed: u64) -> Self {
        let loose = Loose::generate(seed);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("prod.db");
        let connection = Connection::open(&path).unwrap();
        let sql = format!("begin; {} {} commit;", loose.schema(), loose.inserts());
        connection.execute_batch(&sql).unwrap();
        let store = StoreName::new("sis");
        let source = SqliteSource::new(store.clone(), path);
        let catalog = source.catalog().await.unwrap();
        let cut = source.open_cut(&catalog.tables).await.unwrap();
        Self {
            loose,
            cuts: Cuts::from([(store.clone(), cut)]),
            store,
            catalogs: vec![catalog],
            _dir: dir,
        }
    }

    fn table(&self, name: &str) -> TableRef {
        TableRef::new(&self.store, "main", name)
    }

    async fn propose(&mut self) -> ProposedLinks {
        let root = self.table(ROOT);
        propose_links(&mut self.cuts, &self.catalogs, &root)
            .await
            .unwrap()
    }
}

/// How the proposed links compare with the truth.
#[derive(Default)]
struct Verdict {
    undeclared: usize,
    right: usize,
    /// Links that no reference of the truth is.
    wrong: Vec<String>,
    /// Links of columns that are called after a table, hold its keys, and mean something else.
    trapped: usize,
    /// References that got neither a link nor a question.
    missed: BTreeMap<Convention, Vec<String>>,
    asked: BTreeMap<Convention, usize>,
}

fn judge(world: &World, found: &ProposedLinks) -> Verdict {
    let mut verdict = Verdict::default();
    let tables = &world.loose.tables;
    let is_it = |at: usize, one: &Reference, link: &redistrict_analyze::ProposedLink| {
        let pairs = |from: &[String], to: &[String]| -> BTreeSet<(String, String)> {
            from.iter().cloned().zip(to.iter().cloned()).collect()
        };
        link.child.table == tables[at].name
            && link.parent.table == tables[one.parent].name
            && pairs(&link.child_columns, &link.parent_columns)
                == pairs(&one.columns, &one.parent_columns)
            && link.when == one.when
    };
    for link in &found.links {
        let mut all = tables.iter().enumerate();
        let is_true =
            all.any(|(at, table)| table.references.iter().any(|one| is_it(at, one, link)));
        // What a key of two columns refers to is referred to by one of them, too.
        let school = ("school_id", "schools");
        let is_implied = link.child_columns == [school.0] && link.parent.table == school.1;
        let child = tables
            .iter()
            .find(|table| table.name == link.child.table)
            .unwrap();
        if !is_true && !is_implied && world.loose.is_trap(child, &link.child_columns[0]) {
            verdict.trapped += 1;
        } else if !is_true && !is_implied {
            let text = format!(
                "{}({}) -> {} {:?}",
                link.child,
                link.child_columns.join(", "),
                link.parent,
                link.rule
            );
            verdict.wrong.push(text);
        }
    }
    for (at, reference) in world.loose.undeclared() {
        verdict.undeclared += 1;
        if found.links.iter().any(|link| is_it(at, reference, link)) {
            verdict.right += 1;
            continue;
        }
        let is_asked = found
            .open
            .iter()
            .any(|open| open.child.table == tables[at].name && open.columns == reference.columns);
        if is_asked {
            *verdict.asked.entry(reference.convention).or_default() += 1;
        } else {
            let text = format!("{}({})", tables[at].name, reference.columns.join(", "));
            verdict
                .missed
                .entry(reference.convention)
                .or_default()
                .push(text);
        }
    }
    verdict
}

/// The tables with rows that stay unknown with these links and nothing else decided.
async fn unknown(world: &mut World, found: &ProposedLinks) -> Vec<String> {
    let links: Vec<ResolvedLink> = (found.links.iter())
        .map(|link| ResolvedLink {
            child: link.child.clone(),
            child_columns: link.child_columns.clone(),
            inside: None,
            parent: link.parent.clone(),
            parent_columns: link.parent_columns.clone(),
            owns: link.owns,
            when: (link.when.iter())
                .map(|(column, text)| (column.clone(), vec![text.clone()]))
                .collect(),
        })
        .collect();
    let settings = Settings {
        root: Some(world.table(ROOT)),
        root_key: vec!["id".to_owned()],
        edges: build_edges(&world.catalogs, &links),
        links,
        ..Settings::default()
    };
    let draft = infer_ownership(&mut world.cuts, &world.catalogs, &settings)
        .await
        .unwrap();
    let unknown = draft
        .ownership
        .tables
        .iter()
        .filter(|role| role.role == Role::Unknown);
    unknown.map(|role| role.table.table.clone()).collect()
}

#[tokio::test]
async fn names_and_values_find_the_references_of_a_schema_with_loose_keys_and_no_wrong_one() {
    let mut shares = Vec::new();
    for seed in 1..=4 {
        let mut world = World::new(seed).await;
        let (tables, references) = {
            let tables = &world.loose.tables;
            (
                tables.len(),
                tables
                    .iter()
                    .map(|table| table.references.len())
                    .sum::<usize>(),
            )
        };
        let found = world.propose().await;
        let verdict = judge(&world, &found);
        let unknown = unknown(&mut world, &found).await;
        let share = unknown.len() as f64 / tables as f64;
        let figures = format!(
            "seed {seed}: {tables} tables, {references} references, {} undeclared; {} links: {} right, {} trapped, \
             wrong {:#?}; asked {:?}; missed {:#?}; unknown {unknown:?}",
            verdict.undeclared,
            found.links.len(),
            verdict.right,
            verdict.trapped,
            verdict.wrong,
            verdict.asked,
            verdict.missed,
        );
        assert!(
            tables >= 200 && verdict.undeclared * 2 >= references,
            "{figures}"
        );
        assert!(verdict.wrong.is_empty(), "{figures}");
        assert!(share <= 0.1, "{figures}");
        shares.push(share);
        assert!(verdict.right * 100 >= verdict.undeclared * 85, "{figures}");
    }
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    assert!(mean <= 0.05, "{shares:?}");
}
