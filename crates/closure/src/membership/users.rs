//! Users of shared rows, D(p) of docs/design/closure.md §2: the districts a shared row is known in. Searched
//! only for the rows where it matters.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use redistrict_model::Role;

use super::facts::Facts;
use super::growth;
use super::label::{Hang, Labels, hang_home};

/// What the users of a shared row say about the district.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// The district is one of them.
    Ours,
    /// There are none.
    Nobody,
    /// Others only.
    Others,
}

/// A shared row under search.
#[derive(Default)]
struct Node {
    labels: BTreeSet<u32>,
    /// Shared rows whose users are users of this row as well.
    links: BTreeSet<u32>,
    stage: Stage,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// Labels of tier-0 rows that refer to it.
    #[default]
    Labels,
    /// Rows that hang on other shared rows.
    Attached,
    Done,
}

/// The search, and what it found.
#[derive(Default)]
pub(super) struct Users {
    nodes: BTreeMap<u32, Node>,
    found: HashMap<u32, Known>,
    /// Targets that rows of the district are known to refer to.
    ours: Vec<bool>,
    /// Whole sets are wanted: the search does not end with the district found.
    is_exhaustive: bool,
}

impl Users {
    /// A search for whole sets of users.
    pub(super) fn exhaustive() -> Self {
        Self {
            is_exhaustive: true,
            ..Self::default()
        }
    }

    /// A row of the district that shows users refers to this key.
    pub(super) fn mark_ours(&mut self, target: u32) {
        let position = target as usize;
        if self.ours.len() <= position {
            growth::resize(&mut self.ours, position + 1, false);
        }
        self.ours[position] = true;
    }

    /// What is known about a shared row's users.
    pub(super) fn known(&self, facts: &Facts, row: u32) -> Option<Known> {
        if let Some(known) = self.found.get(&row) {
            return Some(*known);
        }
        let is_ours = |target: &u32| self.ours.get(*target as usize) == Some(&true);
        facts
            .own_targets(row)
            .iter()
            .any(is_ours)
            .then_some(Known::Ours)
    }

    /// Starts or goes on with the search for these rows. True once every one of them is known.
    pub(super) fn search(
        &mut self,
        facts: &mut Facts,
        labels: &mut Labels,
        district: u32,
        rows: &[u32],
    ) -> bool {
        for row in rows {
            if self.known(facts, *row).is_none() {
                self.nodes.entry(*row).or_default();
            }
        }
        let mut is_pending = false;
        let mut open: Vec<u32> = self.open();
        while let Some(row) = open.pop() {
            match self.advance(facts, labels, district, row) {
                Some(fresh) => open.extend(fresh),
                None => is_pending = true,
            }
        }
        if is_pending {
            return false;
        }
        self.settle(district);
        true
    }

    /// The users of a row that was searched for: all of them if the search was exhaustive, or if the district
    /// is none of them.
    pub(super) fn districts(&self, row: u32) -> Option<&BTreeSet<u32>> {
        let is_found = self.found.contains_key(&row);
        let node = self.nodes.get(&row).filter(|_| is_found)?;
        Some(&node.labels)
    }

    fn open(&self) -> Vec<u32> {
        let is_open = |node: &&u32| self.nodes[*node].stage != Stage::Done;
        self.nodes.keys().filter(is_open).copied().collect()
    }

    /// Looks at one row as far as facts allow. Once it is done, gives the rows it made known.
    fn advance(
        &mut self,
        facts: &mut Facts,
        labels: &mut Labels,
        district: u32,
        row: u32,
    ) -> Option<Vec<u32>> {
        let mut node = self.nodes.remove(&row)?;
        if !self.is_exhaustive && self.known(facts, row) == Some(Known::Ours) {
            node.labels.insert(district);
            node.stage = Stage::Done;
        }
        if node.stage == Stage::Labels && read_labels(facts, labels, district, row, &mut node) {
            let is_found = !self.is_exhaustive && node.labels.contains(&district);
            node.stage = if is_found {
                Stage::Done
            } else {
                Stage::Attached
            };
        }
        if node.stage == Stage::Attached && read_attached(facts, labels, district, row, &mut node) {
            node.stage = Stage::Done;
        }
        let is_done = node.stage == Stage::Done;
        let links = node.links.clone();
        self.nodes.insert(row, node);
        if !is_done {
            return None;
        }
        let mut fresh = Vec::new();
        for link in links {
            self.nodes.entry(link).or_insert_with(|| {
                fresh.push(link);
                Node::default()
            });
        }
        Some(fresh)
    }

    /// Carries labels along links, then draws the conclusions.
    fn settle(&mut self, district: u32) {
        let mut takers: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (row, node) in &self.nodes {
            for link in &node.links {
                takers.entry(*link).or_default().push(*row);
            }
        }
        let mut open: Vec<u32> = self.nodes.keys().copied().collect();
        while let Some(giver) = open.pop() {
            let labels = self.nodes[&giver].labels.clone();
            for taker in takers.get(&giver).map(Vec::as_slice).unwrap_or_default() {
                let Some(node) = self.nodes.get_mut(taker) else {
                    continue;
                };
                let count = node.labels.len();
                node.labels.extend(&labels);
                if node.labels.len() > count {
                    open.push(*taker);
                }
            }
        }
        for (row, node) in &self.nodes {
            let known = if node.labels.contains(&district) {
                Known::Ours
            } else if node.labels.is_empty() {
                Known::Nobody
            } else {
                Known::Others
            };
            self.found.insert(*row, known);
        }
    }
}

/// The rows that refer to this one over its mandatory edges from tables that pass the test.
fn referrers(facts: &mut Facts, row: u32, is_tier_0_only: bool) -> Option<Vec<u32>> {
    let table = facts.table(row);
    let mut rows = Vec::new();
    let mut is_complete = true;
    for position in 0..facts.layout.tables[table].evidence.len() {
        let edge = facts.layout.tables[table].evidence[position];
        let child = facts.layout.edges[edge as usize].child;
        if is_tier_0_only && !facts.layout.tables[child].is_tier_0 {
            continue;
        }
        let Some(own) = facts.own_target(row, edge) else {
            continue;
        };
        match facts.list(edge, own) {
            Some(list) => rows.extend(list),
            None => is_complete = false,
        }
    }
    is_complete.then_some(rows)
}

fn read_labels(
    facts: &mut Facts,
    labels: &mut Labels,
    district: u32,
    row: u32,
    node: &mut Node,
) -> bool {
    let Some(referrers) = referrers(facts, row, true) else {
        return false;
    };
    let mut is_complete = true;
    for referrer in referrers {
        match labels.label(facts, district, referrer) {
            Some(Some(label)) => {
                node.labels.insert(label);
            }
            Some(None) => {}
            None => is_complete = false,
        }
    }
    is_complete
}

fn read_attached(
    facts: &mut Facts,
    labels: &mut Labels,
    district: u32,
    row: u32,
    node: &mut Node,
) -> bool {
    let Some(referrers) = referrers(facts, row, false) else {
        return false;
    };
    // What hangs on the same row says nothing new.
    let Some(own) = last_home(facts, labels, district, row) else {
        return false;
    };
    let own = own.unwrap_or(row);
    let mut is_complete = true;
    for referrer in referrers {
        match labels.label(facts, district, referrer) {
            Some(None) => match last_home(facts, labels, district, referrer) {
                Some(Some(last)) if last != own => {
                    node.links.insert(last);
                }
                Some(_) => {}
                None => is_complete = false,
            },
            Some(Some(_)) => {}
            None => is_complete = false,
        }
    }
    is_complete
}

/// The shared row in which the homes of a row without label end. `None` means not yet.
pub(super) fn last_home(
    facts: &mut Facts,
    labels: &mut Labels,
    district: u32,
    row: u32,
) -> Option<Option<u32>> {
    let mut at = row;
    let mut seen = BTreeSet::new();
    loop {
        if labels.label(facts, district, at)?.is_some() || !seen.insert(at) {
            return Some(None);
        }
        match hang_home(facts, at) {
            Hang::NotYet => return None,
            Hang::On { row: parent, .. } => at = parent,
            Hang::Nowhere => {
                let is_shared = facts.layout.tables[facts.table(at)].role == Role::Shared;
                return Some(is_shared.then_some(at));
            }
        }
    }
}
