//! Every reference of the plan, looked up in the rows of the artifact: declared keys and links,
//! composite, to the own table, across stores. NULL in any column is no reference (MATCH SIMPLE); so
//! is a boundary that was set to NULL.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_artifact::Manifest;
use redistrict_model::{
    CheckResult, Edge, EdgeId, EdgeOrigin, ForeignKey, Inside, Plan, PlanSections, Severity,
    TableRef,
};

use super::links::Allowances;
use super::{TableView, Tally, could_not_run, locator};
use crate::cells::{Cells, TableBatch};
use crate::keyset::{KeyCells, KeyHasher, KeyIndex};

/// A reference with what was seen of it.
struct Reference {
    edge: Edge,
    /// The plan's closure knows it; else it is a key that only the target declares.
    is_planned: bool,
    /// CERT declares it as a foreign key: a row without its partner is refused there, also where that key was
    /// never validated.
    is_enforced: bool,
    /// Why it cannot be looked up.
    obstacle: Option<&'static str>,
    tally: Tally,
}

/// A parent's columns that children refer to.
type IndexKey = (TableRef, Vec<String>);

/// All references between tables of the artifact.
pub(crate) struct References {
    all: Vec<Reference>,
    indexes: BTreeMap<IndexKey, KeyIndex>,
    hasher: KeyHasher,
}

impl References {
    /// The references whose child is in the artifact: the plan's edges, and the target's foreign keys
    /// that no edge stands for.
    pub(crate) fn of(plan: &Plan, manifest: &Manifest) -> Self {
        let edges = &plan.sections.extract.ownership.edges;
        let planned = edges.iter().map(|edge| (edge.clone(), true));
        let target_only = plan.sections.load.tables.iter().flat_map(|target| {
            let table = &target.table;
            let is_new =
                |key: &&ForeignKey| !edges.iter().any(|edge| stands_for(edge, &table.name, key));
            table
                .foreign_keys
                .iter()
                .filter(is_new)
                .map(|key| (edge_of(&table.name, key), false))
        });
        let all: Vec<Reference> = planned
            .chain(target_only)
            .filter(|(edge, _)| manifest.table(&edge.child).is_some())
            .map(|(edge, is_planned)| {
                let obstacle = obstacle(&edge, plan, manifest);
                Reference {
                    is_enforced: is_enforced(&plan.sections, &edge),
                    edge,
                    is_planned,
                    obstacle,
                    tally: Tally::default(),
                }
            })
            .collect();
        let indexes = all
            .iter()
            .filter_map(|one| {
                let rows = manifest.table(&one.edge.parent)?.rows;
                Some((index_key(&one.edge), KeyIndex::with_capacity(rows)))
            })
            .collect();
        Self {
            all,
            indexes,
            hasher: KeyHasher::default(),
        }
    }

    /// Whether a reference leads to the table.
    pub(crate) fn is_parent(&self, table: &TableRef) -> bool {
        self.indexes.keys().any(|(parent, _)| parent == table)
    }

    /// Takes the keys of a parent's rows.
    pub(crate) fn index(&mut self, view: &TableView<'_>, batch: &TableBatch<'_>) {
        let mut key = Vec::new();
        for ((parent, columns), index) in &mut self.indexes {
            if parent != view.name() {
                continue;
            }
            let Some(cells) = KeyCells::of(batch, columns, view.source) else {
                continue;
            };
            for row in 0..batch.len() {
                if let Some(hash) = cells.short(row, &self.hasher, &mut key) {
                    let place = u32::try_from(batch.place(row)).unwrap_or(u32::MAX);
                    index.insert(hash, place);
                }
            }
        }
    }

    /// Looks up the references of a child's rows; every planned one that has its partner is told:
    /// its edge, the place of the child's row and of the parent's row in their tables.
    pub(crate) fn look(
        &mut self,
        view: &TableView<'_>,
        batch: &TableBatch<'_>,
        mut found: impl FnMut(&Edge, u64, u32),
    ) {
        let mut key = Vec::new();
        for one in &mut self.all {
            if one.edge.child != *view.name() || one.obstacle.is_some() {
                continue;
            }
            let Some(cells) = Referring::of(&one.edge, batch, view) else {
                continue;
            };
            let condition = Condition::of(&one.edge, view, batch);
            let index = self.indexes.get(&index_key(&one.edge));
            for row in 0..batch.len() {
                if !condition.holds(row) {
                    continue;
                }
                cells.each(row, &self.hasher, &mut key, &mut |hash| {
                    one.tally.examined += 1;
                    let place = batch.place(row);
                    match index.and_then(|index| index.get(hash)) {
                        Some(parent) if one.is_planned => found(&one.edge, place, parent),
                        Some(_) => {}
                        None => one.tally.fail(|| locator(view.name(), place)),
                    }
                });
            }
        }
    }

    /// What came out.
    pub(crate) fn finish(self, manifest: &Manifest) -> Vec<CheckResult> {
        let mut allowances = Allowances::of(manifest);
        self.all
            .into_iter()
            .map(|one| {
                let Reference {
                    edge,
                    is_planned,
                    is_enforced,
                    obstacle,
                    tally,
                } = one;
                let check = if edge.origin == EdgeOrigin::Link {
                    "link"
                } else {
                    "foreign-key"
                };
                let (subject, definition) = (subject(&edge), definition(&edge));
                match (obstacle, is_planned, edge.origin) {
                    (Some(why), ..) => could_not_run(check, subject, definition, why),
                    (None, false, _) => {
                        let definition =
                            format!("{definition} (declared in the target only: CERT may have it)");
                        tally.result("foreign-key-target", subject, definition, Severity::Warning)
                    }
                    (None, true, EdgeOrigin::ForeignKey) => {
                        tally.result(check, subject, definition, Severity::Error)
                    }
                    (None, true, EdgeOrigin::Link | EdgeOrigin::NotValid)
                        if is_enforced && tally.failed > 0 =>
                    {
                        let definition = format!(
                            "{definition}: CERT declares this key and refuses rows without one, whether it was \
                             validated there or not"
                        );
                        tally.result(DANGLING_KEY, subject, definition, Severity::Error)
                    }
                    (None, true, EdgeOrigin::Link | EdgeOrigin::NotValid) => {
                        allowances.result(check, &edge, subject, &definition, tally)
                    }
                }
            })
            .collect()
    }
}

/// The check of references that PROD does not enforce and CERT does.
pub(crate) const DANGLING_KEY: &str = "dangling-key";

/// Whether CERT declares the reference as a foreign key.
pub(crate) fn is_enforced(sections: &PlanSections, edge: &Edge) -> bool {
    sections.load.table(&edge.child).is_some_and(|target| {
        let mut keys = target.table.foreign_keys.iter();
        keys.any(|key| stands_for(edge, &target.table.name, key))
    })
}

/// What the rows of a batch refer to by one reference.
enum Referring<'a> {
    /// One key, in columns.
    Columns(KeyCells<'a>),
    /// Any number of keys, inside of the values of one column.
    Inside(Cells<'a>, &'a Inside),
}

impl<'a> Referring<'a> {
    fn of(edge: &'a Edge, batch: &TableBatch<'a>, view: &TableView<'_>) -> Option<Self> {
        match (&edge.inside, edge.child_columns.first()) {
            (Some(inside), Some(column)) => {
                Cells::of(batch.rows, column, view.source).map(|cells| Self::Inside(cells, inside))
            }
            _ => KeyCells::of(batch, &edge.child_columns, view.source).map(Self::Columns),
        }
    }

    /// Tells the hashes of the row's keys to look parents up with.
    fn each(&self, row: usize, hasher: &KeyHasher, key: &mut Vec<u8>, tell: &mut dyn FnMut(u64)) {
        match self {
            Self::Columns(cells) => cells.short(row, hasher, key).into_iter().for_each(tell),
            Self::Inside(cells, inside) => {
                let keys = (cells.canonical_text(row)).and_then(|value| inside.keys(&value));
                for one in keys.into_iter().flatten() {
                    tell(hasher.of_text(&one, key));
                }
            }
        }
    }
}

fn index_key(edge: &Edge) -> IndexKey {
    (edge.parent.clone(), edge.parent_columns.clone())
}

/// What the check of a reference is called after.
pub(crate) fn subject(edge: &Edge) -> String {
    let inside = edge.inside.as_ref().map(ToString::to_string);
    format!(
        "{}({}{}) -> {}({})",
        edge.child,
        edge.child_columns.join(", "),
        inside.unwrap_or_default(),
        edge.parent,
        edge.parent_columns.join(", ")
    )
}

fn definition(edge: &Edge) -> String {
    let condition: Vec<String> = edge
        .when
        .iter()
        .map(|(column, texts)| format!(" where {column} is one of {} texts", texts.len()))
        .collect();
    let columns = edge.child_columns.join(", ");
    let each = match &edge.inside {
        None => format!("each ({columns}) without NULL"),
        Some(inside) => format!("each value in ({columns}{inside})"),
    };
    format!(
        "{each}{} has its row in {}",
        condition.concat(),
        edge.parent
    )
}

fn stands_for(edge: &Edge, child: &TableRef, key: &ForeignKey) -> bool {
    let pairs = |from: &[String], to: &[String]| {
        let mut pairs: Vec<_> = from.iter().cloned().zip(to.iter().cloned()).collect();
        pairs.sort();
        pairs
    };
    edge.child == *child
        && edge.inside.is_none()
        && edge.parent == key.parent
        && sorted(&edge.when) == sorted(&key.when)
        && pairs(&edge.child_columns, &edge.parent_columns)
            == pairs(&key.columns, &key.parent_columns)
}

fn edge_of(child: &TableRef, key: &ForeignKey) -> Edge {
    Edge {
        id: EdgeId(u32::MAX),
        name: key.name.clone(),
        origin: EdgeOrigin::ForeignKey,
        child: child.clone(),
        child_columns: key.columns.clone(),
        parent: key.parent.clone(),
        parent_columns: key.parent_columns.clone(),
        mandatory: false,
        nullable_columns: Vec::new(),
        on_delete_cascade: key.on_delete_cascade,
        when: key.when.clone(),
        inside: None,
        always: false,
        policy: None,
    }
}

/// A condition says the same in whatever order.
fn sorted(when: &[(String, Vec<String>)]) -> BTreeMap<&str, BTreeSet<&str>> {
    when.iter()
        .map(|(column, texts)| (column.as_str(), texts.iter().map(String::as_str).collect()))
        .collect()
}

fn obstacle(edge: &Edge, plan: &Plan, manifest: &Manifest) -> Option<&'static str> {
    let carries = |table: &TableRef, columns: &[&String]| {
        let view = manifest
            .table(table)
            .and_then(|entry| TableView::of(plan, entry));
        view.is_some_and(|view| columns.iter().all(|column| view.carries(column)))
    };
    let when = edge.when.iter().map(|(column, _)| column);
    let own: Vec<&String> = edge.child_columns.iter().chain(when).collect();
    if !carries(&edge.child, &own) {
        return Some("the artifact does not carry all of its columns");
    }
    let is_parent_there = manifest.table(&edge.parent).is_some();
    let referred: Vec<&String> = edge.parent_columns.iter().collect();
    if is_parent_there && !carries(&edge.parent, &referred) {
        return Some("the artifact does not carry all columns it refers to");
    }
    None
}

/// The `when` of an edge on one batch.
struct Condition<'a>(Vec<(Cells<'a>, &'a [String])>);

impl<'a> Condition<'a> {
    fn of(edge: &'a Edge, view: &TableView<'_>, batch: &TableBatch<'a>) -> Self {
        Self(
            edge.when
                .iter()
                .filter_map(|(column, texts)| {
                    Some((
                        Cells::of(batch.rows, column, view.source)?,
                        texts.as_slice(),
                    ))
                })
                .collect(),
        )
    }

    fn holds(&self, row: usize) -> bool {
        self.0.iter().all(|(cells, texts)| {
            cells
                .canonical_text(row)
                .is_some_and(|text| texts.contains(&text))
        })
    }
}
