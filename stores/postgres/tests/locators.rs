//! Rows of keyless tables, told by locators: in plain, inherited and partitioned tables, whoever may read
//! the partitions. The server is the oracle.

use futures::TryStreamExt as _;
use redistrict_model::{Key, KeyRow, Table};
use redistrict_postgres::PostgresSource;
use redistrict_store::{
    KeyRequest, RowRequest, Selector, SourceCut, SourceStore, StoreError, StoreErrorKind,
    TargetStore as _,
};

use arrow::array::{Array as _, AsArray as _};

use crate::support::{RecordBatch, World};

async fn table(source: &PostgresSource, name: &str) -> Table {
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

fn matching(column: &str, keys: &[&str]) -> Selector {
    Selector::Matching {
        columns: vec![column.to_owned()],
        keys: keys.iter().map(|key| Key::of(*key)).collect(),
    }
}

fn row_request(table: &Table, keys: Vec<Key>) -> RowRequest {
    RowRequest {
        table: table.name.clone(),
        columns: table.columns.iter().map(|one| one.name.clone()).collect(),
        identity: Vec::new(),
        keys,
    }
}

async fn rows(
    cut: &mut dyn SourceCut,
    table: &Table,
    keys: Vec<Key>,
) -> Result<Vec<RecordBatch>, StoreError> {
    let request = row_request(table, keys);
    cut.rows(&request).await?.try_collect().await
}

fn sorted_ids(rows: &[KeyRow]) -> Vec<Key> {
    let mut ids: Vec<Key> = rows.iter().map(|row| row.id.clone()).collect();
    ids.sort();
    ids
}

/// The texts of a column over all batches.
fn texts(batches: &[RecordBatch], column: usize) -> Vec<Option<String>> {
    let all = batches.iter().flat_map(|batch| {
        let values = batch.column(column).as_string::<i32>();
        values
            .iter()
            .map(|text| text.map(str::to_owned))
            .collect::<Vec<_>>()
    });
    all.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_rows_each_have_a_locator_and_come_by_it() {
    let world = World::new().await;
    world
        .server
        .psql(
            &world.prod,
            "create table users (id int primary key);
             insert into users values (1), (2);
             create table events (user_id int references users, kind text);
             insert into events values (1, 'a'), (1, 'a'), (2, 'a'), (null, 'a'), (1, null), (1, 'a');
             delete from events where ctid = '(0,2)'",
        )
        .await;
    let events = table(&world.source, "events").await;
    assert_eq!(events.identity(), None);
    let mut cut = world
        .source
        .open_cut(std::slice::from_ref(&events))
        .await
        .unwrap();
    let found = cut
        .keys(&request(
            &events,
            &["kind"],
            matching("user_id", &["1", "7"]),
        ))
        .await;
    let found = found.unwrap();
    let ids = sorted_ids(&found);
    assert_eq!(ids.len(), 3);
    assert_eq!(found.iter().filter(|row| row.values == [None]).count(), 1);

    // The row that was deleted had a place, and a place beyond the table's end is none.
    let gone = ids[0].parts()[0].replace("(0,1)", "(0,2)");
    let beyond = ids[0].parts()[0].replace("(0,1)", "(4294967294,7)");
    let mut asked: Vec<Key> = ids.iter().rev().cloned().collect();
    asked.extend([Key::of(gone), Key::of(beyond)]);
    let batches = rows(cut.as_mut(), &events, asked).await.unwrap();
    let kinds = texts(&batches, 1);
    assert_eq!(kinds, [Some("a".to_owned()), None, Some("a".to_owned())]);

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

    let error = rows(
        cut.as_mut(),
        &events,
        vec![Key::of("1); drop table events")],
    )
    .await;
    assert_eq!(error.unwrap_err().kind, StoreErrorKind::Bug);
    let users = table(&world.source, "users").await;
    let mut cut = world
        .source
        .open_cut(std::slice::from_ref(&users))
        .await
        .unwrap();
    let error = rows(cut.as_mut(), &users, vec![ids[0].clone()]).await;
    assert_eq!(error.unwrap_err().kind, StoreErrorKind::Bug);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locator_means_the_same_row_however_many_are_written_beside_the_cut() {
    let world = World::new().await;
    let sql = "create table t (v text); insert into t select 'old' from generate_series(1, 5)";
    world.server.psql(&world.prod, sql).await;
    let t = table(&world.source, "t").await;
    let mut cut = world
        .source
        .open_cut(std::slice::from_ref(&t))
        .await
        .unwrap();
    let ids = sorted_ids(&cut.keys(&request(&t, &[], Selector::All)).await.unwrap());
    let sql = "update t set v = 'new'; insert into t select 'more' from generate_series(1, 9)";
    world.server.psql(&world.prod, sql).await;
    let batches = rows(cut.as_mut(), &t, ids).await.unwrap();
    assert_eq!(texts(&batches, 0), vec![Some("old".to_owned()); 5]);
}

/// Partitions in ranges, one partitioned again, one in another schema, columns in another order.
const PARTITIONED: &str = "
    create schema elsewhere;
    create table log (day int not null, who int, line text) partition by range (day);
    create table log_1 partition of log for values from (0) to (10);
    create table log_2 (line text, dropped int, day int not null, who int);
    alter table log_2 drop column dropped;
    alter table log attach partition log_2 for values from (10) to (20);
    create table \"elsewhere\".\"Odd \"\"name\" partition of log for values from (20) to (30)
      partition by list (who);
    create table elsewhere.leaf partition of elsewhere.\"Odd \"\"name\" for values in (1, 2);
    create table log_rest partition of log default;
    insert into log
      select day, who, day || '-' || who || '-' || copy
      from generate_series(0, 39) as day, generate_series(1, 2) as who, generate_series(1, 3) as copy;
    insert into log values (0, 1, 'same'), (0, 1, 'same'), (10, 1, 'same'), (99, null, 'nobody');";

/// Reads all rows of a `who` and compares them with what the server says.
async fn read_partitioned(world: &World, source: &PostgresSource) {
    let log = table(source, "log").await;
    assert_eq!(log.identity(), None);
    let mut cut = source.open_cut(std::slice::from_ref(&log)).await.unwrap();
    let found = cut
        .keys(&request(&log, &["line"], matching("who", &["1"])))
        .await
        .unwrap();
    assert_eq!(found.len(), 123);
    let mut by_id: Vec<&KeyRow> = found.iter().collect();
    by_id.sort_by(|a, b| a.id.cmp(&b.id));
    let expected: Vec<Option<String>> = by_id
        .iter()
        .map(|row| row.values[0].as_deref().map(str::to_owned))
        .collect();
    let batches = rows(cut.as_mut(), &log, sorted_ids(&found)).await.unwrap();
    assert_eq!(texts(&batches, 2), expected, "in the order of the locators");
    let mut lines: Vec<String> = texts(&batches, 2).into_iter().flatten().collect();
    lines.sort();
    let sql = "select line from log where who = 1 order by line collate \"C\"";
    let oracle = world.server.query(&world.prod, sql).await;
    let oracle: Vec<String> = oracle.into_iter().flatten().flatten().collect();
    assert_eq!(lines, oracle);
    for batch in &batches {
        let days = batch
            .column(0)
            .as_primitive::<arrow::datatypes::Int32Type>();
        for row in 0..batch.num_rows() {
            let line = batch.column(2).as_string::<i32>().value(row);
            let day = days.value(row).to_string();
            assert!(
                line == "same" || line.starts_with(&format!("{day}-")),
                "{line}"
            );
        }
    }
    assert_eq!(cut.count(&log.name).await.unwrap(), 244);
    let sample = Selector::Sample { limit: 7 };
    let sample = cut.keys(&request(&log, &["line"], sample)).await.unwrap();
    assert_eq!(sample.len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_partitions_are_told_apart_and_read_from_their_own() {
    let world = World::new().await;
    world.server.psql(&world.prod, PARTITIONED).await;
    let source = PostgresSource::connect_lazy(
        world.store.clone(),
        world.prod.clone(),
        vec!["public".to_owned()],
    );
    read_partitioned(&world, &source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_read_the_parent_only_reads_by_way_of_it() {
    let world = World::new().await;
    let reader = world
        .server
        .create_role(&world.prod, redistrict_testkit::postgres::RoleKind::Reader)
        .await;
    let (_, rest) = reader.split_once("//").unwrap();
    let (role, _) = rest.split_once(':').unwrap();
    let sql = format!(
        "{PARTITIONED} revoke pg_read_all_data from {role}; grant select on log, log_2 to {role}"
    );
    world.server.psql(&world.prod, &sql).await;
    let source =
        PostgresSource::connect_lazy(world.store.clone(), reader, vec!["public".to_owned()]);
    read_partitioned(&world, &source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inherited_table_gives_its_own_rows_only() {
    let world = World::new().await;
    world
        .server
        .psql(
            &world.prod,
            "create table up (v text); create table down () inherits (up);
             insert into up values ('up'), ('up'); insert into down values ('down')",
        )
        .await;
    let up = table(&world.source, "up").await;
    let mut cut = world
        .source
        .open_cut(std::slice::from_ref(&up))
        .await
        .unwrap();
    let found = cut.keys(&request(&up, &[], Selector::All)).await.unwrap();
    let batches = rows(cut.as_mut(), &up, sorted_ids(&found)).await.unwrap();
    assert_eq!(texts(&batches, 0), vec![Some("up".to_owned()); 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rows_come_in_the_order_of_their_locators_over_several_statements() {
    let world = World::new().await;
    let sql =
        "create table t (v text); insert into t select n::text from generate_series(1, 45000) as n";
    world.server.psql(&world.prod, sql).await;
    let t = table(&world.source, "t").await;
    let mut cut = world
        .source
        .open_cut(std::slice::from_ref(&t))
        .await
        .unwrap();
    let found = cut.keys(&request(&t, &["v"], Selector::All)).await.unwrap();
    let mut by_id: Vec<&KeyRow> = found.iter().collect();
    by_id.sort_by(|a, b| a.id.cmp(&b.id));
    let expected: Vec<Option<String>> = by_id
        .iter()
        .map(|row| row.values[0].as_deref().map(str::to_owned))
        .collect();
    let batches = rows(cut.as_mut(), &t, sorted_ids(&found)).await.unwrap();
    assert!(batches.iter().all(|batch| batch.num_rows() <= 8_192));
    assert_eq!(texts(&batches, 0), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_foreign_table_that_have_no_place_are_refused() {
    let world = World::new().await;
    world
        .server
        .psql(
            &world.prod,
            "create extension file_fdw;
             create server files foreign data wrapper file_fdw;
             create table log (day int, line text) partition by range (day);
             create foreign table log_old partition of log for values from (0) to (10) server files
               options (program 'echo 1,same; echo 1,same', format 'csv')",
        )
        .await;
    let url = world.prod.clone();
    let source = PostgresSource::connect_lazy(world.store.clone(), url, Vec::new());
    let log = table(&source, "log").await;
    let mut cut = source.open_cut(std::slice::from_ref(&log)).await.unwrap();
    let error = cut
        .keys(&request(&log, &[], Selector::All))
        .await
        .unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Config, "{error}");
    assert!(error.to_string().contains("log"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_of_the_target_tells_rows_the_same_way() {
    let world = World::new().await;
    let sql = "create table t (v text); insert into t values ('a'), ('a'), (null)";
    world.server.psql(&world.cert, sql).await;
    let catalog = world.target.catalog(&world.store).await.unwrap();
    let t = catalog.table(&world.table("t")).unwrap().clone();
    let mut view = world.target.read(std::slice::from_ref(&t)).await.unwrap();
    let found = view.keys(&request(&t, &[], Selector::All)).await.unwrap();
    let request = row_request(&t, sorted_ids(&found));
    let stream = view.rows(&request).await.unwrap();
    let batches: Vec<RecordBatch> = stream.try_collect().await.unwrap();
    let nulls: usize = batches
        .iter()
        .map(|batch| batch.column(0).null_count())
        .sum();
    assert_eq!((texts(&batches, 0).len(), nulls), (3, 1));
}
