//! Enrolment, lease and epochs: who may write.

use redistrict_store::{Epoch, LeaseClaim, LeaseOutcome, Owner, StoreErrorKind, Traces};

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
    let wanted = crate::claims::claim(&run("1"), false);
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
        let wanted = crate::claims::claim(&run("2"), is_resume);
        assert_eq!(other.acquire_lease(&wanted).await.expect("an answer"), busy);
    }
    let wanted = crate::claims::claim(&run("1"), false);
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
    let refused = vec![
        stage(&world, &stale, "t").await.err(),
        world.target.begin_merge(&stale, tables).await.err(),
        world.target.clear_staging(&stale).await.err(),
    ];
    for error in refused {
        assert_eq!(
            error.expect("a stale epoch is refused").kind,
            StoreErrorKind::Superseded
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
    assert_eq!(error.kind, StoreErrorKind::Superseded);
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

/// A process that was stopped, taken over and goes on must not take the run back: not while the other one works,
/// and not after it has given the lease back.
pub async fn whoever_was_taken_over_gets_no_lease_again(harness: &dyn Harness) {
    let world = with_table(harness).await;
    let run = run("1");
    let zombie = |epoch, is_resume| LeaseClaim {
        run: run.clone(),
        owner: Owner::parse("zombie"),
        after: Some(epoch),
        is_resume,
    };
    let first = LeaseClaim {
        after: None,
        ..zombie(Epoch(0), false)
    };
    let LeaseOutcome::Held(old) = world.target.acquire_lease(&first).await.expect("an answer")
    else {
        panic!("the lease is free");
    };
    let LeaseOutcome::Held(fresh) = claim(&world, "1", true).await else {
        panic!("a resume takes over");
    };
    let table = target_table(&world, "t").await;
    let merge = world
        .target
        .begin_merge(&fresh, std::slice::from_ref(&table));
    drop(merge.await.expect("the newest epoch may merge"));
    for is_resume in [false, true] {
        let answer = world
            .target
            .acquire_lease(&zombie(old.epoch, is_resume))
            .await;
        let holder = Some(run.clone());
        assert_eq!(
            answer.expect("an answer"),
            LeaseOutcome::Superseded { holder }
        );
    }
    stage(&world, &fresh, "t")
        .await
        .expect("the other one goes on undisturbed");
    world.target.release_lease(&fresh).await.expect("a release");
    let answer = world.target.acquire_lease(&zombie(old.epoch, true)).await;
    assert_eq!(
        answer.expect("an answer"),
        LeaseOutcome::Superseded { holder: None }
    );
    assert_eq!(world.target.traces().await.expect("traces").holder, None);
}

/// The answer to a claim may be lost: whoever asks again has it, and no resume is needed for that.
pub async fn a_process_that_did_not_hear_that_it_got_the_lease_gets_it_again(
    harness: &dyn Harness,
) {
    let world = with_table(harness).await;
    let asks = |after| LeaseClaim {
        run: run("1"),
        owner: Owner::parse("a process"),
        after,
        is_resume: false,
    };
    let mut newest = Epoch(0);
    for after in [None, None, Some(Epoch(1)), Some(Epoch(1))] {
        let answer = world.target.acquire_lease(&asks(after)).await;
        let LeaseOutcome::Held(lease) = answer.expect("an answer") else {
            panic!("it is its own");
        };
        assert!(lease.epoch > newest);
        newest = lease.epoch;
    }
    let busy = LeaseOutcome::Busy { holder: run("1") };
    assert_eq!(claim(&world, "1", false).await, busy);
}

/// Whoever looks sees who has the lease, that it was heard of just now, and whose rows are staged.
pub async fn what_runs_leave_can_be_seen(harness: &dyn Harness) {
    let world = harness.fresh().await;
    assert_eq!(
        world.target.traces().await.expect("traces"),
        Traces::default()
    );
    enroll(&world, "one").await;
    assert_eq!(
        world.target.traces().await.expect("traces"),
        Traces::default()
    );
    world.both(&[only_ids("t")]).await;
    world.prod.insert(&only_ids("t"), &[["1"], ["2"]]).await;
    let held = lease(&world, "1").await;
    let seen = world.target.traces().await.expect("traces");
    assert!(seen.is_alive(), "{seen:?}");
    assert_eq!((seen.holder, seen.staged), (Some(run("1")), Vec::new()));
    stage(&world, &held, "t").await.expect("rows can be staged");
    world.target.beat(&held).await.expect("a beat");
    let open = merge(&world, &held, &["t"]).await;
    // It is held for writing now: a beat does not wait for it.
    world
        .target
        .beat(&held)
        .await
        .expect("a beat beside a merge");
    drop(open);
    world.target.release_lease(&held).await.expect("a release");
    let seen = world.target.traces().await.expect("traces");
    assert!(!seen.is_alive(), "{seen:?}");
    assert_eq!((seen.holder, seen.staged), (None, vec![run("1")]));
    let next = lease(&world, "2").await;
    world
        .target
        .beat(&held)
        .await
        .expect("a beat of an old lease does nothing");
    assert_eq!(
        world.target.traces().await.expect("traces").holder,
        Some(run("2"))
    );
    world.target.release_lease(&next).await.expect("a release");
}
