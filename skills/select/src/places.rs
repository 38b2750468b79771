//! Which district a row belongs to by what it refers to: the districts themselves, and tables of few rows
//! between them and the others, whose rows are known by their keys. Pure.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{
    Edge, ExtractSection, KeyRow, OrgPart, Owner, OwnerKind, Ownership, TableRef,
};

/// Values of some columns of a table, and the number of the district.
type Values = BTreeMap<Vec<Box<str>>, usize>;

/// The district of rows that others refer to.
#[derive(Default)]
pub(crate) struct Places {
    by_columns: BTreeMap<(TableRef, Vec<String>), Values>,
    known: BTreeSet<TableRef>,
}

impl Places {
    /// Rows of that table can be told.
    pub(crate) fn knows(&self, table: &TableRef) -> bool {
        self.known.contains(table)
    }

    /// Takes rows of a table with the values of `columns`, each with its district. Values that have one
    /// already keep it.
    pub(crate) fn learn<'r>(
        &mut self,
        section: &ExtractSection,
        table: &TableRef,
        columns: &[String],
        rows: impl Iterator<Item = (&'r KeyRow, usize)> + Clone,
    ) {
        self.known.insert(table.clone());
        for wanted in referred(&section.ownership, table) {
            let places: Option<Vec<usize>> = (wanted.iter())
                .map(|name| columns.iter().position(|column| column == name))
                .collect();
            let Some(places) = places else { continue };
            let values = self.by_columns.entry((table.clone(), wanted)).or_default();
            for (row, district) in rows.clone() {
                let key: Option<Vec<Box<str>>> = places
                    .iter()
                    .map(|place| row.values[*place].clone())
                    .collect();
                if let Some(key) = key {
                    values.entry(key).or_insert(district);
                }
            }
        }
    }

    /// The district of a row with these values of `columns`: over the first of the edges that leads to one.
    pub(crate) fn find(
        &self,
        edges: &[&Edge],
        columns: &[String],
        values: &[Option<Box<str>>],
    ) -> Option<usize> {
        let value = |name: &String| {
            let place = columns.iter().position(|column| column == name)?;
            values.get(place)?.clone()
        };
        edges.iter().find_map(|edge| {
            let is_meant = edge.when.iter().all(|(column, texts)| {
                value(column).is_some_and(|text| texts.iter().any(|one| *one == *text))
            });
            let key: Option<Vec<Box<str>>> = edge.child_columns.iter().map(value).collect();
            let known = (edge.parent.clone(), edge.parent_columns.clone());
            let district = self.by_columns.get(&known)?.get(&key.filter(|_| is_meant)?);
            district.copied()
        })
    }
}

/// The path edges of a table to tables whose rows can be told, in the order in which they are asked.
pub(crate) fn path_edges<'s>(
    section: &'s ExtractSection,
    table: &TableRef,
    places: &Places,
) -> Vec<&'s Edge> {
    let ownership = &section.ownership;
    let owners: &[Owner] = ownership
        .table(table)
        .map_or(&[], |role| role.owners.as_slice());
    owners
        .iter()
        .filter(|owner| owner.kind == OwnerKind::Path)
        .filter_map(|owner| ownership.edges.get(owner.edge.index()))
        .filter(|edge| !edge.is_self() && places.knows(&edge.parent))
        .collect()
}

/// The lists of columns by which rows of a table are referred to by what belongs to them.
fn referred(ownership: &Ownership, table: &TableRef) -> BTreeSet<Vec<String>> {
    let into = ownership.edges.iter().filter(|edge| edge.parent == *table);
    into.map(|edge| edge.parent_columns.clone()).collect()
}

/// All columns of a table that something refers to, or that it refers to its base tables by.
pub(crate) fn referred_columns(section: &ExtractSection, table: &TableRef) -> BTreeSet<String> {
    let mut columns: BTreeSet<String> = referred(&section.ownership, table)
        .into_iter()
        .flatten()
        .collect();
    for edge in bases(section, table) {
        columns.extend(edge.child_columns.iter().cloned());
    }
    columns
}

/// The references of an organisation to its base rows: the district of one is that of the other.
pub(crate) fn bases<'s>(
    section: &'s ExtractSection,
    table: &'s TableRef,
) -> impl Iterator<Item = &'s Edge> + 's {
    let is_base = |table: &TableRef| {
        let role = section.ownership.table(table);
        role.is_some_and(|role| role.org == Some(OrgPart::Base))
    };
    let is_organisation = section
        .ownership
        .table(table)
        .is_some_and(|role| role.org.is_some());
    let edges = section.ownership.edges.iter();
    edges.filter(move |edge| {
        is_organisation
            && edge.child == *table
            && edge.child != edge.parent
            && is_base(&edge.parent)
    })
}

/// The same rows, by the columns of their base rows.
pub(crate) fn as_base(edge: &Edge, columns: &[String], row: &KeyRow) -> KeyRow {
    let value = |name: &String| {
        let place = columns.iter().position(|column| column == name)?;
        row.values.get(place)?.clone()
    };
    KeyRow {
        id: row.id.clone(),
        values: edge.child_columns.iter().map(value).collect(),
    }
}
