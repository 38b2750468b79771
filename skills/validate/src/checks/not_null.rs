//! NOT NULL, against the target's catalog. A column that the target demands and the artifact does
//! not carry counts as NULL in every row, unless the target fills it by itself.

use redistrict_model::{CheckResult, Generated, Severity, Table, TableRef};

use super::{RowCheck, TableView, Tally, locator};
use crate::cells::{Cells, TableBatch};

/// NOT NULL of one table.
pub(crate) struct NotNull {
    table: TableRef,
    source: Table,
    columns: Vec<String>,
    absent: Vec<String>,
    tally: Tally,
}

impl NotNull {
    /// None if the target demands nothing of the table.
    pub(crate) fn of(view: &TableView<'_>) -> Option<Self> {
        let demanded = view
            .target?
            .columns
            .iter()
            .filter(|column| !column.nullable);
        let (carried, others): (Vec<_>, Vec<_>) =
            demanded.partition(|column| view.carries(&column.name));
        let absent: Vec<String> = others
            .into_iter()
            .filter(|column| column.generated == Generated::No && !column.has_default)
            .map(|column| column.name.clone())
            .collect();
        if carried.is_empty() && absent.is_empty() {
            return None;
        }
        Some(Self {
            table: view.name().clone(),
            source: view.source.clone(),
            columns: carried
                .into_iter()
                .map(|column| column.name.clone())
                .collect(),
            absent,
            tally: Tally::default(),
        })
    }
}

impl RowCheck for NotNull {
    fn look(&mut self, batch: &TableBatch<'_>) {
        self.tally.examined += batch.len() as u64;
        let at =
            |row, column: &str| format!("{} ({column})", locator(&self.table, batch.place(row)));
        for column in &self.columns {
            let cells = Cells::of(batch.rows, column, &self.source);
            for row in 0..batch.len() {
                if cells.as_ref().is_none_or(|cells| cells.is_null(row)) {
                    self.tally.fail(|| at(row, column));
                }
            }
        }
        for column in &self.absent {
            for row in 0..batch.len() {
                self.tally.fail(|| at(row, column));
            }
        }
    }

    fn finish(self: Box<Self>) -> Vec<CheckResult> {
        let columns: Vec<&str> = self
            .columns
            .iter()
            .chain(&self.absent)
            .map(String::as_str)
            .collect();
        let definition = format!("no NULL in {}", columns.join(", "));
        vec![self.tally.result(
            "not-null",
            self.table.to_string(),
            definition,
            Severity::Error,
        )]
    }
}
