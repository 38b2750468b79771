//! Labels and homes (docs/design/closure.md §2), row by row, on facts that may be incomplete: an answer is
//! final or "not yet", never a guess.

use std::collections::{BTreeMap, HashMap, HashSet};

use redistrict_model::{OrgPart, Role};

use super::facts::{Facts, Known, NONE};
use super::growth;

const UNKNOWN: u32 = u32::MAX - 1;
/// Tables have fewer owners.
const NO_PATH: u16 = u16::MAX;

/// A label: the target of a root row's key, or none (⊥).
pub(super) type Label = Option<u32>;

/// Where a row is with respect to the district.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Not elsewhere.
    Here,
    /// Of another district.
    Other,
    /// An organisation above all districts.
    Above,
    /// Decided by where the rows of its chain of homes are known, and by what the last one must refer to.
    Known(Chain),
    NotYet,
}

/// A chain of homes without a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    /// Rows of it that others look up.
    pub(super) looked_up: Vec<u32>,
    /// The row in which it ends.
    pub(super) last: u32,
    pub(super) is_shared: bool,
}

/// Where a label came from.
#[derive(Clone, Copy)]
enum Home {
    None,
    /// The position of a path edge.
    Path(usize),
    /// A subclass row, and its edge.
    Subclass(u32, u32),
}

/// Labels as far as they are known.
#[derive(Default)]
pub(super) struct Labels {
    /// By row: a label, `NONE` for ⊥, or `UNKNOWN`.
    labels: Vec<u32>,
    /// By row: over which of its table's path edges the label came.
    homes: Vec<u16>,
    /// Homes of base rows: the subclass row, and over which edge.
    of_bases: HashMap<u32, (u32, u32)>,
    /// Rows whose label was found, in this pass, to need facts that are not there yet.
    blocked: HashSet<u32>,
    /// Rows on the way from a row to what decides its label.
    is_open: HashSet<u32>,
    /// Rows whose chain of owners bites its own tail, by table.
    pub(super) cycles: BTreeMap<usize, u64>,
}

enum Probe {
    Final(Label, Home),
    Needs(u32),
    Blocked,
}

impl Labels {
    /// New facts are there: what was blocked may go on.
    pub(super) fn begin_pass(&mut self, facts: &Facts) {
        self.blocked.clear();
        self.make_room(facts);
    }

    /// Rows were entered.
    pub(super) fn make_room(&mut self, facts: &Facts) {
        growth::resize(&mut self.labels, facts.row_count(), UNKNOWN);
        growth::resize(&mut self.homes, facts.row_count(), NO_PATH);
    }

    /// Labels a row that stands in for others.
    pub(super) fn set_stand_in(&mut self, facts: &Facts, row: u32, label: u32) {
        self.make_room(facts);
        self.labels[row as usize] = label;
    }

    /// The last row was taken back; so many are left.
    pub(super) fn forget_last(&mut self, rows: usize) {
        self.labels.truncate(rows);
        self.homes.truncate(rows);
        self.blocked.remove(&super::layout::number(rows));
    }

    /// The label, if it is known already.
    pub(super) fn known(&self, row: u32) -> Option<Label> {
        match self.labels[row as usize] {
            UNKNOWN => None,
            NONE => Some(None),
            label => Some(Some(label)),
        }
    }

    /// The row that gave a labelled row its label, and the edge.
    pub(super) fn label_home(&self, facts: &Facts, row: u32) -> Option<(u32, u32)> {
        if let Some(home) = self.of_bases.get(&row) {
            return Some(*home);
        }
        let edge = self.label_edge(facts, row)?;
        match facts.known(facts.reference(row, edge)?) {
            Known::Row(home) => Some((home, edge)),
            Known::Absent | Known::NotYet => None,
        }
    }

    /// The path edge over which a labelled row got its label.
    pub(super) fn label_edge(&self, facts: &Facts, row: u32) -> Option<u32> {
        let position = usize::from(self.homes[row as usize]);
        let paths = &facts.layout.tables[facts.table(row)].paths;
        paths.get(position).copied()
    }

    /// The label λ of a row. `None` means not yet: what is missing has been asked for.
    ///
    /// Follows, for each row, the first edge that is not known to lead nowhere. These pointers
    /// change only when the row they lead to turns out to have no label, so a ring of them is final:
    /// its rows have label ⊥.
    pub(super) fn label(&mut self, facts: &mut Facts, district: u32, row: u32) -> Option<Label> {
        if let Some(label) = self.known(row) {
            return Some(label);
        }
        let mut stack = vec![row];
        self.is_open.insert(row);
        while let Some(&top) = stack.last() {
            match self.probe(facts, district, top) {
                Probe::Final(label, home) => {
                    self.set(top, label, home);
                    stack.pop();
                }
                Probe::Needs(next) if self.is_open.contains(&next) => {
                    self.close_ring(facts, &mut stack, next);
                }
                Probe::Needs(next) if !self.blocked.contains(&next) => {
                    self.is_open.insert(next);
                    stack.push(next);
                }
                Probe::Needs(_) | Probe::Blocked => {
                    for blocked in stack {
                        self.blocked.insert(blocked);
                        self.is_open.remove(&blocked);
                    }
                    return None;
                }
            }
        }
        self.known(row)
    }

    fn set(&mut self, row: u32, label: Label, home: Home) {
        self.labels[row as usize] = label.unwrap_or(NONE);
        match home {
            Home::None => {}
            Home::Path(position) => {
                self.homes[row as usize] = u16::try_from(position).unwrap_or(NO_PATH);
            }
            Home::Subclass(home, edge) => {
                self.of_bases.insert(row, (home, edge));
            }
        }
        self.is_open.remove(&row);
    }

    fn close_ring(&mut self, facts: &Facts, stack: &mut Vec<u32>, first: u32) {
        while let Some(row) = stack.pop() {
            let table = facts.table(row);
            *self.cycles.entry(table).or_default() += 1;
            let own_key = if table == facts.layout.root {
                root_key(facts, row)
            } else {
                None
            };
            self.set(row, own_key, Home::None);
            if row == first {
                return;
            }
        }
    }

    fn probe(&self, facts: &mut Facts, district: u32, row: u32) -> Probe {
        if self.blocked.contains(&row) {
            return Probe::Blocked;
        }
        let table = facts.table(row);
        if facts.layout.tables[table].role == Role::Excluded {
            return Probe::Final(None, Home::None);
        }
        match facts.layout.tables[table].org {
            Some(OrgPart::Root) => self.probe_root(facts, district, row),
            Some(OrgPart::Base) => self.probe_base(facts, row),
            _ => self.probe_paths(facts, row),
        }
    }

    /// A root row's label is its key, or the district's if the district stands above it in a tree.
    fn probe_root(&self, facts: &mut Facts, district: u32, row: u32) -> Probe {
        let own = root_key(facts, row);
        if own == Some(district) {
            return Probe::Final(own, Home::None);
        }
        for position in 0..facts.layout.tables[facts.layout.root].paths.len() {
            let edge = facts.layout.tables[facts.layout.root].paths[position];
            let Some(target) = facts.reference(row, edge) else {
                continue;
            };
            match facts.look_up(target) {
                Known::NotYet => return Probe::Blocked,
                Known::Absent => {}
                Known::Row(parent) => match self.known(parent) {
                    None => return Probe::Needs(parent),
                    Some(Some(label)) if label == district => {
                        return Probe::Final(Some(district), Home::Path(position));
                    }
                    Some(_) => {}
                },
            }
        }
        Probe::Final(own, Home::None)
    }

    /// A base row has the label of the subclass row with the same key.
    fn probe_base(&self, facts: &mut Facts, row: u32) -> Probe {
        let table = facts.table(row);
        let subclasses = facts.layout.tables[table].subclasses.clone();
        let mut lists = Vec::new();
        for edge in subclasses {
            if let Some(own) = facts.own_target(row, edge) {
                lists.push((edge, facts.list(edge, own)));
            }
        }
        for (edge, list) in lists {
            let Some(list) = list else {
                return Probe::Blocked;
            };
            for subclass in list {
                match self.known(subclass) {
                    None => return Probe::Needs(subclass),
                    Some(Some(label)) => {
                        let home = Home::Subclass(subclass, edge);
                        return Probe::Final(Some(label), home);
                    }
                    Some(None) => {}
                }
            }
        }
        Probe::Final(None, Home::None)
    }

    fn probe_paths(&self, facts: &mut Facts, row: u32) -> Probe {
        let table = facts.table(row);
        for position in 0..facts.layout.tables[table].paths.len() {
            let edge = facts.layout.tables[table].paths[position];
            let Some(target) = facts.reference(row, edge) else {
                continue;
            };
            match facts.look_up(target) {
                Known::NotYet => return Probe::Blocked,
                Known::Absent => {}
                Known::Row(parent) => match self.known(parent) {
                    None => return Probe::Needs(parent),
                    Some(Some(label)) => {
                        return Probe::Final(Some(label), Home::Path(position));
                    }
                    Some(None) => {}
                },
            }
        }
        Probe::Final(None, Home::None)
    }

    /// Where a row stands, apart from the users of the shared row its homes end in.
    ///
    /// A home chain that meets a row with a label ends there: such a row goes with that row.
    pub(super) fn place(&mut self, facts: &mut Facts, district: u32, row: u32) -> Place {
        let mut at = row;
        let mut slow = row;
        let mut is_odd = false;
        let mut looked_up = Vec::new();
        loop {
            match self.label(facts, district, at) {
                None => return Place::NotYet,
                Some(Some(label)) if label == district => return Place::Here,
                Some(Some(_)) => return Place::Other,
                Some(None) => {}
            }
            let table = facts.table(at);
            if facts.layout.tables[table].org.is_some() {
                return if at == row { Place::Above } else { Place::Here };
            }
            if facts.layout.tables[table].is_looked_up {
                looked_up.push(at);
            }
            match hang_home(facts, at) {
                Hang::NotYet => return Place::NotYet,
                Hang::Nowhere => {
                    let shape = &facts.layout.tables[table];
                    let is_shared = shape.role == Role::Shared;
                    if !is_shared && looked_up.is_empty() && !shape.may_be_anothers {
                        return Place::Here;
                    }
                    return Place::Known(Chain {
                        looked_up,
                        last: at,
                        is_shared,
                    });
                }
                Hang::On { row: parent, .. } => at = parent,
            }
            // Homes that go round lead to no last row; a second, slower walker notices.
            if is_odd && let Hang::On { row: next, .. } = hang_home(facts, slow) {
                slow = next;
            }
            is_odd = !is_odd;
            if at == slow {
                return Place::Here;
            }
        }
    }
}

/// The parent a row without label hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hang {
    On { row: u32, edge: u32 },
    Nowhere,
    NotYet,
}

/// The parent through the first hang edge that leads to a row.
pub(super) fn hang_home(facts: &mut Facts, row: u32) -> Hang {
    let table = facts.table(row);
    if facts.layout.tables[table].org.is_some() {
        return Hang::Nowhere;
    }
    for position in 0..facts.layout.tables[table].hangs.len() {
        let edge = facts.layout.tables[table].hangs[position];
        let Some(target) = facts.reference(row, edge) else {
            continue;
        };
        match facts.look_up(target) {
            Known::Row(parent) => return Hang::On { row: parent, edge },
            Known::Absent => {}
            Known::NotYet => return Hang::NotYet,
        }
    }
    Hang::Nowhere
}

/// The label of a root row: its key.
pub(super) fn root_key(facts: &Facts, row: u32) -> Label {
    let index = facts.layout.root_index;
    let indexes = &facts.layout.tables[facts.layout.root].indexes;
    let position = indexes.iter().position(|known| *known == index)?;
    facts.own_target_at(row, position)
}
