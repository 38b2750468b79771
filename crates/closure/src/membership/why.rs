//! Why a row is here: the shortest chain of reasons from the district's root row.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use redistrict_model::{BoundaryPolicy, EdgeId, Key, TableRef};

use super::closure::Closure;
use super::facts::Known;
use super::layout::number;
use super::stand::Verdict;
use super::trim::{home, parent};

/// One link of the chain: a row, and what brought it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub table: TableRef,
    pub key: Key,
    pub how: How,
    /// What the reference of `how` holds: each column of the child with its value.
    pub over: Vec<(String, Box<str>)>,
}

/// How a row came, seen from the row before it in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It is the district's root row.
    Root,
    /// It belongs to, or hangs on, the row before over this edge.
    BelongsTo(EdgeId),
    /// Its table is copied whole.
    Whole,
    /// It is the base row of the row before.
    BaseOf(EdgeId),
    /// The row before refers to it over this edge.
    ReferredTo(EdgeId),
    /// The row before refers to it over this edge, and it comes as a stub.
    StubFor(EdgeId),
}

impl Closure {
    /// The shortest chain of reasons that brings a row, from the root row to the row itself; none
    /// if the row does not come. Only after the evaluation has ended.
    ///
    /// Breadth-first over all members: the first call for a row costs a pass over them.
    #[must_use]
    pub fn why(&self, table: &TableRef, key: &Key) -> Option<Vec<Step>> {
        let wanted = self.members_by_key(table, key)?;
        let reached = self.reasons(wanted);
        let mut chain = Vec::new();
        let mut at = wanted;
        loop {
            let (from, how) = *reached.get(&at)?;
            let table = &self.facts.layout.tables[self.facts.table(at)];
            chain.push(Step {
                table: table.name.clone(),
                key: self.facts.identity(at),
                how,
                over: self.over(at, from, how),
            });
            if how == How::Root {
                chain.reverse();
                return Some(chain);
            }
            at = from;
        }
    }

    /// The values over which a row and the one before it refer to each other.
    fn over(&self, row: u32, before: u32, how: How) -> Vec<(String, Box<str>)> {
        let (child, edge) = match how {
            How::Root | How::Whole => return Vec::new(),
            How::BelongsTo(edge) => (row, edge),
            How::BaseOf(edge) | How::ReferredTo(edge) | How::StubFor(edge) => (before, edge),
        };
        let position = number(edge.index());
        let Some(target) = self.facts.reference(child, position) else {
            return Vec::new();
        };
        let columns = self.facts.layout.edges[edge.index()].by.iter().cloned();
        let values = self.facts.pool.key(target);
        columns.zip(values.parts().iter().cloned()).collect()
    }

    fn members_by_key(&self, table: &TableRef, key: &Key) -> Option<u32> {
        let table = self.facts.layout.position(table)?;
        let comes = |row: &u32| {
            self.facts.table(*row) == table
                && (self.is_member(*row) || self.is_stub(*row))
                && self.facts.identity(*row) == *key
        };
        self.full().chain(self.stubs.iter().copied()).find(comes)
    }

    /// Rows that were looked at after the evaluation are no stubs.
    fn is_stub(&self, row: u32) -> bool {
        self.is_stub.get(row as usize) == Some(&true)
    }

    /// For every row nearer to the root than the wanted one: where it comes from, and how.
    fn reasons(&self, wanted: u32) -> HashMap<u32, (u32, How)> {
        let mut reached = HashMap::new();
        let Known::Row(root) = self.facts.known(self.district) else {
            return reached;
        };
        let mut below: HashMap<u32, Vec<(u32, u32)>> = HashMap::new();
        for row in self.full() {
            if self.is_member(row)
                && let Some((home, edge)) = home(self, row)
            {
                below.entry(home).or_default().push((row, edge));
            }
        }
        reached.insert(root, (root, How::Root));
        let mut level = vec![root];
        while !level.is_empty() && !reached.contains_key(&wanted) {
            let mut found: BTreeMap<u32, (u32, How)> = BTreeMap::new();
            for row in level {
                for (next, how) in self.next_rows(row, &below) {
                    if reached.contains_key(&next) {
                        continue;
                    }
                    let way = (row, how);
                    let is_better = found
                        .get(&next)
                        .is_none_or(|known| self.is_better(way, *known));
                    if is_better {
                        found.insert(next, way);
                    }
                }
            }
            level = found.keys().copied().collect();
            reached.extend(found);
        }
        reached
    }

    /// Of two equally long ways to a row, the one over an owner; else the one that does not depend on the
    /// order in which rows came.
    fn is_better(&self, way: (u32, How), known: (u32, How)) -> bool {
        let rank = |how: How| match how {
            How::Root | How::Whole => (0, None),
            How::BelongsTo(edge) => (1, Some(edge)),
            How::BaseOf(edge) => (2, Some(edge)),
            How::ReferredTo(edge) => (3, Some(edge)),
            How::StubFor(edge) => (4, Some(edge)),
        };
        match rank(way.1).cmp(&rank(known.1)) {
            Ordering::Less => true,
            Ordering::Greater => false,
            Ordering::Equal => self.facts.identity(way.0) < self.facts.identity(known.0),
        }
    }

    fn next_rows(&self, row: u32, below: &HashMap<u32, Vec<(u32, u32)>>) -> Vec<(u32, How)> {
        let id = |edge: u32| self.facts.layout.edge_ids[edge as usize];
        let mut next = Vec::new();
        if Known::Row(row) == self.facts.known(self.district) {
            let whole = self
                .full()
                .filter(|row| self.is_member(*row) && self.comes_whole(*row));
            next.extend(whole.map(|row| (row, How::Whole)));
        }
        if self.is_member(row) {
            for (child, edge) in below.get(&row).into_iter().flatten() {
                let subclasses = &self.facts.layout.tables[self.facts.table(*child)].subclasses;
                let is_base = subclasses.contains(edge);
                next.push((
                    *child,
                    if is_base {
                        How::BaseOf(id(*edge))
                    } else {
                        How::BelongsTo(id(*edge))
                    },
                ));
            }
        }
        let table = &self.facts.layout.tables[self.facts.table(row)];
        for &edge in &table.out {
            let Some(parent) = parent(&self.facts, row, edge) else {
                continue;
            };
            let is_mandatory = self.facts.layout.edges[edge as usize].mandatory;
            if self.is_member(row) && self.is_member(parent) {
                next.push((parent, How::ReferredTo(id(edge))));
            } else if self.is_stub(parent) {
                let verdict = self.verdict(parent).unwrap_or(Verdict::Other);
                let is_cause = if self.is_member(row) {
                    self.policy(edge, verdict) == BoundaryPolicy::Stub
                } else {
                    is_mandatory
                };
                if is_cause {
                    next.push((parent, How::StubFor(id(edge))));
                }
            }
        }
        next
    }
}
