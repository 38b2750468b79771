//! The merge: insert, update, leave; all or nothing; nothing before COMMIT.

use redistrict_model::Key;
use redistrict_store::{Action, RunState, StoreErrorKind};

use super::fixture::{
    all_keys, batches, commit, enrolled, keyed, keys_of, lease, load, merge, only_ids, record, run,
    skip, stage, target_table, target_tables,
};
use super::harness::{Harness, LogicalType, World};
use super::words::{Action as OnDelete, NULL, rows};

use LogicalType::{Int64, Text};

async fn with_rows(harness: &dyn Harness) -> World {
    let world = enrolled(harness).await;
    let t = keyed("t", &[("id", Int64), ("v", Text), ("w", Text)]);
    world.both(std::slice::from_ref(&t)).await;
    let news = [["1", "new", "n"], ["2", "new", NULL], ["3", "new", "n"]];
    world.prod.insert(&t, &news).await;
    let olds = [["2", "old", "o"], ["3", "old", "o"], ["9", "theirs", "o"]];
    world.cert.insert(&t, &olds).await;
    world
}

/// Each staged row by its action; rows of others are not touched.
pub async fn staged_rows_are_inserted_updated_or_left(harness: &dyn Harness) {
    let world = with_rows(harness).await;
    let lease = lease(&world, "1").await;
    let table = world.table("t");
    let mut open = merge(&world, &lease, &["t"]).await;
    assert_eq!(
        open.lock_staged(&table).await.expect("an answer"),
        keys_of(&["2", "3"])
    );
    let asked = keys_of(&["9", "3", "4", "x"]);
    assert_eq!(
        open.lock(&table, &asked).await.expect("an answer"),
        keys_of(&["3", "9"])
    );
    open.mark(&table, &keys_of(&["2"]), Action::Update)
        .await
        .expect("a mark");
    open.mark(&table, &keys_of(&["3"]), Action::Leave)
        .await
        .expect("a mark");
    let applied = open
        .apply(std::slice::from_ref(&table))
        .await
        .expect("rows can be applied");
    assert_eq!((applied[0].inserted, applied[0].updated), (1, 1));
    open.check_constraints()
        .await
        .expect("all constraints hold");

    let described = target_table(&world, "t").await;
    assert_eq!(
        open.count(&table).await.expect("a count"),
        4,
        "the merge sees its own writes"
    );
    let read = batches(open.as_mut(), &described, keys_of(&["1"]))
        .await
        .expect("rows");
    assert_eq!(read[0].num_rows(), 1);
    commit(open, &lease).await;
    let expected = rows(&[
        ["1", "new", "n"],
        ["2", "new", NULL],
        ["3", "old", "o"],
        ["9", "theirs", "o"],
    ]);
    assert_eq!(world.cert.cells("t", &["id", "v", "w"]).await, expected);
}

/// A merge that is dropped was never there.
pub async fn a_dropped_merge_leaves_no_trace(harness: &dyn Harness) {
    let world = with_rows(harness).await;
    let lease = lease(&world, "1").await;
    let before = world.cert.dump("t").await;
    let mut open = merge(&world, &lease, &["t"]).await;
    open.mark(&world.table("t"), &keys_of(&["2", "3"]), Action::Update)
        .await
        .expect("a mark");
    open.apply(&[world.table("t")])
        .await
        .expect("rows can be applied");
    drop(open);
    let tables = target_tables(&world, &["t"]).await;
    let mut again = world
        .target
        .begin_merge(&lease, &tables)
        .await
        .expect("a second merge");
    let keys = all_keys(again.as_mut(), &tables[0]).await;
    assert_eq!(keys, keys_of(&["2", "3", "9"]));
    drop(again);
    assert_eq!(world.cert.dump("t").await, before);
    assert_eq!(
        world
            .target
            .run_record(&lease.run)
            .await
            .expect("an answer"),
        None
    );
    assert!(
        world
            .target
            .ledger(&lease.run, &tables)
            .await
            .expect("an answer")
            .is_empty()
    );
}

/// A row that a constraint refuses is named by table and code, without its values, and takes nothing
/// with it.
pub async fn a_refused_row_is_a_constraint_error_without_values(harness: &dyn Harness) {
    let world = enrolled(harness).await;
    let prod = keyed("t", &[("id", Int64), ("ssn", Text)]);
    let cert = prod.clone().unique("t_ssn", &["ssn"]);
    world.prod.create(std::slice::from_ref(&prod)).await;
    world.cert.create(std::slice::from_ref(&cert)).await;
    let twice = [["1", "123-45-6789"], ["2", "123-45-6789"]];
    world.prod.insert(&prod, &twice).await;
    world.cert.insert(&cert, &[["7", "7"]]).await;
    let lease = lease(&world, "1").await;
    let mut open = merge(&world, &lease, &["t"]).await;
    let error = open
        .apply(&[world.table("t")])
        .await
        .expect_err("a duplicate is refused");
    assert_eq!(error.kind, StoreErrorKind::Constraint);
    assert_eq!(error.table, Some(world.table("t")));
    assert!(!format!("{error:?} {error}").contains("6789"));
    drop(open);
    assert_eq!(world.cert.dump("t").await.len(), 1);
}

/// A row without its parent is found before COMMIT.
pub async fn an_orphan_is_found_by_the_check_of_constraints(harness: &dyn Harness) {
    if !harness.abilities().foreign_keys {
        return skip("foreign keys");
    }
    let world = enrolled(harness).await;
    let child = keyed("child", &[("id", Int64), ("p", Int64)]);
    world.prod.create(std::slice::from_ref(&child)).await;
    let bound = child.clone();
    let bound = bound.references(&["p"], "parent", &["id"], OnDelete::None);
    world.cert.create(&[only_ids("parent"), bound]).await;
    world.prod.insert(&child, &[["1", NULL], ["2", "5"]]).await;
    let lease = lease(&world, "1").await;
    let mut open = merge(&world, &lease, &["child"]).await;
    // Kinds that check each statement refuse at once.
    let refused = match open.apply(&[world.table("child")]).await {
        Ok(_) => open.check_constraints().await.err(),
        Err(error) => Some(error),
    };
    assert_eq!(
        refused.expect("an orphan is refused").kind,
        StoreErrorKind::Constraint
    );
    drop(open);
    assert!(world.cert.dump("child").await.is_empty());
}

/// Tables whose foreign keys form a cycle are written together.
pub async fn tables_in_a_cycle_are_applied_together(harness: &dyn Harness) {
    let world = enrolled(harness).await;
    let store = keyed("store", &[("id", Int64), ("manager", Int64)]).mandatory("manager");
    let staff = keyed("staff", &[("id", Int64), ("store", Int64)]).mandatory("store");
    world.prod.create(&[store.clone(), staff.clone()]).await;
    world.prod.insert(&store, &[["1", "10"], ["2", "20"]]).await;
    let rows = [["10", "1"], ["20", "2"], ["21", "2"]];
    world.prod.insert(&staff, &rows).await;
    let store = store.references(&["manager"], "staff", &["id"], OnDelete::None);
    let staff = staff.references(&["store"], "store", &["id"], OnDelete::None);
    world.cert.create(&[store, staff]).await;
    let lease = lease(&world, "1").await;
    let mut open = merge(&world, &lease, &["store", "staff"]).await;
    let applied = open
        .apply(&[world.table("store"), world.table("staff")])
        .await;
    let inserted: Vec<u64> = applied
        .expect("a cycle can be applied")
        .iter()
        .map(|a| a.inserted)
        .collect();
    assert_eq!(inserted, [2, 3]);
    open.check_constraints()
        .await
        .expect("all constraints hold");
    commit(open, &lease).await;
    for name in ["store", "staff"] {
        assert_eq!(world.cert.dump(name).await, world.prod.dump(name).await);
    }
}

/// A table that refers to itself needs no order of its rows.
pub async fn a_self_reference_is_applied_in_one_go(harness: &dyn Harness) {
    let world = enrolled(harness).await;
    let unit = keyed("unit", &[("id", Int64), ("above", Int64)]);
    world.prod.create(std::slice::from_ref(&unit)).await;
    let rows = [["1", "4"], ["2", "1"], ["3", "3"], ["4", NULL]];
    world.prod.insert(&unit, &rows).await;
    let unit = unit.references(&["above"], "unit", &["id"], OnDelete::None);
    world.cert.create(&[unit]).await;
    let lease = lease(&world, "1").await;
    load(&world, &lease, &["unit"]).await;
    assert_eq!(world.cert.dump("unit").await, world.prod.dump("unit").await);
}

/// An update is an update: rows of others that refer to the row, with whatever action, stay.
pub async fn an_update_pulls_no_rows_of_others_along(harness: &dyn Harness) {
    let world = enrolled(harness).await;
    let parent = keyed("parent", &[("id", Int64), ("v", Text)]);
    world.both(std::slice::from_ref(&parent)).await;
    let theirs = keyed("theirs", &[("id", Int64), ("p", Int64)])
        .mandatory("p")
        .references(&["p"], "parent", &["id"], OnDelete::CascadeAlways);
    world.cert.create(std::slice::from_ref(&theirs)).await;
    world.prod.insert(&parent, &[["1", "new"]]).await;
    world.cert.insert(&parent, &[["1", "old"]]).await;
    world.cert.insert(&theirs, &[["7", "1"]]).await;
    let theirs = world.cert.dump("theirs").await;
    let lease = lease(&world, "1").await;
    load(&world, &lease, &["parent"]).await;
    assert_eq!(world.cert.dump("theirs").await, theirs);
    assert_eq!(
        world.cert.dump("parent").await,
        world.prod.dump("parent").await
    );
}

/// What is left is not locked, and not among the rows that are.
pub async fn what_is_left_is_not_locked(harness: &dyn Harness) {
    let world = with_rows(harness).await;
    let lease = lease(&world, "1").await;
    let table = world.table("t");
    let mut open = merge(&world, &lease, &["t"]).await;
    let (left, updated) = (keys_of(&["1", "2"]), keys_of(&["3"]));
    for (keys, action) in [(left, Action::Leave), (updated.clone(), Action::Update)] {
        open.mark(&table, &keys, action).await.expect("a mark");
    }
    assert_eq!(open.lock_staged(&table).await.expect("an answer"), updated);
}

/// Rows exchange their values of a unique key, or hand them on: none of them is in another one's way.
pub async fn unique_values_move_from_row_to_row(harness: &dyn Harness) {
    let world = enrolled(harness).await;
    let t = keyed("t", &[("id", Int64), ("u", Text)]).unique("t_u", &["u"]);
    world.both(std::slice::from_ref(&t)).await;
    // Two exchange, three hand on, and a new row gets what an old one gives up.
    let olds = [
        ["1", "a"],
        ["2", "b"],
        ["3", "c"],
        ["4", "d"],
        ["5", "e"],
        ["9", "theirs"],
    ];
    let news = [
        ["1", "b"],
        ["2", "a"],
        ["3", "d"],
        ["4", "e"],
        ["5", "f"],
        ["6", "c"],
    ];
    world.cert.insert(&t, &olds).await;
    world.prod.insert(&t, &news).await;
    let lease = lease(&world, "1").await;
    load(&world, &lease, &["t"]).await;
    let mut expected = rows(&news);
    expected.extend(rows(&[["9", "theirs"]]));
    assert_eq!(world.cert.cells("t", &["id", "u"]).await, expected);
}

/// Where no row may be without a value, those whose new values are free go first; a ring is refused.
pub async fn mandatory_unique_values_move_in_order_or_not_at_all(harness: &dyn Harness) {
    if !harness.abilities().declared_columns {
        return skip("columns that refuse NULL");
    }
    let world = enrolled(harness).await;
    let t = keyed("t", &[("id", Int64), ("u", Text)])
        .mandatory("u")
        .unique("t_u", &["u"]);
    world.both(std::slice::from_ref(&t)).await;
    let olds = [["1", "a"], ["2", "b"], ["3", "c"], ["7", "x"], ["8", "y"]];
    world.cert.insert(&t, &olds).await;
    let before = world.cert.dump("t").await;
    let chain = [["1", "b"], ["2", "c"], ["3", "d"], ["4", "a"]];
    world.prod.insert(&t, &chain).await;
    let held = lease(&world, "1").await;
    load(&world, &held, &["t"]).await;
    let expected = [chain.as_slice(), &[["7", "x"], ["8", "y"]]].concat();
    assert_eq!(world.cert.cells("t", &["id", "u"]).await, rows(&expected));
    assert_ne!(world.cert.dump("t").await, before);

    let ring = [["7", "y"], ["8", "x"]];
    world.prod.insert(&t, &ring).await;
    world.target.release_lease(&held).await.expect("a release");
    let held = lease(&world, "2").await;
    let before = world.cert.dump("t").await;
    let table = world.table("t");
    let mut open = merge(&world, &held, &["t"]).await;
    for (keys, action) in [
        (keys_of(&["1", "2", "3", "4"]), Action::Leave),
        (keys_of(&["7", "8"]), Action::Update),
    ] {
        open.mark(&table, &keys, action).await.expect("a mark");
    }
    let refused = open.apply(std::slice::from_ref(&table)).await;
    let refused = refused.expect_err("a ring is refused");
    assert_eq!(refused.kind, StoreErrorKind::Constraint);
    assert_eq!(refused.table.as_ref(), Some(&table));
    assert!(refused.to_string().contains("t_u"), "{refused}");
    drop(open);
    assert_eq!(world.cert.dump("t").await, before);
}

/// Marking what is not staged is a mistake of ours.
pub async fn only_staged_rows_can_be_marked(harness: &dyn Harness) {
    let world = with_rows(harness).await;
    let lease = lease(&world, "1").await;
    let mut open = merge(&world, &lease, &["t"]).await;
    let error = open
        .mark(&world.table("t"), &keys_of(&["9"]), Action::Update)
        .await;
    assert_eq!(
        error.expect_err("9 is not staged").kind,
        StoreErrorKind::Bug
    );
}

/// The record is there if and only if the data is, once.
pub async fn the_record_of_a_run_is_committed_with_its_data(harness: &dyn Harness) {
    let world = with_rows(harness).await;
    let held = lease(&world, "1").await;
    assert_eq!(
        world.target.run_record(&held.run).await.expect("an answer"),
        None
    );
    load(&world, &held, &["t"]).await;
    let other = (world.reopen)().await;
    let found = other.run_record(&held.run).await.expect("an answer");
    assert_eq!(found, Some(record(&held)));

    let tables = target_tables(&world, &["t"]).await;
    let open = world
        .target
        .begin_merge(&held, &tables)
        .await
        .expect("a merge can begin");
    let error = open
        .commit(&record(&held))
        .await
        .expect_err("a run commits once");
    assert_eq!(error.kind, StoreErrorKind::Bug);

    world.target.release_lease(&held).await.expect("a release");
    let undo = lease(&world, "2").await;
    let mut open = world
        .target
        .begin_merge(&undo, &tables)
        .await
        .expect("a merge can begin");
    open.set_run_state(&held.run, RunState::Undone)
        .await
        .expect("a state");
    let mut undone = record(&undo);
    undone.parent = Some(held.run.clone());
    open.commit(&undone).await.expect("the undo commits");
    let mut first = record(&held);
    first.state = RunState::Undone;
    assert_eq!(
        world.target.run_records().await.expect("records"),
        [first, undone]
    );
}

/// Without a commit the state of another run is what it was.
pub async fn the_state_of_a_run_changes_with_the_commit_only(harness: &dyn Harness) {
    let world = with_rows(harness).await;
    let held = lease(&world, "1").await;
    load(&world, &held, &["t"]).await;
    world.target.release_lease(&held).await.expect("a release");
    let undo = lease(&world, "2").await;
    let tables = target_tables(&world, &["t"]).await;
    let mut open = world
        .target
        .begin_merge(&undo, &tables)
        .await
        .expect("a merge can begin");
    open.set_run_state(&held.run, RunState::Undone)
        .await
        .expect("a state");
    let unknown = open.set_run_state(&run("never"), RunState::Undone).await;
    assert_eq!(
        unknown.expect_err("an unknown run").kind,
        StoreErrorKind::Bug
    );
    drop(open);
    let found = world.target.run_record(&held.run).await.expect("an answer");
    assert_eq!(found, Some(record(&held)));
}

/// A table without rows and one without staged rows are no special cases.
pub async fn empty_tables_are_merged_like_others(harness: &dyn Harness) {
    if !harness.abilities().declared_columns {
        return skip("tables without rows");
    }
    let world = enrolled(harness).await;
    world.both(&[only_ids("e")]).await;
    let lease = lease(&world, "1").await;
    let staged = stage(&world, &lease, "e")
        .await
        .expect("no rows can be staged");
    assert_eq!(staged.rows, 0);
    let mut open = merge(&world, &lease, &["e"]).await;
    assert_eq!(
        open.lock_staged(&world.table("e"))
            .await
            .expect("an answer"),
        Vec::<Key>::new()
    );
    let applied = open
        .apply(&[world.table("e")])
        .await
        .expect("no rows can be applied");
    assert_eq!((applied[0].inserted, applied[0].updated), (0, 0));
    commit(open, &lease).await;
}
