//! Undo and redo are runs; what they did stands in the run they are about.

use std::sync::Arc;

use redistrict_journal::{RunKind, RunStatus};
use redistrict_model::{ErrorKind, Phase, RunId};
use redistrict_orchestrator::{OrchestratorError, RunLock, RunRequest, RunSummary};

use crate::dying_journal::{Death, DyingJournal};
use crate::fixture::{Place, Recorder, run_id};
use crate::world::Fault;

fn undo_of(place: &Place, run: &str, parent: &RunId) -> RunRequest {
    RunRequest {
        run: RunId::new(run),
        kind: RunKind::Undo,
        parent: Some(parent.clone()),
        skills: vec![
            place.skill(Phase::Loading, vec!["undo"]),
            place.skill(Phase::Reporting, vec!["report"]),
        ],
        ..place.request()
    }
}

async fn undo(place: &Place, run: &str, parent: &RunId) -> Result<RunSummary, OrchestratorError> {
    place.process().run(undo_of(place, run, parent)).await
}

#[tokio::test]
async fn undo_redo_and_undo_of_the_redo_are_marked_all_the_way_up() {
    let place = Place::new();
    place.run().await;
    let status = |run: &RunId| place.state_of(run).status;
    let (first, second, third) = (RunId::new("rb-1"), RunId::new("rb-2"), RunId::new("rb-3"));

    let summary = undo(&place, "rb-1", &run_id()).await.unwrap();
    assert_eq!(summary.status, RunStatus::Succeeded);
    assert_eq!(status(&run_id()), RunStatus::Undone);
    assert_eq!(place.state().undone_by, Some(first.clone()));

    undo(&place, "rb-2", &first).await.unwrap();
    assert_eq!(status(&first), RunStatus::Undone);
    assert_eq!(status(&run_id()), RunStatus::Succeeded);
    assert_eq!(place.state().redone_by, Some(second.clone()));

    undo(&place, "rb-3", &second).await.unwrap();
    assert_eq!(status(&second), RunStatus::Undone);
    assert_eq!(status(&first), RunStatus::Succeeded);
    assert_eq!(status(&run_id()), RunStatus::Undone);
    assert_eq!(place.state().undone_by, Some(third));
}

#[tokio::test]
async fn an_undo_that_failed_or_only_looked_is_not_marked() {
    let place = Place::new();
    place.run().await;
    place
        .world
        .script("Loading undo", &[Fault::Fail(ErrorKind::Conflict)]);
    let summary = undo(&place, "rb-1", &run_id()).await.unwrap();
    assert!(matches!(summary.status, RunStatus::Failed(_)));
    assert_eq!(place.state().status, RunStatus::Succeeded);

    let mut request = undo_of(&place, "rb-2", &run_id());
    request.options.dry_run = true;
    place.process().run(request).await.unwrap();
    assert_eq!(place.state().status, RunStatus::Succeeded);

    let mut request = undo_of(&place, "rb-3", &run_id());
    request.options.only = vec![Phase::Reporting];
    place.process().run(request).await.unwrap();
    assert_eq!(place.state().status, RunStatus::Succeeded);
}

#[tokio::test]
async fn what_cannot_be_undone_is_refused_with_the_reason() {
    let place = Place::new();
    let refused = async |parent: &RunId| match undo(&place, "rb-1", parent).await.unwrap_err() {
        OrchestratorError::Parent { what, .. } => what,
        other => panic!("{other}"),
    };
    assert_eq!(refused(&run_id()).await, "the journal does not know it");
}

#[tokio::test]
async fn a_run_that_has_not_ended_is_given_up_by_taking_it_back() {
    let place = Place::new();
    let process = place.process();
    process.cancel.cancel();
    process.run(place.request()).await.unwrap();
    assert_eq!(place.state().status, RunStatus::Interrupted);
    let held = RunLock::take(&process.state_dir, &run_id()).unwrap();
    let busy = undo(&place, "rb-0", &run_id()).await.unwrap_err();
    assert!(matches!(busy, OrchestratorError::Busy { run } if run == run_id()));
    drop(held);
    undo(&place, "rb-1", &run_id()).await.unwrap();
    assert_eq!(place.state().status, RunStatus::Undone);
    assert!(place.state().is_given_up());
    assert_eq!(place.resume().await.unwrap().status, RunStatus::Undone);
    let redo = undo(&place, "rb-2", &RunId::new("rb-1")).await.unwrap_err();
    assert!(matches!(redo, OrchestratorError::Parent { .. }), "{redo}");
}

#[tokio::test]
async fn an_undo_that_dies_at_any_append_marks_its_run_once() {
    let mut dies_at = 1;
    loop {
        let place = Place::new();
        place.run().await;
        let journal = Arc::new(DyingJournal::new(
            Arc::clone(&place.journal),
            dies_at,
            Death::After,
        ));
        let process = place.process_with(journal, Arc::new(Recorder::default()));
        let died = process.run(undo_of(&place, "rb-1", &run_id())).await;
        if died.is_ok() {
            assert!(dies_at > 8, "{dies_at}");
            return;
        }
        let skills = undo_of(&place, "rb-1", &run_id()).skills;
        let summary = place
            .process()
            .resume(&RunId::new("rb-1"), skills)
            .await
            .unwrap();
        assert_eq!(summary.status, RunStatus::Succeeded);
        let journaled = place.journaled();
        let marks = journaled.iter().filter(|name| *name == "undone").count();
        assert_eq!(marks, 1, "died at {dies_at}");
        dies_at += 1;
    }
}
