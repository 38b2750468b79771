//! Whole rows: exact from the source through staging into the target, in the promised order.

use redistrict_model::Key;
use redistrict_store::arrow_schema;

use super::fixture::{
    all_keys, batches, columns, cut, enrolled, keys_of, lease, load, source_table,
};
use super::harness::{Harness, LogicalType};

/// Edge values that every kind has; kinds test their own beside these.
fn edges(logical: LogicalType) -> &'static [&'static str] {
    match logical {
        LogicalType::Bool => &["true", "false"],
        LogicalType::Int64 => &["0", "-1", "9223372036854775807", "-9223372036854775807"],
        LogicalType::Float64 => &["0.1", "-1.5e300", "5e-324", "1.7976931348623157e308", "3"],
        LogicalType::Text => &[
            "",
            " ",
            "o'brien",
            "line\nbreak\ttab",
            "学生 🦀",
            "e\u{301}",
            "\\N",
            "NULL",
        ],
        LogicalType::Varchar40 => &["", "42", "ßßß  "],
        LogicalType::Bytes => &["\\x", "\\x00", "\\x00ff10", "\\x5c27"],
        LogicalType::Date => &[
            "1970-01-01",
            "2024-02-29",
            "0001-01-01",
            "9999-12-31",
            "1969-12-31",
        ],
        LogicalType::Timestamp => &[
            "1970-01-01 00:00:00",
            "2024-02-29 23:59:59.999999",
            "0001-01-01 00:00:00.000001",
            "9999-12-31 23:59:59",
        ],
        LogicalType::Uuid => &[
            "00000000-0000-0000-0000-000000000000",
            "6f1c1a7e-0000-4000-8000-00000000000f",
        ],
        LogicalType::Json => &["{}", "{\"a\": [1, 2.50, null, \"x\"]}", "\"text\"", "[]"],
    }
}

/// Every type, each edge value and NULL, read back by a plain client.
pub async fn every_type_moves_exactly(harness: &dyn Harness) {
    let world = enrolled(harness).await;
    let names: Vec<String> = LogicalType::ALL
        .iter()
        .map(|one| format!("t_{one:?}").to_lowercase())
        .collect();
    for (logical, name) in LogicalType::ALL.into_iter().zip(&names) {
        let (int, sql) = (harness.sql(LogicalType::Int64), harness.sql(logical));
        world
            .both(&format!(
                "create table {name} (id {int} not null primary key, v {sql})"
            ))
            .await;
        for (id, value) in edges(logical).iter().enumerate() {
            let literal = harness.literal(logical, value);
            world
                .prod
                .run(&format!("insert into {name} values ({id}, {literal})"))
                .await;
        }
        world
            .prod
            .run(&format!("insert into {name} values (1000, null)"))
            .await;
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let lease = lease(&world, "1").await;
    load(&world, &lease, &names).await;
    for name in names {
        let moved = world.cert.dump(name).await;
        assert_eq!(moved, world.prod.dump(name).await, "{name}");
        assert!(moved.len() > 2);
    }
}

/// Batches have the promised schema, at most 8,192 rows, and the rows in the order of their key text;
/// the same request gives the same batches; keys without a row give none.
pub async fn rows_come_in_key_order_in_bounded_batches(harness: &dyn Harness) {
    let world = harness.fresh().await;
    let (int, text) = (
        harness.sql(LogicalType::Int64),
        harness.sql(LogicalType::Text),
    );
    world
        .prod
        .run(&format!(
            "create table t (v {text}, id {int} not null primary key);
             insert into t (id, v) with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
               select i, 'row' from n"
        ))
        .await;
    let table = source_table(&world, "t").await;
    let mut cut = cut(&world, &table).await;
    let mut keys = all_keys(cut.as_mut(), &table).await;
    keys.extend(keys_of(&["20001", "x", "07"]));
    let first = batches(cut.as_mut(), &table, keys.clone())
        .await
        .expect("rows can be read");
    let second = batches(cut.as_mut(), &table, keys.clone())
        .await
        .expect("rows can be read");
    assert_eq!(first, second);
    let schema = arrow_schema(&table, &columns(&table));
    let mut ids: Vec<Key> = Vec::new();
    for batch in &first {
        assert!(batch.num_rows() <= 8192 && batch.num_rows() > 0);
        assert_eq!(batch.schema(), schema);
        let column = batch
            .column(1)
            .as_any()
            .downcast_ref::<arrow::array::Int64Array>();
        let column = column.expect("ids are 64 bit");
        ids.extend(column.values().iter().map(|id| Key::of(id.to_string())));
    }
    keys.truncate(20_000);
    assert_eq!(ids, keys, "ascending key text, each once");

    let reversed: Vec<Key> = keys[..50].iter().rev().cloned().collect();
    let batch = batches(cut.as_mut(), &table, reversed)
        .await
        .expect("rows can be read");
    assert_eq!(batch[0].num_rows(), 50);
    let sorted = batches(cut.as_mut(), &table, keys[..50].to_vec())
        .await
        .expect("rows can be read");
    assert_eq!(
        batch, sorted,
        "within a chunk the order is that of the key text"
    );
    let none = batches(cut.as_mut(), &table, Vec::new())
        .await
        .expect("no keys, no rows");
    assert!(none.is_empty());
}

/// A composite identity with text in it, in an order that is not that of the columns.
pub async fn rows_are_found_by_composite_identity(harness: &dyn Harness) {
    let world = enrolled(harness).await;
    let (int, text) = (
        harness.sql(LogicalType::Int64),
        harness.sql(LogicalType::Text),
    );
    world
        .both(&format!(
            "create table t (a {int} not null, v {text}, b {text} not null, primary key (b, a))"
        ))
        .await;
    world
        .prod
        .run("insert into t values (1, 'p', 'x'), (1, null, ''), (2, 'q', 'x'), (2, 'r', 'a,b')")
        .await;
    let table = source_table(&world, "t").await;
    let mut cut = cut(&world, &table).await;
    let found = batches(
        cut.as_mut(),
        &table,
        vec![Key::new(["x", "2"]), Key::new(["1", "x"])],
    )
    .await;
    assert_eq!(
        found
            .expect("rows can be read")
            .iter()
            .map(|b| b.num_rows())
            .sum::<usize>(),
        1
    );
    assert_eq!(cut.count(&table.name).await.expect("a count"), 4);
    drop(cut);
    let lease = lease(&world, "1").await;
    load(&world, &lease, &["t"]).await;
    assert_eq!(world.cert.dump("t").await, world.prod.dump("t").await);
}
