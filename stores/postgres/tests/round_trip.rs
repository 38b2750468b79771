//! Every type that moves, PROD to CERT, with the server's own text of both sides as the oracle.

use redistrict_model::ColumnType;
use redistrict_store::{KeyRequest, Selector, SourceStore as _, StoreErrorKind};

use crate::support::{World, all_keys, read_all};

/// Type, edge values, and an expression that makes a random value.
const TYPES: [(&str, &[&str], &str); 31] = [
    ("bool", &["true", "false"], "random() < 0.5"),
    (
        "int2",
        &["-32768", "32767", "0"],
        "(random() * 65535 - 32768)::int2",
    ),
    (
        "int4",
        &["-2147483648", "2147483647"],
        "(random() * 4294967295 - 2147483648)::int4",
    ),
    (
        "int8",
        &["-9223372036854775808", "9223372036854775807"],
        "(random() * 1e18)::int8 - 500000000000000000",
    ),
    (
        "float4",
        &[
            "'NaN'",
            "'-Infinity'",
            "'Infinity'",
            "'-0'",
            "1e-45",
            "3.4028235e38",
        ],
        "(random() * 1e10 - 5e9)::float4",
    ),
    (
        "float8",
        &[
            "'NaN'",
            "'-Infinity'",
            "'-0'",
            "5e-324",
            "1.7976931348623157e308",
            "0.1",
        ],
        "random() * 1e-3",
    ),
    (
        "numeric",
        &[
            "'NaN'",
            "'Infinity'",
            "1.500",
            "-0.000",
            "1e-100",
            "1e100",
            "repeat('9', 1000)::numeric",
        ],
        "(random() * 1e15)::numeric * 1.000000000001",
    ),
    (
        "numeric(12,3)",
        &["999999999.999", "-0.001", "'NaN'"],
        "(random() * 1e6)::numeric(12,3)",
    ),
    (
        "text",
        &[
            "''",
            "' '",
            "E'\\t\\n\\r\\\\'",
            "'\u{1f600} \u{e9}e\u{301}'",
            "'\\N'",
            "repeat('x', 100000)",
        ],
        "md5(random()::text)",
    ),
    (
        "varchar(40)",
        &["''", "repeat('\u{e4}', 40)"],
        "left(md5(random()::text), 9)",
    ),
    ("name", &["'a\"b'"], "left(md5(random()::text), 9)"),
    (
        "char(7)",
        &["''", "'ab'", "'1234567'", "'  a'"],
        "left(md5(random()::text), 5)",
    ),
    (
        "bytea",
        &["''", "'\\x00ff'", "'\\x5c785c'"],
        "decode(md5(random()::text), 'hex')",
    ),
    (
        "date",
        &[
            "'infinity'",
            "'-infinity'",
            "'4713-01-01 BC'",
            "'5874897-12-31'",
            "'1970-01-01'",
        ],
        "date '1900-01-01' + (random() * 80000)::int4",
    ),
    (
        "timestamp",
        &[
            "'infinity'",
            "'-infinity'",
            "'4713-01-01 00:00:00 BC'",
            "'1999-12-31 23:59:59.999999'",
        ],
        "timestamp '1950-01-01' + random() * interval '100 years'",
    ),
    (
        "timestamp(3)",
        &["'2024-02-29 12:00:00.123'"],
        "timestamp '2000-01-01' + random() * interval '9 years'",
    ),
    (
        "timestamptz",
        &[
            "'infinity'",
            "'1969-12-31 23:59:59.999999+00'",
            "'2024-03-31 02:30:00 Europe/Berlin'",
        ],
        "timestamptz '1950-01-01' + random() * interval '100 years'",
    ),
    (
        "time",
        &["'00:00'", "'24:00:00'", "'23:59:59.999999'"],
        "(random() * interval '1 day')::time",
    ),
    (
        "timetz",
        &["'12:00:00.000001+05:30'", "'24:00:00-15:59'"],
        "(random() * interval '1 day')::time::timetz",
    ),
    (
        "interval",
        &[
            "'-1 year +2 days -03:04:05.678901'",
            "'178000000 years'",
            "'0'",
            "'-00:00:00.000001'",
        ],
        "random() * interval '10 years' - interval '3 days 1 month'",
    ),
    (
        "interval day to second",
        &["'1 day 02:03:04.5'"],
        "random() * interval '10 days'",
    ),
    (
        "uuid",
        &["'00000000-0000-0000-0000-000000000000'"],
        "gen_random_uuid()",
    ),
    (
        "json",
        &["'{\"a\":  1, \"a\": 2}'", "'null'", "'\"\\u0001\"'"],
        "('{\"x\" :' || random() || '}')::json",
    ),
    (
        "jsonb",
        &["'{\"b\": 1e400, \"a\": [1.50, null, \"\\\\\"]}'", "'[]'"],
        "jsonb_build_object('k', random())",
    ),
    (
        "inet",
        &["'10.0.0.1'", "'10.1.2.3/8'", "'::1/128'", "'fe80::1/10'"],
        "('10.0.0.' || (random() * 255)::int4)::inet",
    ),
    (
        "cidr",
        &["'10.0.0.0/8'", "'::/0'"],
        "('10.0.' || (random() * 255)::int4 || '.0/24')::cidr",
    ),
    ("macaddr", &["'08:00:2b:01:02:03'"], "'08:00:2b:01:02:03'"),
    (
        "mood",
        &["'so ''so'", "'\u{e4}\"'"],
        "(array['so ''so', '\u{e4}\"'])[1 + (random() * 1)::int4]::mood",
    ),
    (
        "short_name",
        &["'\u{e4}bcde'", "''"],
        "left(md5(random()::text), 5)",
    ),
    ("small_number", &["7", "-3"], "(random() * 100)::int4"),
    (
        "money_like",
        &["1.50", "999.99"],
        "(random() * 900)::numeric(5,2)",
    ),
];

const DEFINITIONS: &str = "create type mood as enum ('so ''so', '\u{e4}\"');
    create domain short_name as varchar(5);
    create domain small_number as int4 check (value > -10);
    create domain money_like as numeric(5,2);";

fn ddl() -> String {
    let columns: Vec<String> = TYPES
        .iter()
        .enumerate()
        .map(|(place, (name, ..))| format!("v{place} {name}"))
        .collect();
    format!(
        "{DEFINITIONS} create table v (id int8 primary key, {})",
        columns.join(", ")
    )
}

fn fill() -> String {
    let random: Vec<&str> = TYPES.iter().map(|(_, _, random)| *random).collect();
    let mut sql = format!(
        "insert into v select g, {} from generate_series(1, 300) as g;
         insert into v (id) values (0);",
        random.join(", ")
    );
    for (place, (name, edges, _)) in TYPES.iter().enumerate() {
        for (at, edge) in edges.iter().enumerate() {
            let id = 10_000 + place * 100 + at;
            let row = format!("insert into v (id, v{place}) values ({id}, ({edge})::{name});");
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
    for column in &table.columns {
        assert_ne!(
            column.column_type,
            ColumnType::Other,
            "{}",
            column.source_type
        );
    }
    world
        .move_all("mig-1", std::slice::from_ref(&table))
        .await
        .unwrap();
    let (sent, arrived) = (
        world.dump(&world.prod, "v").await,
        world.dump(&world.cert, "v").await,
    );
    assert!(sent.len() > 380, "{}", sent.len());
    assert_eq!(sent, arrived);
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
        assert_eq!(
            cut.keys(&request).await.unwrap(),
            [],
            "{}",
            column.source_type
        );
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
