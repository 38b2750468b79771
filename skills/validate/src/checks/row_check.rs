//! Checks that look at one row at a time, and what they are given to be made.

use redistrict_artifact::ManifestTable;
use redistrict_model::{CheckResult, Column, Plan, Table, TableRef};

use crate::cells::TableBatch;

/// A check that sees every row of one table once, in order.
pub(crate) trait RowCheck {
    /// Looks at the next rows.
    fn look(&mut self, batch: &TableBatch<'_>);

    /// What came out.
    fn finish(self: Box<Self>) -> Vec<CheckResult>;
}

/// A table of the artifact with what the plan knows about it.
#[derive(Clone, Copy)]
pub(crate) struct TableView<'p> {
    pub(crate) plan: &'p Plan,
    pub(crate) entry: &'p ManifestTable,
    pub(crate) source: &'p Table,
    pub(crate) target: Option<&'p Table>,
}

impl<'p> TableView<'p> {
    /// None for a table that the plan's source catalogs have not.
    pub(crate) fn of(plan: &'p Plan, entry: &'p ManifestTable) -> Option<Self> {
        let source = plan.sections.extract.catalog_table(&entry.table)?;
        let target = plan
            .sections
            .load
            .table(&entry.table)
            .map(|target| &target.table);
        Some(Self {
            plan,
            entry,
            source,
            target,
        })
    }

    pub(crate) fn name(&self) -> &'p TableRef {
        &self.entry.table
    }

    /// Whether the artifact carries the column.
    pub(crate) fn carries(&self, column: &str) -> bool {
        self.entry.columns.iter().any(|(name, _)| name == column)
    }

    pub(crate) fn carries_all(&self, columns: &[String]) -> bool {
        columns.iter().all(|column| self.carries(column))
    }

    /// The target's columns that the artifact carries.
    pub(crate) fn target_columns(&self) -> impl Iterator<Item = &'p Column> + use<'p> {
        let entry = self.entry;
        self.target
            .iter()
            .flat_map(|target| &target.columns)
            .filter(move |column| entry.columns.iter().any(|(name, _)| *name == column.name))
            .collect::<Vec<_>>()
            .into_iter()
    }
}
