//! The isolation proof over the extracted rows: no full row has a tenant path to another district,
//! and every own row has one to this district.
//!
//! Shares no code with the planner: it knows nothing of owner lists, labels or homes. It reads the rows as
//! they were written, along *all* references between tables that lead to the root.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use redistrict_artifact::{Artifact, keys_of};
use redistrict_model::{Edge, Key, Membership, Ownership, TableRef};
use redistrict_skill::{Cancel, SkillError};
use serde::{Deserialize, Serialize};

use self::keys::{Keys, NOBODY, as_number};
use crate::write::artifact_failed;

mod keys;

/// What the proof found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IsolationProof {
    /// Full rows looked at, in tables that lead to the root.
    pub examined: u64,
    /// Full rows from which a row of another district's root can be reached.
    pub foreign: BTreeMap<String, u64>,
    /// Own rows from which this district's root row cannot be reached.
    pub unrooted: BTreeMap<String, u64>,
    /// Full rows of the root table, without those that a declared tree has below the district; must be 1.
    pub roots: u64,
}

impl IsolationProof {
    /// Whether the district is isolated.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.foreign.is_empty() && self.unrooted.is_empty() && self.roots == 1 && self.examined > 0
    }
}

/// Reads the artifact's rows, of each table the columns that matter, and judges them.
///
/// # Errors
/// The artifact cannot be read, or the run is to end.
pub(crate) fn prove(
    artifact: &Artifact,
    ownership: &Ownership,
    district: &Key,
    cancel: &Cancel,
) -> Result<IsolationProof, SkillError> {
    let mut isolation = Isolation::new(
        &ownership.root,
        &ownership.root_key,
        district,
        &ownership.edges,
    )
    .with_trees(ownership);
    let tables = artifact.manifest().tables.iter().map(|one| &one.table);
    let (parents, others): (Vec<_>, Vec<_>) = tables
        .map(|table| (table, isolation.columns(table)))
        .filter(|(_, columns)| !columns.is_empty())
        .partition(|(table, _)| isolation.is_parent(table));
    let read = |table: &TableRef, columns: &[String]| {
        artifact.columns(table, columns).map(|batch| {
            cancel.check()?;
            batch.map_err(|error| artifact_failed(&error))
        })
    };
    for (table, columns) in parents {
        for batch in read(table, &columns) {
            let (batch, memberships) = batch?;
            isolation.add(table, &batch, &memberships);
        }
    }
    let mut judge = isolation.walk();
    for (table, columns) in others {
        for batch in read(table, &columns) {
            let (batch, memberships) = batch?;
            judge.judge(table, &batch, &memberships);
        }
    }
    Ok(judge.finish())
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

/// A row that others may refer to.
struct Row {
    table: u16,
    membership: Membership,
    /// For rows of the root table.
    is_root: Option<bool>,
    /// Where its references begin.
    first: u32,
}

impl Row {
    fn is_full(&self) -> bool {
        self.membership != Membership::Stub
    }
}

/// Collects the rows of tables that others refer to towards the root, some words for each. Rows of other tables
/// are judged by these, one after the other.
struct Isolation {
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
    keys: Keys,
    /// The declared trees of the root table, as positions in `edges`.
    trees: Vec<usize>,
    /// Full root rows, and the keys of those above them in a tree.
    above: Vec<(usize, u32)>,
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

impl Isolation {
    /// Over the edges that lead towards the root: those whose parent is the root, or a table whose
    /// every row has a mandatory way to it.
    fn new(root: &TableRef, root_key: &[String], district: &Key, edges: &[Edge]) -> Self {
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
            keys: Keys::new(),
            trees: Vec::new(),
            above: Vec::new(),
            is_overfull: false,
        }
    }

    /// Knows the trees that somebody declared: rows of the root below the district are the district's.
    fn with_trees(mut self, ownership: &Ownership) -> Self {
        let role = ownership.table(&ownership.root);
        let owners = role.map_or(&[][..], |role| role.owners.as_slice());
        let is_tree = |leading: &Leading| {
            leading.edge.is_self() && owners.iter().any(|owner| owner.edge == leading.edge.id)
        };
        self.trees = (0..self.edges.len())
            .filter(|at| is_tree(&self.edges[*at]))
            .collect();
        self
    }

    /// The columns that matter of a table's rows; none if nothing leads from it to the root, nor to it.
    fn columns(&self, table: &TableRef) -> Vec<String> {
        let mut columns = Vec::new();
        if *table == self.root {
            columns.extend(self.root_key.iter().cloned());
        }
        for one in &self.edges {
            if one.edge.child == *table {
                columns.extend(one.child_columns.iter().cloned());
                columns.extend(one.edge.when.iter().map(|(column, _)| column.clone()));
            }
            if one.edge.parent == *table {
                columns.extend(one.parent_columns.iter().cloned());
            }
        }
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// Whether others refer to rows of the table towards the root.
    fn is_parent(&self, table: &TableRef) -> bool {
        let mut edges = self.edges.iter().map(|one| &one.edge);
        *table == self.root || edges.any(|edge| edge.parent == *table)
    }

    /// Takes rows as they were written, of tables that others refer to. Stubs are not followed: they are what a boundary left. But a
    /// row that came for the sake of others and whose way to the root ends in one is a stranger.
    fn add(&mut self, table: &TableRef, batch: &RecordBatch, memberships: &[Membership]) {
        let table_at = self.table_index(table);
        let keys = referred_keys(&self.edges, table, batch, memberships);
        let numbers = |keys: Vec<(usize, Key)>| -> Vec<u32> {
            let keys = keys.iter();
            keys.map(|(edge, key)| self.keys.number(*edge, key))
                .collect()
        };
        let references: Vec<Vec<u32>> = keys.into_iter().map(numbers).collect();
        let root_keys = (*table == self.root).then(|| keys_of(batch, &self.root_key));
        let first = self.rows.len();
        for (row, (references, &membership)) in references.into_iter().zip(memberships).enumerate()
        {
            let root_keys = root_keys
                .as_ref()
                .filter(|_| membership != Membership::Stub);
            let is_root = root_keys.map(|keys| keys[row].as_ref() == Some(&self.district));
            self.push(table_at, membership, is_root, &references);
        }
        self.enter_keys(table, batch, first);
        if *table == self.root {
            self.enter_trees(batch, memberships, first);
        }
    }

    /// Says which root rows stand below which.
    fn enter_trees(&mut self, batch: &RecordBatch, memberships: &[Membership], first: usize) {
        for at in &self.trees {
            let tree = &self.edges[*at];
            let counts = counting(&tree.edge, batch);
            let keys = keys_of(batch, &tree.child_columns).into_iter();
            for (row, key) in keys.enumerate() {
                if let Some(key) = key
                    && counts[row]
                    && memberships[row] != Membership::Stub
                {
                    let number = self.keys.number(tree.alias, &key);
                    self.above.push((first + row, number));
                }
            }
        }
    }

    /// What stands below the district in a tree is the district's. Gives the number of such rows.
    fn take_what_is_below(&mut self) -> u64 {
        let mut below = 0;
        let mut is_changed = true;
        while std::mem::take(&mut is_changed) {
            for (row, above) in &self.above {
                let above = self.keys.row(*above);
                let is_below = self.rows[*row].is_root == Some(false)
                    && above.is_some_and(|above| self.rows[above].is_root == Some(true));
                if is_below {
                    self.rows[*row].is_root = Some(true);
                    below += 1;
                    is_changed = true;
                }
            }
        }
        below
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
                    self.keys.set_row(number, first + row);
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
        for reference in references {
            keys::push(&mut self.references, *reference);
        }
        let row = Row {
            table,
            membership,
            is_root,
            first,
        };
        keys::push(&mut self.rows, row);
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
    fn walk(mut self) -> Judge {
        let below = self.take_what_is_below();
        let foreign = self.reached(|row| row.is_root == Some(false));
        let home = self.reached(|row| row.is_root == Some(true));
        let roots = self.rows.iter().filter(|row| row.is_root.is_some());
        let mut judge = Judge {
            proof: IsolationProof {
                roots: (roots.count() as u64).saturating_sub(below),
                ..IsolationProof::default()
            },
            foreign,
            home,
            isolation: self,
        };
        for at in 0..judge.isolation.rows.len() {
            let row = &judge.isolation.rows[at];
            let found = Found {
                is_foreign: judge.foreign[at],
                is_home: judge.home[at],
                meets_stub: judge.isolation.meets_stub(at),
            };
            judge.count(usize::from(row.table), row.membership, found);
        }
        judge
    }

    /// The rows that a row refers to, as far as they were written.
    fn parents(&self, at: usize) -> impl Iterator<Item = usize> {
        let end = self
            .rows
            .get(at + 1)
            .map_or(self.references.len(), |next| next.first as usize);
        let numbers = &self.references[self.rows[at].first as usize..end];
        numbers.iter().filter_map(|number| self.keys.row(*number))
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

/// Judges rows by those that they lead to.
struct Judge {
    isolation: Isolation,
    /// By row: a root row of another district is reached from it, or this district's.
    foreign: Vec<bool>,
    home: Vec<bool>,
    proof: IsolationProof,
}

/// What was found on the ways up from a row.
struct Found {
    is_foreign: bool,
    is_home: bool,
    meets_stub: bool,
}

impl Judge {
    /// Judges rows of a table that no reference leads to.
    fn judge(&mut self, table: &TableRef, batch: &RecordBatch, memberships: &[Membership]) {
        let table_at = usize::from(self.isolation.table_index(table));
        let keys = referred_keys(&self.isolation.edges, table, batch, memberships);
        for (keys, &membership) in keys.iter().zip(memberships) {
            let mut found = Found {
                is_foreign: false,
                is_home: false,
                meets_stub: false,
            };
            for (edge, key) in keys {
                let number = self.isolation.keys.find(*edge, key);
                if let Some(parent) = number.and_then(|number| self.isolation.keys.row(number)) {
                    let is_full = self.isolation.rows[parent].is_full();
                    found.is_foreign |= is_full && self.foreign[parent];
                    found.is_home |= is_full && self.home[parent];
                    found.meets_stub |= !is_full;
                }
            }
            self.count(table_at, membership, found);
        }
    }

    fn count(&mut self, table: usize, membership: Membership, found: Found) {
        let Some(table) = self.isolation.tables.get(table) else {
            return;
        };
        let is_full = membership != Membership::Stub;
        let is_lost = is_full && !found.is_home && self.isolation.inside.contains(table);
        let is_own = membership == Membership::Own;
        self.proof.examined += u64::from(is_full);
        if found.is_foreign || is_lost && !is_own && found.meets_stub {
            *self.proof.foreign.entry(table.to_string()).or_default() += 1;
        }
        if is_lost && is_own {
            *self.proof.unrooted.entry(table.to_string()).or_default() += 1;
        }
    }

    fn finish(mut self) -> IsolationProof {
        if self.isolation.is_overfull {
            // What cannot be told apart is not isolated.
            self.proof.examined = 0;
        }
        self.proof
    }
}

/// For each row the keys that it refers to, by edges that count for it, each with the first edge that leads to
/// the same columns. Stubs refer to nothing.
fn referred_keys(
    edges: &[Leading],
    table: &TableRef,
    batch: &RecordBatch,
    memberships: &[Membership],
) -> Vec<Vec<(usize, Key)>> {
    let mut referred = vec![Vec::new(); batch.num_rows()];
    for leading in edges.iter().filter(|one| one.edge.child == *table) {
        let counts = counting(&leading.edge, batch);
        let values = keys_of(batch, &leading.child_columns);
        for (row, value) in values.into_iter().enumerate() {
            let Some(value) = value else { continue };
            if !counts[row] || memberships[row] == Membership::Stub {
                continue;
            }
            match &leading.edge.inside {
                None => referred[row].push((leading.alias, value)),
                Some(inside) => {
                    let inside = value.parts().first().map(|value| inside.keys(value));
                    let keys = inside.into_iter().flatten().flatten().map(Key::of);
                    referred[row].extend(keys.map(|key| (leading.alias, key)));
                }
            }
        }
    }
    referred
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
            .filter(|edge| {
                edge.is_always() && edge.when.is_empty() && inside.contains(&edge.parent)
            })
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
            inside: None,
            always: false,
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

    /// Rows, and what judges them.
    struct Rows(Isolation, Vec<(TableRef, RecordBatch, Vec<Membership>)>);

    impl Rows {
        fn new(root: &TableRef, root_key: &[String], district: &Key, edges: &[Edge]) -> Self {
            Self(Isolation::new(root, root_key, district, edges), Vec::new())
        }

        fn judge(mut self) -> IsolationProof {
            let (parents, others): (Vec<_>, Vec<_>) =
                (self.1.into_iter()).partition(|(table, ..)| self.0.is_parent(table));
            for (table, batch, memberships) in &parents {
                self.0.add(table, batch, memberships);
            }
            let mut judge = self.0.walk();
            for (table, batch, memberships) in &others {
                judge.judge(table, batch, memberships);
            }
            judge.finish()
        }
    }

    fn isolation() -> Rows {
        let edges = [
            edge(0, "schools", "district", "districts", true),
            edge(1, "students", "school", "schools", true),
            edge(2, "students", "previous_school", "schools", false),
        ];
        Rows::new(&table("districts"), &["id".into()], &Key::of("2"), &edges)
    }

    fn add(rows: &mut Rows, table: &TableRef, batch: &RecordBatch, all: Membership) {
        let all = vec![all; batch.num_rows()];
        rows.1.push((table.clone(), batch.clone(), all));
    }

    #[test]
    fn a_clean_district_holds() {
        let mut isolation = isolation();
        add(
            &mut isolation,
            &table("districts"),
            &rows(&[("id", vec![Some(2)])]),
            Membership::Own,
        );
        let schools = rows(&[("id", vec![Some(1)]), ("district", vec![Some(2)])]);
        add(&mut isolation, &table("schools"), &schools, Membership::Own);
        let proof = isolation.judge();
        assert!(proof.holds(), "{proof:?}");
    }

    /// 1 stands above 2, 2 above 4, 4 above 5, and 5 has a school.
    fn roots(tree: bool) -> IsolationProof {
        let edges = [
            edge(0, "schools", "district", "districts", true),
            edge(1, "districts", "above", "districts", false),
        ];
        let mut isolation = Rows::new(&table("districts"), &["id".into()], &Key::of("2"), &edges);
        if tree {
            isolation.0.trees = isolation
                .0
                .edges
                .iter()
                .position(|leading| leading.edge.is_self())
                .into_iter()
                .collect();
        }
        let batch = rows(&[
            ("id", vec![Some(5), Some(4), Some(2), Some(1)]),
            ("above", vec![Some(4), Some(2), Some(1), None]),
        ]);
        let kinds = [
            Membership::Own,
            Membership::Own,
            Membership::Own,
            Membership::Stub,
        ];
        isolation
            .1
            .push((table("districts"), batch, kinds.to_vec()));
        let schools = rows(&[("id", vec![Some(1)]), ("district", vec![Some(5)])]);
        add(&mut isolation, &table("schools"), &schools, Membership::Own);
        isolation.judge()
    }

    #[test]
    fn districts_below_this_one_in_a_declared_tree_are_no_strangers() {
        let proof = roots(true);
        assert_eq!(proof.roots, 1);
        assert!(proof.holds(), "{proof:?}");
        let proof = roots(false);
        assert_eq!(proof.roots, 3);
        assert!(!proof.holds() && !proof.foreign.is_empty(), "{proof:?}");
    }

    #[test]
    fn a_tree_makes_nothing_beside_the_district_or_above_it_its_own() {
        let edges = [edge(0, "districts", "above", "districts", false)];
        let mut isolation = Rows::new(&table("districts"), &["id".into()], &Key::of("2"), &edges);
        isolation.0.trees = vec![0];
        let batch = rows(&[
            ("id", vec![Some(1), Some(2), Some(3), Some(6), Some(7)]),
            ("above", vec![None, Some(1), Some(1), Some(7), Some(6)]),
        ]);
        add(&mut isolation, &table("districts"), &batch, Membership::Own);
        let proof = isolation.judge();
        assert_eq!((proof.roots, proof.holds()), (5, false), "{proof:?}");
    }

    #[test]
    fn a_stranger_reached_by_any_reference_is_found_and_so_is_a_row_without_root() {
        let mut isolation = isolation();
        add(
            &mut isolation,
            &table("districts"),
            &rows(&[("id", vec![Some(2), Some(3)])]),
            Membership::Own,
        );
        let schools = rows(&[
            ("id", vec![Some(1), Some(9)]),
            ("district", vec![Some(2), Some(3)]),
        ]);
        add(&mut isolation, &table("schools"), &schools, Membership::Own);
        let students = rows(&[
            ("id", vec![Some(1), Some(2)]),
            ("school", vec![Some(1), Some(77)]),
            ("previous_school", vec![Some(9), None]),
        ]);
        add(
            &mut isolation,
            &table("students"),
            &students,
            Membership::Own,
        );
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
        add(
            &mut isolation,
            &table("districts"),
            &districts,
            Membership::Own,
        );
        let stub = rows(&[("id", vec![Some(9)]), ("district", vec![Some(3)])]);
        add(&mut isolation, &table("schools"), &stub, Membership::Stub);
        let student = rows(&[
            ("id", vec![Some(5)]),
            ("school", vec![Some(9)]),
            ("previous_school", vec![None]),
        ]);
        add(
            &mut isolation,
            &table("students"),
            &student,
            Membership::Shared,
        );
        let proof = isolation.judge();
        assert_eq!(proof.foreign["s.main.students"], 1, "{proof:?}");
        assert_eq!((proof.roots, proof.examined), (1, 2));
    }

    #[test]
    fn a_link_is_followed_only_where_its_condition_holds() {
        let mut link = edge(0, "notes", "about", "districts", true);
        link.when = vec![("kind".into(), vec!["1".into()])];
        let mut isolation = Rows::new(&table("districts"), &["id".into()], &Key::of("2"), &[link]);
        let districts = rows(&[("id", vec![Some(2), Some(3)])]);
        add(
            &mut isolation,
            &table("districts"),
            &districts,
            Membership::Own,
        );
        let notes = rows(&[
            ("id", vec![Some(1), Some(2)]),
            ("kind", vec![Some(1), Some(7)]),
            ("about", vec![Some(3), Some(3)]),
        ]);
        add(&mut isolation, &table("notes"), &notes, Membership::Own);
        let proof = isolation.judge();
        assert_eq!(proof.foreign["s.main.notes"], 1, "{proof:?}");
        assert!(!proof.unrooted.contains_key("s.main.notes"), "{proof:?}");
    }

    #[test]
    fn a_stranger_inside_of_a_value_is_found() {
        let mut link = edge(0, "teams", "members", "districts", false);
        link.inside = Some(redistrict_model::Inside::Elements);
        let found = |values: &[&str], membership| {
            let edges = std::slice::from_ref(&link);
            let mut isolation =
                Rows::new(&table("districts"), &["id".into()], &Key::of("2"), edges);
            let districts = rows(&[("id", vec![Some(2), Some(3)])]);
            add(
                &mut isolation,
                &table("districts"),
                &districts,
                Membership::Own,
            );
            let values = arrow::array::StringArray::from(values.to_vec());
            let teams = RecordBatch::try_from_iter([("members", Arc::new(values) as ArrayRef)]);
            add(&mut isolation, &table("teams"), &teams.unwrap(), membership);
            isolation.judge().foreign.get("s.main.teams").copied()
        };
        assert_eq!(found(&["{2,NULL}", "{}", "{77}"], Membership::Own), None);
        assert_eq!(found(&["{2}", "{{2,3}}", "{3}"], Membership::Own), Some(2));
        assert_eq!(found(&["{3}"], Membership::Stub), None);
    }

    #[test]
    fn a_stub_of_the_other_district_is_no_stranger() {
        let mut isolation = isolation();
        add(
            &mut isolation,
            &table("districts"),
            &rows(&[("id", vec![Some(2)])]),
            Membership::Own,
        );
        add(
            &mut isolation,
            &table("districts"),
            &rows(&[("id", vec![Some(3)])]),
            Membership::Stub,
        );
        let schools = rows(&[("id", vec![Some(1)]), ("district", vec![Some(2)])]);
        add(&mut isolation, &table("schools"), &schools, Membership::Own);
        assert!(isolation.judge().holds());
    }
}
