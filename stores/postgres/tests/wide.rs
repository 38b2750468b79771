//! Tables whose rows are too wide for a staging table of the ordinary kind: they are packed there, and every
//! value arrives all the same, with the server's own text of both sides as the oracle.

use redistrict_model::{Key, Table};
use redistrict_store::{
    Action, KeyRequest, Lease, Selector, SourceStore as _, StoreErrorKind, TargetStore as _,
};

use crate::round_trip::{ddl, fill};
use crate::support::{World, all_keys, commit, read_all};

/// So many columns that a row of staging could be longer than a page.
const WIDE: usize = 320;

async fn table(world: &World, name: &str) -> Table {
    let catalog = world.catalog().await;
    catalog.table(&world.table(name)).unwrap().clone()
}

/// Whether the only staging table that is there is packed.
async fn is_packed(world: &World) -> bool {
    let sql = "select count(*) > 0 from pg_attribute
               where attrelid = 'redistrict_stage.s_1'::regclass and attname like 'p\\_%'";
    world.server.scalar(&world.cert, sql).await == "t"
}

async fn staged(world: &World, table: &Table) -> Lease {
    let lease = world.lease("mig-1").await;
    world.stage_all(&lease, std::slice::from_ref(table)).await;
    assert!(is_packed(world).await);
    lease
}

/// Columns `f0`, `f1`, … of a type.
fn columns(count: usize, of_type: &str) -> String {
    let columns: Vec<String> = (0..count).map(|n| format!("f{n} {of_type}")).collect();
    columns.join(", ")
}

/// The rows of PROD and CERT, as the server prints them; the wrong ones are not told whole.
async fn assert_same(world: &World, name: &str, expected: usize) {
    let (sent, arrived) = (
        world.dump(&world.prod, name).await,
        world.dump(&world.cert, name).await,
    );
    assert!(sent.len() >= expected, "{}", sent.len());
    assert!(sent == arrived, "{} and {}", sent.len(), arrived.len());
}

#[tokio::test]
async fn every_value_of_every_type_is_inserted_from_packed_rows() {
    let world = World::new().await;
    let widen = format!(
        "{}; alter table v add {}",
        ddl(),
        columns(WIDE, "time").replace(", ", ", add ")
    );
    world.both(&widen).await;
    world.server.psql(&world.prod, &fill()).await;
    let table = table(&world, "v").await;
    let lease = staged(&world, &table).await;
    let tables = std::slice::from_ref(&table);
    let mut merge = world.target.begin_merge(&lease, tables).await.unwrap();
    merge
        .apply(std::slice::from_ref(&table.name))
        .await
        .unwrap();
    commit(merge, &lease).await.unwrap();
    assert_same(&world, "v", 450).await;
}

#[tokio::test]
async fn every_value_of_every_type_is_updated_from_packed_rows() {
    let world = World::new().await;
    let widen = format!(
        "{}; alter table v add {}",
        ddl(),
        columns(WIDE, "time").replace(", ", ", add ")
    );
    world.both(&widen).await;
    world.server.psql(&world.prod, &fill()).await;
    let table = table(&world, "v").await;
    let mut cut = world
        .source
        .open_cut(std::slice::from_ref(&table))
        .await
        .unwrap();
    let keys = all_keys(cut.as_mut(), &table).await.unwrap();
    for chunk in keys.chunks(500) {
        let ids: Vec<String> = chunk
            .iter()
            .map(|key| format!("({})", &*key.parts()[0]))
            .collect();
        let sql = format!("insert into v (id) values {}", ids.join(", "));
        world.server.psql(&world.cert, &sql).await;
    }
    let lease = staged(&world, &table).await;
    let tables = std::slice::from_ref(&table);
    let mut merge = world.target.begin_merge(&lease, tables).await.unwrap();
    let locked = merge.lock_staged(&table.name).await.unwrap();
    assert_eq!(locked.len(), keys.len());
    merge
        .mark(&table.name, &locked, Action::Update)
        .await
        .unwrap();
    let applied = merge
        .apply(std::slice::from_ref(&table.name))
        .await
        .unwrap();
    assert_eq!(
        (applied[0].inserted, applied[0].updated),
        (0, keys.len() as u64)
    );
    commit(merge, &lease).await.unwrap();
    assert_same(&world, "v", 450).await;
}

#[tokio::test]
async fn rows_that_fill_a_page_in_prod_fit_into_staging() {
    for (count, of_type, value) in [
        (480, "uuid", "gen_random_uuid()"),
        (900, "time", "time '12:34:56.789'"),
        (700, "numeric(12,2)", "1234567.25"),
        (1_000, "int8", "9223372036854775807"),
        (1_596, "bool", "true"),
        (1_599, "bool", "true"),
        (1_599, "text", "null"),
        (400, "text", "repeat('y', 200)"),
        (
            400,
            "bytea",
            "'\\x00ff'::bytea || decode(repeat('ab', 15), 'hex')",
        ),
    ] {
        let world = World::new().await;
        let ddl = format!(
            "create table t (id int4 primary key, {})",
            columns(count, of_type)
        );
        world.both(&ddl).await;
        let values = vec![value; count].join(", ");
        let fill = format!(
            "insert into t values (1, {values}), (2, {values}); insert into t (id) values (3)"
        );
        world.server.psql(&world.prod, &fill).await;
        let table = table(&world, "t").await;
        let tables = std::slice::from_ref(&table);
        let moved = world.move_all("mig-1", tables).await;
        moved.unwrap_or_else(|error| panic!("{count} {of_type}: {error:?}"));
        assert_same(&world, "t", 3).await;
    }
}

#[tokio::test]
async fn the_widest_rows_that_are_not_packed_fit_whatever_their_values_are() {
    let world = World::new().await;
    let ddl = format!(
        "create table t (id int4 primary key, {})",
        columns(286, "text")
    );
    world.both(&ddl).await;
    // Whatever the server does with a value: short, stored beside the page, compressed, both.
    for value in [
        "left(md5(random()::text) || md5(random()::text), g)",
        "repeat('y', g * 40)",
        "repeat(md5(random()::text), g)",
    ] {
        let values = vec![value; 286].join(", ");
        let from = format!("(select coalesce(max(id), 0) from t) + g, {values}");
        let fill = format!("insert into t select {from} from generate_series(1, 60) as g");
        world.server.psql(&world.prod, &fill).await;
    }
    let table = table(&world, "t").await;
    let lease = world.lease("mig-1").await;
    world.stage_all(&lease, std::slice::from_ref(&table)).await;
    assert!(!is_packed(&world).await);
    world.target.clear_staging(&lease).await.unwrap();
    world
        .move_all("mig-1", std::slice::from_ref(&table))
        .await
        .unwrap();
    assert_same(&world, "t", 180).await;
}

#[tokio::test]
async fn rows_of_1600_columns_without_a_key_are_inserted_and_left_by_their_places() {
    let world = World::new().await;
    let ddl = format!("create table t ({})", columns(1_600, "int2"));
    world.both(&ddl).await;
    let fill = "insert into t (f0, f1599) select g % 3, g from generate_series(1, 9) as g";
    world.server.psql(&world.prod, fill).await;
    let table = table(&world, "t").await;
    let lease = staged(&world, &table).await;
    let tables = std::slice::from_ref(&table);
    let mut merge = world.target.begin_merge(&lease, tables).await.unwrap();
    let left = redistrict_store::staged_key(0, 0);
    merge
        .mark(&table.name, &[left], Action::Leave)
        .await
        .unwrap();
    let applied = merge
        .apply(std::slice::from_ref(&table.name))
        .await
        .unwrap();
    assert_eq!(applied[0].inserted, 8);
    commit(merge, &lease).await.unwrap();
    let wrong = "select count(*) from t where f1599 is null or f0 <> f1599 % 3";
    assert_eq!(world.server.scalar(&world.cert, wrong).await, "0");
}

#[tokio::test]
async fn packed_values_that_the_target_would_round_are_refused() {
    for (prod, cert, value) in [
        ("numeric", "numeric(5,1)", "1.25"),
        ("timestamp", "timestamp(0)", "'2024-01-01 00:00:00.5'"),
        ("numeric[]", "numeric(5,1)[]", "array[1.25]"),
        ("text", "char(3)", "'abcd'"),
    ] {
        let world = World::new().await;
        let rest = columns(WIDE, "time");
        for (url, of_type) in [(&world.prod, prod), (&world.cert, cert)] {
            let ddl = format!("create table t (id int4 primary key, v {of_type}, {rest})");
            world.server.psql(url, &ddl).await;
        }
        let fill = format!("insert into t values (1, {value})");
        world.server.psql(&world.prod, &fill).await;
        let source = table(&world, "t").await;
        let target = world.target.catalog(&world.store).await.unwrap().tables;
        let lease = world.lease("mig-1").await;
        let mut cut = world
            .source
            .open_cut(std::slice::from_ref(&source))
            .await
            .unwrap();
        let batches = read_all(cut.as_mut(), &source).await.unwrap();
        world.stage(&lease, &target[0], batches).await.unwrap();
        assert!(is_packed(&world).await);
        let mut merge = world.target.begin_merge(&lease, &target).await.unwrap();
        let error = merge.apply(&[world.table("t")]).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Data, "{cert}: {error:?}");
    }
}

#[tokio::test]
async fn every_column_of_the_widest_table_is_read_as_key_text() {
    let world = World::new().await;
    let key: Vec<String> = (0..32).map(|n| format!("f{n}")).collect();
    let ddl = format!(
        "create table t ({}, primary key ({}))",
        columns(1_600, "int2"),
        key.join(", ")
    );
    world.both(&ddl).await;
    let fill = format!(
        "insert into t ({}) values ({})",
        key.join(", "),
        ["7"; 32].join(", ")
    );
    world.server.psql(&world.prod, &fill).await;
    let table = table(&world, "t").await;
    let tables = std::slice::from_ref(&table);
    let mut cut = world.source.open_cut(tables).await.unwrap();
    for selector in [
        Selector::All,
        Selector::Sample { limit: 5 },
        Selector::Matching {
            columns: key.clone(),
            keys: vec![Key::new(["7"; 32])],
        },
    ] {
        let request = KeyRequest {
            table: table.name.clone(),
            columns: table.columns.iter().map(|one| one.name.clone()).collect(),
            selector,
        };
        let found = cut.keys(&request).await.unwrap();
        assert_eq!((found.len(), found[0].values.len()), (1, 1_600));
    }
    drop(cut);
    world.move_all("mig-1", tables).await.unwrap();
    assert_same(&world, "t", 1).await;
}
