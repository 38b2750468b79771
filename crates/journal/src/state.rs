//! The state of a run: what is known of its phases, units and failures, and questions to it. It
//! changes only in `fold`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use redistrict_model::{DistrictId, ErrorKind, Finding, Phase, Plan, RunId, UnitKey};
use serde::{Serialize, Serializer};

use crate::event::{RunKind, RunOptions};

/// Where a phase is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseState {
    #[default]
    Pending,
    InProgress,
    Completed,
    Failed,
    Skipped {
        reason: String,
    },
}

impl PhaseState {
    /// Nothing more happens in the phase's units.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        !matches!(self, Self::Pending | Self::InProgress)
    }
}

impl fmt::Display for PhaseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Skipped { .. } => "skipped",
        })
    }
}

/// A phase's state with its times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PhaseHistory {
    pub state: PhaseState,
    /// How many units it has; 0 before it starts.
    pub units: u32,
    /// Milliseconds since 1970 UTC, for display.
    pub started_wall_millis: Option<u64>,
    pub ended_wall_millis: Option<u64>,
    /// Time worked; while the phase is not completed, the time of its units that have an outcome.
    pub millis: u64,
}

/// A failed attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttemptFailure {
    pub attempt: u32,
    pub kind: ErrorKind,
    /// A `redistrict_skill::SkillError`.
    pub error: serde_json::Value,
    /// The wait before the next attempt; none if there was no other.
    pub retry_after_millis: Option<u64>,
    pub wall_millis: u64,
}

/// What is known of a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UnitState {
    /// How many intents were written.
    pub attempts: u32,
    /// An intent without outcome, written by the process that works now (or that died).
    pub is_open: bool,
    /// The outcome (a `redistrict_skill::UnitOutcome`) once the unit is done.
    pub done: Option<serde_json::Value>,
    pub millis: u64,
    pub failures: Vec<AttemptFailure>,
    /// Retries since the run was started or last resumed: what the retry policy counts.
    pub retries: u32,
}

impl UnitState {
    /// Each attempt found another run in its way.
    fn was_only_refused(&self) -> bool {
        self.attempts > 0 && self.all_refused(self.attempts)
    }

    /// So many attempts failed, each because another run was there.
    fn all_refused(&self, attempts: u32) -> bool {
        let refused = |failure: &AttemptFailure| failure.kind == ErrorKind::Busy;
        self.failures.len() == attempts as usize && self.failures.iter().all(refused)
    }
}

/// The taking back of a phase that could not be finished.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CompensationState {
    pub attempts: u32,
    pub is_open: bool,
    pub done: Option<serde_json::Value>,
    pub failures: Vec<AttemptFailure>,
    /// As of a unit.
    pub retries: u32,
}

/// Where the approval of a phase is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GateState {
    /// What is to be approved.
    pub digest: String,
    pub subject: Option<UnitKey>,
    pub requested_wall_millis: u64,
    pub approval: Option<Approval>,
    /// The run went on by it.
    pub is_passed: bool,
}

/// Who approved, when, and until when it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Approval {
    pub by: String,
    pub given_wall_millis: u64,
    pub expires_wall_millis: u64,
}

impl Approval {
    /// Whether it counts at that time. A clock that was set back makes it count no more: it is asked for
    /// again.
    #[must_use]
    pub fn counts_at(&self, wall_millis: u64) -> bool {
        (self.given_wall_millis..self.expires_wall_millis).contains(&wall_millis)
    }
}

/// What a run waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    Approval {
        phase: Phase,
        digest: String,
    },
    /// Credentials that were refused or missing.
    Credentials(RunFailure),
    /// Another run has the lease of a target.
    OtherRun(RunFailure),
    /// What was written stands, and what is left to do failed: somebody mends it and resumes the run.
    Resume(RunFailure),
}

/// Why and where a run failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunFailure {
    pub phase: Phase,
    pub kind: ErrorKind,
    /// A `redistrict_skill::SkillError`.
    pub error: serde_json::Value,
}

/// Where a run is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Being worked on, or left by a process that died.
    Running,
    /// Stopped on purpose; resumable.
    Interrupted,
    /// Nothing goes on until a person has done something.
    Waiting(Waiting),
    /// A phase that cannot be finished is being taken back, or could not be taken back yet.
    Compensating,
    Succeeded,
    Failed(RunFailure),
    /// Given up before it touched CERT.
    Cancelled,
    /// Ended, and taken back by another run since.
    Undone,
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Waiting(Waiting::Approval { .. }) => "waiting for approval",
            Self::Waiting(Waiting::Credentials(_)) => "waiting for credentials",
            Self::Waiting(Waiting::OtherRun(_)) => "waiting for another run",
            Self::Waiting(Waiting::Resume(_)) => "waiting to be finished",
            Self::Compensating => "compensating",
            Self::Succeeded => "succeeded",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
            Self::Undone => "undone",
        })
    }
}

/// The state of a run: always the fold of its events.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunState {
    pub run: RunId,
    pub kind: RunKind,
    pub district: DistrictId,
    pub options: RunOptions,
    /// For an undo: the run it takes back.
    pub parent: Option<RunId>,
    /// Serialized as its digest.
    #[serde(serialize_with = "plan_digest")]
    pub plan: Arc<Plan>,
    pub status: RunStatus,
    /// All five, in order.
    pub phases: BTreeMap<Phase, PhaseHistory>,
    /// Serialized as a list of pairs.
    #[serde(serialize_with = "pairs")]
    pub units: BTreeMap<UnitKey, UnitState>,
    pub compensations: BTreeMap<Phase, CompensationState>,
    /// Where the approvals are, of phases that have asked for one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub gates: BTreeMap<Phase, GateState>,
    /// The first failure; it is the run's, whatever fails after it.
    pub failure: Option<RunFailure>,
    /// Of all outcomes, in the order in which they came.
    pub findings: Vec<Finding>,
    /// How many times another process went on.
    pub resumes: u32,
    pub started_wall_millis: u64,
    /// Of the last event.
    pub latest_wall_millis: u64,
    /// Time worked, once the run has ended.
    pub millis: Option<u64>,
    pub undone_by: Option<RunId>,
    pub redone_by: Option<RunId>,
    /// The sequence of the last event.
    pub sequence: u64,
    pub(crate) is_interrupted: bool,
    /// A unit that waits for a person or for another run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parked: Option<RunFailure>,
    pub(crate) end: Option<RunEnd>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RunEnd {
    Succeeded,
    Failed,
    Cancelled,
    /// Taken back before it had ended.
    GivenUp,
}

impl RunState {
    /// The run has no end yet: it is worked on, was interrupted, or its process died.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        self.end.is_none()
    }

    /// Taken back before it had ended: nobody goes on with it.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.end == Some(RunEnd::GivenUp)
    }

    /// Stopped on purpose and not resumed since.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.is_interrupted
    }

    /// Left because a unit waits for a person or for another process, and not resumed since.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.parked.is_some()
    }

    /// A unit of Loading may have written to CERT: one behind the first was begun. The first one only
    /// looks; one that was only ever refused, because another run is there, did nothing.
    #[must_use]
    pub fn has_touched_cert(&self) -> bool {
        let begun = self
            .units
            .iter()
            .filter(|(unit, state)| unit.phase == Phase::Loading && !state.was_only_refused());
        begun.count() > 1
    }

    /// As [`has_touched_cert`](Self::has_touched_cert), but for this unit, whatever its attempts came to: a
    /// lease that is refused now is not held.
    #[must_use]
    pub fn has_touched_cert_but_for(&self, unit: &UnitKey) -> bool {
        let begun = self.units.iter().filter(|(known, state)| {
            known.phase == Phase::Loading && *known != unit && !state.was_only_refused()
        });
        begun.count() > 1
    }

    /// The request that the run has not gone on by yet, answered or not, of the phase in progress.
    #[must_use]
    pub fn open_request(&self) -> Option<(Phase, &GateState)> {
        let is_open = |phase: Phase, gate: &GateState| {
            *self.phase(phase) == PhaseState::InProgress && !gate.is_passed
        };
        self.gates
            .iter()
            .map(|(phase, gate)| (*phase, gate))
            .find(|(phase, gate)| is_open(*phase, gate))
    }

    fn waiting(&self) -> Option<Waiting> {
        if let Some(parked) = &self.parked {
            return Some(match parked.kind {
                ErrorKind::Busy => Waiting::OtherRun(parked.clone()),
                ErrorKind::Auth => Waiting::Credentials(parked.clone()),
                _ => Waiting::Resume(parked.clone()),
            });
        }
        let (phase, gate) = self.open_request()?;
        let digest = gate.digest.clone();
        let is_answered = gate.approval.is_some();
        (!is_answered).then_some(Waiting::Approval { phase, digest })
    }

    /// What is known of a phase.
    #[must_use]
    pub fn phase(&self, phase: Phase) -> &PhaseState {
        self.phases
            .get(&phase)
            .map_or(&PhaseState::Pending, |history| &history.state)
    }

    /// The phase that failed and is not taken back yet, if there is one.
    #[must_use]
    pub fn uncompensated(&self) -> Option<Phase> {
        let is_taken_back = |phase: &Phase| {
            self.compensations
                .get(phase)
                .is_some_and(|compensation| compensation.done.is_some())
        };
        Phase::ALL
            .into_iter()
            .filter(|phase| *self.phase(*phase) == PhaseState::Failed)
            .find(|phase| !is_taken_back(phase))
    }

    /// Done units in percent of the phase's units, rounded down; 100 of a completed phase.
    #[must_use]
    pub fn percent(&self, phase: Phase) -> u8 {
        let Some(history) = self.phases.get(&phase) else {
            return 0;
        };
        if history.state == PhaseState::Completed {
            return 100;
        }
        let is_done =
            |(unit, state): &(&UnitKey, &UnitState)| unit.phase == phase && state.done.is_some();
        let done = self.units.iter().filter(is_done).count() as u64;
        let share = (done * 100)
            .checked_div(u64::from(history.units))
            .unwrap_or(0);
        u8::try_from(share.min(100)).unwrap_or(100)
    }

    /// What the rest of the state says.
    pub(crate) fn derive_status(&self) -> RunStatus {
        match (self.end, &self.failure) {
            (Some(_), _) if self.undone_by.is_some() => RunStatus::Undone,
            (Some(RunEnd::Failed), Some(failure)) => RunStatus::Failed(failure.clone()),
            (Some(RunEnd::Cancelled), _) => RunStatus::Cancelled,
            (Some(_), _) => RunStatus::Succeeded,
            (None, _) if self.is_interrupted => RunStatus::Interrupted,
            (None, _) if self.uncompensated().is_some() => RunStatus::Compensating,
            (None, _) => self
                .waiting()
                .map_or(RunStatus::Running, RunStatus::Waiting),
        }
    }
}

fn plan_digest<S: Serializer>(plan: &Arc<Plan>, serializer: S) -> Result<S::Ok, S::Error> {
    plan.digest.serialize(serializer)
}

fn pairs<S: Serializer>(
    units: &BTreeMap<UnitKey, UnitState>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(units)
}
