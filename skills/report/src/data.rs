//! What a report says, as data: `data/reports/{run}.json` is exactly this.

use std::collections::BTreeMap;

use redistrict_model::{
    CheckResult, ColumnClass, DistrictId, ErrorKind, Finding, MaskKind, Phase, RunId, StoreName,
    TableRef, Verdict,
};
use serde::{Deserialize, Serialize};

/// The version of the JSON report.
pub const FORMAT_VERSION: u32 = 1;

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ReportStatus {
    Success,
    Failed,
    /// Stopped on purpose; it can be resumed.
    Interrupted,
    /// Nothing goes on until a person has approved it or given credentials.
    Waiting,
    /// Given up before it had ended: cancelled, or taken back.
    Cancelled,
    /// Being worked on, or left by a process that died.
    Unfinished,
}

/// The report of a run. Value-free. Absent numbers were not recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportData {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    pub run: RunId,
    /// The run takes another one back.
    pub is_undo: bool,
    /// For an undo: the run it takes back.
    pub parent: Option<RunId>,
    pub district: DistrictId,
    /// None where the name is about a person or not configured.
    pub district_name: Option<String>,
    pub status: ReportStatus,
    /// The run's rows were taken back by this run.
    pub undone_by: Option<RunId>,
    pub plan_digest: String,
    /// SHA-256 of every column's decision: that of the decision sheet (`redistrict classify`) that the
    /// run went by.
    #[serde(default)]
    pub decisions_digest: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Time worked, without pauses.
    pub duration_millis: u64,
    /// How many times another process went on.
    pub resumes: u32,
    pub is_dry_run: bool,
    pub skips_load: bool,
    /// Only these phases were asked for (a skill on its own); empty means all five.
    #[serde(default)]
    pub only: Vec<Phase>,
    /// The run whose raw artifact was used instead of extracting.
    pub reused: Option<RunId>,
    pub totals: Totals,
    pub verdict: Option<Verdict>,
    pub proof: Option<ProofReport>,
    /// All five, in order.
    pub phases: Vec<PhaseReport>,
    #[serde(default)]
    pub timeline: TimelineReport,
    pub checks: Vec<CheckResult>,
    pub stores: Vec<StoreReport>,
    /// Between the earliest and the latest cut, by the servers' clocks; none with fewer than two cuts.
    #[serde(default)]
    pub skew_millis: Option<u64>,
    /// References to rows of another store that were not there: the skew may be why.
    #[serde(default)]
    pub unmatched_between_stores: Option<u64>,
    /// Rows of PROD that stayed there although all that they refer to came; none if nobody looked.
    #[serde(default)]
    pub left_behind: Option<LeftBehindReport>,
    /// In the order of the plan.
    pub tables: Vec<TableReport>,
    /// What the preflight expected of CERT, before anything was written.
    pub forecast: Vec<ForecastReport>,
    /// For an undo: what its check expected of CERT, before anything was written.
    #[serde(default)]
    pub undo_forecast: Vec<UndoForecastReport>,
    pub masks: Vec<MaskReport>,
    /// Masked fields added up per class; empty if they were not counted.
    #[serde(default)]
    pub fields_by_class: Vec<ClassReport>,
    pub findings: Vec<Finding>,
    pub boundaries: Vec<BoundaryReport>,
    pub retries: Vec<RetryReport>,
    /// Of the phases that needed one.
    #[serde(default)]
    pub approvals: Vec<ApprovalReport>,
    pub artifacts: Vec<ArtifactReport>,
    pub failure: Option<FailureReport>,
    /// What to do next, one step a line; never empty for a failed run.
    pub recommendation: Vec<String>,
    /// The command that takes the run back; none if there is nothing to take back.
    pub undo: Option<String>,
    /// Where this report is: Markdown, HTML, JSON.
    pub reports: Vec<String>,
    pub log: String,
}

/// The numbers of the summary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Rows of the artifact: own, shared and stubs.
    pub extracted: Option<u64>,
    /// Cells that were masked and were not NULL.
    pub anonymized_fields: Option<u64>,
    /// Rows inserted or updated in CERT.
    pub loaded: Option<u64>,
    /// Sensitive values that the leak proof found in the masked rows.
    pub leaks: Option<u64>,
}

/// The leak proof, as anonymize sealed it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofReport {
    pub survivors: u64,
    /// Sensitive values searched for.
    pub values: Option<u64>,
}

/// A phase of the checklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseReport {
    pub phase: Phase,
    /// `pending`, `in_progress`, `completed`, `failed` or `skipped`.
    pub state: String,
    /// Why it was skipped.
    pub reason: Option<String>,
    pub millis: u64,
}

/// When what was worked on. Milliseconds count from the start of the run by the wall clock, pauses
/// included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineReport {
    /// In the order in which they began.
    pub spans: Vec<SpanReport>,
    /// Times in which no process worked on the run.
    pub pauses: Vec<PauseReport>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpanState {
    Done,
    Failed,
    /// The process stopped or died before it had an outcome.
    CutShort,
    /// No outcome yet.
    InProgress,
}

/// One attempt of a unit, or of taking back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanReport {
    pub phase: Phase,
    pub unit: String,
    pub attempt: u32,
    pub state: SpanState,
    pub from_millis: u64,
    /// Never before `from_millis`.
    pub to_millis: u64,
}

/// From the last event of one process to the first of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseReport {
    pub from_millis: u64,
    pub to_millis: u64,
}

/// A store with its cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreReport {
    pub store: StoreName,
    pub kind: String,
    pub snapshot: String,
    /// RFC 3339, UTC, the server's clock.
    pub at: String,
}

/// What became of a table's rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableReport {
    pub table: TableRef,
    /// The table's role in the plan.
    pub role: String,
    pub own: Option<u64>,
    pub shared: Option<u64>,
    pub stubs: Option<u64>,
    /// Masked cells that were not NULL.
    pub masked: Option<u64>,
    pub inserted: Option<u64>,
    pub updated: Option<u64>,
    pub unchanged: Option<u64>,
    /// There already, different, and left as they are.
    pub left: Option<u64>,
    /// For an undo: rows deleted, restored and put in again.
    pub taken_back: Option<u64>,
}

/// What the check on rows that were not extracted found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftBehindReport {
    /// Tables of which PROD's rows were counted.
    pub tables: u64,
    /// Rows of PROD that always refer to rows that came.
    pub examined: u64,
    /// Those that refer to nothing but what came, and stayed, by table.
    pub rows: BTreeMap<String, u64>,
}

/// What loading would do to a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForecastReport {
    pub table: TableRef,
    pub rows: u64,
    pub insert: u64,
    pub update: u64,
    pub leave: u64,
    #[serde(default)]
    pub conflict: u64,
}

/// What an undo would do to a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoForecastReport {
    pub table: TableRef,
    /// Rows that the run put in and that go.
    pub remove: u64,
    /// Rows that the run changed and that become as they were.
    pub restore: u64,
    /// Rows that the run took out and that come back.
    pub reinsert: u64,
}

impl UndoForecastReport {
    /// Rows that would change.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.remove + self.restore + self.reinsert
    }
}

/// The masked columns of one class and kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskReport {
    pub class: ColumnClass,
    pub kind: MaskKind,
    pub columns: u64,
    /// Masked cells that were not NULL; absent if they were not counted per kind.
    pub cells: Option<u64>,
}

/// The masked fields of one class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassReport {
    pub class: ColumnClass,
    /// Masked cells that were not NULL.
    pub fields: u64,
}

/// References to rows that belong elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundaryReport {
    pub reference: String,
    pub policy: Option<String>,
    /// To another district, or above all districts.
    pub leads: Option<String>,
    pub rows: u64,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryReport {
    pub phase: Phase,
    pub unit: String,
    pub attempt: u32,
    pub kind: ErrorKind,
    /// The error with its causes.
    pub reason: String,
    /// The wait before the next attempt; none if there was no other.
    pub retry_after_millis: Option<u64>,
    /// RFC 3339, UTC.
    pub at: String,
}

/// The approval of a phase: what was asked, and who gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalReport {
    pub phase: Phase,
    /// What it covers.
    pub digest: String,
    /// RFC 3339, UTC, as the times below.
    pub requested_at: String,
    pub approved_by: Option<String>,
    pub approved_at: Option<String>,
    pub expires_at: Option<String>,
    /// The run went on by it.
    pub is_used: bool,
}

/// An artifact on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactReport {
    /// `raw` or `masked`.
    pub kind: String,
    /// The run that made it.
    pub run: RunId,
    pub path: String,
    /// The manifest's keyed seal; it covers the digest of every file.
    pub seal: String,
    pub files: u64,
    pub rows: u64,
    pub bytes: u64,
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureReport {
    pub phase: Phase,
    pub kind: ErrorKind,
    /// Fits after "failed to".
    pub message: String,
    pub causes: Vec<String>,
    pub hints: Vec<String>,
    /// What the phase had done in CERT was taken back; none if it had not begun there.
    pub is_taken_back: Option<bool>,
}
