//! A brute-force reading of docs/design/closure.md §2, §3 and §5 over all rows at once. Slow, simple, and
//! without any code of the evaluator.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{
    BoundaryPolicy, EdgeId, Key, OrgPart, OwnerKind, Ownership, Role, TableRef, TableRole,
};

use super::{Row, World};

mod counts;
mod members;
mod mistake;

pub(crate) use mistake::Mistake;

/// A row: table and position.
pub(crate) type At = (usize, usize);

/// What the evaluator's `Members` are compared with.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Expected {
    pub(crate) own: BTreeSet<(TableRef, Key)>,
    pub(crate) shared: BTreeSet<(TableRef, Key)>,
    pub(crate) stubs: BTreeSet<(TableRef, Key)>,
    pub(crate) nulled: BTreeMap<u32, BTreeSet<Key>>,
    /// What becomes NULL in full rows, column by column.
    pub(crate) nulls: BTreeSet<(TableRef, Key, String)>,
    /// By edge and where it leads (`other`, `above`, `excluded`, `out`): policy and count.
    pub(crate) boundaries: BTreeMap<(u32, &'static str), (BoundaryPolicy, u64)>,
    pub(crate) taken_out: BTreeMap<TableRef, u64>,
    pub(crate) dangling: BTreeMap<u32, u64>,
    /// By table: any, all, count under each candidate.
    pub(crate) undecided: BTreeMap<TableRef, (u64, u64, Vec<u64>)>,
    /// Members of tables about which nothing is known.
    pub(crate) unknown: BTreeMap<TableRef, u64>,
    /// References of members to rows that belong here and did not come: there must be none.
    pub(crate) left_behind: u64,
}

pub(crate) struct Brute<'a> {
    world: &'a World,
    ownership: &'a Ownership,
    district: Key,
    tables: Vec<&'a TableRole>,
    rows: Vec<&'a [Row]>,
    pub(crate) labels: BTreeMap<At, Option<Key>>,
    deciding: BTreeMap<At, At>,
    users: BTreeMap<At, BTreeSet<Key>>,
    /// Of rows that others look up: the districts of those.
    claims: BTreeMap<At, BTreeSet<Key>>,
    /// Rows that are their own owner, over however many steps.
    pub(crate) rings: BTreeSet<At>,
    mistake: Option<Mistake>,
}

/// Where a row is, seen from the district.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Where {
    Here,
    Other,
    Above,
}

impl<'a> Brute<'a> {
    pub(crate) fn new(world: &'a World, ownership: &'a Ownership, district: &Key) -> Self {
        Self::with_mistake(world, ownership, district, None)
    }

    /// The reading of somebody who makes that mistake.
    pub(crate) fn with_mistake(
        world: &'a World,
        ownership: &'a Ownership,
        district: &Key,
        mistake: Option<Mistake>,
    ) -> Self {
        let tables: Vec<&TableRole> = ownership.tables.iter().collect();
        let rows = tables
            .iter()
            .map(|role| world.rows[&role.table].as_slice())
            .collect();
        let mut brute = Self {
            world,
            ownership,
            district: district.clone(),
            tables,
            rows,
            labels: BTreeMap::new(),
            deciding: BTreeMap::new(),
            users: BTreeMap::new(),
            claims: BTreeMap::new(),
            rings: BTreeSet::new(),
            mistake,
        };
        brute.label_all();
        brute.find_users();
        brute.find_claims();
        brute
    }

    fn errs(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    pub(crate) fn all(&self) -> Vec<At> {
        let tables = self.rows.iter().enumerate();
        tables
            .filter(|(table, _)| self.tables[*table].role != Role::Excluded)
            .flat_map(|(table, rows)| (0..rows.len()).map(move |row| (table, row)))
            .collect()
    }

    pub(crate) fn name(&self, at: At) -> (TableRef, Key) {
        let table = &self.tables[at.0].table;
        (
            table.clone(),
            self.world.identity_of(table, &self.rows[at.0][at.1]),
        )
    }

    fn position(&self, table: &TableRef) -> usize {
        let found = self.tables.iter().position(|role| role.table == *table);
        found.expect("a table of the ownership")
    }

    /// Whether the row has a reference over the edge at all (it may lead to no row).
    pub(crate) fn has_value(&self, at: At, edge: EdgeId) -> bool {
        let edge = self.ownership.edge(edge);
        let row = &self.rows[at.0][at.1];
        let holds = edge.when.iter().all(|(column, texts)| {
            row[column]
                .as_ref()
                .is_some_and(|value| texts.contains(value))
        });
        holds
            && edge
                .child_columns
                .iter()
                .all(|column| row[column].is_some())
    }

    pub(crate) fn parent(&self, at: At, edge: EdgeId) -> Option<At> {
        if !self.has_value(at, edge) {
            return None;
        }
        let edge = self.ownership.edge(edge);
        let row = &self.rows[at.0][at.1];
        let parent = self.position(&edge.parent);
        let is_partner = |candidate: &Row| {
            edge.child_columns
                .iter()
                .zip(&edge.parent_columns)
                .all(|(child, parent)| row[child] == candidate[parent])
        };
        let found = self.rows[parent].iter().position(is_partner)?;
        Some((parent, found))
    }

    pub(crate) fn out(&self, table: usize) -> Vec<EdgeId> {
        let name = &self.tables[table].table;
        let edges = self.ownership.edges.iter();
        edges
            .filter(|edge| edge.child == *name)
            .map(|edge| edge.id)
            .collect()
    }

    pub(crate) fn owners(&self, table: usize, kind: OwnerKind) -> Vec<EdgeId> {
        let owners = self.tables[table].owners.iter();
        owners
            .filter(|owner| owner.kind == kind)
            .map(|owner| owner.edge)
            .collect()
    }

    fn root_key(&self, at: At) -> Option<Key> {
        let row = &self.rows[at.0][at.1];
        let parts: Option<Vec<String>> = self
            .ownership
            .root_key
            .iter()
            .map(|column| row[column].clone())
            .collect();
        parts.map(Key::new)
    }

    /// The rows that may give the row its label, in order.
    fn label_sources(&self, at: At) -> Vec<At> {
        if self.tables[at.0].org == Some(OrgPart::Base) {
            if self.errs(Mistake::NoLabelOfBases) {
                return Vec::new();
            }
            return self.subclass_rows(at);
        }
        let mut paths = self.owners(at.0, OwnerKind::Path);
        if self.errs(Mistake::FirstOwnerOnly) {
            paths.truncate(1);
        }
        if self.errs(Mistake::FirstValueDecides) {
            paths.retain(|edge| self.has_value(at, *edge));
            paths.truncate(1);
        }
        paths
            .into_iter()
            .filter_map(|edge| self.parent(at, edge))
            .collect()
    }

    fn subclass_rows(&self, at: At) -> Vec<At> {
        let key = |table: usize| {
            let identity = self.world.table(&self.tables[table].table).identity();
            let columns: BTreeSet<String> = identity.expect("a key").iter().cloned().collect();
            columns
        };
        let mut found = Vec::new();
        for edge in &self.ownership.edges {
            let child = self.position(&edge.child);
            let columns: BTreeSet<String> = edge.child_columns.iter().cloned().collect();
            let parent_columns: BTreeSet<String> = edge.parent_columns.iter().cloned().collect();
            if edge.parent != self.tables[at.0].table
                || child == at.0
                || self.tables[child].org.is_none()
                || !edge.when.is_empty()
                || columns != key(child)
                || parent_columns != key(at.0)
            {
                continue;
            }
            let rank = match self.tables[child].org {
                Some(OrgPart::Root) => 0,
                Some(OrgPart::Base) => 1,
                _ => 2,
            };
            for row in 0..self.rows[child].len() {
                if self.parent((child, row), edge.id) == Some(at) {
                    found.push((rank, edge.child.clone(), edge.id, (child, row)));
                }
            }
        }
        found.sort();
        found.into_iter().map(|(.., at)| at).collect()
    }

    fn label_all(&mut self) {
        let all = self.all();
        loop {
            let mut is_changed = true;
            while is_changed {
                is_changed = false;
                for &at in &all {
                    if !self.labels.contains_key(&at)
                        && let Some((label, source)) = self.label_now(at)
                    {
                        self.labels.insert(at, label);
                        if let Some(source) = source {
                            self.deciding.insert(at, source);
                        }
                        is_changed = true;
                    }
                }
            }
            let open: Vec<At> = all
                .iter()
                .copied()
                .filter(|at| !self.labels.contains_key(at))
                .collect();
            if open.is_empty() {
                return;
            }
            // Every open row waits for exactly one other; those that wait for themselves are rings.
            let rings: Vec<At> = open
                .iter()
                .copied()
                .filter(|start| {
                    let mut at = *start;
                    (0..open.len()).any(|_| {
                        at = self.waits_for(at);
                        at == *start
                    })
                })
                .collect();
            assert!(!rings.is_empty());
            self.rings.extend(&rings);
            for at in rings {
                let is_root = self.tables[at.0].org == Some(OrgPart::Root);
                let label = if is_root { self.root_key(at) } else { None };
                self.labels.insert(at, label);
            }
        }
    }

    fn waits_for(&self, at: At) -> At {
        let sources = self.label_sources(at);
        let open = sources
            .into_iter()
            .find(|source| !self.labels.contains_key(source));
        open.expect("an open row waits for one")
    }

    fn label_now(&self, at: At) -> Option<(Option<Key>, Option<At>)> {
        let is_root = self.tables[at.0].org == Some(OrgPart::Root);
        let own = if is_root { self.root_key(at) } else { None };
        if is_root && own.as_ref() == Some(&self.district) {
            return Some((own, None));
        }
        for source in self.label_sources(at) {
            match self.labels.get(&source)? {
                Some(label) if !is_root || *label == self.district => {
                    return Some((Some(label.clone()), Some(source)));
                }
                _ => {}
            }
        }
        Some((own, None))
    }

    pub(crate) fn label(&self, at: At) -> Option<&Key> {
        self.labels[&at].as_ref()
    }

    /// h(r) with the hang edge, if it is one.
    pub(crate) fn home(&self, at: At) -> Option<(At, Option<EdgeId>)> {
        if self.label(at).is_some() {
            return self.deciding.get(&at).map(|home| (*home, None));
        }
        if self.tables[at.0].org.is_some() {
            return None;
        }
        let owners = self.tables[at.0].owners.iter();
        let hangs = owners.filter(|owner| owner.kind != OwnerKind::Path);
        hangs.map(|owner| owner.edge).find_map(|edge| {
            let parent = self.parent(at, edge)?;
            self.tables[parent.0]
                .org
                .is_none()
                .then_some((parent, Some(edge)))
        })
    }

    /// All rows of the table come, by decision.
    pub(crate) fn is_whole(&self, table: usize) -> bool {
        self.tables[table].whole
    }

    /// Rows of the table hang, and others look them up.
    pub(crate) fn is_looked_up(&self, table: usize) -> bool {
        let mut owners = self.tables[table].owners.iter();
        owners.any(|owner| owner.kind == OwnerKind::HangUnclaimed)
    }

    /// The districts whose rows look a row up, by whatever reference; of rows without label those in which what they
    /// hang on is known, unless the row hangs there itself.
    fn find_claims(&mut self) {
        for other in self.all() {
            let edges = self.out(other.0).into_iter();
            let parents: Vec<At> = edges.filter_map(|edge| self.parent(other, edge)).collect();
            for at in parents {
                if !self.is_looked_up(at.0) {
                    continue;
                }
                let mut claims = self.claims.remove(&at).unwrap_or_default();
                if self.tables[other.0].tier == Some(0) {
                    claims.extend(self.label(other).cloned());
                }
                if let Some(anchor) = self.anchor(other)
                    && Some(anchor) != self.anchor(at)
                {
                    claims.extend(self.users.get(&anchor).into_iter().flatten().cloned());
                }
                self.claims.insert(at, claims);
            }
        }
    }

    /// The row is one of a chain of homes that ends in `last`; whether only other districts have it.
    fn is_claimed(&self, at: At, last: At) -> bool {
        if !self.is_looked_up(at.0) || self.errs(Mistake::ClaimsIgnored) {
            return false;
        }
        let mut claims = self.claims.get(&at).cloned().unwrap_or_default();
        if claims.contains(&self.district) {
            return false;
        }
        let known = self.users.get(&last).filter(|_| self.is_shared(last));
        if let Some(known) = known.filter(|known| !known.is_empty()) {
            claims.retain(|district| known.contains(district));
        }
        !claims.is_empty()
    }

    /// The last row of the chain of homes; none if it goes round.
    pub(crate) fn last(&self, at: At) -> Option<At> {
        let mut seen = BTreeSet::new();
        let mut at = at;
        while seen.insert(at) {
            match self.home(at) {
                Some((home, _)) => at = home,
                None => return Some(at),
            }
        }
        None
    }

    pub(crate) fn is_shared(&self, at: At) -> bool {
        if self.errs(Mistake::SharedByName) {
            return self.tables[at.0].table.table.starts_with('p');
        }
        self.tables[at.0].role == Role::Shared
    }

    /// The shared row that the row hangs on, or is.
    pub(crate) fn anchor(&self, at: At) -> Option<At> {
        if self.label(at).is_some() {
            return None;
        }
        self.last(at).filter(|last| self.is_shared(*last))
    }

    fn find_users(&mut self) {
        let all = self.all();
        loop {
            let mut next = self.users.clone();
            for &at in &all {
                for edge in self.out(at.0) {
                    let is_mandatory = self.ownership.edge(edge).is_always();
                    let Some(parent) = self.parent(at, edge) else {
                        continue;
                    };
                    if !is_mandatory || self.tables[parent.0].role == Role::Excluded {
                        continue;
                    }
                    let entry = next.entry(parent).or_default();
                    let shows = self.tables[at.0].tier == Some(0)
                        || self.errs(Mistake::LooseEvidence) && self.tables[at.0].tier.is_some();
                    if shows && let Some(label) = self.label(at) {
                        entry.insert(label.clone());
                    }
                    if let Some(anchor) = self.anchor(at) {
                        entry.extend(self.users.get(&anchor).into_iter().flatten().cloned());
                    }
                }
            }
            if next == self.users {
                return;
            }
            self.users = next;
        }
    }

    pub(crate) fn users_of(&self, table: &TableRef, key: &Key) -> usize {
        let at = self.all().into_iter().find(|at| {
            let (name, found) = self.name(*at);
            name == *table && found == *key
        });
        at.and_then(|at| self.users.get(&at))
            .map_or(0, BTreeSet::len)
    }

    /// The districts that a row is known in.
    pub(crate) fn users_at(&self, at: At) -> Option<&BTreeSet<Key>> {
        self.users.get(&at)
    }

    pub(crate) fn role(&self, at: At) -> &TableRole {
        self.tables[at.0]
    }

    pub(crate) fn row(&self, at: At) -> &'a Row {
        &self.rows[at.0][at.1]
    }

    /// Whether and how a row is elsewhere.
    pub(crate) fn stands(&self, at: At) -> Where {
        self.stands_beside(at, &mut BTreeSet::new())
    }

    /// The row is known in our district, by those that must refer to it or look it up.
    fn is_known(&self, at: At) -> bool {
        let known = match self.is_looked_up(at.0) {
            true => &self.claims,
            false => &self.users,
        };
        let known = known.get(&at);
        known.is_some_and(|known| known.contains(&self.district))
    }

    /// The row is another district's because of who looks it up.
    pub(crate) fn is_others_by_claim(&self, at: At) -> bool {
        let last = self.last(at);
        last.is_some_and(|last| last != at && self.is_claimed(at, last))
    }

    /// The row is another district's because of what it must refer to.
    pub(crate) fn is_others_by_reference(&self, at: At) -> bool {
        self.last(at) == Some(at) && self.is_anothers(at, &mut BTreeSet::new())
    }

    /// What the last row of a chain must refer to is elsewhere. Rows in `seen` say nothing any more.
    fn is_anothers(&self, last: At, seen: &mut BTreeSet<At>) -> bool {
        let is_asked = self.label(last).is_none() && !self.tables[last.0].whole;
        if !is_asked || self.is_known(last) || !seen.insert(last) {
            return false;
        }
        self.out(last.0).into_iter().any(|edge| {
            let edge = self.ownership.edge(edge);
            let parent = self.parent(last, edge.id);
            edge.is_always()
                && edge.child != edge.parent
                && parent.is_some_and(|parent| {
                    self.tables[parent.0].role != Role::Excluded
                        && self.stands_beside(parent, seen) == Where::Other
                })
        })
    }

    fn stands_beside(&self, at: At, seen: &mut BTreeSet<At>) -> Where {
        if let Some(label) = self.label(at) {
            return if *label == self.district {
                Where::Here
            } else {
                Where::Other
            };
        }
        if self.tables[at.0].org.is_some() {
            return Where::Above;
        }
        let Some(last) = self.last(at) else {
            return Where::Here;
        };
        // A chain that ends in a root row went through a row with a label.
        let mut chain = at;
        let mut is_claimed = self.is_claimed(last, last);
        while chain != last {
            is_claimed |= self.is_claimed(chain, last);
            chain = self.home(chain).expect("a chain to its last row").0;
            if let Some(label) = self.label(chain) {
                return if *label == self.district {
                    Where::Here
                } else {
                    Where::Other
                };
            }
        }
        let none = BTreeSet::new();
        let users = self.users.get(&last).unwrap_or(&none);
        if self.errs(Mistake::UsersIgnored) {
            return Where::Here;
        }
        let is_known_elsewhere = !users.is_empty() && !users.contains(&self.district);
        if self.is_shared(last) && is_known_elsewhere || is_claimed {
            return Where::Other;
        }
        if !self.errs(Mistake::StrangersDetails) && self.is_anothers(last, seen) {
            return Where::Other;
        }
        Where::Here
    }
}
