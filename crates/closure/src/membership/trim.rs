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
    pub(super) is_member: Vec<bool>,
    /// Rows that `exclude` took out: X.
    pub(super) is_out: Vec<bool>,
    /// Rows of X that refer to an excluded row themselves, by edge.
    pub(super) causes: Vec<(u32, u32)>,
}

pub(super) fn trim(closure: &Closure) -> Trimmed {
    let causes = causes(closure);
    let mut trimmed = Trimmed {
        is_member: closure.is_full.clone(),
        is_out: vec![false; closure.is_full.len()],
        causes,
    };
    if trimmed.causes.is_empty() {
        return trimmed;
    }
    take_out(closure, &mut trimmed);
    grow_again(closure, &mut trimmed);
    trimmed
}

/// Rows that refer to something elsewhere over an edge with the policy `exclude`.
fn causes(closure: &Closure) -> Vec<(u32, u32)> {
    let mut causes = Vec::new();
    for &row in &closure.full {
        let table = &closure.facts.layout.tables[closure.facts.table(row)];
        for &edge in &table.out {
            let layout = &closure.facts.layout.edges[edge as usize];
            if layout.policy != Some(BoundaryPolicy::Exclude) || layout.is_into_excluded {
                continue;
            }
            if let Some(parent) = parent(&closure.facts, row, edge)
                && !closure.is_full[parent as usize]
            {
                causes.push((edge, row));
            }
        }
    }
    causes
}

fn take_out(closure: &Closure, trimmed: &mut Trimmed) {
    let mut dependents: HashMap<u32, Vec<u32>> = HashMap::new();
    for &row in &closure.full {
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
    let mut open: Vec<u32> = trimmed.causes.iter().map(|(_, row)| *row).collect();
    while let Some(row) = open.pop() {
        if std::mem::replace(&mut trimmed.is_out[row as usize], true) {
            continue;
        }
        open.extend(dependents.get(&row).into_iter().flatten());
    }
}

/// The least set of full members among the rows that are left.
fn grow_again(closure: &Closure, trimmed: &mut Trimmed) {
    let mut hanging: HashMap<u32, Vec<u32>> = HashMap::new();
    for &row in &closure.full {
        if closure.is_own(row) {
            continue;
        }
        for parent in hang_parents(closure, row) {
            hanging.entry(parent).or_default().push(row);
        }
    }
    trimmed.is_member = vec![false; closure.is_full.len()];
    let mut open: Vec<u32> = closure
        .full
        .iter()
        .copied()
        .filter(|row| closure.is_own(*row))
        .collect();
    while let Some(row) = open.pop() {
        if trimmed.is_out[row as usize] || trimmed.is_member[row as usize] {
            continue;
        }
        trimmed.is_member[row as usize] = true;
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
            if parents
                .iter()
                .all(|parent| trimmed.is_member[*parent as usize])
            {
                open.push(child);
            }
        }
    }
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
        Some(Some(_)) => closure.labels.label_home(row),
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
