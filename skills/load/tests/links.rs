//! An undo sees who refers to its rows by links, too: in other databases, with conditions, inside of values.

use redistrict_load::is_undo_refused;
use redistrict_model::{Edge, EdgeOrigin, Inside};

use crate::faulty::Faults;
use crate::memory::Cell;
use crate::runner::{Job, drive};
use crate::world::{Estate, Own, Shared, cells, district_2, edge, name};

async fn run(estate: &Estate, job: &Job, id: &str) {
    if let Err(error) = drive(estate, job, id, &Faults::none()).await {
        panic!("{id}: {}", error.chain());
    }
}

async fn refused(estate: &Estate, child: &str) {
    let before = estate.data();
    let error = drive(estate, &Job::Undo("mig-1"), "rb-1", &Faults::none()).await;
    let error = error.expect_err("a row refers to one that would go");
    assert!(is_undo_refused(&error), "{}", error.chain());
    let child = name(child).to_string();
    let is_told = |cause: &String| {
        cause.contains("1 rows are referred to by rows of") && cause.contains(&child)
    };
    assert!(error.causes.iter().any(is_told), "{}", error.chain());
    assert_eq!(estate.data(), before);
    assert!(!estate.has_leftovers());
}

fn link(child: &str, column: &str, parent: &str) -> Edge {
    Edge {
        origin: EdgeOrigin::Link,
        mandatory: false,
        ..edge(9, child, column, parent)
    }
}

#[tokio::test]
async fn a_child_by_a_link_in_another_database_refuses_the_undo() {
    let estate = Estate::new();
    let before = estate.data();
    run(&estate, &Job::Load, "mig-1").await;
    estate.put("hcp.learners", cells![9, 202, "by a tester"]);
    refused(&estate, "hcp.learners").await;
    estate.edit("hcp.learners", |database| {
        let rows = database.data.get_mut(&name("hcp.learners")).unwrap();
        rows.remove(&redistrict_model::Key::of("9")).unwrap();
    });
    run(&estate, &Job::Undo("mig-1"), "rb-2").await;
    assert_eq!(estate.data(), before);
}

#[tokio::test]
async fn a_link_with_a_condition_counts_for_the_rows_that_meet_it() {
    for (kind, is_refused) in [("guardian", true), ("nobody", false)] {
        let link = Edge {
            when: vec![("note".into(), vec!["guardian".into()])],
            ..link("hcp.visits", "Number", "ids.guardians")
        };
        let estate = Estate::new().with_edge(link);
        run(&estate, &Job::Load, "mig-1").await;
        estate.put("hcp.visits", cells![1000, 100, kind]);
        if is_refused {
            refused(&estate, "hcp.visits").await;
        } else {
            run(&estate, &Job::Undo("mig-1"), "rb-1").await;
        }
    }
}

#[tokio::test]
async fn a_reference_inside_of_a_value_counts() {
    for (note, is_refused) in [("{7,100}", true), ("{7,1001}", false), ("no array", false)] {
        let link = Edge {
            inside: Some(Inside::Elements),
            ..link("hcp.learners", "note", "ids.guardians")
        };
        let estate = Estate::new().with_edge(link);
        run(&estate, &Job::Load, "mig-1").await;
        estate.put("hcp.learners", cells![9, 110, note]);
        if is_refused {
            refused(&estate, "hcp.learners").await;
        } else {
            run(&estate, &Job::Undo("mig-1"), "rb-1").await;
        }
    }
}

/// Copies tell no rows apart: as many of them go as the run brought, and one more stays.
#[tokio::test]
async fn a_copy_too_many_in_another_database_refuses_the_undo() {
    let estate = Estate::new().with_edge(link("hcp.clicks", "what", "ids.guardians"));
    let before = estate.data();
    let mut rows = district_2();
    rows.push(("hcp.clicks", vec![Cell::Null, "100".into()], Own));
    rows.push(("hcp.clicks", vec![Cell::Null, "100".into()], Shared));
    estate.write_artifact("mig-1", &estate.plan, &rows);
    run(&estate, &Job::Load, "mig-1").await;
    let loaded = estate
        .copy()
        .with_edge(link("hcp.clicks", "what", "ids.guardians"));
    run(&loaded, &Job::Undo("mig-1"), "rb-1").await;
    assert_eq!(loaded.data(), before);
    estate.put("hcp.clicks", vec![Cell::Null, "100".into()]);
    refused(&estate, "hcp.clicks").await;
}

/// No server refuses anything here: PROD declares the key, CERT does not.
#[tokio::test]
async fn a_key_that_only_prod_declares_counts() {
    let estate = Estate::new();
    run(&estate, &Job::Load, "mig-1").await;
    estate.ids.with(|database| {
        let events = database.tables.get_mut(&name("ids.events")).unwrap();
        events.foreign_keys.clear();
    });
    estate.put("ids.events", cells![202, "seen by a tester"]);
    refused(&estate, "ids.events").await;
}
