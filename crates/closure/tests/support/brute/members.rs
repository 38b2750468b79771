//! F, Q and X by going over all rows until nothing changes.

use std::collections::BTreeSet;

use redistrict_model::{BoundaryPolicy, EdgeId, EdgeOrigin, OwnerKind, Role};

use super::{At, Brute, Mistake, Where};

impl Brute<'_> {
    /// F without the rows in `out`.
    pub(super) fn full(&self, out: &BTreeSet<At>) -> BTreeSet<At> {
        if !self.errs(Mistake::HangOnStubs) {
            return self.full_beside(out, &BTreeSet::new());
        }
        let mut full = self.full_beside(out, &BTreeSet::new());
        loop {
            let stubs = self.stubs(&full, out);
            let next = self.full_beside(out, &stubs);
            if next.len() <= full.len() {
                return full;
            }
            full = next;
        }
    }

    /// The same where rows hang on `beside`, too.
    fn full_beside(&self, out: &BTreeSet<At>, beside: &BTreeSet<At>) -> BTreeSet<At> {
        let all = self.all();
        let mut full = BTreeSet::new();
        loop {
            let mut next = full.clone();
            let homes: BTreeSet<At> = full.union(beside).copied().collect();
            for &at in &all {
                let is_own = self.label(at) == Some(&self.district);
                let role = &self.tables[at.0];
                let is_whole = role.whole && self.label(at).is_none()
                    || self.errs(Mistake::ReferenceWhole) && role.role == Role::Reference;
                if is_own || is_whole || self.hangs_in(at, &homes) || self.is_below(at, &full) {
                    next.insert(at);
                }
                if full.contains(&at) {
                    for edge in self.out(at.0) {
                        if let Some(parent) = self.parent(at, edge)
                            && self.tables[parent.0].role != Role::Excluded
                            && self.is_followed(parent)
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

    /// Not elsewhere.
    fn is_followed(&self, parent: At) -> bool {
        match self.stands(parent) {
            Where::Here => true,
            Where::Above => self.errs(Mistake::DownFromAbove),
            Where::Other => self.errs(Mistake::OthersFollowed),
        }
    }

    /// Only by mistake: below an organisation without district that came.
    fn is_below(&self, at: At, full: &BTreeSet<At>) -> bool {
        self.errs(Mistake::DownFromAbove)
            && self.label(at).is_none()
            && self.owners(at.0, OwnerKind::Path).into_iter().any(|edge| {
                self.parent(at, edge).is_some_and(|parent| {
                    self.tables[parent.0].org.is_some() && full.contains(&parent)
                })
            })
    }

    fn hangs_in(&self, at: At, full: &BTreeSet<At>) -> bool {
        let Some((home, Some(edge))) = self.home(at) else {
            return false;
        };
        if !full.contains(&home) {
            return false;
        }
        if self.is_looked_up(at.0) && self.stands(at) != Where::Here {
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

    /// The row refers, over a key that nobody ever validated, to a row that is not there (and whose table is not
    /// left out: nobody looks there).
    pub(super) fn leads_nowhere(&self, at: At, edge: EdgeId) -> bool {
        let model = self.ownership.edge(edge);
        model.origin == EdgeOrigin::NotValid
            && self.has_value(at, edge)
            && self.parent(at, edge).is_none()
            && self.tables[self.position(&model.parent)].role != Role::Excluded
    }

    /// X: rows that exclude a reference of theirs, and what cannot be without them.
    pub(super) fn taken_out(&self) -> BTreeSet<At> {
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
                    let is_elsewhere = |parent: At| {
                        self.tables[parent.0].role != Role::Excluded
                            && self.stands(parent) != Where::Here
                    };
                    self.ownership.edge(edge).policy == Some(BoundaryPolicy::Exclude)
                        && self
                            .parent(at, edge)
                            .map_or_else(|| self.leads_nowhere(at, edge), is_elsewhere)
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

    pub(super) fn policy(&self, edge: EdgeId, place: Where) -> BoundaryPolicy {
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

    pub(super) fn stubs(&self, full: &BTreeSet<At>, out: &BTreeSet<At>) -> BTreeSet<At> {
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
                    let is_followed =
                        self.ownership.edge(edge).mandatory || self.errs(Mistake::StubsFollowed);
                    if is_followed
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
}
