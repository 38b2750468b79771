//! What waits for a person: approvals and credentials.

use std::sync::Arc;
use std::time::Duration;

use redistrict_journal::{Event, RunStatus, Waiting};
use redistrict_model::{ErrorKind, Phase};
use redistrict_orchestrator::{
    ApprovalRefusal, AtApproval, FeedEvent, Orchestrator, RunRequest, RunSummary, approval,
};
use redistrict_skill::{Clock, ManualClock, Skill};

use crate::fixture::{Place, Recorder, run_id};
use crate::world::Fault;

const LOOK: &str = "Loading look";
const MERGE: &str = "Loading merge";
const HOUR: u64 = 60 * 60 * 1000;

/// Loading looks before it writes.
fn skills(place: &Place) -> Vec<Arc<dyn Skill>> {
    let mut skills = place.skills();
    skills.retain(|skill| skill.phase() != Phase::Loading);
    skills.push(place.skill(Phase::Loading, vec!["look", "merge"]));
    skills
}

fn request(place: &Place, phase: Phase) -> RunRequest {
    let mut request = place.request();
    request.skills = skills(place);
    request.options.approvals = vec![phase];
    request
}

async fn start(place: &Place) -> RunSummary {
    let request = request(place, Phase::Loading);
    place.process().run(request).await.unwrap()
}

async fn resume(place: &Place) -> RunSummary {
    resume_at(place, Duration::ZERO).await
}

/// So long after the clock's beginning.
async fn resume_at(place: &Place, time: Duration) -> RunSummary {
    let process = process_at(place, time, Arc::new(Recorder::default()));
    process.resume(&run_id(), skills(place)).await.unwrap()
}

fn process_at(place: &Place, time: Duration, feed: Arc<Recorder>) -> Orchestrator {
    let clock = ManualClock::default();
    clock.advance(time);
    place.process_at(Arc::new(clock), Arc::clone(&place.journal), feed)
}

/// At the clock's beginning.
fn wall() -> u64 {
    u64::try_from(ManualClock::default().wall().as_millis()).unwrap()
}

fn asked(place: &Place) -> String {
    place.state().open_request().unwrap().1.digest.clone()
}

fn approve(place: &Place, digest: Option<&str>) -> Result<(), ApprovalRefusal> {
    let events = approval(&place.state(), digest, "the data owner", wall(), HOUR)?;
    place.journal.append(&run_id(), wall(), &events).unwrap();
    Ok(())
}

fn waits_for_approval(status: &RunStatus) -> bool {
    matches!(
        status,
        RunStatus::Waiting(Waiting::Approval {
            phase: Phase::Loading,
            ..
        })
    )
}

#[tokio::test]
async fn a_run_stops_behind_what_it_looked_at_and_goes_on_once_somebody_has_approved() {
    let place = Place::new();
    let summary = start(&place).await;
    assert!(waits_for_approval(&summary.status), "{:?}", summary.status);
    assert_eq!(place.world.count(MERGE), 0);
    let still = resume(&place).await;
    assert!(waits_for_approval(&still.status));
    assert_eq!((place.world.count(LOOK), place.world.count(MERGE)), (1, 0));

    approve(&place, Some(&asked(&place)[..12])).unwrap();
    assert_eq!(resume(&place).await.status, RunStatus::Succeeded);
    let looks = place.world.count(LOOK);
    assert_eq!((looks, place.world.count(MERGE)), (2, 1), "looked again");
    let gate = &place.state().gates[&Phase::Loading];
    assert!(gate.is_passed);
    assert_eq!(gate.approval.as_ref().unwrap().by, "the data owner");
}

#[tokio::test]
async fn an_approval_of_something_else_or_given_twice_or_spent_is_refused() {
    let place = Place::new();
    start(&place).await;
    let asked = asked(&place);
    for foreign in ["f".repeat(64), asked[..11].to_owned(), String::new()] {
        let refused = approve(&place, Some(&foreign)).unwrap_err();
        let asked = asked.clone();
        assert_eq!(refused, ApprovalRefusal::OtherDigest { asked });
    }
    approve(&place, Some(&asked)).unwrap();
    let by = "the data owner".to_owned();
    let twice = approve(&place, Some(&asked)).unwrap_err();
    assert_eq!(twice, ApprovalRefusal::Approved { by });
    resume(&place).await;
    let replayed = approve(&place, Some(&asked)).unwrap_err();
    assert_eq!(replayed, ApprovalRefusal::NotAsked);
}

#[tokio::test]
async fn of_two_approvals_at_once_one_is_taken() {
    let place = Place::new();
    start(&place).await;
    let state = place.state();
    let both = ["a", "b"].map(|by| approval(&state, None, by, wall(), HOUR).unwrap());
    let taken = both.map(|events| place.journal.append(&run_id(), wall(), &events).is_ok());
    assert_eq!(taken, [true, false]);
}

#[tokio::test]
async fn an_approval_that_has_expired_is_asked_for_again() {
    let place = Place::new();
    start(&place).await;
    approve(&place, None).unwrap();
    let late = Duration::from_millis(HOUR);
    let summary = resume_at(&place, late).await;
    assert!(waits_for_approval(&summary.status));
    assert_eq!(place.world.count(MERGE), 0);
    approve(&place, None).unwrap();
    let summary = resume_at(&place, late - Duration::from_millis(1)).await;
    assert_eq!(summary.status, RunStatus::Succeeded);
}

#[tokio::test]
async fn an_approval_that_expired_before_it_was_used_can_be_given_again() {
    let place = Place::new();
    start(&place).await;
    approve(&place, None).unwrap();
    let later = wall() + HOUR;
    let events = approval(&place.state(), None, "another", later, HOUR).unwrap();
    place.journal.append(&run_id(), later, &events).unwrap();
    let summary = resume_at(&place, Duration::from_millis(HOUR + 1)).await;
    assert_eq!(summary.status, RunStatus::Succeeded);
}

#[tokio::test]
async fn what_has_changed_since_it_was_approved_is_asked_for_anew() {
    let place = Place::new();
    start(&place).await;
    let before = asked(&place);
    approve(&place, None).unwrap();
    place.world.look_different();
    let summary = resume(&place).await;
    assert!(waits_for_approval(&summary.status));
    assert_eq!(place.world.count(MERGE), 0);
    assert_ne!(asked(&place), before);
    let refused = approve(&place, Some(&before)).unwrap_err();
    assert!(matches!(refused, ApprovalRefusal::OtherDigest { .. }));
    approve(&place, None).unwrap();
    assert_eq!(resume(&place).await.status, RunStatus::Succeeded);
}

#[tokio::test]
async fn a_process_that_stays_goes_on_by_itself_and_is_never_silent_for_long() {
    let place = Place::new();
    let journal = Arc::clone(&place.journal);
    let feed = Arc::new(Recorder::reacting(move |event| {
        let FeedEvent::Heartbeat { elapsed, .. } = event else {
            return;
        };
        if *elapsed < Duration::from_millis(3 * HOUR) {
            return;
        }
        let records = journal.read(&run_id()).unwrap();
        let state = redistrict_journal::fold(&records).unwrap();
        let late = wall() + 3 * HOUR;
        let events = approval(&state, None, "the data owner", late, HOUR).unwrap();
        journal.append(&run_id(), late, &events).unwrap();
    }));
    let mut process = process_at(&place, Duration::ZERO, Arc::clone(&feed));
    process.at_approval = AtApproval::Stay;
    let summary = process.run(request(&place, Phase::Loading)).await.unwrap();
    assert_eq!(summary.status, RunStatus::Succeeded);
    assert!(summary.millis < HOUR, "waiting is no work");
    let events = feed.events();
    let beats = |event: &&FeedEvent| matches!(event, FeedEvent::Heartbeat { .. });
    assert_eq!(events.iter().filter(beats).count(), 12);
    let told = |event: &FeedEvent| matches!(event, FeedEvent::ApprovalGiven { by, .. } if by == "the data owner");
    assert!(events.iter().any(told));
}

#[tokio::test]
async fn a_process_that_stays_can_be_stopped_and_the_run_resumed() {
    let place = Place::new();
    let mut process = process_at(&place, Duration::ZERO, Arc::new(Recorder::default()));
    process.at_approval = AtApproval::Stay;
    let stop = process.cancel.clone();
    let work = process.run(request(&place, Phase::Loading));
    let (summary, ()) = tokio::join!(work, async {
        while place.journal.read(&run_id()).unwrap().len() < 10
            || place.state().open_request().is_none()
        {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    });
    assert_eq!(summary.unwrap().status, RunStatus::Interrupted);
    approve(&place, None).unwrap();
    assert_eq!(resume(&place).await.status, RunStatus::Succeeded);
}

#[tokio::test]
async fn a_phase_that_looks_at_nothing_waits_before_its_first_unit() {
    let place = Place::new();
    let process = place.process();
    let summary = process
        .run(request(&place, Phase::Extraction))
        .await
        .unwrap();
    assert!(matches!(summary.status, RunStatus::Waiting(_)));
    assert_eq!(place.world.calls(), Vec::<String>::new());
    approve(&place, None).unwrap();
    assert_eq!(resume(&place).await.status, RunStatus::Succeeded);
}

#[tokio::test]
async fn a_dry_run_that_only_looks_asks_nobody() {
    let place = Place::new();
    let mut request = request(&place, Phase::Loading);
    request
        .skills
        .retain(|skill| skill.phase() != Phase::Loading);
    request
        .skills
        .push(place.skill(Phase::Loading, vec!["look"]));
    let summary = place.process().run(request).await.unwrap();
    assert_eq!(summary.status, RunStatus::Succeeded);
}

#[tokio::test]
async fn a_run_waits_for_credentials_as_long_as_cert_is_as_before() {
    for unit in ["Extraction extract hcp1", "Validation check", LOOK] {
        let place = Place::new();
        place.world.script(unit, &[Fault::Fail(ErrorKind::Auth)]);
        let mut request = place.request();
        request.skills = skills(&place);
        let summary = place.process().run(request).await.unwrap();
        let waits = matches!(summary.status, RunStatus::Waiting(Waiting::Credentials(_)));
        assert!(waits, "{unit}: {:?}", summary.status);
        assert_eq!(summary.error.unwrap().1.kind, ErrorKind::Auth);
        assert_eq!(resume(&place).await.status, RunStatus::Succeeded, "{unit}");
        assert_eq!(place.world.count(unit), 2);
    }
}

#[tokio::test]
async fn a_load_that_has_begun_is_taken_back_when_credentials_are_refused() {
    let place = Place::new();
    place.world.script(MERGE, &[Fault::Fail(ErrorKind::Auth)]);
    let mut request = place.request();
    request.skills = skills(&place);
    let summary = place.process().run(request).await.unwrap();
    assert!(matches!(summary.status, RunStatus::Failed(_)));
    assert_eq!(place.world.count("Loading take back look+merge"), 1);
}

#[tokio::test]
async fn a_run_can_be_given_up_until_it_touches_cert() {
    let place = Place::new();
    start(&place).await;
    let by = "the data owner".to_owned();
    let cancel = [Event::RunCancelled { by }];
    place.journal.append(&run_id(), wall(), &cancel).unwrap();
    assert_eq!(place.state().status, RunStatus::Cancelled);
    assert_eq!(resume(&place).await.status, RunStatus::Cancelled);
    assert_eq!(approve(&place, None), Err(ApprovalRefusal::NotAsked));

    let place = Place::new();
    place
        .world
        .script(MERGE, &[Fault::Fail(ErrorKind::Interrupted)]);
    let mut request = place.request();
    request.skills = skills(&place);
    place.process().run(request).await.unwrap();
    let refused = place.journal.append(&run_id(), wall(), &cancel);
    assert!(refused.is_err(), "its loading has begun");
}
