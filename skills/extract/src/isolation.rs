//! The isolation proof over the extracted rows: no full row has a tenant path to another district,
//! and every own row has one to this district.
//!
//! Shares no code with the planner: it knows nothing of owner lists, labels or homes. It looks at the
//! rows as they were written, along *all* references between tables that lead to the root.

use std::collections::{BTreeMap, HashMap};

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

struct Row {
    table: usize,
    membership: Membership,
    /// The references of the row: which edge, to which key.
    references: Vec<(usize, Key)>,
    /// For rows of the root table.
    is_root: Option<bool>,
}

impl Row {
    fn is_full(&self) -> bool {
        self.membership != Membership::Stub
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

/// Collects rows while they are written, then judges.
pub(crate) struct Isolation {
    root: TableRef,
    root_key: Vec<String>,
    district: Key,
    /// Tables whose every row has a mandatory way to the root.
    inside: Vec<TableRef>,
    edges: Vec<Edge>,
    tables: Vec<TableRef>,
    rows: Vec<Row>,
    /// Per edge: the parent rows by the referenced columns.
    parents: Vec<HashMap<Key, usize>>,
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
        let leading: Vec<Edge> = edges
            .iter()
            .filter(|edge| inside.contains(&edge.parent))
            .cloned()
            .collect();
        let parents = vec![HashMap::new(); leading.len()];
        Self {
            root: root.clone(),
            root_key: root_key.to_vec(),
            district: district.clone(),
            inside,
            edges: leading,
            tables: Vec::new(),
            rows: Vec::new(),
            parents,
        }
    }

    /// Takes rows as they are written. Stubs are not followed: they are what a boundary left. But a
    /// row that came for the sake of others and whose way to the root ends in one is a stranger.
    pub(crate) fn add(&mut self, table: &TableRef, batch: &RecordBatch, membership: Membership) {
        let takes_part = *table == self.root
            || self
                .edges
                .iter()
                .any(|edge| edge.child == *table || edge.parent == *table);
        if !takes_part {
            return;
        }
        let table_at = self.table_index(table);
        let first = self.rows.len();
        let is_full = membership != Membership::Stub;
        let is_root = (is_full && *table == self.root).then(|| keys_of(batch, &self.root_key));
        for row in 0..batch.num_rows() {
            self.rows.push(Row {
                table: table_at,
                membership,
                references: Vec::new(),
                is_root: is_root
                    .as_ref()
                    .map(|keys| keys[row].as_ref() == Some(&self.district)),
            });
        }
        for (at, edge) in self.edges.iter().enumerate() {
            if edge.parent == *table {
                for (row, key) in keys_of(batch, &edge.parent_columns).into_iter().enumerate() {
                    if let Some(key) = key {
                        self.parents[at].insert(key, first + row);
                    }
                }
            }
            if is_full && edge.child == *table {
                let counts = counting(edge, batch);
                for (row, key) in keys_of(batch, &edge.child_columns).into_iter().enumerate() {
                    if let Some(key) = key
                        && counts[row]
                    {
                        self.rows[first + row].references.push((at, key));
                    }
                }
            }
        }
    }

    fn table_index(&mut self, table: &TableRef) -> usize {
        self.tables
            .iter()
            .position(|one| one == table)
            .unwrap_or_else(|| {
                self.tables.push(table.clone());
                self.tables.len() - 1
            })
    }

    /// Walks every row upwards.
    pub(crate) fn judge(&self) -> IsolationProof {
        let (children, meets_stub) = self.children();
        let reaches = |is_start: &dyn Fn(&Row) -> bool| -> Vec<bool> {
            let mut reached = vec![false; self.rows.len()];
            let mut waiting: Vec<usize> = (0..self.rows.len())
                .filter(|at| is_start(&self.rows[*at]))
                .collect();
            while let Some(at) = waiting.pop() {
                if !std::mem::replace(&mut reached[at], true) {
                    waiting.extend(&children[at]);
                }
            }
            reached
        };
        let foreign = reaches(&|row| row.is_root == Some(false));
        let home = reaches(&|row| row.is_root == Some(true));
        let mut proof = IsolationProof {
            examined: self.rows.iter().filter(|row| row.is_full()).count() as u64,
            roots: self.rows.iter().filter(|row| row.is_root.is_some()).count() as u64,
            ..IsolationProof::default()
        };
        for (at, row) in self.rows.iter().enumerate() {
            let name = || self.tables[row.table].to_string();
            let is_lost =
                row.is_full() && !home[at] && self.inside.contains(&self.tables[row.table]);
            let is_own = row.membership == Membership::Own;
            if foreign[at] || is_lost && !is_own && meets_stub[at] {
                *proof.foreign.entry(name()).or_default() += 1;
            }
            if is_lost && is_own {
                *proof.unrooted.entry(name()).or_default() += 1;
            }
        }
        proof
    }

    /// The full rows that refer to each full row, and which rows refer to a stub.
    fn children(&self) -> (Vec<Vec<usize>>, Vec<bool>) {
        let mut children = vec![Vec::new(); self.rows.len()];
        let mut meets_stub = vec![false; self.rows.len()];
        for (at, row) in self.rows.iter().enumerate() {
            for (edge, key) in &row.references {
                match self.parents[*edge].get(key) {
                    Some(parent) if self.rows[*parent].is_full() => children[*parent].push(at),
                    Some(_) => meets_stub[at] = true,
                    None => {}
                }
            }
        }
        (children, meets_stub)
    }
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
