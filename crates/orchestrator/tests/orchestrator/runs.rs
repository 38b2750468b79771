//! Runs that go well, are narrowed by options, interrupted, resumed, or refused.

use std::sync::Arc;

use redistrict_journal::{
    Event, Journal, MemoryJournal, PhaseState, RunKind, RunOptions, RunStatus, SqliteJournal,
};
use redistrict_model::{ErrorKind, Finding, Phase, RunId, UnitKey};
use redistrict_orchestrator::{FeedEvent, OrchestratorError, RunSummary, compose, plan_digest};
use redistrict_skill::{Cancel, Skill};

use crate::fixture::{Place, Recorder, plan, run_id, sections};
use crate::world::{FakeSkill, Fault, Twice};

const ALL_UNITS: [&str; 8] = [
    "Extraction extract ids",
    "Extraction extract hcp1",
    "Anonymization mask",
    "Validation check",
    "Loading stage",
    "Loading merge",
    "Reporting report",
    "Reporting sweep",
];

fn states(summary: &RunSummary) -> Vec<String> {
    let phases = summary.phases.iter();
    phases.map(|(_, state, _)| state.to_string()).collect()
}

fn skipped(summary: &RunSummary, phase: Phase) -> Option<&str> {
    summary
        .phases
        .iter()
        .find_map(|(other, state, _)| match state {
            PhaseState::Skipped { reason } if *other == phase => Some(reason.as_str()),
            _ => None,
        })
}

#[tokio::test]
async fn a_run_does_every_unit_once_in_order_and_succeeds() {
    let place = Place::new();
    let summary = place.run().await;
    assert_eq!(summary.status, RunStatus::Succeeded);
    assert_eq!(states(&summary), ["completed"; 5]);
    assert_eq!(place.world.calls(), ALL_UNITS);
    assert_eq!(summary.outcomes.len(), 8);
    assert_eq!(summary.findings.len(), 8);
    assert_eq!(summary.district_name.as_deref(), Some("Lakeside"));
    assert_eq!((summary.error, summary.retries), (None, 0));
    let effects = place.world.effects();
    assert_eq!(
        effects["Anonymization mask"],
        "extract hcp1=2 extract ids=1"
    );
}

#[tokio::test]
async fn a_run_in_the_journal_on_disk_is_the_same_run() {
    let mut place = Place::new();
    let in_memory = place.run().await;
    let path = place.directory.path().join("journal.db");
    place.journal = Arc::new(SqliteJournal::open(&path).unwrap());
    assert_eq!(place.run().await, in_memory);
    let reopened = SqliteJournal::open(&path).unwrap();
    let records = reopened.read(&run_id()).unwrap();
    let state = redistrict_journal::fold(&records).unwrap();
    assert_eq!(RunSummary::of(&state), in_memory);
}

#[tokio::test]
async fn every_unit_run_twice_gives_the_same_result() {
    let (once, twice) = (Place::new(), Place::new());
    let expected = once.run().await;
    let mut request = twice.request();
    request.skills = twice
        .skills()
        .into_iter()
        .map(|skill| Arc::new(Twice(skill)) as Arc<dyn Skill>)
        .collect();
    let summary = twice.process().run(request).await.unwrap();
    assert_eq!(twice.world.count("Loading merge"), 2);
    assert_eq!(twice.world.effects(), once.world.effects());
    assert_eq!(summary, expected);
}

#[tokio::test]
async fn phases_left_out_by_options_say_why() {
    let place = Place::new();
    let mut request = place.request();
    request.options = RunOptions {
        reuse: Some(RunId::new("mig-20251231T000000Z-001")),
        skip_load: true,
        ..RunOptions::default()
    };
    let summary = place.process().run(request).await.unwrap();
    assert_eq!(summary.status, RunStatus::Succeeded);
    assert_eq!(
        skipped(&summary, Phase::Extraction),
        Some("--skip-extraction: using the sealed artifact of run mig-20251231T000000Z-001")
    );
    assert_eq!(skipped(&summary, Phase::Loading), Some("--skip-load"));
    let done: Vec<_> = place.world.effects().into_keys().collect();
    assert_eq!(
        done,
        [
            "Anonymization mask",
            "Reporting report",
            "Reporting sweep",
            "Validation check"
        ]
    );
}

#[tokio::test]
async fn a_skill_run_on_its_own_needs_no_other_skill() {
    let place = Place::new();
    let mut request = place.request();
    request.options.only = vec![Phase::Validation];
    request.skills = vec![place.skill(Phase::Validation, vec!["check"])];
    let summary = place.process().run(request).await.unwrap();
    assert_eq!(
        states(&summary),
        ["skipped", "skipped", "completed", "skipped", "skipped"]
    );
    assert_eq!(
        skipped(&summary, Phase::Loading),
        Some("only Validation was asked for")
    );
}

#[tokio::test]
async fn a_phase_without_units_is_completed() {
    let place = Place::new();
    let mut request = place.request();
    request.options.only = vec![Phase::Extraction];
    request.skills = vec![place.skill(Phase::Extraction, vec![])];
    let summary = place.process().run(request).await.unwrap();
    assert_eq!(summary.status, RunStatus::Succeeded);
    assert_eq!(place.state().percent(Phase::Extraction), 100);
}

#[tokio::test]
async fn skills_that_do_not_fit_are_refused_before_anything_is_journaled() {
    struct Stranger(FakeSkill);
    #[async_trait::async_trait]
    impl Skill for Stranger {
        fn phase(&self) -> Phase {
            Phase::Reporting
        }
        fn units(&self, _: &redistrict_model::Plan) -> Vec<UnitKey> {
            vec![UnitKey::new(Phase::Loading, "merge")]
        }
        async fn run(
            &self,
            unit: &UnitKey,
            context: &redistrict_skill::UnitContext,
        ) -> Result<redistrict_skill::UnitOutcome, redistrict_skill::SkillError> {
            self.0.run(unit, context).await
        }
    }
    let place = Place::new();
    let refused = async |skills| {
        let mut request = place.request();
        request.skills = skills;
        let error = place.process().run(request).await.unwrap_err();
        assert!(place.journal.runs().unwrap().is_empty());
        assert_eq!(error.error_kind(), ErrorKind::Bug);
        error
    };
    let mut skills = place.skills();
    skills.remove(1);
    let error = refused(skills).await;
    assert!(matches!(
        error,
        OrchestratorError::NoSkill {
            phase: Phase::Anonymization,
            ..
        }
    ));
    let mut skills = place.skills();
    skills.push(place.skill(Phase::Reporting, vec!["report"]));
    assert!(matches!(
        refused(skills).await,
        OrchestratorError::DuplicateUnit { .. }
    ));
    let mut skills = place.skills();
    skills.push(Arc::new(Stranger(FakeSkill {
        phase: Phase::Reporting,
        steps: Vec::new(),
        world: place.world.clone(),
    })));
    assert!(matches!(
        refused(skills).await,
        OrchestratorError::WrongPhase { .. }
    ));
}

#[tokio::test]
async fn an_interrupted_run_takes_nothing_back_and_is_resumed_where_it_was() {
    let (undisturbed, place) = (Place::new(), Place::new());
    let expected = undisturbed.run().await;
    place
        .world
        .script("Loading merge", &[Fault::HangUntilCancelled]);
    let cancel = Cancel::default();
    let stop = cancel.clone();
    let feed = Arc::new(Recorder::reacting(move |event| {
        if matches!(event, FeedEvent::UnitStarted { unit, .. } if unit.step == "merge") {
            stop.cancel();
        }
    }));
    let mut process = place.process_with(Arc::clone(&place.journal), feed);
    process.cancel = cancel;
    let summary = process.run(place.request()).await.unwrap();
    assert_eq!(summary.status, RunStatus::Interrupted);
    assert_eq!(place.journaled().last().unwrap(), "run_interrupted");
    assert_eq!(place.world.count("Loading take back stage+merge"), 0);
    let state = place.state();
    assert!(state.is_unfinished());
    assert_eq!(state.percent(Phase::Loading), 50);

    let resumed = place.resume().await.unwrap();
    assert_eq!(resumed.status, RunStatus::Succeeded);
    assert_eq!(
        place.world.count("Loading stage"),
        1,
        "done units are not run again"
    );
    assert_eq!(place.world.count("Loading merge"), 2);
    let told = place.world.told_resume();
    let again = told.iter().rposition(|(name, _)| name == "Loading merge");
    assert!(
        told[..again.unwrap()]
            .iter()
            .all(|(_, is_resume)| !is_resume)
    );
    assert!(
        told[again.unwrap()..]
            .iter()
            .all(|(_, is_resume)| *is_resume)
    );
    assert_eq!(place.world.effects(), undisturbed.world.effects());
    assert_eq!(resumed.outcomes, expected.outcomes);
    assert_eq!(
        place.state().units[&UnitKey::new(Phase::Loading, "merge")].attempts,
        2
    );
}

#[tokio::test]
async fn a_run_cancelled_before_it_began_does_nothing_and_can_be_resumed() {
    let place = Place::new();
    let process = place.process();
    process.cancel.cancel();
    let summary = process.run(place.request()).await.unwrap();
    assert_eq!(summary.status, RunStatus::Interrupted);
    assert!(place.world.calls().is_empty());
    let resumed = place.resume().await.unwrap();
    assert_eq!(resumed.status, RunStatus::Succeeded);
}

#[tokio::test]
async fn a_run_that_has_ended_is_left_as_it_is_by_resume() {
    let place = Place::new();
    let summary = place.run().await;
    let journaled = place.journaled();
    assert_eq!(place.resume().await.unwrap(), summary);
    assert_eq!(place.journaled(), journaled);
    let error = place.process().run(place.request()).await.unwrap_err();
    assert!(matches!(error, OrchestratorError::RunExists { .. }));
}

#[tokio::test]
async fn an_unknown_run_is_not_resumed_and_leaves_no_file() {
    let place = Place::new();
    let error = place.resume().await.unwrap_err();
    assert!(matches!(error, OrchestratorError::UnknownRun { .. }));
    assert_eq!(error.error_kind(), ErrorKind::Usage);
    assert!(
        std::fs::read_dir(place.directory.path())
            .unwrap()
            .next()
            .is_none()
    );
}

#[tokio::test]
async fn of_two_processes_on_one_run_the_lock_refuses_one() {
    let place = Place::new();
    place
        .world
        .script("Loading merge", &[Fault::HangUntilCancelled]);
    let first = place.process();
    let stop = first.cancel.clone();
    let (summary, ()) = tokio::join!(first.run(place.request()), async {
        while place.world.count("Loading merge") == 0 {
            tokio::task::yield_now().await;
        }
        let error = place.resume().await.unwrap_err();
        assert!(matches!(error, OrchestratorError::Busy { .. }));
        assert_eq!(error.error_kind(), ErrorKind::Busy);
        stop.cancel();
    });
    assert_eq!(summary.unwrap().status, RunStatus::Interrupted);
    let (one, other) = tokio::join!(place.resume(), place.resume());
    assert_eq!(one.unwrap().status, RunStatus::Succeeded);
    assert_eq!(
        other.unwrap().status,
        RunStatus::Succeeded,
        "finds it ended"
    );
    assert_eq!(place.world.count("Loading merge"), 2);
}

#[tokio::test]
async fn a_changed_plan_is_refused() {
    let place = Place::new();
    let mut request = place.request();
    request.plan.sections.anonymize.key_version = 2;
    let error = place.process().run(request).await.unwrap_err();
    assert!(matches!(error, OrchestratorError::PlanChanged { .. }));

    let tampered = MemoryJournal::new();
    let mut changed = plan();
    changed.sections.validate.skipped = vec!["foreign-key".to_owned()];
    let started = Event::RunStarted {
        format_version: 1,
        run: run_id(),
        kind: RunKind::Migration,
        district: changed.district.clone(),
        options: RunOptions::default(),
        parent: None,
        plan: changed,
    };
    tampered.append(&run_id(), 1, &[started]).unwrap();
    let process = place.process_with(Arc::new(tampered), Arc::new(Recorder::default()));
    let error = process.resume(&run_id(), place.skills()).await.unwrap_err();
    assert_eq!(error.error_kind(), ErrorKind::Corrupt);
}

#[test]
fn the_digest_of_a_plan_is_the_sha_256_of_its_canonical_json() {
    // Computed with Python's hashlib and json (sorted keys, no blanks).
    let expected = "624f3216090a4dd097c4b8c0f030638ca181058e9d77e57cbbac08ebc97ab2c1";
    assert_eq!(plan().digest.0, expected);
}

#[test]
fn a_digest_covers_decisions_and_not_names_findings_or_measurements() {
    let sealed = plan();
    let mut other = sealed.clone();
    other.district_name = None;
    other.findings = vec![Finding::warning("x", "y", "z", 1)];
    assert_eq!(plan_digest(&other), sealed.digest);

    let measured = |rows: u64, reason: &str, role: &str| {
        let mut sections = sections();
        let role = serde_json::json!({
            "table": "ids.public.subjects", "role": role, "owners": [], "reason": reason,
            "measured": { "rows": rows, "spread": 1.1, "cover": 0.3 }
        });
        sections.extract.ownership.tables = vec![serde_json::from_value(role).unwrap()];
        compose(sealed.district.clone(), None, sections, Vec::new()).digest
    };
    assert_eq!(
        measured(7, "7 rows", "shared"),
        measured(9, "9 rows", "shared")
    );
    assert_ne!(
        measured(7, "7 rows", "shared"),
        measured(7, "7 rows", "reference")
    );

    other.sections.validate.skipped = vec!["foreign-key".to_owned()];
    assert_ne!(plan_digest(&other), sealed.digest);
    let elsewhere = compose(
        redistrict_model::DistrictId::new("3"),
        None,
        sections(),
        Vec::new(),
    );
    assert_ne!(elsewhere.digest, sealed.digest);
}
