//! The catalog as a graph with small integers for tables and edges, and what each edge is.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{Edge, EdgeId, EdgeOrigin, Table, TableRef};

use super::input::InferInput;
use crate::edges::{is_followed_up_only, tables_by_name};

/// What an edge is, in the terms of docs/design/closure.md §2.
#[derive(Clone, Copy, Debug)]
pub(super) struct EdgeFacts {
    pub(super) child: usize,
    pub(super) parent: usize,
    /// No column can be NULL, or none is ([`Edge::is_always`]), and no condition applies.
    pub(super) mandatory: bool,
    pub(super) identity: bool,
    pub(super) identifying: bool,
    /// May be an owner: not a link followed up only, no end excluded, not a self reference.
    pub(super) owning: bool,
}

/// Tables and edges by index.
pub(super) struct Graph<'a> {
    pub(super) input: InferInput<'a>,
    pub(super) root: usize,
    pub(super) tables: Vec<&'a Table>,
    pub(super) excluded: Vec<bool>,
    pub(super) edges: Vec<Edge>,
    pub(super) facts: Vec<EdgeFacts>,
    /// Edges by child, without those into or out of excluded tables.
    pub(super) out: Vec<Vec<usize>>,
    /// Edges by parent, likewise.
    pub(super) into: Vec<Vec<usize>>,
    index: BTreeMap<&'a TableRef, usize>,
}

impl<'a> Graph<'a> {
    pub(super) fn new(input: InferInput<'a>, root: usize) -> Self {
        let tables: Vec<&Table> = tables_by_name(input.catalogs).into_values().collect();
        let index = (0..).zip(&tables).map(|(i, table)| (&table.name, i));
        let index: BTreeMap<&TableRef, usize> = index.collect();
        let is_excluded = |table: &&Table| input.decisions.excluded.contains_key(&table.name);
        let mut graph = Self {
            input,
            root,
            excluded: tables.iter().map(is_excluded).collect(),
            out: vec![Vec::new(); tables.len()],
            into: vec![Vec::new(); tables.len()],
            tables,
            edges: Vec::new(),
            facts: Vec::new(),
            index,
        };
        for edge in input.edges {
            let mut edge = edge.clone();
            edge.policy = input.decisions.boundary.get(&edge.id).copied();
            edge.always = !edge.mandatory && input.decisions.always.contains(&edge.id);
            graph.push(edge);
        }
        graph
    }

    pub(super) fn position(&self, table: &TableRef) -> Option<usize> {
        self.index.get(table).copied()
    }

    /// Adds a reference to the root's key that catalogs imply but do not declare.
    pub(super) fn push_implied(&mut self, child: usize, columns: Vec<String>) {
        let id = EdgeId(u32::try_from(self.edges.len()).unwrap_or(u32::MAX));
        self.push(Edge {
            id,
            name: format!("({})", columns.join(", ")),
            origin: EdgeOrigin::Link,
            child: self.tables[child].name.clone(),
            child_columns: columns,
            parent: self.input.root.clone(),
            parent_columns: self.input.root_key.to_vec(),
            mandatory: true,
            nullable_columns: Vec::new(),
            on_delete_cascade: false,
            when: Vec::new(),
            inside: None,
            always: false,
            policy: None,
        });
    }

    fn push(&mut self, edge: Edge) {
        let (Some(child), Some(parent)) = (self.position(&edge.child), self.position(&edge.parent))
        else {
            return;
        };
        let key = |table: usize| -> BTreeSet<&str> {
            let identity = self.tables[table].identity().unwrap_or_default();
            identity.iter().map(String::as_str).collect()
        };
        let columns: BTreeSet<&str> = edge.child_columns.iter().map(String::as_str).collect();
        let parent_columns: BTreeSet<&str> =
            edge.parent_columns.iter().map(String::as_str).collect();
        let is_hidden = self.excluded[child] || self.excluded[parent];
        let facts = EdgeFacts {
            child,
            parent,
            mandatory: edge.is_always() && edge.when.is_empty(),
            identity: columns == key(child) && parent_columns == key(parent),
            identifying: columns != key(child) && columns.is_subset(&key(child)),
            owning: !is_hidden && child != parent && !is_followed_up_only(&edge, self.input.links),
        };
        let position = self.edges.len();
        if !is_hidden {
            self.out[child].push(position);
            self.into[parent].push(position);
        }
        self.facts.push(facts);
        self.edges.push(edge);
    }

    pub(super) fn len(&self) -> usize {
        self.tables.len()
    }

    /// The edges that may own rows of the table: the decided ones if its owner list was decided,
    /// none if it was decided that it has no owner.
    pub(super) fn owner_candidates(&self, table: usize) -> Vec<usize> {
        let name = &self.tables[table].name;
        if self.input.decisions.shared.contains_key(name) {
            return Vec::new();
        }
        let decided = self.input.decisions.owner.get(name);
        let is_allowed = |edge: &&usize| match decided {
            Some(list) => list.contains(&self.edges[**edge].id) && !self.edges[**edge].is_self(),
            None => self.facts[**edge].owning,
        };
        self.out[table].iter().filter(is_allowed).copied().collect()
    }

    /// Somebody says that every row has this reference or another one over the same columns, and all of these may own
    /// and are such as wanted.
    pub(super) fn always_leads(&self, edge: usize, is_wanted: &dyn Fn(usize) -> bool) -> bool {
        let always = &self.input.decisions.always;
        let columns = &self.edges[edge].child_columns;
        let child = self.facts[edge].child;
        let is_alternative =
            |other: &Edge| always.contains(&other.id) && other.child_columns == *columns;
        let mut alternatives = self.out[child].iter().copied();
        always.contains(&self.edges[edge].id)
            && alternatives.all(|other| {
                let is_good = self.facts[other].owning && is_wanted(other);
                !is_alternative(&self.edges[other]) || is_good
            })
    }

    /// The part edge: the only cascading edge that is identity or identifying, else the only
    /// identity edge.
    pub(super) fn part_edge(&self, table: usize) -> Option<usize> {
        let only = |edges: Vec<usize>| match edges.as_slice() {
            [one] => Some(*one),
            _ => None,
        };
        let candidates = self.owner_candidates(table);
        let of = |test: &dyn Fn(usize) -> bool| {
            candidates
                .iter()
                .copied()
                .filter(|edge| test(*edge))
                .collect()
        };
        let is_key = |edge: usize| self.facts[edge].identity || self.facts[edge].identifying;
        only(of(&|edge| {
            self.edges[edge].on_delete_cascade && is_key(edge)
        }))
        .or_else(|| only(of(&|edge| self.facts[edge].identity)))
    }
}
