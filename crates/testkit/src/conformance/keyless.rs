//! Tables without a key are multisets of whole rows: told by locators in a view or a merge, by part and
//! place in staging (docs/design/keyless.md).

use redistrict_model::{Key, Table};
use redistrict_store::{
    Action, KeyReader, KeyRequest, LedgerEntry, LedgerOperation, Merge, RowReader, Selector,
    StoreErrorKind, staged_key,
};

use super::fixture::{
    all_keys, batches, commit, cut, enrolled, lease, merge, only_ids, source_table, stage_batches,
    target_table, target_tables,
};
use super::harness::{Harness, LogicalType, World};
use super::words::{Change, NULL, NewTable, Row, rows};

fn events() -> NewTable {
    NewTable::new(
        "events",
        &[("who", LogicalType::Int64), ("what", LogicalType::Text)],
    )
}

const COLUMNS: [&str; 2] = ["who", "what"];

/// Equal rows, rows that differ in NULL only, and one that is all NULL.
const ROWS: [[&str; 2]; 7] = [
    ["1", "in"],
    ["1", "in"],
    ["1", "in"],
    ["1", NULL],
    ["2", "in"],
    [NULL, "in"],
    [NULL, NULL],
];

/// PROD has [`ROWS`]; CERT has three rows of its own, two of which look like ours.
async fn with_events(harness: &dyn Harness) -> World {
    let world = enrolled(harness).await;
    world.both(&[events(), only_ids("other")]).await;
    world.prod.insert(&events(), &ROWS).await;
    world.prod.insert(&only_ids("other"), &[["1"]]).await;
    let theirs = [["1", "in"], ["2", "in"], ["9", "theirs"]];
    world.cert.insert(&events(), &theirs).await;
    world
}

async fn locators<R: KeyReader + ?Sized>(
    reader: &mut R,
    table: &Table,
    who: &str,
) -> Vec<(Key, Row)> {
    let request = KeyRequest {
        table: table.name.clone(),
        columns: COLUMNS.map(str::to_owned).to_vec(),
        selector: Selector::Matching {
            columns: vec!["who".to_owned()],
            keys: vec![Key::of(who), Key::of(who)],
        },
    };
    let found = reader.keys(&request).await.expect("keys can be read");
    let row = |values: Vec<Option<Box<str>>>| values.into_iter().map(|v| v.map(String::from));
    let mut rows: Vec<(Key, Row)> = found
        .into_iter()
        .map(|one| (one.id, row(one.values).collect()))
        .collect();
    rows.sort();
    rows
}

async fn count_rows<R: RowReader + ?Sized>(reader: &mut R, table: &Table, keys: Vec<Key>) -> usize {
    let read = batches(reader, table, keys).await;
    let read = read.expect("rows can be read by locator");
    read.iter().map(|batch| batch.num_rows()).sum()
}

/// Each row has a locator of its own, equal or not; references find all of them; NULL finds none.
pub async fn rows_without_a_key_are_told_by_locators(harness: &dyn Harness) {
    let world = with_events(harness).await;
    let table = source_table(&world, "events").await;
    assert_eq!(table.identity(), None);
    let mut cut = cut(&world, &table).await;
    let mut all = all_keys(cut.as_mut(), &table).await;
    assert!(all.iter().all(|key| key.parts().len() == 1));
    all.dedup();
    assert_eq!(all.len(), ROWS.len(), "each locator once");
    assert_eq!(cut.count(&table.name).await.expect("a count"), 7);

    let ones = locators(cut.as_mut(), &table, "1").await;
    let mut values: Vec<Row> = ones.iter().map(|(_, row)| row.clone()).collect();
    values.sort();
    let expected = rows(&[["1", NULL], ["1", "in"], ["1", "in"], ["1", "in"]]);
    assert_eq!(values, expected);
    assert!(ones.iter().all(|(key, _)| all.contains(key)));
    for text in ["01", "x", ""] {
        assert!(locators(cut.as_mut(), &table, text).await.is_empty());
    }
    let sample = KeyRequest {
        table: table.name.clone(),
        columns: Vec::new(),
        selector: Selector::Sample { limit: 3 },
    };
    let sample = cut.keys(&sample).await.expect("a sample");
    assert_eq!(sample.len(), 3);
}

/// Rows come by locator, each once, in their order; what is no locator finds nothing, or is refused as a
/// mistake of ours.
pub async fn rows_are_read_by_their_locators(harness: &dyn Harness) {
    let world = with_events(harness).await;
    let table = source_table(&world, "events").await;
    let mut cut = cut(&world, &table).await;
    let all = all_keys(cut.as_mut(), &table).await;
    let first = batches(cut.as_mut(), &table, all.clone()).await;
    let first = first.expect("rows can be read by locator");
    assert_eq!(first.iter().map(|batch| batch.num_rows()).sum::<usize>(), 7);
    let reversed: Vec<Key> = all.iter().rev().cloned().collect();
    let again = batches(cut.as_mut(), &table, reversed).await;
    assert_eq!(again.expect("rows can be read again"), first);
    assert_eq!(count_rows(cut.as_mut(), &table, all[..2].to_vec()).await, 2);
    let ones = locators(cut.as_mut(), &table, "1").await;
    let ones = ones.into_iter().map(|(key, _)| key).collect();
    assert_eq!(count_rows(cut.as_mut(), &table, ones).await, 4);
    for text in [
        "",
        "x",
        "-1",
        "(0,1)",
        "4294967296(0,1)",
        "' or 1=1 --",
        "1 or true",
    ] {
        let strange = vec![Key::of(text), Key::new([text, text])];
        match batches(cut.as_mut(), &table, strange).await {
            Ok(read) => assert!(read.is_empty(), "{text:?} is no locator"),
            Err(error) => assert_eq!(error.kind, StoreErrorKind::Bug, "{text:?}"),
        }
    }
}

/// Stages [`ROWS`] in two parts of four and three rows.
async fn stage_in_two_parts(world: &World, lease: &redistrict_store::Lease) {
    let table = source_table(world, "events").await;
    let mut cut = cut(world, &table).await;
    let all = all_keys(cut.as_mut(), &table).await;
    let target = target_table(world, "events").await;
    for (number, some) in (0_u32..).zip(all.chunks(4)) {
        let read = batches(cut.as_mut(), &table, some.to_vec()).await;
        let read: Vec<_> = read
            .expect("rows can be read")
            .into_iter()
            .map(Ok)
            .collect();
        let staged = stage_batches(world, lease, &target, number, read).await;
        let rows = u64::try_from(some.len()).expect("few rows");
        assert_eq!(staged.expect("a part can be staged").rows, rows);
    }
}

/// Every copy is inserted, none is taken for one that is there; a staged row is named by part and place.
pub async fn staged_rows_without_a_key_are_inserted_or_left(harness: &dyn Harness) {
    let world = with_events(harness).await;
    let held = lease(&world, "1").await;
    stage_in_two_parts(&world, &held).await;
    let tables = target_tables(&world, &["events"]).await;
    let events = world.table("events");
    let begin = world.target.begin_merge(&held, &tables).await;
    let mut open = begin.expect("a merge can begin");
    let there = open.lock_staged(&events).await.expect("an answer");
    assert!(there.is_empty(), "no row of the target is ours by identity");
    let all = (0..4)
        .map(|row| staged_key(0, row))
        .chain((0..3).map(|row| staged_key(1, row)));
    let marked = open
        .mark(&events, &all.collect::<Vec<_>>(), Action::Leave)
        .await;
    marked.expect("each staged row has a place");
    let some = [staged_key(0, 3), staged_key(1, 0), staged_key(1, 2)];
    let marked = open.mark(&events, &some, Action::Insert).await;
    marked.expect("each staged row has a place");
    let applied = open.apply(std::slice::from_ref(&events)).await;
    let applied = applied.expect("rows can be applied");
    assert_eq!((applied[0].inserted, applied[0].updated), (3, 0));
    assert_eq!(open.count(&events).await.expect("a count"), 6);
    open.check_constraints()
        .await
        .expect("all constraints hold");
    commit(open, &held).await;
    assert_eq!(world.cert.dump("events").await.len(), 6);
}

/// What was staged comes out as it was, as often as it was; rows of others stay.
pub async fn equal_rows_move_as_often_as_they_are_there(harness: &dyn Harness) {
    let world = with_events(harness).await;
    let held = lease(&world, "1").await;
    let mut expected = world.cert.dump("events").await;
    expected.extend(world.prod.dump("events").await);
    expected.sort();
    let mut open = merge(&world, &held, &["events", "other"]).await;
    let tables = [world.table("events"), world.table("other")];
    let applied = open.apply(&tables).await.expect("rows can be applied");
    assert_eq!((applied[0].inserted, applied[1].inserted), (7, 1));
    commit(open, &held).await;
    assert_eq!(world.cert.dump("events").await, expected);
    let cells = world.cert.cells("events", &COLUMNS).await;
    let ones = rows(&[["1", "in"]]);
    assert_eq!(cells.iter().filter(|row| **row == ones[0]).count(), 4);
}

/// A place that has no row, and an update, are mistakes of ours.
pub async fn only_staged_places_can_be_marked(harness: &dyn Harness) {
    let world = with_events(harness).await;
    let held = lease(&world, "1").await;
    let events = world.table("events");
    stage_in_two_parts(&world, &held).await;
    let tables = target_tables(&world, &["events"]).await;
    for (key, action) in [
        (staged_key(0, 4), Action::Leave),
        (staged_key(2, 0), Action::Leave),
        (Key::of("0"), Action::Leave),
        (staged_key(0, 0), Action::Update),
    ] {
        let begin = world.target.begin_merge(&held, &tables).await;
        let mut open = begin.expect("a merge can begin");
        let refused = open.mark(&events, std::slice::from_ref(&key), action).await;
        let error = refused.expect_err("it cannot be marked");
        assert_eq!(error.kind, StoreErrorKind::Bug, "{key:?} {action:?}");
    }
}

async fn open_events(world: &World) -> (Box<dyn Merge>, redistrict_store::Lease, Table) {
    let held = lease(world, "1").await;
    let table = target_table(world, "events").await;
    let tables = std::slice::from_ref(&table);
    let begin = world.target.begin_merge(&held, tables).await;
    (begin.expect("a merge can begin"), held, table)
}

/// One of several equal rows goes; the others stay.
pub async fn rows_without_a_key_are_locked_and_deleted_by_locator(harness: &dyn Harness) {
    let world = enrolled(harness).await;
    world.both(&[events()]).await;
    world.cert.insert(&events(), &ROWS).await;
    let (mut open, held, table) = open_events(&world).await;
    let ones = locators(open.as_mut(), &table, "1").await;
    assert_eq!(ones.len(), 4);
    let equal = ones.iter().filter(|(_, row)| row[1].is_some());
    let equal: Vec<Key> = equal.map(|(key, _)| key.clone()).collect();
    let locked = open.lock(&table.name, &equal).await.expect("an answer");
    assert_eq!(locked, equal);
    assert_eq!(count_rows(open.as_mut(), &table, equal.clone()).await, 3);
    let doomed = [(table.name.clone(), equal[..2].to_vec())];
    let deleted = open.delete(&doomed).await.expect("rows can be deleted");
    assert_eq!(deleted, 2);
    let left = locators(open.as_mut(), &table, "1").await;
    assert_eq!(left.len(), 2, "the merge sees its own deletes");
    open.check_constraints()
        .await
        .expect("all constraints hold");
    commit(open, &held).await;
    let mut expected = rows(&ROWS[2..]);
    expected.sort();
    assert_eq!(world.cert.cells("events", &COLUMNS).await, expected);
}

/// A locator without a row is an error, and nothing is deleted.
pub async fn a_delete_by_locator_wants_every_row_to_be_there(harness: &dyn Harness) {
    let world = enrolled(harness).await;
    world.both(&[events()]).await;
    world.cert.insert(&events(), &ROWS).await;
    let before = world.cert.dump("events").await;
    let (mut open, _held, table) = open_events(&world).await;
    let some = locators(open.as_mut(), &table, "2").await;
    let there = some[0].0.clone();
    for keys in [vec![there, Key::of("x")], vec![Key::of("")]] {
        let refused = open.delete(&[(table.name.clone(), keys)]).await;
        refused.expect_err("a row is missing");
    }
    drop(open);
    assert_eq!(world.cert.dump("events").await, before);
}

/// A row that others deleted after its locator was read is not there any more.
pub async fn a_locked_locator_is_a_row_that_still_is_there(harness: &dyn Harness) {
    let world = enrolled(harness).await;
    world.both(&[events()]).await;
    world.cert.insert(&events(), &ROWS).await;
    let (mut open, _held, table) = open_events(&world).await;
    let twos = locators(open.as_mut(), &table, "2").await;
    let deleted = world
        .cert
        .try_change(&[Change::Delete {
            table: &events(),
            of: Some(("who", "2")),
        }])
        .await;
    let is_possible = harness.abilities().writes_beside_a_merge;
    assert_eq!(deleted.is_ok(), is_possible, "{deleted:?}");
    let keys = [twos[0].0.clone()];
    let locked = open.lock(&table.name, &keys).await.expect("an answer");
    assert_eq!(locked.is_empty(), is_possible);
}

/// The ledger keeps whatever tells the rows, and their images.
pub async fn the_ledger_of_rows_without_a_key_comes_back(harness: &dyn Harness) {
    let world = enrolled(harness).await;
    world.both(&[events()]).await;
    world.cert.insert(&events(), &ROWS).await;
    let (mut open, held, table) = open_events(&world).await;
    let all = all_keys(open.as_mut(), &table).await;
    let images = batches(open.as_mut(), &table, all).await;
    let image = images.expect("rows can be read").remove(0);
    let told: Vec<Key> = (0..image.num_rows())
        .map(|n| Key::new(["00ff".to_owned(), n.to_string()]))
        .collect();
    let entry = |part, operation, after, before| LedgerEntry {
        run: held.run.clone(),
        table: table.name.clone(),
        part,
        operation,
        keys: told.clone(),
        after,
        before,
    };
    let hashes: Vec<[u8; 16]> = vec![[7; 16]; told.len()];
    let entries = [
        entry(0, LedgerOperation::Inserted, hashes, None),
        entry(1, LedgerOperation::Deleted, Vec::new(), Some(image)),
    ];
    open.write_ledger(&entries).await.expect("entries");
    commit(open, &held).await;
    let other = (world.reopen)().await;
    let read = other.ledger(&held.run, std::slice::from_ref(&table)).await;
    assert_eq!(read.expect("the ledger"), entries);
}
