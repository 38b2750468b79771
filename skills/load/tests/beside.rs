//! What others do to rows of ours while they are loaded, on PostgreSQL; and unique values that move from row to row.

use std::sync::Arc;

use redistrict_model::ErrorKind;

use crate::faulty::{Faults, Meanwhile};
use crate::real::{Cert, postgres_with, run};
use crate::runner::{Job, drive};
use crate::world::{ArtifactRows, Estate, Own, cells, district_2, name};

/// Others do this after the rows were compared and before they are locked.
fn before_the_lock(cert: &Arc<dyn Cert>, sql: &'static str) -> Arc<Faults> {
    let others = Arc::clone(cert);
    Faults::meanwhile(Meanwhile {
        call: "lock_staged",
        table: name("ids.schools"),
        work: Box::pin(async move { others.run("ids", sql).await }),
    })
}

async fn world() -> (Estate, Arc<dyn Cert>) {
    let (estate, cert) = postgres_with("select 1").await;
    (estate, Arc::from(cert))
}

async fn schools(cert: &dyn Cert) -> Vec<String> {
    let rows = cert.dump().await.0;
    rows.into_iter()
        .filter(|row| row.starts_with("schools"))
        .collect()
}

#[tokio::test]
async fn an_undo_brings_back_what_others_wrote_right_before_the_lock() {
    for (sql, is_written) in [
        ("update schools set name = 'typed' where id = 20", true),
        ("update schools set name = 'Renamed' where id = 20", false),
        ("insert into schools values (21, 2, 'typed')", true),
        ("delete from schools where id = 20", true),
    ] {
        let (estate, cert) = world().await;
        let faults = before_the_lock(&cert, sql);
        drive(&estate, &Job::Load, "mig-1", &faults).await.unwrap();
        let loaded = schools(cert.as_ref()).await;
        assert!(
            loaded.iter().any(|row| row.contains("(20,2,Renamed)")),
            "{sql}: {loaded:?}"
        );
        assert!(
            loaded.iter().any(|row| row.contains("(21,2,New)")),
            "{sql}: {loaded:?}"
        );
        run(&estate, &Job::Undo("mig-1"), "rb-1").await;
        let (_, expected) = world().await;
        expected.run("ids", sql).await;
        assert_eq!(
            schools(cert.as_ref()).await,
            schools(expected.as_ref()).await,
            "{sql} {is_written}"
        );
    }
}

#[tokio::test]
async fn a_row_that_becomes_somebody_elses_right_before_the_lock_is_a_conflict() {
    for sql in [
        "update schools set district_id = 1 where id = 20",
        "insert into schools values (21, 1, 'theirs')",
    ] {
        let (estate, cert) = world().await;
        let faults = before_the_lock(&cert, sql);
        let error = drive(&estate, &Job::Load, "mig-1", &faults)
            .await
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Conflict, "{sql}: {}", error.chain());
        let (_, expected) = world().await;
        expected.run("ids", sql).await;
        assert_eq!(cert.dump().await, expected.dump().await);
    }
}

fn named(names: &[(i64, &'static str)]) -> ArtifactRows {
    let mut rows = district_2();
    rows.retain(|(of, _, _)| *of != "ids.schools");
    let schools = names
        .iter()
        .map(|(id, name)| ("ids.schools", cells![*id, 2, *name], Own));
    let at = 1;
    rows.splice(at..at, schools);
    rows
}

/// The second migration, and the undo of it, find their values free.
async fn moves((estate, cert): (Estate, Box<dyn Cert>), can_be_null: bool) {
    let first = named(&[(20, "a"), (21, "b"), (22, "c")]);
    estate.write_artifact("mig-1", &estate.plan, &first);
    run(&estate, &Job::Load, "mig-1").await;
    let loaded = cert.dump().await;
    let chain = [(20, "b"), (21, "c"), (22, "d")];
    let ring = [(20, "b"), (21, "c"), (22, "a")];
    for (at, names) in [chain, ring].into_iter().enumerate() {
        let (id, back) = (format!("mig-2-{at}"), format!("rb-2-{at}"));
        estate.write_artifact(&id, &estate.plan, &named(&names));
        let done = drive(&estate, &Job::Load, &id, &Faults::none()).await;
        if at == 1 && !can_be_null {
            let error = done.unwrap_err();
            assert!(
                error.chain().contains("schools_name_key"),
                "{}",
                error.chain()
            );
            assert_eq!(cert.dump().await, loaded);
            continue;
        }
        done.unwrap_or_else(|error| panic!("{id}: {}", error.chain()));
        for (school, name) in names {
            let rows = schools(cert.as_ref()).await;
            let texts = [
                format!("({school},2,{name})"),
                format!("Integer({school}), Integer(2), Text(\"{name}\")"),
            ];
            assert!(
                rows.iter()
                    .any(|row| texts.iter().any(|text| row.contains(text))),
                "{rows:?}"
            );
        }
        run(&estate, &Job::Undo(id.leak()), &back).await;
        assert_eq!(cert.dump().await, loaded, "{back}");
    }
    // A new row gets what an old one gives up, and another one what that has: an undo hands it back.
    estate.write_artifact(
        "mig-4",
        &estate.plan,
        &named(&[(20, "x"), (21, "a"), (22, "c"), (23, "b")]),
    );
    run(&estate, &Job::Load, "mig-4").await;
    let moved = cert.dump().await;
    run(&estate, &Job::Undo("mig-4"), "rb-4").await;
    assert_eq!(cert.dump().await, loaded);
    run(&estate, &Job::Undo("rb-4"), "rb-5").await;
    assert_eq!(cert.dump().await, moved);
    run(&estate, &Job::Undo("mig-4"), "rb-6").await;
    assert_eq!(cert.dump().await, loaded);
    // Another row that holds a value and keeps it is in the way, as ever.
    estate.write_artifact(
        "mig-3",
        &estate.plan,
        &named(&[(20, "a"), (21, "b"), (22, "c"), (23, "Neighbour")]),
    );
    let error = drive(&estate, &Job::Load, "mig-3", &Faults::none()).await;
    assert_eq!(error.unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!(cert.dump().await, loaded);
}

#[tokio::test]
async fn unique_values_move_between_rows_in_a_second_migration() {
    let nullable =
        "alter table schools alter name drop not null; alter table schools add unique (name)";
    moves(postgres_with(nullable).await, true).await;
    moves(
        postgres_with("alter table schools add unique (name)").await,
        false,
    )
    .await;
}
