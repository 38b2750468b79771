//! Everything that is said about the members: boundaries, NULLs, counts, questions.

use std::collections::BTreeSet;

use redistrict_model::{BoundaryPolicy, EdgeId, Key, OwnerKind, Role, TableRef};

use super::{At, Brute, Expected, Mistake, Where};

impl Brute<'_> {
    pub(crate) fn expected(&self) -> Expected {
        let everything = self.full(&BTreeSet::new());
        let out = self.taken_out();
        let full = if self.errs(Mistake::ExcludeWhileGrowing) {
            everything.difference(&out).copied().collect()
        } else {
            self.full(&out)
        };
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
        for at in full.iter().chain(&stubs) {
            if self.tables[at.0].role == Role::Unknown {
                *expected.unknown.entry(self.name(*at).0).or_default() += 1;
            }
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
            let (table, key) = self.name(at);
            expected
                .nulled
                .entry(edge.0)
                .or_default()
                .insert(key.clone());
            for column in self.nullable(&table, edge) {
                expected.nulls.insert((table.clone(), key.clone(), column));
            }
        }
    }

    /// The columns that are set to NULL so that nothing is left of the reference.
    fn nullable(&self, table: &TableRef, edge: EdgeId) -> Vec<String> {
        let table = self.world.table(table);
        let columns = self.ownership.edge(edge).child_columns.iter();
        let is_nullable = |name: &&String| {
            let column = table.columns.iter().find(|column| column.name == **name);
            column.is_some_and(|column| column.nullable)
        };
        let mut nullable: Vec<String> = columns.filter(is_nullable).cloned().collect();
        if self.errs(Mistake::OneColumnNulled) {
            nullable.truncate(1);
        }
        nullable
    }

    fn count_causes(&self, at: At, expected: &mut Expected) {
        for edge in self.out(at.0) {
            if self.ownership.edge(edge).policy != Some(BoundaryPolicy::Exclude) {
                continue;
            }
            let Some(parent) = self.parent(at, edge) else {
                if self.leads_nowhere(at, edge) {
                    self.add(at, edge, "nowhere", BoundaryPolicy::Exclude, expected);
                }
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
                None if model.policy == Some(BoundaryPolicy::Null)
                    && !model.nullable_columns.is_empty()
                    && self.leads_nowhere(at, edge) =>
                {
                    self.add(at, edge, "nowhere", BoundaryPolicy::Null, expected);
                }
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
                        Where::Here => {
                            expected.left_behind += 1;
                            continue;
                        }
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
            if any != all || self.errs(Mistake::CatalogAsks) {
                expected
                    .undecided
                    .insert(table.table.clone(), (any, all, under));
            }
        }
    }
}
