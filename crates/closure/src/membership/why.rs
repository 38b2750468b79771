//! Why a row is here: the shortest chain of reasons from the district's root row.

use std::collections::{HashMap, VecDeque};

use redistrict_model::{BoundaryPolicy, EdgeId, Key, TableRef};

use super::closure::{Closure, Verdict};
use super::facts::Known;
use super::trim::{home, parent};

/// One link of the chain: a row, and what brought it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub table: TableRef,
    pub key: Key,
    pub how: How,
}

/// How a row came, seen from the row before it in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It is the district's root row.
    Root,
    /// It belongs to, or hangs on, the row before over this edge.
    BelongsTo(EdgeId),
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
            });
            if how == How::Root {
                chain.reverse();
                return Some(chain);
            }
            at = from;
        }
    }

    fn members_by_key(&self, table: &TableRef, key: &Key) -> Option<u32> {
        let table = self.facts.layout.position(table)?;
        let comes = |row: &&u32| {
            self.facts.table(**row) == table
                && (self.is_member(**row) || self.is_stub[**row as usize])
                && self.facts.identity(**row) == *key
        };
        self.full.iter().chain(&self.stubs).find(comes).copied()
    }

    /// For every row nearer to the root than the wanted one: where it comes from, and how.
    fn reasons(&self, wanted: u32) -> HashMap<u32, (u32, How)> {
        let mut reached = HashMap::new();
        let Known::Row(root) = self.facts.known(self.district) else {
            return reached;
        };
        let mut below: HashMap<u32, Vec<(u32, u32)>> = HashMap::new();
        for &row in &self.full {
            if self.is_member(row)
                && let Some((home, edge)) = home(self, row)
            {
                below.entry(home).or_default().push((row, edge));
            }
        }
        reached.insert(root, (root, How::Root));
        let mut open = VecDeque::from([root]);
        while let Some(row) = open.pop_front() {
            if row == wanted {
                break;
            }
            for (next, how) in self.next_rows(row, &below) {
                reached.entry(next).or_insert_with(|| {
                    open.push_back(next);
                    (row, how)
                });
            }
        }
        reached
    }

    fn next_rows(&self, row: u32, below: &HashMap<u32, Vec<(u32, u32)>>) -> Vec<(u32, How)> {
        let id = |edge: u32| self.facts.layout.edge_ids[edge as usize];
        let mut next = Vec::new();
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
            } else if self.is_stub[parent as usize] {
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
