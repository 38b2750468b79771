//! An estate of two stores in memory, with a neighbour's rows in CERT, and the masked artifact of
//! district 2: inserts, updates, shared rows that differ, a stub, a cycle that cannot be deferred.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use redistrict_artifact::{
    ArtifactKind, ArtifactWriter, FORMAT_VERSION, Layout, Manifest, ManifestTable, RootKey,
};
use redistrict_load::{GroupInput, LoadInputs, LoadSetup, Mode, plan, table_digests};
use redistrict_model::config::Triggers;
use redistrict_model::{
    Catalog, CheckSection, Column, ColumnType, DistrictId, Edge, EdgeId, EdgeOrigin,
    ExtractSection, ExtractTable, Finding, ForeignKey, Generated, Key, MaskSection, Membership,
    OrgPart, Owner, OwnerKind, Ownership, Plan, PlanDigest, PlanSections, Role, RunId, StoreKind,
    StoreName, Table, TableRef, TableRole, Trigger, Unique,
};
use redistrict_store::{Fingerprint, TargetCapabilities, TargetStore, arrow_schema};
use tempfile::TempDir;

use crate::faulty::{Faults, FaultyTarget};
use crate::memory::{Cell, Data, Database, MemoryTarget, Row, batch_of};

pub(crate) use Membership::{Own, Shared, Stub};

/// `ids.students`, …
pub(crate) fn name(text: &str) -> TableRef {
    let (store, table) = text.split_once('.').unwrap();
    TableRef::new(&StoreName::new(store), "main", table)
}

/// Columns as `id:int`, `name:text?` (may be NULL); without a key the table is keyless.
pub(crate) fn table(text: &str, columns: &[&str], key: &[&str]) -> Table {
    Table {
        columns: columns.iter().map(|column| self::column(column)).collect(),
        primary_key: (!key.is_empty()).then(|| key.iter().map(|one| (*one).to_owned()).collect()),
        ..Table::empty(name(text))
    }
}

pub(crate) fn column(text: &str) -> Column {
    let (name, kind) = text.split_once(':').unwrap();
    let column_type = if kind.starts_with("int") {
        ColumnType::Int64
    } else {
        ColumnType::Text
    };
    Column {
        name: name.into(),
        source_type: kind.trim_end_matches('?').into(),
        column_type,
        nullable: kind.ends_with('?'),
        generated: Generated::No,
        has_default: false,
        max_length: None,
        labels: Vec::new(),
        element: None,
    }
}

fn refers(mut table: Table, columns: &str, parent: &str) -> Table {
    table.foreign_keys.push(ForeignKey {
        name: format!("{}_{columns}_fk", table.name.table),
        columns: vec![columns.into()],
        parent: name(parent),
        parent_columns: vec!["id".into()],
        on_delete_cascade: false,
        deferrable: false,
        validated: true,
        when: Vec::new(),
    });
    table
}

/// PROD's tables.
pub(crate) fn tables() -> Vec<Table> {
    let mut guardians = table(
        "ids.guardians",
        &["id:int", "name:text?", "email:text?"],
        &["id"],
    );
    guardians.uniques.push(Unique {
        name: "guardians_email_key".into(),
        columns: vec!["email".into()],
    });
    let schools = table(
        "ids.schools",
        &["id:int", "district_id:int", "name:text"],
        &["id"],
    );
    let students = table(
        "ids.students",
        &[
            "id:int",
            "school_id:int",
            "guardian_id:int?",
            "mentor_id:int?",
            "name:text?",
        ],
        &["id"],
    );
    let students = refers(students, "school_id", "ids.schools");
    let students = refers(students, "guardian_id", "ids.guardians");
    let teams = table(
        "ids.teams",
        &["id:int", "district_id:int", "captain_id:int"],
        &["id"],
    );
    let teams = refers(teams, "district_id", "ids.districts");
    let members = table("ids.members", &["id:int", "team_id:int"], &["id"]);
    let learners = table(
        "hcp.learners",
        &["id:int", "student_id:int", "note:text?"],
        &["id"],
    );
    let visits = table(
        "hcp.visits",
        &["learner_id:int", "Number:int", "note:text?"],
        &["learner_id", "Number"],
    );
    let events = table("ids.events", &["student_id:int", "what:text?"], &[]);
    let clicks = table("hcp.clicks", &["learner_id:int?", "what:text"], &[]);
    vec![
        table("ids.districts", &["id:int", "name:text"], &["id"]),
        refers(schools, "district_id", "ids.districts"),
        guardians,
        refers(students, "mentor_id", "ids.students"),
        refers(teams, "captain_id", "ids.members"),
        refers(members, "team_id", "ids.teams"),
        learners,
        refers(visits, "learner_id", "hcp.learners"),
        refers(events, "student_id", "ids.students"),
        refers(clicks, "learner_id", "hcp.learners"),
    ]
}

/// CERT's tables: a column more, and a table that does not move.
pub(crate) fn cert_tables() -> Vec<Table> {
    let mut tables = tables();
    let students = tables
        .iter_mut()
        .find(|one| one.name == name("ids.students"));
    students.unwrap().columns.push(Column {
        has_default: true,
        ..column("cert_note:text?")
    });
    let awards = table("ids.awards", &["id:int", "student_id:int"], &["id"]);
    tables.push(refers(awards, "student_id", "ids.students"));
    tables
}

pub(crate) fn edge(id: u32, child: &str, column: &str, parent: &str) -> Edge {
    Edge {
        id: EdgeId(id),
        name: format!("{child}_{column}"),
        origin: EdgeOrigin::ForeignKey,
        child: name(child),
        child_columns: vec![column.into()],
        parent: name(parent),
        parent_columns: vec!["id".into()],
        mandatory: true,
        nullable_columns: Vec::new(),
        on_delete_cascade: false,
        when: Vec::new(),
        inside: None,
        always: false,
        policy: None,
    }
}

fn ownership() -> Ownership {
    let edges = vec![
        edge(0, "ids.schools", "district_id", "ids.districts"),
        edge(1, "ids.students", "school_id", "ids.schools"),
        edge(2, "ids.teams", "district_id", "ids.districts"),
        edge(3, "ids.members", "team_id", "ids.teams"),
        edge(4, "hcp.learners", "student_id", "ids.students"),
        edge(5, "hcp.visits", "learner_id", "hcp.learners"),
        edge(6, "ids.students", "guardian_id", "ids.guardians"),
        edge(7, "ids.events", "student_id", "ids.students"),
        edge(8, "hcp.clicks", "learner_id", "hcp.learners"),
    ];
    let mut roles = vec![
        role("ids.districts", Role::Root, None),
        role("ids.schools", Role::Owned, Some(0)),
        role("ids.students", Role::Owned, Some(1)),
        role("ids.teams", Role::Owned, Some(2)),
        role("ids.members", Role::Owned, Some(3)),
        role("ids.guardians", Role::Shared, None),
        role("hcp.learners", Role::Owned, Some(4)),
        role("hcp.visits", Role::Owned, Some(5)),
        role("ids.events", Role::Owned, Some(7)),
        role("hcp.clicks", Role::Owned, Some(8)),
    ];
    roles.sort_by(|a, b| a.table.cmp(&b.table));
    Ownership {
        root: name("ids.districts"),
        root_key: vec!["id".into()],
        tables: roles,
        edges,
    }
}

fn catalogs(tables: &[Table], kind: StoreKind) -> Vec<Catalog> {
    catalogs_of(&["ids".into(), "hcp".into()], tables, kind)
}

fn catalogs_of(stores: &[String], tables: &[Table], kind: StoreKind) -> Vec<Catalog> {
    stores
        .iter()
        .map(|store| Catalog {
            store: StoreName::new(store),
            kind,
            version: "memory".into(),
            tables: tables
                .iter()
                .filter(|table| table.name.store.as_str() == store)
                .cloned()
                .collect(),
        })
        .collect()
}

fn grouped_tables(store: &str) -> [Table; 2] {
    let items = table(
        &format!("{store}.items"),
        &["id:int", "note:text?"],
        &["id"],
    );
    let notes = table(&format!("{store}.notes"), &["item:int", "what:text"], &[]);
    [items, refers(notes, "item", &format!("{store}.items"))]
}

/// The items of the first store are the districts; those of the others have the same numbers.
fn grouped_ownership(stores: &[String]) -> Ownership {
    let mut edges = Vec::new();
    let mut roles = Vec::new();
    for (at, store) in stores.iter().enumerate() {
        let id = u32::try_from(edges.len()).unwrap();
        let (items, notes) = (format!("{store}.items"), format!("{store}.notes"));
        edges.push(edge(id, &items, "id", "g0.items"));
        edges.push(edge(id + 1, &notes, "item", &items));
        roles.push(match at {
            0 => role(&items, Role::Root, None),
            _ => role(&items, Role::Owned, Some(id)),
        });
        roles.push(role(&notes, Role::Owned, Some(id + 1)));
    }
    // The root refers to nothing; the numbers of the edges are their places.
    edges[0] = edge(0, "g0.notes", "item", "g0.items");
    roles.sort_by(|a, b| a.table.cmp(&b.table));
    Ownership {
        root: name("g0.items"),
        root_key: vec!["id".into()],
        tables: roles,
        edges,
    }
}

fn role(table: &str, role: Role, owner: Option<u32>) -> TableRole {
    TableRole {
        table: name(table),
        role,
        owners: owner
            .map(|id| Owner {
                edge: EdgeId(id),
                kind: OwnerKind::Path,
                reason: String::new(),
            })
            .into_iter()
            .collect(),
        org: (role == Role::Root).then_some(OrgPart::Root),
        tier: (role != Role::Shared).then_some(0),
        pair: false,
        in_doubt: false,
        whole: false,
        decided: false,
        measured: None,
        reason: String::new(),
    }
}

pub(crate) fn extract_section(tables: &[Table]) -> ExtractSection {
    extract_section_of(tables, StoreKind::Sqlite)
}

fn extract_section_of(tables: &[Table], kind: StoreKind) -> ExtractSection {
    ExtractSection {
        catalogs: catalogs(tables, kind),
        ownership: ownership(),
        tables: extract_tables(tables),
    }
}

fn extract_tables(tables: &[Table]) -> Vec<ExtractTable> {
    let moving = tables.iter().map(|table| ExtractTable {
        table: table.name.clone(),
        columns: table.columns.iter().map(|one| one.name.clone()).collect(),
        identity: table.identity().map(<[String]>::to_vec).unwrap_or_default(),
        max_rows: None,
    });
    moving.collect()
}

pub(crate) fn groups() -> Vec<GroupInput> {
    groups_of(&[&["ids"], &["hcp"]])
}

fn groups_of(stores: &[&[&str]]) -> Vec<GroupInput> {
    stores
        .iter()
        .map(|stores| GroupInput {
            name: StoreName::new(stores[0]),
            preparing: redistrict_store::Preparing::never("it"),
            stores: stores.iter().map(|one| StoreName::new(*one)).collect(),
            capabilities: TargetCapabilities::default(),
            fires_anyway: Vec::new(),
            key_statements: BTreeMap::new(),
        })
        .collect()
}

/// Plans over these tables.
pub(crate) fn plan_of(prod: &[Table], cert: &[Table]) -> (Plan, Vec<Finding>) {
    plan_for(prod, cert, StoreKind::Sqlite, &groups())
}

fn plan_for(
    prod: &[Table],
    cert: &[Table],
    kind: StoreKind,
    groups: &[GroupInput],
) -> (Plan, Vec<Finding>) {
    let targets = catalogs(cert, kind);
    plan_with(extract_section_of(prod, kind), &targets, groups)
}

pub(crate) fn plan_with(
    extract: ExtractSection,
    targets: &[Catalog],
    groups: &[GroupInput],
) -> (Plan, Vec<Finding>) {
    let inputs = LoadInputs {
        extract: &extract,
        targets,
        groups,
        triggers: &BTreeMap::new(),
    };
    let (load, findings) = plan(&inputs).unwrap();
    let plan = Plan {
        format_version: 1,
        district: DistrictId::new("2"),
        district_name: None,
        sections: PlanSections {
            extract,
            anonymize: MaskSection {
                key_version: 1,
                columns: Vec::new(),
            },
            validate: CheckSection::default(),
            load,
        },
        digest: PlanDigest("d1".into()),
        findings: Vec::new(),
    };
    (plan, findings)
}

/// A row of a table: values in column order.
pub(crate) fn row(tables: &[Table], of: &str, values: Vec<Cell>) -> Row {
    let table = tables.iter().find(|table| table.name == name(of)).unwrap();
    assert!(values.len() <= table.columns.len(), "{of}");
    let padded = values.into_iter().chain(std::iter::repeat(Cell::Null));
    let columns = table.columns.iter().zip(padded);
    columns
        .map(|(column, value)| (column.name.clone(), value))
        .collect()
}

macro_rules! cells {
    ($($value:expr),*) => { vec![$(crate::memory::Cell::from($value)),*] };
}
pub(crate) use cells;

pub(crate) type ArtifactRows = Vec<(&'static str, Vec<Cell>, Membership)>;

/// District 2, masked.
pub(crate) fn district_2() -> ArtifactRows {
    let null = || Cell::Null;
    vec![
        ("ids.districts", cells![2, "Second"], Own),
        ("ids.schools", cells![20, 2, "Renamed"], Own),
        ("ids.schools", cells![21, 2, "New"], Own),
        (
            "ids.guardians",
            cells![100, "Ann", "ann@example.org"],
            Shared,
        ),
        (
            "ids.guardians",
            cells![101, "Bob of PROD", "bob@example.org"],
            Shared,
        ),
        ("ids.guardians", cells![102, "Cy", "cy@example.org"], Shared),
        ("ids.guardians", vec![103.into(), null(), null()], Stub),
        (
            "ids.students",
            cells![200, 20, 100, 201, "Ös'car\u{1F600}"],
            Own,
        ),
        ("ids.students", cells![201, 20, 101, 200, ""], Own),
        (
            "ids.students",
            vec![202.into(), 21.into(), null(), null(), null()],
            Own,
        ),
        ("ids.teams", cells![2, 2, 2], Own),
        ("ids.members", cells![2, 2], Own),
        ("hcp.learners", cells![2000, 200, "note"], Own),
        ("hcp.visits", cells![2000, 1, "a"], Own),
        ("hcp.visits", cells![2000, 2, "b"], Own),
        ("hcp.visits", vec![2000.into(), 3.into(), null()], Own),
        ("ids.events", cells![200, "seen"], Own),
        ("ids.events", cells![200, "seen"], Own),
        ("ids.events", vec![201.into(), null()], Own),
        // CERT has two of the three equal ones, which are another district's.
        ("hcp.clicks", vec![null(), "ping".into()], Own),
        ("hcp.clicks", vec![null(), "ping".into()], Shared),
        ("hcp.clicks", vec![null(), "ping".into()], Own),
        ("hcp.clicks", cells![2000, "go"], Own),
    ]
}

/// What CERT holds before: district 1, an older district 2, guardians of both.
pub(crate) fn cert_rows() -> Vec<(&'static str, Vec<Cell>)> {
    vec![
        ("ids.districts", cells![1, "First"]),
        ("ids.districts", cells![2, "Old second"]),
        ("ids.schools", cells![10, 1, "Neighbour"]),
        ("ids.schools", cells![20, 2, "Old name"]),
        ("ids.guardians", cells![101, "Bob", "bob@example.org"]),
        ("ids.guardians", cells![102, "Cy", "cy@example.org"]),
        ("ids.students", cells![110, 10, 101, 110, "N"]),
        ("ids.teams", cells![1, 1, 1]),
        ("ids.members", cells![1, 1]),
        ("hcp.learners", cells![1000, 110, "n"]),
        ("hcp.visits", cells![1000, 1, "n"]),
        ("ids.events", cells![110, "seen"]),
        ("ids.events", cells![110, "seen"]),
        ("hcp.clicks", vec![Cell::Null, "ping".into()]),
        ("hcp.clicks", vec![Cell::Null, "ping".into()]),
        ("hcp.clicks", cells![1000, "go"]),
    ]
}

/// The estate.
pub(crate) struct Estate {
    pub(crate) ids: MemoryTarget,
    pub(crate) hcp: MemoryTarget,
    /// Further groups.
    more: Vec<MemoryTarget>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) layout: Layout,
    pub(crate) key: RootKey,
    /// Opens real targets, as a new process would; none means those in memory.
    real: Option<OpenTargets>,
    /// An artifact that many estates share.
    artifact: Option<PathBuf>,
    _dir: TempDir,
}

pub(crate) type OpenTargets = Arc<dyn Fn() -> Vec<Arc<dyn TargetStore>> + Send + Sync>;

static SHARED: OnceLock<TempDir> = OnceLock::new();

impl Estate {
    /// With the artifact of district 2.
    pub(crate) fn new() -> Self {
        let estate = Self::empty();
        estate.write_artifact("mig-1", &estate.plan, &district_2());
        estate
    }

    /// With an artifact of district 2 that is written once for all of them.
    pub(crate) fn with_shared_artifact() -> Self {
        let mut estate = Self::empty();
        let shared = SHARED.get_or_init(|| {
            let dir = tempfile::tempdir().unwrap();
            write_artifact(
                dir.path(),
                "mig-1",
                &estate.plan,
                &estate.key,
                &district_2(),
            );
            dir
        });
        estate.artifact = Some(shared.path().to_path_buf());
        estate
    }

    /// The same district for real targets, whose tables are there and hold [`cert_rows`]. PROD's tables
    /// are CERT's without what only CERT has.
    pub(crate) async fn on(open: OpenTargets, stores: &[&[&str]]) -> Self {
        let mut cert = Vec::new();
        let mut kind = StoreKind::Sqlite;
        for target in open() {
            for store in target.stores() {
                let catalog = target.catalog(store).await.unwrap();
                kind = catalog.kind;
                cert.extend(catalog.tables);
            }
        }
        let mut prod: Vec<Table> = cert.clone();
        prod.retain(|table| table.name != name("ids.awards"));
        for table in &mut prod {
            let of_cert = ["cert_note", "doc", "spot"];
            table
                .columns
                .retain(|column| !of_cert.contains(&column.name.as_str()));
        }
        let (plan, findings) = plan_for(&prod, &cert, kind, &groups_of(stores));
        let errors = findings.iter();
        let errors = errors.filter(|one| one.severity == redistrict_model::Severity::Error);
        assert_eq!(errors.count(), 0, "{findings:?}");
        let mut estate = Self::empty();
        estate.plan = Arc::new(plan);
        estate.real = Some(open);
        estate.write_artifact("mig-1", &estate.plan, &district_2());
        estate
    }

    /// The same estate in other databases; the artifact is shared.
    pub(crate) fn copy(&self) -> Self {
        let copy =
            |target: &MemoryTarget| MemoryTarget::new(target.with(|database| database.clone()));
        Self {
            ids: copy(&self.ids),
            hcp: copy(&self.hcp),
            more: self.more.iter().map(copy).collect(),
            plan: Arc::clone(&self.plan),
            artifact: self.artifact.clone(),
            ..Self::empty()
        }
    }

    /// The same CERT, seen from the migration of another district, whose artifact is of this run.
    pub(crate) fn neighbour(&self, district: &str, run: &str, rows: &ArtifactRows) -> Self {
        let mut plan = (*self.plan).clone();
        plan.district = DistrictId::new(district);
        let neighbour = Self {
            ids: self.ids.clone(),
            hcp: self.hcp.clone(),
            plan: Arc::new(plan),
            key: self.key.clone(),
            real: self.real.clone(),
            ..Self::empty()
        };
        neighbour.write_artifact(run, &neighbour.plan, rows);
        neighbour
    }

    /// The same CERT and artifact, with a reference more in the plan.
    pub(crate) fn with_edge(mut self, edge: Edge) -> Self {
        let mut plan = (*self.plan).clone();
        plan.sections.extract.ownership.edges.push(edge);
        self.plan = Arc::new(plan);
        self
    }

    /// With a trigger in CERT that sets this column of this table, and of which the plan knows.
    pub(crate) fn with_trigger(mut self, of: &str, column: &str, value: Cell) -> Self {
        let trigger = Trigger {
            name: "stamp".into(),
            enabled: true,
            fills: Vec::new(),
        };
        let mut plan = (*self.plan).clone();
        let mut planned = plan.sections.load.tables.iter_mut();
        let planned = planned.find(|one| one.table.name == name(of)).unwrap();
        planned.table.triggers.push(trigger.clone());
        self.plan = Arc::new(plan);
        self.ids.with(|database| {
            let table = database.tables.get_mut(&name(of)).unwrap();
            table.triggers.push(trigger);
            database.trigger = Some((name(of), column.into(), value));
        });
        self
    }

    /// The plan switches the triggers of this table off.
    pub(crate) fn with_triggers_off(mut self, of: &str) -> Self {
        let mut plan = (*self.plan).clone();
        let mut planned = plan.sections.load.tables.iter_mut();
        let planned = planned.find(|one| one.table.name == name(of)).unwrap();
        planned.triggers = Triggers::Off;
        self.plan = Arc::new(plan);
        self
    }

    /// So many groups of one store each, with the same two tables in each; `dir` gets the artifact.
    pub(crate) fn grouped(count: usize, dir: &Path) -> Self {
        let stores: Vec<String> = (0..count).map(|at| format!("g{at}")).collect();
        let tables: Vec<Table> = stores
            .iter()
            .flat_map(|store| grouped_tables(store))
            .collect();
        let extract = ExtractSection {
            catalogs: catalogs_of(&stores, &tables, StoreKind::Sqlite),
            ownership: grouped_ownership(&stores),
            tables: extract_tables(&tables),
        };
        let groups: Vec<Vec<&str>> = stores.iter().map(|store| vec![store.as_str()]).collect();
        let groups: Vec<&[&str]> = groups.iter().map(Vec::as_slice).collect();
        let targets = extract.catalogs.clone();
        let (plan, _) = plan_with(extract, &targets, &groups_of(&groups));
        let mut databases = stores.iter().map(|store| {
            let mut database = Database::new(grouped_tables(store).into(), &[store]);
            for (of, values) in [
                ("items", cells![1, "first"]),
                ("items", cells![2, "old"]),
                ("notes", cells![1, "x"]),
                ("notes", cells![2, "x"]),
            ] {
                let of = format!("{store}.{of}");
                database.put(&name(&of), row(&tables, &of, values));
            }
            MemoryTarget::new(database)
        });
        let estate = Self {
            ids: databases.next().unwrap(),
            hcp: databases.next().unwrap(),
            more: databases.collect(),
            plan: Arc::new(plan),
            artifact: Some(dir.to_path_buf()),
            ..Self::empty()
        };
        let rows = stores.iter().flat_map(|store| {
            [
                (format!("{store}.items"), cells![2, "new"]),
                (format!("{store}.notes"), cells![2, "x"]),
                (format!("{store}.notes"), cells![2, "x"]),
                (format!("{store}.notes"), cells![2, "y"]),
            ]
        });
        let rows = rows.map(|(of, values)| (&*of.leak(), values, Own));
        write_artifact(dir, "mig-1", &estate.plan, &estate.key, &rows.collect());
        estate
    }

    fn empty() -> Self {
        let (plan, findings) = plan_of(&tables(), &cert_tables());
        assert!(
            findings
                .iter()
                .all(|one| one.severity != redistrict_model::Severity::Error)
        );
        let cert = cert_tables();
        let (ids, hcp): (Vec<Table>, Vec<Table>) = cert
            .iter()
            .cloned()
            .partition(|table| table.name.store.as_str() == "ids");
        let mut databases = [Database::new(ids, &["ids"]), Database::new(hcp, &["hcp"])];
        for (of, values) in cert_rows() {
            let at = usize::from(of.starts_with("hcp"));
            databases[at].put(&name(of), row(&cert, of, values));
        }
        let [ids, hcp] = databases.map(MemoryTarget::new);
        let dir = tempfile::tempdir().unwrap();
        Self {
            ids,
            hcp,
            more: Vec::new(),
            plan: Arc::new(plan),
            layout: Layout {
                data_dir: dir.path().join("data"),
                log_dir: dir.path().join("logs"),
                state_dir: dir.path().join("state"),
            },
            key: RootKey::new(&[7; 32]).unwrap(),
            real: None,
            artifact: None,
            _dir: dir,
        }
    }

    pub(crate) fn write_artifact(&self, run: &str, plan: &Plan, rows: &ArtifactRows) {
        let dir = self.layout.masked_of(&plan.district, &self.key).join(run);
        write_artifact(&dir, run, plan, &self.key, rows);
    }

    pub(crate) fn setup(&self, faults: &Arc<Faults>, mode: Mode) -> LoadSetup {
        let faulty = |inner: Arc<dyn TargetStore>| -> Arc<dyn TargetStore> {
            Arc::new(FaultyTarget {
                inner,
                faults: Arc::clone(faults),
            })
        };
        let targets: Vec<Arc<dyn TargetStore>> = match &self.real {
            Some(open) => open(),
            None => self
                .targets()
                .map(|one| -> Arc<dyn TargetStore> { Arc::new(one.clone()) })
                .collect(),
        };
        LoadSetup {
            targets: targets.into_iter().map(faulty).collect(),
            layout: self.layout.clone(),
            key: self.key.clone(),
            source_fingerprints: vec![Fingerprint("prod".into())],
            denied_fingerprints: Vec::new(),
            artifact: self.artifact.clone(),
            mode,
            owner: redistrict_testkit::claims::owner(),
            is_approved: false,
        }
    }

    /// Everything CERT holds.
    pub(crate) fn data(&self) -> Data {
        let each = self
            .targets()
            .map(|one| one.with(|database| database.canonical()));
        each.flatten().collect()
    }

    /// The targets in memory, in the order of the groups.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &MemoryTarget> {
        [&self.ids, &self.hcp].into_iter().chain(&self.more)
    }

    pub(crate) fn edit(&self, of: &str, work: impl FnOnce(&mut Database)) {
        if of.starts_with("hcp") {
            self.hcp.with(work);
        } else {
            self.ids.with(work);
        }
    }

    /// Sets one column of a row, as a tester would.
    pub(crate) fn set(&self, of: &str, id: &str, column: &str, value: &str) {
        self.edit(of, |database| {
            let rows = database.data.get_mut(&name(of)).unwrap();
            let row = rows.get_mut(&Key::of(id)).unwrap();
            row.insert(column.into(), value.into());
        });
    }

    pub(crate) fn put(&self, of: &str, values: Vec<Cell>) {
        let row = row(&cert_tables(), of, values);
        self.edit(of, |database| database.put(&name(of), row));
    }

    /// What the ledgers say, run by run.
    pub(crate) fn ledgers(&self) -> Vec<String> {
        let ledgers = self
            .targets()
            .map(|one| one.with(|database| database.told()));
        ledgers.flatten().collect()
    }

    pub(crate) fn has_leftovers(&self) -> bool {
        self.targets()
            .any(|one| one.with(|database| database.has_leftovers()))
    }

    /// Digests of all tables by the skill's own means.
    pub(crate) async fn digests(&self) -> Vec<String> {
        let mut digests = Vec::new();
        for target in [&self.ids, &self.hcp] {
            let catalog = target.catalog(&target.stores()[0]).await.unwrap();
            let tables = table_digests(target, &self.key, &catalog.tables)
                .await
                .unwrap();
            digests.extend(
                tables
                    .into_iter()
                    .map(|(table, digest)| format!("{table} {digest}")),
            );
        }
        digests
    }
}

/// Rows of two each part.
fn write_artifact(dir: &Path, run: &str, plan: &Plan, key: &RootKey, rows: &ArtifactRows) {
    let run = RunId::new(run);
    let writer = ArtifactWriter::open_masked(dir, &run, key).unwrap();
    let catalogs = plan.sections.extract.catalogs.iter();
    let prod: Vec<Table> = catalogs.flat_map(|one| one.tables.clone()).collect();
    let mut entries = Vec::new();
    for planned in &plan.sections.extract.tables {
        let table = plan.sections.extract.catalog_table(&planned.table).unwrap();
        let schema = arrow_schema(table, &planned.columns);
        let of_table: Vec<_> = rows
            .iter()
            .filter(|(of, _, _)| name(of) == planned.table)
            .collect();
        let mut parts = Vec::new();
        for (number, chunk) in of_table.chunks(2).enumerate() {
            let values: Vec<Row> = chunk
                .iter()
                .map(|(of, values, _)| row(&prod, of, values.clone()))
                .collect();
            let membership: Vec<Membership> = chunk.iter().map(|(_, _, one)| *one).collect();
            let number = u32::try_from(number).unwrap();
            let mut part = writer.part(&planned.table, number, &schema).unwrap();
            part.write(&batch_of(table, &planned.columns, &values), &membership)
                .unwrap();
            parts.push(part.finish().unwrap());
        }
        let count = |wanted: Membership| {
            of_table.iter().filter(|(_, _, one)| *one == wanted).count() as u64
        };
        let columns = planned.columns.iter();
        entries.push(ManifestTable {
            table: planned.table.clone(),
            columns: columns.map(|one| (one.clone(), String::new())).collect(),
            rows: of_table.len() as u64,
            own: count(Own),
            shared: count(Shared),
            stubs: count(Stub),
            parts,
            dangling: Vec::new(),
        });
    }
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        kind: ArtifactKind::Masked,
        run,
        district: plan.district.clone(),
        plan_digest: plan.digest.clone(),
        made_from: None,
        stores: Vec::new(),
        tables: entries,
        facts: serde_json::Value::Null,
    };
    writer.seal(&manifest).unwrap();
}
