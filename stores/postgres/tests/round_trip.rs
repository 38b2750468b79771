//! Every type that moves, PROD to CERT, with the server's own text of both sides as the oracle.

use redistrict_store::{KeyRequest, Selector, SourceStore as _, StoreErrorKind};
use redistrict_testkit::types;

use crate::support::{World, all_keys, read_all};

/// One table with a column `v0`, `v1`, … per type, and what the types need.
pub(crate) fn ddl() -> String {
    let columns: Vec<String> = types::all()
        .enumerate()
        .map(|(place, one)| format!("v{place} {}", one.name))
        .collect();
    format!(
        "{} create table v (id int8 primary key, {})",
        types::DEFINITIONS,
        columns.join(", ")
    )
}

/// Each edge value in a row of its own, 200 random values of every type, a row of NULLs.
pub(crate) fn fill() -> String {
    let random: Vec<String> = types::all()
        .map(|one| format!("({})::{}", one.random, one.name))
        .collect();
    let mut sql = format!(
        "insert into v select g, {} from generate_series(1, 200) as g;
         insert into v (id) values (0);",
        random.join(", ")
    );
    for (place, one) in types::all().enumerate() {
        for (at, edge) in one.edges.iter().enumerate() {
            let id = 10_000 + place * 100 + at;
            let row = format!(
                "insert into v (id, v{place}) values ({id}, ({edge})::{});",
                one.name
            );
            sql.push_str(&row);
        }
    }
    sql
}

#[tokio::test]
async fn every_value_of_every_type_arrives_as_the_server_prints_it() {
    let world = World::new().await;
    world.both(&ddl()).await;
    world.server.psql(&world.prod, &fill()).await;
    let catalog = world.catalog().await;
    let table = catalog.table(&world.table("v")).unwrap().clone();
    for (place, one) in types::all().enumerate() {
        let column = table.column(&format!("v{place}")).unwrap();
        let found = (column.column_type, column.element);
        assert_eq!(found, (one.column_type, one.element), "{}", one.name);
    }
    world
        .move_all("mig-1", std::slice::from_ref(&table))
        .await
        .unwrap();
    let (sent, arrived) = (
        world.dump(&world.prod, "v").await,
        world.dump(&world.cert, "v").await,
    );
    assert!(sent.len() > 450, "{}", sent.len());
    let wrong = sent
        .iter()
        .zip(&arrived)
        .find(|(sent, arrived)| sent != arrived);
    assert_eq!(wrong, None);
    assert_eq!(sent.len(), arrived.len());
}

/// What people set for their databases, and what changes the texts of values.
const HOSTILE_SETTINGS: &str = "do $$
    declare
      settings text[] := array[
        'DateStyle', 'German, DMY', 'IntervalStyle', 'sql_standard', 'TimeZone', 'Asia/Kolkata',
        'extra_float_digits', '-15', 'bytea_output', 'escape', 'xmloption', 'document',
        'array_nulls', 'off', 'quote_all_identifiers', 'on', 'transform_null_equals', 'on',
        'search_path', 'public, pg_catalog', 'xmlbinary', 'hex', 'client_encoding', 'LATIN1',
        'timezone_abbreviations', 'India', 'standard_conforming_strings', 'off'
      ];
    begin
      for place in 1 .. cardinality(settings) by 2 loop
        execute format('alter database %I set %I = %L', current_database(), settings[place],
          settings[place + 1]);
      end loop;
    end $$";

const RESET: &str = "do $$ begin
    execute format('alter database %I reset all', current_database()); end $$";

#[tokio::test]
async fn settings_of_the_databases_change_no_value() {
    let world = World::new().await;
    world.both(&ddl()).await;
    world.server.psql(&world.prod, &fill()).await;
    let before = world.catalog().await;
    world.both(HOSTILE_SETTINGS).await;
    let catalog = world.catalog().await;
    let table = catalog.table(&world.table("v")).unwrap();
    let table_before = before.table(&table.name).unwrap();
    assert_eq!(table.columns, table_before.columns);
    assert_eq!(table.checks, table_before.checks);
    let moving = world.move_all("mig-1", std::slice::from_ref(table));
    moving.await.unwrap();
    world.both(RESET).await;
    let (sent, arrived) = (
        world.dump(&world.prod, "v").await,
        world.dump(&world.cert, "v").await,
    );
    let pairs = || sent.iter().zip(&arrived);
    assert_eq!(pairs().find(|(sent, arrived)| sent != arrived), None);
    assert_eq!(sent.len(), arrived.len());
}

#[tokio::test]
async fn canonical_keys_of_every_type_find_their_row_again() {
    let world = World::new().await;
    world.both(&ddl()).await;
    world.server.psql(&world.prod, &fill()).await;
    let catalog = world.catalog().await;
    let table = catalog.table(&world.table("v")).unwrap();
    let mut cut = world.source.open_cut(&catalog.tables).await.unwrap();
    for column in table.columns.iter().filter(|column| column.name != "id") {
        let all = KeyRequest {
            table: table.name.clone(),
            columns: vec![column.name.clone()],
            selector: Selector::All,
        };
        let rows = cut.keys(&all).await.unwrap();
        let mut expected: Vec<_> = rows.iter().filter(|row| row.values[0].is_some()).collect();
        let mut keys: Vec<redistrict_model::Key> = expected
            .iter()
            .map(|row| redistrict_model::Key::of(row.values[0].clone().unwrap()))
            .collect();
        keys.sort();
        keys.dedup();
        let columns = vec![column.name.clone()];
        let selector = Selector::Matching {
            columns: columns.clone(),
            keys,
        };
        let matching = KeyRequest {
            table: table.name.clone(),
            columns,
            selector,
        };
        let mut found = cut.keys(&matching).await.unwrap();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        expected.sort_by(|a, b| a.id.cmp(&b.id));
        let found: Vec<_> = found.iter().collect();
        assert_eq!(found, expected, "{}", column.source_type);
    }
}

#[tokio::test]
async fn keys_that_cannot_be_values_match_nothing_and_end_no_cut() {
    let world = World::new().await;
    world.both(&ddl()).await;
    world
        .server
        .psql(&world.prod, "insert into v (id) values (1)")
        .await;
    let catalog = world.catalog().await;
    let table = catalog.table(&world.table("v")).unwrap();
    let mut cut = world.source.open_cut(&catalog.tables).await.unwrap();
    let odd = [
        "",
        "x",
        "2023-02-30",
        "99999999999999999999",
        "1e999",
        "24:00:01",
        "\u{0}",
        "'",
        "{}",
    ];
    for column in &table.columns {
        let keys = odd
            .iter()
            .map(|text| redistrict_model::Key::of(*text))
            .collect();
        let request = KeyRequest {
            table: table.name.clone(),
            columns: vec![column.name.clone()],
            selector: Selector::Matching {
                columns: vec![column.name.clone()],
                keys,
            },
        };
        let found = cut.keys(&request).await;
        let found = found.unwrap_or_else(|error| panic!("{}: {error}", column.source_type));
        assert_eq!(found, [], "{}", column.source_type);
    }
    assert_eq!(cut.count(&table.name).await.unwrap(), 1);
}

#[tokio::test]
async fn a_time_that_microseconds_cannot_hold_is_an_error_that_names_the_column() {
    let world = World::new().await;
    world
        .both("create table t (id int8 primary key, at timestamp)")
        .await;
    world
        .server
        .psql(
            &world.prod,
            "insert into t values (1, '294276-12-31 23:59:59')",
        )
        .await;
    let catalog = world.catalog().await;
    let mut cut = world.source.open_cut(&catalog.tables).await.unwrap();
    let error = read_all(cut.as_mut(), &catalog.tables[0])
        .await
        .unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Data);
    assert!(error.to_string().contains("ids.public.t.at"), "{error}");
    assert!(!error.to_string().contains("294276"), "{error}");
}

#[tokio::test]
async fn composite_keys_with_quotes_and_many_rows_come_in_order_and_whole() {
    let world = World::new().await;
    let sql = "create table t (a varchar(9), b int4, d date, v text, primary key (a, b, d))";
    world.both(sql).await;
    let sql = "insert into t select chr(34 + g % 60) || '\\', g, date '2000-01-01' + g, 'v' || g
               from generate_series(1, 45000) as g";
    world.server.psql(&world.prod, sql).await;
    let catalog = world.catalog().await;
    let table = &catalog.tables[0];
    let mut cut = world.source.open_cut(&catalog.tables).await.unwrap();
    let keys = all_keys(cut.as_mut(), table).await.unwrap();
    assert_eq!(keys.len(), 45_000);
    let first = read_all(cut.as_mut(), table).await.unwrap();
    assert!(first.iter().all(|batch| batch.num_rows() <= 8192));
    assert_eq!(first, read_all(cut.as_mut(), table).await.unwrap());
    drop(cut);
    world.move_all("mig-1", &catalog.tables).await.unwrap();
    assert_eq!(
        world.dump(&world.prod, "t").await,
        world.dump(&world.cert, "t").await
    );
}

#[tokio::test]
async fn what_the_target_would_round_or_cut_is_refused() {
    for (prod, cert, value) in [
        ("numeric", "numeric(5,1)", "1.25"),
        ("timestamp", "timestamp(0)", "'2024-01-01 00:00:00.5'"),
        ("varchar", "varchar(3)", "'abcd'"),
        ("text", "char(3)", "'abcd'"),
        ("text", "name", "repeat('x', 70)"),
    ] {
        let world = World::new().await;
        let make = |column: &str| format!("create table t (id int4 primary key, v {column})");
        world.server.psql(&world.prod, &make(prod)).await;
        world.server.psql(&world.cert, &make(cert)).await;
        world
            .server
            .psql(&world.prod, &format!("insert into t values (1, {value})"))
            .await;
        let tables = world.catalog().await.tables;
        let target = redistrict_store::TargetStore::catalog(&world.target, &world.store).await;
        let target = target.unwrap().tables;
        let lease = world.lease("mig-1").await;
        let mut cut = world.source.open_cut(&tables).await.unwrap();
        let batches = read_all(cut.as_mut(), &tables[0]).await.unwrap();
        world.stage(&lease, &target[0], batches).await.unwrap();
        let merge =
            redistrict_store::TargetStore::begin_merge(&world.target, &lease, &target).await;
        let error = merge.unwrap().apply(&[world.table("t")]).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Data, "{cert}: {error:?}");
        assert!(!format!("{error:?}").contains("abcd"), "{error:?}");
    }
}
