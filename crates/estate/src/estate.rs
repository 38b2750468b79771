//! An estate in memory: all rows of all tables with the answer key. For estates that do not fit there is
//! [`EstateSummary`](crate::EstateSummary), and writers take the generator itself.

use std::collections::BTreeMap;

use crate::answer_key::{AnswerKey, KeyJoin, KeyText};
use crate::error::EstateError;
use crate::generate::{EstateOptions, district_name, generate_into};
use crate::row::{Row, Visitor};
use crate::schema::{StoreId, TABLES, TableSpec};
use crate::value::Value;

/// A generated estate.
#[derive(Clone, Debug, PartialEq)]
pub struct Estate {
    pub options: EstateOptions,
    pub answer_key: AnswerKey,
    /// Every table of [`TABLES`], in that order, also without rows.
    pub tables: Vec<TableRows>,
}

/// Rows of one table, values in the order of its columns.
#[derive(Clone, Debug, PartialEq)]
pub struct TableRows {
    pub table: &'static TableSpec,
    pub rows: Vec<Vec<Value>>,
}

impl TableRows {
    /// The keys of the rows, as the answer key has them.
    pub fn keys(&self) -> impl Iterator<Item = KeyText> {
        self.table.keys_of(self.rows.iter().map(Vec::as_slice))
    }
}

impl Estate {
    /// Generates an estate.
    #[must_use]
    pub fn generate(options: EstateOptions) -> Self {
        let mut collector = Collector::new(&options);
        generate_into(&options, &mut collector);
        collector.answer_key.finish();
        Self {
            options,
            answer_key: collector.answer_key,
            tables: collector.tables,
        }
    }

    /// The rows of `store.table`; none for unknown names.
    #[must_use]
    pub fn table(&self, store: StoreId, name: &str) -> Option<&TableRows> {
        self.tables
            .iter()
            .find(|rows| rows.table.store == store && rows.table.name == name)
    }

    /// Exactly the rows that come with one district: own and shared rows complete, stubs with NULL
    /// in every column that allows it. Every table, in the order of [`TABLES`].
    ///
    /// # Errors
    /// Unknown district.
    pub fn district_rows(&self, district: u32) -> Result<Vec<TableRows>, EstateError> {
        let answer = self
            .answer_key
            .districts
            .get(&district)
            .ok_or(EstateError::UnknownDistrict(district))?;
        let rows_of = |all: &TableRows| {
            let answer = &answer.tables[&all.table.full_name()];
            let keyed = all.keys().zip(&all.rows);
            let rows = keyed.filter_map(|(key, row)| {
                if answer.stubs.contains(&key) {
                    return Some(as_stub(all.table, row));
                }
                answer.contains(&key).then(|| row.clone())
            });
            TableRows {
                table: all.table,
                rows: rows.collect(),
            }
        };
        Ok(self.tables.iter().map(rows_of).collect())
    }

    /// Rows by `store.table`.
    #[must_use]
    pub fn row_counts(&self) -> BTreeMap<String, usize> {
        self.tables
            .iter()
            .map(|rows| (rows.table.full_name(), rows.rows.len()))
            .collect()
    }
}

fn as_stub(table: &TableSpec, row: &[Value]) -> Vec<Value> {
    table
        .columns
        .iter()
        .zip(row)
        .map(|(column, value)| {
            if table.nullable.contains(column) {
                Value::Null
            } else {
                value.clone()
            }
        })
        .collect()
}

struct Collector {
    answer_key: AnswerKey,
    tables: Vec<TableRows>,
}

impl Collector {
    fn new(options: &EstateOptions) -> Self {
        let mut answer_key = AnswerKey::empty(options.seed);
        for (index, id) in (1..=options.districts).enumerate() {
            answer_key.add_district(id, &district_name(index), &TABLES);
        }
        let tables = TABLES
            .iter()
            .map(|table| TableRows {
                table,
                rows: Vec::new(),
            })
            .collect();
        Self { answer_key, tables }
    }
}

impl Visitor for Collector {
    fn row(&mut self, row: Row) {
        self.answer_key.add_row(&row);
        let rows = self
            .tables
            .iter_mut()
            .find(|rows| *rows.table == *row.table);
        rows.expect("every table stands in TABLES")
            .rows
            .push(row.values);
    }

    fn used(&mut self, table: &'static TableSpec, key: KeyText, district: u32) {
        self.answer_key.add_use(table, key, district);
    }

    fn stub(&mut self, table: &'static TableSpec, key: KeyText, district: u32) {
        self.answer_key.add_stub(table, key, district);
    }

    fn join(&mut self, join: KeyJoin) {
        self.answer_key.joins.push(join);
    }
}
