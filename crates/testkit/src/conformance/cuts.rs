//! Cuts of the source, and telling databases apart.

use arrow::array::{Array as _, StringArray};

use super::fixture::{all_keys, batches, cut, keyed, keys_of, only_ids, skip, source_table};
use super::harness::{Harness, LogicalType, World};
use super::words::{Change, NULL, NewTable, rows};

use LogicalType::{Int64, Text};

fn table() -> NewTable {
    keyed("t", &[("id", Int64), ("v", Text)])
}

async fn with_two_rows(harness: &dyn Harness) -> World {
    let world = harness.fresh().await;
    world.prod.create(&[table()]).await;
    world
        .prod
        .insert(&table(), &[["1", "old"], ["2", "old"]])
        .await;
    world
}

/// What others write: an update, a delete, an insert.
async fn write(world: &World) -> Result<(), String> {
    let table = table();
    world
        .prod
        .try_change(&[
            Change::Delete {
                table: &table,
                of: Some(("id", "2")),
            },
            Change::Update {
                table: &table,
                set: ("v", "new"),
                of: ("id", "1"),
            },
            Change::Insert {
                table: &table,
                columns: vec!["id", "v"],
                rows: rows(&[["3", "new"], ["4", NULL]]),
            },
        ])
        .await
}

/// What is written beside an open cut is not seen by it, and is by the next one.
pub async fn a_cut_does_not_see_what_is_written_beside_it(harness: &dyn Harness) {
    if !harness.abilities().snapshots {
        return skip("snapshots");
    }
    let world = with_two_rows(harness).await;
    let table = source_table(&world, "t").await;
    // Nothing is read before the write: the cut is what it was when it was taken.
    let mut before = cut(&world, &table).await;
    let written = write(&world).await;
    let is_possible = harness.abilities().writes_beside_a_cut;
    assert_eq!(written.is_ok(), is_possible, "{written:?}");

    assert_eq!(
        all_keys(before.as_mut(), &table).await,
        keys_of(&["1", "2"])
    );
    assert_eq!(before.count(&table.name).await.expect("a count"), 2);
    let rows = batches(before.as_mut(), &table, keys_of(&["1", "2", "3"])).await;
    let rows = rows.expect("rows can be read");
    let values = rows[0].column_by_name("v").expect("the column was asked");
    let values = values.as_any().downcast_ref::<StringArray>();
    let values: Vec<_> = values.expect("texts").iter().collect();
    assert_eq!(values, [Some("old"), Some("old")]);
    drop(rows);
    drop(before);
    if written.is_ok() {
        let mut after = cut(&world, &table).await;
        let keys = all_keys(after.as_mut(), &table).await;
        assert_eq!(keys, keys_of(&["1", "3", "4"]));
    }
}

/// After the last read a cut says whether it was one state: kinds with snapshots always were, others
/// find out that somebody wrote, and that nobody did.
pub async fn a_cut_tells_whether_it_was_one_state(harness: &dyn Harness) {
    let abilities = harness.abilities();
    let world = with_two_rows(harness).await;
    let table = source_table(&world, "t").await;
    let mut quiet = cut(&world, &table).await;
    all_keys(quiet.as_mut(), &table).await;
    let settled = quiet.settle().await.expect("a cut can be settled");
    assert_eq!(settled, None, "nobody wrote");
    drop(quiet);

    let mut disturbed = cut(&world, &table).await;
    all_keys(disturbed.as_mut(), &table).await;
    let written = write(&world).await;
    assert_eq!(
        written.is_ok(),
        abilities.writes_beside_a_cut,
        "{written:?}"
    );
    all_keys(disturbed.as_mut(), &table).await;
    let settled = disturbed.settle().await.expect("a cut can be settled");
    let is_told = settled.is_some();
    assert_eq!(
        is_told,
        !abilities.snapshots && written.is_ok(),
        "{settled:?}"
    );
    if let Some(finding) = settled {
        assert_eq!(finding.severity, redistrict_model::Severity::Warning);
    }
}

/// A cut says whose it is and when it was taken.
pub async fn a_cut_names_its_store_and_time(harness: &dyn Harness) {
    let world = harness.fresh().await;
    let cut = world.source.open_cut(&[]).await;
    let cut = cut.expect("a cut can be taken");
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
    let target = world.target.fingerprint(&world.store).await;
    let target = target.expect("a fingerprint");
    let mirror = world.mirror.probe().await.expect("a probe").fingerprint;
    let reopened = (world.reopen)().await;
    let again = reopened.fingerprint(&world.store).await;
    assert_ne!(source, target);
    assert_eq!(mirror, target);
    assert_eq!(again.expect("a fingerprint"), target);
    assert_eq!(world.target.stores(), std::slice::from_ref(&world.store));
}

/// Looking at a source leaves it as it was.
pub async fn reading_a_source_changes_nothing_in_it(harness: &dyn Harness) {
    let world = harness.fresh().await;
    world.prod.create(&[only_ids("t")]).await;
    world.prod.insert(&only_ids("t"), &[["1"], ["2"]]).await;
    let rows = world.prod.dump("t").await;
    let catalog = world.source.catalog().await.expect("a catalog");
    world.source.probe().await.expect("a probe");
    let table = source_table(&world, "t").await;
    let mut cut = cut(&world, &table).await;
    let read = batches(cut.as_mut(), &table, keys_of(&["1"])).await;
    read.expect("rows can be read");
    drop(cut);
    assert_eq!(world.prod.dump("t").await, rows);
    assert_eq!(world.source.catalog().await.expect("a catalog"), catalog);
}
