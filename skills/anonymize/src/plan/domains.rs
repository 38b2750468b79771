//! Domains: which columns hold the same thing. The classes of references and links, joined by equal
//! `domain =`.

use std::collections::BTreeMap;

use redistrict_model::{ColumnRef, Edge, Inside};

use super::fields::{Fields, pairs};
use super::switches::{Way, switches};

/// A set of columns of which equal values have equal pseudonyms.
pub(crate) struct Domain {
    /// The user's name for it, or the column it comes from.
    pub(crate) name: String,
    /// Places in the list of fields, ascending.
    pub(crate) members: Vec<usize>,
    /// Fields that have values of the domain in some of their rows.
    pub(crate) guests: Vec<usize>,
}

impl Domain {
    /// With its guests as members: everything that its values have to fit into.
    pub(crate) fn with_guests(&self) -> Self {
        let mut members = self.members.clone();
        members.extend(&self.guests);
        Self {
            name: self.name.clone(),
            members,
            guests: Vec::new(),
        }
    }
}

/// Every field in exactly one domain, in the order of their first members.
pub(crate) fn domains(
    fields: &Fields<'_>,
    edges: &[Edge],
    named: &BTreeMap<ColumnRef, String>,
) -> Vec<Domain> {
    let mut sets = Sets::new(fields.list.len());
    let mut switches = switches(edges);
    switches.retain(|column, _| !named.contains_key(column));
    for (child, parent) in pairs(edges) {
        if switches.contains_key(&child) {
            continue;
        }
        let places = (fields.by_column.get(&child), fields.by_column.get(&parent));
        if let (Some(child), Some(parent)) = places {
            sets.join(*child, *parent);
        }
    }
    // What the same member of a document refers to has one pseudonym.
    let mut first_at: BTreeMap<(ColumnRef, &Inside), usize> = BTreeMap::new();
    for edge in edges {
        if let (Some(inside @ Inside::Members(_)), [column], [referred]) = (
            &edge.inside,
            edge.child_columns.as_slice(),
            edge.parent_columns.as_slice(),
        ) && let Some(at) = fields.by_column.get(&edge.parent.column(referred))
        {
            let place = (edge.child.column(column), inside);
            let first = *first_at.entry(place).or_insert(*at);
            sets.join(first, *at);
        }
    }
    let mut first_of: BTreeMap<&str, usize> = BTreeMap::new();
    for (column, name) in named {
        if let Some(at) = fields.by_column.get(column) {
            let first = *first_of.entry(name).or_insert(*at);
            sets.join(first, *at);
        }
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for at in 0..fields.list.len() {
        members.entry(sets.root(at)).or_default().push(at);
    }
    let mut domains: Vec<Domain> = members
        .into_values()
        .map(|members| Domain {
            name: name(fields, &members, named),
            guests: guests(fields, &members, &switches),
            members,
        })
        .collect();
    domains.sort_by_key(|domain| domain.members[0]);
    domains
}

/// The switches that lead to one of the members.
fn guests(
    fields: &Fields<'_>,
    members: &[usize],
    switches: &BTreeMap<ColumnRef, Vec<Way>>,
) -> Vec<usize> {
    let leads_here = |ways: &&Vec<Way>| {
        ways.iter().any(|way| {
            let parent = fields.by_column.get(&way.parent);
            parent.is_some_and(|parent| members.contains(parent))
        })
    };
    let leading = switches.iter().filter(|(_, ways)| leads_here(ways));
    leading
        .filter_map(|(column, _)| fields.by_column.get(column).copied())
        .filter(|at| !members.contains(at))
        .collect()
}

/// Stable when tables are added: the user's name, else the first column by name that others refer to
/// and that refers to none.
fn name(fields: &Fields<'_>, members: &[usize], named: &BTreeMap<ColumnRef, String>) -> String {
    let columns = || members.iter().map(|at| &fields.list[*at]);
    if let Some(name) = columns().filter_map(|field| named.get(&field.column)).min() {
        return format!("domain {name}");
    }
    let roots = columns().filter(|field| !field.is_child);
    roots
        .map(|field| &field.column)
        .min()
        .or_else(|| columns().map(|field| &field.column).min())
        .map(ToString::to_string)
        .unwrap_or_default()
}

struct Sets(Vec<usize>);

impl Sets {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn root(&mut self, mut at: usize) -> usize {
        while self.0[at] != at {
            self.0[at] = self.0[self.0[at]];
            at = self.0[at];
        }
        at
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }
}
