//! Tables of states and what follows from them. No clock, no journal, no skill.

use std::collections::BTreeMap;

use redistrict_journal::{Record, RunOptions, fold};
use redistrict_model::{DistrictId, RunId};
use serde_json::json;

use super::*;
use crate::compose::compose;
use crate::schedule::PhaseSchedule;

const P: [Phase; 5] = Phase::ALL;

fn schedule() -> Schedule {
    let phases = P.map(|phase| {
        let skip = (phase == Phase::Anonymization).then(|| "not now".to_owned());
        let units = if skip.is_some() {
            Vec::new()
        } else {
            vec![unit(phase, "a"), unit(phase, "b")]
        };
        let schedule = PhaseSchedule {
            skip,
            units,
            gate: None,
            deciding: vec![unit(phase, "a")],
        };
        (phase, schedule)
    });
    Schedule {
        phases: BTreeMap::from(phases),
        jitter_seed: 1,
        stays: false,
    }
}

fn unit(phase: Phase, step: &str) -> UnitKey {
    UnitKey::new(phase, step)
}

fn state(kind: RunKind, events: &[Event]) -> RunState {
    let sections = serde_json::from_value(json!({
        "extract": {
            "catalogs": [], "tables": [],
            "ownership": { "root": "a.b.c", "root_key": [], "tables": [], "edges": [] }
        },
        "anonymize": { "key_version": 1, "columns": [] },
        "validate": {},
        "load": { "groups": [], "tables": [] }
    }));
    let district = DistrictId::new("2");
    let head = Event::RunStarted {
        format_version: 1,
        run: RunId::new("mig-1"),
        kind,
        district: district.clone(),
        options: RunOptions::default(),
        parent: None,
        plan: compose(district, None, sections.unwrap(), Vec::new()),
    };
    let records: Vec<_> = std::iter::once(&head)
        .chain(events)
        .map(|event| Record {
            sequence: 1,
            wall_millis: 0,
            event: event.clone(),
        })
        .collect();
    fold(&records).unwrap()
}

const TIMING: Timing = Timing {
    phase_millis: 11,
    run_millis: 22,
    wall_millis: 33,
};

fn ready(events: &[Event]) -> Vec<Action> {
    let state = state(RunKind::Migration, events);
    decide(&state, &schedule(), TIMING, Occurrence::Ready)
}

fn phase_started(phase: Phase) -> Event {
    Event::PhaseStarted { phase, units: 2 }
}

fn phase_done(phase: Phase) -> Event {
    Event::PhaseDone { phase, millis: 11 }
}

fn skipped(phase: Phase, reason: &str) -> Event {
    Event::PhaseSkipped {
        phase,
        reason: reason.to_owned(),
    }
}

fn unit_started(unit: &UnitKey, attempt: u32) -> Event {
    Event::UnitStarted {
        unit: unit.clone(),
        attempt,
    }
}

fn unit_done(unit: &UnitKey) -> Event {
    Event::UnitDone {
        unit: unit.clone(),
        attempt: 1,
        millis: 3,
        outcome: as_json(&UnitOutcome::default()),
    }
}

fn error(kind: ErrorKind) -> SkillError {
    SkillError::new(kind, "do it")
}

fn unit_failed(unit: &UnitKey, kind: ErrorKind, wait: Option<u64>) -> Event {
    Event::UnitFailed {
        unit: unit.clone(),
        attempt: 1,
        kind,
        error: as_json(&error(kind)),
        millis: 3,
        retry_after_millis: wait,
        waits: false,
    }
}

#[test]
fn phases_start_in_order_and_skipped_ones_say_why() {
    assert_eq!(ready(&[]), [journal(phase_started(P[0]))]);
    let skip = journal(skipped(P[1], "not now"));
    assert_eq!(ready(&[phase_done(P[0])]), [skip]);
    let closed = [phase_done(P[0]), skipped(P[1], "not now")];
    assert_eq!(ready(&closed), [journal(phase_started(P[2]))]);
}

#[test]
fn units_run_in_order_and_the_phase_ends_after_the_last() {
    let (a, b) = (unit(P[0], "a"), unit(P[0], "b"));
    let runs = |unit: &UnitKey, attempt| {
        let unit = unit.clone();
        [
            journal(unit_started(&unit, attempt)),
            Action::RunUnit { unit, attempt },
        ]
    };
    let begun = [phase_started(P[0])];
    assert_eq!(ready(&begun), runs(&a, 1));
    let one_done = [phase_started(P[0]), unit_started(&a, 1), unit_done(&a)];
    assert_eq!(ready(&one_done), runs(&b, 1));
    let died = [unit_started(&b, 1), Event::RunResumed { process: 1 }];
    assert_eq!(ready(&[one_done.as_slice(), &died].concat()), runs(&b, 2));
    let both_done = [one_done.as_slice(), &[unit_started(&b, 1), unit_done(&b)]].concat();
    assert_eq!(ready(&both_done), [journal(phase_done(P[0]))]);
}

#[test]
fn the_end_follows_the_last_phase() {
    let closed = P.map(phase_done);
    let succeeded = journal(Event::RunSucceeded { millis: 22 });
    assert_eq!(ready(&closed), [succeeded.clone(), Action::Leave]);
    let undo = state(RunKind::Undo, &closed);
    let actions = decide(&undo, &schedule(), TIMING, Occurrence::Ready);
    assert_eq!(actions, [Action::MarkParent, succeeded, Action::Leave]);
    let ended = [closed.as_slice(), &[Event::RunSucceeded { millis: 22 }]].concat();
    assert_eq!(ready(&ended), [Action::Leave]);
}

#[test]
fn a_failure_is_taken_back_then_skipped_over_then_reported_then_the_end() {
    let a = unit(P[2], "a");
    let mut events = vec![phase_done(P[0]), phase_done(P[1]), phase_started(P[2])];
    events.extend([
        unit_started(&a, 1),
        unit_failed(&a, ErrorKind::Validation, None),
    ]);
    let started = |attempt| Event::CompensationStarted {
        phase: P[2],
        attempt,
    };
    let takes_back = |attempt| {
        [
            journal(started(attempt)),
            Action::Compensate {
                phase: P[2],
                attempt,
            },
        ]
    };
    assert_eq!(ready(&events), takes_back(1));
    events.extend([started(1), Event::RunResumed { process: 1 }]);
    assert_eq!(ready(&events), takes_back(2));
    let outcome = as_json(&UnitOutcome::default());
    events.push(Event::CompensationDone {
        phase: P[2],
        outcome,
    });
    assert_eq!(
        ready(&events),
        [journal(skipped(P[3], "Validation failed"))]
    );
    events.push(skipped(P[3], "Validation failed"));
    assert_eq!(ready(&events), [journal(phase_started(P[4]))]);
    events.push(phase_done(P[4]));
    let failed = Event::RunFailed {
        phase: P[2],
        kind: ErrorKind::Validation,
        error: as_json(&error(ErrorKind::Validation)),
        millis: 22,
    };
    assert_eq!(ready(&events), [journal(failed), Action::Leave]);
}

#[test]
fn what_a_unit_ended_with_decides_what_follows() {
    let a = unit(P[0], "a");
    let running = [phase_started(P[0]), unit_started(&a, 1)];
    let after = |kind| {
        let state = state(RunKind::Migration, &running);
        let failed = Occurrence::UnitFailed {
            unit: a.clone(),
            attempt: 1,
            millis: 3,
            error: error(kind),
        };
        decide(&state, &schedule(), TIMING, failed)
    };
    let stopped = [journal(unit_failed(&a, ErrorKind::Data, None))];
    assert_eq!(after(ErrorKind::Data), stopped);
    let interrupted = after(ErrorKind::Interrupted);
    assert!(matches!(&interrupted[0], Action::Journal(event)
        if matches!(**event, Event::RunInterrupted { .. })));
    assert_eq!(interrupted[1], Action::Leave);
    let [Action::Journal(event), Action::Wait(wait)] = &after(ErrorKind::Transient)[..] else {
        panic!("a retry is a failure and a wait");
    };
    let millis = u64::try_from(wait.as_millis()).unwrap();
    assert_eq!(**event, unit_failed(&a, ErrorKind::Transient, Some(millis)));
    assert!((1000..=1500).contains(&millis));
}

/// Unit `a` is the point of no return.
#[test]
fn past_the_point_of_no_return_whatever_fails_waits_and_before_it_the_phase_fails() {
    let (a, b) = (unit(P[3], "a"), unit(P[3], "b"));
    let begun = [phase_started(P[3]), unit_started(&a, 1)];
    let decided = [begun.as_slice(), &[unit_done(&a), unit_started(&b, 1)]].concat();
    let waits = |events: &[Event], unit: &UnitKey, error: SkillError| {
        let state = state(RunKind::Migration, events);
        let failed = Occurrence::UnitFailed {
            unit: unit.clone(),
            attempt: 1,
            millis: 3,
            error,
        };
        let actions = decide(&state, &schedule(), TIMING, failed);
        let [Action::Journal(event), rest @ ..] = actions.as_slice() else {
            panic!("a failure is journaled");
        };
        match **event {
            Event::UnitFailed {
                waits,
                retry_after_millis,
                ..
            } => (waits, retry_after_millis.is_some() && rest.len() == 1),
            _ => panic!("{event:?}"),
        }
    };
    for kind in [
        ErrorKind::Data,
        ErrorKind::Conflict,
        ErrorKind::Corrupt,
        ErrorKind::Config,
        ErrorKind::Auth,
        ErrorKind::Busy,
        ErrorKind::Bug,
    ] {
        assert_eq!(waits(&decided, &b, error(kind)), (true, false), "{kind:?}");
        let keeping = error(kind).keeping();
        assert_eq!(waits(&begun, &a, keeping), (true, false), "{kind:?}");
    }
    for kind in [ErrorKind::Data, ErrorKind::Conflict, ErrorKind::Bug] {
        assert_eq!(waits(&begun, &a, error(kind)), (false, false), "{kind:?}");
    }
    let lost = error(ErrorKind::Transient);
    assert_eq!(waits(&decided, &b, lost.clone()), (false, true));
    let retried = |number| Event::UnitFailed {
        unit: b.clone(),
        attempt: number,
        kind: ErrorKind::Transient,
        error: as_json(&lost),
        millis: 3,
        retry_after_millis: Some(1),
        waits: false,
    };
    let mut exhausted = decided;
    for number in 1..=3 {
        exhausted.extend([retried(number), unit_started(&b, number + 1)]);
    }
    assert_eq!(waits(&exhausted, &b, lost), (true, false));
}

#[test]
fn a_process_that_stays_does_not_ask_again_for_what_another_one_has_taken_over() {
    let a = unit(P[3], "a");
    let state = state(
        RunKind::Migration,
        &[phase_started(P[3]), unit_started(&a, 1)],
    );
    let stays = Schedule {
        stays: true,
        ..schedule()
    };
    let after = |error: SkillError| {
        let failed = Occurrence::UnitFailed {
            unit: a.clone(),
            attempt: 1,
            millis: 3,
            error,
        };
        decide(&state, &stays, TIMING, failed).len()
    };
    assert_eq!(after(error(ErrorKind::Busy)), 2, "a failure and a wait");
    assert_eq!(after(error(ErrorKind::Busy).keeping()), 1);
}

#[test]
fn stopping_is_journaled_once_and_an_ended_run_is_left() {
    let cancelled = |events: &[Event]| {
        let state = state(RunKind::Migration, events);
        decide(&state, &schedule(), TIMING, Occurrence::Cancelled)
    };
    assert_eq!(cancelled(&[]).len(), 2);
    let signal = "asked to stop".to_owned();
    let interrupted = [Event::RunInterrupted { signal }];
    assert_eq!(cancelled(&interrupted), [Action::Leave]);
    assert_eq!(ready(&interrupted), [Action::Leave]);
    let ended = [
        P.map(phase_done).as_slice(),
        &[Event::RunSucceeded { millis: 1 }],
    ]
    .concat();
    assert_eq!(cancelled(&ended), [Action::Leave]);
}

#[test]
fn what_cannot_be_taken_back_is_left_for_resume() {
    let a = unit(P[3], "a");
    let mut events = P[..3].iter().copied().map(phase_done).collect::<Vec<_>>();
    events.extend([
        phase_started(P[3]),
        unit_started(&a, 1),
        unit_failed(&a, ErrorKind::Data, None),
    ]);
    events.push(Event::CompensationStarted {
        phase: P[3],
        attempt: 1,
    });
    let state = state(RunKind::Migration, &events);
    let after = |kind| {
        let failed = Occurrence::CompensationFailed {
            phase: P[3],
            attempt: 1,
            error: error(kind),
        };
        decide(&state, &schedule(), TIMING, failed)
    };
    assert_eq!(after(ErrorKind::Auth).last(), Some(&Action::Leave));
    assert!(matches!(
        after(ErrorKind::Transient).last(),
        Some(Action::Wait(_))
    ));
}
