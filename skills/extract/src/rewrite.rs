//! Rows as they leave PROD: references that must not leave are set to NULL, stubs lose what they do
//! not need.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, new_null_array};
use arrow::compute::kernels::zip::zip;
use arrow::error::ArrowError;
use redistrict_artifact::keys_of;
use redistrict_model::{Key, Membership, Table};

/// Names the rows of the batches that one request gives.
///
/// A key stands in the row. A locator does not: but rows come in the order of their locators, every
/// locator is of one row, and so the n-th row has the n-th locator. Should one be missing, the names of
/// those behind it are wrong; [`is_at_end`](Self::is_at_end) tells, and nothing of it may be kept.
pub(crate) struct RowIds<'a> {
    identity: &'a [String],
    asked: &'a [Key],
    came: usize,
}

impl<'a> RowIds<'a> {
    /// For a request of these keys, which are in ascending order.
    pub(crate) fn new(identity: &'a [String], asked: &'a [Key]) -> Self {
        Self {
            identity,
            asked,
            came: 0,
        }
    }

    /// The keys or locators of the next rows.
    pub(crate) fn of(&self, batch: &RecordBatch) -> Vec<Option<Key>> {
        if self.identity.is_empty() {
            let places = self.came..self.came + batch.num_rows();
            places.map(|at| self.asked.get(at).cloned()).collect()
        } else {
            keys_of(batch, self.identity)
        }
    }

    /// So many rows are done.
    pub(crate) fn advance(&mut self, rows: usize) {
        self.came += rows;
    }

    /// As many rows came as were asked for.
    pub(crate) fn is_at_end(&self) -> bool {
        self.came == self.asked.len()
    }
}

/// What is set to NULL in one table: for each column the keys of the rows.
#[derive(Debug, Default)]
pub(crate) struct NulledCells(BTreeMap<String, HashSet<Key>>);

impl NulledCells {
    /// Adds rows whose columns are set to NULL.
    pub(crate) fn add(&mut self, columns: &[String], keys: &[Key]) {
        for column in columns {
            self.0
                .entry(column.clone())
                .or_default()
                .extend(keys.iter().cloned());
        }
    }

    /// The next batch of a request with those cells set to NULL.
    pub(crate) fn apply(
        &self,
        batch: &RecordBatch,
        ids: &RowIds<'_>,
    ) -> Result<RecordBatch, ArrowError> {
        if self.0.is_empty() {
            return Ok(batch.clone());
        }
        let keys = ids.of(batch);
        let mut columns = batch.columns().to_vec();
        for (name, nulled) in &self.0 {
            let Ok(at) = batch.schema().index_of(name) else {
                continue;
            };
            let is_nulled: BooleanArray = keys
                .iter()
                .map(|key| Some(key.as_ref().is_some_and(|key| nulled.contains(key))))
                .collect();
            columns[at] = null_where(&columns[at], &is_nulled)?;
        }
        RecordBatch::try_new(batch.schema(), columns)
    }
}

fn null_where(column: &ArrayRef, is_nulled: &BooleanArray) -> Result<ArrayRef, ArrowError> {
    if is_nulled.true_count() == 0 {
        return Ok(Arc::clone(column));
    }
    let nulls = new_null_array(column.data_type(), column.len());
    zip(is_nulled, &nulls, column)
}

/// The columns of a stub that become NULL: every nullable one that is not part of the identity.
pub(crate) fn stub_nulls(table: &Table, identity: &[String]) -> BTreeSet<String> {
    table
        .columns
        .iter()
        .filter(|column| column.nullable && !identity.contains(&column.name))
        .map(|column| column.name.clone())
        .collect()
}

/// A batch of stubs: key and mandatory columns only.
pub(crate) fn as_stubs(
    batch: &RecordBatch,
    nulls: &BTreeSet<String>,
) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let columns = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| {
            if nulls.contains(field.name()) {
                new_null_array(column.data_type(), column.len())
            } else {
                Arc::clone(column)
            }
        })
        .collect();
    RecordBatch::try_new(schema, columns)
}

/// One membership for each row of a batch.
pub(crate) fn all_of(membership: Membership, batch: &RecordBatch) -> Vec<Membership> {
    vec![membership; batch.num_rows()]
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringArray};
    use redistrict_model::{Column, ColumnType, Generated, StoreName, TableKind, TableRef};

    use super::*;

    fn batch() -> RecordBatch {
        RecordBatch::try_from_iter([
            ("id", Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef),
            (
                "other",
                Arc::new(Int64Array::from(vec![Some(7), Some(8), None])),
            ),
            ("name", Arc::new(StringArray::from(vec!["a", "b", "c"]))),
        ])
        .unwrap()
    }

    #[test]
    fn only_the_named_cells_of_the_named_rows_become_null() {
        let mut nulled = NulledCells::default();
        nulled.add(&["other".into()], &[Key::of("2"), Key::of("9")]);
        let changed = nulled
            .apply(&batch(), &RowIds::new(&["id".into()], &[]))
            .unwrap();
        let expected = Int64Array::from(vec![Some(7), None, None]);
        assert_eq!(changed.column(1).as_ref(), &expected as &dyn Array);
        assert_eq!(changed.column(2), batch().column(2));
    }

    #[test]
    fn the_rows_of_a_request_by_locators_are_named_by_their_places() {
        let asked: Vec<Key> = ["a", "b", "c", "d", "e", "f"].map(Key::of).into();
        let mut ids = RowIds::new(&[], &asked);
        let mut nulled = NulledCells::default();
        nulled.add(&["other".into()], &[Key::of("b"), Key::of("d")]);
        let mut others = Vec::new();
        for _ in 0..2 {
            assert!(!ids.is_at_end());
            let changed = nulled.apply(&batch(), &ids).unwrap();
            others.push(Arc::clone(changed.column(1)));
            ids.advance(3);
        }
        assert!(ids.is_at_end());
        let first = Int64Array::from(vec![Some(7), None, None]);
        let second = Int64Array::from(vec![None, Some(8), None]);
        assert_eq!(others[0].as_ref(), &first as &dyn Array);
        assert_eq!(others[1].as_ref(), &second as &dyn Array);
    }

    #[test]
    fn a_stub_keeps_its_key_and_its_mandatory_columns() {
        let column = |name: &str, nullable| Column {
            name: name.into(),
            source_type: "x".into(),
            column_type: ColumnType::Int64,
            nullable,
            generated: Generated::No,
            has_default: false,
            max_length: None,
            labels: Vec::new(),
            element: None,
        };
        let table = Table {
            name: TableRef::new(&StoreName::new("s"), "main", "t"),
            kind: TableKind::Table,
            columns: vec![
                column("id", true),
                column("other", true),
                column("name", false),
            ],
            primary_key: Some(vec!["id".into()]),
            uniques: Vec::new(),
            foreign_keys: Vec::new(),
            checks: Vec::new(),
            exclusions: Vec::new(),
            triggers: Vec::new(),
            row_security: false,
            inherits: None,
            estimated_rows: None,
        };
        let nulls = stub_nulls(&table, &["id".into()]);
        let stubs = as_stubs(&batch(), &nulls).unwrap();
        assert_eq!(stubs.column(1).null_count(), 3);
        assert_eq!(stubs.column(0), batch().column(0));
        assert_eq!(stubs.column(2), batch().column(2));
    }
}
