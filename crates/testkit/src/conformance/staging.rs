//! Staging: each part exactly once, all of it or nothing, and gone without a trace.

use redistrict_store::{StoreError, StoreErrorKind};

use super::fixture::{
    all_keys, batches, commit, cut, enrolled, keyed, lease, merge, source_table, stage,
    stage_batches, target_table,
};
use super::harness::{Harness, LogicalType, World};
use super::words::NULL;

async fn with_rows(harness: &dyn Harness) -> World {
    let world = enrolled(harness).await;
    let t = keyed("t", &[("id", LogicalType::Int64), ("v", LogicalType::Text)]);
    world.both(std::slice::from_ref(&t)).await;
    let rows = [["1", "a"], ["2", "b"], ["3", NULL], ["4", "d"]];
    world.prod.insert(&t, &rows).await;
    world
}

/// A part that is there is not written again.
pub async fn a_part_is_staged_exactly_once(harness: &dyn Harness) {
    let world = with_rows(harness).await;
    let lease = lease(&world, "1").await;
    let first = stage(&world, &lease, "t")
        .await
        .expect("rows can be staged");
    assert_eq!((first.rows, first.was_there), (4, false));
    let second = stage(&world, &lease, "t")
        .await
        .expect("staging again is no error");
    assert_eq!((second.rows, second.was_there), (4, true));
    assert!(
        world.cert.dump("t").await.is_empty(),
        "staging touches no live table"
    );
    let mut open = merge(&world, &lease, &["t"]).await;
    let applied = open
        .apply(&[world.table("t")])
        .await
        .expect("staged rows can be applied");
    assert_eq!((applied[0].inserted, applied[0].updated), (4, 0));
    commit(open, &lease).await;
    assert_eq!(world.cert.dump("t").await, world.prod.dump("t").await);
}

/// Parts add up; each has a number of its own.
pub async fn parts_of_a_table_add_up(harness: &dyn Harness) {
    let world = with_rows(harness).await;
    let lease = lease(&world, "1").await;
    let table = source_table(&world, "t").await;
    let mut cut = cut(&world, &table).await;
    let keys = all_keys(cut.as_mut(), &table).await;
    let target = target_table(&world, "t").await;
    for (number, half) in (0_u32..).zip(keys.chunks(2)) {
        let read = batches(cut.as_mut(), &table, half.to_vec())
            .await
            .expect("rows can be read");
        let batches = read.into_iter().map(Ok).collect();
        let staged = stage_batches(&world, &lease, &target, number, batches).await;
        assert_eq!(staged.expect("a part can be staged").rows, 2);
    }
    let empty = stage_batches(&world, &lease, &target, 2, Vec::new()).await;
    assert_eq!(empty.expect("an empty part is a part").rows, 0);
    let tables = std::slice::from_ref(&target);
    let mut open = world
        .target
        .begin_merge(&lease, tables)
        .await
        .expect("a merge can begin");
    let applied = open
        .apply(&[world.table("t")])
        .await
        .expect("staged rows can be applied");
    assert_eq!(applied[0].inserted, 4);
}

/// A stream that breaks off leaves nothing of its part; the next attempt stages all of it.
pub async fn a_part_that_breaks_off_leaves_nothing(harness: &dyn Harness) {
    let world = with_rows(harness).await;
    let lease = lease(&world, "1").await;
    let table = source_table(&world, "t").await;
    let mut cut = cut(&world, &table).await;
    let keys = all_keys(cut.as_mut(), &table).await;
    let read = batches(cut.as_mut(), &table, keys)
        .await
        .expect("rows can be read");
    let target = target_table(&world, "t").await;
    let broken: Vec<Result<_, StoreError>> = read
        .iter()
        .cloned()
        .map(Ok)
        .chain([Err(StoreError::new(
            StoreErrorKind::Data,
            "read the artifact",
        ))])
        .collect();
    let error = stage_batches(&world, &lease, &target, 0, broken)
        .await
        .expect_err("it broke off");
    assert_eq!(error.kind, StoreErrorKind::Data);
    let whole = read.into_iter().map(Ok).collect();
    let staged = stage_batches(&world, &lease, &target, 0, whole)
        .await
        .expect("a second attempt");
    assert_eq!((staged.rows, staged.was_there), (4, false));
}

/// Clearing twice is as good as once; a new stage begins from nothing.
pub async fn clearing_the_staging_is_complete_and_may_be_repeated(harness: &dyn Harness) {
    let world = with_rows(harness).await;
    let lease = lease(&world, "1").await;
    world
        .target
        .clear_staging(&lease)
        .await
        .expect("nothing to clear is no error");
    stage(&world, &lease, "t")
        .await
        .expect("rows can be staged");
    world
        .target
        .clear_staging(&lease)
        .await
        .expect("staging can be cleared");
    world
        .target
        .clear_staging(&lease)
        .await
        .expect("staging can be cleared again");
    let staged = stage(&world, &lease, "t")
        .await
        .expect("rows can be staged again");
    assert!(!staged.was_there);
}

/// The staging of one run is not that of another.
pub async fn runs_do_not_see_the_staging_of_others(harness: &dyn Harness) {
    let world = with_rows(harness).await;
    let first = lease(&world, "1").await;
    stage(&world, &first, "t")
        .await
        .expect("rows can be staged");
    world.target.release_lease(&first).await.expect("a release");
    let second = lease(&world, "2").await;
    let tables = [target_table(&world, "t").await];
    let mut open = world
        .target
        .begin_merge(&second, &tables)
        .await
        .expect("a merge can begin");
    assert!(
        open.lock_staged(&world.table("t"))
            .await
            .expect("an answer")
            .is_empty()
    );
    drop(open);
    world
        .target
        .clear_staging(&second)
        .await
        .expect("staging can be cleared");
    world
        .target
        .release_lease(&second)
        .await
        .expect("a release");
    let third = lease(&world, "1").await;
    let staged = stage(&world, &third, "t").await.expect("an answer");
    assert!(staged.was_there, "the first run's part is still there");
}
