//! The crash matrix: the process dies at every append of a run, in every way; another goes on.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use redistrict_journal::{Event, RunStatus};
use redistrict_model::{ErrorKind, UnitKey};
use redistrict_orchestrator::{OrchestratorError, RunSummary};

use crate::dying_journal::{Death, DyingJournal};
use crate::fixture::{Place, Recorder, run_id};
use crate::world::{Fault, World, name_of};

type Result = std::result::Result<RunSummary, OrchestratorError>;

/// Lets a process work that dies at the append of that number (0: never). None if it died.
fn live(place: &Place, dies_at: usize, death: Death) -> (Option<Result>, usize) {
    let journal = Arc::new(DyingJournal::new(
        Arc::clone(&place.journal),
        dies_at,
        death,
    ));
    let counted = Arc::clone(&journal);
    let is_known = !place.journal.read(&run_id()).unwrap().is_empty();
    let work = AssertUnwindSafe(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let process = place.process_with(journal, Arc::new(Recorder::default()));
        runtime.block_on(async {
            if is_known {
                process.resume(&run_id(), place.skills()).await
            } else {
                process.run(place.request()).await
            }
        })
    });
    let result = catch_unwind(work).ok();
    (result, counted.appends())
}

fn done_units(place: &Place) -> Vec<UnitKey> {
    let records = place.journal.read(&run_id()).unwrap();
    let done = records.into_iter().filter_map(|record| match record.event {
        Event::UnitDone { unit, .. } => Some(unit),
        _ => None,
    });
    done.collect()
}

/// What has to come out the same however often the process died.
#[derive(Debug, PartialEq)]
struct End {
    effects: BTreeMap<String, String>,
    status: RunStatus,
    phases: Vec<String>,
    outcomes: Vec<(String, u64)>,
    findings: usize,
}

fn end(place: &Place, summary: RunSummary) -> End {
    let outcomes = summary.outcomes.iter();
    End {
        effects: place.world.effects(),
        status: summary.status,
        phases: summary
            .phases
            .iter()
            .map(|(_, state, _)| format!("{state:?}"))
            .collect(),
        outcomes: outcomes
            .map(|(unit, outcome)| (name_of(unit), outcome.rows))
            .collect(),
        findings: summary.findings.len(),
    }
}

fn undisturbed(script: impl Fn(&World)) -> (End, usize) {
    let place = Place::new();
    script(&place.world);
    let (result, appends) = live(&place, 0, Death::Before);
    let summary = result.unwrap().unwrap();
    (end(&place, summary), appends)
}

/// Dies at each of those appends in turn, then goes on to the end.
fn disturbed(script: impl Fn(&World), deaths: &[usize], death: Death) -> End {
    let place = Place::new();
    script(&place.world);
    for dies_at in deaths {
        let (result, _) = live(&place, *dies_at, death);
        let is_dead = match &result {
            None => true,
            Some(Err(error)) => matches!(error, OrchestratorError::Journal { .. }),
            Some(Ok(_)) => false,
        };
        assert!(is_dead, "dies at {dies_at} of {deaths:?}: {result:?}");
    }
    let done = done_units(&place);
    let calls = |unit: &UnitKey| place.world.count(&name_of(unit));
    let before: Vec<_> = done.iter().map(calls).collect();
    let (result, _) = live(&place, 0, death);
    let after: Vec<_> = done.iter().map(calls).collect();
    assert_eq!(before, after, "units that are done are not run again");
    end(&place, result.unwrap().unwrap())
}

fn matrix(script: impl Fn(&World) + Copy) {
    let (expected, appends) = undisturbed(script);
    assert!(appends > 20, "{appends}");
    for death in Death::ALL {
        // A resume of a run whose end is written finds it ended: that is no death before the end.
        for dies_at in 1..=appends {
            assert_eq!(
                disturbed(script, &[dies_at], death),
                expected,
                "{death:?} at {dies_at}"
            );
        }
    }
}

#[test]
fn a_run_that_dies_at_any_append_ends_as_an_undisturbed_one() {
    matrix(|_| {});
}

#[test]
fn a_run_with_retries_that_dies_at_any_append_ends_as_an_undisturbed_one() {
    matrix(|world| {
        let lost = Fault::FailAfter(ErrorKind::Transient);
        world.script("Extraction extract hcp1", &[lost]);
        world.script("Loading merge", &[lost, lost]);
    });
}

#[test]
fn a_failing_run_that_dies_at_any_append_is_taken_back_and_reported() {
    matrix(|world| {
        world.script_for_good("Loading merge", Fault::FailAfter(ErrorKind::Conflict));
        world.script(
            "Loading take back stage+merge",
            &[Fault::Fail(ErrorKind::Transient)],
        );
    });
}

#[test]
fn a_run_that_dies_and_whose_resume_dies_at_any_append_ends_as_an_undisturbed_one() {
    let script = |_: &World| {};
    let (expected, appends) = undisturbed(script);
    for first in 2..appends {
        // From its second append on: the resumed run has journaled that it was resumed.
        for second in 1..=4.min(appends - first) {
            let ended = disturbed(script, &[first, second], Death::After);
            assert_eq!(ended, expected, "after {first} and {second}");
        }
    }
}

#[test]
fn a_run_that_dies_again_and_again_gets_on_with_every_process() {
    let script = |_: &World| {};
    let (expected, appends) = undisturbed(script);
    // Each process journals that it goes on, an intent and an outcome, and dies.
    let processes = vec![4; appends / 4];
    assert_eq!(disturbed(script, &processes, Death::After), expected);
}
