//! Whose a row of CERT is: by its label, or because it stands as a run of this district left it.

use redistrict_artifact::RootKey;
use redistrict_model::{ErrorKind, Key};
use redistrict_skill::SkillError;

use crate::faulty::Faults;
use crate::memory::Cell;
use crate::runner::{Job, drive};
use crate::world::{ArtifactRows, Estate, Own, Shared, Stub, cells, district_2, name};

async fn load(estate: &Estate, run: &str) {
    if let Err(error) = drive(estate, &Job::Load, run, &Faults::none()).await {
        panic!("{run}: {}", error.chain());
    }
}

async fn refused(estate: &Estate, run: &str) -> SkillError {
    let before = estate.data();
    let error = drive(estate, &Job::Load, run, &Faults::none()).await;
    let error = error.expect_err("a row of others stands in the way");
    assert_eq!(error.kind, ErrorKind::Conflict, "{}", error.chain());
    assert_eq!(estate.data(), before);
    assert!(!estate.has_leftovers());
    error
}

fn student(id: i64, school: i64, name: &str) -> (&'static str, Vec<Cell>) {
    let values = vec![
        id.into(),
        school.into(),
        Cell::Null,
        Cell::Null,
        name.into(),
    ];
    ("ids.students", values)
}

/// Issue 7: a tester deletes our row, and the key is used again for a row of another district.
#[tokio::test]
async fn a_key_of_ours_that_another_district_uses_since_is_not_written_over() {
    let estate = Estate::new();
    load(&estate, "mig-1").await;
    let (of, values) = student(202, 10, "of the neighbour");
    estate.edit(of, |database| {
        let rows = database.data.get_mut(&name(of)).unwrap();
        rows.remove(&Key::of("202")).unwrap();
    });
    estate.put(of, values);
    estate.write_artifact("mig-2", &estate.plan, &district_2());
    let error = refused(&estate, "mig-2").await;
    let [cause] = error.causes.as_slice() else {
        panic!("{}", error.chain());
    };
    assert!(
        cause.contains("ids.main.students: 1 rows were written by run mig-1"),
        "{cause}"
    );
    assert!(cause.contains("changed since"), "{cause}");
}

#[tokio::test]
async fn a_row_that_a_tester_changed_is_still_the_districts_where_its_label_says_so() {
    let estate = Estate::new();
    load(&estate, "mig-1").await;
    let loaded = estate.data();
    estate.set("ids.students", "202", "name", "typed by a tester");
    estate.write_artifact("mig-2", &estate.plan, &district_2());
    load(&estate, "mig-2").await;
    assert_eq!(estate.data(), loaded);
}

fn district_3() -> ArtifactRows {
    let (of, values) = student(300, 30, "of district 3");
    vec![
        ("ids.districts", cells![3, "Third"], Own),
        ("ids.schools", cells![30, 3, "School of 3"], Own),
        (of, values, Own),
        ("ids.schools", cells![22, 3, "to be"], Stub),
    ]
}

#[tokio::test]
async fn a_row_that_a_run_wrote_for_another_district_is_a_conflict_that_names_the_run() {
    let estate = Estate::new();
    let neighbour = estate.neighbour("3", "mig-3", &district_3());
    load(&neighbour, "mig-3").await;
    let mut rows = district_2();
    let (of, values) = student(300, 20, "the same key");
    rows.push((of, values, Own));
    estate.write_artifact("mig-1", &estate.plan, &rows);
    let error = refused(&estate, "mig-1").await;
    let expected = "ids.main.students: 1 rows have the key of a row of this district, but run mig-3 \
                    wrote them for another one";
    assert!(error.causes[0].contains(expected), "{}", error.chain());
}

#[tokio::test]
async fn a_stub_that_a_run_wrote_is_nobodys_and_gives_way_to_the_row_itself() {
    let estate = Estate::new();
    let neighbour = estate.neighbour("3", "mig-3", &district_3());
    load(&neighbour, "mig-3").await;
    let mut rows = district_2();
    rows.push(("ids.schools", cells![22, 2, "it is ours"], Own));
    estate.write_artifact("mig-1", &estate.plan, &rows);
    load(&estate, "mig-1").await;
    let name =
        |data: &crate::memory::Data| data[&name("ids.schools")][&Key::of("22")]["name"].clone();
    assert_eq!(name(&estate.data()), "it is ours".into());

    // But not once somebody has changed it.
    let estate = Estate::new();
    let neighbour = estate.neighbour("3", "mig-3", &district_3());
    load(&neighbour, "mig-3").await;
    estate.set("ids.schools", "22", "name", "typed by a tester");
    estate.write_artifact("mig-1", &estate.plan, &rows);
    let error = refused(&estate, "mig-1").await;
    assert!(error.causes[0].contains("run mig-3"), "{}", error.chain());
}

#[tokio::test]
async fn what_a_run_with_another_key_wrote_is_the_districts_by_its_label_only() {
    let mut estate = Estate::new();
    load(&estate, "mig-1").await;
    estate.key = RootKey::new(&[8; 32]).unwrap();
    estate.write_artifact("mig-2", &estate.plan, &district_2());
    load(&estate, "mig-2").await;

    let mut estate = Estate::new();
    let mut rows = district_2();
    rows.push(("ids.guardians", cells![104, "Di", "di@example.org"], Shared));
    estate.write_artifact("mig-1", &estate.plan, &rows);
    load(&estate, "mig-1").await;
    estate.key = RootKey::new(&[8; 32]).unwrap();
    rows.pop();
    rows.push(("ids.guardians", cells![104, "Di", "di@example.org"], Own));
    estate.write_artifact("mig-2", &estate.plan, &rows);
    let error = refused(&estate, "mig-2").await;
    assert!(
        error.causes[0]
            .contains("do not belong to this district in CERT, and were written by run mig-1"),
        "{}",
        error.chain()
    );
}

#[tokio::test]
async fn an_undo_with_another_key_says_so_and_changes_nothing() {
    let mut estate = Estate::new();
    load(&estate, "mig-1").await;
    let loaded = estate.data();
    let key = std::mem::replace(&mut estate.key, RootKey::new(&[8; 32]).unwrap());
    let error = drive(&estate, &Job::Undo("mig-1"), "rb-1", &Faults::none()).await;
    let error = error.expect_err("nothing can be compared");
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(
        error
            .message
            .contains("its ledger was made with another key"),
        "{}",
        error.chain()
    );
    assert!(!error.chain().contains("changed or removed since"));
    assert_eq!(estate.data(), loaded);
    estate.key = key;
    drive(&estate, &Job::Undo("mig-1"), "rb-2", &Faults::none())
        .await
        .unwrap();
}
