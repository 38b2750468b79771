//! Values that cannot travel are counted on the server, per column and reason, and only they.

use redistrict_model::Table;
use redistrict_store::{RowRequest, SourceCut, SourceStore as _, Unfit, UnfitReason};

use crate::support::{World, all_keys, writable};

async fn unfit(cut: &mut dyn SourceCut, table: &Table) -> Vec<Unfit> {
    let request = RowRequest {
        table: table.name.clone(),
        columns: writable(table),
        identity: table.identity().unwrap_or_default().to_vec(),
        keys: all_keys(cut, table).await.unwrap(),
    };
    cut.unfit(&request).await.unwrap()
}

fn found(column: &str, reason: UnfitReason, rows: u64) -> Unfit {
    Unfit {
        column: column.into(),
        reason,
        rows,
    }
}

#[tokio::test]
async fn values_over_the_limit_are_counted_and_those_below_are_not() {
    let world = World::new().await;
    let sql = "create table t (id int4 primary key, a text, b bytea, c jsonb, d int4[], e varbit,
                 f varchar(9), g xml, h text collate \"C\");
        create table small (id int4 primary key, v text, w json);
        insert into t (id, a) values (1, repeat('x', 32 * 1024 * 1024));
        insert into t (id, a) values (2, repeat('x', 32 * 1024 * 1024 + 1)), (3, repeat('\u{e4}', 17000000));
        insert into t (id, b) values (4, decode(repeat('00', 33554433), 'hex')), (5, '');
        insert into t (id, c) values (6, jsonb_build_array(repeat('y', 33600000))), (7, '[]');
        insert into t (id, d) select 8, array_agg(g) from generate_series(1000000, 5500000) as g;
        insert into t (id, e) values (9, repeat('1', 33600000)::varbit), (10, repeat('1', 99000)::varbit);
        insert into t (id, g) values (11, ('<a>' || repeat('z', 33600000) || '</a>')::xml);
        insert into small select g, repeat('x', 900), '{}' from generate_series(1, 300) as g;";
    world.server.psql(&world.prod, sql).await;
    let tables = world.catalog().await.tables;
    let mut cut = world.source.open_cut(&tables).await.unwrap();
    let large = |column, rows| found(column, UnfitReason::TooLarge, rows);
    assert_eq!(unfit(cut.as_mut(), &tables[0]).await, []);
    assert_eq!(
        unfit(cut.as_mut(), &tables[1]).await,
        [
            large("a", 2),
            large("b", 1),
            large("c", 1),
            large("d", 1),
            large("e", 1),
            large("g", 1),
        ]
    );
}

#[tokio::test]
async fn only_the_requested_rows_count() {
    let world = World::new().await;
    let sql = "create table t (id int4 primary key, at timestamp, zoned timestamptz, day date);
        insert into t values
          (1, '294247-01-10 04:00:54.775806', '294247-01-10 04:00:54.775806+00', '5874897-12-31'),
          (2, '294247-01-10 04:00:54.775807', 'infinity', 'infinity'),
          (3, 'infinity', '294276-12-31 23:59:59.999999+00', '-infinity'),
          (4, '294276-12-31 23:59:59', null, null), (5, '-infinity', '4713-01-01 BC', null);";
    world.server.psql(&world.prod, sql).await;
    let tables = world.catalog().await.tables;
    let mut cut = world.source.open_cut(&tables).await.unwrap();
    let late = |column, rows| found(column, UnfitReason::OutOfRange, rows);
    assert_eq!(
        unfit(cut.as_mut(), &tables[0]).await,
        [late("at", 2), late("zoned", 1)]
    );
    let keys = all_keys(cut.as_mut(), &tables[0]).await.unwrap();
    let mut request = RowRequest {
        table: tables[0].name.clone(),
        columns: vec!["at".into()],
        identity: vec!["id".into()],
        keys: keys
            .into_iter()
            .filter(|key| *key.parts()[0] != *"4")
            .collect(),
    };
    assert_eq!(cut.unfit(&request).await.unwrap(), [late("at", 1)]);
    request.keys.clear();
    assert_eq!(cut.unfit(&request).await.unwrap(), []);
}

#[tokio::test]
async fn partitions_and_rows_without_a_key_are_looked_at_too() {
    let world = World::new().await;
    let sql = "create table t (id int4, at timestamp, v text) partition by list (id);
        create table t1 partition of t for values in (1);
        create table t2 partition of t default;
        insert into t values (1, '294276-01-01', 'x'), (2, '294276-01-01', repeat('x', 33600000)), (3, null, 'y');";
    world.server.psql(&world.prod, sql).await;
    let tables = world.catalog().await.tables;
    let mut cut = world.source.open_cut(&tables).await.unwrap();
    assert_eq!(
        unfit(cut.as_mut(), &tables[0]).await,
        [
            found("at", UnfitReason::OutOfRange, 2),
            found("v", UnfitReason::TooLarge, 1),
        ]
    );
}
