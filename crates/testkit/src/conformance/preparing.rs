//! Prepared commits, for kinds that have them: nobody gets the lease before they are ended, and they end as decided.

use redistrict_model::StoreName;
use redistrict_store::{Decision, Lease, LeaseOutcome, PrepareOutcome, PreparedId, Preparing};

use super::fixture::{claim, enrolled, lease, merge, only_ids, record, run, skip, stage};
use super::harness::{Harness, World};

/// A target with a table of three rows to move, if its kind can prepare.
async fn able(harness: &dyn Harness) -> Option<World> {
    let world = enrolled(harness).await;
    match world.target.preparing().await.expect("an answer") {
        Preparing::No { why } => {
            assert!(!why.is_empty());
            skip("prepared commits");
            None
        }
        Preparing::Yes { free, server } => {
            assert!(free > 0 && !server.is_empty());
            let table = only_ids("t");
            world.prod.create(std::slice::from_ref(&table)).await;
            world.cert.create(std::slice::from_ref(&table)).await;
            world.prod.insert(&table, &[["1"], ["2"], ["3"]]).await;
            Some(world)
        }
    }
}

fn id(lease: &Lease) -> PreparedId {
    PreparedId {
        run: lease.run.clone(),
        epoch: lease.epoch,
        group: StoreName::new("this"),
        decider: StoreName::new("other"),
    }
}

/// Stages and applies the rows, and prepares the commit.
async fn prepare(world: &World, held: &Lease) -> PreparedId {
    stage(world, held, "t").await.expect("rows can be staged");
    let mut open = merge(world, held, &["t"]).await;
    let applied = open.apply(&[world.table("t")]).await;
    applied.expect("staged rows can be applied");
    let prepared = open.prepare(&record(held), &id(held)).await;
    assert_eq!(prepared.expect("an answer"), PrepareOutcome::Prepared);
    id(held)
}

/// It holds the lease against everybody, and can be seen, until it is ended; ending it twice does nothing.
pub async fn what_is_prepared_ends_as_it_was_decided(harness: &dyn Harness) {
    let Some(world) = able(harness).await else {
        return;
    };
    for decision in [Decision::Abort, Decision::Commit] {
        let held = lease(&world, "1").await;
        let prepared = prepare(&world, &held).await;
        assert!(world.cert.dump("t").await.is_empty(), "{decision:?}");
        let traces = world.target.traces().await.expect("an answer");
        assert_eq!(traces.prepared, std::slice::from_ref(&prepared));
        let busy = LeaseOutcome::Busy { holder: run("1") };
        assert_eq!(claim(&world, "2", false).await, busy);
        assert_eq!(claim(&world, "1", false).await, busy);
        let in_doubt = LeaseOutcome::InDoubt {
            prepared: vec![prepared.clone()],
        };
        // However often it is asked for.
        assert_eq!(claim(&world, "1", true).await, in_doubt);
        assert_eq!(claim(&world, "1", true).await, in_doubt);
        let finish = async || world.target.finish(&prepared, decision).await;
        assert!(finish().await.expect("it can be ended"), "{decision:?}");
        assert!(!finish().await.expect("it is ended"), "{decision:?}");
        let record = world.target.run_record(&held.run).await.expect("an answer");
        assert_eq!(record.is_some(), decision == Decision::Commit);
        let rows = world.cert.dump("t").await.len();
        assert_eq!(rows, if decision == Decision::Commit { 3 } else { 0 });
        let LeaseOutcome::Held(next) = claim(&world, "1", true).await else {
            panic!("the lease is free for a resume");
        };
        assert!(next.epoch > held.epoch);
        let cleared = world.target.clear_staging(&next).await;
        cleared.expect("the staging is cleared");
        world.target.release_lease(&next).await.expect("a release");
    }
}

/// Two machines can call their runs alike, and a server can hold the databases of both.
pub async fn runs_of_one_name_prepare_in_two_databases(harness: &dyn Harness) {
    let (Some(one), Some(other)) = (able(harness).await, able(harness).await) else {
        return;
    };
    let (held, also) = (lease(&one, "1").await, lease(&other, "1").await);
    let (prepared, same) = (prepare(&one, &held).await, prepare(&other, &also).await);
    assert_eq!(prepared, same);
    for (world, decision, count) in [(&one, Decision::Commit, 3), (&other, Decision::Abort, 0)] {
        let ended = world.target.finish(&prepared, decision).await;
        assert!(ended.expect("it can be ended"), "{decision:?}");
        assert_eq!(world.cert.dump("t").await.len(), count, "{decision:?}");
    }
}
