//! Isolation, from the rows alone: nothing of another district is in the artifact as a full row, and
//! every row has a reason to be there.
//!
//! The walk goes upwards along all references of the plan, from row to row of the artifact, to the
//! rows of the tenant's root table. It knows no owner lists and no labels. Four things are checked:
//!
//! - *isolation-root*: among the root rows exactly one full row, the district's (with a tree of roots
//!   declared: and those below it); all others are stubs.
//! - *isolation-own*: every own row leads to the district's root row.
//! - *isolation-shared*: no shared row leads to another district by references that are never NULL,
//!   unless it leads to this one too.
//! - *isolation-reason*: every shared row (but those of reference tables, which may be copied whole)
//!   refers to a full row or is referred to; every stub is referred to.
//!
//! Memory: one byte per row and 12 bytes per reference of the tables that others refer to, and of those
//! whose rows have a base row; of the others (the big ones, as a rule) one byte per row of one table at a time.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_artifact::Manifest;
use redistrict_model::{
    CheckResult, Edge, EdgeId, Membership, OrgPart, Plan, Role, Severity, TableRef,
};

use super::{TableView, Tally, could_not_run, locator};
use crate::cells::{Cells, TableBatch};

const FULL: u8 = 1;
const OWN: u8 = 1 << 1;
/// Leads to the district's root row.
const REACHES: u8 = 1 << 2;
/// Leads to another root row by mandatory references only.
const FOREIGN: u8 = 1 << 3;
/// Refers to a full row or is referred to, by another row than itself.
const CONNECTED: u8 = 1 << 4;
/// A root row with the district's key.
const DISTRICT: u8 = 1 << 5;

/// The row is there, whatever the manifest says.
const PRESENT: u8 = 1 << 6;

/// What is reported as one check.
const CHECKS: [(&str, &str); 4] = [
    (
        "isolation-root",
        "the one full row of the root table is the district's",
    ),
    (
        "isolation-own",
        "every own row leads up to the district's root row",
    ),
    (
        "isolation-shared",
        "no shared row leads up to another district's root row",
    ),
    (
        "isolation-reason",
        "every shared row and every stub is there because another row needs it",
    ),
];
const ROOT: usize = 0;

struct Step {
    child: u32,
    parent: u32,
    is_mandatory: bool,
    /// A label flows the other way too: from a row to its base row of the same key.
    is_base: bool,
    /// A reference between root rows that is no declared tree explains why a row is here; no label
    /// follows it.
    is_followed: bool,
}

impl Step {
    fn reversed(&self) -> Self {
        Self {
            child: self.parent,
            parent: self.child,
            ..*self
        }
    }
}

/// The rows that others refer to, and how they refer to each other.
pub(crate) struct Isolation {
    /// The first row's place in `bits`, and the number of rows.
    ranges: BTreeMap<TableRef, (u32, u32)>,
    bits: Vec<u8>,
    steps: Vec<Step>,
    tree: BTreeSet<EdgeId>,
    base: BTreeSet<EdgeId>,
    root: TableRef,
    is_root_there: bool,
    district_rows: u64,
    tallies: [Tally; 4],
}

impl Isolation {
    /// `parents` are the tables that others refer to; the root table is always among them.
    pub(crate) fn of(plan: &Plan, manifest: &Manifest, parents: &[TableView<'_>]) -> Self {
        let ownership = &plan.sections.extract.ownership;
        let mut ranges = BTreeMap::new();
        let mut first: u32 = 0;
        for view in parents {
            let rows = u32::try_from(view.entry.rows).unwrap_or(u32::MAX);
            ranges.insert(view.name().clone(), (first, rows));
            first = first.saturating_add(rows);
        }
        let ids = |holds: &dyn Fn(&Edge) -> bool| {
            ownership
                .edges
                .iter()
                .filter(|edge| holds(edge))
                .map(|edge| edge.id)
                .collect()
        };
        Self {
            ranges,
            bits: vec![0; first as usize],
            steps: Vec::new(),
            tree: ids(&|edge| is_tree(plan, edge)),
            base: ids(&|edge| is_base(plan, edge)),
            root: ownership.root.clone(),
            is_root_there: manifest.table(&ownership.root).is_some(),
            district_rows: 0,
            tallies: Default::default(),
        }
    }

    /// Takes the rows of a table that others refer to (first reading).
    pub(crate) fn take(&mut self, view: &TableView<'_>, batch: &TableBatch<'_>) {
        let Some((first, rows)) = self.ranges.get(view.name()).copied() else {
            return;
        };
        let is_district = self.district_rows_of(view, batch);
        for (row, one) in batch.membership.iter().enumerate() {
            let place = batch.place(row);
            if place < u64::from(rows) {
                self.bits[node(first, place)] = of_membership(*one)
                    | if is_district[row] {
                        DISTRICT | REACHES
                    } else {
                        0
                    };
            }
        }
    }

    fn district_rows_of(&self, view: &TableView<'_>, batch: &TableBatch<'_>) -> Vec<bool> {
        let ownership = &view.plan.sections.extract.ownership;
        if *view.name() != self.root {
            return vec![false; batch.len()];
        }
        let cells: Vec<_> = ownership
            .root_key
            .iter()
            .filter_map(|column| Cells::of(batch.rows, column, view.source))
            .collect();
        let key = |row| {
            let parts: Option<Vec<String>> = cells
                .iter()
                .map(|cells| cells.canonical_text(row))
                .collect();
            parts.map(|parts| parts.join(","))
        };
        (0..batch.len())
            .map(|row| key(row).as_deref() == Some(view.plan.district.as_str()))
            .collect()
    }

    /// Takes a reference between two tables that others refer to (second reading).
    pub(crate) fn step(&mut self, edge: &Edge, child: u64, parent: u32) {
        let (Some((from, children)), Some((to, parents))) =
            (self.ranges.get(&edge.child), self.ranges.get(&edge.parent))
        else {
            return;
        };
        let is_between_roots = edge.child == self.root && edge.parent == self.root;
        let Ok(child) = u32::try_from(child) else {
            return;
        };
        if child >= *children || parent >= *parents {
            return;
        }
        self.steps.push(Step {
            child: from + child,
            parent: to + parent,
            is_mandatory: edge.is_always(),
            is_base: self.base.contains(&edge.id),
            is_followed: !is_between_roots || self.tree.contains(&edge.id),
        });
    }

    /// Follows all steps to their end: each row is visited again only when its marks have grown.
    pub(crate) fn solve(&mut self) {
        self.mark_roots();
        self.connect();
        let mut arcs = std::mem::take(&mut self.steps);
        arcs.retain(|arc| arc.is_followed);
        let upwards: Vec<Step> = arcs
            .iter()
            .filter(|arc| arc.is_base)
            .map(Step::reversed)
            .collect();
        arcs.extend(upwards);
        arcs.sort_unstable_by_key(|arc| arc.parent);
        let is_marked = |at: &usize| self.bits[*at] & (REACHES | FOREIGN) != 0;
        let mut work: Vec<usize> = (0..self.bits.len()).filter(is_marked).collect();
        while let Some(at) = work.pop() {
            let begin = arcs.partition_point(|arc| (arc.parent as usize) < at);
            for arc in arcs[begin..]
                .iter()
                .take_while(|arc| arc.parent as usize == at)
            {
                let child = arc.child as usize;
                let new = self.bits[child] | inherited(self.bits[at], arc.is_mandatory);
                if new != self.bits[child] {
                    self.bits[child] = new;
                    work.push(child);
                }
            }
        }
    }

    fn connect(&mut self) {
        for step in &self.steps {
            let (child, parent) = (step.child as usize, step.parent as usize);
            if child == parent {
                continue;
            }
            if self.bits[parent] & FULL != 0 {
                self.bits[child] |= CONNECTED;
            }
            self.bits[parent] |= CONNECTED;
        }
    }

    /// Root rows: what lies below the district in a declared tree is the district's too.
    fn mark_roots(&mut self) {
        let Some((first, end)) = self.root_range() else {
            return;
        };
        let is_root = |at: u32| (first..end).contains(&(at as usize));
        let tree: Vec<(usize, usize)> = self
            .steps
            .iter()
            .filter(|step| step.is_followed && is_root(step.child) && is_root(step.parent))
            .map(|step| (step.child as usize, step.parent as usize))
            .collect();
        let mut has_changed = true;
        while std::mem::take(&mut has_changed) {
            for (child, parent) in &tree {
                let new = self.bits[*child] | self.bits[*parent] & REACHES;
                has_changed |= new != self.bits[*child];
                self.bits[*child] = new;
            }
        }
        for at in first..end {
            let bits = self.bits[at];
            self.tallies[ROOT].examined += u64::from(bits & PRESENT != 0);
            if bits & REACHES == 0 {
                self.bits[at] |= FOREIGN;
                if bits & FULL != 0 {
                    let place = (at - first) as u64;
                    self.tallies[ROOT].fail(|| locator(&self.root, place));
                }
            }
            self.district_rows += u64::from(bits & DISTRICT != 0 && bits & FULL != 0);
        }
    }

    fn root_range(&self) -> Option<(usize, usize)> {
        let (first, rows) = self.ranges.get(&self.root)?;
        Some((*first as usize, (first + rows) as usize))
    }

    /// What a row of a table that nobody refers to has from the parent it refers to; the parent has
    /// its reason from it.
    pub(crate) fn through(&mut self, edge: &Edge, parent: u32) -> u8 {
        let Some((first, _)) = self.ranges.get(&edge.parent) else {
            return 0;
        };
        let Some(bits) = self.bits.get_mut(node(*first, parent.into())) else {
            return 0;
        };
        *bits |= CONNECTED;
        let connected = if *bits & FULL == 0 { 0 } else { CONNECTED };
        inherited(*bits, edge.is_always()) | connected
    }

    /// Judges the rows of a table that others refer to, after all references were seen.
    pub(crate) fn judge(&mut self, view: &TableView<'_>) {
        let Some((first, rows)) = self.ranges.get(view.name()).copied() else {
            return;
        };
        let range = first as usize..(first + rows) as usize;
        let bits: Vec<u8> = self.bits[range].to_vec();
        self.judge_rows(view, &bits);
    }

    /// Judges rows: one byte per row of the table, in order.
    pub(crate) fn judge_rows(&mut self, view: &TableView<'_>, bits: &[u8]) {
        let is_root = *view.name() == self.root;
        let role = view.plan.sections.extract.ownership.table(view.name());
        let is_reference = role.is_some_and(|role| role.role == Role::Reference);
        // Who wrote the owner list by hand decided where such a row belongs, wherever it points to.
        let is_decided = role.is_some_and(|role| role.decided);
        for (place, bits) in bits.iter().enumerate() {
            let is = |mask: u8| bits & mask != 0;
            let is_own = is(OWN) && !is_root;
            let is_shared = is(FULL) && !is(OWN) && !is_root;
            let is_stub = is(PRESENT) && !is(FULL);
            let verdicts = [
                (1, is_own, !is(REACHES)),
                (2, is_shared, is(FOREIGN) && !is(REACHES) && !is_decided),
                (
                    3,
                    is_stub || is_shared,
                    !(is(CONNECTED) || is_shared && is_reference),
                ),
            ];
            for (check, is_meant, is_violated) in verdicts {
                self.tallies[check].examined += u64::from(is_meant);
                if is_meant && is_violated {
                    self.tallies[check].fail(|| locator(view.name(), place as u64));
                }
            }
        }
    }

    /// What came out.
    pub(crate) fn finish(mut self) -> Vec<CheckResult> {
        let subject = self.root.to_string();
        if !self.is_root_there {
            return CHECKS
                .into_iter()
                .map(|(check, definition)| {
                    could_not_run(
                        check,
                        &subject,
                        definition,
                        "the artifact has no root table",
                    )
                })
                .collect();
        }
        if self.district_rows != 1 {
            let rows = self.district_rows;
            self.tallies[ROOT].fail(|| format!("{rows} full rows with the district's key"));
        }
        CHECKS
            .into_iter()
            .zip(self.tallies)
            .map(|((check, definition), tally)| {
                tally.result(check, &subject, definition, Severity::Error)
            })
            .collect()
    }
}

/// The bits of a row before anything is known about its references.
pub(crate) fn of_membership(one: Membership) -> u8 {
    match one {
        Membership::Own => PRESENT | FULL | OWN,
        Membership::Shared => PRESENT | FULL,
        Membership::Stub => PRESENT,
    }
}

fn node(first: u32, place: u64) -> usize {
    usize::try_from(u64::from(first) + place).unwrap_or(usize::MAX)
}

fn inherited(bits: u8, is_mandatory: bool) -> u8 {
    bits & if is_mandatory {
        REACHES | FOREIGN
    } else {
        REACHES
    }
}

fn is_tree(plan: &Plan, edge: &Edge) -> bool {
    let ownership = &plan.sections.extract.ownership;
    edge.is_self()
        && edge.child == ownership.root
        && ownership
            .table(&ownership.root)
            .is_some_and(|role| role.owners.iter().any(|owner| owner.edge == edge.id))
}

/// Whether rows of the table have a base row of the same key.
pub(crate) fn has_base(plan: &Plan, table: &TableRef) -> bool {
    let edges = &plan.sections.extract.ownership.edges;
    edges
        .iter()
        .any(|edge| edge.child == *table && is_base(plan, edge))
}

/// An identity edge into a base table: the row and its base row are one thing.
fn is_base(plan: &Plan, edge: &Edge) -> bool {
    let extract = &plan.sections.extract;
    let is_key = |table: &TableRef, columns: &[String]| {
        let key = extract
            .catalog_table(table)
            .and_then(|table| table.primary_key.as_ref());
        key.is_some_and(|key| {
            key.len() == columns.len() && key.iter().all(|column| columns.contains(column))
        })
    };
    let parent = extract.ownership.table(&edge.parent);
    parent.is_some_and(|role| role.org == Some(OrgPart::Base))
        && !edge.is_self()
        && is_key(&edge.child, &edge.child_columns)
        && is_key(&edge.parent, &edge.parent_columns)
}
