//! Who may write: one run at a time, and none whose lease was taken over, however its process died.

use redistrict_store::{LeaseOutcome, StoreErrorKind, TargetStore as _};

use crate::world::{World, claim, commit, dump, nodes, record, run, try_claim};

const KEY: [&str; 1] = ["create constraint pupil for (n:Pupil) require n.id is unique"];

#[tokio::test]
async fn a_client_that_stopped_in_its_merge_is_fenced_and_its_locks_are_gone() {
    let world = World::fresh(&KEY).await;
    world
        .prod
        .run("unwind range(1, 50) as i create (:Pupil {id: i})")
        .await;
    world.cert.run("create (:Pupil {id: 1, theirs: 1})").await;
    let before = dump(&world.cert).await;
    let pupils = nodes("Pupil");
    let old = claim(&world.target, "1", false).await;
    let tables = world.stage(&old, std::slice::from_ref(&pupils)).await;
    let mut stopped = world.target.begin_merge(&old, &tables).await.unwrap();
    let there = stopped.lock_staged(&pupils).await.unwrap();
    stopped
        .mark(&pupils, &there, redistrict_store::Action::Leave)
        .await
        .unwrap();
    stopped.apply(std::slice::from_ref(&pupils)).await.unwrap();

    let new = claim(&world.target, "1", true).await;
    assert_eq!(new.epoch.0, old.epoch.0 + 1);
    // Nobody waits for the locks of the old one.
    world
        .cert
        .run("match (n:Pupil {id: 1}) set n.theirs = 1")
        .await;
    let error = stopped.commit(&record(&old)).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Transient, "{error:?}");
    assert_eq!(dump(&world.cert).await, before);
    let late = world.target.begin_merge(&old, &tables).await.err().unwrap();
    assert_eq!(late.kind, StoreErrorKind::Superseded, "{late:?}");

    let mut merge = world.target.begin_merge(&new, &tables).await.unwrap();
    let there = merge.lock_staged(&pupils).await.unwrap();
    merge
        .mark(&pupils, &there, redistrict_store::Action::Leave)
        .await
        .unwrap();
    merge.apply(std::slice::from_ref(&pupils)).await.unwrap();
    commit(merge, &new).await;
    assert_eq!(
        world.cert.count("match (n:Pupil) return count(n)").await,
        50
    );
}

#[tokio::test]
async fn a_second_run_is_told_who_holds_the_lease_while_the_first_one_merges() {
    let world = World::fresh(&KEY).await;
    let first = claim(&world.target, "1", false).await;
    let merge = world.target.begin_merge(&first, &[]).await.unwrap();
    for is_resume in [false, true] {
        let outcome = try_claim(&world.target, "2", is_resume).await;
        assert_eq!(outcome, LeaseOutcome::Busy { holder: run("1") });
    }
    // Not a resume: the process of the same run may be alive.
    let outcome = try_claim(&world.target, "1", false).await;
    assert_eq!(outcome, LeaseOutcome::Busy { holder: run("1") });
    commit(merge, &first).await;
    world.target.release_lease(&first).await.unwrap();
    let second = claim(&world.target, "2", false).await;
    assert!(second.epoch > first.epoch);
    world.target.release_lease(&first).await.unwrap();
    let outcome = try_claim(&world.target, "3", false).await;
    assert_eq!(outcome, LeaseOutcome::Busy { holder: run("2") });
}

#[tokio::test]
async fn two_runs_that_claim_at_once_get_one_lease() {
    let world = World::fresh(&[]).await;
    let mut claims = tokio::task::JoinSet::new();
    for number in 0..6 {
        let target = world.target.clone();
        claims.spawn(async move { try_claim(&target, &number.to_string(), false).await });
    }
    let outcomes = claims.join_all().await;
    let is_held = |outcome: &&LeaseOutcome| matches!(outcome, LeaseOutcome::Held(_));
    let held = outcomes.iter().filter(is_held).count();
    assert_eq!(held, 1);
}
