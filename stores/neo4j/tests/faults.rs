//! Servers and connections that go away in the middle: either all of a run's rows are there with its
//! record, or none.

use redistrict_model::TableRef;
use redistrict_neo4j::Neo4jTarget;
use redistrict_store::{CommitOutcome, Lease, Merge, StoreErrorKind, TargetStore as _};

use crate::proxy::Proxy;
use crate::world::{World, claim, dump, nodes, record, relationships, run, store, target_of};

const KEY: &str = "create constraint pupil for (n:Pupil) require n.id is unique";
const ROWS: &str = "unwind range(1, 2000) as i create (:Pupil {id: i, name: 'pupil ' + i})-[:KNOWS]->(:Pupil {id: -i})";

fn all() -> [TableRef; 2] {
    [nodes("Pupil"), relationships("KNOWS")]
}

async fn applied(world: &World, lease: &Lease) -> Box<dyn Merge> {
    let tables = world.stage(lease, &all()).await;
    let mut merge = world
        .target
        .begin_merge(lease, &tables)
        .await
        .expect("a merge");
    merge.apply(&all()).await.expect("rows are written");
    merge
}

#[tokio::test]
async fn a_lost_answer_to_a_commit_is_unknown_and_the_record_tells() {
    let mut world = World::fresh(&[KEY]).await;
    world.prod.run(ROWS).await;
    let proxy = Proxy::before(world.cert.url());
    world.target = Neo4jTarget::new(store(), proxy.url(), Vec::new());
    let lease = claim(&world.target, "1", false).await;
    let mut merge = applied(&world, &lease).await;
    merge.check_constraints().await.unwrap();
    proxy.swallow();
    // The first answer that is lost is that to the record of the run: nothing was committed.
    let error = merge.commit(&record(&lease)).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Transient, "{error:?}");
    let direct = target_of(&world.cert);
    let lease = claim(&direct, "1", true).await;
    assert_eq!(direct.run_record(&run("1")).await.unwrap(), None);
    assert_eq!(world.cert.count("match (n:Pupil) return count(n)").await, 0);

    // What was staged is still there.
    let proxy = Proxy::before(world.cert.url());
    let target = Neo4jTarget::new(store(), proxy.url(), Vec::new());
    let tables = world.tables().await;
    let mut merge = target.begin_merge(&lease, &tables).await.unwrap();
    merge.apply(&all()).await.unwrap();
    proxy.swallow_commit();
    assert_eq!(
        merge.commit(&record(&lease)).await.unwrap(),
        CommitOutcome::Unknown
    );
    let next = claim(&direct, "1", true).await;
    assert!(next.epoch > lease.epoch);
    assert_eq!(
        direct.run_record(&run("1")).await.unwrap(),
        Some(record(&lease))
    );
    assert_eq!(
        world.cert.count("match (n:Pupil) return count(n)").await,
        4000
    );
}

#[tokio::test]
async fn a_server_that_dies_in_a_merge_has_none_of_it_and_the_run_can_go_on() {
    let mut world = World::alone("", &[KEY]).await;
    world.prod.run(ROWS).await;
    world.cert.run("create (:Pupil {id: 90001})").await;
    let before = dump(&world.cert).await;
    let lease = claim(&world.target, "1", false).await;
    let mut merge = applied(&world, &lease).await;
    world.kill();
    let error = merge.check_constraints().await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Transient, "{error:?}");
    drop(merge);
    let error = world.target.run_records().await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unreachable, "{error:?}");
    world.start_again();
    assert_eq!(dump(&world.cert).await, before);
    let lease = claim(&world.target, "1", true).await;
    let merge = applied(&world, &lease).await;
    assert_eq!(
        merge.commit(&record(&lease)).await.unwrap(),
        CommitOutcome::Committed
    );
    assert_eq!(
        world.cert.count("match (n:Pupil) return count(n)").await,
        4001
    );
}

#[tokio::test]
async fn a_server_that_dies_in_a_commit_has_all_of_it_or_none() {
    let mut world = World::alone("", &[KEY]).await;
    world.prod.run(ROWS).await;
    for round in 0..3 {
        let name = format!("r{round}");
        world.cert.run("match (n:Pupil) detach delete n").await;
        let mut proxy = Proxy::before(world.cert.url());
        world.target = Neo4jTarget::new(store(), proxy.url(), Vec::new());
        let lease = claim(&world.target, &name, false).await;
        let merge = applied(&world, &lease).await;
        // The server dies about when it hears the word, in some rounds before, in some after.
        let commits = proxy.commits();
        while commits.try_recv().is_ok() {}
        let mut server = world.server.take().expect("a server of its own");
        let killing = tokio::task::spawn_blocking(move || {
            commits.recv().expect("a commit");
            server.kill().expect("the server is gone");
            server
        });
        let outcome = merge.commit(&record(&lease)).await;
        world.server = Some(killing.await.expect("the server"));
        world.start_again();
        world.target = target_of(&world.cert);
        let is_there = world
            .target
            .run_record(&run(&name))
            .await
            .unwrap()
            .is_some();
        let pupils = world.cert.count("match (n:Pupil) return count(n)").await;
        let known = world
            .cert
            .count("match ()-[r:KNOWS]->() return count(r)")
            .await;
        assert_eq!(
            (pupils, known),
            if is_there { (4000, 2000) } else { (0, 0) },
            "{outcome:?}"
        );
        match outcome {
            Ok(CommitOutcome::Committed) => assert!(is_there),
            Ok(CommitOutcome::Unknown) => {}
            Err(error) => assert!(!is_there, "{error:?}"),
        }
        let lease = claim(&world.target, &name, true).await;
        world.target.clear_staging(&lease).await.unwrap();
        world.target.release_lease(&lease).await.unwrap();
    }
}
