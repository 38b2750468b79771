//! Rows that nothing identifies, told by the number SQLite gives them: each once, equal ones too, and
//! found again by that number alone.

use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use futures::TryStreamExt;
use redistrict_model::{Key, Table};
use redistrict_sqlite::SqliteSource;
use redistrict_store::{
    KeyRequest, RowRequest, Selector, SourceCut, SourceStore, StoreErrorKind, TargetStore,
};

use crate::group::{Group, source, store};
use crate::harness::{Plain, empty};

fn file(folder: &Path, sql: &str) -> SqliteSource {
    let path = folder.join("prod.db");
    empty(&path, "wal");
    Plain(path.clone()).connection().execute_batch(sql).unwrap();
    source(&path)
}

async fn table(source: &SqliteSource, name: &str) -> Table {
    let catalog = source.catalog().await.unwrap();
    let mut tables = catalog.tables.into_iter();
    tables.find(|table| table.name.table == name).unwrap()
}

fn request(table: &Table, columns: &[&str], selector: Selector) -> KeyRequest {
    KeyRequest {
        table: table.name.clone(),
        columns: columns.iter().map(|one| (*one).to_owned()).collect(),
        selector,
    }
}

async fn rows(cut: &mut dyn SourceCut, table: &Table, keys: Vec<Key>) -> Vec<RecordBatch> {
    let request = RowRequest {
        table: table.name.clone(),
        columns: table.columns.iter().map(|one| one.name.clone()).collect(),
        identity: Vec::new(),
        keys,
    };
    cut.rows(&request)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap()
}

const EVENTS: &str = "
    create table users (id integer primary key);
    create table events (user integer references users (id), kind text);
    insert into events values (1, 'open'), (1, 'open'), (2, 'open'), (null, 'open'), (1, null), (1, 'open');
    delete from events where rowid = 2;
    create index by_kind on events (kind, user)";

#[tokio::test]
async fn equal_rows_are_told_apart_by_their_number_and_found_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let source = file(folder.path(), EVENTS);
    let events = table(&source, "events").await;
    assert_eq!(events.identity(), None);
    let mut cut = source
        .open_cut(std::slice::from_ref(&events))
        .await
        .unwrap();
    let of_user = Selector::Matching {
        columns: vec!["user".into()],
        keys: vec![Key::of("1"), Key::of("9")],
    };
    let mut found = cut
        .keys(&request(&events, &["kind"], of_user))
        .await
        .unwrap();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    let ids: Vec<&str> = found.iter().map(|row| &*row.id.parts()[0]).collect();
    assert_eq!(ids, ["1", "5", "6"]);
    assert_eq!(found[1].values, [None]);
    let ids: Vec<Key> = found.into_iter().map(|row| row.id).collect();

    let asked: Vec<Key> = ids
        .iter()
        .rev()
        .cloned()
        .chain([Key::of("2"), Key::of("x")])
        .collect();
    let batches = rows(cut.as_mut(), &events, asked).await;
    let [batch] = batches.as_slice() else {
        panic!("{} batches", batches.len());
    };
    let kinds = batch.column(1).as_string::<i32>();
    let kinds: Vec<Option<&str>> = kinds.iter().collect();
    assert_eq!(kinds, [Some("open"), None, Some("open")]);

    assert_eq!(cut.count(&events.name).await.unwrap(), 5);
    let all = cut
        .keys(&request(&events, &[], Selector::All))
        .await
        .unwrap();
    assert_eq!(all.len(), 5);
    let sample = Selector::Sample { limit: 2 };
    let first = cut
        .keys(&request(&events, &["kind"], sample.clone()))
        .await
        .unwrap();
    let again = cut
        .keys(&request(&events, &["kind"], sample))
        .await
        .unwrap();
    assert_eq!((first.len(), &first), (2, &again));
}

#[tokio::test]
async fn many_rows_come_in_the_order_of_their_locators() {
    let folder = tempfile::tempdir().unwrap();
    let source = file(
        folder.path(),
        "create table t (v integer);
         insert into t with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
           select i from n",
    );
    let table = table(&source, "t").await;
    let mut cut = source.open_cut(std::slice::from_ref(&table)).await.unwrap();
    let found = cut
        .keys(&request(&table, &["v"], Selector::All))
        .await
        .unwrap();
    let mut ids: Vec<Key> = found.iter().map(|row| row.id.clone()).collect();
    ids.sort();
    let batches = rows(cut.as_mut(), &table, ids.clone()).await;
    assert!(batches.iter().all(|batch| batch.num_rows() <= 8_192));
    let values: Vec<Key> = batches
        .iter()
        .flat_map(|batch| {
            let values = batch
                .column(0)
                .as_primitive::<arrow::datatypes::Int64Type>();
            values
                .values()
                .iter()
                .map(|v| Key::of(v.to_string()))
                .collect::<Vec<_>>()
        })
        .collect();
    // In this table a row's number is its value.
    assert_eq!(values, ids);
}

#[tokio::test]
async fn columns_may_have_taken_the_names_of_the_row_number_but_not_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let source = file(
        folder.path(),
        "create table some (RowId text, oid text);
         insert into some values ('same', 'same'), ('same', 'same');
         create table every (rowid text, \"_RowID_\" text, oid text);
         insert into every values ('a', 'b', 'c');
         create table keyed (rowid text primary key, _rowid_ text, oid text);
         create table without (rowid text, _rowid_ text, oid text, primary key (oid)) without rowid",
    );
    let some = table(&source, "some").await;
    let mut cut = source.open_cut(std::slice::from_ref(&some)).await.unwrap();
    let found = cut
        .keys(&request(&some, &["RowId"], Selector::All))
        .await
        .unwrap();
    let ids: Vec<Key> = found.iter().map(|row| row.id.clone()).collect();
    assert_eq!(ids, [Key::of("1"), Key::of("2")]);
    assert!(found.iter().all(|row| row.values == [Some("same".into())]));
    let batches = rows(cut.as_mut(), &some, ids).await;
    assert_eq!(
        (batches[0].num_rows(), batches[0].column(0).null_count()),
        (2, 0)
    );

    let every = table(&source, "every").await;
    let mut cut = source.open_cut(std::slice::from_ref(&every)).await.unwrap();
    let error = cut
        .keys(&request(&every, &[], Selector::All))
        .await
        .unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Config, "{error}");
    let found = source.probe().await.unwrap().findings;
    let refused: Vec<(&str, &str)> = found
        .iter()
        .filter(|finding| finding.severity == redistrict_model::Severity::Error)
        .map(|finding| (finding.code.as_str(), finding.subject.as_str()))
        .collect();
    let subject = every.name.to_string();
    assert_eq!(refused, [("hidden-row-number", subject.as_str())]);
}

#[tokio::test]
async fn a_row_with_a_key_is_never_asked_for_by_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let source = file(
        folder.path(),
        "create table t (id text primary key not null)",
    );
    let keyed = table(&source, "t").await;
    let mut cut = source.open_cut(std::slice::from_ref(&keyed)).await.unwrap();
    let request = RowRequest {
        table: keyed.name.clone(),
        columns: vec!["id".into()],
        identity: Vec::new(),
        keys: vec![Key::of("1")],
    };
    let error = cut.rows(&request).await.err().unwrap();
    assert_eq!(error.kind, StoreErrorKind::Bug);
}

#[tokio::test]
async fn a_view_of_the_target_tells_rows_the_same_way() {
    let group = Group::of(1, EVENTS).await;
    let catalog = group.target.catalog(&store(0)).await.unwrap();
    let name = |table: &&Table| table.name.table == "events";
    let events = catalog.tables.iter().find(name).unwrap().clone();
    let mut view = group
        .target
        .read(std::slice::from_ref(&events))
        .await
        .unwrap();
    let found = view
        .keys(&request(&events, &[], Selector::All))
        .await
        .unwrap();
    let keys: Vec<Key> = found.into_iter().map(|row| row.id).collect();
    assert_eq!(keys.len(), 5);
    let request = RowRequest {
        table: events.name.clone(),
        columns: vec!["kind".into()],
        identity: Vec::new(),
        keys,
    };
    let stream = view.rows(&request).await.unwrap();
    let batches: Vec<RecordBatch> = stream.try_collect().await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 5);
}
