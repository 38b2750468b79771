//! The merge: insert, update, leave; all or nothing; nothing before COMMIT.

use redistrict_model::Key;
use redistrict_store::{Action, RunState, StoreErrorKind};

use super::fixture::{
    all_keys, batches, commit, enrolled, keys_of, lease, load, merge, record, run, stage,
    target_table, target_tables,
};
use super::harness::{Harness, LogicalType, World};

async fn with_rows(harness: &dyn Harness) -> World {
    let world = enrolled(harness).await;
    let (int, text) = (
        harness.sql(LogicalType::Int64),
        harness.sql(LogicalType::Text),
    );
    world
        .both(&format!(
            "create table t (id {int} not null primary key, v {text}, w {text})"
        ))
        .await;
    world
        .prod
        .run("insert into t values (1, 'new', 'n'), (2, 'new', null), (3, 'new', 'n')")
        .await;
    world
        .cert
        .run("insert into t values (2, 'old', 'o'), (3, 'old', 'o'), (9, 'theirs', 'o')")
        .await;
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
    let rows = world.cert.query("select id, v, w from t order by id").await;
    let expected = world
        .cert
        .query(
            "select 1, 'new', 'n' union all select 2, 'new', null union all select 3, 'old', 'o'
             union all select 9, 'theirs', 'o' order by 1",
        )
        .await;
    assert_eq!(rows, expected);
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
    let (int, text) = (
        harness.sql(LogicalType::Int64),
        harness.sql(LogicalType::Text),
    );
    world
        .prod
        .run(&format!(
            "create table t (id {int} not null primary key, ssn {text})"
        ))
        .await;
    world
        .cert
        .run(&format!(
            "create table t (id {int} not null primary key, ssn {text} unique)"
        ))
        .await;
    world
        .prod
        .run("insert into t values (1, '123-45-6789'), (2, '123-45-6789')")
        .await;
    world.cert.run("insert into t values (7, '7')").await;
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
    assert_eq!(world.cert.query("select id from t").await.len(), 1);
}

/// A row without its parent is found before COMMIT.
pub async fn an_orphan_is_found_by_the_check_of_constraints(harness: &dyn Harness) {
    let world = enrolled(harness).await;
    let int = harness.sql(LogicalType::Int64);
    world
        .prod
        .run(&format!(
            "create table child (id {int} not null primary key, p {int})"
        ))
        .await;
    world
        .cert
        .run(&format!(
            "create table parent (id {int} not null primary key);
             create table child (id {int} not null primary key, p {int} references parent (id))"
        ))
        .await;
    world
        .prod
        .run("insert into child values (1, null), (2, 5)")
        .await;
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
    let int = harness.sql(LogicalType::Int64);
    world.cert.run(&harness.cycle()).await;
    world
        .prod
        .run(&format!(
            "create table store (id {int} not null primary key, manager {int} not null);
             create table staff (id {int} not null primary key, store {int} not null);
             insert into store values (1, 10), (2, 20);
             insert into staff values (10, 1), (20, 2), (21, 2)"
        ))
        .await;
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
    let int = harness.sql(LogicalType::Int64);
    world
        .prod
        .run(&format!(
            "create table unit (id {int} not null primary key, above {int})"
        ))
        .await;
    world
        .cert
        .run(&format!(
            "create table unit (id {int} not null primary key, above {int} references unit (id))"
        ))
        .await;
    world
        .prod
        .run("insert into unit values (1, 4), (2, 1), (3, 3), (4, null)")
        .await;
    let lease = lease(&world, "1").await;
    load(&world, &lease, &["unit"]).await;
    assert_eq!(world.cert.dump("unit").await, world.prod.dump("unit").await);
}

/// An update is an update: rows of others that refer to the row, with whatever action, stay.
pub async fn an_update_pulls_no_rows_of_others_along(harness: &dyn Harness) {
    let world = enrolled(harness).await;
    let (int, text) = (
        harness.sql(LogicalType::Int64),
        harness.sql(LogicalType::Text),
    );
    let parent = format!("create table parent (id {int} not null primary key, v {text})");
    world.both(&parent).await;
    world
        .cert
        .run(&format!(
            "create table theirs (id {int} not null primary key,
               p {int} not null references parent (id) on delete cascade on update cascade)"
        ))
        .await;
    world.prod.run("insert into parent values (1, 'new')").await;
    world
        .cert
        .run("insert into parent values (1, 'old'); insert into theirs values (7, 1)")
        .await;
    let theirs = world.cert.dump("theirs").await;
    let lease = lease(&world, "1").await;
    load(&world, &lease, &["parent"]).await;
    assert_eq!(world.cert.dump("theirs").await, theirs);
    assert_eq!(
        world.cert.dump("parent").await,
        world.prod.dump("parent").await
    );
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
    let world = enrolled(harness).await;
    let int = harness.sql(LogicalType::Int64);
    world
        .both(&format!("create table e (id {int} not null primary key)"))
        .await;
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
