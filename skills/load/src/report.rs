//! What a load says about itself: counts per table, the load report. Value-free.

use std::path::Path;

use redistrict_artifact::write_atomic;
use redistrict_model::{DistrictId, Finding, RunId, StoreName, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::RaisedSequence;
use serde::{Deserialize, Serialize};

use crate::conflicts::LOCATORS_SHOWN;
use crate::error::artifact_failed;
use crate::mode::CommitMode;

/// What became, or would become, of the rows of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableCounts {
    /// Rows of the artifact, all of them staged.
    pub staged: u64,
    pub inserted: u64,
    pub updated: u64,
    /// There already and equal.
    pub unchanged: u64,
    /// There already, different and left as they are.
    pub left: u64,
    /// Of those left: shared rows that differ.
    pub differing: u64,
    pub conflict: u64,
}

impl TableCounts {
    /// Every row of the artifact was decided, none of them stands in the way.
    pub(crate) fn is_complete(&self) -> bool {
        self.conflict == 0
            && self.inserted + self.updated + self.unchanged + self.left == self.staged
    }
}

/// The counts of a table with its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableReport {
    pub table: TableRef,
    #[serde(flatten)]
    pub counts: TableCounts,
    /// A keyed digest of the rows of the table that this run wrote, as CERT has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
}

/// What became of one commit group; the facts of a merge unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupReport {
    pub group: StoreName,
    pub stores: Vec<StoreName>,
    pub tables: Vec<TableReport>,
    /// Raised before the commit. Of a group whose outcome was lost, nobody knows them any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sequences: Vec<RaisedSequence>,
    /// How the groups that ended with this one did; the report tells it once. Where an earlier process ended it,
    /// nobody knows any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitMode>,
}

impl GroupReport {
    /// Rows inserted and updated.
    pub(crate) fn rows_written(&self) -> u64 {
        let written = |table: &TableReport| table.counts.inserted + table.counts.updated;
        self.tables.iter().map(written).sum()
    }
}

/// What an undo did to one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoCounts {
    /// Rows that the run had inserted and that are gone.
    pub deleted: u64,
    /// Rows that the run had updated and that are as they were.
    pub restored: u64,
    /// Rows that the run had deleted and that are there again.
    pub reinserted: u64,
}

/// Rows of one table that an undo left standing for one run that relies on them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetainedRows {
    pub table: TableRef,
    /// The run that relies on them.
    pub relied_on_by: RunId,
    pub rows: u64,
    /// The first of them.
    pub locators: Vec<String>,
}

impl RetainedRows {
    pub(crate) fn new(
        table: &TableRef,
        run: &RunId,
        locators: impl ExactSizeIterator<Item = String>,
    ) -> Self {
        Self {
            table: table.clone(),
            relied_on_by: run.clone(),
            rows: locators.len() as u64,
            locators: locators.take(LOCATORS_SHOWN).collect(),
        }
    }

    /// For those who read the outcome of the undo.
    pub(crate) fn finding(&self) -> Finding {
        let run = &self.relied_on_by;
        Finding::warning(
            "rows-retained",
            self.table.to_string(),
            format!(
                "rows stay in CERT because run {run} relies on them; they go when the last run that does is taken back"
            ),
            self.rows,
        )
    }
}

/// An undo of one commit group; the facts of an undo unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoReport {
    pub group: StoreName,
    pub stores: Vec<StoreName>,
    pub tables: Vec<(TableRef, UndoCounts)>,
    /// By table and run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retained: Vec<RetainedRows>,
    /// As of a load.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sequences: Vec<RaisedSequence>,
    /// As of a load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitMode>,
}

/// The version of [`LoadReport`]. Of 1, `sequences` had names only.
pub(crate) const FORMAT_VERSION: u32 = 2;

/// `load-report.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadReport {
    pub format_version: u32,
    pub run: RunId,
    /// For an undo: the run that was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undid: Option<RunId>,
    pub district: DistrictId,
    /// How the commit groups ended together, and why so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitMode>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupReport>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undone: Vec<UndoReport>,
    /// Sequences that were raised, with their last value before and after; they never move down, not even by an
    /// undo.
    #[serde(default)]
    pub sequences: Vec<RaisedSequence>,
}

impl LoadReport {
    /// Writes the report into the run's directory.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), SkillError> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("a report is plain data");
        bytes.push(b'\n');
        write_atomic(&dir.join("load-report.json"), &bytes)
            .map_err(|error| artifact_failed("write the load report", &error))
    }
}
