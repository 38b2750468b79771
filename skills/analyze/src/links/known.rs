//! Which tables are connected with the tenant root, and which lead up to it. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use redistrict_model::{Catalog, TableRef};

use super::ProposedLink;

/// Tables by how far they are from the root, and where their references lead.
pub(super) struct Known {
    neighbours: BTreeMap<TableRef, BTreeSet<TableRef>>,
    parents: BTreeMap<TableRef, BTreeSet<TableRef>>,
    pub(super) depth: BTreeMap<TableRef, u32>,
    /// The root, and what it is the same as: tables that it refers to by its own key.
    roots: BTreeSet<TableRef>,
}

impl Known {
    pub(super) fn around(catalogs: &[Catalog], root: &TableRef) -> Self {
        let mut known = Self {
            neighbours: BTreeMap::new(),
            parents: BTreeMap::new(),
            depth: BTreeMap::new(),
            roots: BTreeSet::from([root.clone()]),
        };
        for table in catalogs.iter().flat_map(|catalog| &catalog.tables) {
            let identity = table.identity().unwrap_or_default();
            for key in &table.foreign_keys {
                known.join(&table.name, &key.parent);
                if table.name == *root && key.columns == identity {
                    known.roots.insert(key.parent.clone());
                }
            }
        }
        known.add(root, 0);
        known
    }

    fn join(&mut self, child: &TableRef, parent: &TableRef) {
        for (one, other) in [(child, parent), (parent, child)] {
            let neighbours = self.neighbours.entry(one.clone()).or_default();
            neighbours.insert(other.clone());
        }
        let parents = self.parents.entry(child.clone()).or_default();
        parents.insert(parent.clone());
    }

    /// The table and all that references connect with it.
    fn add(&mut self, table: &TableRef, depth: u32) {
        let mut open = VecDeque::from([(table.clone(), depth)]);
        while let Some((table, depth)) = open.pop_front() {
            if self.depth.contains_key(&table) {
                continue;
            }
            let next = self.neighbours.get(&table).into_iter().flatten();
            open.extend(next.map(|next| (next.clone(), depth + 1)));
            self.depth.insert(table, depth);
        }
    }

    /// The tables that links connect with known ones.
    pub(super) fn follow(&mut self, links: &[ProposedLink]) {
        for link in links {
            self.join(&link.child, &link.parent);
        }
        loop {
            let before = self.depth.len();
            for link in links {
                let ends = [(&link.parent, &link.child), (&link.child, &link.parent)];
                for (known, other) in ends {
                    if let Some(depth) = self.depth.get(known).copied() {
                        self.add(other, depth + 1);
                    }
                }
            }
            if self.depth.len() == before {
                return;
            }
        }
    }

    pub(super) fn has(&self, table: &TableRef) -> bool {
        self.depth.contains_key(table)
    }

    /// Whether another reference of the table than those to `parent` leads up to the root: what it says of a row
    /// and what a wrong link says would differ, and that is asked about.
    pub(super) fn leads_up_beside(&self, table: &TableRef, parent: &TableRef) -> bool {
        let mut seen: BTreeSet<&TableRef> = BTreeSet::from([table, parent]);
        let mut open: Vec<&TableRef> = vec![table];
        while let Some(table) = open.pop() {
            for next in self.parents.get(table).into_iter().flatten() {
                if self.roots.contains(next) && next != parent {
                    return true;
                }
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        false
    }
}
