//! What an undo needs: the ledger, deleting by key, sequences that never go down.

use redistrict_model::{Key, TableRef};
use redistrict_store::{LedgerEntry, LedgerOperation, Merge, StoreErrorKind};

use super::fixture::{
    all_keys, batches, commit, enrolled, keyed, keys_of, lease, merge, only_ids, skip, stage,
    target_table, target_tables,
};
use super::harness::{Harness, LogicalType, World};
use super::rows::edges;
use super::words::{Action, Change, NULL, NewTable, ValueSource, rows};

use LogicalType::{Int64, Text};

async fn family(harness: &dyn Harness, action: Action) -> World {
    let world = enrolled(harness).await;
    let (parent, child) = (
        only_ids("parent"),
        keyed("child", &[("id", Int64), ("p", Int64)]),
    );
    let child = child.references(&["p"], "parent", &["id"], action);
    world.cert.create(&[parent.clone(), child.clone()]).await;
    world.cert.insert(&parent, &[["1"], ["2"], ["3"]]).await;
    let rows = [["10", "1"], ["11", "1"], ["20", "2"], ["30", NULL]];
    world.cert.insert(&child, &rows).await;
    world
}

async fn open(world: &World, names: &[&str]) -> Box<dyn Merge> {
    let lease = lease(world, "1").await;
    let tables = target_tables(world, names).await;
    world
        .target
        .begin_merge(&lease, &tables)
        .await
        .expect("a merge can begin")
}

fn of(table: &TableRef, keys: &[&str]) -> (TableRef, Vec<Key>) {
    (table.clone(), keys_of(keys))
}

/// Rows go by key, children before parents or together with them.
pub async fn rows_are_deleted_by_key(harness: &dyn Harness) {
    for action in Action::ALL {
        let world = family(harness, action).await;
        let held = lease(&world, "1").await;
        let tables = target_tables(&world, &["parent", "child"]).await;
        let mut open = world
            .target
            .begin_merge(&held, &tables)
            .await
            .expect("a merge can begin");
        let (parent, child) = (world.table("parent"), world.table("child"));
        let doomed = [of(&child, &["11", "10", "30"]), of(&parent, &["1"])];
        let deleted = open.delete(&doomed).await.expect("rows can be deleted");
        assert_eq!(deleted, 4, "{action:?}");
        open.check_constraints()
            .await
            .expect("all constraints hold");
        commit(open, &held).await;
        assert_eq!(world.cert.dump("parent").await.len(), 2, "{action:?}");
        let left = world.cert.cells("child", &["id", "p"]).await;
        assert_eq!(left, rows(&[["20", "2"]]), "{action:?}");
    }
}

/// Rows of others that refer to a row to delete would be orphaned, emptied or deleted: refused.
pub async fn a_delete_that_would_reach_rows_of_others_is_refused(harness: &dyn Harness) {
    if !harness.abilities().foreign_keys {
        return skip("foreign keys");
    }
    for action in Action::ALL {
        let world = family(harness, action).await;
        let before = (
            world.cert.dump("parent").await,
            world.cert.dump("child").await,
        );
        let mut open = open(&world, &["parent", "child"]).await;
        let (parent, child) = (world.table("parent"), world.table("child"));
        let error = open
            .delete(&[of(&child, &["10"]), of(&parent, &["1", "3"])])
            .await;
        let error = error.expect_err("child 11 is left");
        assert_eq!(error.kind, StoreErrorKind::Constraint, "{action:?}");
        drop(open);
        let after = (
            world.cert.dump("parent").await,
            world.cert.dump("child").await,
        );
        assert_eq!(after, before, "{action:?}");
    }
}

/// The same holds for tables that the run does not know of.
pub async fn a_delete_sees_children_in_tables_that_were_not_named(harness: &dyn Harness) {
    if !harness.abilities().foreign_keys {
        return skip("foreign keys");
    }
    let world = family(harness, Action::Cascade).await;
    let before = world.cert.dump("child").await;
    let mut open = open(&world, &["parent"]).await;
    let error = open.delete(&[of(&world.table("parent"), &["2"])]).await;
    assert_eq!(
        error.expect_err("child 20 is there").kind,
        StoreErrorKind::Constraint
    );
    drop(open);
    assert_eq!(world.cert.dump("child").await, before);
}

/// A key without a row is an error, and nothing is deleted.
pub async fn a_delete_wants_every_row_to_be_there(harness: &dyn Harness) {
    let world = family(harness, Action::None).await;
    let before = world.cert.dump("child").await;
    let mut open = open(&world, &["child"]).await;
    let child = world.table("child");
    for keys in [&["10", "99"][..], &["x"], &["010"]] {
        let refused = open.delete(&[of(&child, keys)]).await;
        refused.expect_err("a row is missing");
    }
    drop(open);
    assert_eq!(world.cert.dump("child").await, before);
}

/// A chain of rows that refer to each other goes as a whole or not at all.
pub async fn a_self_reference_is_deleted_as_a_whole(harness: &dyn Harness) {
    if !harness.abilities().foreign_keys {
        return skip("foreign keys");
    }
    for action in [Action::None, Action::Cascade, Action::Restrict] {
        let world = enrolled(harness).await;
        let made = keyed("unit", &[("id", Int64), ("above", Int64)]);
        let made = made.references(&["above"], "unit", &["id"], action);
        world.cert.create(std::slice::from_ref(&made)).await;
        for row in [["1", NULL], ["2", "1"], ["3", "2"], ["4", "4"]] {
            world.cert.insert(&made, &[row]).await;
        }
        let held = lease(&world, "1").await;
        let tables = target_tables(&world, &["unit"]).await;
        let unit = world.table("unit");
        let mut open = world
            .target
            .begin_merge(&held, &tables)
            .await
            .expect("a merge can begin");
        open.delete(&[of(&unit, &["1", "2"])])
            .await
            .expect_err("unit 3 is left");
        drop(open);
        let mut open = world
            .target
            .begin_merge(&held, &tables)
            .await
            .expect("a merge can begin");
        let deleted = open.delete(&[of(&unit, &["1", "2", "3", "4"])]).await;
        assert_eq!(deleted.expect("all can go"), 4, "{action:?}");
        commit(open, &held).await;
        assert!(world.cert.dump("unit").await.is_empty(), "{action:?}");
    }
}

/// What is written into the ledger comes back: order, odd keys, hashes, images with their schema.
pub async fn the_ledger_comes_back_as_it_was_written(harness: &dyn Harness) {
    let world = enrolled(harness).await;
    let has_type = |logical: &LogicalType| harness.column_type(*logical).is_some();
    let types: Vec<LogicalType> = LogicalType::ALL.into_iter().filter(has_type).collect();
    let names: Vec<String> = types.iter().map(|one| format!("c_{one:?}")).collect();
    let mut columns = vec![("a", Text), ("b", Text)];
    columns.extend(names.iter().map(String::as_str).zip(types.iter().copied()));
    let made = NewTable::new("t", &columns).key(&["a", "b"]);
    world.cert.create(std::slice::from_ref(&made)).await;
    let nulls = vec![None; types.len()];
    let values: Vec<_> = types.iter().map(|logical| edges(*logical).last()).collect();
    let values = values
        .into_iter()
        .map(|value| value.map(|text| (*text).to_owned()));
    let row = |a: &str, b: &str| vec![Some(a.to_owned()), Some(b.to_owned())];
    let made_rows = vec![
        [row("x,", "y"), nulls.clone()].concat(),
        [row("x", ",y"), nulls].concat(),
        [row("", "é\n"), values.collect()].concat(),
    ];
    world.cert.insert_rows(&made, made_rows).await;
    let held = lease(&world, "1").await;
    let table = target_table(&world, "t").await;
    let tables = std::slice::from_ref(&table);
    let mut open = world
        .target
        .begin_merge(&held, tables)
        .await
        .expect("a merge can begin");
    let keys = all_keys(open.as_mut(), &table).await;
    let images = batches(open.as_mut(), &table, keys.clone())
        .await
        .expect("rows");
    let entry = |part, operation, after, before| LedgerEntry {
        run: held.run.clone(),
        table: table.name.clone(),
        part,
        operation,
        keys: keys.clone(),
        after,
        before,
    };
    let hashes: Vec<[u8; 16]> = (0_u8..).map(|n| [n; 16]).take(keys.len()).collect();
    let image = Some(images[0].clone());
    let entries = vec![
        entry(2, LedgerOperation::Deleted, Vec::new(), image.clone()),
        entry(0, LedgerOperation::Inserted, hashes.clone(), None),
        entry(1, LedgerOperation::Updated, hashes.clone(), image),
        entry(3, LedgerOperation::Relied, Vec::new(), None),
        entry(4, LedgerOperation::Retained, hashes, None),
    ];
    open.write_ledger(&entries[..1]).await.expect("an entry");
    open.write_ledger(&entries[1..]).await.expect("entries");
    commit(open, &held).await;
    let other = (world.reopen)().await;
    let read = other.ledger(&held.run, tables).await.expect("the ledger");
    assert_eq!(read, entries);
    let none = other
        .ledger(&super::fixture::run("2"), tables)
        .await
        .expect("an answer");
    assert!(none.is_empty());
}

/// Keys, hashes and images that do not go together are no entry: an undo could not work with it.
pub async fn an_entry_that_is_not_whole_is_no_entry(harness: &dyn Harness) {
    let world = enrolled(harness).await;
    let made = keyed("t", &[("id", Text), ("v", Text)]);
    world.cert.create(std::slice::from_ref(&made)).await;
    world.cert.insert(&made, &[["1", "a"], ["2", "b"]]).await;
    let held = lease(&world, "1").await;
    let table = target_table(&world, "t").await;
    let mut open = world
        .target
        .begin_merge(&held, std::slice::from_ref(&table))
        .await
        .expect("a merge can begin");
    let keys = all_keys(open.as_mut(), &table).await;
    let images = batches(open.as_mut(), &table, keys.clone())
        .await
        .expect("rows");
    let (hash, image) = ([1; 16], Some(images[0].clone()));
    let fewer = image.as_ref().map(|rows| rows.slice(0, 1));
    let all = vec![hash; keys.len()];
    for (operation, after, before) in [
        (LedgerOperation::Inserted, vec![hash], None),
        (LedgerOperation::Inserted, all.clone(), image.clone()),
        (LedgerOperation::Updated, all.clone(), None),
        (LedgerOperation::Updated, all.clone(), fewer),
        (LedgerOperation::Updated, Vec::new(), image.clone()),
        (LedgerOperation::Deleted, all.clone(), image.clone()),
        (LedgerOperation::Deleted, Vec::new(), None),
        (LedgerOperation::Relied, all.clone(), None),
        (LedgerOperation::Relied, Vec::new(), image.clone()),
        (LedgerOperation::Retained, Vec::new(), None),
        (LedgerOperation::Retained, all, image),
    ] {
        let entry = LedgerEntry {
            run: held.run.clone(),
            table: table.name.clone(),
            part: 0,
            operation,
            keys: keys.clone(),
            after,
            before,
        };
        let refused = open.write_ledger(&[entry]).await.expect_err("no entry");
        assert_eq!(refused.kind, StoreErrorKind::Bug, "{operation:?}");
    }
}

/// A sequence is above the largest key before the rows can be seen, and is never lowered.
pub async fn sequences_only_move_up(harness: &dyn Harness) {
    if !harness.abilities().sequences {
        return skip("sequences");
    }
    let world = enrolled(harness).await;
    let made = keyed("t", &[("id", Int64), ("v", Text)]);
    world.prod.create(std::slice::from_ref(&made)).await;
    world.prod.insert(&made, &[["500", "moved"]]).await;
    let made = made.filled("id", ValueSource::Sequence);
    world.cert.create(std::slice::from_ref(&made)).await;
    let insert = |v: &str| Change::Insert {
        table: &made,
        columns: vec!["v"],
        rows: rows(&[[v]]),
    };
    world.cert.change(&[insert("theirs")]).await;
    let held = lease(&world, "1").await;
    stage(&world, &held, "t").await.expect("rows can be staged");
    let table = [world.table("t")];
    let mut open = merge(&world, &held, &["t"]).await;
    open.apply(&table)
        .await
        .expect("staged rows can be applied");
    let raised = open
        .raise_sequences(&table)
        .await
        .expect("sequences can be raised");
    let [raised] = raised.as_slice() else {
        panic!("one sequence was moved: {raised:?}");
    };
    assert_eq!((raised.from, raised.to), (Some(1), 500));
    commit(open, &held).await;
    world.cert.change(&[insert("after")]).await;
    let ids = world.cert.cells("t", &["id"]).await;
    assert_eq!(
        ids,
        rows(&[["1"], ["500"], ["501"]]),
        "the next key is above the largest"
    );

    let all = Change::Delete {
        table: &made,
        of: None,
    };
    world.cert.change(&[all]).await;
    let mut open = merge(&world, &held, &["t"]).await;
    let lowered = open.raise_sequences(&table).await;
    assert_eq!(lowered.expect("sequences can be raised"), []);
    drop(open);
    world.cert.change(&[insert("later")]).await;
    let ids = world.cert.cells("t", &["id"]).await;
    assert_eq!(ids, rows(&[["502"]]), "the sequence was not lowered");
}
