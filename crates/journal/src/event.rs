//! Events, format v1. A new field gets a default; a changed meaning gets a new version.

use redistrict_model::{DistrictId, ErrorKind, Phase, Plan, RunId, UnitKey};
use serde::{Deserialize, Serialize};

/// The version of the event format.
pub const FORMAT_VERSION: u32 = 1;

/// What kind of run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    Migration,
    /// Takes another run back; of an undo: puts it in again.
    Undo,
}

/// What the user asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOptions {
    /// The run whose sealed raw artifact is used instead of extracting (`--skip-extraction`).
    #[serde(default)]
    pub reuse: Option<RunId>,
    #[serde(default)]
    pub skip_load: bool,
    #[serde(default)]
    pub dry_run: bool,
    /// Only these phases (a skill run on its own); empty means all five.
    #[serde(default)]
    pub only: Vec<Phase>,
    /// The phases that need an approval; a later change of the configuration takes nothing back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Phase>,
    /// A hub that brings more rows needs an approval, too; none if no hub does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub_rows: Option<u64>,
    /// An undo leaves the rows standing that other runs rely on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retain_shared: bool,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
#[expect(
    clippy::large_enum_variant,
    reason = "the plan stands once at the head of each run"
)]
pub enum Event {
    /// The head of a run, and only there.
    RunStarted {
        format_version: u32,
        run: RunId,
        kind: RunKind,
        district: DistrictId,
        options: RunOptions,
        /// For an undo: the run it takes back.
        parent: Option<RunId>,
        plan: Plan,
    },
    /// Another process goes on. Units and compensations without an outcome are open no more.
    RunResumed {
        process: u32,
    },
    PhaseStarted {
        phase: Phase,
        /// How many units the phase has, for percentages.
        #[serde(default)]
        units: u32,
    },
    /// Before the effect.
    UnitStarted {
        unit: UnitKey,
        attempt: u32,
    },
    /// After the effect. `outcome` is a `redistrict_skill::UnitOutcome`.
    UnitDone {
        unit: UnitKey,
        attempt: u32,
        millis: u64,
        outcome: serde_json::Value,
    },
    /// The unit failed. `retry_after_millis` if it will be tried again; without it the phase cannot
    /// be finished. `error` is a `redistrict_skill::SkillError`.
    UnitFailed {
        unit: UnitKey,
        attempt: u32,
        kind: ErrorKind,
        error: serde_json::Value,
        #[serde(default)]
        millis: u64,
        #[serde(default)]
        retry_after_millis: Option<u64>,
        /// Nothing is given up: a person has to do something first, then `resume` tries again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        waits: bool,
    },
    /// The phase goes no further until somebody approves what the digest covers. Whatever was asked or
    /// approved before for this phase is void.
    ApprovalRequested {
        phase: Phase,
        /// The unit whose outcome is approved; it is run again once somebody has. None: the plan alone.
        subject: Option<UnitKey>,
        digest: String,
    },
    /// Somebody approved, from any process.
    ApprovalGiven {
        phase: Phase,
        digest: String,
        by: String,
        /// Milliseconds since 1970 UTC.
        expires_wall_millis: u64,
    },
    /// The run went on by the approval, which thereby is spent.
    ApprovalUsed {
        phase: Phase,
        digest: String,
    },
    PhaseDone {
        phase: Phase,
        millis: u64,
    },
    PhaseSkipped {
        phase: Phase,
        reason: String,
    },
    /// The phase cannot be finished; what it did outside is being taken back.
    CompensationStarted {
        phase: Phase,
        #[serde(default = "first_attempt")]
        attempt: u32,
    },
    CompensationDone {
        phase: Phase,
        outcome: serde_json::Value,
    },
    /// It could not be taken back. Without `retry_after_millis` a `resume` has to go on with it.
    CompensationFailed {
        phase: Phase,
        attempt: u32,
        kind: ErrorKind,
        error: serde_json::Value,
        #[serde(default)]
        retry_after_millis: Option<u64>,
    },
    /// Stopped on purpose, resumable. Units without an outcome are open no more.
    RunInterrupted {
        signal: String,
    },
    /// The end: somebody gave the run up before it touched CERT.
    RunCancelled {
        by: String,
    },
    /// The end: everything done.
    RunSucceeded {
        millis: u64,
    },
    /// The end: failed in this phase. `error` as above.
    RunFailed {
        phase: Phase,
        kind: ErrorKind,
        error: serde_json::Value,
        millis: u64,
    },
    /// After the end: an undo took the run's rows back, or a redo put them in again.
    Undone {
        by: RunId,
    },
    Redone {
        by: RunId,
    },
}

fn first_attempt() -> u32 {
    1
}

/// An event with its place and time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// 1 and up within the run.
    pub sequence: u64,
    /// Milliseconds since 1970 UTC, for display.
    pub wall_millis: u64,
    #[serde(flatten)]
    pub event: Event,
}
