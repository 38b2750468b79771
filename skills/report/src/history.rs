//! What the folded journal tells without a file: how the run stands, its phases, its failed attempts.

use std::time::Duration;

use redistrict_artifact::timestamp_of;
use redistrict_journal::{AttemptFailure, PhaseState, RunState, RunStatus};
use redistrict_model::{Phase, RunId};
use redistrict_skill::SkillError;
use serde_json::Value;

use crate::data::{
    ApprovalReport, FailureReport, PhaseReport, ReportData, ReportStatus, RetryReport,
};
use crate::timeline::TAKE_BACK;

pub(crate) fn time(wall_millis: u64) -> String {
    timestamp_of(Duration::from_millis(wall_millis))
}

/// Time worked so far, the phase Reporting left out: it is not over while it writes the report.
pub(crate) fn worked(state: &RunState) -> u64 {
    let before = state
        .phases
        .iter()
        .filter(|(phase, _)| **phase != Phase::Reporting);
    before.map(|(_, history)| history.millis).sum()
}

/// A run whose report is being written has succeeded if nothing failed: Reporting is its last phase.
pub(crate) fn status(state: &RunState) -> ReportStatus {
    let is_reporting = *state.phase(Phase::Reporting) != PhaseState::Pending;
    if state.failure.is_some() {
        ReportStatus::Failed
    } else if state.is_given_up() || state.status == RunStatus::Cancelled {
        ReportStatus::Cancelled
    } else if matches!(state.status, RunStatus::Waiting(_)) {
        ReportStatus::Waiting
    } else if state.is_interrupted() {
        ReportStatus::Interrupted
    } else if !state.is_unfinished() || is_reporting {
        ReportStatus::Success
    } else {
        ReportStatus::Unfinished
    }
}

/// The checklist. Reporting counts as completed while the report is written: it is there whole or not
/// at all.
pub(crate) fn phases(state: &RunState) -> Vec<PhaseReport> {
    Phase::ALL
        .into_iter()
        .map(|phase| {
            let history = state.phases.get(&phase);
            let known = state.phase(phase);
            let is_writing = phase == Phase::Reporting && *known == PhaseState::InProgress;
            PhaseReport {
                phase,
                state: if is_writing {
                    &PhaseState::Completed
                } else {
                    known
                }
                .to_string(),
                reason: match known {
                    PhaseState::Skipped { reason } => Some(reason.clone()),
                    _ => None,
                },
                millis: history.map_or(0, |history| history.millis),
            }
        })
        .collect()
}

/// Approvals that were asked for, in the order of their phases.
pub(crate) fn approvals(state: &RunState) -> Vec<ApprovalReport> {
    let gates = state.gates.iter();
    let report = gates.map(|(phase, gate)| {
        let given = gate.approval.as_ref();
        ApprovalReport {
            phase: *phase,
            digest: gate.digest.clone(),
            requested_at: time(gate.requested_wall_millis),
            approved_by: given.map(|one| one.by.clone()),
            approved_at: given.map(|one| time(one.given_wall_millis)),
            expires_at: given.map(|one| time(one.expires_wall_millis)),
            is_used: gate.is_passed,
        }
    });
    report.collect()
}

pub(crate) fn retries(state: &RunState) -> Vec<RetryReport> {
    let units = state.units.iter().flat_map(|(unit, known)| {
        known
            .failures
            .iter()
            .map(|failure| (unit.phase, unit.to_string(), failure))
    });
    let taking_back = state.compensations.iter().flat_map(|(phase, known)| {
        known
            .failures
            .iter()
            .map(|failure| (*phase, TAKE_BACK.to_owned(), failure))
    });
    let mut all: Vec<(u64, RetryReport)> = units
        .chain(taking_back)
        .map(|(phase, unit, failure)| (failure.wall_millis, retry(phase, unit, failure)))
        .collect();
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, retry)| retry).collect()
}

fn retry(phase: Phase, unit: String, failure: &AttemptFailure) -> RetryReport {
    RetryReport {
        phase,
        unit,
        attempt: failure.attempt,
        kind: failure.kind,
        reason: error(&failure.error).map_or_else(|| "not recorded".to_owned(), |e| e.chain()),
        retry_after_millis: failure.retry_after_millis,
        at: time(failure.wall_millis),
    }
}

fn error(value: &Value) -> Option<SkillError> {
    serde_json::from_value(value.clone()).ok()
}

pub(crate) fn failure(state: &RunState) -> Option<FailureReport> {
    let failure = state.failure.as_ref()?;
    let error = error(&failure.error);
    let taking_back = state.compensations.get(&failure.phase);
    Some(FailureReport {
        phase: failure.phase,
        kind: failure.kind,
        message: error
            .as_ref()
            .map_or_else(|| "not recorded".to_owned(), |e| e.message.clone()),
        causes: error
            .as_ref()
            .map(|error| error.causes.clone())
            .unwrap_or_default(),
        hints: error.map(|error| error.hints).unwrap_or_default(),
        is_taken_back: taking_back
            // Taking back Reporting takes nothing out of CERT.
            .filter(|_| failure.phase == Phase::Loading)
            .map(|state| state.done.is_some()),
    })
}

/// Only a run whose rows are in CERT can be taken back.
pub(crate) fn undo(data: &ReportData) -> Option<String> {
    let has_loaded = data
        .phases
        .iter()
        .any(|phase| phase.phase == Phase::Loading && phase.state == "completed");
    let can_undo = has_loaded && !data.is_dry_run && !data.skips_load && data.undone_by.is_none();
    can_undo.then(|| rollback(&data.run))
}

fn rollback(run: &RunId) -> String {
    format!("redistrict rollback {run}")
}
