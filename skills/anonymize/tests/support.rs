//! Catalogs and plans made by hand, artifacts made of literal rows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Date32Array, Int32Array, Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{Field, Schema};
use redistrict_anonymize::{AnonymizeSkill, MaskInputs, MaskPlanError, MaskRegistry};
use redistrict_artifact::{
    Artifact, ArtifactKind, ArtifactWriter, CutEntry, FORMAT_VERSION, Layout, Manifest,
    ManifestTable, RootKey, StoreEntry, sha256_hex,
};
use redistrict_model::config::{ColumnSettings, Unknown};
use redistrict_model::{
    Catalog, Check, CheckSection, Column, ColumnRef, ColumnType, DistrictId, Edge, EdgeId,
    EdgeOrigin, ExtractSection, ExtractTable, Finding, Generated, LoadSection, MaskSection,
    Membership, Owner, OwnerKind, Ownership, Plan, PlanDigest, PlanSections, Role, RunId,
    StoreKind, StoreName, Table, TableKind, TableRef, TableRole, TargetTable, Unique, UnitKey,
};
use redistrict_skill::{Cancel, ManualClock, Progress, ProgressSink, UnitContext, UnitOutcome};
use redistrict_skill::{Skill as _, SkillError};

pub(crate) fn root_key() -> RootKey {
    RootKey::new(&[5; 32]).unwrap()
}

pub(crate) fn table_ref(name: &str) -> TableRef {
    TableRef::new(&StoreName::new("ids"), "main", name)
}

pub(crate) fn column_ref(name: &str) -> ColumnRef {
    let (table, column) = name.split_once('.').unwrap();
    table_ref(table).column(column)
}

/// `name:type[(length)][[]][!]`, `!` for NOT NULL, `[]` for arrays.
pub(crate) fn column(text: &str) -> Column {
    let (name, rest) = text.rsplit_once(':').unwrap();
    let nullable = !rest.ends_with('!');
    let rest = rest.trim_end_matches('!');
    if let Some(element) = rest.strip_suffix("[]") {
        let element = column(&format!("{name}:{element}"));
        return Column {
            source_type: rest.to_owned(),
            column_type: ColumnType::Array,
            nullable,
            max_length: None,
            element: Some(element.column_type),
            ..element
        };
    }
    let (kind, length) = match rest.split_once('(') {
        Some((kind, length)) => (kind, length.trim_end_matches(')').parse().ok()),
        None => (rest, None),
    };
    let column_type = match kind {
        "int2" => ColumnType::Int16,
        "int4" => ColumnType::Int32,
        "int8" => ColumnType::Int64,
        "real" => ColumnType::Float32,
        "numeric" => ColumnType::Numeric,
        "char" => ColumnType::Char,
        "bytes" => ColumnType::Bytes,
        "date" => ColumnType::Date,
        "timestamp" => ColumnType::Timestamp,
        "uuid" => ColumnType::Uuid,
        "json" => ColumnType::Json,
        "bool" => ColumnType::Bool,
        "enum" => ColumnType::Enum,
        "inet" => ColumnType::Inet,
        "float8" => ColumnType::Float64,
        "timestamptz" => ColumnType::TimestampTz,
        "time" => ColumnType::Time,
        "interval" => ColumnType::Interval,
        "bit" | "varbit" => ColumnType::Bits,
        "xml" => ColumnType::Xml,
        "money" => ColumnType::Money,
        "moment" => ColumnType::DateTimeText,
        "row" | "public.place" => ColumnType::Composite,
        kind if kind.ends_with("range") => ColumnType::Range,
        "tsvector" | "hstore" | "point" | "oid" | "odd" | "box" => ColumnType::Verbatim,
        _ => ColumnType::Text,
    };
    Column {
        name: name.to_owned(),
        source_type: rest.to_owned(),
        column_type,
        nullable,
        generated: Generated::No,
        has_default: false,
        max_length: length.filter(|_| matches!(column_type, ColumnType::Text | ColumnType::Char)),
        labels: Vec::new(),
        element: None,
    }
}

pub(crate) fn table(name: &str, key: &[&str], columns: &[&str]) -> Table {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Table {
        name: table_ref(name),
        kind: TableKind::Table,
        columns: columns.iter().map(|text| column(text)).collect(),
        primary_key: (!key.is_empty()).then(|| owned(key)),
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

/// An estate of one store, to be planned.
pub(crate) struct Estate {
    pub(crate) extract: ExtractSection,
    pub(crate) targets: Vec<TargetTable>,
    pub(crate) columns: BTreeMap<ColumnRef, ColumnSettings>,
    pub(crate) confirmed: BTreeSet<TableRef>,
    pub(crate) samples: BTreeMap<ColumnRef, Vec<Option<Box<str>>>>,
    pub(crate) unknown: Unknown,
}

impl Estate {
    /// Tables with their roles; the first one is the root, its first key column the tenant's key.
    pub(crate) fn new(tables: Vec<(Role, Table)>) -> Self {
        let root = &tables[0].1;
        let roles = tables.iter().map(|(role, table)| TableRole {
            table: table.name.clone(),
            role: *role,
            owners: Vec::new(),
            org: None,
            tier: None,
            pair: false,
            in_doubt: false,
            whole: false,
            measured: None,
            decided: false,
            reason: String::new(),
        });
        let ownership = Ownership {
            root: root.name.clone(),
            root_key: root.primary_key.clone().unwrap(),
            tables: roles.collect(),
            edges: Vec::new(),
        };
        let moved = tables.iter().map(|(_, table)| ExtractTable {
            table: table.name.clone(),
            columns: table.columns.iter().map(|c| c.name.clone()).collect(),
            identity: table.identity().map(<[String]>::to_vec).unwrap_or_default(),
            max_rows: None,
        });
        let moved = moved.collect();
        let tables: Vec<Table> = tables.into_iter().map(|(_, table)| table).collect();
        Self {
            targets: tables
                .iter()
                .map(|table| TargetTable {
                    table: table.clone(),
                    triggers: redistrict_model::config::Triggers::Fire,
                })
                .collect(),
            extract: ExtractSection {
                catalogs: vec![Catalog {
                    store: StoreName::new("ids"),
                    kind: StoreKind::Sqlite,
                    version: String::new(),
                    tables,
                }],
                ownership,
                tables: moved,
            },
            columns: BTreeMap::new(),
            confirmed: BTreeSet::new(),
            samples: BTreeMap::new(),
            unknown: Unknown::Mask,
        }
    }

    /// `child.column` refers to `parent.column`.
    pub(crate) fn reference(mut self, child: &str, parent: &str) -> Self {
        let (child, parent) = (column_ref(child), column_ref(parent));
        let edges = &mut self.extract.ownership.edges;
        edges.push(Edge {
            id: EdgeId(u32::try_from(edges.len()).unwrap()),
            name: String::new(),
            origin: EdgeOrigin::ForeignKey,
            child: child.table,
            child_columns: vec![child.column],
            parent: parent.table,
            parent_columns: vec![parent.column],
            mandatory: false,
            nullable_columns: Vec::new(),
            on_delete_cascade: false,
            when: Vec::new(),
            inside: None,
            always: false,
            policy: None,
        });
        self
    }

    /// Rows of the table hang on what the edge leads to.
    pub(crate) fn hang(mut self, name: &str, edge: u32) -> Self {
        let table = table_ref(name);
        let roles = self.extract.ownership.tables.iter_mut();
        let mut found = roles.filter(|role| role.table == table);
        found.next().unwrap().owners.push(Owner {
            edge: EdgeId(edge),
            kind: OwnerKind::Hang,
            reason: String::new(),
        });
        self
    }

    /// The reference table may be of persons all the same.
    pub(crate) fn doubt(mut self, name: &str) -> Self {
        let table = table_ref(name);
        let roles = self.extract.ownership.tables.iter_mut();
        let mut found = roles.filter(|role| role.table == table);
        found.next().unwrap().in_doubt = true;
        self
    }

    pub(crate) fn confirm(mut self, table: &str) -> Self {
        self.confirmed.insert(table_ref(table));
        self
    }

    /// `[column."…"]` as TOML's JSON twin.
    pub(crate) fn setting(mut self, column: &str, settings: serde_json::Value) -> Self {
        let settings = serde_json::from_value(settings).unwrap();
        self.columns.insert(column_ref(column), settings);
        self
    }

    pub(crate) fn sample(mut self, column: &str, values: &[&str]) -> Self {
        let values = values.iter().map(|value| Some((*value).into())).collect();
        self.samples.insert(column_ref(column), values);
        self
    }

    /// Changes a table on both sides.
    pub(crate) fn with(mut self, name: &str, change: impl Fn(&mut Table)) -> Self {
        for table in &mut self.extract.catalogs[0].tables {
            if table.name.table == name {
                change(table);
            }
        }
        self.with_target(name, change)
    }

    /// Changes a table on CERT's side.
    pub(crate) fn with_target(mut self, name: &str, change: impl Fn(&mut Table)) -> Self {
        for target in &mut self.targets {
            if target.table.name.table == name {
                change(&mut target.table);
            }
        }
        self
    }

    pub(crate) fn plan(&self) -> Result<(MaskSection, Vec<Finding>), MaskPlanError> {
        redistrict_anonymize::plan(&MaskInputs {
            extract: &self.extract,
            target_tables: &self.targets,
            columns: &self.columns,
            confirmed: &self.confirmed,
            samples: &self.samples,
            unknown: self.unknown,
        })
    }

    /// The codes and subjects of everything that stops the plan.
    pub(crate) fn stops(&self) -> Vec<(String, String)> {
        let findings = self
            .plan()
            .err()
            .map(|error| error.findings)
            .unwrap_or_default();
        let mut stops: Vec<(String, String)> = findings
            .into_iter()
            .map(|finding| (finding.code, finding.subject))
            .collect();
        stops.sort();
        stops
    }

    pub(crate) fn whole_plan(&self) -> Plan {
        let (anonymize, findings) = self.plan().unwrap();
        Plan {
            format_version: 1,
            district: DistrictId::new("2"),
            district_name: None,
            sections: PlanSections {
                extract: self.extract.clone(),
                anonymize,
                validate: CheckSection::default(),
                load: LoadSection {
                    groups: Vec::new(),
                    tables: self.targets.clone(),
                },
            },
            digest: PlanDigest("00".into()),
            findings,
        }
    }
}

pub(crate) fn unique(name: &str, columns: &[&str]) -> Unique {
    Unique {
        name: name.to_owned(),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
    }
}

pub(crate) fn check(name: &str, expression: &str) -> Check {
    Check {
        name: name.to_owned(),
        expression: expression.to_owned(),
        columns: Vec::new(),
    }
}

/// A batch of a table: each row a list of texts, `∅` is NULL; dates as days, bytes as text.
pub(crate) fn batch(table: &Table, rows: &[Vec<String>]) -> RecordBatch {
    let mut fields = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for (at, column) in table.columns.iter().enumerate() {
        let texts: Vec<Option<&str>> = rows
            .iter()
            .map(|row| Some(row[at].as_str()).filter(|text| *text != "∅"))
            .collect();
        let array: ArrayRef = match column.column_type {
            ColumnType::Int32 => Arc::new(
                texts
                    .iter()
                    .map(|text| text.map(|text| text.parse::<i32>().unwrap()))
                    .collect::<Int32Array>(),
            ),
            ColumnType::Int64 => Arc::new(
                texts
                    .iter()
                    .map(|text| text.map(|text| text.parse::<i64>().unwrap()))
                    .collect::<Int64Array>(),
            ),
            ColumnType::Date => Arc::new(
                texts
                    .iter()
                    .map(|text| text.map(|text| text.parse::<i32>().unwrap()))
                    .collect::<Date32Array>(),
            ),
            ColumnType::Bytes => Arc::new(
                texts
                    .iter()
                    .map(|text| text.map(str::as_bytes))
                    .collect::<BinaryArray>(),
            ),
            _ => Arc::new(StringArray::from(texts)),
        };
        fields.push(Field::new(&column.name, array.data_type().clone(), true));
        arrays.push(array);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

pub(crate) fn layout(dir: &Path) -> Layout {
    Layout {
        data_dir: dir.join("data"),
        log_dir: dir.join("logs"),
        state_dir: dir.join(".redistrict"),
    }
}

pub(crate) fn run_id() -> RunId {
    RunId::new("mig-20260101T000000Z-1")
}

/// Writes and seals the raw artifact of a plan: rows by table name, in two parts.
pub(crate) fn write_raw(
    dir: &Path,
    plan: &Plan,
    rows: &BTreeMap<&str, Vec<Vec<String>>>,
) -> Manifest {
    let district = layout(dir).raw_of(&plan.district, &root_key());
    let dir = district.join(run_id().as_str());
    let writer = ArtifactWriter::create_raw(&dir, &run_id(), &root_key()).unwrap();
    let mut tables = Vec::new();
    for table in &plan.sections.extract.catalogs[0].tables {
        let rows = rows
            .get(table.name.table.as_str())
            .cloned()
            .unwrap_or_default();
        let mut parts = Vec::new();
        for (number, chunk) in (0..).zip(rows.chunks(rows.len().div_ceil(2).max(1))) {
            let batch = batch(table, chunk);
            let mut part = writer.part(&table.name, number, &batch.schema()).unwrap();
            part.write(&batch, &vec![Membership::Own; chunk.len()])
                .unwrap();
            parts.push(part.finish().unwrap());
        }
        tables.push(ManifestTable {
            table: table.name.clone(),
            columns: table
                .columns
                .iter()
                .map(|c| (c.name.clone(), c.source_type.clone()))
                .collect(),
            rows: rows.len() as u64,
            own: rows.len() as u64,
            shared: 0,
            stubs: 0,
            parts,
            dangling: Vec::new(),
        });
    }
    let digest = sha256_hex(&serde_json::to_vec(&plan.sections.extract).unwrap());
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        kind: ArtifactKind::Raw,
        run: run_id(),
        district: plan.district.clone(),
        plan_digest: plan.digest.clone(),
        made_from: None,
        stores: vec![StoreEntry {
            store: StoreName::new("ids"),
            kind: "sqlite".into(),
            cut: CutEntry {
                snapshot: "1".into(),
                at: "2026-01-01T00:00:00Z".into(),
            },
        }],
        tables,
        facts: serde_json::json!({"extract_digest": digest}),
    };
    writer.seal(&manifest).unwrap();
    manifest
}

struct Silent;

impl ProgressSink for Silent {
    fn progress(&self, _progress: Progress) {}
}

pub(crate) fn context(plan: &Plan, outcomes: &BTreeMap<UnitKey, UnitOutcome>) -> UnitContext {
    UnitContext {
        run: run_id(),
        plan: Arc::new(plan.clone()),
        attempt: 1,
        is_resume: false,
        outcomes: Arc::new(outcomes.clone()),
        clock: Arc::new(ManualClock::default()),
        cancel: Cancel::default(),
        progress: Arc::new(Silent),
    }
}

pub(crate) type Outcomes = BTreeMap<UnitKey, UnitOutcome>;

/// Runs all units of the skill with these masks.
pub(crate) async fn run_all(
    dir: &Path,
    plan: &Plan,
    registry: MaskRegistry,
) -> Result<Outcomes, SkillError> {
    let skill = AnonymizeSkill::with_masks(layout(dir), root_key(), None, registry);
    let mut outcomes = Outcomes::new();
    for unit in skill.units(plan) {
        let outcome = skill.run(&unit, &context(plan, &outcomes)).await?;
        outcomes.insert(unit, outcome);
    }
    Ok(outcomes)
}

/// The masked artifact of a plan's run, if it is sealed.
pub(crate) fn masked(
    dir: &Path,
    plan: &Plan,
) -> Result<Artifact, redistrict_artifact::ArtifactError> {
    let district = layout(dir).masked_of(&plan.district, &root_key());
    Artifact::open(&district.join(run_id().as_str()), &root_key())
}

/// All masked cells of a column as text.
pub(crate) fn cells(artifact: &Artifact, table: &str, column: &str) -> Vec<Option<String>> {
    let mut cells = Vec::new();
    for rows in artifact.rows(&table_ref(table)) {
        let (batch, _) = rows.unwrap();
        let array = batch.column_by_name(column).unwrap();
        for row in 0..batch.num_rows() {
            let text = arrow::util::display::array_value_to_string(array, row).unwrap();
            cells.push(arrow::array::Array::is_valid(array, row).then_some(text));
        }
    }
    cells
}
