//! The feed: one order, percentages, heartbeats.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redistrict_journal::{PhaseState, RunStatus};
use redistrict_model::{ErrorKind, Phase};
use redistrict_orchestrator::{FeedEvent, HEARTBEAT};
use redistrict_skill::Clock;
use tokio::time::Instant;

use crate::fixture::{Place, Recorder};
use crate::world::Fault;

/// Tokio's paused time: it moves exactly to the next timer when all tasks wait.
struct PausedClock(Instant);

#[async_trait]
impl Clock for PausedClock {
    fn wall(&self) -> Duration {
        Duration::from_secs(1_767_225_600) + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

fn word(event: &FeedEvent) -> String {
    match event {
        FeedEvent::RunStarted { is_resume, .. } => format!("run started, resume {is_resume}"),
        FeedEvent::PhaseStarted { phase, units } => format!("{phase} started, {units} units"),
        FeedEvent::UnitStarted { unit, attempt } => format!("{unit} started, attempt {attempt}"),
        FeedEvent::UnitDone { unit, percent, .. } => format!("{unit} done, {percent} %"),
        FeedEvent::Retry { unit, attempt, .. } => format!("{unit} retried after {attempt}"),
        FeedEvent::UnitFailed { unit, .. } => format!("{unit} failed"),
        FeedEvent::UnitWaits { unit, .. } => format!("{unit} waits"),
        FeedEvent::ApprovalAwaited { phase, .. } => format!("{phase} awaits approval"),
        FeedEvent::ApprovalGiven { phase, by } => format!("{phase} approved by {by}"),
        FeedEvent::ApprovalUsed { phase } => format!("{phase} goes on"),
        FeedEvent::Progress(progress) => format!("{} moved", progress.unit),
        FeedEvent::PhaseEnded { phase, state, .. } => format!("{phase} {state}"),
        FeedEvent::CompensationStarted { phase, .. } => format!("{phase} is taken back"),
        FeedEvent::CompensationDone { phase } => format!("{phase} was taken back"),
        FeedEvent::CompensationFailed { phase, .. } => format!("{phase} not taken back"),
        FeedEvent::Heartbeat { elapsed, .. } => format!("heartbeat at {}", elapsed.as_secs() / 60),
        FeedEvent::RunEnded(summary) => format!("run {}", summary.status),
    }
}

async fn told(place: &Place) -> Vec<String> {
    let feed = Arc::new(Recorder::default());
    let clock = Arc::new(PausedClock(Instant::now()));
    let journal = Arc::clone(&place.journal);
    let process = place.process_at(clock, journal, Arc::<Recorder>::clone(&feed));
    let mut request = place.request();
    request.options.only = vec![Phase::Loading, Phase::Reporting];
    request
        .skills
        .retain(|skill| skill.phase() >= Phase::Loading);
    process.run(request).await.unwrap();
    feed.events().iter().map(word).collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_is_told_in_one_order() {
    let place = Place::new();
    place
        .world
        .script("Loading merge", &[Fault::Fail(ErrorKind::Transient)]);
    assert_eq!(
        told(&place).await,
        [
            "run started, resume false",
            "Extraction skipped",
            "Anonymization skipped",
            "Validation skipped",
            "Loading started, 2 units",
            "stage started, attempt 1",
            "stage done, 50 %",
            "merge started, attempt 1",
            "merge retried after 1",
            "merge started, attempt 2",
            "merge done, 100 %",
            "Loading completed",
            "Reporting started, 2 units",
            "report started, attempt 1",
            "report done, 50 %",
            "sweep started, attempt 1",
            "sweep done, 100 %",
            "Reporting completed",
            "run succeeded",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_phase_is_told_before_it_is_taken_back() {
    let place = Place::new();
    place
        .world
        .script("Loading stage", &[Fault::Fail(ErrorKind::Data)]);
    let told = told(&place).await;
    assert_eq!(
        told[5..10],
        [
            "stage started, attempt 1",
            "stage failed",
            "Loading failed",
            "Loading is taken back",
            "Loading was taken back",
        ]
    );
    assert_eq!(told.last().unwrap(), "run failed");
}

#[tokio::test(start_paused = true)]
async fn a_silent_unit_has_a_heartbeat_every_fifteen_minutes_and_progress_is_no_line() {
    assert_eq!(HEARTBEAT, Duration::from_secs(900));
    let place = Place::new();
    let minutes = |minutes: u64| Fault::Work(Duration::from_secs(minutes * 60));
    place.world.script("Loading stage", &[minutes(50)]);
    place.world.script("Loading merge", &[minutes(14)]);
    place.world.script("Reporting report", &[minutes(14)]);
    let lines: Vec<_> = told(&place)
        .await
        .into_iter()
        .filter(|line| !line.ends_with("moved"))
        .collect();
    let heartbeats: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with("heartbeat"))
        .collect();
    assert_eq!(
        heartbeats,
        ["heartbeat at 15", "heartbeat at 30", "heartbeat at 45"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_carries_the_last_progress_of_its_unit() {
    let place = Place::new();
    place.world.script(
        "Loading stage",
        &[Fault::Work(Duration::from_secs(20 * 60))],
    );
    place
        .world
        .script("Loading merge", &[Fault::Fail(ErrorKind::Data)]);
    let silent = Fault::HangUntilCancelled;
    place
        .world
        .script("Loading take back stage+merge", &[silent]);
    let feed = Arc::new(Recorder::default());
    let clock = Arc::new(PausedClock(Instant::now()));
    let process = place.process_at(
        clock,
        Arc::clone(&place.journal),
        Arc::<Recorder>::clone(&feed),
    );
    let stop = process.cancel.clone();
    let (summary, ()) = tokio::join!(process.run(place.request()), async {
        tokio::time::sleep(Duration::from_secs(40 * 60)).await;
        stop.cancel();
    });
    assert_eq!(summary.unwrap().status, RunStatus::Interrupted);
    let heartbeats: Vec<_> = feed
        .events()
        .into_iter()
        .filter_map(|event| match event {
            FeedEvent::Heartbeat {
                phase,
                unit,
                progress,
                ..
            } => Some((phase, unit.map(|unit| unit.step), progress.is_some())),
            _ => None,
        })
        .collect();
    let stage = Some("stage".to_owned());
    assert_eq!(
        heartbeats,
        [(Phase::Loading, stage, true), (Phase::Loading, None, false)]
    );
}

#[tokio::test(start_paused = true)]
async fn the_time_worked_is_told_and_summed_over_processes() {
    let place = Place::new();
    place
        .world
        .script("Loading stage", &[Fault::Work(Duration::from_secs(600))]);
    place
        .world
        .script("Loading merge", &[Fault::HangUntilCancelled]);
    let clock = Arc::new(PausedClock(Instant::now()));
    let sink = Arc::new(Recorder::default());
    let process = place.process_at(clock, Arc::clone(&place.journal), sink);
    let stop = process.cancel.clone();
    let (summary, ()) = tokio::join!(process.run(place.request()), async {
        tokio::time::sleep(Duration::from_secs(700)).await;
        stop.cancel();
    });
    assert_eq!(summary.unwrap().status, RunStatus::Interrupted);
    tokio::time::sleep(Duration::from_secs(3600)).await;

    place
        .world
        .script("Loading merge", &[Fault::Work(Duration::from_secs(300))]);
    let clock = Arc::new(PausedClock(Instant::now()));
    let sink = Arc::new(Recorder::default());
    let process = place.process_at(clock, Arc::clone(&place.journal), sink);
    let summary = process
        .resume(&crate::fixture::run_id(), place.skills())
        .await
        .unwrap();
    let (_, state, millis) = &summary.phases[3];
    assert_eq!((state, *millis), (&PhaseState::Completed, 900_000));
    assert_eq!(summary.phases[4].2, 0, "the next phase begins at zero");
    assert_eq!(summary.millis, 900_000);
}
