//! Turns an evaluation that has ended into [`Members`]. Decides nothing.

use std::collections::BTreeMap;

use redistrict_model::{BoundaryPolicy, Edge, EdgeOrigin, Finding, Key, Role, TableRef};

use super::closure::Closure;
use super::facts::Known;
use super::key_list::KeyList;
use super::layout::Layout;
use super::members::{
    Boundary, Candidate, Dangling, Leads, Members, Nulled, Stop, TableMembers, Undecided,
};
use super::pool::KeyPool;
use super::stand::Verdict;
use super::trailing::{Passed, Way};
use super::trim::parent;
use crate::lines::{self, table_heading};

pub(super) fn members(closure: &Closure) -> Members {
    Members {
        rows: rows(lists(closure), &closure.facts.pool),
        ..without_rows(closure)
    }
}

/// As [`members`]. What is not needed for the keys is given up before they are listed.
pub(super) fn into_members(closure: Closure) -> Members {
    let members = without_rows(&closure);
    let lists = lists(&closure);
    let pool = closure.facts.into_pool();
    Members {
        rows: rows(lists, &pool),
        ..members
    }
}

fn without_rows(closure: &Closure) -> Members {
    let mut undecided = undecided(closure);
    let references = References::read(closure);
    let stops = stops(closure, &references, &mut undecided);
    Members {
        rows: BTreeMap::new(),
        nulled: references.nulled(closure),
        boundaries: references.boundaries(closure),
        stops,
        unknown: unknown(closure),
        taken_out: taken_out(closure),
        dangling: references
            .dangling
            .iter()
            .map(|(edge, rows)| Dangling {
                edge: closure.facts.layout.edge_ids[*edge as usize],
                rows: *rows,
            })
            .collect(),
        findings: findings(closure, &references),
        undecided,
    }
}

/// Stops in edge order. The boundary of a candidate of an undecided table is asked together with
/// its owner. A table's lines stand once, because a configuration names a table once.
fn stops(closure: &Closure, references: &References, undecided: &mut [Undecided]) -> Vec<Stop> {
    let layout = &closure.facts.layout;
    let mut columns: BTreeMap<&TableRef, Vec<String>> = BTreeMap::new();
    for (edge, leads) in references.stops.keys() {
        let edge = &layout.descriptions[*edge as usize];
        if *leads != Leads::ExcludedTable {
            let entry = boundary_entry(layout, edge);
            let entries = columns.entry(&edge.child).or_default();
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
    }
    let mut stops = Vec::new();
    for ((edge, leads), rows) in &references.stops {
        let id = layout.edge_ids[*edge as usize];
        let child = &layout.descriptions[*edge as usize].child;
        let mut lines = Vec::new();
        if *leads == Leads::ExcludedTable {
            lines.push(table_heading(child));
            lines.push("excluded = \"why these rows are not needed\"".to_owned());
        } else {
            let columns = columns.remove(child).unwrap_or_default();
            match undecided.iter_mut().find(|table| table.table == *child) {
                Some(table) => {
                    table.ask_boundaries(layout, &columns);
                    let is_asked = |candidate: &Candidate| candidate.edge == id;
                    if table.candidates.iter().any(is_asked) {
                        continue;
                    }
                }
                None if columns.is_empty() => {}
                None => {
                    lines.push(table_heading(child));
                    lines.push(boundary_line(&columns));
                }
            }
        }
        stops.push(Stop {
            edge: id,
            leads: *leads,
            rows: *rows,
            lines,
        });
    }
    stops
}

impl Undecided {
    /// Adds the references that stop besides the candidates to the lines to paste.
    fn ask_boundaries(&mut self, layout: &Layout, columns: &[String]) {
        if columns.is_empty() {
            return;
        }
        let candidates = self.candidates.iter().skip(1);
        let mut all: Vec<String> = candidates
            .map(|candidate| boundary_entry(layout, &layout.descriptions[candidate.edge.index()]))
            .collect();
        all.extend(columns.iter().cloned());
        all.sort_unstable();
        all.dedup();
        if let Some(last) = self.lines.last_mut() {
            *last = boundary_line(&all);
        }
    }
}

/// A reference with the policy that is proposed for it.
fn boundary_entry(layout: &Layout, edge: &Edge) -> String {
    let reference = lines::reference(edge, &layout.descriptions);
    let has_stubs = !layout.edges[edge.id.index()].is_into_keyless;
    let policy = if has_stubs { "stub" } else { "exclude" };
    format!("{reference} = \"{policy}\"")
}

fn boundary_line(entries: &[String]) -> String {
    format!(
        "boundary = {{ {} }} # stub, exclude, or null where it may be NULL",
        entries.join(", ")
    )
}

/// The identities of members of a table by their numbers: own, shared, stubs. And those that passed.
#[derive(Default)]
struct Lists {
    identities: [Vec<u32>; 3],
    passed: Passed,
}

fn lists(closure: &Closure) -> BTreeMap<TableRef, Lists> {
    let facts = &closure.facts;
    let mut tables: BTreeMap<usize, Lists> = BTreeMap::new();
    let mut add = |row: u32, list: usize| {
        let identities = &mut tables.entry(facts.table(row)).or_default().identities[list];
        identities.extend(facts.own_target_at(row, 0));
    };
    for row in closure.full().filter(|row| closure.is_member(*row)) {
        add(row, usize::from(!closure.is_own(row)));
    }
    for &row in &closure.stubs {
        add(row, 2);
    }
    for (table, passed) in &closure.trailing.passed {
        tables.entry(*table).or_default().passed = *passed;
    }
    let named = |(table, lists): (usize, Lists)| (facts.layout.tables[table].name.clone(), lists);
    tables.into_iter().map(named).collect()
}

/// Table by table: its numbers are given up when its keys are listed.
fn rows(lists: BTreeMap<TableRef, Lists>, pool: &KeyPool) -> BTreeMap<TableRef, TableMembers> {
    let members = |(table, lists): (TableRef, Lists)| {
        let [own, shared, stubs] = lists.identities;
        let members = TableMembers {
            own: keys(pool, own),
            shared: keys(pool, shared),
            stubs: keys(pool, stubs),
            own_passed: lists.passed.own,
            shared_passed: lists.passed.shared,
        };
        (table, members)
    };
    lists.into_iter().map(members).collect()
}

fn keys(pool: &KeyPool, mut identities: Vec<u32>) -> KeyList {
    identities.sort_unstable_by(|a, b| pool.parts(*a).cmp(pool.parts(*b)));
    KeyList::of_sorted(identities.iter().map(|identity| pool.parts(*identity)))
}

/// Whose references are counted.
#[derive(Clone, Copy)]
enum Rows {
    One(u32),
    /// So many that streamed by.
    Passed(u64),
}

impl Rows {
    fn count(self) -> u64 {
        match self {
            Self::One(_) => 1,
            Self::Passed(rows) => rows,
        }
    }
}

/// What the references of members lead to, counted.
#[derive(Default)]
struct References {
    nulled: BTreeMap<u32, Vec<u32>>,
    /// An edge and where it leads decide the policy.
    boundaries: BTreeMap<(u32, Leads), (BoundaryPolicy, u64)>,
    stops: BTreeMap<(u32, Leads), u64>,
    dangling: BTreeMap<u32, u64>,
}

impl References {
    fn read(closure: &Closure) -> Self {
        let mut references = Self::default();
        for row in closure.full().filter(|row| closure.is_member(*row)) {
            references.read_row(closure, row);
        }
        for &row in &closure.stubs {
            references.read_stub(closure, row);
        }
        for &(edge, row) in &closure.trimmed.causes {
            let leads = match parent(&closure.facts, row, edge) {
                Some(parent) => leads(closure.verdict(parent)),
                None => Leads::NoRow,
            };
            references.add(edge, Rows::One(row), BoundaryPolicy::Exclude, leads);
        }
        for (edge, target, rows) in closure.passed_references() {
            references.read_reference(closure, edge, target, Rows::Passed(rows));
        }
        references
    }

    fn read_row(&mut self, closure: &Closure, row: u32) {
        let table = &closure.facts.layout.tables[closure.facts.table(row)];
        for &edge in &table.out {
            if let Some(target) = closure.facts.reference(row, edge) {
                self.read_reference(closure, edge, target, Rows::One(row));
            }
        }
    }

    /// References of full members over one edge to one target.
    fn read_reference(&mut self, closure: &Closure, edge: u32, target: u32, rows: Rows) {
        let shape = &closure.facts.layout.edges[edge as usize];
        let can_null = if shape.is_nullable {
            BoundaryPolicy::Null
        } else {
            BoundaryPolicy::Stop
        };
        if shape.is_into_excluded {
            self.add(edge, rows, can_null, Leads::ExcludedTable);
            return;
        }
        match closure.facts.known(target) {
            Known::Absent | Known::NotYet => match closure.policy_of_nothing(edge) {
                Some(BoundaryPolicy::Null) => {
                    self.add(edge, rows, BoundaryPolicy::Null, Leads::NoRow);
                }
                _ => *self.dangling.entry(edge).or_default() += rows.count(),
            },
            Known::Row(parent) if closure.is_member(parent) => {}
            Known::Row(parent) if closure.trimmed.is_out(parent) => {
                self.add(edge, rows, can_null, Leads::RowTakenOut);
            }
            Known::Row(parent) => {
                let verdict = closure.verdict(parent);
                let policy = closure.policy(edge, verdict.unwrap_or(Verdict::Other));
                self.add(edge, rows, policy, leads(verdict));
            }
        }
    }

    /// A stub's nullable columns are NULL; what is left are its mandatory references.
    fn read_stub(&mut self, closure: &Closure, row: u32) {
        let layout = &closure.facts.layout;
        for &edge in &layout.tables[closure.facts.table(row)].out {
            let shape = &layout.edges[edge as usize];
            let Some(target) = closure.facts.reference(row, edge) else {
                continue;
            };
            if !shape.mandatory {
                continue;
            }
            if shape.is_into_excluded {
                let rows = Rows::One(row);
                self.add(edge, rows, BoundaryPolicy::Stop, Leads::ExcludedTable);
                continue;
            }
            match closure.facts.known(target) {
                Known::Absent => *self.dangling.entry(edge).or_default() += 1,
                Known::Row(parent) if shape.is_into_keyless && !closure.is_member(parent) => {
                    let leads = leads(closure.verdict(parent));
                    self.add(edge, Rows::One(row), BoundaryPolicy::Stop, leads);
                }
                Known::Row(_) | Known::NotYet => {}
            }
        }
    }

    fn add(&mut self, edge: u32, rows: Rows, policy: BoundaryPolicy, leads: Leads) {
        let boundary = self.boundaries.entry((edge, leads));
        boundary.or_insert((policy, 0)).1 += rows.count();
        match policy {
            BoundaryPolicy::Stop => {
                *self.stops.entry((edge, leads)).or_default() += rows.count();
            }
            // Rows that pass are held instead where a cell of theirs may become NULL.
            BoundaryPolicy::Null => {
                let nulled = self.nulled.entry(edge).or_default();
                nulled.extend(match rows {
                    Rows::One(row) => Some(row),
                    Rows::Passed(_) => None,
                });
            }
            BoundaryPolicy::Stub | BoundaryPolicy::Exclude => {}
        }
    }

    fn nulled(&self, closure: &Closure) -> Vec<Nulled> {
        let nulled = |(edge, rows): (&u32, &Vec<u32>)| {
            let mut rows: Vec<Key> = rows
                .iter()
                .map(|row| closure.facts.identity(*row))
                .collect();
            rows.sort_unstable();
            Nulled {
                edge: closure.facts.layout.edge_ids[*edge as usize],
                rows,
            }
        };
        self.nulled.iter().map(nulled).collect()
    }

    fn boundaries(&self, closure: &Closure) -> Vec<Boundary> {
        self.boundaries
            .iter()
            .map(|((edge, leads), (policy, rows))| Boundary {
                edge: closure.facts.layout.edge_ids[*edge as usize],
                policy: *policy,
                leads: *leads,
                rows: *rows,
            })
            .collect()
    }
}

fn leads(verdict: Option<Verdict>) -> Leads {
    match verdict {
        Some(Verdict::Above) => Leads::AboveAllDistricts,
        _ => Leads::AnotherDistrict,
    }
}

fn unknown(closure: &Closure) -> BTreeMap<TableRef, u64> {
    let mut counts = BTreeMap::new();
    let rows = closure.full().filter(|row| closure.is_member(*row));
    for row in rows.chain(closure.stubs.iter().copied()) {
        let table = &closure.facts.layout.tables[closure.facts.table(row)];
        if table.role == Role::Unknown {
            *counts.entry(table.name.clone()).or_default() += 1;
        }
    }
    counts
}

fn taken_out(closure: &Closure) -> BTreeMap<TableRef, u64> {
    let mut counts = BTreeMap::new();
    let is_out = |row: &u32| closure.trimmed.is_out(*row);
    for row in closure.full().filter(is_out) {
        let table = &closure.facts.layout.tables[closure.facts.table(row)];
        *counts.entry(table.name.clone()).or_default() += 1;
    }
    counts
}

/// docs/design/closure.md §5: tables whose rows belong to different districts by different owners, measured on
/// all rows for which at least one owner leads here; these were all fetched.
fn undecided(closure: &Closure) -> Vec<Undecided> {
    let layout = &closure.facts.layout;
    let mut tallies: BTreeMap<usize, Tally> = BTreeMap::new();
    for row in 0..super::layout::number(closure.facts.row_count()) {
        let table = closure.facts.table(row);
        let shape = &layout.tables[table];
        let is_question = !shape.is_decided && shape.paths.len() > 1 && table != layout.root;
        if !is_question || closure.trailing.passes(table) {
            continue;
        }
        let ours = shape.paths.iter().map(|path| {
            let target = closure.facts.reference(row, *path)?;
            is_ours(closure, target)
        });
        let tally = tallies
            .entry(table)
            .or_insert_with(|| Tally::new(shape.paths.len()));
        tally.add(ours, closure.is_own(row), 1);
    }
    for ((table, ways), rows) in &closure.trailing.ways {
        let ours: Vec<Option<bool>> = ways.iter().map(|way| way.is_ours(closure)).collect();
        let is_own = ours.iter().find_map(|ours| *ours) == Some(true);
        let tally = tallies
            .entry(*table)
            .or_insert_with(|| Tally::new(ours.len()));
        tally.add(ours.into_iter(), is_own, *rows);
    }
    tallies
        .into_iter()
        .filter(|(_, tally)| tally.any != tally.all)
        .map(|(table, tally)| tally.into_undecided(closure, table))
        .collect()
}

/// Whether the row that is a target has the district's label; none if it has no label, as far as is known.
fn is_ours(closure: &Closure, target: u32) -> Option<bool> {
    match closure.facts.known(target) {
        Known::Row(row) => Some(closure.labels.known(row)?? == closure.district),
        Known::Absent | Known::NotYet => None,
    }
}

impl Way {
    fn is_ours(self, closure: &Closure) -> Option<bool> {
        match self {
            Self::Nowhere => None,
            Self::Here => Some(true),
            Self::To(target) => is_ours(closure, target),
        }
    }
}

struct Tally {
    any: u64,
    all: u64,
    under: Vec<u64>,
}

impl Tally {
    fn new(paths: usize) -> Self {
        Self {
            any: 0,
            all: 0,
            under: vec![0; paths],
        }
    }

    /// Rows whose path edges each lead to the district, or to another one, or to none.
    fn add(&mut self, ours: impl Iterator<Item = Option<bool>>, is_own: bool, rows: u64) {
        let mut is_any = false;
        let mut is_all = is_own;
        for (under, ours) in self.under.iter_mut().zip(ours) {
            match ours {
                Some(true) => {
                    *under += rows;
                    is_any = true;
                }
                Some(false) => is_all = false,
                None => {}
            }
        }
        self.any += if is_any { rows } else { 0 };
        self.all += if is_any && is_all { rows } else { 0 };
    }

    fn into_undecided(self, closure: &Closure, table: usize) -> Undecided {
        let layout = &closure.facts.layout;
        let shape = &layout.tables[table];
        let edges = || {
            shape
                .paths
                .iter()
                .map(|edge| &layout.descriptions[*edge as usize])
        };
        let hangs = shape
            .hangs
            .iter()
            .filter(|edge| !shape.paths.contains(edge));
        let owners = shape.paths.iter().chain(hangs);
        let owners: Vec<String> = owners
            .map(|edge| &layout.descriptions[*edge as usize])
            .map(|edge| lines::reference(edge, &layout.descriptions))
            .collect();
        let others: Vec<String> = edges()
            .skip(1)
            .map(|edge| boundary_entry(layout, edge))
            .collect();
        Undecided {
            table: shape.name.clone(),
            candidates: shape
                .paths
                .iter()
                .zip(&self.under)
                .map(|(edge, rows)| Candidate {
                    edge: layout.edge_ids[*edge as usize],
                    rows: *rows,
                })
                .collect(),
            any: self.any,
            all: self.all,
            lines: vec![
                table_heading(&shape.name),
                lines::owner_line(&owners),
                boundary_line(&others),
            ],
        }
    }
}

fn findings(closure: &Closure, references: &References) -> Vec<Finding> {
    let layout = &closure.facts.layout;
    let mut findings = Vec::new();
    for (table, rows) in &closure.labels.cycles {
        findings.push(Finding::warning(
            "owner-cycle",
            layout.tables[*table].name.to_string(),
            "rows belong to each other in a ring, and so to no district",
            *rows,
        ));
    }
    for (edge, rows) in &references.dangling {
        let edge = &layout.descriptions[*edge as usize];
        let finding = if edge.origin == EdgeOrigin::ForeignKey {
            Finding::error(
                "broken-foreign-key",
                edge.describe(),
                "the source holds references without a partner over a key it enforces",
                *rows,
            )
        } else {
            Finding::warning(
                "dangling-reference",
                edge.describe(),
                "references have no partner in the source either",
                *rows,
            )
        };
        findings.push(finding);
    }
    if !closure.full().any(|row| closure.is_member(row)) {
        findings.push(Finding::error(
            "district-taken-out",
            layout.tables[layout.root].name.to_string(),
            "the policy exclude takes out the district itself",
            1,
        ));
    }
    findings
}
