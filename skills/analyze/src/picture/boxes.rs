//! Tables and references as at most so many boxes and lines.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{Edge, EdgeOrigin, Ownership, Role, TableRef, TableRole};

/// One or more tables of one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TableBox {
    pub(super) role: Role,
    /// The one that gives the box its name first, then in name order.
    pub(super) tables: Vec<TableRef>,
    /// References that stay inside of it.
    pub(super) inside: usize,
    /// References into it, from anywhere else.
    pub(super) referred: usize,
}

/// References from the tables of one box to those of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) child: usize,
    pub(super) parent: usize,
    pub(super) count: usize,
    /// At least one of them owns.
    pub(super) owns: bool,
    /// No catalog declares any of them.
    pub(super) is_link: bool,
    /// Some of them, for who points at the line.
    pub(super) named: Vec<String>,
}

/// What is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Graph {
    pub(super) boxes: Vec<TableBox>,
    pub(super) lines: Vec<Line>,
    /// The box with the tenant root.
    pub(super) root: Option<usize>,
    pub(super) tables: usize,
    pub(super) references: usize,
    /// More than one store: a box says which.
    pub(super) has_stores: bool,
}

/// So many references are named at a line.
const NAMED: usize = 12;
/// So many tables are kept apart from others.
const KEPT: usize = 24;

/// Draws tables together until there are at most so many boxes.
pub(super) fn condense(ownership: &Ownership, order: &[Vec<TableRef>], most: usize) -> Graph {
    let mut groups = Groups::new(ownership);
    groups.merge_all(|groups, table| {
        let role = groups.role(table);
        matches!(role, Role::Excluded | Role::Unknown).then(|| role.to_string())
    });
    let rings = rings(order);
    let kept = groups.kept();
    let is_kept = |groups: &Groups<'_>, table: usize| kept.contains(&groups.tables[table].table);
    let stages: [Stage<'_>; 8] = [
        // A ring, role by role.
        Box::new(|groups, table| {
            let ring = rings.get(&groups.tables[table].table)?;
            (!is_kept(groups, table)).then(|| format!("{ring} {}", groups.role(table)))
        }),
        Box::new(|groups, table| groups.whole(table)),
        Box::new(|groups, table| {
            let parents = groups.parents(table);
            (!is_kept(groups, table)).then(|| format!("{} {parents:?}", groups.kind(table)))
        }),
        Box::new(|groups, table| {
            let kept = groups.kept_parents(table, &kept);
            (!is_kept(groups, table)).then(|| format!("{} {kept:?}", groups.kind(table)))
        }),
        Box::new(|groups, table| {
            let owner = groups.kept_owner(table, &kept);
            (!is_kept(groups, table)).then(|| format!("{} {owner:?}", groups.kind(table)))
        }),
        Box::new(|groups, table| {
            let distance = groups.distances[table];
            (!is_kept(groups, table)).then(|| format!("{} {distance:?}", groups.kind(table)))
        }),
        Box::new(|groups, table| (!groups.is_root(table)).then(|| groups.kind(table))),
        Box::new(|groups, table| (!groups.is_root(table)).then(|| groups.role(table).to_string())),
    ];
    for (place, stage) in stages.iter().enumerate() {
        if groups.count() <= most {
            break;
        }
        if place < 2 {
            groups.merge_all(stage);
        } else {
            groups.merge_until(stage, most);
        }
    }
    groups.into_graph()
}

type Stage<'a> = Box<dyn Fn(&Groups<'_>, usize) -> Option<String> + 'a>;

/// The number of the ring of each table that is in one.
fn rings(order: &[Vec<TableRef>]) -> BTreeMap<&TableRef, usize> {
    let rings = order.iter().enumerate().filter(|(_, set)| set.len() > 1);
    rings
        .flat_map(|(number, set)| set.iter().map(move |table| (table, number)))
        .collect()
}

/// Tables by the group that they are drawn in; a group is named by its first table.
struct Groups<'o> {
    ownership: &'o Ownership,
    tables: Vec<&'o TableRole>,
    group: Vec<usize>,
    /// The tables of each reference: the one that refers, the one it refers to.
    ends: Vec<Option<(usize, usize)>>,
    /// References into each table from other tables.
    referred: Vec<usize>,
    /// Steps over owners to the root, or to what is shared.
    distances: Vec<Option<usize>>,
}

impl<'o> Groups<'o> {
    fn new(ownership: &'o Ownership) -> Self {
        let tables: Vec<&TableRole> = ownership.tables.iter().collect();
        let positions: BTreeMap<&TableRef, usize> = (0..)
            .zip(&tables)
            .map(|(position, role)| (&role.table, position))
            .collect();
        let end = |edge: &Edge| Some((*positions.get(&edge.child)?, *positions.get(&edge.parent)?));
        let ends: Vec<Option<(usize, usize)>> = ownership.edges.iter().map(end).collect();
        let mut referred = vec![0; tables.len()];
        for (child, parent) in ends.iter().flatten() {
            referred[*parent] += usize::from(child != parent);
        }
        let mut groups = Self {
            ownership,
            group: (0..tables.len()).collect(),
            distances: vec![None; tables.len()],
            tables,
            ends,
            referred,
        };
        groups.measure();
        groups
    }

    /// Breadth-first down the owners, from the root and from what has none.
    fn measure(&mut self) {
        let is_start = |role: &TableRole| role.owners.is_empty() || role.role == Role::Root;
        let mut level: Vec<usize> = (0..self.tables.len())
            .filter(|table| is_start(self.tables[*table]))
            .collect();
        let mut distance = 0;
        while !level.is_empty() {
            for table in &level {
                self.distances[*table] = Some(distance);
            }
            distance += 1;
            level = (0..self.tables.len())
                .filter(|table| self.distances[*table].is_none())
                .filter(|table| {
                    let mut owners = self.owners(*table).into_iter();
                    owners.any(|owner| self.distances[owner].is_some_and(|far| far + 1 == distance))
                })
                .collect();
        }
    }

    fn role(&self, table: usize) -> Role {
        self.tables[table].role
    }

    fn is_root(&self, table: usize) -> bool {
        self.role(table) == Role::Root
    }

    /// Role and store.
    fn kind(&self, table: usize) -> String {
        let [store, ..] = self.tables[table].table.parts();
        format!("{} {store:?}", self.role(table))
    }

    /// Tables with a box of their own, or with parts of theirs, as long as that is possible: the root, the
    /// shared ones, and those that most references lead to.
    fn kept(&self) -> BTreeSet<&'o TableRef> {
        let moves = |table: &usize| !matches!(self.role(*table), Role::Excluded | Role::Unknown);
        let mut tables: Vec<usize> = (0..self.tables.len()).filter(moves).collect();
        let rank = |table: &usize| {
            let is_first = matches!(self.role(*table), Role::Root | Role::Shared);
            (!is_first, std::cmp::Reverse(self.referred[*table]), *table)
        };
        tables.sort_by_key(rank);
        let kept = tables.into_iter().take(KEPT);
        kept.map(|table| &self.tables[table].table).collect()
    }

    /// The kept ones that it refers to.
    fn kept_parents(&self, table: usize, kept: &BTreeSet<&TableRef>) -> BTreeSet<usize> {
        let parents = self.parents(table).into_iter();
        let owner = self.kept_owner(table, kept);
        parents
            .filter(|parent| kept.contains(&self.tables[*parent].table))
            .chain(owner)
            .collect()
    }

    /// The nearest owner, over first owners, that is one of the kept ones.
    fn kept_owner(&self, table: usize, kept: &BTreeSet<&TableRef>) -> Option<usize> {
        let mut seen = BTreeSet::new();
        let mut at = table;
        while seen.insert(at) {
            at = *self.owners(at).first()?;
            if kept.contains(&self.tables[at].table) {
                return Some(at);
            }
        }
        None
    }

    /// The tables that own rows of this one, in order.
    fn owners(&self, table: usize) -> Vec<usize> {
        let owners = self.tables[table].owners.iter();
        let ends = owners.filter_map(|owner| *self.ends.get(owner.edge.index())?);
        ends.filter(|(child, parent)| child != parent)
            .map(|(_, parent)| parent)
            .collect()
    }

    /// The groups that the tables of this table's group refer to.
    fn parents(&self, table: usize) -> BTreeSet<usize> {
        let group = self.group[table];
        let ends = self.ends.iter().flatten();
        ends.map(|(child, parent)| (self.group[*child], self.group[*parent]))
            .filter(|(child, parent)| *child == group && *parent != group)
            .map(|(_, parent)| parent)
            .collect()
    }

    /// What a part is drawn with: the one table that it belongs to, if nothing else refers to it.
    fn whole(&self, table: usize) -> Option<String> {
        let mut at = table;
        let mut seen = BTreeSet::new();
        while let Some(owner) = self.part_of(at) {
            if !seen.insert(at) {
                break;
            }
            at = owner;
        }
        (self.tables[at].role != Role::Root).then(|| self.tables[at].table.to_string())
    }

    fn part_of(&self, table: usize) -> Option<usize> {
        let role = self.tables[table];
        let owners: BTreeSet<usize> = self.owners(table).into_iter().collect();
        let [owner] = owners.into_iter().collect::<Vec<_>>()[..] else {
            return None;
        };
        let hangs = role.owners.iter().any(|one| one.kind.hangs());
        let is_part = hangs && self.referred[table] == 0;
        (is_part && self.role(owner) != Role::Root).then_some(owner)
    }

    fn count(&self) -> usize {
        self.group.iter().collect::<BTreeSet<_>>().len()
    }

    /// Groups with the same key become one.
    fn merge_all(&mut self, key: impl Fn(&Self, usize) -> Option<String>) {
        for members in self.keyed(key).into_values() {
            self.merge(&members);
        }
    }

    /// The same, the least referred ones first, until there are at most so many.
    fn merge_until(&mut self, key: impl Fn(&Self, usize) -> Option<String>, most: usize) {
        let mut keyed: Vec<Vec<usize>> = self.keyed(key).into_values().collect();
        keyed.sort_by_cached_key(|members| self.weight(members));
        for members in keyed {
            if self.count() <= most {
                return;
            }
            self.merge(&members);
        }
    }

    fn weight(&self, groups: &[usize]) -> usize {
        let tables = (0..self.tables.len()).filter(|table| groups.contains(&self.group[*table]));
        tables.map(|table| self.referred[table]).sum()
    }

    /// Groups by the key of the table that names them; those without key are left out.
    fn keyed(&self, key: impl Fn(&Self, usize) -> Option<String>) -> BTreeMap<String, Vec<usize>> {
        let mut keyed: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let groups: BTreeSet<usize> = self.group.iter().copied().collect();
        for group in groups {
            if let Some(key) = key(self, group) {
                keyed.entry(key).or_default().push(group);
            }
        }
        keyed
    }

    /// The group is named by the table that others refer to most.
    fn merge(&mut self, groups: &[usize]) {
        let rank = |group: &usize| (self.referred[*group], std::cmp::Reverse(*group));
        let Some(name) = groups.iter().copied().max_by_key(rank) else {
            return;
        };
        for group in &mut self.group {
            if groups.contains(group) {
                *group = name;
            }
        }
    }

    fn into_graph(self) -> Graph {
        let names: BTreeSet<usize> = self.group.iter().copied().collect();
        let number: BTreeMap<usize, usize> = (0..)
            .zip(&names)
            .map(|(number, name)| (*name, number))
            .collect();
        let mut boxes: Vec<TableBox> = (names.iter())
            .map(|name| TableBox {
                role: self.role(*name),
                tables: vec![self.tables[*name].table.clone()],
                inside: 0,
                referred: 0,
            })
            .collect();
        for (table, group) in self.group.iter().enumerate() {
            if table != *group {
                let name = self.tables[table].table.clone();
                boxes[number[group]].tables.push(name);
            }
        }
        let mut lines: BTreeMap<(usize, usize), Line> = BTreeMap::new();
        for (edge, ends) in self.ownership.edges.iter().zip(&self.ends) {
            let Some((child, parent)) = *ends else {
                continue;
            };
            let owners = &self.tables[child].owners;
            let owns = owners.iter().any(|owner| owner.edge == edge.id);
            let (child, parent) = (number[&self.group[child]], number[&self.group[parent]]);
            if child == parent {
                boxes[child].inside += 1;
                continue;
            }
            boxes[parent].referred += 1;
            let line = lines.entry((child, parent)).or_insert_with(|| Line {
                child,
                parent,
                count: 0,
                owns: false,
                is_link: true,
                named: Vec::new(),
            });
            line.add(edge, owns);
        }
        let stores: BTreeSet<&str> = self
            .tables
            .iter()
            .map(|role| role.table.parts()[0])
            .collect();
        let root = self.tables.iter().position(|role| role.role == Role::Root);
        Graph {
            boxes,
            lines: lines.into_values().collect(),
            root: root.map(|root| number[&self.group[root]]),
            tables: self.tables.len(),
            references: self.ownership.edges.len(),
            has_stores: stores.len() > 1,
        }
    }
}

impl Line {
    fn add(&mut self, edge: &Edge, owns: bool) {
        self.owns |= owns;
        self.is_link &= edge.origin == EdgeOrigin::Link;
        self.count += 1;
        if self.named.len() < NAMED {
            self.named
                .push(format!("{} -> {}", edge.describe(), edge.parent));
        }
    }
}
