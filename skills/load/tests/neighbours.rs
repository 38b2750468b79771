//! Two districts in one real CERT: shared rows stay as long as somebody needs them, references between databases
//! are seen, and no row of the neighbour is written over.

use redistrict_load::is_undo_refused;
use redistrict_model::ErrorKind;

use crate::faulty::Faults;
use crate::real::{Cert, ONE_GROUP, TWO_GROUPS, postgres_with, run, sqlite};
use crate::reliance::district_3;
use crate::runner::{Job, drive};
use crate::world::{Estate, district_2};

type World = (Estate, Box<dyn Cert>);

async fn undo_is_refused(estate: &Estate, cert: &dyn Cert, because: &str) {
    let before = cert.dump().await;
    let refused = drive(estate, &Job::Undo("mig-1"), "rb-0", &Faults::none()).await;
    let refused = refused.expect_err("others need its rows");
    assert!(is_undo_refused(&refused), "{}", refused.chain());
    assert!(refused.chain().contains(because), "{}", refused.chain());
    assert_eq!(cert.dump().await, before);
}

async fn neighbours((estate, cert): World) {
    let before = cert.dump().await;
    run(&estate, &Job::Load, "mig-1").await;
    let next = estate.neighbour("3", "mig-3", &district_3());
    run(&next, &Job::Load, "mig-3").await;
    let both = cert.dump().await;
    undo_is_refused(
        &estate,
        cert.as_ref(),
        "2 rows were found there by run mig-3",
    )
    .await;
    run(&estate, &Job::Retain("mig-1"), "rb-1").await;
    run(&estate, &Job::Undo("rb-1"), "rb-2").await;
    assert_eq!(cert.dump().await, both);
    run(&estate, &Job::Retain("mig-1"), "rb-3").await;
    run(&next, &Job::Undo("mig-3"), "rb-4").await;
    assert_eq!(cert.dump().await, before);
}

async fn a_child_elsewhere((estate, cert): World) {
    let before = cert.dump().await;
    run(&estate, &Job::Load, "mig-1").await;
    cert.run("hcp", "insert into learners values (9, 202, 'by a tester')")
        .await;
    undo_is_refused(&estate, cert.as_ref(), "hcp.main.learners").await;
    cert.run("hcp", "delete from learners where id = 9").await;
    run(&estate, &Job::Undo("mig-1"), "rb-1").await;
    assert_eq!(cert.dump().await, before);
}

async fn a_key_used_again((estate, cert): World) {
    run(&estate, &Job::Load, "mig-1").await;
    cert.run("ids", "delete from students where id = 202").await;
    let theirs = "insert into students (id, school_id, name) values (202, 10, 'of the neighbour')";
    cert.run("ids", theirs).await;
    let before = cert.dump().await;
    estate.write_artifact("mig-2", &estate.plan, &district_2());
    let refused = drive(&estate, &Job::Load, "mig-2", &Faults::none()).await;
    let refused = refused.expect_err("the row is the neighbour's");
    assert_eq!(refused.kind, ErrorKind::Conflict);
    assert!(
        refused.chain().contains("changed since"),
        "{}",
        refused.chain()
    );
    assert_eq!(cert.dump().await, before);
}

#[tokio::test]
async fn rows_that_two_districts_share_on_sqlite_go_with_the_last_one() {
    for groups in [ONE_GROUP, TWO_GROUPS] {
        neighbours(sqlite(groups).await).await;
    }
}

#[tokio::test]
async fn rows_that_two_districts_share_on_postgresql_go_with_the_last_one() {
    neighbours(postgres_with("select 1").await).await;
}

#[tokio::test]
async fn a_testers_child_in_another_database_refuses_the_undo_on_sqlite() {
    for groups in [ONE_GROUP, TWO_GROUPS] {
        a_child_elsewhere(sqlite(groups).await).await;
    }
}

#[tokio::test]
async fn a_testers_child_in_another_database_refuses_the_undo_on_postgresql() {
    a_child_elsewhere(postgres_with("select 1").await).await;
}

#[tokio::test]
async fn a_key_that_the_neighbour_uses_since_is_left_alone_on_sqlite() {
    for groups in [ONE_GROUP, TWO_GROUPS] {
        a_key_used_again(sqlite(groups).await).await;
    }
}

#[tokio::test]
async fn a_key_that_the_neighbour_uses_since_is_left_alone_on_postgresql() {
    a_key_used_again(postgres_with("select 1").await).await;
}
