//! What waits for another run: nothing is lost by its being there first.

use std::sync::Arc;

use redistrict_journal::{Event, RunFailure, RunStatus, Waiting};
use redistrict_model::{ErrorKind, Phase};
use redistrict_orchestrator::{AtApproval, FeedEvent, RunSummary};
use redistrict_skill::Skill;

use crate::fixture::{Place, Recorder, run_id};
use crate::world::Fault;

const LEASE: &str = "Loading lease";
const MERGE: &str = "Loading merge";
const BUSY: Fault = Fault::Fail(ErrorKind::Busy);

fn skills(place: &Place) -> Vec<Arc<dyn Skill>> {
    let mut skills = place.skills();
    skills.retain(|skill| skill.phase() != Phase::Loading);
    skills.push(place.skill(Phase::Loading, vec!["look", "lease", "merge"]));
    skills
}

async fn start(place: &Place, at_approval: AtApproval, feed: Arc<Recorder>) -> RunSummary {
    let mut process = place.process_with(Arc::clone(&place.journal), feed);
    process.at_approval = at_approval;
    let mut request = place.request();
    request.skills = skills(place);
    process.run(request).await.unwrap()
}

fn waits(status: &RunStatus) -> bool {
    matches!(status, RunStatus::Waiting(Waiting::OtherRun(_)))
}

#[tokio::test]
async fn a_run_whose_lease_is_taken_is_left_as_it_is_and_goes_on_by_resume() {
    let place = Place::new();
    place.world.script(LEASE, &[BUSY, BUSY]);
    let summary = start(&place, AtApproval::Leave, Arc::default()).await;
    assert!(waits(&summary.status), "{:?}", summary.status);
    assert_eq!(summary.error.unwrap().1.kind, ErrorKind::Busy);
    let resume = || async {
        let process = place.process();
        process.resume(&run_id(), skills(&place)).await.unwrap()
    };
    assert!(waits(&resume().await.status));
    assert_eq!(resume().await.status, RunStatus::Succeeded);
    assert_eq!(place.world.count("Extraction extract ids"), 1);
    assert_eq!(place.world.count("Loading take back look+lease+merge"), 0);
}

#[tokio::test]
async fn a_process_that_stays_asks_again_with_growing_waits() {
    let place = Place::new();
    place.world.script(LEASE, &[BUSY; 8]);
    let feed = Arc::new(Recorder::default());
    let summary = start(&place, AtApproval::Stay, Arc::clone(&feed)).await;
    assert_eq!(summary.status, RunStatus::Succeeded);
    let waits: Vec<u64> = feed
        .events()
        .iter()
        .filter_map(|event| match event {
            FeedEvent::Retry { wait, .. } => Some(wait.as_secs()),
            _ => None,
        })
        .collect();
    assert_eq!(waits.len(), 8);
    assert!(waits[..5].is_sorted(), "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= 240), "{waits:?}");
}

#[tokio::test]
async fn waiting_for_another_run_uses_up_no_retry() {
    let place = Place::new();
    let lost = Fault::Fail(ErrorKind::Transient);
    place
        .world
        .script(LEASE, &[BUSY, BUSY, BUSY, BUSY, lost, lost, lost]);
    let summary = start(&place, AtApproval::Stay, Arc::default()).await;
    assert_eq!(summary.status, RunStatus::Succeeded);
}

#[tokio::test]
async fn a_lease_that_could_not_be_asked_for_and_is_refused_then_is_waited_for() {
    let place = Place::new();
    let lost = Fault::Fail(ErrorKind::Transient);
    place.world.script(LEASE, &[lost, BUSY]);
    let summary = start(&place, AtApproval::Leave, Arc::default()).await;
    assert!(waits(&summary.status), "{:?}", summary.status);
}

#[tokio::test]
async fn whoever_has_begun_to_load_is_taken_back() {
    for at_approval in [AtApproval::Leave, AtApproval::Stay] {
        let place = Place::new();
        place.world.script(MERGE, &[BUSY]);
        let summary = start(&place, at_approval, Arc::default()).await;
        assert!(matches!(summary.status, RunStatus::Failed(_)));
        assert_eq!(place.world.count("Loading take back look+lease+merge"), 1);
    }
}

#[tokio::test]
async fn a_run_that_only_waited_can_be_given_up() {
    let place = Place::new();
    place.world.script(LEASE, &[BUSY]);
    start(&place, AtApproval::Leave, Arc::default()).await;
    let by = "the data owner".to_owned();
    let cancel = [Event::RunCancelled { by }];
    let wall = place.state().latest_wall_millis;
    place.journal.append(&run_id(), wall, &cancel).unwrap();
    assert_eq!(place.state().status, RunStatus::Cancelled);
}

/// What was decided stands: the run waits, whatever the rest of the phase comes to, and `resume` finishes it.
#[tokio::test]
async fn past_the_point_of_no_return_nothing_is_taken_back_and_resume_finishes() {
    for fault in [
        Fault::Fail(ErrorKind::Data),
        Fault::FailAfter(ErrorKind::Conflict),
        Fault::Panic,
    ] {
        for point in ["Loading close", "Loading decide"] {
            let place = Place::new();
            let skills = || {
                let mut skills = place.skills();
                skills.retain(|skill| skill.phase() != Phase::Loading);
                skills.push(place.skill(Phase::Loading, vec!["look", "decide", "close"]));
                skills
            };
            place.world.script(point, &[fault]);
            let mut request = place.request();
            request.skills = skills();
            let summary = place.process().run(request).await.unwrap();
            let taken_back = place.world.count("Loading take back look+decide+close");
            if point == "Loading decide" {
                assert!(matches!(summary.status, RunStatus::Failed(_)), "{fault:?}");
                assert_eq!(taken_back, 1, "{fault:?}");
                continue;
            }
            let waits = RunStatus::Waiting(Waiting::Resume(
                summary
                    .error
                    .as_ref()
                    .map(|(phase, error)| RunFailure {
                        phase: *phase,
                        kind: error.kind,
                        error: serde_json::to_value(error).unwrap(),
                    })
                    .unwrap(),
            ));
            assert_eq!(summary.status, waits, "{fault:?}");
            let summary = place.process().resume(&run_id(), skills()).await.unwrap();
            assert_eq!(summary.status, RunStatus::Succeeded, "{fault:?}");
            assert_eq!(taken_back, 0, "{fault:?}");
            assert_eq!(place.world.count("Loading decide"), 1, "{fault:?}");
        }
    }
}
