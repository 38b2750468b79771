//! Tables without a key: copies that are missing are inserted, as many as were inserted are taken out again, and
//! equal rows of others keep their number.

use redistrict_load::{Mode, is_undo_refused};
use redistrict_model::{ErrorKind, Key, Severity, Table, Unique};
use redistrict_store::Selector;

use crate::faulty::Faults;
use crate::memory::{Cell, Row};
use crate::runner::{Job, Outcomes, drive, drive_as};
use crate::world::{Estate, Own, cells, cert_tables, district_2, name, plan_of, row, tables};

async fn run(estate: &Estate, job: &Job, id: &str) -> Outcomes {
    match drive(estate, job, id, &Faults::none()).await {
        Ok(outcomes) => outcomes,
        Err(error) => panic!("{id}: {}", error.chain()),
    }
}

/// The copies of a row of a keyless table.
fn copies(estate: &Estate, of: &str, values: Vec<Cell>) -> usize {
    let wanted = row(&cert_tables(), of, values);
    let data = estate.data();
    let rows = data[&name(of)].values();
    rows.filter(|row| **row == wanted).count()
}

fn pings(estate: &Estate) -> usize {
    copies(estate, "hcp.clicks", vec![Cell::Null, "ping".into()])
}

/// Removes one copy, as a tester would.
fn remove(estate: &Estate, of: &str, values: Vec<Cell>) {
    let wanted: Row = row(&cert_tables(), of, values);
    estate.edit(of, |database| {
        let rows = database.data.get_mut(&name(of)).unwrap();
        let found = rows.iter().find(|(_, row)| **row == wanted);
        let locator: Key = found.unwrap().0.clone();
        rows.remove(&locator);
    });
}

#[tokio::test]
async fn copies_that_are_missing_are_inserted_and_equal_ones_of_others_keep_their_number() {
    let estate = Estate::new();
    let before = estate.data();
    let forecast = drive_as(&estate, &Job::Load, "mig-1", &Faults::none(), Mode::DryRun).await;
    let forecast = forecast.unwrap().values().next().unwrap().facts["forecast"].clone();
    let of = |table: &str| {
        let mut all = forecast.as_array().unwrap().iter();
        all.find(|one| one["table"] == table).cloned().unwrap()
    };
    assert_eq!(
        of("hcp.main.clicks"),
        serde_json::json!({
            "table": "hcp.main.clicks", "rows": 4, "insert": 2, "update": 0, "leave": 2, "conflict": 0
        })
    );
    assert_eq!(of("ids.main.events")["insert"], 3);
    assert_eq!(estate.data(), before);
    run(&estate, &Job::Load, "mig-1").await;
    assert_eq!(pings(&estate), 3);
    assert_eq!(copies(&estate, "ids.events", cells![200, "seen"]), 2);
    assert_eq!(copies(&estate, "ids.events", cells![110, "seen"]), 2);
    run(&estate, &Job::Undo("mig-1"), "rb-1").await;
    assert_eq!(pings(&estate), 2);
    assert_eq!(estate.data(), before);
}

#[tokio::test]
async fn fewer_copies_than_were_inserted_refuse_the_undo_and_more_do_not() {
    for (of, values) in [
        ("ids.events", cells![200, "seen"]),
        ("ids.events", vec![201.into(), Cell::Null]),
        ("hcp.clicks", cells![2000, "go"]),
    ] {
        let estate = Estate::new();
        run(&estate, &Job::Load, "mig-1").await;
        let loaded = estate.data();
        remove(&estate, of, values.clone());
        let edited = estate.data();
        for mode in [Mode::DryRun, Mode::Apply] {
            let faults = Faults::none();
            let error = drive_as(&estate, &Job::Undo("mig-1"), "rb-1", &faults, mode).await;
            let error = error.unwrap_err();
            assert!(is_undo_refused(&error), "{}", error.chain());
            assert!(error.causes[0].contains("were changed or removed since"));
            assert!(!error.chain().contains("seen"));
            assert_eq!(estate.data(), edited);
        }
        // The copies that others made stay.
        estate.put(of, values.clone());
        estate.put(of, values.clone());
        assert_ne!(estate.data(), loaded);
        let there = copies(&estate, of, values.clone());
        // A row of others that refers to a row of ours keeps it, keyless or not.
        let error = drive(&estate, &Job::Undo("mig-1"), "rb-2", &Faults::none()).await;
        let error = error.unwrap_err();
        assert!(is_undo_refused(&error), "{}", error.chain());
        assert!(error.causes[0].contains("are referred to by rows of"));
        assert_eq!(copies(&estate, of, values), there);
    }
}

#[tokio::test]
async fn copies_that_others_have_are_no_matter_of_ours() {
    let estate = Estate::new();
    run(&estate, &Job::Load, "mig-1").await;
    for _ in 0..3 {
        estate.put("hcp.clicks", vec![Cell::Null, "ping".into()]);
    }
    run(&estate, &Job::Undo("mig-1"), "rb-1").await;
    assert_eq!(pings(&estate), 5);
    remove(&estate, "hcp.clicks", vec![Cell::Null, "ping".into()]);
    run(&estate, &Job::Undo("rb-1"), "rb-2").await;
    assert_eq!(pings(&estate), 5);
    // One copy was ours: as long as there is one, it goes.
    for _ in 0..4 {
        remove(&estate, "hcp.clicks", vec![Cell::Null, "ping".into()]);
    }
    run(&estate, &Job::Undo("mig-1"), "rb-3").await;
    assert_eq!(pings(&estate), 0);
}

#[tokio::test]
async fn a_later_load_of_the_same_rows_is_no_conflict_and_adds_only_what_is_new() {
    let estate = Estate::new();
    let before = estate.data();
    run(&estate, &Job::Load, "mig-1").await;
    let mut more = district_2();
    more.push(("ids.events", cells![200, "seen"], Own));
    more.push(("hcp.clicks", vec![Cell::Null, "ping".into()], Own));
    estate.write_artifact("mig-2", &estate.plan, &more);
    let outcomes = run(&estate, &Job::Load, "mig-2").await;
    let merges = outcomes.iter().filter(|(unit, _)| unit.step == "merge");
    assert_eq!(merges.map(|(_, one)| one.rows).sum::<u64>(), 2);
    assert_eq!(copies(&estate, "ids.events", cells![200, "seen"]), 3);
    // The later run's event refers to a student of the first one: that is what refuses, no equal row.
    let error = drive(&estate, &Job::Undo("mig-1"), "rb-1", &Faults::none()).await;
    assert!(error.unwrap_err().causes[0].contains("are referred to by rows of"));
    run(&estate, &Job::Undo("mig-2"), "rb-2").await;
    run(&estate, &Job::Undo("mig-1"), "rb-3").await;
    assert_eq!(estate.data(), before);
}

#[tokio::test]
async fn what_a_trigger_makes_of_inserted_rows_is_ours_and_goes_again() {
    let estate = Estate::new().with_trigger("ids.events", "what", "stamped".into());
    let before = estate.data();
    let outcomes = run(&estate, &Job::Load, "mig-1").await;
    let mut findings = outcomes.values().flat_map(|one| &one.findings);
    assert!(findings.any(|one| one.code == "changed-by-target" && one.count == 3));
    assert_eq!(copies(&estate, "ids.events", cells![200, "stamped"]), 2);
    run(&estate, &Job::Undo("mig-1"), "rb-1").await;
    assert_eq!(estate.data(), before);
    // What is put back is what it was, and the trigger does not let it.
    estate.ids.with(|database| {
        database.trigger = Some((name("ids.events"), "what".into(), "again".into()));
    });
    let error = drive(&estate, &Job::Undo("rb-1"), "rb-2", &Faults::none()).await;
    assert!(is_undo_refused(&error.unwrap_err()));
    assert_eq!(estate.data(), before);
}

/// Without a trigger others may have taken one copy away and brought another row at the same time: what it was is
/// seen when it is tried again.
#[tokio::test]
async fn rows_without_a_key_that_no_trigger_can_have_changed_roll_the_load_back() {
    let estate = Estate::new();
    let before = estate.data();
    estate.ids.with(|database| {
        database.trigger = Some((name("ids.events"), "what".into(), "stamped".into()));
    });
    let error = drive(&estate, &Job::Load, "mig-1", &Faults::none()).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Transient, "{}", error.chain());
    assert!(error.message.contains("no trigger explains it"));
    assert_eq!(estate.data(), before);
}

#[tokio::test]
async fn rows_that_do_not_arrive_are_an_error_and_roll_back() {
    let estate = Estate::new();
    let before = estate.data();
    // The trigger moves the rows to another student, where nobody looks for them.
    estate.ids.with(|database| {
        database.trigger = Some((name("ids.events"), "student_id".into(), 110.into()));
    });
    let error = drive(&estate, &Job::Load, "mig-1", &Faults::none()).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(
        error
            .to_string()
            .contains("are not there after they were inserted")
    );
    assert_eq!(estate.data(), before);
}

#[tokio::test]
async fn a_unique_key_with_nulls_is_looked_at_before_anything_is_written() {
    let unique = |tables: &mut Vec<Table>| {
        let clicks = tables.iter_mut().find(|one| one.name == name("hcp.clicks"));
        unique_of(clicks.unwrap());
    };
    let (mut prod, mut cert) = (tables(), cert_tables());
    unique(&mut prod);
    unique(&mut cert);
    let (plan, findings) = plan_of(&prod, &cert);
    assert!(findings.iter().all(|one| one.severity != Severity::Error));
    let mut estate = Estate::new();
    estate.plan = std::sync::Arc::new(plan);
    estate.hcp.with(|database| {
        let clicks = database.tables.get_mut(&name("hcp.clicks")).unwrap();
        unique_of(clicks);
    });
    estate.write_artifact("mig-1", &estate.plan, &district_2());
    run(&estate, &Job::Load, "mig-1").await;
    run(&estate, &Job::Undo("mig-1"), "rb-1").await;
    estate.put("hcp.learners", cells![2000, 200, "other"]);
    estate.put("hcp.clicks", cells![2000, "other"]);
    let before = estate.data();
    let mut rows = district_2();
    rows.retain(|(of, _, _)| *of != "hcp.learners" && *of != "hcp.visits");
    estate.write_artifact("mig-2", &estate.plan, &rows);
    let error = drive(&estate, &Job::Load, "mig-2", &Faults::none()).await;
    let error = error.unwrap_err();
    assert!(
        error.causes[0].contains("clicks_learner_key"),
        "{}",
        error.chain()
    );
    assert_eq!(estate.data(), before);
}

fn unique_of(table: &mut Table) {
    table.uniques.push(Unique {
        name: "clicks_learner_key".into(),
        columns: vec!["learner_id".into()],
    });
}

#[tokio::test]
async fn candidates_are_read_by_the_reference_that_tells_most_apart_or_all_of_them() {
    let estate = Estate::new();
    let faults = Faults::none();
    drive(&estate, &Job::Load, "mig-1", &faults).await.unwrap();
    let asked = faults.key_requests();
    let of = |table: &str| -> Vec<&Selector> {
        let of_table = asked.iter().filter(|one| one.table == name(table));
        of_table.map(|one| &one.selector).collect()
    };
    let by_student = |one: &&Selector| matches!(one, Selector::Matching { columns, .. } if *columns == ["student_id"]);
    assert!(!of("ids.events").is_empty());
    assert!(of("ids.events").iter().all(by_student));
    // One of the rows has no learner.
    assert!(of("hcp.clicks").iter().all(|one| **one == Selector::All));
}
