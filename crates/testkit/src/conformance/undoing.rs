//! What an undo needs: the ledger, deleting by key, sequences that never go down.

use redistrict_model::{Key, TableRef};
use redistrict_store::{LedgerEntry, LedgerOperation, Merge, StoreErrorKind};

use super::fixture::{
    all_keys, batches, commit, enrolled, keys_of, lease, load, target_table, target_tables,
};
use super::harness::{Harness, LogicalType, World};

async fn family(harness: &dyn Harness, action: &str) -> World {
    let world = enrolled(harness).await;
    let int = harness.sql(LogicalType::Int64);
    world
        .cert
        .run(&format!(
            "create table parent (id {int} not null primary key);
             create table child (id {int} not null primary key, p {int} references parent (id) {action});
             insert into parent values (1), (2), (3);
             insert into child values (10, 1), (11, 1), (20, 2), (30, null)"
        ))
        .await;
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
    for action in [
        "",
        "on delete cascade",
        "on delete restrict",
        "on delete set null",
    ] {
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
        assert_eq!(deleted, 4, "{action}");
        open.check_constraints()
            .await
            .expect("all constraints hold");
        commit(open, &held).await;
        assert_eq!(
            world.cert.query("select id from parent").await.len(),
            2,
            "{action}"
        );
        let left = world.cert.query("select id, p from child").await;
        assert_eq!(left, world.cert.query("select 20, 2").await, "{action}");
    }
}

/// Rows of others that refer to a row to delete would be orphaned, emptied or deleted: refused.
pub async fn a_delete_that_would_reach_rows_of_others_is_refused(harness: &dyn Harness) {
    for action in [
        "",
        "on delete cascade",
        "on delete restrict",
        "on delete set null",
    ] {
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
        assert_eq!(error.kind, StoreErrorKind::Constraint, "{action}");
        drop(open);
        let after = (
            world.cert.dump("parent").await,
            world.cert.dump("child").await,
        );
        assert_eq!(after, before, "{action}");
    }
}

/// The same holds for tables that the run does not know of.
pub async fn a_delete_sees_children_in_tables_that_were_not_named(harness: &dyn Harness) {
    let world = family(harness, "on delete cascade").await;
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
    let world = family(harness, "").await;
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
    for action in ["", "on delete cascade", "on delete restrict"] {
        let world = enrolled(harness).await;
        let int = harness.sql(LogicalType::Int64);
        world
            .cert
            .run(&format!(
                "create table unit (id {int} not null primary key, above {int} references unit (id) {action});
                 insert into unit values (1, null); insert into unit values (2, 1);
                 insert into unit values (3, 2); insert into unit values (4, 4)"
            ))
            .await;
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
        assert_eq!(deleted.expect("all can go"), 4, "{action}");
        commit(open, &held).await;
        assert!(world.cert.dump("unit").await.is_empty(), "{action}");
    }
}

/// What is written into the ledger comes back: order, odd keys, hashes, images with their schema.
pub async fn the_ledger_comes_back_as_it_was_written(harness: &dyn Harness) {
    let world = enrolled(harness).await;
    let text = harness.sql(LogicalType::Text);
    let columns: String = LogicalType::ALL
        .iter()
        .map(|logical| format!(", c_{logical:?} {}", harness.sql(*logical)))
        .collect();
    world
        .cert
        .run(&format!(
            "create table t (a {text} not null, b {text} not null{columns}, primary key (a, b));
             insert into t (a, b) values ('x,', 'y'), ('x', ',y'), ('', 'é\n')"
        ))
        .await;
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
        entry(1, LedgerOperation::Updated, hashes, image),
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

/// A sequence is raised to the largest key and never lowered.
pub async fn sequences_only_move_up(harness: &dyn Harness) {
    let world = enrolled(harness).await;
    let (int, text) = (
        harness.sql(LogicalType::Int64),
        harness.sql(LogicalType::Text),
    );
    let Some(serial) = harness.serial_key() else {
        return super::fixture::skip("sequences");
    };
    world
        .prod
        .run(&format!(
            "create table t (id {int} not null primary key, v {text})"
        ))
        .await;
    world
        .cert
        .run(&format!("create table t (id {serial}, v {text})"))
        .await;
    world.prod.run("insert into t values (500, 'moved')").await;
    let held = lease(&world, "1").await;
    load(&world, &held, &["t"]).await;
    let tables = target_tables(&world, &["t"]).await;
    world
        .target
        .raise_sequences(&held, &tables)
        .await
        .expect("sequences can be raised");
    let again = world.target.raise_sequences(&held, &tables).await;
    assert!(again.expect("raising again does nothing").is_empty());
    world.cert.run("insert into t (v) values ('after')").await;
    let at = |id: i32| format!("select v from t where id = {id}");
    assert_eq!(
        world.cert.query(&at(501)).await.len(),
        1,
        "the next key is above the largest"
    );

    world.cert.run("delete from t").await;
    world
        .target
        .raise_sequences(&held, &tables)
        .await
        .expect("sequences can be raised");
    world.cert.run("insert into t (v) values ('later')").await;
    assert_eq!(
        world.cert.query(&at(502)).await.len(),
        1,
        "the sequence was not lowered"
    );
}
