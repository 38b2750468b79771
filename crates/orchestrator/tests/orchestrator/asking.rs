//! Units that ask for an approval by themselves, whatever the configuration says.

use std::sync::Arc;

use redistrict_journal::{RunStatus, Waiting};
use redistrict_model::Phase;
use redistrict_orchestrator::{RunSummary, approval};
use redistrict_skill::{Clock, ManualClock, Skill};

use crate::dying_journal::{Death, DyingJournal};
use crate::fixture::{Place, Recorder, run_id};

const HOUR: u64 = 60 * 60 * 1000;

/// An extraction of these steps.
fn skills(place: &Place, steps: &[&'static str]) -> Vec<Arc<dyn Skill>> {
    let mut skills = place.skills();
    skills.retain(|skill| skill.phase() != Phase::Extraction);
    skills.insert(0, place.skill(Phase::Extraction, steps.to_vec()));
    skills
}

async fn start(place: &Place, steps: &[&'static str], approvals: Vec<Phase>) -> RunSummary {
    let mut request = place.request();
    request.skills = skills(place, steps);
    request.options.approvals = approvals;
    place.process().run(request).await.unwrap()
}

async fn resume(place: &Place, steps: &[&'static str]) -> RunSummary {
    let process = place.process();
    process
        .resume(&run_id(), skills(place, steps))
        .await
        .unwrap()
}

fn approve(place: &Place) {
    let wall = u64::try_from(ManualClock::default().wall().as_millis()).unwrap();
    let events = approval(&place.state(), None, "the data owner", wall, HOUR).unwrap();
    place.journal.append(&run_id(), wall, &events).unwrap();
}

fn waits_in(summary: &RunSummary) -> Option<Phase> {
    match &summary.status {
        RunStatus::Waiting(Waiting::Approval { phase, .. }) => Some(*phase),
        _ => None,
    }
}

#[tokio::test]
async fn what_asks_stops_what_is_behind_it_in_its_phase_and_is_not_done_again() {
    let place = Place::new();
    let steps = ["asking look", "extract"];
    let waits = start(&place, &steps, Vec::new()).await;
    assert_eq!(waits_in(&waits), Some(Phase::Extraction));
    assert_eq!(place.world.count("Extraction extract"), 0);
    assert_eq!(
        waits_in(&resume(&place, &steps).await),
        Some(Phase::Extraction)
    );
    approve(&place);
    assert_eq!(resume(&place, &steps).await.status, RunStatus::Succeeded);
    let counts =
        ["asking look", "extract"].map(|step| place.world.count(&format!("Extraction {step}")));
    assert_eq!(counts, [1, 1]);
}

#[tokio::test]
async fn what_asks_at_the_end_of_a_phase_stops_the_next_one_once() {
    let place = Place::new();
    let steps = ["extract", "asking end"];
    let waits = start(&place, &steps, Vec::new()).await;
    assert_eq!(waits_in(&waits), Some(Phase::Anonymization));
    assert_eq!(place.world.count("Anonymization mask"), 0);
    approve(&place);
    assert_eq!(resume(&place, &steps).await.status, RunStatus::Succeeded);
    assert_eq!(place.world.count("Extraction asking end"), 1);
}

#[tokio::test]
async fn a_report_is_written_without_asking() {
    let place = Place::new();
    let mut request = place.request();
    request.skills = skills(&place, &["extract", "asking end"]);
    request.options.only = vec![Phase::Extraction, Phase::Reporting];
    let done = place.process().run(request).await.unwrap();
    assert_eq!(done.status, RunStatus::Succeeded);
}

/// With a gate of the configuration on the same phase somebody is asked once, about both.
#[tokio::test]
async fn a_phase_that_is_gated_anyway_asks_once() {
    let place = Place::new();
    let steps = ["extract", "asking end"];
    let waits = start(&place, &steps, vec![Phase::Anonymization]).await;
    assert_eq!(waits_in(&waits), Some(Phase::Anonymization));
    approve(&place);
    assert_eq!(resume(&place, &steps).await.status, RunStatus::Succeeded);
}

/// Whatever the last event was that became durable: the question is asked, and nothing has gone past it.
#[tokio::test]
async fn a_process_that_dies_around_the_question_leaves_it_asked() {
    let steps = ["asking look", "extract"];
    for death in [Death::Before, Death::After] {
        // The start is durable, what is behind it may be lost.
        for dies_at in 2..=6 {
            let place = Place::new();
            let journal = Arc::clone(&place.journal);
            let dying = Arc::new(DyingJournal::new(journal, dies_at, death));
            let mut request = place.request();
            request.skills = skills(&place, &steps);
            let process = place.process_with(dying, Arc::new(Recorder::default()));
            // It dies, or had nothing more to write than the question.
            let _died = process.run(request).await;
            let waits = resume(&place, &steps).await;
            assert_eq!(
                waits_in(&waits),
                Some(Phase::Extraction),
                "{death:?} {dies_at}"
            );
            assert_eq!(place.world.count("Extraction extract"), 0);
            approve(&place);
            let done = resume(&place, &steps).await;
            assert_eq!(done.status, RunStatus::Succeeded, "{death:?} {dies_at}");
            assert_eq!(place.world.count("Extraction extract"), 1);
        }
    }
}
