//! What a plan says of each table: role, owner, path in words, forecast. Pure.

use redistrict_closure::Members;
use redistrict_model::{
    ColumnType, Edge, ExtractSection, MaskKind, OwnerKind, Ownership, Plan, Role, TableRef,
    TableRole, shown,
};
use serde_json::{Value, json};

use crate::commands::why::words::ownership_rule;
use crate::rates::Rates;

use super::measure::Measured;

/// One table.
pub(super) struct Line {
    pub(super) table: TableRef,
    pub(super) role: Option<Role>,
    pub(super) owner: Vec<String>,
    pub(super) path: String,
    pub(super) masked: usize,
    pub(super) kept: usize,
    /// Own, shared and stubs, if they were counted.
    pub(super) rows: Option<[u64; 3]>,
    pub(super) bytes: Option<Bytes>,
    /// Its share of the whole run, by earlier ones.
    pub(super) millis: Option<u64>,
    pub(super) statement: Option<String>,
    /// PROD has rows of it, of whatever district.
    pub(super) has_rows: bool,
}

/// An estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bytes {
    pub(super) about: u64,
    /// Columns with files were not measured.
    pub(super) is_least: bool,
}

/// What was found out beside the plan.
pub(super) struct Known<'a> {
    pub(super) members: Option<&'a Members>,
    pub(super) measured: &'a Measured,
    pub(super) rates: &'a Rates,
}

impl Line {
    /// All rows that come.
    pub(super) fn count(&self) -> u64 {
        self.rows.map_or(0, |rows| rows.iter().sum())
    }

    pub(super) fn json(&self) -> Value {
        let mut entry = json!({
            "table": self.table, "role": self.role, "owner": self.owner, "path": self.path,
            "statement": self.statement,
        });
        if let Some([own, shared, stubs]) = self.rows {
            entry["own"] = own.into();
            entry["shared"] = shared.into();
            entry["stubs"] = stubs.into();
            entry["bytes"] = self.bytes.map(|bytes| bytes.about).into();
            entry["bytes_at_least"] = self.bytes.is_some_and(|bytes| bytes.is_least).into();
            entry["millis"] = self.millis.into();
        }
        entry
    }
}

/// The tables of a plan, parents before children.
pub(super) fn lines(plan: &Plan, known: &Known<'_>) -> Vec<Line> {
    let section = &plan.sections.extract;
    let tables = section.tables.iter();
    tables
        .map(|planned| {
            let table = &planned.table;
            let role = section.ownership.table(table);
            let rows = known.members.map(|members| counts(members, table));
            let count: u64 = rows.map_or(0, |rows| rows.iter().sum());
            let (masked, kept) = decided(plan, table);
            Line {
                role: role.map(|role| role.role),
                owner: owners(role, &section.ownership),
                path: path(table, section),
                masked,
                kept,
                rows,
                bytes: bytes(section, table, count, known.measured),
                millis: rows.and_then(|_| known.rates.millis(count)),
                statement: known.measured.statements.get(table).cloned(),
                has_rows: known.measured.with_rows.contains(table),
                table: table.clone(),
            }
        })
        .collect()
}

fn counts(members: &Members, table: &TableRef) -> [u64; 3] {
    members.table(table).map_or([0; 3], |members| {
        let stubs = members.stubs.len() as u64;
        [members.own_count(), members.shared_count(), stubs]
    })
}

fn decided(plan: &Plan, table: &TableRef) -> (usize, usize) {
    let decisions = plan.sections.anonymize.of_table(table);
    let (kept, masked): (Vec<_>, Vec<_>) =
        decisions.partition(|decision| decision.kind == MaskKind::Kept);
    (masked.len(), kept.len())
}

fn owners(role: Option<&TableRole>, ownership: &Ownership) -> Vec<String> {
    let mut owners: Vec<String> = Vec::new();
    for owner in role.iter().flat_map(|role| &role.owners) {
        let owner = ownership.edge(owner.edge).describe();
        // One reference may lead to an owner and hang on it too.
        if !owners.contains(&owner) {
            owners.push(owner);
        }
    }
    owners
}

fn bytes(
    section: &ExtractSection,
    table: &TableRef,
    rows: u64,
    measured: &Measured,
) -> Option<Bytes> {
    let per_row = measured.bytes_per_row.get(table)?;
    let catalog = section.catalog_table(table)?;
    let holds_files = |name: &String| {
        let column = catalog.column(name);
        column.is_some_and(|column| column.column_type == ColumnType::Bytes)
    };
    Some(Bytes {
        about: per_row.saturating_mul(rows),
        is_least: section.table(table)?.columns.iter().any(holds_files),
    })
}

/// How rows of a table come to the district: over first owners to the root, or by what refers to them.
fn path(table: &TableRef, section: &ExtractSection) -> String {
    let ownership = &section.ownership;
    if *table == ownership.root {
        return "is the district".to_owned();
    }
    let Some(first) = first_owner(table, ownership) else {
        return referred(table, section);
    };
    let mut path = format!(
        "{} {}",
        ownership_rule(first.id, section).words(),
        name(&first.parent, table)
    );
    let mut seen = vec![table];
    let mut at = &first.parent;
    while let Some(edge) = first_owner(at, ownership).filter(|_| !seen.contains(&at)) {
        seen.push(at);
        at = &edge.parent;
        path.push_str(" > ");
        path.push_str(&name(at, table));
    }
    let more = owners(ownership.table(table), ownership).len() - 1;
    match more {
        0 => path,
        1 => format!("{path} (or 1 other owner)"),
        more => format!("{path} (or {more} other owners)"),
    }
}

/// The owner that is asked first, but for references of a table to itself.
fn first_owner<'o>(table: &TableRef, ownership: &'o Ownership) -> Option<&'o Edge> {
    let owners = &ownership.table(table)?.owners;
    let edge = |kind| {
        let mut owners = owners.iter().filter(move |owner| owner.kind == kind);
        owners.find_map(|owner| {
            let edge = ownership.edges.get(owner.edge.index())?;
            (!edge.is_self()).then_some(edge)
        })
    };
    edge(OwnerKind::Path)
        .or_else(|| edge(OwnerKind::Hang))
        .or_else(|| edge(OwnerKind::HangUnclaimed))
}

fn referred(table: &TableRef, section: &ExtractSection) -> String {
    let is_base = section
        .ownership
        .table(table)
        .is_some_and(|role| role.org == Some(redistrict_model::OrgPart::Base));
    if is_base {
        return "is the base of organisations".to_owned();
    }
    let moves = |edge: &&Edge| edge.parent == *table && section.table(&edge.child).is_some();
    let edges = section.ownership.edges.iter().filter(moves);
    let mut names: Vec<String> = edges
        .filter(|edge| !edge.is_self())
        .map(|edge| name(&edge.child, table))
        .collect();
    names.sort_unstable();
    names.dedup();
    match names.as_slice() {
        [] => "comes where something refers to it".to_owned(),
        [one] => format!("comes where {one} refers to it"),
        [one, other] => format!("comes where {one} or {other} refers to it"),
        [one, other, more @ ..] => {
            format!(
                "comes where {one}, {other} or {} more refer to it",
                more.len()
            )
        }
    }
}

/// A table as it is called from another one: its store and schema only where they differ.
fn name(table: &TableRef, from: &TableRef) -> String {
    let ([store, schema, name], [from_store, from_schema, _]) = (table.parts(), from.parts());
    if store != from_store {
        format!("{}.{}", shown(store), shown(name))
    } else if schema != from_schema {
        format!("{}.{}", shown(schema), shown(name))
    } else {
        shown(name)
    }
}
