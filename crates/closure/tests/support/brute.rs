//! A brute-force reading of docs/design/closure.md §2, §3 and §5 over all rows at once. Slow, simple, and
//! without any code of the evaluator.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{
    BoundaryPolicy, EdgeId, Key, OrgPart, OwnerKind, Ownership, Role, TableRef, TableRole,
};

use super::{Row, World};

/// A row: table and position.
pub(crate) type At = (usize, usize);

/// What the evaluator's `Members` are compared with.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Expected {
    pub(crate) own: BTreeSet<(TableRef, Key)>,
    pub(crate) shared: BTreeSet<(TableRef, Key)>,
    pub(crate) stubs: BTreeSet<(TableRef, Key)>,
    pub(crate) nulled: BTreeMap<u32, BTreeSet<Key>>,
    /// By edge and where it leads (`other`, `above`, `excluded`, `out`): policy and count.
    pub(crate) boundaries: BTreeMap<(u32, &'static str), (BoundaryPolicy, u64)>,
    pub(crate) taken_out: BTreeMap<TableRef, u64>,
    pub(crate) dangling: BTreeMap<u32, u64>,
    /// By table: any, all, count under each candidate.
    pub(crate) undecided: BTreeMap<TableRef, (u64, u64, Vec<u64>)>,
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
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Where {
    Here,
    Other,
    Above,
}

impl<'a> Brute<'a> {
    pub(crate) fn new(world: &'a World, ownership: &'a Ownership, district: &Key) -> Self {
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
        };
        brute.label_all();
        brute.find_users();
        brute
    }

    fn all(&self) -> Vec<At> {
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
    fn has_value(&self, at: At, edge: EdgeId) -> bool {
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

    fn parent(&self, at: At, edge: EdgeId) -> Option<At> {
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

    fn out(&self, table: usize) -> Vec<EdgeId> {
        let name = &self.tables[table].table;
        let edges = self.ownership.edges.iter();
        edges
            .filter(|edge| edge.child == *name)
            .map(|edge| edge.id)
            .collect()
    }

    fn owners(&self, table: usize, kind: OwnerKind) -> Vec<EdgeId> {
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
            return self.subclass_rows(at);
        }
        let paths = self.owners(at.0, OwnerKind::Path);
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

    fn label(&self, at: At) -> Option<&Key> {
        self.labels[&at].as_ref()
    }

    /// h(r) with the hang edge, if it is one.
    fn home(&self, at: At) -> Option<(At, Option<EdgeId>)> {
        if self.label(at).is_some() {
            return self.deciding.get(&at).map(|home| (*home, None));
        }
        if self.tables[at.0].org.is_some() {
            return None;
        }
        self.owners(at.0, OwnerKind::Hang)
            .into_iter()
            .find_map(|edge| {
                let parent = self.parent(at, edge)?;
                self.tables[parent.0]
                    .org
                    .is_none()
                    .then_some((parent, Some(edge)))
            })
    }

    /// The last row of the chain of homes; none if it goes round.
    fn last(&self, at: At) -> Option<At> {
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

    fn is_shared(&self, at: At) -> bool {
        self.tables[at.0].role == Role::Shared
    }

    /// The shared row that the row hangs on, or is.
    fn anchor(&self, at: At) -> Option<At> {
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
                    let is_mandatory = self.ownership.edge(edge).mandatory;
                    let Some(parent) = self.parent(at, edge) else {
                        continue;
                    };
                    if !is_mandatory || self.tables[parent.0].role == Role::Excluded {
                        continue;
                    }
                    let entry = next.entry(parent).or_default();
                    if self.tables[at.0].tier == Some(0)
                        && let Some(label) = self.label(at)
                    {
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

    fn stands(&self, at: At) -> Where {
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
        while chain != last {
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
        if self.is_shared(last) && !users.is_empty() && !users.contains(&self.district) {
            return Where::Other;
        }
        Where::Here
    }

    /// F without the rows in `out`.
    fn full(&self, out: &BTreeSet<At>) -> BTreeSet<At> {
        let all = self.all();
        let mut full = BTreeSet::new();
        loop {
            let mut next = full.clone();
            for &at in &all {
                let is_own = self.label(at) == Some(&self.district);
                if is_own || self.hangs_in(at, &full) {
                    next.insert(at);
                }
                if full.contains(&at) {
                    for edge in self.out(at.0) {
                        if let Some(parent) = self.parent(at, edge)
                            && self.tables[parent.0].role != Role::Excluded
                            && self.stands(parent) == Where::Here
                        {
                            next.insert(parent);
                        }
                    }
                }
            }
            next.retain(|at| !out.contains(at));
            if next == full {
                return full;
            }
            full = next;
        }
    }

    fn hangs_in(&self, at: At, full: &BTreeSet<At>) -> bool {
        let Some((home, Some(edge))) = self.home(at) else {
            return false;
        };
        if !full.contains(&home) {
            return false;
        }
        let edge = self.ownership.edge(edge);
        if !self.tables[at.0].pair || !edge.mandatory {
            return true;
        }
        self.ownership
            .edges
            .iter()
            .filter(|twin| twin.child == edge.child && twin.parent == edge.parent && twin.mandatory)
            .filter(|twin| self.has_value(at, twin.id))
            .all(|twin| {
                self.parent(at, twin.id)
                    .is_some_and(|row| full.contains(&row))
            })
    }

    /// X: rows that exclude a reference of theirs, and what cannot be without them.
    fn taken_out(&self) -> BTreeSet<At> {
        let here: Vec<At> = self
            .all()
            .into_iter()
            .filter(|at| self.stands(*at) == Where::Here)
            .collect();
        let mut out = BTreeSet::new();
        loop {
            let mut next = out.clone();
            for &at in &here {
                let is_cause = self.out(at.0).into_iter().any(|edge| {
                    self.ownership.edge(edge).policy == Some(BoundaryPolicy::Exclude)
                        && self.parent(at, edge).is_some_and(|parent| {
                            self.tables[parent.0].role != Role::Excluded
                                && self.stands(parent) != Where::Here
                        })
                });
                let must_refer = self.out(at.0).into_iter().any(|edge| {
                    self.ownership.edge(edge).mandatory
                        && self
                            .parent(at, edge)
                            .is_some_and(|parent| out.contains(&parent))
                });
                let has_home = self.home(at).is_some_and(|(home, _)| out.contains(&home));
                if is_cause || must_refer || has_home {
                    next.insert(at);
                }
            }
            if next == out {
                return out;
            }
            out = next;
        }
    }

    fn policy(&self, edge: EdgeId, place: Where) -> BoundaryPolicy {
        let edge = self.ownership.edge(edge);
        let policy = edge.policy.unwrap_or(match place {
            Where::Above => BoundaryPolicy::Stub,
            _ => BoundaryPolicy::Stop,
        });
        let is_impossible = match policy {
            BoundaryPolicy::Null => edge.nullable_columns.is_empty(),
            BoundaryPolicy::Stub => self.world.is_keyless(&edge.parent),
            _ => false,
        };
        if is_impossible {
            BoundaryPolicy::Stop
        } else {
            policy
        }
    }

    fn stubs(&self, full: &BTreeSet<At>, out: &BTreeSet<At>) -> BTreeSet<At> {
        let mut stubs: BTreeSet<At> = BTreeSet::new();
        loop {
            let mut next = stubs.clone();
            for at in full {
                for edge in self.out(at.0) {
                    if let Some(parent) = self.parent(*at, edge)
                        && self.tables[parent.0].role != Role::Excluded
                        && !full.contains(&parent)
                        && !out.contains(&parent)
                        && self.policy(edge, self.stands(parent)) == BoundaryPolicy::Stub
                    {
                        next.insert(parent);
                    }
                }
            }
            for at in &stubs {
                for edge in self.out(at.0) {
                    if self.ownership.edge(edge).mandatory
                        && let Some(parent) = self.parent(*at, edge)
                        && self.tables[parent.0].role != Role::Excluded
                        && !self.world.is_keyless(&self.tables[parent.0].table)
                        && !full.contains(&parent)
                    {
                        next.insert(parent);
                    }
                }
            }
            if next == stubs {
                return stubs;
            }
            stubs = next;
        }
    }

    pub(crate) fn expected(&self) -> Expected {
        let everything = self.full(&BTreeSet::new());
        let out = self.taken_out();
        let full = self.full(&out);
        let stubs = self.stubs(&full, &out);
        let mut expected = Expected::default();
        for at in &full {
            let set = if self.label(*at) == Some(&self.district) {
                &mut expected.own
            } else {
                &mut expected.shared
            };
            set.insert(self.name(*at));
        }
        expected.stubs = stubs.iter().map(|at| self.name(*at)).collect();
        for at in everything.intersection(&out) {
            *expected.taken_out.entry(self.name(*at).0).or_default() += 1;
            self.count_causes(*at, &mut expected);
        }
        for at in &full {
            self.count_references(*at, &full, &out, &mut expected);
        }
        for at in &stubs {
            self.count_of_stub(*at, &full, &mut expected);
        }
        self.disagreements(&mut expected);
        expected
    }

    fn add(
        &self,
        at: At,
        edge: EdgeId,
        leads: &'static str,
        policy: BoundaryPolicy,
        expected: &mut Expected,
    ) {
        let boundary = expected
            .boundaries
            .entry((edge.0, leads))
            .or_insert((policy, 0));
        assert_eq!(boundary.0, policy);
        boundary.1 += 1;
        if policy == BoundaryPolicy::Null {
            expected
                .nulled
                .entry(edge.0)
                .or_default()
                .insert(self.name(at).1);
        }
    }

    fn count_causes(&self, at: At, expected: &mut Expected) {
        for edge in self.out(at.0) {
            if self.ownership.edge(edge).policy != Some(BoundaryPolicy::Exclude) {
                continue;
            }
            let Some(parent) = self.parent(at, edge) else {
                continue;
            };
            if self.tables[parent.0].role == Role::Excluded {
                continue;
            }
            match self.stands(parent) {
                Where::Here => {}
                Where::Other => self.add(at, edge, "other", BoundaryPolicy::Exclude, expected),
                Where::Above => self.add(at, edge, "above", BoundaryPolicy::Exclude, expected),
            }
        }
    }

    fn count_references(
        &self,
        at: At,
        full: &BTreeSet<At>,
        out: &BTreeSet<At>,
        expected: &mut Expected,
    ) {
        for edge in self.out(at.0) {
            if !self.has_value(at, edge) {
                continue;
            }
            let model = self.ownership.edge(edge);
            let null = if model.nullable_columns.is_empty() {
                BoundaryPolicy::Stop
            } else {
                BoundaryPolicy::Null
            };
            if self.tables[self.position(&model.parent)].role == Role::Excluded {
                self.add(at, edge, "excluded", null, expected);
                continue;
            }
            match self.parent(at, edge) {
                None => *expected.dangling.entry(edge.0).or_default() += 1,
                Some(parent) if full.contains(&parent) => {}
                Some(parent) if out.contains(&parent) => {
                    self.add(at, edge, "out", null, expected);
                }
                Some(parent) => {
                    let place = self.stands(parent);
                    let leads = match place {
                        Where::Above => "above",
                        Where::Other => "other",
                        Where::Here => panic!("a row that is here and was not taken"),
                    };
                    self.add(at, edge, leads, self.policy(edge, place), expected);
                }
            }
        }
    }

    fn count_of_stub(&self, at: At, full: &BTreeSet<At>, expected: &mut Expected) {
        for edge in self.out(at.0) {
            let model = self.ownership.edge(edge);
            if !model.mandatory || !self.has_value(at, edge) {
                continue;
            }
            if self.tables[self.position(&model.parent)].role == Role::Excluded {
                self.add(at, edge, "excluded", BoundaryPolicy::Stop, expected);
                continue;
            }
            match self.parent(at, edge) {
                None => *expected.dangling.entry(edge.0).or_default() += 1,
                Some(parent) if !full.contains(&parent) && self.world.is_keyless(&model.parent) => {
                    self.add(at, edge, "other", BoundaryPolicy::Stop, expected);
                }
                Some(_) => {}
            }
        }
    }

    fn disagreements(&self, expected: &mut Expected) {
        for (position, table) in self.tables.iter().enumerate() {
            let paths = self.owners(position, OwnerKind::Path);
            if table.decided || paths.len() < 2 || table.role == Role::Root {
                continue;
            }
            let (mut any, mut all, mut under) = (0, 0, vec![0; paths.len()]);
            for row in 0..self.rows[position].len() {
                let leads: Vec<Option<&Key>> = paths
                    .iter()
                    .map(|edge| self.label(self.parent((position, row), *edge)?))
                    .collect();
                let here = |label: &Option<&Key>| *label == Some(&self.district);
                if !leads.iter().any(here) {
                    continue;
                }
                any += 1;
                let is_own = self.label((position, row)) == Some(&self.district);
                let agree = leads.iter().flatten().all(|label| **label == self.district);
                all += u64::from(is_own && agree);
                for (count, label) in under.iter_mut().zip(&leads) {
                    *count += u64::from(here(label));
                }
            }
            if any != all {
                expected
                    .undecided
                    .insert(table.table.clone(), (any, all, under));
            }
        }
    }
}
