//! The isolation proof over the extracted rows: no full row has a tenant path to another district,
//! and every own row has one to this district.
//!
//! Shares no code with the planner: it knows nothing of owner lists, labels or homes. It looks at the
//! rows as they were written, along *all* references between tables that lead to the root.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};

use arrow::array::RecordBatch;
use redistrict_artifact::keys_of;
use redistrict_model::{Edge, Key, Membership, TableRef};
use serde::{Deserialize, Serialize};

/// What the proof found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IsolationProof {
    /// Full rows looked at, in tables that lead to the root.
    pub examined: u64,
    /// Full rows from which a row of another district's root can be reached.
    pub foreign: BTreeMap<String, u64>,
    /// Own rows from which this district's root row cannot be reached.
    pub unrooted: BTreeMap<String, u64>,
    /// Full rows of the root table; must be 1.
    pub roots: u64,
}

impl IsolationProof {
    /// Whether the district is isolated.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.foreign.is_empty() && self.unrooted.is_empty() && self.roots == 1 && self.examined > 0
    }
}

/// For each row whether the edge counts for it.
fn counting(edge: &Edge, batch: &RecordBatch) -> Vec<bool> {
    let mut counts = vec![true; batch.num_rows()];
    for (column, texts) in &edge.when {
        let values = keys_of(batch, std::slice::from_ref(column));
        for (counts, value) in counts.iter_mut().zip(values) {
            let text = value.as_ref().and_then(|key| key.parts().first());
            *counts &= text.is_some_and(|text| texts.iter().any(|one| one.as_str() == &**text));
        }
    }
    counts
}

/// A row that others may refer to, or that stands for all rows of its table that refer to the same keys.
struct Row {
    table: u16,
    membership: Membership,
    /// For rows of the root table.
    is_root: Option<bool>,
    /// Where its references begin.
    first: u32,
    /// Rows that it stands for.
    count: u32,
}

impl Row {
    fn is_full(&self) -> bool {
        self.membership != Membership::Stub
    }
}

/// Collects rows while they are written, then judges. Memory: some words for each row of a table that others
/// refer to towards the root; rows of other tables are told by what they refer to only.
pub(crate) struct Isolation {
    root: TableRef,
    root_key: Vec<String>,
    district: Key,
    /// Tables whose every row has a mandatory way to the root.
    inside: Vec<TableRef>,
    edges: Vec<Leading>,
    tables: Vec<TableRef>,
    rows: Vec<Row>,
    /// The keys that rows refer to, in the order of the rows.
    references: Vec<u32>,
    /// Rows that nothing refers to, by table, membership and references.
    alike: HashMap<Box<[u32]>, u32>,
    keys: Keys,
    /// Rows that cannot be told apart any more: an error of ours, nothing else can be said then.
    is_overfull: bool,
}

/// An edge that leads towards the root. Its columns stand in the order of the parent's names: edges that lead
/// to the same columns in another order lead to the same keys.
struct Leading {
    edge: Edge,
    child_columns: Vec<String>,
    parent_columns: Vec<String>,
    /// The first edge that leads to the same columns of the same table.
    alias: usize,
}

/// The keys of parent rows, each an integer; told by 96 bits of hash, keyed anew in each
/// process: among ten million keys two are confused with a probability below 10⁻¹⁵.
struct Keys {
    numbers: HashMap<[u32; 3], u32>,
    hashers: [RandomState; 2],
    /// By number: the row that has the key.
    rows: Vec<u32>,
}

const NOBODY: u32 = u32::MAX;

impl Keys {
    fn new() -> Self {
        Self {
            numbers: HashMap::new(),
            hashers: [RandomState::new(), RandomState::new()],
            rows: Vec::new(),
        }
    }

    /// The number of a key of an edge's parent.
    fn number(&mut self, parent: usize, key: &Key) -> u32 {
        let [first, second] = [0, 1].map(|at| self.hashers[at].hash_one((parent, key)));
        let [a, b, c, d, ..] = second.to_le_bytes();
        let [e, f, g, h, i, j, k, l] = first.to_le_bytes();
        let hash = [[a, b, c, d], [e, f, g, h], [i, j, k, l]].map(u32::from_le_bytes);
        let next = as_number(self.rows.len());
        let number = *self.numbers.entry(hash).or_insert(next);
        if number == next {
            self.rows.push(NOBODY);
        }
        number
    }
}

fn as_number(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(NOBODY)
}

impl Isolation {
    /// Over the edges that lead towards the root: those whose parent is the root, or a table whose
    /// every row has a mandatory way to it.
    pub(crate) fn new(
        root: &TableRef,
        root_key: &[String],
        district: &Key,
        edges: &[Edge],
    ) -> Self {
        let inside = tables_towards_root(root, edges);
        let mut leading: Vec<Leading> = Vec::new();
        for edge in edges.iter().filter(|edge| inside.contains(&edge.parent)) {
            let (child_columns, parent_columns) = sorted_pairs(edge);
            let is_same = |one: &Leading| {
                one.edge.parent == edge.parent && one.parent_columns == parent_columns
            };
            let alias = leading.iter().position(is_same).unwrap_or(leading.len());
            leading.push(Leading {
                edge: edge.clone(),
                child_columns,
                parent_columns,
                alias,
            });
        }
        Self {
            root: root.clone(),
            root_key: root_key.to_vec(),
            district: district.clone(),
            inside,
            edges: leading,
            tables: Vec::new(),
            rows: Vec::new(),
            references: Vec::new(),
            alike: HashMap::new(),
            keys: Keys::new(),
            is_overfull: false,
        }
    }

    /// Takes rows as they are written. Stubs are not followed: they are what a boundary left. But a
    /// row that came for the sake of others and whose way to the root ends in one is a stranger.
    pub(crate) fn add(&mut self, table: &TableRef, batch: &RecordBatch, membership: Membership) {
        let mut edges = self.edges.iter().map(|one| &one.edge);
        let is_parent = *table == self.root || edges.clone().any(|edge| edge.parent == *table);
        let is_child = edges.any(|edge| edge.child == *table);
        if !is_parent && !is_child {
            return;
        }
        let table_at = self.table_index(table);
        let references = self.references_of(table, batch, membership);
        let is_full = membership != Membership::Stub;
        let is_root = (is_full && *table == self.root).then(|| keys_of(batch, &self.root_key));
        let first = self.rows.len();
        for (row, references) in references.into_iter().enumerate() {
            let is_root = is_root
                .as_ref()
                .map(|keys| keys[row].as_ref() == Some(&self.district));
            if is_parent {
                self.push(table_at, membership, is_root, &references);
            } else {
                self.count_alike(table_at, membership, references);
            }
        }
        if is_parent {
            self.enter_keys(table, batch, first);
        }
    }

    /// For each row the keys that it refers to, by edges that count for it.
    fn references_of(
        &mut self,
        table: &TableRef,
        batch: &RecordBatch,
        membership: Membership,
    ) -> Vec<Vec<u32>> {
        let mut references = vec![Vec::new(); batch.num_rows()];
        if membership == Membership::Stub {
            return references;
        }
        for leading in &self.edges {
            if leading.edge.child != *table {
                continue;
            }
            let counts = counting(&leading.edge, batch);
            let keys = keys_of(batch, &leading.child_columns);
            for (row, key) in keys.into_iter().enumerate() {
                if let Some(key) = key
                    && counts[row]
                {
                    references[row].push(self.keys.number(leading.alias, &key));
                }
            }
        }
        references
    }

    /// Says which rows have the keys that edges lead to.
    fn enter_keys(&mut self, table: &TableRef, batch: &RecordBatch, first: usize) {
        for (at, leading) in self.edges.iter().enumerate() {
            if leading.edge.parent != *table || leading.alias != at {
                continue;
            }
            let keys = keys_of(batch, &leading.parent_columns);
            for (row, key) in keys.into_iter().enumerate() {
                if let Some(key) = key {
                    let number = self.keys.number(at, &key);
                    self.keys.rows[number as usize] = as_number(first + row);
                }
            }
        }
    }

    fn push(
        &mut self,
        table: u16,
        membership: Membership,
        is_root: Option<bool>,
        references: &[u32],
    ) {
        let first = as_number(self.references.len());
        self.is_overfull |= first == NOBODY || self.rows.len() >= NOBODY as usize;
        self.references.extend_from_slice(references);
        self.rows.push(Row {
            table,
            membership,
            is_root,
            first,
            count: 1,
        });
    }

    fn count_alike(&mut self, table: u16, membership: Membership, mut references: Vec<u32>) {
        references.sort_unstable();
        references.dedup();
        references.extend([u32::from(table), u32::from(membership.code())]);
        match self.alike.get_mut(references.as_slice()) {
            Some(count) => *count = count.saturating_add(1),
            None => {
                self.alike.insert(references.into_boxed_slice(), 1);
            }
        }
    }

    fn table_index(&mut self, table: &TableRef) -> u16 {
        let known = self.tables.iter().position(|one| one == table);
        let at = known.unwrap_or_else(|| {
            self.tables.push(table.clone());
            self.tables.len() - 1
        });
        u16::try_from(at).unwrap_or_else(|_| {
            self.is_overfull = true;
            u16::MAX
        })
    }

    /// Walks every row upwards. Nothing can be added afterwards.
    pub(crate) fn judge(&mut self) -> IsolationProof {
        for (alike, count) in std::mem::take(&mut self.alike) {
            if let [references @ .., table, membership] = &*alike {
                let membership = Membership::from_code(u8::try_from(*membership).unwrap_or(0));
                let (table, Some(membership)) = (u16::try_from(*table), membership) else {
                    self.is_overfull = true;
                    continue;
                };
                self.push(table.unwrap_or(u16::MAX), membership, None, references);
                if let Some(row) = self.rows.last_mut() {
                    row.count = count;
                }
            }
        }
        let foreign = self.reached(|row| row.is_root == Some(false));
        let home = self.reached(|row| row.is_root == Some(true));
        let count = |is_it: &dyn Fn(&Row) -> bool| -> u64 {
            let rows = self.rows.iter().filter(|row| is_it(row));
            rows.map(|row| u64::from(row.count)).sum()
        };
        let mut proof = IsolationProof {
            examined: count(&Row::is_full),
            roots: count(&|row| row.is_root.is_some()),
            ..IsolationProof::default()
        };
        for (at, row) in self.rows.iter().enumerate() {
            let Some(table) = self.tables.get(usize::from(row.table)) else {
                continue;
            };
            let is_lost = row.is_full() && !home[at] && self.inside.contains(table);
            let is_own = row.membership == Membership::Own;
            if foreign[at] || is_lost && !is_own && self.meets_stub(at) {
                *proof.foreign.entry(table.to_string()).or_default() += u64::from(row.count);
            }
            if is_lost && is_own {
                *proof.unrooted.entry(table.to_string()).or_default() += u64::from(row.count);
            }
        }
        if self.is_overfull {
            // What cannot be told apart is not isolated.
            proof.examined = 0;
        }
        proof
    }

    /// The rows that a row refers to, as far as they were written.
    fn parents(&self, at: usize) -> impl Iterator<Item = usize> {
        let end = self
            .rows
            .get(at + 1)
            .map_or(self.references.len(), |next| next.first as usize);
        let numbers = &self.references[self.rows[at].first as usize..end];
        let rows = numbers
            .iter()
            .map(|number| self.keys.rows[*number as usize]);
        rows.filter(|row| *row != NOBODY).map(|row| row as usize)
    }

    fn meets_stub(&self, at: usize) -> bool {
        self.parents(at).any(|parent| !self.rows[parent].is_full())
    }

    /// The rows from which such a row is reached over full rows, and such rows themselves.
    fn reached(&self, is_start: impl Fn(&Row) -> bool) -> Vec<bool> {
        let mut reached: Vec<bool> = self.rows.iter().map(is_start).collect();
        // One pass for each step of the longest chain whose rows stand in the wrong order.
        let mut is_changed = true;
        while is_changed {
            is_changed = false;
            for at in 0..self.rows.len() {
                let is_new = !reached[at]
                    && self
                        .parents(at)
                        .any(|parent| reached[parent] && self.rows[parent].is_full());
                if is_new {
                    reached[at] = true;
                    is_changed = true;
                }
            }
        }
        reached
    }
}

/// The columns of an edge, child's and parent's, in the order of the parent's names.
fn sorted_pairs(edge: &Edge) -> (Vec<String>, Vec<String>) {
    let pairs = edge.parent_columns.iter().zip(&edge.child_columns);
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_by_key(|(parent, _)| *parent);
    pairs
        .into_iter()
        .map(|(parent, child)| (child.clone(), parent.clone()))
        .unzip()
}

/// The least set of tables that contains the root and every table with a mandatory edge into the set.
fn tables_towards_root(root: &TableRef, edges: &[Edge]) -> Vec<TableRef> {
    let mut inside = vec![root.clone()];
    loop {
        let more: Vec<TableRef> = edges
            .iter()
            .filter(|edge| edge.mandatory && edge.when.is_empty() && inside.contains(&edge.parent))
            .map(|edge| edge.child.clone())
            .filter(|child| !inside.contains(child))
            .collect();
        if more.is_empty() {
            return inside;
        }
        for table in more {
            if !inside.contains(&table) {
                inside.push(table);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array};
    use redistrict_model::{EdgeId, EdgeOrigin, StoreName};

    use super::*;

    fn table(name: &str) -> TableRef {
        TableRef::new(&StoreName::new("s"), "main", name)
    }

    fn edge(id: u32, child: &str, column: &str, parent: &str, mandatory: bool) -> Edge {
        Edge {
            id: EdgeId(id),
            name: format!("e{id}"),
            origin: EdgeOrigin::ForeignKey,
            child: table(child),
            child_columns: vec![column.into()],
            parent: table(parent),
            parent_columns: vec!["id".into()],
            mandatory,
            nullable_columns: Vec::new(),
            on_delete_cascade: false,
            when: Vec::new(),
            policy: None,
        }
    }

    fn rows(columns: &[(&str, Vec<Option<i64>>)]) -> RecordBatch {
        RecordBatch::try_from_iter(
            columns.iter().map(|(name, cells)| {
                (*name, Arc::new(Int64Array::from(cells.clone())) as ArrayRef)
            }),
        )
        .unwrap()
    }

    fn isolation() -> Isolation {
        let edges = [
            edge(0, "schools", "district", "districts", true),
            edge(1, "students", "school", "schools", true),
            edge(2, "students", "previous_school", "schools", false),
        ];
        Isolation::new(&table("districts"), &["id".into()], &Key::of("2"), &edges)
    }

    #[test]
    fn a_clean_district_holds() {
        let mut isolation = isolation();
        isolation.add(
            &table("districts"),
            &rows(&[("id", vec![Some(2)])]),
            Membership::Own,
        );
        let schools = rows(&[("id", vec![Some(1)]), ("district", vec![Some(2)])]);
        isolation.add(&table("schools"), &schools, Membership::Own);
        let proof = isolation.judge();
        assert!(proof.holds(), "{proof:?}");
    }

    #[test]
    fn a_stranger_reached_by_any_reference_is_found_and_so_is_a_row_without_root() {
        let mut isolation = isolation();
        isolation.add(
            &table("districts"),
            &rows(&[("id", vec![Some(2), Some(3)])]),
            Membership::Own,
        );
        let schools = rows(&[
            ("id", vec![Some(1), Some(9)]),
            ("district", vec![Some(2), Some(3)]),
        ]);
        isolation.add(&table("schools"), &schools, Membership::Own);
        let students = rows(&[
            ("id", vec![Some(1), Some(2)]),
            ("school", vec![Some(1), Some(77)]),
            ("previous_school", vec![Some(9), None]),
        ]);
        isolation.add(&table("students"), &students, Membership::Own);
        let proof = isolation.judge();
        assert!(!proof.holds());
        assert_eq!(proof.roots, 2);
        assert_eq!(proof.foreign["s.main.students"], 1);
        assert_eq!(proof.unrooted["s.main.students"], 1);
    }

    #[test]
    fn a_row_brought_by_others_whose_way_to_the_root_ends_in_a_stub_is_a_stranger() {
        let mut isolation = isolation();
        let districts = rows(&[("id", vec![Some(2)])]);
        isolation.add(&table("districts"), &districts, Membership::Own);
        let stub = rows(&[("id", vec![Some(9)]), ("district", vec![Some(3)])]);
        isolation.add(&table("schools"), &stub, Membership::Stub);
        let student = rows(&[
            ("id", vec![Some(5)]),
            ("school", vec![Some(9)]),
            ("previous_school", vec![None]),
        ]);
        isolation.add(&table("students"), &student, Membership::Shared);
        let proof = isolation.judge();
        assert_eq!(proof.foreign["s.main.students"], 1, "{proof:?}");
        assert_eq!((proof.roots, proof.examined), (1, 2));
    }

    #[test]
    fn a_link_is_followed_only_where_its_condition_holds() {
        let mut link = edge(0, "notes", "about", "districts", true);
        link.when = vec![("kind".into(), vec!["1".into()])];
        let mut isolation =
            Isolation::new(&table("districts"), &["id".into()], &Key::of("2"), &[link]);
        let districts = rows(&[("id", vec![Some(2), Some(3)])]);
        isolation.add(&table("districts"), &districts, Membership::Own);
        let notes = rows(&[
            ("id", vec![Some(1), Some(2)]),
            ("kind", vec![Some(1), Some(7)]),
            ("about", vec![Some(3), Some(3)]),
        ]);
        isolation.add(&table("notes"), &notes, Membership::Own);
        let proof = isolation.judge();
        assert_eq!(proof.foreign["s.main.notes"], 1, "{proof:?}");
        assert!(!proof.unrooted.contains_key("s.main.notes"), "{proof:?}");
    }

    #[test]
    fn a_stub_of_the_other_district_is_no_stranger() {
        let mut isolation = isolation();
        isolation.add(
            &table("districts"),
            &rows(&[("id", vec![Some(2)])]),
            Membership::Own,
        );
        isolation.add(
            &table("districts"),
            &rows(&[("id", vec![Some(3)])]),
            Membership::Stub,
        );
        let schools = rows(&[("id", vec![Some(1)]), ("district", vec![Some(2)])]);
        isolation.add(&table("schools"), &schools, Membership::Own);
        assert!(isolation.judge().holds());
    }
}
