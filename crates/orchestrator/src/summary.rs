//! What came of a run, made of its state; and the reading of what skills left in the journal.

use std::collections::BTreeMap;

use redistrict_journal::PhaseState;
use redistrict_journal::{RunFailure, RunKind, RunState, RunStatus, Waiting};
use redistrict_model::{DistrictId, ErrorKind, Finding, Phase, RunId, UnitKey};
use redistrict_skill::{SkillError, UnitOutcome};
use serde_json::Value;

/// What came of a run so far.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSummary {
    pub run: RunId,
    pub kind: RunKind,
    pub district: DistrictId,
    pub district_name: Option<String>,
    pub status: RunStatus,
    /// All five in order, with the milliseconds worked.
    pub phases: Vec<(Phase, PhaseState, u64)>,
    /// The first failure, or what the run waits for a person to mend.
    pub error: Option<(Phase, SkillError)>,
    /// What keeps a failed phase from being taken back; `resume` tries again.
    pub compensation_error: Option<(Phase, SkillError)>,
    /// Of the outcomes, in the order in which they came; the plan's are in the plan.
    pub findings: Vec<Finding>,
    /// Of the units that are done.
    pub outcomes: BTreeMap<UnitKey, UnitOutcome>,
    /// How many attempts failed and were followed by another.
    pub retries: u32,
    /// Milliseconds worked.
    pub millis: u64,
}

impl RunSummary {
    /// Sums a state up. An outcome that cannot be read (another version's) counts as empty.
    #[must_use]
    pub fn of(state: &RunState) -> Self {
        let phases: Vec<_> = state
            .phases
            .iter()
            .map(|(phase, history)| (*phase, history.state.clone(), history.millis))
            .collect();
        let worked = phases.iter().map(|(_, _, millis)| millis).sum();
        let failures = state.units.values().flat_map(|unit| &unit.failures);
        let taking_back = state.compensations.values().flat_map(|c| &c.failures);
        let retries = failures
            .chain(taking_back)
            .filter(|failure| failure.retry_after_millis.is_some())
            .count();
        let outcomes = state.units.iter().filter_map(|(unit, known)| {
            let outcome = outcome_of(known.done.as_ref()?).unwrap_or_default();
            Some((unit.clone(), outcome))
        });
        Self {
            run: state.run.clone(),
            kind: state.kind,
            district: state.district.clone(),
            district_name: state.plan.district_name.clone(),
            status: state.status.clone(),
            error: failure_of(state).map(|failure| (failure.phase, error_of(&failure.error))),
            compensation_error: compensation_error(state),
            findings: state.findings.clone(),
            outcomes: outcomes.collect(),
            retries: u32::try_from(retries).unwrap_or(u32::MAX),
            millis: state.millis.unwrap_or(worked),
            phases,
        }
    }
}

fn failure_of(state: &RunState) -> Option<&RunFailure> {
    match &state.status {
        RunStatus::Waiting(
            Waiting::Credentials(parked) | Waiting::OtherRun(parked) | Waiting::Resume(parked),
        ) => Some(parked),
        _ => state.failure.as_ref(),
    }
}

fn compensation_error(state: &RunState) -> Option<(Phase, SkillError)> {
    let phase = state.uncompensated()?;
    let failure = state.compensations.get(&phase)?.failures.last()?;
    Some((phase, error_of(&failure.error)))
}

pub(crate) fn outcome_of(journaled: &Value) -> Result<UnitOutcome, serde_json::Error> {
    serde_json::from_value(journaled.clone())
}

pub(crate) fn error_of(journaled: &Value) -> SkillError {
    serde_json::from_value(journaled.clone()).unwrap_or_else(|_| {
        SkillError::new(
            ErrorKind::Bug,
            "read the journaled error: it was written by another version",
        )
    })
}
