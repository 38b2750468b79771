//! The plan: everything decided before a row moves.

use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, Table};
use crate::config::Triggers;
use crate::findings::Finding;
use crate::ids::{DistrictId, StoreName, TableRef};
use crate::masks::ColumnDecision;
use crate::relations::Ownership;

/// The digest of a plan, as 64 hexadecimal digits. It binds approvals and resumes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanDigest(pub String);

/// Decisions and catalogs, and beside them what was noticed while planning.
///
/// Estimates, forecasts and times are not in it. The digest covers `district` and `sections`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// 1.
    pub format_version: u32,
    pub district: DistrictId,
    /// For people; none where the name is about a person or not configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub district_name: Option<String>,
    pub sections: PlanSections,
    pub digest: PlanDigest,
    #[serde(default)]
    pub findings: Vec<Finding>,
}

/// One section for each skill that decides something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanSections {
    pub extract: ExtractSection,
    pub anonymize: MaskSection,
    pub validate: CheckSection,
    pub load: LoadSection,
}

/// What is read, and from where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExtractSection {
    /// The source catalogs, estimates removed.
    pub catalogs: Vec<Catalog>,
    pub ownership: Ownership,
    /// The tables that can move, parents before children as far as there is no cycle.
    pub tables: Vec<ExtractTable>,
}

impl ExtractSection {
    /// The catalog entry of a table.
    #[must_use]
    pub fn catalog_table(&self, name: &TableRef) -> Option<&Table> {
        self.catalogs.iter().find_map(|catalog| catalog.table(name))
    }

    /// The section without what is only said about a decision (measurements, reasons): two plans
    /// that decide alike are equal in this form. Digests are made of it.
    #[must_use]
    pub fn decisions(&self) -> Self {
        let mut section = self.clone();
        for role in &mut section.ownership.tables {
            role.measured = None;
            role.reason.clear();
            role.owners
                .iter_mut()
                .for_each(|owner| owner.reason.clear());
        }
        for table in section
            .catalogs
            .iter_mut()
            .flat_map(|catalog| &mut catalog.tables)
        {
            table.estimated_rows = None;
        }
        section
    }

    /// What is read of a table.
    #[must_use]
    pub fn table(&self, name: &TableRef) -> Option<&ExtractTable> {
        self.tables.iter().find(|table| table.table == *name)
    }
}

/// What is read of one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtractTable {
    pub table: TableRef,
    /// Columns in catalog order without generated ones; the artifact has exactly these.
    pub columns: Vec<String>,
    /// The columns that identify a row; none for a keyless table.
    pub identity: Vec<String>,
    /// Above this many rows a person has to approve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u64>,
}

/// What is done with every column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskSection {
    /// The version of the key that pseudonyms are made with.
    pub key_version: u32,
    /// In column order; every column of every table of the extract section has one.
    pub columns: Vec<ColumnDecision>,
}

impl MaskSection {
    /// The decisions of a table's columns.
    pub fn of_table<'a>(
        &'a self,
        table: &'a TableRef,
    ) -> impl Iterator<Item = &'a ColumnDecision> + 'a {
        self.columns
            .iter()
            .filter(move |decision| decision.column.table == *table)
    }
}

/// What is checked before CERT is touched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckSection {
    /// Checks left out by decision, with the reason. Empty is the rule.
    #[serde(default)]
    pub skipped: Vec<String>,
}

/// What is written, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadSection {
    /// Commit groups in the order in which they commit.
    pub groups: Vec<LoadGroup>,
    /// The target's catalog entries of the planned tables.
    pub tables: Vec<TargetTable>,
}

impl LoadSection {
    /// The target's side of a table.
    #[must_use]
    pub fn table(&self, name: &TableRef) -> Option<&TargetTable> {
        self.tables.iter().find(|table| table.table.name == *name)
    }
}

/// Stores that commit in one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadGroup {
    /// Stable within the configuration: the first store's name.
    pub name: StoreName,
    pub stores: Vec<StoreName>,
    /// Sets of tables in write order; the tables of one set are written by one statement, because
    /// they refer to each other.
    pub order: Vec<Vec<TableRef>>,
}

/// A table as the target has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetTable {
    pub table: Table,
    /// Whether its triggers fire for what is written and taken out. In plans of earlier versions they do.
    #[serde(default, skip_serializing_if = "Triggers::is_fire")]
    pub triggers: Triggers,
}
