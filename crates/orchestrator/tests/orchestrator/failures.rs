//! Failures: retries with their waits, what cannot be finished, what has to be taken back.

use std::sync::Arc;
use std::time::Duration;

use redistrict_journal::{PhaseState, RunStatus};
use redistrict_model::{ErrorKind, Phase, UnitKey};
use redistrict_orchestrator::{FeedEvent, MAX_RETRIES, RunSummary};
use redistrict_skill::Cancel;

use crate::fixture::{Place, Recorder};
use crate::world::Fault;

const LOST: Fault = Fault::Fail(ErrorKind::Transient);
const MERGE: &str = "Loading merge";
const TAKE_BACK: &str = "Loading take back stage+merge";

fn failed_in(summary: &RunSummary) -> Option<(Phase, ErrorKind)> {
    match &summary.status {
        RunStatus::Failed(failure) => Some((failure.phase, failure.kind)),
        _ => None,
    }
}

fn merge() -> UnitKey {
    UnitKey::new(Phase::Loading, "merge")
}

fn waits(place: &Place) -> Vec<u64> {
    let state = place.state();
    let failures = &state.units[&merge()].failures;
    failures
        .iter()
        .filter_map(|failure| failure.retry_after_millis)
        .collect()
}

#[tokio::test]
async fn three_transient_failures_are_retried_with_growing_waits() {
    let (undisturbed, place) = (Place::new(), Place::new());
    undisturbed.run().await;
    place.world.script(
        MERGE,
        &[LOST, Fault::FailAfter(ErrorKind::Unreachable), LOST],
    );
    let feed = Arc::new(Recorder::default());
    let process = place.process_with(Arc::clone(&place.journal), Arc::<Recorder>::clone(&feed));
    let start = process.clock.monotonic();
    let summary = process.run(place.request()).await.unwrap();
    let waited = process.clock.monotonic() - start;
    assert_eq!(summary.status, RunStatus::Succeeded);
    assert_eq!(summary.retries, 3);
    assert_eq!(place.world.count(MERGE), 4);
    assert_eq!(place.world.effects(), undisturbed.world.effects());

    let waits = waits(&place);
    assert!(waits.is_sorted() && waits.len() == 3, "{waits:?}");
    assert!(
        (1000..=1500).contains(&waits[0]) && (9000..=13500).contains(&waits[2]),
        "{waits:?}"
    );
    assert_eq!(
        waited,
        Duration::from_millis(waits.iter().sum()),
        "nothing else took time"
    );
    let told: Vec<_> = feed
        .events()
        .into_iter()
        .filter_map(|event| match event {
            FeedEvent::Retry {
                attempt,
                wait,
                error,
                ..
            } => Some((attempt, wait, error.kind)),
            _ => None,
        })
        .collect();
    let expected = [
        ErrorKind::Transient,
        ErrorKind::Unreachable,
        ErrorKind::Transient,
    ];
    for (number, (attempt, wait, kind)) in told.into_iter().enumerate() {
        assert_eq!(attempt as usize, number + 1);
        assert_eq!(wait, Duration::from_millis(waits[number]));
        assert_eq!(kind, expected[number]);
    }
}

#[tokio::test]
async fn waits_are_the_same_for_the_same_seed_and_differ_for_another() {
    let of_seed = async |seed: u64| {
        let place = Place::new();
        place.world.script(MERGE, &[LOST; 3]);
        let mut process = place.process();
        process.jitter_seed = seed;
        process.run(place.request()).await.unwrap();
        waits(&place)
    };
    assert_eq!(of_seed(1).await, of_seed(1).await);
    assert_ne!(of_seed(1).await, of_seed(2).await);
}

#[tokio::test]
async fn a_fourth_transient_failure_ends_the_run() {
    let place = Place::new();
    place.world.script_for_good(MERGE, LOST);
    let summary = place.run().await;
    assert_eq!(
        failed_in(&summary),
        Some((Phase::Loading, ErrorKind::Transient))
    );
    assert_eq!(place.world.count(MERGE), 1 + MAX_RETRIES as usize);
    assert_eq!(place.world.count(TAKE_BACK), 1);
}

#[tokio::test]
async fn a_permanent_failure_is_taken_back_and_reported() {
    let place = Place::new();
    place
        .world
        .script(MERGE, &[Fault::FailAfter(ErrorKind::Conflict)]);
    let summary = place.run().await;
    assert_eq!(
        failed_in(&summary),
        Some((Phase::Loading, ErrorKind::Conflict))
    );
    let (phase, error) = summary.error.unwrap();
    assert_eq!((phase, error.kind), (Phase::Loading, ErrorKind::Conflict));
    assert_eq!(error.message, "hear that it was done");
    let left: Vec<_> = place.world.effects().into_keys().collect();
    assert!(
        !left.iter().any(|name| name.starts_with("Loading")),
        "{left:?}"
    );
    assert!(
        left.contains(&"Extraction extract ids".to_owned()),
        "artifacts are preserved"
    );
    assert!(left.contains(&"Reporting report".to_owned()), "{left:?}");
    let journaled = place.journaled();
    let tail: Vec<_> = journaled
        .iter()
        .skip_while(|name| *name != "unit_failed")
        .collect();
    assert_eq!(tail[1..3], ["compensation_started", "compensation_done"]);
    assert_eq!(*tail[tail.len() - 1], "run_failed");
    assert!(!place.state().is_unfinished());
}

#[tokio::test]
async fn phases_between_the_failed_one_and_reporting_are_skipped() {
    let place = Place::new();
    place
        .world
        .script("Anonymization mask", &[Fault::Fail(ErrorKind::Leak)]);
    let summary = place.run().await;
    assert_eq!(
        failed_in(&summary),
        Some((Phase::Anonymization, ErrorKind::Leak))
    );
    let reason = "Anonymization failed".to_owned();
    let skipped = PhaseState::Skipped { reason };
    let states: Vec<_> = summary
        .phases
        .into_iter()
        .map(|(_, state, _)| state)
        .collect();
    assert_eq!(
        states,
        [
            PhaseState::Completed,
            PhaseState::Failed,
            skipped.clone(),
            skipped,
            PhaseState::Completed
        ]
    );
    assert_eq!(
        place.world.count(TAKE_BACK),
        0,
        "only the failed phase is taken back"
    );
}

#[tokio::test]
async fn a_report_that_fails_too_does_not_hide_the_first_error() {
    let place = Place::new();
    place
        .world
        .script("Validation check", &[Fault::Fail(ErrorKind::Validation)]);
    place
        .world
        .script("Reporting report", &[Fault::Fail(ErrorKind::Data)]);
    let summary = place.run().await;
    assert_eq!(
        failed_in(&summary),
        Some((Phase::Validation, ErrorKind::Validation))
    );
    let (_, state, _) = summary.phases.last().unwrap();
    assert_eq!(*state, PhaseState::Failed);
}

#[tokio::test]
async fn a_report_that_fails_alone_fails_the_run_and_leaves_what_was_loaded() {
    let place = Place::new();
    place
        .world
        .script("Reporting sweep", &[Fault::Fail(ErrorKind::Leak)]);
    let summary = place.run().await;
    assert_eq!(
        failed_in(&summary),
        Some((Phase::Reporting, ErrorKind::Leak))
    );
    assert!(place.world.effects().contains_key(MERGE));
    let calls = place.world.calls();
    let taken_back = &calls[calls.len() - 2..];
    assert_eq!(
        taken_back,
        ["Reporting take back sweep", "Reporting take back report"]
    );
}

#[tokio::test]
async fn a_panic_of_a_skill_is_a_bug_and_tells_nothing_of_what_it_said() {
    let place = Place::new();
    place.world.script(MERGE, &[Fault::Panic]);
    let summary = place.run().await;
    assert_eq!(failed_in(&summary), Some((Phase::Loading, ErrorKind::Bug)));
    assert_eq!(place.world.count(TAKE_BACK), 1);
    assert!(!format!("{summary:?}").contains("scripted"));
}

#[tokio::test]
async fn taking_back_is_retried_by_the_same_policy() {
    let place = Place::new();
    place
        .world
        .script_for_good(MERGE, Fault::Fail(ErrorKind::Data));
    place
        .world
        .script(TAKE_BACK, &[LOST, Fault::FailAfter(ErrorKind::Unreachable)]);
    let summary = place.run().await;
    assert_eq!(failed_in(&summary), Some((Phase::Loading, ErrorKind::Data)));
    assert_eq!(place.world.count(TAKE_BACK), 3);
    assert_eq!(summary.retries, 2);
    assert_eq!(summary.compensation_error, None);
}

#[tokio::test]
async fn what_cannot_be_taken_back_leaves_the_run_unfinished_and_resume_goes_on_with_it() {
    let place = Place::new();
    place.world.script(MERGE, &[Fault::Fail(ErrorKind::Data)]);
    place.world.script(
        TAKE_BACK,
        &[LOST, LOST, LOST, LOST, Fault::Fail(ErrorKind::Auth)],
    );
    let summary = place.run().await;
    assert_eq!(summary.status, RunStatus::Compensating);
    assert_eq!(summary.error.unwrap().1.kind, ErrorKind::Data);
    let (phase, error) = summary.compensation_error.unwrap();
    assert_eq!((phase, error.kind), (Phase::Loading, ErrorKind::Transient));
    assert!(place.state().is_unfinished());
    assert!(place.world.effects().contains_key("Loading stage"));
    assert_eq!(
        place.world.count("Reporting report"),
        0,
        "not before it is taken back"
    );

    let again = place.resume().await.unwrap();
    assert_eq!(again.status, RunStatus::Compensating);
    assert_eq!(again.compensation_error.unwrap().1.kind, ErrorKind::Auth);

    let ended = place.resume().await.unwrap();
    assert_eq!(failed_in(&ended), Some((Phase::Loading, ErrorKind::Data)));
    assert!(!place.world.effects().contains_key("Loading stage"));
    assert_eq!(place.world.count("Reporting report"), 1);
    assert_eq!(
        place.world.count(MERGE),
        1,
        "the failed unit is not run again"
    );
}

#[tokio::test]
async fn a_resumed_run_has_all_its_retries_again() {
    let place = Place::new();
    place.world.script(
        MERGE,
        &[LOST, LOST, Fault::HangUntilCancelled, LOST, LOST, LOST],
    );
    let cancel = Cancel::default();
    let stop = cancel.clone();
    let feed = Arc::new(Recorder::reacting(move |event| {
        if matches!(event, FeedEvent::UnitStarted { attempt: 3, .. }) {
            stop.cancel();
        }
    }));
    let mut process = place.process_with(Arc::clone(&place.journal), feed);
    process.cancel = cancel;
    let summary = process.run(place.request()).await.unwrap();
    assert_eq!(summary.status, RunStatus::Interrupted);
    assert_eq!(place.resume().await.unwrap().status, RunStatus::Succeeded);
    assert_eq!(place.state().units[&merge()].attempts, 7);
}

#[tokio::test]
async fn a_wait_ends_when_somebody_asks_to_stop() {
    let place = Place::new();
    place.world.script_for_good(MERGE, LOST);
    let cancel = Cancel::default();
    let stop = cancel.clone();
    let feed = Arc::new(Recorder::reacting(move |event| {
        if matches!(event, FeedEvent::Retry { attempt: 3, .. }) {
            stop.cancel();
        }
    }));
    let mut process = place.process_with(Arc::clone(&place.journal), feed);
    process.cancel = cancel;
    let start = process.clock.monotonic();
    let summary = process.run(place.request()).await.unwrap();
    assert_eq!(summary.status, RunStatus::Interrupted);
    let waits = waits(&place);
    let before = Duration::from_millis(waits[0] + waits[1]);
    assert_eq!(
        process.clock.monotonic() - start,
        before,
        "the third wait is not waited"
    );
}

#[tokio::test]
async fn an_interruption_while_taking_back_is_resumed_there() {
    let place = Place::new();
    place.world.script(MERGE, &[Fault::Fail(ErrorKind::Data)]);
    place.world.script(TAKE_BACK, &[Fault::HangUntilCancelled]);
    let cancel = Cancel::default();
    let stop = cancel.clone();
    let feed = Arc::new(Recorder::reacting(move |event| {
        if matches!(event, FeedEvent::CompensationStarted { .. }) {
            stop.cancel();
        }
    }));
    let mut process = place.process_with(Arc::clone(&place.journal), feed);
    process.cancel = cancel;
    let summary = process.run(place.request()).await.unwrap();
    assert_eq!(summary.status, RunStatus::Interrupted);
    let ended = place.resume().await.unwrap();
    assert_eq!(failed_in(&ended), Some((Phase::Loading, ErrorKind::Data)));
    assert_eq!(place.world.count(TAKE_BACK), 2);
}
