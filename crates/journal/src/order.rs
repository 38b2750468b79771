//! Which event may follow which: one rule per event, used by every journal before it writes.

use redistrict_model::{Phase, RunId, UnitKey};

use crate::error::JournalError;
use crate::event::{Event, Record, RunKind};
use crate::state::{PhaseState, RunState};

type Refusal = Result<(), &'static str>;

/// Whether an event may follow the events that led to `state` (none: no event yet).
///
/// # Errors
/// What is wrong with it, as a fragment.
pub fn check_order(run: &RunId, state: Option<&RunState>, event: &Event) -> Refusal {
    match (state, event) {
        (None, Event::RunStarted { run: named, .. }) if named == run => Ok(()),
        (None, Event::RunStarted { .. }) => Err("its start names another run"),
        (None, _) => Err("the run was not started"),
        (Some(_), Event::RunStarted { .. }) => Err("the run was started before"),
        (Some(state), Event::Undone { .. } | Event::Redone { .. }) => after_end(state, event),
        (Some(state), _) if !state.is_unfinished() => Err("the run has ended"),
        (Some(_), Event::RunResumed { .. }) => Ok(()),
        (Some(state), Event::RunCancelled { .. }) => cancels(state),
        (Some(state), Event::ApprovalGiven { phase, digest, .. }) => {
            approves(state, *phase, digest)
        }
        (Some(state), Event::ApprovalRequested { phase, .. }) => asks(state, *phase),
        (Some(state), _) if state.is_interrupted() => Err("the run is interrupted"),
        (Some(state), _) if state.is_parked() => Err("the run waits for a person"),
        (Some(state), _) => within(state, event),
    }
}

/// Checks and numbers events that are to follow, and folds them in. All or none.
pub(crate) fn extend(
    run: &RunId,
    state: Option<RunState>,
    wall_millis: u64,
    events: &[Event],
) -> Result<(Option<RunState>, Vec<Record>), JournalError> {
    let mut state = state;
    let mut records = Vec::with_capacity(events.len());
    for event in events {
        check_order(run, state.as_ref(), event).map_err(|what| JournalError::IllegalOrder {
            run: run.clone(),
            what,
        })?;
        let record = Record {
            sequence: state.as_ref().map_or(0, |state| state.sequence) + 1,
            wall_millis,
            event: event.clone(),
        };
        match &mut state {
            Some(state) => state.apply(&record),
            None => state = RunState::begin(&record),
        }
        records.push(record);
    }
    Ok((state, records))
}

fn after_end(state: &RunState, event: &Event) -> Refusal {
    let is_undone = state.undone_by.is_some();
    match event {
        // Taking a migration back that has not ended gives it up: this is its end.
        Event::Undone { .. } if state.kind == RunKind::Migration && state.is_unfinished() => Ok(()),
        _ if state.is_unfinished() => Err("the run has not ended"),
        Event::Redone { .. } if state.is_given_up() => Err("the run was given up"),
        Event::Undone { .. } if is_undone => Err("the run is undone already"),
        Event::Redone { .. } if !is_undone => Err("the run is not undone"),
        _ => Ok(()),
    }
}

fn within(state: &RunState, event: &Event) -> Refusal {
    match event {
        Event::PhaseStarted { phase, .. } | Event::PhaseSkipped { phase, .. } => {
            opens_phase(state, *phase)
        }
        Event::PhaseDone { phase, .. } => closes_phase(state, *phase),
        Event::UnitStarted { unit, attempt } => starts_unit(state, unit, *attempt),
        Event::UnitDone { unit, attempt, .. } | Event::UnitFailed { unit, attempt, .. } => {
            ends_unit(state, unit, *attempt)
        }
        Event::ApprovalUsed { phase, digest } => goes_on_by(state, *phase, digest),
        Event::CompensationStarted { phase, attempt } => {
            starts_compensation(state, *phase, *attempt)
        }
        Event::CompensationDone { phase, .. } => ends_compensation(state, *phase, None),
        Event::CompensationFailed { phase, attempt, .. } => {
            ends_compensation(state, *phase, Some(*attempt))
        }
        Event::RunInterrupted { .. } => Ok(()),
        Event::RunSucceeded { .. } => match &state.failure {
            Some(_) => Err("the run has a failure"),
            None => all_closed(state),
        },
        Event::RunFailed { phase, .. } => match &state.failure {
            Some(failure) if failure.phase == *phase => all_closed(state),
            Some(_) => Err("the run failed in another phase"),
            None => Err("the run has no failure"),
        },
        Event::RunStarted { .. }
        | Event::RunResumed { .. }
        | Event::RunCancelled { .. }
        | Event::ApprovalRequested { .. }
        | Event::ApprovalGiven { .. }
        | Event::Undone { .. }
        | Event::Redone { .. } => Err("the event does not belong here"),
    }
}

/// A run whose loading has begun is taken back by a run of its own instead.
fn cancels(state: &RunState) -> Refusal {
    match state.has_touched_cert() {
        true => Err("its loading has begun"),
        false => Ok(()),
    }
}

/// Answered or not, a run may ask again until it has gone on.
fn asks(state: &RunState, phase: Phase) -> Refusal {
    let is_passed = state.gates.get(&phase).is_some_and(|gate| gate.is_passed);
    if *state.phase(phase) != PhaseState::InProgress {
        return Err("the phase is not in progress");
    }
    if state.units.values().any(|unit| unit.is_open) {
        return Err("a unit is open");
    }
    if is_passed {
        return Err("the run went on by an approval already");
    }
    Ok(())
}

fn approves(state: &RunState, phase: Phase, digest: &str) -> Refusal {
    match state.open_request() {
        Some((asked, gate)) if asked == phase && gate.digest != digest => {
            Err("the approval is of something else")
        }
        Some((asked, gate)) if asked == phase && gate.approval.is_some() => {
            Err("it is approved already")
        }
        Some((asked, _)) if asked == phase => Ok(()),
        _ => Err("no approval is asked for"),
    }
}

fn goes_on_by(state: &RunState, phase: Phase, digest: &str) -> Refusal {
    match state.open_request() {
        Some((asked, gate)) if asked == phase && gate.digest == digest => match gate.approval {
            Some(_) => Ok(()),
            None => Err("nobody has approved"),
        },
        _ => Err("no such approval is asked for"),
    }
}

fn opens_phase(state: &RunState, phase: Phase) -> Refusal {
    let mut earlier = Phase::ALL.into_iter().take_while(|other| *other < phase);
    if *state.phase(phase) != PhaseState::Pending {
        return Err("the phase is not pending");
    }
    if !earlier.all(|other| state.phase(other).is_closed()) {
        return Err("an earlier phase is not closed");
    }
    if state.uncompensated().is_some() {
        return Err("a failed phase is not taken back");
    }
    Ok(())
}

fn closes_phase(state: &RunState, phase: Phase) -> Refusal {
    let mut units = state.units.iter().filter(|(unit, _)| unit.phase == phase);
    if *state.phase(phase) != PhaseState::InProgress {
        return Err("the phase is not in progress");
    }
    if units.any(|(_, unit)| unit.done.is_none()) {
        return Err("a unit of the phase is not done");
    }
    Ok(())
}

fn starts_unit(state: &RunState, unit: &UnitKey, attempt: u32) -> Refusal {
    let known = state.units.get(unit);
    if *state.phase(unit.phase) != PhaseState::InProgress {
        return Err("the phase of the unit is not in progress");
    }
    if known.is_some_and(|known| known.is_open) {
        return Err("the unit is open");
    }
    if known.is_some_and(|known| known.done.is_some()) {
        return Err("the unit is done");
    }
    if attempt != known.map_or(0, |known| known.attempts) + 1 {
        return Err("the attempt is out of order");
    }
    Ok(())
}

fn ends_unit(state: &RunState, unit: &UnitKey, attempt: u32) -> Refusal {
    match state.units.get(unit) {
        Some(known) if known.is_open && known.attempts == attempt => Ok(()),
        _ => Err("an outcome without an intent"),
    }
}

fn starts_compensation(state: &RunState, phase: Phase, attempt: u32) -> Refusal {
    let known = state.compensations.get(&phase);
    if state.uncompensated() != Some(phase) {
        return Err("nothing of that phase is to be taken back");
    }
    if known.is_some_and(|known| known.is_open) {
        return Err("the phase is being taken back");
    }
    if attempt != known.map_or(0, |known| known.attempts) + 1 {
        return Err("the attempt is out of order");
    }
    Ok(())
}

fn ends_compensation(state: &RunState, phase: Phase, attempt: Option<u32>) -> Refusal {
    match state.compensations.get(&phase) {
        Some(known) if known.is_open && attempt.is_none_or(|number| number == known.attempts) => {
            Ok(())
        }
        _ => Err("an outcome without an intent"),
    }
}

fn all_closed(state: &RunState) -> Refusal {
    if !Phase::ALL
        .into_iter()
        .all(|phase| state.phase(phase).is_closed())
    {
        return Err("a phase is not closed");
    }
    if state.uncompensated().is_some() {
        return Err("a failed phase is not taken back");
    }
    Ok(())
}
