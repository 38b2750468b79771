//! Runs: where they are, what they need, what their report says.

use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

use super::Finding;
use crate::words::{RunName, Text};

/// What kind of run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KindOfRun {
    Migration,
    /// Takes another run back; of an undo: puts its rows in again.
    Undo,
}

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Running,
    /// It should be worked on and nobody does.
    Left,
    Interrupted,
    WaitingForApproval,
    WaitingForCredentials,
    /// Another run has the lease of a target; it goes on by itself once that has ended.
    WaitingForOtherRun,
    /// A phase that cannot be finished is being taken back.
    Compensating,
    Succeeded,
    Failed,
    Cancelled,
    /// Ended, and taken back by another run since.
    Undone,
}

impl Standing {
    /// Nothing more happens in the run.
    #[must_use]
    pub fn has_ended(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::Undone
        )
    }

    /// Nothing happens until somebody does something.
    #[must_use]
    pub fn is_at_rest(self) -> bool {
        !matches!(
            self,
            Self::Running | Self::WaitingForOtherRun | Self::Compensating
        )
    }

    fn words(self) -> &'static str {
        match self {
            Self::Running => "is running",
            Self::Left => "is unfinished and nobody works on it",
            Self::Interrupted => "was interrupted and can be resumed",
            Self::WaitingForApproval => "waits for a person's approval",
            Self::WaitingForCredentials => "waits for a person to mend credentials",
            Self::WaitingForOtherRun => "waits until another run has ended",
            Self::Compensating => "failed and is being taken back",
            Self::Succeeded => "has succeeded",
            Self::Failed => "has failed",
            Self::Cancelled => "was cancelled",
            Self::Undone => "was taken back",
        }
    }
}

/// What a run needs of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhatIsNeeded {
    Approval,
    Credentials,
    Resume,
}

/// What has to be done before a run goes on, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Need {
    pub what: WhatIsNeeded,
    pub phase: Option<Text>,
    /// To be told to the person.
    pub sentence: Text,
}

/// A phase of the checklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PhaseOf {
    /// 1 to 5.
    pub number: u8,
    pub phase: Text,
    /// `pending`, `in_progress`, `completed`, `failed` or `skipped`.
    pub state: Text,
    pub percent: u8,
    pub millis: u64,
    /// Why it was skipped.
    pub reason: Option<Text>,
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailureOf {
    pub phase: Text,
    pub kind: Text,
    /// Fits after "failed to".
    pub message: Text,
    #[serde(default)]
    pub causes: Vec<Text>,
    #[serde(default)]
    pub hints: Vec<Text>,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Retry {
    pub unit: Text,
    pub attempt: u32,
    pub kind: Text,
    /// The error with its causes.
    pub reason: Text,
    /// The wait before the next attempt; none if there was no other.
    pub retry_after_millis: Option<u64>,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    pub run: RunName,
    pub kind: KindOfRun,
    pub district: Text,
    pub standing: Standing,
    pub has_ended: bool,
    /// What a person has to do; none while it goes on by itself or has ended.
    pub needs: Option<Need>,
    /// All five, in order.
    pub phases: Vec<PhaseOf>,
    /// Of the whole run, in hundredths of a phase: 500 is done.
    pub progress: u32,
    pub failure: Option<FailureOf>,
    pub retries: Vec<Retry>,
    /// The phases that a person has to approve.
    pub approvals: Vec<Text>,
    pub is_dry_run: bool,
    pub skips_load: bool,
    /// Only these phases; empty means all.
    pub only: Vec<Text>,
    /// For an undo: the run that it takes back.
    pub takes_back: Option<RunName>,
    pub undone_by: Option<RunName>,
    /// RFC 3339, UTC.
    pub started_at: Text,
    /// Of the last event.
    pub latest_at: Text,
    /// Addresses of the run's resources.
    pub resources: Vec<Text>,
}

impl Run {
    /// How it stands, in a sentence or two.
    #[must_use]
    pub fn sentence(&self) -> String {
        let mut parts = vec![format!("Run {} {}.", self.run, self.standing.words())];
        if let Some(phase) = self.current().filter(|_| !self.has_ended) {
            parts.push(format!(
                "Phase {} of 5: {} - {}% complete.",
                phase.number, phase.phase, phase.percent
            ));
        }
        parts.extend(self.needs.iter().map(|need| need.sentence.to_string()));
        let failed = self.failure.iter();
        parts.extend(failed.map(|failure| format!("It failed to {}.", failure.message)));
        parts.join(" ")
    }

    /// The phase in progress.
    #[must_use]
    pub fn current(&self) -> Option<&PhaseOf> {
        let is_current = |phase: &&PhaseOf| phase.state.as_str() == "in_progress";
        self.phases.iter().find(is_current)
    }
}

/// What became of a run that was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cancelled {
    pub run: Run,
    /// The undo that takes back what it had loaded; a person has to approve it.
    pub undo: Option<Run>,
}

impl Cancelled {
    pub(super) fn sentence(&self) -> String {
        match &self.undo {
            None => self.run.sentence(),
            Some(undo) => format!("It had begun to load. {}", undo.sentence()),
        }
    }
}

/// A run of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunInList {
    pub run: RunName,
    pub district: Text,
    /// RFC 3339, UTC.
    pub started: Text,
    /// In words.
    pub standing: Text,
    /// The run that it takes back.
    pub parent: Option<RunName>,
}

/// Runs, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Runs {
    pub runs: Vec<RunInList>,
    /// How many there are.
    #[serde(default)]
    pub total: u64,
}

/// The numbers of the summary; absent ones were not recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Rows of the artifact.
    pub extracted: Option<u64>,
    pub anonymized_fields: Option<u64>,
    /// Rows inserted or updated in CERT.
    pub loaded: Option<u64>,
    /// Sensitive values that the leak proof found.
    pub leaks: Option<u64>,
}

/// What became of a table's rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TableReport {
    pub table: Text,
    pub role: Text,
    pub own: Option<u64>,
    pub shared: Option<u64>,
    pub stubs: Option<u64>,
    pub masked: Option<u64>,
    pub inserted: Option<u64>,
    pub updated: Option<u64>,
    pub unchanged: Option<u64>,
    pub left: Option<u64>,
    pub taken_back: Option<u64>,
}

/// Masked fields of a class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClassFields {
    pub class: Text,
    pub fields: u64,
}

/// A check of validation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    pub check: Text,
    /// The table, column or reference.
    pub subject: Text,
    pub severity: Text,
    /// `passed`, `failed` or `could_not_run`.
    pub outcome: Text,
    /// How many rows offend.
    #[serde(default)]
    pub rows: Option<u64>,
    #[serde(default)]
    pub why: Option<Text>,
    pub examined: u64,
}

/// What the report of a run says. The whole of it is in the resources.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    pub run: RunName,
    pub is_undo: bool,
    pub parent: Option<RunName>,
    pub district: Text,
    /// None where the name is about a person or not configured.
    pub district_name: Option<Text>,
    /// `SUCCESS`, `FAILED`, `INTERRUPTED`, `WAITING`, `CANCELLED` or `UNFINISHED`.
    pub status: Text,
    pub undone_by: Option<RunName>,
    /// RFC 3339, UTC.
    pub started_at: Text,
    pub duration_millis: u64,
    pub is_dry_run: bool,
    pub skips_load: bool,
    pub totals: Totals,
    /// `PASSED`, `PASSED_WITH_WARNINGS` or `FAILED`.
    pub verdict: Option<Text>,
    /// Checks that did not pass.
    #[serde(default, rename(deserialize = "checks"))]
    pub failed_checks: Vec<Check>,
    /// How many checks there were.
    #[serde(default)]
    pub checked: u64,
    pub tables: Vec<TableReport>,
    #[serde(default)]
    pub fields_by_class: Vec<ClassFields>,
    #[serde(default)]
    pub findings: Vec<Finding>,
    pub failure: Option<FailureOf>,
    /// What a person does next.
    #[serde(default)]
    pub recommendation: Vec<Text>,
    /// Addresses of the run's resources.
    #[serde(default)]
    pub resources: Vec<Text>,
}

impl Report {
    /// Keeps of the checks those that did not pass.
    #[must_use]
    pub fn without_passed_checks(mut self) -> Self {
        self.checked = self.failed_checks.len() as u64;
        self.failed_checks
            .retain(|check| check.outcome.as_str() != "passed");
        self
    }
}
