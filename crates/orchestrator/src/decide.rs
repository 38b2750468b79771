//! What is next in a run. Pure and total: no clock, no I/O, no skill; the same state and
//! occurrence always give the same actions.

use std::time::Duration;

use redistrict_journal::{Event, PhaseState, RunKind, RunState};
use redistrict_model::{ErrorKind, Phase, UnitKey};
use redistrict_skill::{SkillError, UnitOutcome};
use serde::Serialize;

use crate::gate::{self, AtGate};
use crate::retry::{Directive, directive, salt};
use crate::schedule::Schedule;

/// What has just happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Occurrence {
    /// Nothing that is not in the state: a run begins or is resumed, or an action without result
    /// is done.
    Ready,
    /// Somebody asked to stop.
    Cancelled,
    UnitDone {
        unit: UnitKey,
        attempt: u32,
        millis: u64,
        outcome: UnitOutcome,
    },
    UnitFailed {
        unit: UnitKey,
        attempt: u32,
        millis: u64,
        error: SkillError,
    },
    Compensated {
        phase: Phase,
        outcome: UnitOutcome,
    },
    CompensationFailed {
        phase: Phase,
        attempt: u32,
        error: SkillError,
    },
}

/// What is to be done, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Make it durable and take it into the state.
    Journal(Box<Event>),
    RunUnit {
        unit: UnitKey,
        attempt: u32,
    },
    /// Take back what the phase's skills did outside.
    Compensate {
        phase: Phase,
        attempt: u32,
    },
    Wait(Duration),
    /// Nothing goes on until somebody approves.
    AwaitApproval {
        phase: Phase,
    },
    /// Note in the run that this one takes back (or puts in again) that it did.
    MarkParent,
    /// This process has nothing more to do.
    Leave,
}

/// How long was worked, on the phase in progress and on the whole run, and what time it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    pub phase_millis: u64,
    pub run_millis: u64,
    /// Milliseconds since 1970 UTC: an approval counts until then and no longer.
    pub wall_millis: u64,
}

/// What is next.
///
/// Phases run one after another, a phase's units one after another. A phase that cannot be finished
/// is taken back, the phases before Reporting are skipped, Reporting runs still, and the first
/// failure is the run's. Stopping on purpose takes nothing back, and nothing is taken back past a phase's point
/// of no return: what fails there makes the run wait.
#[must_use]
pub fn decide(
    state: &RunState,
    schedule: &Schedule,
    timing: Timing,
    occurrence: Occurrence,
) -> Vec<Action> {
    match occurrence {
        Occurrence::Ready => next(state, schedule, timing),
        Occurrence::Cancelled if state.is_unfinished() && !state.is_interrupted() => interrupt(),
        Occurrence::Cancelled => vec![Action::Leave],
        Occurrence::UnitDone {
            unit,
            attempt,
            millis,
            outcome,
        } => vec![journal(Event::UnitDone {
            unit,
            attempt,
            millis,
            outcome: as_json(&outcome),
        })],
        Occurrence::UnitFailed {
            unit,
            attempt,
            millis,
            error,
        } => {
            let next = after_unit(state, schedule, &unit, &error);
            after_failure(next, |wait, waits| Event::UnitFailed {
                unit,
                attempt,
                kind: error.kind,
                error: as_json(&error),
                millis,
                retry_after_millis: wait,
                waits,
            })
        }
        Occurrence::Compensated { phase, outcome } => {
            vec![journal(Event::CompensationDone {
                phase,
                outcome: as_json(&outcome),
            })]
        }
        Occurrence::CompensationFailed {
            phase,
            attempt,
            error,
        } => compensation_failed(state, schedule, phase, attempt, &error),
    }
}

fn next(state: &RunState, schedule: &Schedule, timing: Timing) -> Vec<Action> {
    if !state.is_unfinished() || state.is_interrupted() || state.is_parked() {
        return vec![Action::Leave];
    }
    if let Some(phase) = state.uncompensated() {
        return take_back(state, phase);
    }
    let open = Phase::ALL
        .into_iter()
        .find(|phase| !state.phase(*phase).is_closed());
    match open {
        None => end(state, timing),
        Some(phase) if *state.phase(phase) == PhaseState::Pending => {
            begin_phase(state, schedule, phase)
        }
        Some(phase) => continue_phase(state, schedule, phase, timing),
    }
}

fn begin_phase(state: &RunState, schedule: &Schedule, phase: Phase) -> Vec<Action> {
    let reason = match (schedule.skip(phase), &state.failure) {
        (Some(reason), _) => Some(reason.to_owned()),
        (None, Some(failure)) if phase != Phase::Reporting => {
            Some(format!("{} failed", failure.phase))
        }
        _ => None,
    };
    vec![journal(match reason {
        Some(reason) => Event::PhaseSkipped { phase, reason },
        None => Event::PhaseStarted {
            phase,
            units: u32::try_from(schedule.units(phase).len()).unwrap_or(u32::MAX),
        },
    })]
}

fn continue_phase(
    state: &RunState,
    schedule: &Schedule,
    phase: Phase,
    timing: Timing,
) -> Vec<Action> {
    let is_done = |unit: &&UnitKey| {
        state
            .units
            .get(unit)
            .is_some_and(|known| known.done.is_some())
    };
    let Some(unit) = schedule.units(phase).iter().find(|unit| !is_done(unit)) else {
        let millis = timing.phase_millis;
        return vec![journal(Event::PhaseDone { phase, millis })];
    };
    match gate::before(state, schedule, unit, timing.wall_millis) {
        AtGate::Open => {}
        AtGate::Journal(event) => return vec![Action::Journal(event)],
        AtGate::Waiting => return vec![Action::AwaitApproval { phase }],
    }
    let attempt = state.units.get(unit).map_or(0, |known| known.attempts) + 1;
    vec![
        journal(Event::UnitStarted {
            unit: unit.clone(),
            attempt,
        }),
        Action::RunUnit {
            unit: unit.clone(),
            attempt,
        },
    ]
}

/// What a failed attempt of a unit leads to.
fn after_unit(
    state: &RunState,
    schedule: &Schedule,
    unit: &UnitKey,
    error: &SkillError,
) -> Directive {
    let known = state.units.get(unit);
    let retries = known.map_or(0, |known| match error.kind {
        ErrorKind::Busy => u32::try_from(known.failures.len()).unwrap_or(u32::MAX),
        _ => known.retries,
    });
    let name = format!("{} {unit}", unit.phase);
    let next = directive(error.kind, retries, salt(schedule.jitter_seed, &name));
    let keeps = error.keeps || schedule.is_decided(state, unit.phase);
    let may_wait = keeps
        || match next {
            // A lease that was refused is no lease.
            Directive::LetPass(_) => !state.has_touched_cert_but_for(unit),
            _ => !state.has_touched_cert(),
        };
    match next {
        Directive::Stop if keeps => Directive::AskHuman,
        // Another process has taken over: to ask again would change nothing.
        Directive::LetPass(_) if error.keeps => Directive::AskHuman,
        Directive::LetPass(_) | Directive::AskHuman if !may_wait => Directive::Stop,
        Directive::LetPass(wait) if schedule.stays => Directive::Retry(wait),
        next => next,
    }
}

fn take_back(state: &RunState, phase: Phase) -> Vec<Action> {
    let known = state.compensations.get(&phase);
    let attempt = known.map_or(0, |known| known.attempts) + 1;
    vec![
        journal(Event::CompensationStarted { phase, attempt }),
        Action::Compensate { phase, attempt },
    ]
}

fn compensation_failed(
    state: &RunState,
    schedule: &Schedule,
    phase: Phase,
    attempt: u32,
    error: &SkillError,
) -> Vec<Action> {
    let known = state.compensations.get(&phase);
    let retries = known.map_or(0, |known| known.retries);
    let salt = salt(schedule.jitter_seed, &format!("take back {phase}"));
    let next = directive(error.kind, retries, salt);
    let mut actions = after_failure(next, |wait, _waits| Event::CompensationFailed {
        phase,
        attempt,
        kind: error.kind,
        error: as_json(error),
        retry_after_millis: wait,
    });
    if actions.len() == 1 {
        actions.push(Action::Leave);
    }
    actions
}

/// Journals the failure with the wait that follows, or stops without one, for good or until a person
/// has helped.
fn after_failure(next: Directive, event: impl FnOnce(Option<u64>, bool) -> Event) -> Vec<Action> {
    match next {
        Directive::Interrupt => interrupt(),
        Directive::Stop => vec![journal(event(None, false))],
        Directive::AskHuman | Directive::LetPass(_) => vec![journal(event(None, true))],
        Directive::Retry(wait) => {
            let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            let wait = Duration::from_millis(millis);
            vec![journal(event(Some(millis), false)), Action::Wait(wait)]
        }
    }
}

fn interrupt() -> Vec<Action> {
    let signal = "asked to stop".to_owned();
    vec![journal(Event::RunInterrupted { signal }), Action::Leave]
}

fn end(state: &RunState, timing: Timing) -> Vec<Action> {
    let millis = timing.run_millis;
    let Some(failure) = &state.failure else {
        let is_loaded = *state.phase(Phase::Loading) == PhaseState::Completed;
        let marks = state.kind == RunKind::Undo && is_loaded && !state.options.dry_run;
        let mark = marks.then_some(Action::MarkParent);
        return mark
            .into_iter()
            .chain([journal(Event::RunSucceeded { millis }), Action::Leave])
            .collect();
    };
    vec![
        journal(Event::RunFailed {
            phase: failure.phase,
            kind: failure.kind,
            error: failure.error.clone(),
            millis,
        }),
        Action::Leave,
    ]
}

fn journal(event: Event) -> Action {
    Action::Journal(Box::new(event))
}

fn as_json(value: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(value).expect("outcomes and errors are plain data, which JSON can hold")
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
