//! The state of a run, folded from its events. Pure: no clock, no I/O, no panic.
//!
//! Whether an event may follow is decided in `order`; here an event that fits nowhere changes
//! nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use redistrict_model::{DistrictId, ErrorKind, Finding, Phase, Plan, RunId, UnitKey};
use serde::{Serialize, Serializer};

use crate::event::{Event, Record, RunKind, RunOptions};

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
    /// A phase that cannot be finished is being taken back, or could not be taken back yet.
    Compensating,
    Succeeded,
    Failed(RunFailure),
    /// Ended, and taken back by another run since.
    Undone,
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Compensating => "compensating",
            Self::Succeeded => "succeeded",
            Self::Failed(_) => "failed",
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
    is_interrupted: bool,
    end: Option<RunEnd>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum RunEnd {
    Succeeded,
    Failed,
}

/// Folds a run's events; none for no events or a list that does not begin with the run's start.
#[must_use]
pub fn fold(records: &[Record]) -> Option<RunState> {
    let (head, rest) = records.split_first()?;
    let mut state = RunState::begin(head)?;
    for record in rest {
        state.apply(record);
    }
    Some(state)
}

impl RunState {
    /// The state after the first event; none if it is another than the run's start.
    #[must_use]
    pub fn begin(record: &Record) -> Option<Self> {
        let Event::RunStarted {
            run,
            kind,
            district,
            options,
            parent,
            plan,
            format_version: _,
        } = &record.event
        else {
            return None;
        };
        Some(Self {
            run: run.clone(),
            kind: *kind,
            district: district.clone(),
            options: options.clone(),
            parent: parent.clone(),
            plan: Arc::new(plan.clone()),
            status: RunStatus::Running,
            phases: Phase::ALL
                .map(|phase| (phase, PhaseHistory::default()))
                .into(),
            units: BTreeMap::new(),
            compensations: BTreeMap::new(),
            failure: None,
            findings: Vec::new(),
            resumes: 0,
            started_wall_millis: record.wall_millis,
            latest_wall_millis: record.wall_millis,
            millis: None,
            undone_by: None,
            redone_by: None,
            sequence: record.sequence,
            is_interrupted: false,
            end: None,
        })
    }

    /// Takes the next event in.
    pub fn apply(&mut self, record: &Record) {
        self.sequence = record.sequence;
        self.latest_wall_millis = record.wall_millis;
        match &record.event {
            Event::RunStarted { .. } => {}
            Event::RunResumed { .. } => self.resumed(),
            Event::PhaseStarted { .. } | Event::PhaseDone { .. } | Event::PhaseSkipped { .. } => {
                self.apply_to_phase(&record.event, record.wall_millis);
            }
            Event::UnitStarted { .. } | Event::UnitDone { .. } | Event::UnitFailed { .. } => {
                self.apply_to_unit(&record.event, record.wall_millis);
            }
            Event::CompensationStarted { .. }
            | Event::CompensationDone { .. }
            | Event::CompensationFailed { .. } => {
                self.apply_to_compensation(&record.event, record.wall_millis);
            }
            Event::RunInterrupted { .. } => {
                self.is_interrupted = true;
                self.close_open_work();
            }
            Event::RunSucceeded { millis } => self.ended(RunEnd::Succeeded, *millis),
            Event::RunFailed {
                phase,
                kind,
                error,
                millis,
            } => {
                self.failed(*phase, *kind, error);
                self.ended(RunEnd::Failed, *millis);
            }
            Event::Undone { by } => {
                self.undone_by = Some(by.clone());
                self.redone_by = None;
            }
            Event::Redone { by } => {
                self.undone_by = None;
                self.redone_by = Some(by.clone());
            }
        }
        self.status = self.derive_status();
    }

    /// The run has no end yet: it is worked on, was interrupted, or its process died.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        self.end.is_none()
    }

    /// Stopped on purpose and not resumed since.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.is_interrupted
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

    fn resumed(&mut self) {
        self.resumes += 1;
        self.is_interrupted = false;
        self.close_open_work();
        for unit in self.units.values_mut() {
            unit.retries = 0;
        }
        for compensation in self.compensations.values_mut() {
            compensation.retries = 0;
        }
    }

    fn close_open_work(&mut self) {
        for unit in self.units.values_mut() {
            unit.is_open = false;
        }
        for compensation in self.compensations.values_mut() {
            compensation.is_open = false;
        }
    }

    fn apply_to_phase(&mut self, event: &Event, wall_millis: u64) {
        match event {
            Event::PhaseStarted { phase, units } => {
                let history = self.phases.entry(*phase).or_default();
                history.state = PhaseState::InProgress;
                history.units = *units;
                history.started_wall_millis = Some(wall_millis);
            }
            Event::PhaseDone { phase, millis } => {
                let history = self.phases.entry(*phase).or_default();
                history.state = PhaseState::Completed;
                history.millis = *millis;
                history.ended_wall_millis = Some(wall_millis);
            }
            Event::PhaseSkipped { phase, reason } => {
                let history = self.phases.entry(*phase).or_default();
                history.state = PhaseState::Skipped {
                    reason: reason.clone(),
                };
                history.ended_wall_millis = Some(wall_millis);
            }
            _ => {}
        }
    }

    fn apply_to_unit(&mut self, event: &Event, wall_millis: u64) {
        match event {
            Event::UnitStarted { unit, attempt } => {
                let state = self.units.entry(unit.clone()).or_default();
                state.attempts = *attempt;
                state.is_open = true;
            }
            Event::UnitDone {
                unit,
                millis,
                outcome,
                attempt: _,
            } => {
                let state = self.units.entry(unit.clone()).or_default();
                state.is_open = false;
                state.done = Some(outcome.clone());
                state.millis = *millis;
                self.phases.entry(unit.phase).or_default().millis += millis;
                self.take_findings(outcome);
            }
            Event::UnitFailed {
                unit,
                attempt,
                kind,
                error,
                millis,
                retry_after_millis,
            } => {
                let state = self.units.entry(unit.clone()).or_default();
                state.is_open = false;
                state.retries += u32::from(retry_after_millis.is_some());
                state.failures.push(AttemptFailure {
                    attempt: *attempt,
                    kind: *kind,
                    error: error.clone(),
                    retry_after_millis: *retry_after_millis,
                    wall_millis,
                });
                let history = self.phases.entry(unit.phase).or_default();
                history.millis += millis;
                if retry_after_millis.is_none() {
                    history.state = PhaseState::Failed;
                    history.ended_wall_millis = Some(wall_millis);
                    self.failed(unit.phase, *kind, error);
                }
            }
            _ => {}
        }
    }

    fn apply_to_compensation(&mut self, event: &Event, wall_millis: u64) {
        match event {
            Event::CompensationStarted { phase, attempt } => {
                let state = self.compensations.entry(*phase).or_default();
                state.attempts = *attempt;
                state.is_open = true;
            }
            Event::CompensationDone { phase, outcome } => {
                let state = self.compensations.entry(*phase).or_default();
                state.is_open = false;
                state.done = Some(outcome.clone());
                self.take_findings(outcome);
            }
            Event::CompensationFailed {
                phase,
                attempt,
                kind,
                error,
                retry_after_millis,
            } => {
                let state = self.compensations.entry(*phase).or_default();
                state.is_open = false;
                state.retries += u32::from(retry_after_millis.is_some());
                state.failures.push(AttemptFailure {
                    attempt: *attempt,
                    kind: *kind,
                    error: error.clone(),
                    retry_after_millis: *retry_after_millis,
                    wall_millis,
                });
            }
            _ => {}
        }
    }

    fn failed(&mut self, phase: Phase, kind: ErrorKind, error: &serde_json::Value) {
        self.failure.get_or_insert_with(|| RunFailure {
            phase,
            kind,
            error: error.clone(),
        });
    }

    fn ended(&mut self, end: RunEnd, millis: u64) {
        self.end = Some(end);
        self.millis = Some(millis);
    }

    fn take_findings(&mut self, outcome: &serde_json::Value) {
        let findings = outcome.get("findings").cloned();
        let parsed = findings.and_then(|list| serde_json::from_value::<Vec<Finding>>(list).ok());
        self.findings.extend(parsed.unwrap_or_default());
    }

    fn derive_status(&self) -> RunStatus {
        match (self.end, &self.failure) {
            (Some(_), _) if self.undone_by.is_some() => RunStatus::Undone,
            (Some(RunEnd::Failed), Some(failure)) => RunStatus::Failed(failure.clone()),
            (Some(_), _) => RunStatus::Succeeded,
            (None, _) if self.is_interrupted => RunStatus::Interrupted,
            (None, _) if self.uncompensated().is_some() => RunStatus::Compensating,
            (None, _) => RunStatus::Running,
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
