//! Rows of *trailing* tables, to which nothing refers, are decided while they stream by, and forgotten:
//! nobody will ask for them again. What they refer to is kept, each target once. Own rows of tables to which
//! only rows of trailing tables refer, each as to its owner, are *relayed*: forgotten as soon as those were
//! seen. Until then they are known by their keys; one row stands in for all of a table.
//!
//! A row may come over several of its edges, because each parent that comes brings its children. It is a
//! member by the one edge over which it belongs or hangs (its home, docs/design/closure.md §2), and is let
//! pass over any other, so it is counted once without anybody remembering it. Its home is full then, and
//! the children of a full row are all asked for. Rows that cannot be decided yet are held like all others.

use std::collections::{BTreeMap, HashMap};

use redistrict_model::{BoundaryPolicy, KeyRow, TableRef};

use super::closure::Closure;
use super::facts::Known;
use super::fetch::{ClosureError, Fetch, Purpose};
use super::growth;
use super::label::{Hang, hang_home};
use super::passes::Passes;

/// Targets whose children are asked for in one step at most, so that what these refer to is known soon.
const PER_STEP: usize = 32_768;

/// What is done with rows that stream by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// They are counted.
    Counted,
    /// Whole rows stream by and the caller keeps those that come.
    Kept,
}

/// What a row is that streams by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It comes, with the district's label. It is not told again.
    Own,
    /// It comes, for the sake of another row. It is not told again.
    Shared,
    /// Not over this edge, or not at all.
    Left,
    /// It may come; if it does, its key stands among the members.
    Later,
}

/// How many rows of a table passed and come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    pub(super) own: u64,
    pub(super) shared: u64,
}

/// Rows that streamed by, as far as something of them has to be known.
#[derive(Default)]
pub(super) struct Trailing {
    mode: Option<Passing>,
    /// By table: rows of it are decided while they stream by. Nothing is before the mode is set.
    passes: Vec<bool>,
    /// Keys whose children have not been asked for: an edge and its target.
    downs: Vec<(u32, u32)>,
    /// The same of relayed rows: asked for before others are relayed.
    relayed: Vec<(u32, u32)>,
    /// Held rows, and the edge over which each came.
    waiting: Vec<(u32, u32)>,
    /// By table.
    pub(super) passed: BTreeMap<usize, Passed>,
    /// References of rows that passed, by edge and target, where the target was no full member then.
    pub(super) references: HashMap<(u32, u32), u64>,
    /// Rows of tables with several path edges, by where these lead.
    pub(super) ways: HashMap<(usize, Box<[Way]>), u64>,
}

/// Where a path edge of a row leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Way {
    Nowhere,
    /// To a row of the district.
    Here,
    /// To this target, of which it is not known to be a row of the district.
    To(u32),
}

enum Decision {
    NotYet,
    Left,
    Comes { is_own: bool },
}

impl Trailing {
    pub(super) fn passes(&self, table: usize) -> bool {
        self.passes.get(table) == Some(&true)
    }

    pub(super) fn want(&mut self, edge: u32, target: u32) {
        self.downs.push((edge, target));
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }
}

impl Closure {
    /// Lets rows of tables that nothing refers to stream by instead of holding them: memory then grows with
    /// the other tables only. [`Fetch::is_passing`] tells which answers [`pass`](Self::pass) takes.
    ///
    /// `may_pass` is asked with a table and the columns that have to be seen of its rows, the identity among
    /// them.
    #[must_use]
    pub fn letting_pass(
        mut self,
        mode: Passing,
        may_pass: impl Fn(&TableRef, &[String]) -> bool,
    ) -> Self {
        let Passes { trailing, relaying } = Passes::of(&self.facts.layout, may_pass);
        for table in relaying.iter().copied() {
            let row = self.facts.add_stand_in(table);
            self.labels.set_stand_in(&self.facts, row, self.district);
            self.make_room();
            self.is_full[row as usize] = true;
        }
        let tables = 0..self.facts.layout.tables.len();
        let passes = |table: usize| trailing.contains(&table) || relaying.contains(&table);
        self.trailing.passes = tables.map(passes).collect();
        self.trailing.mode = Some(mode);
        self
    }

    /// Whether whole rows are wanted as the answer: each whole row of a table streams by at most once, over
    /// the first edge of its owner list. Over the other edges key columns are enough.
    #[must_use]
    pub fn wants_whole(&self, fetch: &Fetch) -> bool {
        match fetch.purpose {
            Purpose::Passing { edge } => {
                self.trailing.mode == Some(Passing::Kept) && self.is_first_owner(edge)
            }
            _ => false,
        }
    }

    /// Takes rows of the answer to a fetch that is passing, as they come, and says of each what becomes of
    /// it. Ends with [`absorb`](Self::absorb) of no rows.
    ///
    /// # Errors
    /// If the fetch is not passing, or a row has not the columns that were asked for.
    pub fn pass(&mut self, fetch: &Fetch, rows: &[KeyRow]) -> Result<Vec<Fate>, ClosureError> {
        let Purpose::Passing { edge } = fetch.purpose else {
            let what = "rows pass that are to be absorbed";
            return Err(ClosureError::OutOfOrder { what });
        };
        let keeps_parts = self.trailing.mode == Some(Passing::Kept) && !self.is_first_owner(edge);
        let fates = rows.iter().map(|row| self.pass_row(edge, keeps_parts, row));
        fates.collect()
    }

    /// The edge that comes first in its table's owner list.
    fn is_first_owner(&self, edge: u32) -> bool {
        let table = &self.facts.layout.tables[self.facts.layout.edges[edge as usize].child];
        table.paths.iter().chain(&table.hangs).next() == Some(&edge)
    }

    /// `is_part`: not the whole row came, and the whole row is wanted.
    fn pass_row(
        &mut self,
        edge: u32,
        is_part: bool,
        answer: &KeyRow,
    ) -> Result<Fate, ClosureError> {
        let table = self.facts.layout.edges[edge as usize].child;
        let row = self.facts.glance(table, answer)?;
        self.labels.make_room(&self.facts);
        growth::resize(&mut self.is_referred, self.facts.pool.len(), false);
        self.note_ways(table, edge, row);
        let fate = match self.decide(row, edge) {
            Decision::NotYet => Fate::Later,
            Decision::Left => Fate::Left,
            Decision::Comes { .. } if is_part || self.may_change(row) => Fate::Later,
            // Relayed rows are own rows.
            Decision::Comes { is_own: false } if self.facts.relays(table) => Fate::Later,
            Decision::Comes { is_own } => {
                self.note(table, row, is_own);
                self.relay(table, answer);
                if is_own { Fate::Own } else { Fate::Shared }
            }
        };
        self.facts.look_away();
        self.labels.forget_last(self.facts.row_count());
        if fate == Fate::Later {
            let row = self.facts.row(table, answer)?;
            self.trailing.waiting.push((row, edge));
        }
        Ok(fate)
    }

    /// Children of a row that came will be asked for, and know it by its keys until they were seen.
    fn relay(&mut self, table: usize, answer: &KeyRow) {
        if self.facts.relays(table) {
            for edge in self.facts.layout.children(table, true) {
                let target = self.facts.relay(edge, answer);
                let target = target.map(|target| (edge, target));
                self.trailing.relayed.extend(target);
            }
        }
    }

    /// Whether the row comes, over the edge over which it came.
    fn decide(&mut self, row: u32, edge: u32) -> Decision {
        let label = self.labels.label(&mut self.facts, self.district, row);
        match label {
            None => Decision::NotYet,
            Some(Some(label)) if label == self.district => {
                if self.labels.label_edge(&self.facts, row) == Some(edge) {
                    Decision::Comes { is_own: true }
                } else {
                    Decision::Left
                }
            }
            Some(Some(_)) => Decision::Left,
            Some(None) => match hang_home(&mut self.facts, row) {
                Hang::NotYet => Decision::NotYet,
                Hang::On {
                    row: home,
                    edge: over,
                } if over == edge && self.is_full[home as usize] => {
                    Decision::Comes { is_own: false }
                }
                Hang::On { .. } | Hang::Nowhere => Decision::Left,
            },
        }
    }

    /// Whether a cell of the row may have to become NULL: what is not known of its references yet decides.
    fn may_change(&self, row: u32) -> bool {
        let table = &self.facts.layout.tables[self.facts.table(row)];
        table.out.iter().any(|&edge| {
            let layout = &self.facts.layout.edges[edge as usize];
            let Some(target) = self.facts.reference(row, edge) else {
                return false;
            };
            let is_full = |known| matches!(known, Known::Row(row) if self.is_full[row as usize]);
            layout.is_into_excluded
                || layout.policy == Some(BoundaryPolicy::Null) && !is_full(self.facts.known(target))
        })
    }

    /// Counts a row that comes, and keeps what it refers to.
    fn note(&mut self, table: usize, row: u32, is_own: bool) {
        let passed = self.trailing.passed.entry(table).or_default();
        if is_own {
            passed.own += 1;
        } else {
            passed.shared += 1;
        }
        let shows = self.shows(row, is_own);
        for position in 0..self.facts.layout.tables[table].out.len() {
            let edge = self.facts.layout.tables[table].out[position];
            let Some(target) = self.facts.reference(row, edge) else {
                continue;
            };
            self.refer(edge, target, shows);
            let known = self.facts.known(target);
            if !matches!(known, Known::Row(row) if self.is_full[row as usize]) {
                let count = self.trailing.references.entry((edge, target));
                *count.or_default() += 1;
            }
        }
    }

    /// Notes where the owners of a row lead that may disagree, once for each row: when it comes over the
    /// first path edge that leads to the district.
    fn note_ways(&mut self, table: usize, edge: u32, row: u32) {
        let shape = &self.facts.layout.tables[table];
        if shape.is_decided || shape.paths.len() < 2 {
            return;
        }
        let way = |path: &u32| match self.facts.reference(row, *path) {
            None => Way::Nowhere,
            Some(target) => match self.facts.known(target) {
                Known::Row(parent) if self.is_own(parent) => Way::Here,
                _ => Way::To(target),
            },
        };
        let ways: Box<[Way]> = shape.paths.iter().map(way).collect();
        let first = ways.iter().position(|way| *way == Way::Here);
        if first.is_some_and(|first| shape.paths[first] == edge) {
            *self.trailing.ways.entry((table, ways)).or_default() += 1;
        }
    }

    /// Held rows that can be decided now. True if one was entered.
    pub(super) fn pass_waiting(&mut self) -> bool {
        let mut is_changed = false;
        for (row, edge) in std::mem::take(&mut self.trailing.waiting) {
            if self.is_full[row as usize] {
                continue;
            }
            match self.decide(row, edge) {
                Decision::NotYet => self.trailing.waiting.push((row, edge)),
                Decision::Left => {}
                Decision::Comes { .. } => {
                    self.enter(row);
                    is_changed = true;
                }
            }
        }
        is_changed
    }

    /// Asks for children that stream by, some at a time: those of relayed rows first, which are forgotten
    /// then. False if there are none left.
    pub(super) fn ask_passing(&mut self) -> bool {
        if !self.trailing.relayed.is_empty() {
            for (edge, target) in std::mem::take(&mut self.trailing.relayed) {
                self.facts.want_passing(edge, target);
            }
            return true;
        }
        self.facts.forget_relayed();
        let downs = &mut self.trailing.downs;
        let rest = downs.len().saturating_sub(PER_STEP);
        for (edge, target) in downs.drain(rest..) {
            self.facts.want_passing(edge, target);
        }
        self.facts.has_questions()
    }

    /// Ends of references of rows that passed, in order, with their numbers.
    pub(super) fn passed_references(&self) -> Vec<(u32, u32, u64)> {
        let all = self.trailing.references.iter();
        let mut all: Vec<(u32, u32, u64)> = all
            .map(|((edge, target), rows)| (*edge, *target, *rows))
            .collect();
        all.sort_unstable();
        all
    }
}
