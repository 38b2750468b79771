//! Writing tables without a key on a real server: staged rows by their places, rows that are there by
//! locators, whatever types they have and however many partitions.

use redistrict_model::{Key, Table};
use redistrict_store::{
    Action, KeyRequest, Lease, LedgerEntry, LedgerOperation, Merge, Selector, StoreErrorKind,
    TargetStore as _, staged_key,
};
use redistrict_testkit::postgres::with_client;

use crate::support::{World, commit};

/// Types without equality among the columns; partitions by one that may be NULL.
const TABLE: &str = "create table hits (owner int4, doc json, note text) partition by list (owner);
    create table hits_1 partition of hits for values in (1);
    create table hits_rest partition of hits default;";

async fn world(sql: &str, prod: &str, cert: &str) -> (World, Table) {
    let world = World::new().await;
    world.both(sql).await;
    world.server.psql(&world.prod, prod).await;
    world.server.psql(&world.cert, cert).await;
    let table = world.catalog().await.table(&world.table("hits")).cloned();
    (world, table.unwrap())
}

/// Locators with the note of each row, sorted by it.
async fn located(merge: &mut dyn Merge, table: &Table) -> Vec<(String, Key)> {
    let request = KeyRequest {
        table: table.name.clone(),
        columns: vec!["note".into()],
        selector: Selector::All,
    };
    let rows = merge.keys(&request).await.unwrap().into_iter();
    let note = |value: Option<Box<str>>| value.unwrap_or_default().into_string();
    let mut rows: Vec<_> = rows
        .map(|mut row| (note(row.values.remove(0)), row.id))
        .collect();
    rows.sort();
    rows
}

async fn begin(world: &World, lease: &Lease, table: &Table) -> Box<dyn Merge> {
    let tables = std::slice::from_ref(table);
    world.target.begin_merge(lease, tables).await.unwrap()
}

#[tokio::test]
async fn rows_are_left_by_their_places_and_copies_go_by_their_locators() {
    let rows = r#"insert into hits values (1, '{"a": 1}', 'x'), (1, '{"a": 1}', 'x'), (null, null, 'y'), (7, '[]', 'z')"#;
    let (world, table) = world(TABLE, rows, "insert into hits values (1, '{}', 'x')").await;
    let name = table.name.clone();
    let lease = world.lease("mig-1").await;
    world.stage_all(&lease, std::slice::from_ref(&table)).await;
    let mut merge = begin(&world, &lease, &table).await;
    assert_eq!(merge.lock_staged(&name).await.unwrap(), []);
    for action in [Action::Insert, Action::Leave] {
        let first = [staged_key(0, 0)];
        merge.mark(&name, &first, action).await.unwrap();
    }
    for (key, action) in [
        (staged_key(0, 4), Action::Leave),
        (staged_key(1, 0), Action::Leave),
        (Key::new(["0", "x"]), Action::Leave),
        (staged_key(0, 0), Action::Update),
    ] {
        let error = merge.mark(&name, &[key], action).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Bug);
        // A statement that the server refused would have ended the transaction.
        assert!(error.code.is_none());
    }
    let applied = merge.apply(std::slice::from_ref(&name)).await.unwrap();
    assert_eq!((applied[0].inserted, applied[0].updated), (3, 0));
    let there = located(merge.as_mut(), &table).await;
    let notes: Vec<&str> = there.iter().map(|(note, _)| note.as_str()).collect();
    assert_eq!(notes, ["x", "x", "y", "z"]);
    let locators: Vec<Key> = there.iter().map(|(_, locator)| locator.clone()).collect();
    let mut locked = merge.lock(&name, &locators).await.unwrap();
    locked.sort();
    let mut expected = locators.clone();
    expected.sort();
    assert_eq!(locked, expected);
    let gone = vec![(name.clone(), vec![locators[1].clone(), locators[2].clone()])];
    assert_eq!(merge.delete(&gone).await.unwrap(), 2);
    assert_eq!(merge.lock(&name, &locators).await.unwrap().len(), 2);
    merge.check_constraints().await.unwrap();
    let entry = LedgerEntry {
        run: lease.run.clone(),
        table: name.clone(),
        part: 0,
        operation: LedgerOperation::Inserted,
        keys: vec![Key::new(["00ff", "0", "owner", "1"])],
        after: vec![[7; 16]],
        before: None,
    };
    merge
        .write_ledger(std::slice::from_ref(&entry))
        .await
        .unwrap();
    commit(merge, &lease).await.unwrap();
    let left = world.dump(&world.cert, "hits").await;
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.contains(&"(7,[],z)".to_owned()));
    let tables = [table];
    let ledger = world.target.ledger(&lease.run, &tables).await.unwrap();
    assert_eq!(ledger, [entry]);
}

#[tokio::test]
async fn deleting_names_every_row_or_nothing_and_spares_what_others_refer_to() {
    let sql = "create table hits (owner int4 unique, doc json, note text);
               create table child (id int4 primary key, owner int4 references hits (owner) on delete cascade);";
    let rows = "insert into hits values (1, '{}', 'a'), (2, '{}', 'b'), (null, '{}', 'c');
                insert into child values (10, 2)";
    let (world, table) = world(sql, "select 1", rows).await;
    assert_eq!(table.identity(), None);
    let name = table.name.clone();
    let lease = world.lease("mig-1").await;
    let mut merge = begin(&world, &lease, &table).await;
    let there = located(merge.as_mut(), &table).await;
    let locator = |at: usize| there[at].1.clone();
    for (keys, kind) in [
        (vec![Key::of("nonsense")], StoreErrorKind::Bug),
        (vec![locator(0), locator(1)], StoreErrorKind::Constraint),
    ] {
        let error = merge.delete(&[(name.clone(), keys)]).await.unwrap_err();
        assert_eq!(error.kind, kind);
        drop(merge);
        merge = begin(&world, &lease, &table).await;
    }
    let both = vec![(name.clone(), vec![locator(0), locator(2)])];
    assert_eq!(merge.delete(&both).await.unwrap(), 2);
    let again = merge.delete(&both).await.unwrap_err();
    assert_eq!(again.kind, StoreErrorKind::Constraint);
}

#[tokio::test]
async fn a_row_that_changed_since_its_locator_was_read_is_not_locked() {
    let rows =
        "insert into hits values (1, '{}', 'a'), (1, '{}', 'b'), (2, '{}', 'c'), (2, '{}', 'd')";
    let (world, table) = world(TABLE, "select 1", rows).await;
    let name = table.name.clone();
    let lease = world.lease("mig-1").await;
    let mut merge = begin(&world, &lease, &table).await;
    let there = located(merge.as_mut(), &table).await;
    let edits = "delete from hits where note = 'a'; update hits set note = 'bb' where note = 'b'";
    world.server.psql(&world.cert, edits).await;
    let locators: Vec<Key> = there.iter().map(|(_, locator)| locator.clone()).collect();
    // A row that another transaction holds is waited for, and is another one by then.
    let update = "begin; update hits set owner = 3, note = 'cc' where note = 'c'";
    let waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' \
                   and datname = current_database()";
    let merge = merge.as_mut();
    let locked = with_client(&world.cert, async |client| {
        client.batch_execute(update).await?;
        let end = async {
            while world.server.scalar(&world.cert, waiting).await == "0" {
                tokio::task::yield_now().await;
            }
            client.batch_execute("commit").await
        };
        let (locked, ended) = tokio::join!(merge.lock(&name, &locators), end);
        ended.map(|()| locked)
    });
    let locked = locked.await.unwrap().unwrap();
    assert_eq!(locked, [there[3].1.clone()]);
}
