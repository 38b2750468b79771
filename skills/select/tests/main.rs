//! Measuring districts over a reader in memory, and what is written about them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use redistrict_artifact::Layout;
use redistrict_model::{
    Catalog, Column, ColumnRef, ColumnType, DistrictId, Edge, EdgeId, EdgeOrigin, ErrorKind,
    ExtractSection, ExtractTable, Generated, Key, KeyRow, OrgPart, Owner, OwnerKind, Ownership,
    Role, StoreKind, StoreName, Table, TableKind, TableRef, TableRole,
};
use redistrict_select::{
    CollectInput, Measurement, RowCount, Selection, collect, rank, render_markdown, write,
};
use redistrict_store::{
    KeyReader, KeyRequest, Selector, StoreError, StoreErrorKind, Tally, TallyRequest,
};

type Cell = Option<&'static str>;

/// Tables in memory: column names and rows.
#[derive(Default)]
struct Memory {
    tables: BTreeMap<TableRef, (Vec<&'static str>, Vec<Vec<Cell>>)>,
    asked: Vec<KeyRequest>,
    broken: Option<StoreErrorKind>,
    /// There are more different references than are counted one by one.
    has_many_references: bool,
}

#[async_trait]
impl KeyReader for Memory {
    async fn keys(&mut self, request: &KeyRequest) -> Result<Vec<KeyRow>, StoreError> {
        self.asked.push(request.clone());
        if let Some(kind) = self.broken.filter(|_| request.selector != Selector::All) {
            return Err(StoreError::new(kind, "read keys").at(&request.table));
        }
        let (columns, rows) = &self.tables[&request.table];
        let limit = match request.selector {
            Selector::Sample { limit } => limit as usize,
            _ => usize::MAX,
        };
        let at = |name: &String| columns.iter().position(|column| column == name).unwrap();
        let places: Vec<usize> = request.columns.iter().map(at).collect();
        Ok(rows
            .iter()
            .take(limit)
            .map(|row| KeyRow {
                id: Key::of(row[0].unwrap()),
                values: places
                    .iter()
                    .map(|place| row[*place].map(Into::into))
                    .collect(),
            })
            .collect())
    }

    async fn count(&mut self, table: &TableRef) -> Result<u64, StoreError> {
        Ok(self.tables[table].1.len() as u64)
    }

    async fn tally(&mut self, request: &TallyRequest) -> Result<Tally, StoreError> {
        let (columns, rows) = &self.tables[&request.table];
        let at = |name: &String| columns.iter().position(|column| column == name).unwrap();
        let mut counted = BTreeMap::new();
        for row in rows {
            let values = request
                .columns
                .iter()
                .map(|name| row[at(name)].map(Into::into));
            *counted.entry(values.collect()).or_default() += 1;
        }
        let limit = if self.has_many_references {
            1
        } else {
            request.limit
        };
        Ok(Tally::of(counted, limit))
    }
}

fn name(table: &str) -> TableRef {
    table.parse().unwrap()
}

fn strings(all: &[&str]) -> Vec<String> {
    all.iter().map(|one| (*one).to_owned()).collect()
}

fn table(table: &str, columns: &[(&str, ColumnType, bool)]) -> Table {
    let columns = columns.iter().map(|(name, column_type, nullable)| Column {
        name: (*name).to_owned(),
        source_type: String::new(),
        column_type: *column_type,
        nullable: *nullable,
        generated: Generated::No,
        has_default: false,
        max_length: None,
        labels: Vec::new(),
        element: None,
    });
    Table {
        name: name(table),
        kind: TableKind::Table,
        columns: columns.collect(),
        primary_key: Some(strings(&["id"])),
        uniques: Vec::new(),
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        exclusions: Vec::new(),
        triggers: Vec::new(),
        row_security: false,
        inherits: None,
        estimated_rows: None,
    }
}

fn edge(id: u32, child: &str, column: &str, parent: &str, parent_column: &str) -> Edge {
    Edge {
        id: EdgeId(id),
        name: String::new(),
        origin: EdgeOrigin::ForeignKey,
        child: name(child),
        child_columns: strings(&[column]),
        parent: name(parent),
        parent_columns: strings(&[parent_column]),
        mandatory: false,
        nullable_columns: Vec::new(),
        on_delete_cascade: false,
        when: Vec::new(),
        inside: None,
        always: false,
        policy: None,
    }
}

fn role(table: &str, owners: &[u32]) -> TableRole {
    let owner = |id: &u32| Owner {
        edge: EdgeId(*id),
        kind: OwnerKind::Path,
        reason: String::new(),
    };
    TableRole {
        table: name(table),
        role: Role::Owned,
        owners: owners.iter().map(owner).collect(),
        org: None,
        tier: None,
        measured: None,
        decided: false,
        pair: false,
        in_doubt: false,
        whole: false,
        reason: String::new(),
    }
}

const ROOT: &str = "ids.main.districts";
const SCHOOLS: &str = "ids.main.schools";
const TRANSFERS: &str = "ids.main.transfers";
const STUDENTS: &str = "ids.main.students";

fn section() -> ExtractSection {
    use ColumnType::{Bytes, Date, Text};
    let tables = vec![
        table(
            ROOT,
            &[
                ("id", Text, false),
                ("code", Text, false),
                ("name", Text, true),
            ],
        ),
        table(
            SCHOOLS,
            &[
                ("id", Text, false),
                ("district_id", Text, false),
                ("phone", Text, true),
                ("photo", Bytes, true),
            ],
        ),
        table(
            TRANSFERS,
            &[
                ("id", Text, false),
                ("from_id", Text, true),
                ("to_code", Text, true),
                ("born_on", Date, false),
                ("moved_on", Date, false),
            ],
        ),
        table(STUDENTS, &[("id", Text, false), ("school_id", Text, false)]),
    ];
    ExtractSection {
        tables: tables
            .iter()
            .map(|table| ExtractTable {
                table: table.name.clone(),
                columns: table
                    .columns
                    .iter()
                    .map(|column| column.name.clone())
                    .collect(),
                identity: strings(&["id"]),
                max_rows: None,
            })
            .collect(),
        catalogs: vec![Catalog {
            store: StoreName::new("ids"),
            kind: StoreKind::Sqlite,
            version: String::new(),
            tables,
        }],
        ownership: Ownership {
            root: name(ROOT),
            root_key: strings(&["id"]),
            tables: vec![
                role(ROOT, &[]),
                role(SCHOOLS, &[0]),
                role(TRANSFERS, &[1, 2]),
                role(STUDENTS, &[3]),
            ],
            edges: vec![
                edge(0, SCHOOLS, "district_id", ROOT, "id"),
                edge(1, TRANSFERS, "from_id", ROOT, "id"),
                edge(2, TRANSFERS, "to_code", ROOT, "code"),
                edge(3, STUDENTS, "school_id", SCHOOLS, "id"),
            ],
        },
    }
}

fn memory() -> Memory {
    let mut memory = Memory::default();
    let mut put = |table: &str, columns: &[&'static str], rows: Vec<Vec<Cell>>| {
        memory.tables.insert(name(table), (columns.to_vec(), rows));
    };
    put(
        ROOT,
        &["id", "code", "name"],
        vec![
            vec![Some("10"), Some("X"), Some("Ten")],
            vec![Some("2"), Some("Y"), Some("Two | the `odd`")],
            vec![Some("3"), Some("Z"), None],
        ],
    );
    put(
        SCHOOLS,
        &["id", "district_id", "phone", "photo"],
        vec![
            vec![Some("1"), Some("2"), Some("p"), None],
            vec![Some("2"), Some("2"), None, None],
            vec![Some("3"), Some("10"), Some("p"), None],
            vec![Some("4"), Some("404"), Some("p"), None],
        ],
    );
    put(
        TRANSFERS,
        &["id", "from_id", "to_code", "born_on", "moved_on"],
        vec![
            vec![
                Some("1"),
                Some("2"),
                Some("X"),
                Some("2024-12-01"),
                Some("2024-03-01"),
            ],
            vec![
                Some("2"),
                None,
                Some("X"),
                Some("2001-01-01"),
                Some("2024-02-01"),
            ],
            vec![
                Some("3"),
                None,
                Some("Y"),
                Some("2001-01-01"),
                Some("2023-12-31"),
            ],
            vec![
                Some("4"),
                None,
                None,
                Some("2001-01-01"),
                Some("2024-03-01"),
            ],
            vec![
                Some("5"),
                Some("2"),
                None,
                Some("2001-01-01"),
                Some("9999-12-31"),
            ],
        ],
    );
    put(
        STUDENTS,
        &["id", "school_id"],
        vec![
            vec![Some("1"), Some("1")],
            vec![Some("2"), Some("1")],
            vec![Some("3"), Some("3")],
            vec![Some("4"), Some("4")],
        ],
    );
    memory
}

async fn measure(memory: Memory, sample_rows: u32, is_name_public: bool) -> (Measurement, Memory) {
    let section = section();
    let not_activity: BTreeSet<ColumnRef> = [name(TRANSFERS).column("born_on")].into();
    let mut readers: BTreeMap<StoreName, Box<Memory>> =
        [(StoreName::new("ids"), Box::new(memory))].into();
    let input = CollectInput {
        section: &section,
        name_column: Some("name"),
        is_name_public,
        not_activity: &not_activity,
        sample_rows,
    };
    let measured = collect(&mut readers, &input).await.unwrap();
    (measured, *readers.remove(&StoreName::new("ids")).unwrap())
}

#[tokio::test]
async fn districts_are_counted_in_the_tables_that_lead_to_them() {
    let (measured, memory) = measure(memory(), 100, true).await;
    let keys: Vec<&str> = measured
        .districts
        .iter()
        .map(|one| one.district.as_str())
        .collect();
    assert_eq!(keys, ["2", "3", "10"]);
    let sizes: Vec<u64> = measured.districts.iter().map(|one| one.size()).collect();
    // Schools 2 + transfers 3 (from before to) + students 2 (of the schools), none, schools 1 + transfers 1
    // (by its code) + students 1.
    assert_eq!(sizes, [7, 0, 3]);
    let [two, three, ten] = &measured.districts[..] else {
        panic!()
    };
    // Dated rows: 2024-03 and 2023-12 (9999 is no date); the newest quarter is 2024-1.
    assert_eq!(
        (two.activity, three.activity, ten.activity),
        (Some(0.5), None, Some(1.0))
    );
    // Phones 1 of 2, references of transfers 4 of 6.
    assert_eq!((two.completeness, three.completeness), (Some(0.625), None));
    assert!(!two.is_estimated());
    assert_eq!(measured.tables.len(), 3);
    let columns = memory.asked.iter().flat_map(|one| &one.columns);
    assert!(
        columns
            .clone()
            .all(|column| column != "photo" && column != "born_on")
    );
}

#[tokio::test]
async fn counts_are_exact_where_a_sample_does_not_hold_all_rows() {
    let (whole, _) = measure(memory(), 100, false).await;
    let (measured, _) = measure(memory(), 2, false).await;
    let rows = |measured: &Measurement| -> Vec<_> {
        let districts = measured.districts.iter();
        districts.map(|one| one.rows_by_table.clone()).collect()
    };
    assert_eq!(rows(&measured), rows(&whole));
    let looked_at: Vec<u64> = measured.tables.iter().map(|one| one.sampled).collect();
    assert_eq!(looked_at, [2, 2, 2]);
    let is_estimated = |note: &String| note.contains("extrapolated");
    assert!(
        !measured.notes.iter().any(is_estimated),
        "{:?}",
        measured.notes
    );
}

#[tokio::test]
async fn counts_of_very_many_references_are_extrapolated_and_say_so() {
    let mut many = memory();
    many.has_many_references = true;
    let (measured, _) = measure(many, 2, false).await;
    let schools = &measured.districts[0].rows_by_table[&name(SCHOOLS)];
    let expected = RowCount {
        rows: 4,
        is_estimated: true,
    };
    assert_eq!(*schools, expected);
    let note = "ids.main.schools: extrapolated from 2 of 4 rows".to_owned();
    assert!(measured.notes.contains(&note), "{:?}", measured.notes);
}

#[tokio::test]
async fn a_base_row_is_of_the_district_of_its_subclass_row() {
    const ORGS: &str = "ids.main.orgs";
    const PROGRAMS: &str = "ids.main.programs";
    let mut section = section();
    let text = ColumnType::Text;
    let more = [
        table(ORGS, &[("id", text, false)]),
        table(PROGRAMS, &[("id", text, false), ("org_id", text, false)]),
    ];
    for one in &more {
        let mut planned = section.tables[0].clone();
        planned.table = one.name.clone();
        section.tables.push(planned);
    }
    section.catalogs[0].tables.extend(more);
    let edges = &mut section.ownership.edges;
    edges.push(edge(4, ROOT, "id", ORGS, "id"));
    edges.push(edge(5, SCHOOLS, "id", ORGS, "id"));
    edges.push(edge(6, PROGRAMS, "org_id", ORGS, "id"));
    let roles = &mut section.ownership.tables;
    roles.extend([role(ORGS, &[]), role(PROGRAMS, &[6])]);
    for (table, part) in [
        (ROOT, OrgPart::Root),
        (SCHOOLS, OrgPart::Sibling),
        (ORGS, OrgPart::Base),
    ] {
        let found = roles.iter_mut().find(|role| role.table == name(table));
        found.unwrap().org = Some(part);
    }
    let mut memory = memory();
    let programs = ["10", "1", "2", "99"]
        .iter()
        .zip(["a", "b", "c", "d"])
        .map(|(org, id)| vec![Some(id), Some(*org)]);
    memory
        .tables
        .insert(name(PROGRAMS), (vec!["id", "org_id"], programs.collect()));
    let mut readers: BTreeMap<StoreName, Box<Memory>> =
        [(StoreName::new("ids"), Box::new(memory))].into();
    let input = CollectInput {
        section: &section,
        name_column: None,
        is_name_public: false,
        not_activity: &BTreeSet::new(),
        sample_rows: 100,
    };
    let measured = collect(&mut readers, &input).await.unwrap();
    let rows: Vec<u64> = (measured.districts.iter())
        .map(|one| one.rows_by_table[&name(PROGRAMS)].rows)
        .collect();
    // Of 2: its own row, and schools 1 and 2 are its; but 2 is the district and a school at once.
    assert_eq!(rows, [2, 0, 1]);
}

#[tokio::test]
async fn a_name_about_a_person_is_not_even_read() {
    let (measured, memory) = measure(memory(), 100, false).await;
    assert!(measured.districts.iter().all(|one| one.name.is_none()));
    assert!(
        memory
            .asked
            .iter()
            .all(|one| !one.columns.contains(&"name".to_owned()))
    );
}

#[tokio::test]
async fn a_table_that_cannot_be_counted_is_noted_and_a_failing_store_is_an_error() {
    let mut keyless = memory();
    keyless.broken = Some(StoreErrorKind::Config);
    let (measured, _) = measure(keyless, 100, false).await;
    assert!(
        measured.notes[0].starts_with("ids.main.schools was not counted"),
        "{:?}",
        measured.notes
    );
    assert_eq!(measured.districts[0].size(), 0);
    let section = section();
    let input = CollectInput {
        section: &section,
        name_column: None,
        is_name_public: false,
        not_activity: &BTreeSet::new(),
        sample_rows: 10,
    };
    let mut lost = memory();
    lost.broken = Some(StoreErrorKind::Transient);
    let mut readers: BTreeMap<StoreName, Box<Memory>> =
        [(StoreName::new("ids"), Box::new(lost))].into();
    let error = collect(&mut readers, &input).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Transient);
    readers.clear();
    assert_eq!(
        collect(&mut readers, &input).await.unwrap_err().kind,
        ErrorKind::Bug
    );
}

#[tokio::test]
async fn both_files_are_written_and_names_cannot_break_the_table() {
    let (measured, _) = measure(memory(), 100, true).await;
    let priorities = [(DistrictId::new("10"), 100)].into();
    let ranked = rank(measured.districts.clone(), &priorities, None);
    let selection = Selection::new(ranked, measured);
    let text = render_markdown(&selection);
    for line in [
        // 40·42.9 + 30·100 + 20·66.7 + 10·100; 40·100 + 30·50 + 20·62.5 + 10·0.
        "| 1 | 10 (Ten) | 70.5 | 42.9 | 100.0 | 66.7 | 100.0 | 3 | medium | yes | not measured yet |",
        "| 2 | 2 (Two \\| the \\`odd\\`) | 67.5 | 100.0 | 50.0 | 62.5 | 0.0 | 7 | large | yes | not measured yet |",
        "| 3 | 3 | 25.0 | 0.0 | 50.0 (not measured) | 50.0 (not measured) | 0.0 | 0 | small | yes | not measured yet |",
        "| ids.main.transfers | 5 | 5 | moved_on |",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout {
        data_dir: dir.path().join("data"),
        log_dir: dir.path().join("logs"),
        state_dir: dir.path().join("state"),
    };
    let [markdown, json] = write(&layout, &selection).unwrap();
    assert!(markdown.ends_with("data/manifests/district-selection-report.md"));
    assert_eq!(std::fs::read_to_string(markdown).unwrap(), text);
    let read: Selection = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    assert_eq!(read, selection);
}
