//! Databases whose encoding is not UTF-8: what arrives, and what is refused by name.

use redistrict_model::{Key, Table};
use redistrict_store::{
    KeyRequest, RowRequest, Selector, SourceStore as _, StoreErrorKind, TargetStore as _, Unfit,
    UnfitReason,
};

use crate::support::{World, read_all};

/// A text of one byte that is no UTF-8.
const BYTE: &str = "convert_from('\\xe9', 'SQL_ASCII')";

async fn table(world: &World, name: &str) -> Table {
    let catalog = world.catalog().await;
    catalog.table(&world.table(name)).unwrap().clone()
}

fn all(table: &Table, columns: &[&str]) -> KeyRequest {
    KeyRequest {
        table: table.name.clone(),
        columns: columns.iter().map(|one| (*one).to_owned()).collect(),
        selector: Selector::All,
    }
}

#[tokio::test]
async fn texts_arrive_whatever_the_encodings_are_that_have_them() {
    for (prod, cert, text) in [
        ("SQL_ASCII", "UTF8", "é€😀"),
        ("UTF8", "SQL_ASCII", "é€😀"),
        ("LATIN1", "UTF8", "éü"),
        ("UTF8", "LATIN1", "éü"),
        ("EUC_JP", "UTF8", "日本ｱ"),
        ("EUC_JP", "EUC_JP", "日本ｱ"),
    ] {
        let world = World::encoded(prod, cert).await;
        world
            .both("create table t (k text primary key, v text[], w varchar(40))")
            .await;
        let fill =
            format!("insert into t values ('{text}', '{{{text}}}', '{text}'), ('a', null, 'a')");
        world.server.psql(&world.prod, &fill).await;
        let table = table(&world, "t").await;
        let moved = world.move_all("mig-1", std::slice::from_ref(&table)).await;
        moved.unwrap_or_else(|error| panic!("{prod} to {cert}: {error:?}"));
        assert_eq!(
            world.dump(&world.prod, "t").await,
            world.dump(&world.cert, "t").await
        );
    }
}

#[tokio::test]
async fn texts_that_are_not_utf8_are_counted_by_column_and_stop_no_sample() {
    let world = World::encoded("SQL_ASCII", "UTF8").await;
    let ddl = "create table t (k text primary key, v text, l text[], n int4)";
    world.server.psql(&world.prod, ddl).await;
    let fill = format!(
        "insert into t values ('a', {BYTE}, null, 1), ('b', 'é', array[{BYTE}, 'x'], 2), ('c', null, null, 3),
                              ({BYTE}, null, null, 4)"
    );
    world.server.psql(&world.prod, &fill).await;
    let table = table(&world, "t").await;
    let mut cut = world
        .source
        .open_cut(std::slice::from_ref(&table))
        .await
        .unwrap();
    let request = RowRequest {
        table: table.name.clone(),
        columns: ["k", "v", "l", "n"].map(str::to_owned).to_vec(),
        identity: vec!["k".to_owned()],
        keys: ["a", "b", "c"].map(Key::of).to_vec(),
    };
    let one = |column: &str| Unfit {
        column: column.to_owned(),
        reason: UnfitReason::NotUtf8,
        rows: 1,
    };
    assert_eq!(cut.unfit(&request).await.unwrap(), [one("v"), one("l")]);
    let sample = KeyRequest {
        selector: Selector::Sample { limit: 10 },
        ..all(&table, &["v", "l"])
    };
    let sampled = cut.keys(&sample).await.unwrap();
    let values: Vec<_> = sampled.into_iter().flat_map(|row| row.values).collect();
    let expected = [None, None, Some("é".into()), None, None, None];
    assert_eq!(values, expected);
    let error = cut.keys(&all(&table, &["v", "n"])).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Data);
    let told = error.to_string();
    assert!(
        told.contains("\"k\" or \"v\"") && !told.contains("\"n\""),
        "{told}"
    );
    assert!(error.hint.is_some());
    let probe = world.source.probe().await.unwrap();
    assert!(
        probe
            .findings
            .iter()
            .any(|one| one.code == "source-encoding")
    );
}

#[tokio::test]
async fn keys_with_characters_that_the_database_lacks_match_nothing_and_end_no_cut() {
    let world = World::encoded("LATIN1", "UTF8").await;
    world
        .server
        .psql(&world.prod, "create table t (k text primary key)")
        .await;
    world
        .server
        .psql(&world.prod, "insert into t values ('é'), ('a')")
        .await;
    let table = table(&world, "t").await;
    let mut cut = world
        .source
        .open_cut(std::slice::from_ref(&table))
        .await
        .unwrap();
    let matching = KeyRequest {
        selector: Selector::Matching {
            columns: vec!["k".to_owned()],
            keys: ["€", "é", "日", "a", "é€"].map(Key::of).to_vec(),
        },
        ..all(&table, &[])
    };
    for _ in 0..2 {
        let mut found: Vec<Key> = cut
            .keys(&matching)
            .await
            .unwrap()
            .into_iter()
            .map(|row| row.id)
            .collect();
        found.sort();
        assert_eq!(found, [Key::of("a"), Key::of("é")]);
    }
}

#[tokio::test]
async fn a_character_that_cert_lacks_is_refused_by_the_name_of_its_column() {
    let world = World::encoded("UTF8", "LATIN1").await;
    world
        .both("create table t (k text primary key, v text, w text)")
        .await;
    let fill = "insert into t values ('é', 'é', 'costs €'), ('b', 'ü', 'é')";
    world.server.psql(&world.prod, fill).await;
    let table = table(&world, "t").await;
    let mut cut = world
        .source
        .open_cut(std::slice::from_ref(&table))
        .await
        .unwrap();
    let batches = read_all(cut.as_mut(), &table).await.unwrap();
    let lease = world.lease("mig-1").await;
    let error = world.stage(&lease, &table, batches).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Data);
    let told = error.to_string();
    assert!(
        told.contains("LATIN1") && told.ends_with("ids.public.t.w"),
        "{told}"
    );
    assert!(!told.contains('€') && !told.contains("costs"), "{told}");
    let findings = world
        .target
        .obstacles(std::slice::from_ref(&table.name))
        .await
        .unwrap();
    let codes: Vec<&str> = findings.iter().map(|one| one.code.as_str()).collect();
    assert_eq!(codes, ["encoding-of-target"]);
}
