//! Rows that two districts share: an undo refuses while another run relies on them, or leaves them.

use redistrict_load::is_undo_refused;
use redistrict_skill::SkillError;

use crate::faulty::Faults;
use crate::memory::Data;
use crate::runner::{Job, Outcomes, drive};
use crate::world::{ArtifactRows, Estate, Own, Shared, Stub, cells, name};

/// Shares guardians with district 2: one that both have in full, and one as a stub.
pub(crate) fn district_3() -> ArtifactRows {
    neighbour(3)
}

fn neighbour(district: i64) -> ArtifactRows {
    vec![
        ("ids.districts", cells![district, "Next"], Own),
        (
            "ids.schools",
            cells![district * 10, district, "School"],
            Own,
        ),
        (
            "ids.guardians",
            cells![100, "Ann", "ann@example.org"],
            Shared,
        ),
        ("ids.guardians", cells![102, "Cy", "cy@example.org"], Shared),
        ("ids.guardians", cells![103], Stub),
        (
            "ids.students",
            cells![district * 100, district * 10, 100, district * 100, "S"],
            Own,
        ),
    ]
}

async fn run(estate: &Estate, job: &Job, id: &str) -> Outcomes {
    match drive(estate, job, id, &Faults::none()).await {
        Ok(outcomes) => outcomes,
        Err(error) => panic!("{id}: {}", error.chain()),
    }
}

async fn refused(estate: &Estate, job: Job, id: &str) -> SkillError {
    let (before, ledgers) = (estate.data(), estate.ledgers());
    let error = drive(estate, &job, id, &Faults::none()).await;
    let error = error.expect_err("another run relies on the rows");
    assert!(is_undo_refused(&error), "{}", error.chain());
    assert_eq!(estate.data(), before);
    assert_eq!(estate.ledgers(), ledgers);
    assert!(!estate.has_leftovers());
    error
}

/// CERT before any run, and both districts in it.
async fn two_districts() -> (Data, Estate, Estate) {
    let estate = Estate::new();
    let before = estate.data();
    run(&estate, &Job::Load, "mig-2").await;
    let next = estate.neighbour("3", "mig-3", &district_3());
    run(&next, &Job::Load, "mig-3").await;
    (before, estate, next)
}

fn guardians(estate: &Estate) -> Vec<String> {
    let data = estate.data();
    let keys = data[&name("ids.guardians")].keys();
    keys.map(|key| key.parts().join("/")).collect()
}

#[tokio::test]
async fn a_load_says_which_rows_of_other_runs_it_relies_on_and_no_others() {
    let (_, estate, _) = two_districts().await;
    let relied: Vec<String> = estate.ledgers();
    let relied = relied.iter().filter(|line| line.contains(" relied "));
    // Guardian 102 was in CERT before: no run can take it out.
    assert_eq!(
        relied.collect::<Vec<_>>(),
        ["mig-3 relied guardians 100", "mig-3 relied guardians 103"]
    );
}

#[tokio::test]
async fn an_undo_refuses_while_another_run_relies_on_rows_and_names_it() {
    let (before, estate, next) = two_districts().await;
    let error = refused(&estate, Job::Undo("mig-2"), "rb-1").await;
    let relied = error
        .causes
        .iter()
        .find(|cause| cause.contains("relies on them"));
    let relied = relied.expect("the run is named");
    assert!(
        relied.contains("ids.main.guardians: 2 rows were found there by run mig-3"),
        "{relied}"
    );
    assert!(
        error
            .hints
            .iter()
            .any(|hint| hint.contains("--retain-shared"))
    );
    run(&next, &Job::Undo("mig-3"), "rb-2").await;
    run(&estate, &Job::Undo("mig-2"), "rb-3").await;
    assert_eq!(estate.data(), before);
}

#[tokio::test]
async fn retained_rows_are_listed_and_go_with_the_last_run_that_relies_on_them() {
    let (before, estate, next) = two_districts().await;
    let outcomes = run(&estate, &Job::Retain("mig-2"), "rb-1").await;
    let findings = outcomes.values().flat_map(|one| &one.findings);
    let retained: Vec<_> = findings.filter(|one| one.code == "rows-retained").collect();
    assert!(
        retained
            .iter()
            .all(|one| one.count == 2 && one.message.contains("run mig-3"))
    );
    assert_eq!(retained.len(), 2, "by the check and by the undo");
    let done = outcomes
        .iter()
        .find(|(unit, _)| unit.to_string().contains("undo") && unit.to_string().contains("ids"));
    let facts = &done.expect("the undo of ids").1.facts["retained"][0];
    assert_eq!(
        (&facts["relied_on_by"], &facts["rows"]),
        (&"mig-3".into(), &2.into())
    );
    assert_eq!(facts["locators"].as_array().map(Vec::len), Some(2));
    assert_eq!(guardians(&estate), ["100", "101", "102", "103"]);
    run(&next, &Job::Undo("mig-3"), "rb-2").await;
    assert_eq!(estate.data(), before);
    // And back again, in the order in which they went.
    run(&next, &Job::Undo("rb-2"), "rb-3").await;
    assert_eq!(guardians(&estate), ["100", "101", "102", "103"]);
    run(&estate, &Job::Undo("rb-1"), "rb-4").await;
    refused(&estate, Job::Undo("mig-2"), "rb-5").await;
    run(&next, &Job::Undo("mig-3"), "rb-6").await;
    run(&estate, &Job::Undo("mig-2"), "rb-7").await;
    assert_eq!(estate.data(), before);
}

#[tokio::test]
async fn a_redo_takes_retained_rows_up_again_and_its_undo_takes_them_out() {
    for undone in ["mig-2", "rb-2"] {
        let (before, estate, next) = two_districts().await;
        let both = estate.data();
        run(&estate, &Job::Retain("mig-2"), "rb-1").await;
        run(&estate, &Job::Undo("rb-1"), "rb-2").await;
        assert_eq!(estate.data(), both);
        refused(&estate, Job::Undo(undone), "rb-3").await;
        run(&next, &Job::Undo("mig-3"), "rb-4").await;
        assert_eq!(guardians(&estate), ["100", "101", "102", "103"]);
        run(&estate, &Job::Undo(undone), "rb-5").await;
        assert_eq!(estate.data(), before, "{undone}");
    }
}

#[tokio::test]
async fn retained_rows_stay_as_long_as_any_run_relies_on_them() {
    for order in [["mig-3", "mig-4"], ["mig-4", "mig-3"]] {
        let (before, estate, third) = two_districts().await;
        let fourth = estate.neighbour("4", "mig-4", &neighbour(4));
        run(&fourth, &Job::Load, "mig-4").await;
        run(&estate, &Job::Retain("mig-2"), "rb-1").await;
        for (at, undone) in order.into_iter().enumerate() {
            assert_eq!(guardians(&estate), ["100", "101", "102", "103"]);
            let of = if undone == "mig-3" { &third } else { &fourth };
            run(of, &Job::Undo(undone), &format!("rb-{}", at + 2)).await;
        }
        assert_eq!(estate.data(), before, "{order:?}");
    }
}

#[tokio::test]
async fn a_load_that_finds_retained_rows_relies_on_them_as_well() {
    let (before, estate, next) = two_districts().await;
    run(&estate, &Job::Retain("mig-2"), "rb-1").await;
    run(&estate, &Job::Load, "mig-5").await;
    run(&next, &Job::Undo("mig-3"), "rb-2").await;
    assert_eq!(guardians(&estate), ["100", "101", "102", "103"]);
    run(&estate, &Job::Undo("mig-5"), "rb-3").await;
    assert_eq!(estate.data(), before);
}

#[tokio::test]
async fn a_redo_refuses_where_rows_are_gone_that_the_run_relied_on() {
    let (_, estate, next) = two_districts().await;
    run(&next, &Job::Undo("mig-3"), "rb-1").await;
    run(&estate, &Job::Undo("mig-2"), "rb-2").await;
    let error = refused(&next, Job::Undo("rb-1"), "rb-3").await;
    assert!(
        error.causes[0].contains("ids.main.guardians: 2 rows were found there by the run that would come back, and are gone"),
        "{}",
        error.chain()
    );
    run(&estate, &Job::Undo("rb-2"), "rb-4").await;
    run(&next, &Job::Undo("rb-1"), "rb-5").await;
}

#[tokio::test]
async fn a_retained_row_that_a_tester_changed_since_refuses_the_last_undo() {
    let (_, estate, next) = two_districts().await;
    run(&estate, &Job::Retain("mig-2"), "rb-1").await;
    estate.set("ids.guardians", "100", "name", "typed by a tester");
    let error = refused(&next, Job::Undo("mig-3"), "rb-2").await;
    assert!(
        error.causes[0].contains("were changed or removed since"),
        "{}",
        error.chain()
    );
}

/// What was retained and then taken out by the last undo has no owner any more: who brings such rows again owns them.
#[tokio::test]
async fn rows_that_were_retained_and_taken_out_are_those_of_the_load_that_brings_them_again() {
    let (before, estate, next) = two_districts().await;
    run(&estate, &Job::Retain("mig-2"), "rb-1").await;
    run(&next, &Job::Undo("mig-3"), "rb-2").await;
    assert_eq!(estate.data(), before);
    run(&estate, &Job::Load, "mig-5").await;
    run(&next, &Job::Load, "mig-6").await;
    refused(&estate, Job::Undo("mig-5"), "rb-3").await;
    let both = guardians(&estate);
    run(&next, &Job::Undo("mig-6"), "rb-4").await;
    assert_eq!(guardians(&estate), both);
    run(&estate, &Job::Undo("mig-5"), "rb-5").await;
    assert_eq!(estate.data(), before);
}

/// A run that finds everything there brings nothing: it relies on nothing, and is in nobody's way.
#[tokio::test]
async fn a_load_that_finds_everything_there_relies_on_nothing() {
    let (before, estate, next) = two_districts().await;
    run(&next, &Job::Load, "mig-4").await;
    let relied = estate.ledgers();
    assert!(
        !relied.iter().any(|line| line.starts_with("mig-4 ")),
        "{relied:?}"
    );
    run(&next, &Job::Undo("mig-3"), "rb-1").await;
    run(&estate, &Job::Undo("mig-2"), "rb-2").await;
    assert_eq!(estate.data(), before);
}
