//! Enrolment, lease and epochs: who may write.

use redistrict_store::{LeaseClaim, LeaseOutcome, StoreErrorKind};

use super::fixture::{
    claim, commit, enroll, enrolled, lease, load, merge, only_ids, record, run, stage, target_table,
};
use super::harness::{Harness, World};

async fn with_table(harness: &dyn Harness) -> World {
    let world = enrolled(harness).await;
    world.both(&[only_ids("t")]).await;
    world.prod.insert(&only_ids("t"), &[["1"], ["2"]]).await;
    world
}

/// A target nobody has enrolled says so and gives no lease.
pub async fn a_target_that_was_never_enrolled_is_not_written(harness: &dyn Harness) {
    let world = harness.fresh().await;
    assert_eq!(
        world
            .target
            .enrolment(&world.store)
            .await
            .expect("an answer"),
        None
    );
    let wanted = LeaseClaim {
        run: run("1"),
        is_resume: false,
    };
    let error = world
        .target
        .acquire_lease(&wanted)
        .await
        .expect_err("no lease");
    assert_eq!(error.kind, StoreErrorKind::Config);
    assert_eq!(
        world.target.run_record(&run("1")).await.expect("an answer"),
        None
    );
    assert!(
        world
            .target
            .catalog(&world.store)
            .await
            .expect("a catalog")
            .tables
            .is_empty()
    );
}

/// Enrolling again replaces the mark and keeps what runs have left.
pub async fn enrolling_again_replaces_the_mark_and_keeps_the_ledger(harness: &dyn Harness) {
    let world = with_table(harness).await;
    let held = lease(&world, "1").await;
    load(&world, &held, &["t"]).await;
    world.target.release_lease(&held).await.expect("a release");
    let mark = enroll(&world, "it's \"two\"").await;
    assert_eq!(
        world
            .target
            .enrolment(&world.store)
            .await
            .expect("an answer"),
        Some(mark)
    );
    assert_eq!(
        world.target.run_records().await.expect("records"),
        [record(&held)]
    );
    assert!(lease(&world, "2").await.epoch > held.epoch);
}

/// One run at a time; the answer names the run that holds the lease.
pub async fn a_held_lease_is_busy_for_everybody_else(harness: &dyn Harness) {
    let world = with_table(harness).await;
    let held = lease(&world, "1").await;
    assert_eq!(held.run, run("1"));
    let busy = LeaseOutcome::Busy { holder: run("1") };
    let other = (world.reopen)().await;
    for is_resume in [false, true] {
        let wanted = LeaseClaim {
            run: run("2"),
            is_resume,
        };
        assert_eq!(other.acquire_lease(&wanted).await.expect("an answer"), busy);
    }
    let wanted = LeaseClaim {
        run: run("1"),
        is_resume: false,
    };
    assert_eq!(other.acquire_lease(&wanted).await.expect("an answer"), busy);
    world.target.release_lease(&held).await.expect("a release");
    world
        .target
        .release_lease(&held)
        .await
        .expect("a second release does nothing");
    let next = lease(&world, "2").await;
    assert!(next.epoch > held.epoch);
    world
        .target
        .release_lease(&held)
        .await
        .expect("a release of an old lease does nothing");
    assert_eq!(
        claim(&world, "3", false).await,
        LeaseOutcome::Busy { holder: run("2") }
    );
}

/// A resume of the same run takes over with a higher epoch, also where nobody holds the lease.
pub async fn a_resume_takes_over_the_lease_of_its_own_run(harness: &dyn Harness) {
    let world = with_table(harness).await;
    let first = lease(&world, "1").await;
    let LeaseOutcome::Held(second) = claim(&world, "1", true).await else {
        panic!("a resume takes over");
    };
    assert!(second.epoch > first.epoch);
    world
        .target
        .release_lease(&second)
        .await
        .expect("a release");
    let LeaseOutcome::Held(third) = claim(&world, "1", true).await else {
        panic!("a free lease is given to a resume too");
    };
    assert!(third.epoch > second.epoch);
}

/// A process that was taken over must not write any more, by any way.
pub async fn a_stale_epoch_can_neither_stage_nor_merge(harness: &dyn Harness) {
    let world = with_table(harness).await;
    let stale = lease(&world, "1").await;
    let LeaseOutcome::Held(fresh) = claim(&world, "1", true).await else {
        panic!("a resume takes over");
    };
    let before = world.cert.dump("t").await;
    let table = target_table(&world, "t").await;
    let tables = std::slice::from_ref(&table);
    let mut refused = vec![
        stage(&world, &stale, "t").await.err(),
        world.target.begin_merge(&stale, tables).await.err(),
        world.target.clear_staging(&stale).await.err(),
    ];
    if harness.abilities().sequences {
        refused.push(world.target.raise_sequences(&stale, tables).await.err());
    }
    for error in refused {
        assert_eq!(
            error.expect("a stale epoch is refused").kind,
            StoreErrorKind::Busy
        );
    }
    assert_eq!(world.cert.dump("t").await, before);
    let staged = stage(&world, &fresh, "t")
        .await
        .expect("the newest epoch may stage");
    assert!(!staged.was_there, "nothing was staged by the stale one");
    world.target.release_lease(&fresh).await.expect("a release");
    let error = stage(&world, &fresh, "t")
        .await
        .expect_err("a lease that was given back");
    assert_eq!(error.kind, StoreErrorKind::Busy);
}

/// What was staged before a takeover is there after it: parts are staged exactly once per run.
pub async fn a_takeover_finds_what_its_run_has_staged(harness: &dyn Harness) {
    let world = with_table(harness).await;
    let first = lease(&world, "1").await;
    stage(&world, &first, "t")
        .await
        .expect("rows can be staged");
    let LeaseOutcome::Held(second) = claim(&world, "1", true).await else {
        panic!("a resume takes over");
    };
    let mut open = merge(&world, &second, &["t"]).await;
    open.apply(&[world.table("t")])
        .await
        .expect("staged rows can be applied");
    commit(open, &second).await;
    assert_eq!(world.cert.dump("t").await, world.prod.dump("t").await);
}
