//! Cuts of the source, and telling databases apart.

use super::fixture::{all_keys, batches, cut, keys_of, source_table};
use super::harness::{Harness, LogicalType};

/// What is written beside an open cut is not seen by it, and is by the next one.
pub async fn a_cut_does_not_see_what_is_written_beside_it(harness: &dyn Harness) {
    let world = harness.fresh().await;
    let (int, text) = (
        harness.sql(LogicalType::Int64),
        harness.sql(LogicalType::Text),
    );
    world
        .prod
        .run(&format!(
            "create table t (id {int} not null primary key, v {text});
             insert into t values (1, 'old'), (2, 'old')"
        ))
        .await;
    let table = source_table(&world, "t").await;
    // Nothing is read before the write: the cut is what it was when it was taken.
    let mut before = cut(&world, &table).await;
    let write =
        "update t set v = 'new'; delete from t where id = 2; insert into t values (3, 'new')";
    let written = world.prod.try_run(write).await;
    assert_eq!(
        written.is_ok(),
        harness.writes_beside_a_cut(),
        "{written:?}"
    );

    assert_eq!(
        all_keys(before.as_mut(), &table).await,
        keys_of(&["1", "2"])
    );
    assert_eq!(before.count(&table.name).await.expect("a count"), 2);
    let rows = batches(before.as_mut(), &table, keys_of(&["1", "2", "3"])).await;
    let rows = rows.expect("rows can be read");
    let values = rows[0]
        .column(1)
        .as_any()
        .downcast_ref::<arrow::array::StringArray>();
    let values: Vec<_> = values.expect("texts").iter().collect();
    assert_eq!(values, [Some("old"), Some("old")]);
    drop(rows);
    drop(before);
    if written.is_ok() {
        let mut after = cut(&world, &table).await;
        assert_eq!(all_keys(after.as_mut(), &table).await, keys_of(&["1", "3"]));
    }
}

/// A cut says whose it is and when it was taken.
pub async fn a_cut_names_its_store_and_time(harness: &dyn Harness) {
    let world = harness.fresh().await;
    let cut = world
        .source
        .open_cut(&[])
        .await
        .expect("a cut can be taken");
    assert_eq!(cut.cut().store, world.store);
    assert!(!cut.cut().snapshot.is_empty());
    let at = &cut.cut().at;
    assert!(
        at.ends_with('Z') && at.get(10..11) == Some("T") && at.len() >= 20,
        "{at}"
    );
}

/// Two databases differ, the same one is the same over any connection.
pub async fn fingerprints_tell_the_same_database_from_another(harness: &dyn Harness) {
    let world = harness.fresh().await;
    let source = world.source.probe().await.expect("a probe").fingerprint;
    let target = world
        .target
        .fingerprint(&world.store)
        .await
        .expect("a fingerprint");
    let mirror = world.mirror.probe().await.expect("a probe").fingerprint;
    let reopened = (world.reopen)().await;
    let again = reopened
        .fingerprint(&world.store)
        .await
        .expect("a fingerprint");
    assert_ne!(source, target);
    assert_eq!(mirror, target);
    assert_eq!(again, target);
    assert_eq!(world.target.stores(), std::slice::from_ref(&world.store));
}

/// Looking at a source leaves it as it was.
pub async fn reading_a_source_changes_nothing_in_it(harness: &dyn Harness) {
    let world = harness.fresh().await;
    let int = harness.sql(LogicalType::Int64);
    world
        .prod
        .run(&format!(
            "create table t (id {int} not null primary key); insert into t values (1), (2)"
        ))
        .await;
    let rows = world.prod.dump("t").await;
    let catalog = world.source.catalog().await.expect("a catalog");
    world.source.probe().await.expect("a probe");
    let table = source_table(&world, "t").await;
    let mut cut = cut(&world, &table).await;
    batches(cut.as_mut(), &table, keys_of(&["1"]))
        .await
        .expect("rows can be read");
    drop(cut);
    assert_eq!(world.prod.dump("t").await, rows);
    assert_eq!(world.source.catalog().await.expect("a catalog"), catalog);
}
