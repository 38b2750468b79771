//! Enum labels, against the target's catalog.

use std::collections::BTreeSet;

use redistrict_model::{CheckResult, Severity, Table, TableRef};

use super::{RowCheck, TableView, Tally, locator};
use crate::cells::{Cells, TableBatch};

/// The labels of one table's enum columns.
pub(crate) struct Enums {
    table: TableRef,
    source: Table,
    columns: Vec<(String, BTreeSet<String>, Tally)>,
}

impl Enums {
    /// None if the target has no enum column in the table.
    pub(crate) fn of(view: &TableView<'_>) -> Option<Self> {
        let columns: Vec<_> = view
            .target_columns()
            .filter(|column| !column.labels.is_empty())
            .map(|column| {
                let labels = column.labels.iter().cloned().collect();
                (column.name.clone(), labels, Tally::default())
            })
            .collect();
        (!columns.is_empty()).then(|| Self {
            table: view.name().clone(),
            source: view.source.clone(),
            columns,
        })
    }
}

impl RowCheck for Enums {
    fn look(&mut self, batch: &TableBatch<'_>) {
        for (column, labels, tally) in &mut self.columns {
            let Some(cells) = Cells::of(batch.rows, column, &self.source) else {
                continue;
            };
            for row in 0..batch.len() {
                if cells.is_null(row) {
                    continue;
                }
                tally.examined += 1;
                // Of an array every element has to be one.
                let is_label = match cells.element_type() {
                    Some(_) => cells
                        .single_texts(row)
                        .is_ok_and(|all| all.iter().all(|one| labels.contains(one.as_ref()))),
                    None => cells
                        .canonical_text(row)
                        .is_some_and(|text| labels.contains(&text)),
                };
                if !is_label {
                    tally.fail(|| locator(&self.table, batch.place(row)));
                }
            }
        }
    }

    fn finish(self: Box<Self>) -> Vec<CheckResult> {
        let Self { table, columns, .. } = *self;
        columns
            .into_iter()
            .map(|(column, labels, tally)| {
                let definition = format!("{column} is one of the target's {} labels", labels.len());
                tally.result(
                    "enum",
                    table.column(&column).to_string(),
                    definition,
                    Severity::Error,
                )
            })
            .collect()
    }
}
