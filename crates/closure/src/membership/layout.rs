//! An ownership compiled for evaluation: tables, edges and indexes by small integers.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{
    BoundaryPolicy, Edge, EdgeId, OrgPart, OwnerKind, Ownership, Role, TableRef, TableRole,
};

use super::fetch::ClosureError;

/// A table.
pub(super) struct TableLayout {
    pub(super) name: TableRef,
    pub(super) role: Role,
    pub(super) org: Option<OrgPart>,
    pub(super) is_tier_0: bool,
    pub(super) is_decided: bool,
    /// Every row comes.
    pub(super) is_whole: bool,
    pub(super) has_identity: bool,
    /// The columns of every fetch of this table.
    pub(super) columns: Vec<String>,
    /// The indexes on this table; the first is its identity. That of a keyless table has no columns: its
    /// keys are locators, which nothing refers to and nothing is asked by.
    pub(super) indexes: Vec<u32>,
    /// The edges from this table; a row's references stand in this order.
    pub(super) out: Vec<u32>,
    /// Path edges in the order in which they are asked.
    pub(super) paths: Vec<u32>,
    /// Hang edges likewise, none into organisation tables.
    pub(super) hangs: Vec<u32>,
    /// Base tables: the identity edges of subclass tables, in the order in which they are asked.
    pub(super) subclasses: Vec<u32>,
    /// Path edges into this table.
    pub(super) path_children: Vec<u32>,
    /// Hang edges into this table, and the second edges of pair tables.
    pub(super) hang_children: Vec<u32>,
    /// Others look its rows up: where what a row hangs on is known in several districts, it goes with those that
    /// look it up.
    pub(super) is_looked_up: bool,
    /// Its rows without label and home may be another district's by what they must refer to.
    pub(super) may_be_anothers: bool,
    /// Edges into this table by which its rows are known in a district: mandatory ones, or all if it is looked up.
    pub(super) evidence: Vec<u32>,
}

/// An edge.
pub(super) struct EdgeLayout {
    pub(super) child: usize,
    pub(super) parent: usize,
    /// The position among the child's references.
    pub(super) position: usize,
    /// The child's columns, as positions in its fetched columns, in the order of the index.
    pub(super) columns: Vec<usize>,
    /// The child's columns by name, in the order of the index.
    pub(super) by: Vec<String>,
    /// The index on the parent.
    pub(super) index: u32,
    /// The position of that index among the parent's.
    pub(super) index_position: usize,
    /// As the catalog says.
    pub(super) mandatory: bool,
    /// As the catalog says, or somebody.
    pub(super) is_always: bool,
    pub(super) is_nullable: bool,
    pub(super) is_into_excluded: bool,
    /// The rows it leads to have no key that a stub of them could be.
    pub(super) is_into_keyless: bool,
    pub(super) when: Vec<(usize, Vec<String>)>,
    pub(super) policy: Option<BoundaryPolicy>,
    /// For hang edges of pair tables: all mandatory edges from the child to the parent.
    pub(super) pair: Vec<u32>,
}

/// Columns of a table that identify its rows.
pub(super) struct IndexLayout {
    pub(super) table: usize,
    pub(super) names: Vec<String>,
    /// Positions in the table's fetched columns.
    pub(super) columns: Vec<usize>,
}

/// The compiled ownership.
pub(super) struct Layout {
    pub(super) tables: Vec<TableLayout>,
    pub(super) edges: Vec<EdgeLayout>,
    pub(super) indexes: Vec<IndexLayout>,
    pub(super) root: usize,
    pub(super) root_index: u32,
    /// For each column of the configured root key, its position in the root index.
    pub(super) root_key: Vec<usize>,
    pub(super) edge_ids: Vec<EdgeId>,
    pub(super) descriptions: Vec<Edge>,
    by_name: BTreeMap<TableRef, usize>,
}

impl Layout {
    pub(super) fn new(
        ownership: &Ownership,
        identity: &BTreeMap<TableRef, Vec<String>>,
    ) -> Result<Self, ClosureError> {
        let by_name: BTreeMap<TableRef, usize> = (0..)
            .zip(&ownership.tables)
            .map(|(position, role)| (role.table.clone(), position))
            .collect();
        let find = |table: &TableRef| {
            let position = by_name.get(table).copied();
            position.ok_or_else(|| ClosureError::UnknownTable {
                table: table.clone(),
            })
        };
        let root = find(&ownership.root)?;
        if ownership.tables.len() >= usize::from(u16::MAX) {
            let what = "there are more than 65,534 tables";
            return Err(ClosureError::OutOfOrder { what });
        }
        let mut layout = Self {
            tables: Vec::new(),
            edges: Vec::new(),
            indexes: Vec::new(),
            root,
            root_index: 0,
            root_key: Vec::new(),
            edge_ids: ownership.edges.iter().map(|edge| edge.id).collect(),
            descriptions: ownership.edges.clone(),
            by_name: by_name.clone(),
        };
        for role in &ownership.tables {
            let key = identity.get(&role.table);
            layout.add_table(role, key.map(Vec::as_slice));
        }
        layout.root_index = layout.add_index(root, &ownership.root_key);
        let names = &layout.indexes[layout.root_index as usize].names;
        let position = |column: &String| names.iter().position(|name| name == column);
        layout.root_key = ownership.root_key.iter().filter_map(position).collect();
        for edge in &ownership.edges {
            let (child, parent) = (find(&edge.child)?, find(&edge.parent)?);
            layout.add_edge(edge, child, parent);
        }
        for (table, role) in ownership.tables.iter().enumerate() {
            layout.add_owners(table, role);
        }
        layout.add_subclasses();
        layout.add_evidence();
        layout.add_anothers();
        Ok(layout)
    }

    /// A row that no district owns goes with what it refers to over such an edge: always, and to another table.
    pub(super) fn is_claim(&self, edge: u32) -> bool {
        let edge = &self.edges[edge as usize];
        edge.is_always && edge.child != edge.parent && !edge.is_into_excluded
    }

    /// The edges over which children of a full row of the table are asked for.
    pub(super) fn children(&self, table: usize, is_own: bool) -> Vec<u32> {
        let mut edges = self.tables[table].hang_children.clone();
        if is_own {
            edges.extend(&self.tables[table].path_children);
        }
        edges.sort_unstable();
        edges.dedup();
        edges
    }

    pub(super) fn position(&self, table: &TableRef) -> Option<usize> {
        self.by_name.get(table).copied()
    }

    /// The index over the identity of a table, to ask for rows by.
    pub(super) fn identity_index(&self, table: usize) -> Result<u32, ClosureError> {
        let layout = &self.tables[table];
        if layout.has_identity {
            Ok(layout.indexes[0])
        } else {
            Err(ClosureError::NoIdentity {
                table: layout.name.clone(),
            })
        }
    }

    /// How many parts the id of a row has: a locator is one text.
    pub(super) fn id_parts(&self, table: usize) -> usize {
        let layout = &self.tables[table];
        if layout.has_identity {
            self.indexes[layout.indexes[0] as usize].names.len()
        } else {
            1
        }
    }

    fn add_table(&mut self, role: &TableRole, key: Option<&[String]>) {
        let table = self.tables.len();
        self.tables.push(TableLayout {
            name: role.table.clone(),
            role: role.role,
            org: role.org,
            is_tier_0: role.tier == Some(0),
            is_decided: role.decided,
            is_whole: role.whole,
            has_identity: key.is_some(),
            columns: Vec::new(),
            indexes: Vec::new(),
            out: Vec::new(),
            paths: Vec::new(),
            hangs: Vec::new(),
            subclasses: Vec::new(),
            path_children: Vec::new(),
            hang_children: Vec::new(),
            is_looked_up: false,
            may_be_anothers: false,
            evidence: Vec::new(),
        });
        self.add_index(table, key.unwrap_or_default());
    }

    fn column(&mut self, table: usize, name: &str) -> usize {
        let columns = &mut self.tables[table].columns;
        let known = columns.iter().position(|column| column == name);
        known.unwrap_or_else(|| {
            columns.push(name.to_owned());
            columns.len() - 1
        })
    }

    /// The index over exactly these columns, in whatever order.
    fn add_index(&mut self, table: usize, names: &[String]) -> u32 {
        let wanted: BTreeSet<&String> = names.iter().collect();
        let is_same = |index: &&u32| {
            let index = &self.indexes[**index as usize];
            index.names.len() == names.len()
                && index.names.iter().collect::<BTreeSet<_>>() == wanted
        };
        if let Some(known) = self.tables[table].indexes.iter().find(is_same) {
            return *known;
        }
        let columns = names.iter().map(|name| self.column(table, name)).collect();
        let index = number(self.indexes.len());
        self.indexes.push(IndexLayout {
            table,
            names: names.to_vec(),
            columns,
        });
        self.tables[table].indexes.push(index);
        index
    }

    fn add_edge(&mut self, edge: &Edge, child: usize, parent: usize) {
        let index = self.add_index(parent, &edge.parent_columns);
        let names = self.indexes[index as usize].names.clone();
        let child_column = |name: &String| {
            let position = edge.parent_columns.iter().position(|column| column == name);
            edge.child_columns[position.unwrap_or(0)].clone()
        };
        let by: Vec<String> = names.iter().map(child_column).collect();
        let columns = by.iter().map(|name| self.column(child, name)).collect();
        let when = edge
            .when
            .iter()
            .map(|(column, texts)| (self.column(child, column), texts.clone()))
            .collect();
        let indexes = &self.tables[parent].indexes;
        let index_position = indexes.iter().position(|known| *known == index);
        let position = self.tables[child].out.len();
        self.tables[child].out.push(number(self.edges.len()));
        self.edges.push(EdgeLayout {
            child,
            parent,
            position,
            columns,
            by,
            index,
            index_position: index_position.unwrap_or(0),
            mandatory: edge.mandatory,
            is_always: edge.is_always(),
            is_nullable: !edge.nullable_columns.is_empty(),
            is_into_excluded: self.tables[parent].role == Role::Excluded,
            is_into_keyless: !self.tables[parent].has_identity,
            when,
            policy: edge.policy,
            pair: Vec::new(),
        });
    }

    fn add_owners(&mut self, table: usize, role: &TableRole) {
        for owner in &role.owners {
            let edge = number(owner.edge.index());
            let parent = self.edges[owner.edge.index()].parent;
            match owner.kind {
                OwnerKind::Path => {
                    self.tables[table].paths.push(edge);
                    self.tables[parent].path_children.push(edge);
                }
                OwnerKind::Hang | OwnerKind::HangUnclaimed if self.tables[parent].org.is_none() => {
                    self.tables[table].hangs.push(edge);
                    self.tables[table].is_looked_up |= owner.kind == OwnerKind::HangUnclaimed;
                    self.add_hang_children(edge, role.pair);
                }
                OwnerKind::Hang | OwnerKind::HangUnclaimed => {}
            }
        }
    }

    fn add_hang_children(&mut self, edge: u32, is_pair: bool) {
        let (child, parent) = {
            let layout = &self.edges[edge as usize];
            (layout.child, layout.parent)
        };
        let mut downs = vec![edge];
        if is_pair && self.edges[edge as usize].mandatory {
            let is_twin = |twin: &u32| {
                let twin = &self.edges[*twin as usize];
                twin.mandatory && twin.parent == parent
            };
            let twins: Vec<u32> = self.tables[child]
                .out
                .iter()
                .copied()
                .filter(is_twin)
                .collect();
            downs.extend(twins.iter().filter(|twin| **twin != edge));
            self.edges[edge as usize].pair = twins;
        }
        for down in downs {
            if !self.tables[parent].hang_children.contains(&down) {
                self.tables[parent].hang_children.push(down);
            }
        }
    }

    /// Subclass tables of a base table: the root first, then base tables, then siblings by name.
    fn add_subclasses(&mut self) {
        let rank = |part: Option<OrgPart>| match part {
            Some(OrgPart::Root) => 0,
            Some(OrgPart::Base) => 1,
            _ => 2,
        };
        for (position, edge) in self.edges.iter().enumerate() {
            let is_subclass = self.tables[edge.child].org.is_some()
                && self.tables[edge.parent].org == Some(OrgPart::Base)
                && edge.child != edge.parent
                && edge.when.is_empty()
                && self.is_over_identities(edge);
            if is_subclass {
                self.tables[edge.parent].subclasses.push(number(position));
            }
        }
        for table in 0..self.tables.len() {
            let mut subclasses = std::mem::take(&mut self.tables[table].subclasses);
            subclasses.sort_by_key(|edge| {
                let child = &self.tables[self.edges[*edge as usize].child];
                (rank(child.org), child.name.clone(), *edge)
            });
            self.tables[table].subclasses = subclasses;
        }
    }

    fn is_over_identities(&self, edge: &EdgeLayout) -> bool {
        let identity = &self.indexes[self.tables[edge.child].indexes[0] as usize];
        let key: BTreeSet<usize> = identity.columns.iter().copied().collect();
        edge.index_position == 0 && edge.columns.iter().copied().collect::<BTreeSet<_>>() == key
    }

    /// Tables from which such references lead, over however many steps, to rows that may be elsewhere.
    fn add_anothers(&mut self) {
        loop {
            let is_elsewhere = |table: &TableLayout| {
                let has_owners = !table.paths.is_empty() || !table.hangs.is_empty();
                has_owners || table.role == Role::Shared || table.may_be_anothers
            };
            let leads = |edge: &u32| {
                let parent = &self.tables[self.edges[*edge as usize].parent];
                self.is_claim(*edge) && (parent.org.is_some() || is_elsewhere(parent))
            };
            let is_new = |table: &TableLayout| {
                let can_be = table.org.is_none() && !table.is_whole && !table.may_be_anothers;
                can_be && table.out.iter().any(leads)
            };
            let tables = (0..).zip(&self.tables);
            let new: Vec<usize> = tables
                .filter(|(_, table)| is_new(table))
                .map(|(at, _)| at)
                .collect();
            if new.is_empty() {
                return;
            }
            for table in new {
                self.tables[table].may_be_anothers = true;
            }
        }
    }

    fn add_evidence(&mut self) {
        for (position, edge) in self.edges.iter().enumerate() {
            let child = &self.tables[edge.child];
            let shows = child.is_tier_0 || !child.hangs.is_empty() || child.role == Role::Shared;
            let counts = edge.is_always || self.tables[edge.parent].is_looked_up;
            if counts && shows && child.role != Role::Excluded {
                self.tables[edge.parent].evidence.push(number(position));
            }
        }
    }
}

pub(super) fn number(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
