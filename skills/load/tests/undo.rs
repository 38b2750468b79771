//! Undo and redo: exact, or refused with everything named and nothing changed.

use redistrict_load::{Mode, UNDO_REFUSED, is_undo_refused};
use redistrict_model::{ErrorKind, Key, RunId};
use redistrict_skill::SkillError;
use redistrict_store::RunState;

use crate::faulty::{Fault, Faults};
use crate::memory::Cell;
use crate::runner::{Job, Outcomes, drive, drive_as};
use crate::world::{Estate, Own, Shared, Stub, cells, district_2, name};

async fn run(estate: &Estate, job: &Job, id: &str) -> Outcomes {
    match drive(estate, job, id, &Faults::none()).await {
        Ok(outcomes) => outcomes,
        Err(error) => panic!("{id}: {}", error.chain()),
    }
}

async fn refused(estate: &Estate, undone: &'static str, id: &str) -> SkillError {
    let (before, digests) = (estate.data(), estate.digests().await);
    let error = drive(estate, &Job::Undo(undone), id, &Faults::none())
        .await
        .unwrap_err();
    assert!(is_undo_refused(&error), "{}", error.chain());
    assert!(error.hints.contains(&UNDO_REFUSED.to_owned()));
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert_eq!(estate.data(), before);
    assert_eq!(estate.digests().await, digests);
    assert!(!estate.has_leftovers());
    error
}

fn state(estate: &Estate, run: &str) -> Option<RunState> {
    estate.ids.with(|database| {
        let found = database.runs.iter().find(|one| one.run.as_str() == run);
        found.map(|record| record.state)
    })
}

#[tokio::test]
async fn undo_brings_back_every_row_and_redo_the_load() {
    let estate = Estate::new();
    let (before, digests) = (estate.data(), estate.digests().await);
    run(&estate, &Job::Load, "mig-1").await;
    let (after, loaded) = (estate.data(), estate.digests().await);
    assert_ne!(digests, loaded);
    let outcomes = run(&estate, &Job::Undo("mig-1"), "rb-1").await;
    let rows = outcomes.iter().filter(|(unit, _)| unit.step == "undo");
    assert_eq!(rows.map(|(_, outcome)| outcome.rows).sum::<u64>(), 19);
    assert_eq!(estate.data(), before);
    assert_eq!(estate.digests().await, digests);
    assert_eq!(state(&estate, "mig-1"), Some(RunState::Undone));
    assert_eq!(state(&estate, "rb-1"), Some(RunState::Committed));
    run(&estate, &Job::Undo("rb-1"), "rb-2").await;
    assert_eq!(estate.data(), after);
    assert_eq!(estate.digests().await, loaded);
    assert_eq!(state(&estate, "mig-1"), Some(RunState::Committed));
    assert_eq!(state(&estate, "rb-1"), Some(RunState::Undone));
    run(&estate, &Job::Undo("mig-1"), "rb-3").await;
    assert_eq!(estate.data(), before);
    assert_eq!(state(&estate, "rb-2"), Some(RunState::Undone));
    assert!(!estate.has_leftovers());
}

#[tokio::test]
async fn load_and_undo_again_and_again_ends_where_it_began() {
    let estate = Estate::new();
    let before = estate.data();
    let ids = ["m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9"];
    for id in ids {
        estate.write_artifact(id, &estate.plan, &district_2());
        run(&estate, &Job::Load, id).await;
        assert_ne!(estate.data(), before);
        run(&estate, &Job::Undo(id), &format!("rb-{id}x")).await;
        assert_eq!(estate.data(), before);
    }
}

#[tokio::test]
async fn an_undone_run_and_one_that_never_committed_leave_nothing_to_do() {
    let estate = Estate::new();
    run(&estate, &Job::Load, "mig-1").await;
    run(&estate, &Job::Undo("mig-1"), "rb-1").await;
    let before = estate.data();
    for undone in ["mig-1", "mig-0"] {
        let outcomes = run(&estate, &Job::Undo(undone), &format!("rb-{undone}")).await;
        let findings: Vec<_> = outcomes.values().flat_map(|one| &one.findings).collect();
        assert_eq!(findings.len(), 2);
        assert!(findings.iter().all(|one| one.code == "nothing-to-undo"));
        assert_eq!(estate.data(), before);
        assert_eq!(state(&estate, &format!("rb-{undone}")), None);
    }
}

#[tokio::test]
async fn a_run_that_was_killed_before_its_commit_is_cleared_away() {
    let estate = Estate::new();
    let before = estate.data();
    let skill = redistrict_load::LoadSkill::new(estate.setup(&Faults::none(), Mode::Apply));
    let mut killed = crate::runner::Steps::new(&estate, &skill, "mig-1");
    for step in ["preflight", "lease", "lease", "stage", "stage", "stage"] {
        killed.next(step).await.unwrap();
    }
    assert!(estate.has_leftovers());
    run(&estate, &Job::Undo("mig-1"), "rb-1").await;
    assert!(!estate.has_leftovers());
    assert_eq!(estate.data(), before);
}

#[tokio::test]
async fn a_run_that_was_killed_between_its_commits_is_taken_back_where_it_stands() {
    let undisturbed = Faults::none();
    drive(&Estate::new(), &Job::Load, "mig-1", &undisturbed)
        .await
        .unwrap();
    let calls = undisturbed.calls();
    let first = calls.iter().position(|name| *name == "commit").unwrap();
    let estate = Estate::new();
    let before = estate.data();
    let faults = Faults::at(first, Fault::DieAfter);
    let skill = redistrict_load::LoadSkill::new(estate.setup(&faults, Mode::Apply));
    let mut killed = crate::runner::Steps::new(&estate, &skill, "mig-1");
    for step in ["preflight", "lease", "lease"] {
        killed.next(step).await.unwrap();
    }
    for _ in 0..10 {
        killed.next("stage").await.unwrap();
    }
    killed.next("merge").await.unwrap_err();
    assert!(faults.is_dead());
    assert_ne!(estate.data(), before);
    run(&estate, &Job::Undo("mig-1"), "rb-1").await;
    assert!(!estate.has_leftovers());
    assert_eq!(estate.data(), before);
}

#[tokio::test]
async fn a_row_that_a_tester_changed_or_removed_since_refuses_the_undo_of_all_groups() {
    let edits: [(&str, &str, &str); 4] = [
        ("ids.students", "200", "name"),
        ("ids.schools", "20", "name"),
        ("ids.students", "201", "cert_note"),
        ("hcp.learners", "2000", "note"),
    ];
    for (of, id, column) in edits {
        let estate = Estate::new();
        run(&estate, &Job::Load, "mig-1").await;
        estate.set(of, id, column, "typed by a tester");
        let error = refused(&estate, "mig-1", "rb-1").await;
        assert_eq!(error.causes.len(), 1, "{}", error.chain());
        assert!(error.causes[0].contains("1 rows were changed or removed since: #"));
        assert!(!error.chain().contains("tester typed"));
    }
    let estate = Estate::new();
    run(&estate, &Job::Load, "mig-1").await;
    estate.edit("ids.guardians", |database| {
        let rows = database.data.get_mut(&name("ids.guardians")).unwrap();
        rows.remove(&Key::of("103")).unwrap();
    });
    refused(&estate, "mig-1", "rb-1").await;
}

#[tokio::test]
async fn rows_of_others_that_refer_to_ours_refuse_the_undo() {
    for (of, values) in [
        ("ids.students", cells![111, 10, 100, 110, "friend"]),
        ("ids.awards", cells![1, 200]),
        ("hcp.visits", cells![2000, 9, "more"]),
    ] {
        let estate = Estate::new();
        run(&estate, &Job::Load, "mig-1").await;
        estate.put(of, values);
        let error = refused(&estate, "mig-1", "rb-1").await;
        let child = name(of).to_string();
        assert!(
            error
                .causes
                .iter()
                .any(|cause| cause.contains("are referred to") && cause.contains(&child)),
            "{}",
            error.chain()
        );
    }
}

#[tokio::test]
async fn a_later_run_that_wrote_the_same_row_is_named_until_it_is_undone() {
    let estate = Estate::new();
    let before = estate.data();
    run(&estate, &Job::Load, "mig-1").await;
    let mut rows = district_2();
    let school = rows
        .iter_mut()
        .find(|(_, values, _)| values.contains(&"New".into()));
    school.unwrap().1[2] = "Newer".into();
    estate.write_artifact("mig-2", &estate.plan, &rows);
    run(&estate, &Job::Load, "mig-2").await;
    let error = refused(&estate, "mig-1", "rb-1").await;
    assert!(
        error
            .causes
            .iter()
            .any(|cause| cause.contains("the later run mig-2: #")),
        "{}",
        error.chain()
    );
    run(&estate, &Job::Undo("mig-2"), "rb-2").await;
    run(&estate, &Job::Undo("mig-1"), "rb-3").await;
    assert_eq!(estate.data(), before);
    // Redone out of order, the later one does not fit any more.
    let error = refused(&estate, "rb-2", "rb-4").await;
    assert!(!error.causes.is_empty());
    run(&estate, &Job::Undo("rb-3"), "rb-5").await;
    run(&estate, &Job::Undo("rb-2"), "rb-6").await;
    refused(&estate, "mig-1", "rb-7").await;
}

#[tokio::test]
async fn a_stub_that_was_replaced_by_a_full_row_comes_back_as_a_stub() {
    let estate = Estate::new();
    run(&estate, &Job::Load, "mig-1").await;
    let stub = estate.data();
    let mut rows = district_2();
    rows.retain(|(_, _, membership)| *membership != Stub);
    rows.push((
        "ids.guardians",
        cells![103, "Full", "full@example.org"],
        Shared,
    ));
    estate.write_artifact("mig-2", &estate.plan, &rows);
    run(&estate, &Job::Load, "mig-2").await;
    assert_ne!(estate.data(), stub);
    run(&estate, &Job::Undo("mig-2"), "rb-2").await;
    assert_eq!(estate.data(), stub);
    estate.write_artifact("mig-3", &estate.plan, &rows);
    run(&estate, &Job::Load, "mig-3").await;
    assert_ne!(estate.data(), stub, "the ledger still knows the stub");
}

#[tokio::test]
async fn a_row_that_is_there_again_refuses_the_redo() {
    let estate = Estate::new();
    run(&estate, &Job::Load, "mig-1").await;
    run(&estate, &Job::Undo("mig-1"), "rb-1").await;
    estate.put("ids.schools", cells![21, 1, "taken"]);
    let error = refused(&estate, "rb-1", "rb-2").await;
    assert!(error.causes[0].contains("1 rows are there again"));
}

#[tokio::test]
async fn an_undo_that_a_trigger_makes_inexact_is_rolled_back() {
    let estate = Estate::new();
    run(&estate, &Job::Load, "mig-1").await;
    estate.ids.with(|database| {
        database.trigger = Some((name("ids.schools"), "name".into(), "stamped".into()));
    });
    let error = refused(&estate, "mig-1", "rb-1").await;
    assert!(error.message.contains("triggers"));
}

#[tokio::test]
async fn when_an_earlier_group_cannot_be_undone_the_later_one_is_redone() {
    let estate = Estate::new();
    run(&estate, &Job::Load, "mig-1").await;
    let loaded = estate.data();
    let faults = Faults::refuse("commit", "ids");
    let error = drive(&estate, &Job::Undo("mig-1"), "rb-1", &faults)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert_eq!(estate.data(), loaded);
    assert!(!estate.has_leftovers());
    let before = Estate::new().data();
    run(&estate, &Job::Undo("mig-1"), "rb-2").await;
    assert_eq!(estate.data(), before);
}

#[tokio::test]
async fn a_dry_run_of_an_undo_only_checks() {
    let estate = Estate::new();
    run(&estate, &Job::Load, "mig-1").await;
    let loaded = estate.data();
    let outcomes = drive_as(
        &estate,
        &Job::Undo("mig-1"),
        "rb-1",
        &Faults::none(),
        Mode::DryRun,
    )
    .await
    .unwrap();
    assert_eq!(outcomes.len(), 1);
    assert_eq!(estate.data(), loaded);
}

#[tokio::test]
async fn two_districts_are_undone_in_any_order_if_they_share_nothing() {
    let estate = Estate::new();
    let before = estate.data();
    run(&estate, &Job::Load, "mig-1").await;
    let only_first = estate.data();
    let more = vec![
        ("ids.schools", cells![22, 2, "One more"], Own),
        (
            "ids.students",
            vec![220.into(), 22.into(), Cell::Null, Cell::Null, Cell::Null],
            Own,
        ),
    ];
    estate.write_artifact("mig-2", &estate.plan, &more);
    run(&estate, &Job::Load, "mig-2").await;
    // The school refers to the district's row, which mig-1 only updated: nothing of mig-1 is needed.
    run(&estate, &Job::Undo("mig-1"), "rb-1").await;
    assert_ne!(estate.data(), only_first);
    run(&estate, &Job::Undo("mig-2"), "rb-2").await;
    assert_eq!(estate.data(), before);
    assert_eq!(
        state(&estate, RunId::new("mig-2").as_str()),
        Some(RunState::Undone)
    );
}

#[tokio::test]
async fn an_index_that_cert_got_since_is_no_obstacle_a_column_is() {
    let estate = Estate::new();
    let before = estate.data();
    run(&estate, &Job::Load, "mig-1").await;
    estate.ids.with(|database| {
        let table = database.tables.get_mut(&name("ids.schools")).unwrap();
        table.uniques.push(redistrict_model::Unique {
            name: "by_name".into(),
            columns: vec!["name".into()],
        });
    });
    let column = crate::world::column("added:text?");
    let add = |database: &mut crate::memory::Database| {
        let table = database.tables.get_mut(&name("ids.members")).unwrap();
        table.columns.push(column);
    };
    let widened = estate.copy();
    widened.ids.with(add);
    for row in widened.ids.with(|database| database.data.clone())[&name("ids.members")].keys() {
        widened.set("ids.members", &row.parts()[0], "added", "by a tester");
    }
    let error = drive(&widened, &Job::Undo("mig-1"), "rb-1", &Faults::none())
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(error.message.contains("ids.main.members"));
    run(&estate, &Job::Undo("mig-1"), "rb-1").await;
    assert_eq!(estate.data(), before);
}
