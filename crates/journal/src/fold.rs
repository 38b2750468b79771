//! Folds events into the state of a run. Pure: no clock, no I/O, no panic.
//!
//! Whether an event may follow is decided in `order`; here an event that fits nowhere changes
//! nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use redistrict_model::{ErrorKind, Finding, Phase};

use crate::event::{Event, Record};
use crate::state::{
    Approval, AttemptFailure, GateState, PhaseHistory, PhaseState, RunEnd, RunFailure, RunState,
    RunStatus,
};

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
            gates: BTreeMap::new(),
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
            parked: None,
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
            Event::ApprovalRequested { .. }
            | Event::ApprovalGiven { .. }
            | Event::ApprovalUsed { .. } => {
                self.apply_to_gate(&record.event, record.wall_millis);
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
            Event::RunCancelled { .. } => {
                self.close_open_work();
                self.parked = None;
                self.end = Some(RunEnd::Cancelled);
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
                if self.end.is_none() {
                    self.end = Some(RunEnd::GivenUp);
                    self.close_open_work();
                }
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

    fn resumed(&mut self) {
        self.resumes += 1;
        self.is_interrupted = false;
        self.parked = None;
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
                waits,
            } => {
                let state = self.units.entry(unit.clone()).or_default();
                state.is_open = false;
                // Waiting for another run is no retry of something that failed.
                let is_retried = retry_after_millis.is_some() && *kind != ErrorKind::Busy;
                state.retries += u32::from(is_retried);
                state.failures.push(AttemptFailure {
                    attempt: *attempt,
                    kind: *kind,
                    error: error.clone(),
                    retry_after_millis: *retry_after_millis,
                    wall_millis,
                });
                let history = self.phases.entry(unit.phase).or_default();
                history.millis += millis;
                if *waits {
                    self.parked = Some(RunFailure {
                        phase: unit.phase,
                        kind: *kind,
                        error: error.clone(),
                    });
                } else if retry_after_millis.is_none() {
                    history.state = PhaseState::Failed;
                    history.ended_wall_millis = Some(wall_millis);
                    self.failed(unit.phase, *kind, error);
                }
            }
            _ => {}
        }
    }

    fn apply_to_gate(&mut self, event: &Event, wall_millis: u64) {
        match event {
            Event::ApprovalRequested {
                phase,
                subject,
                digest,
            } => {
                let gate = GateState {
                    digest: digest.clone(),
                    subject: subject.clone(),
                    requested_wall_millis: wall_millis,
                    approval: None,
                    is_passed: false,
                };
                self.gates.insert(*phase, gate);
            }
            Event::ApprovalGiven {
                phase,
                by,
                expires_wall_millis,
                digest,
            } => {
                let asked = self.gates.get_mut(phase);
                let Some(gate) = asked.filter(|gate| gate.digest == *digest) else {
                    return;
                };
                gate.approval = Some(Approval {
                    by: by.clone(),
                    given_wall_millis: wall_millis,
                    expires_wall_millis: *expires_wall_millis,
                });
                // Looked at again before the run goes on: what was approved may have changed meanwhile.
                let subject = gate
                    .subject
                    .as_ref()
                    .and_then(|unit| self.units.get_mut(unit));
                if let Some(unit) = subject {
                    unit.done = None;
                }
            }
            Event::ApprovalUsed { phase, digest } => {
                let asked = self.gates.get_mut(phase);
                if let Some(gate) = asked.filter(|gate| gate.digest == *digest) {
                    gate.is_passed = gate.approval.is_some();
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
}
