//! What the policy `exclude` takes out, and the full members that are left (docs/design/closure.md §3).
//!
//! Computed on the rows that would be members without it: what it takes out is among them, and
//! everything they refer to is known, so nothing has to be fetched.

use std::collections::HashMap;

use redistrict_model::BoundaryPolicy;

use super::closure::Closure;
use super::facts::{Facts, Known};

/// Full members after `exclude`.
#[derive(Default)]
pub(super) struct Trimmed {
    /// By row; none if nothing was taken out: all full rows are members then.
    is_member: Option<Vec<bool>>,
    /// Rows that `exclude` took out: X. Empty if there are none.
    is_out: Vec<bool>,
    /// Rows of X that refer to an excluded row themselves, by edge.
    pub(super) causes: Vec<(u32, u32)>,
}

impl Trimmed {
    /// Whether a full row is left.
    pub(super) fn is_left(&self, row: u32) -> bool {
        self.is_member
            .as_ref()
            .is_none_or(|left| left.get(row as usize) == Some(&true))
    }

    pub(super) fn is_out(&self, row: u32) -> bool {
        self.is_out.get(row as usize) == Some(&true)
    }
}

pub(super) fn trim(closure: &Closure) -> Trimmed {
    let causes = causes(closure);
    if causes.is_empty() {
        return Trimmed::default();
    }
    let rows = closure.is_full.len();
    let is_out = take_out(closure, &causes, rows);
    let is_member = grow_again(closure, &is_out, rows);
    Trimmed {
        is_member: Some(is_member),
        is_out,
        causes,
    }
}

/// Rows that refer to something elsewhere over an edge with the policy `exclude`, or to nothing over a key that
/// was never validated.
fn causes(closure: &Closure) -> Vec<(u32, u32)> {
    let mut causes = Vec::new();
    for row in closure.full() {
        let table = &closure.facts.layout.tables[closure.facts.table(row)];
        for &edge in &table.out {
            let layout = &closure.facts.layout.edges[edge as usize];
            if layout.policy != Some(BoundaryPolicy::Exclude) || layout.is_into_excluded {
                continue;
            }
            let is_cause = match parent(&closure.facts, row, edge) {
                Some(parent) => !closure.is_full[parent as usize],
                None => {
                    closure.policy_of_nothing(edge).is_some()
                        && closure.facts.reference(row, edge).is_some()
                }
            };
            if is_cause {
                causes.push((edge, row));
            }
        }
    }
    causes
}

fn take_out(closure: &Closure, causes: &[(u32, u32)], rows: usize) -> Vec<bool> {
    let mut is_out = vec![false; rows];
    let mut dependents: HashMap<u32, Vec<u32>> = HashMap::new();
    for row in closure.full() {
        let table = &closure.facts.layout.tables[closure.facts.table(row)];
        for &edge in &table.out {
            if closure.facts.layout.edges[edge as usize].mandatory
                && let Some(parent) = parent(&closure.facts, row, edge)
            {
                dependents.entry(parent).or_default().push(row);
            }
        }
        if let Some((home, _)) = home(closure, row) {
            dependents.entry(home).or_default().push(row);
        }
    }
    let mut open: Vec<u32> = causes.iter().map(|(_, row)| *row).collect();
    // What stands inside of a value takes out the row that holds it.
    let inside = (causes.iter()).filter(|(edge, _)| {
        closure.facts.layout.descriptions[*edge as usize]
            .inside
            .is_some()
    });
    open.extend(inside.filter_map(|(_, row)| Some(home(closure, *row)?.0)));
    while let Some(row) = open.pop() {
        if std::mem::replace(&mut is_out[row as usize], true) {
            continue;
        }
        open.extend(dependents.get(&row).into_iter().flatten());
    }
    is_out
}

/// The least set of full members among the rows that are left.
fn grow_again(closure: &Closure, is_out: &[bool], rows: usize) -> Vec<bool> {
    let mut hanging: HashMap<u32, Vec<u32>> = HashMap::new();
    for row in closure.full() {
        if closure.is_own(row) {
            continue;
        }
        for parent in hang_parents(closure, row) {
            hanging.entry(parent).or_default().push(row);
        }
    }
    let mut is_member = vec![false; rows];
    let starts = |row: &u32| closure.is_own(*row) || closure.comes_whole(*row);
    let mut open: Vec<u32> = closure.full().filter(starts).collect();
    while let Some(row) = open.pop() {
        if is_out[row as usize] || is_member[row as usize] {
            continue;
        }
        is_member[row as usize] = true;
        let table = &closure.facts.layout.tables[closure.facts.table(row)];
        for &edge in &table.out {
            if let Some(parent) = parent(&closure.facts, row, edge)
                && closure.is_full[parent as usize]
            {
                open.push(parent);
            }
        }
        for &child in hanging.get(&row).into_iter().flatten() {
            let parents = hang_parents(closure, child);
            if parents.iter().all(|parent| is_member[*parent as usize]) {
                open.push(child);
            }
        }
    }
    is_member
}

/// The rows that must all be members for the row to hang: its home, and of a pair both parents.
fn hang_parents(closure: &Closure, row: u32) -> Vec<u32> {
    let Some((home, edge)) = hang_home(&closure.facts, row) else {
        return Vec::new();
    };
    let mut parents = vec![home];
    for &twin in &closure.facts.layout.edges[edge as usize].pair {
        if let Some(other) = parent(&closure.facts, row, twin)
            && !parents.contains(&other)
        {
            parents.push(other);
        }
    }
    parents
}

/// The parent the row belongs to or hangs on.
pub(super) fn home(closure: &Closure, row: u32) -> Option<(u32, u32)> {
    match closure.labels.known(row) {
        Some(Some(_)) => closure.labels.label_home(&closure.facts, row),
        Some(None) => hang_home(&closure.facts, row),
        None => None,
    }
}

fn hang_home(facts: &Facts, row: u32) -> Option<(u32, u32)> {
    let table = &facts.layout.tables[facts.table(row)];
    if table.org.is_some() {
        return None;
    }
    let mut hangs = table.hangs.iter();
    hangs.find_map(|edge| Some((parent(facts, row, *edge)?, *edge)))
}

/// The row that a reference leads to, as far as it was fetched.
pub(super) fn parent(facts: &Facts, row: u32, edge: u32) -> Option<u32> {
    match facts.known(facts.reference(row, edge)?) {
        Known::Row(parent) => Some(parent),
        Known::Absent | Known::NotYet => None,
    }
}
