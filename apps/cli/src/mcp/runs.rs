//! Runs as an answer has them, from the journal. Pure.

use std::time::Duration;

use redistrict_artifact::timestamp_of;
use redistrict_journal::{
    PhaseHistory, PhaseState, RunFailure, RunKind, RunState, RunStatus, Waiting,
};
use redistrict_mcp::{
    FailureOf, KindOfRun, Need, PhaseOf, Refusal, Retry, Run, RunInList, RunName, Standing, Text,
    WhatIsNeeded, addresses,
};
use redistrict_model::{ErrorKind, Phase, RunId};
use redistrict_skill::SkillError;

use crate::output::typed;

/// Where a run is. `is_left`: it should be worked on, and nobody does.
pub(super) fn view(state: &RunState, is_left: bool) -> Result<Run, Refusal> {
    let run = name(&state.run).ok_or_else(|| Refusal::new(1, "read the name of a run"))?;
    let standing = standing(state, is_left);
    let phases: Vec<PhaseOf> = (state.phases.iter())
        .map(|(phase, history)| phase_of(state, *phase, history))
        .collect();
    Ok(Run {
        kind: match state.kind {
            RunKind::Migration => KindOfRun::Migration,
            RunKind::Undo => KindOfRun::Undo,
        },
        district: state.district.as_str().into(),
        standing,
        has_ended: standing.has_ended(),
        needs: need(state, standing),
        progress: phases.iter().map(share).sum(),
        phases,
        failure: match &state.status {
            RunStatus::Failed(failure) => Some(failure_of(failure)),
            RunStatus::Waiting(Waiting::Credentials(failure) | Waiting::Resume(failure)) => {
                Some(failure_of(failure))
            }
            _ => state.failure.as_ref().map(failure_of),
        },
        retries: retries(state),
        approvals: words(&state.options.approvals),
        is_dry_run: state.options.dry_run,
        skips_load: state.options.skip_load,
        only: words(&state.options.only),
        takes_back: state.parent.as_ref().and_then(name),
        undone_by: state.undone_by.as_ref().and_then(name),
        started_at: moment(state.started_wall_millis),
        latest_at: moment(state.latest_wall_millis),
        resources: addresses(&run),
        run,
    })
}

/// The same in one line of a list.
pub(super) fn entry(state: &RunState, is_left: bool) -> Option<RunInList> {
    let standing = serde_json::to_value(standing(state, is_left)).ok()?;
    Some(RunInList {
        run: name(&state.run)?,
        district: state.district.as_str().into(),
        started: moment(state.started_wall_millis),
        standing: standing.as_str()?.replace('_', " ").into(),
        parent: state.parent.as_ref().and_then(name),
    })
}

/// Whether the run can write to CERT without a person's approval.
pub(super) fn writes_unasked(state: &RunState) -> bool {
    let options = &state.options;
    let loads = options.only.is_empty() || options.only.contains(&Phase::Loading);
    let writes = loads && !options.dry_run && !options.skip_load;
    writes && !options.approvals.contains(&Phase::Loading)
}

pub(super) fn name(run: &RunId) -> Option<RunName> {
    RunName::parse(run.as_str())
}

fn standing(state: &RunState, is_left: bool) -> Standing {
    match &state.status {
        _ if is_left => Standing::Left,
        RunStatus::Running => Standing::Running,
        RunStatus::Interrupted | RunStatus::Waiting(Waiting::Resume(_)) => Standing::Interrupted,
        RunStatus::Waiting(Waiting::Approval { .. }) => Standing::WaitingForApproval,
        RunStatus::Waiting(Waiting::Credentials(_)) => Standing::WaitingForCredentials,
        RunStatus::Waiting(Waiting::OtherRun(_)) => Standing::WaitingForOtherRun,
        RunStatus::Compensating => Standing::Compensating,
        RunStatus::Succeeded => Standing::Succeeded,
        RunStatus::Failed(_) => Standing::Failed,
        RunStatus::Cancelled => Standing::Cancelled,
        RunStatus::Undone => Standing::Undone,
    }
}

fn need(state: &RunState, standing: Standing) -> Option<Need> {
    let run = &state.run;
    let (what, phase, sentence) = match (&state.status, standing) {
        (RunStatus::Waiting(Waiting::Approval { phase, .. }), _) => (
            WhatIsNeeded::Approval,
            Some(*phase),
            format!("A person who may approves {phase} in a terminal: redistrict approve {run}"),
        ),
        (RunStatus::Waiting(Waiting::Credentials(failure)), _) => (
            WhatIsNeeded::Credentials,
            Some(failure.phase),
            format!("A person mends the credentials, then it is resumed: redistrict resume {run}"),
        ),
        (_, Standing::Left | Standing::Interrupted) => (
            WhatIsNeeded::Resume,
            None,
            format!("It goes on once it is resumed: redistrict resume {run}"),
        ),
        _ => return None,
    };
    Some(Need {
        what,
        phase: phase.map(word),
        sentence: typed(&sentence).into(),
    })
}

fn phase_of(state: &RunState, phase: Phase, history: &PhaseHistory) -> PhaseOf {
    PhaseOf {
        number: u8::try_from(phase.number()).unwrap_or_default(),
        phase: word(phase),
        state: history.state.to_string().into(),
        percent: state.percent(phase),
        millis: history.millis,
        reason: match &history.state {
            PhaseState::Skipped { reason } => Some(reason.into()),
            _ => None,
        },
    }
}

fn share(phase: &PhaseOf) -> u32 {
    match phase.state.as_str() {
        "completed" | "skipped" => 100,
        _ => u32::from(phase.percent),
    }
}

fn failure_of(failure: &RunFailure) -> FailureOf {
    let error = error_of(&failure.error);
    FailureOf {
        phase: word(failure.phase),
        kind: kind(failure.kind),
        message: error.message.into(),
        causes: error.causes.iter().map(Into::into).collect(),
        hints: error.hints.iter().map(|hint| typed(hint).into()).collect(),
    }
}

fn retries(state: &RunState) -> Vec<Retry> {
    let failures = state.units.iter().flat_map(|(unit, known)| {
        let failures = known.failures.iter();
        failures.map(move |failure| (unit, failure))
    });
    failures
        .map(|(unit, failure)| Retry {
            unit: unit.to_string().into(),
            attempt: failure.attempt,
            kind: kind(failure.kind),
            reason: error_of(&failure.error).chain().into(),
            retry_after_millis: failure.retry_after_millis,
        })
        .collect()
}

/// What was journaled as an error; one that cannot be read says nothing.
fn error_of(error: &serde_json::Value) -> SkillError {
    serde_json::from_value(error.clone())
        .unwrap_or_else(|_| SkillError::new(ErrorKind::Bug, "say what was wrong"))
}

fn kind(kind: ErrorKind) -> Text {
    let value = serde_json::to_value(kind).unwrap_or_default();
    value.as_str().unwrap_or_default().into()
}

fn word(phase: Phase) -> Text {
    phase.to_string().into()
}

fn words(phases: &[Phase]) -> Vec<Text> {
    phases.iter().map(|phase| word(*phase)).collect()
}

fn moment(millis: u64) -> Text {
    timestamp_of(Duration::from_millis(millis)).into()
}
