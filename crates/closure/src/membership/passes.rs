//! Which tables' rows can be decided while they stream by.

use std::collections::BTreeSet;

use redistrict_model::{BoundaryPolicy, Role, TableRef};

use super::layout::{EdgeLayout, Layout};

/// Tables by their positions.
#[derive(Default)]
pub(super) struct Passes {
    /// Nothing refers to their rows, which have keys, and each is a member by one edge alone.
    pub(super) trailing: BTreeSet<usize>,
    /// Only rows of trailing tables refer to theirs, each as to its one owner: who knows the owner knows the
    /// row.
    pub(super) relaying: BTreeSet<usize>,
}

impl Passes {
    /// None are while rows may be taken out again by what they refer to. `may_pass` is asked with a table and
    /// the columns that have to be seen of its rows.
    pub(super) fn of(layout: &Layout, may_pass: impl Fn(&TableRef, &[String]) -> bool) -> Self {
        let is_excluding = |edge: &EdgeLayout| {
            edge.policy == Some(BoundaryPolicy::Exclude) && !edge.is_into_excluded
        };
        if layout.edges.iter().any(is_excluding) {
            return Self::default();
        }
        let can_pass = |table: &usize| {
            let shape = &layout.tables[*table];
            is_told_by_owners(layout, *table) && may_pass(&shape.name, &shape.columns)
        };
        let tables: BTreeSet<usize> = (0..layout.tables.len()).filter(can_pass).collect();
        let mut referring = vec![Vec::new(); layout.tables.len()];
        for (edge, shape) in (0..).zip(&layout.edges) {
            referring[shape.parent].push((edge, shape.child));
        }
        let (trailing, others): (BTreeSet<usize>, BTreeSet<usize>) =
            (tables.into_iter()).partition(|table| referring[*table].is_empty());
        let is_relaying = |table: &usize| {
            let mut children = referring[*table].iter();
            layout.tables[*table].role == Role::Owned
                && children.all(|&(edge, child)| {
                    trailing.contains(&child) && is_only_owner(layout, edge, child)
                })
        };
        let relaying = others.into_iter().filter(is_relaying).collect();
        Self { trailing, relaying }
    }
}

/// The table's rows have keys, and are members by one owner each.
fn is_told_by_owners(layout: &Layout, at: usize) -> bool {
    let table = &layout.tables[at];
    let is_owned = !table.paths.is_empty() || !table.hangs.is_empty();
    let is_pair = |edge: &u32| !layout.edges[*edge as usize].pair.is_empty();
    at != layout.root
        && table.org.is_none()
        && table.role != Role::Excluded
        && !table.is_whole
        && table.has_identity
        && is_owned
        && !table.hangs.iter().any(is_pair)
}

fn is_only_owner(layout: &Layout, edge: u32, child: usize) -> bool {
    let child = &layout.tables[child];
    child
        .paths
        .iter()
        .chain(&child.hangs)
        .all(|owner| *owner == edge)
}
