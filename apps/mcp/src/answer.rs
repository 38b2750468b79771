//! What is answered. Each type is an allow-list: a field that is not here does not pass, and there is none
//! for a row's value, a secret or the digest that an approval needs.

mod estate;
mod run;

use rmcp::schemars::{self, JsonSchema};
use serde::{Deserialize, Serialize};

pub use estate::{
    Analysis, Counted, Counts, Decision, Decisions, Difference, Digests, District, Drift, Item,
    ItemFailure, Key, Load, Loads, Plan, PlanTable, Prerequisites, Ranking, Reference,
    ReferenceCount, Schema, SchemaColumn, SchemaTable, TableDigest, TableRole, Undecided,
};
pub use run::{
    Cancelled, Check, ClassFields, FailureOf, KindOfRun, Need, PhaseOf, Report, Retry, Run,
    RunInList, Runs, Standing, TableReport, Totals, WhatIsNeeded,
};

use crate::words::Text;

/// An answer of the desk.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, and it is made to be sent"
)]
pub enum Answer {
    Analysis(Analysis),
    Ranking(Ranking),
    Plan(Plan),
    Decisions(Decisions),
    Prerequisites(Prerequisites),
    Run(Run),
    Cancelled(Cancelled),
    Runs(Runs),
    Report(Report),
    Document(Document),
    Schema(Schema),
    Counts(Counts),
    Loads(Loads),
    Digests(Digests),
    Drift(Drift),
}

impl Answer {
    /// What it says in a sentence or two, for who reads no JSON.
    #[must_use]
    pub fn summary(&self) -> String {
        match self {
            Self::Analysis(analysis) => format!(
                "{} tables, {} references; {} of role unknown.",
                analysis.total,
                analysis.references,
                analysis.undecided.len()
            ),
            Self::Ranking(ranking) => format!("{} districts, ranked.", ranking.districts.len()),
            Self::Plan(plan) => format!(
                "{} tables would move; {} columns are masked, {} kept.",
                plan.tables.len(),
                plan.masked_columns,
                plan.kept_columns
            ),
            Self::Decisions(decisions) => format!(
                "{} columns: {} masked, {} kept.",
                decisions.total, decisions.masked, decisions.kept
            ),
            Self::Prerequisites(list) => match list
                .items
                .iter()
                .filter(|item| item.failure.is_some())
                .count()
            {
                0 => format!(
                    "{} things looked at, nothing is in the way.",
                    list.items.len()
                ),
                count => format!("{count} of {} things are in the way.", list.items.len()),
            },
            Self::Run(run) => run.sentence(),
            Self::Cancelled(cancelled) => cancelled.sentence(),
            Self::Runs(runs) => format!(
                "{} of {} runs, the newest first.",
                runs.runs.len(),
                runs.total
            ),
            Self::Report(report) => format!(
                "Run {} is {}; the verdict is {}.",
                report.run,
                report.status,
                report.verdict.as_ref().map_or("none", Text::as_str)
            ),
            Self::Document(document) => document.text.clone(),
            Self::Schema(schema) => format!("{} of {} tables.", schema.tables.len(), schema.total),
            Self::Counts(counts) => format!("The rows of {} tables.", counts.tables.len()),
            Self::Loads(loads) => format!("{} runs stand in CERT's ledgers.", loads.loads.len()),
            Self::Digests(digests) => {
                format!("The digests of {} tables of CERT.", digests.tables.len())
            }
            Self::Drift(drift) => match drift.differences.len() {
                0 => format!("{} tables are as they were planned.", drift.compared),
                count => format!("{count} of {} tables differ.", drift.compared),
            },
        }
    }
}

/// A document of a run, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Document {
    pub text: String,
}

/// One thing noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// `INFO`, `WARNING` or `ERROR`.
    pub severity: Text,
    pub code: Text,
    /// A table, column, reference or store.
    pub subject: Text,
    pub message: Text,
    #[serde(default)]
    pub count: u64,
    /// Lines that a person may paste into the configuration, or a command.
    #[serde(default)]
    pub lines: Vec<Text>,
}

/// A tool could not do it: what, why, what a person can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Fits after "failed to".
    pub error: Text,
    #[serde(default)]
    pub causes: Vec<Text>,
    #[serde(default)]
    pub hints: Vec<Text>,
    /// The exit code that a terminal would have got.
    pub exit: u8,
}

impl Refusal {
    /// With an exit code of the published table.
    #[must_use]
    pub fn new(exit: u8, error: impl AsRef<str>) -> Self {
        Self {
            error: error.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            exit,
        }
    }

    /// Adds what a person can do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl AsRef<str>) -> Self {
        self.hints.push(hint.into());
        self
    }
}
