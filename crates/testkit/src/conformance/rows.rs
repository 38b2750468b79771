//! Whole rows: exact from the source through staging into the target, in the promised order.

use arrow::array::Int64Array;
use redistrict_model::Key;
use redistrict_store::{MAX_VALUE_BYTES, Unfit, UnfitReason, arrow_schema};

use super::fixture::{
    all_keys, batches, columns, cut, enrolled, keyed, keys_of, lease, load, row_request,
    source_table,
};
use super::harness::{Harness, LogicalType};
use super::words::{NULL, NewTable};

/// Edge values that every kind has; kinds test their own beside these.
pub(super) fn edges(logical: LogicalType) -> &'static [&'static str] {
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
    let mut names = Vec::new();
    for logical in LogicalType::ALL {
        if harness.column_type(logical).is_none() {
            super::fixture::skip(&format!("type {logical:?}"));
            continue;
        }
        let name = format!("t_{logical:?}").to_lowercase();
        let table = keyed(&name, &[("id", LogicalType::Int64), ("v", logical)]);
        world.both(std::slice::from_ref(&table)).await;
        let mut rows = vec![vec![Some("1000".to_owned()), None]];
        for (id, value) in edges(logical).iter().enumerate() {
            rows.push(vec![Some(id.to_string()), Some((*value).to_owned())]);
        }
        world.prod.insert_rows(&table, rows).await;
        names.push(name);
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
    let many =
        NewTable::new("t", &[("v", LogicalType::Text), ("id", LogicalType::Int64)]).key(&["id"]);
    world.prod.create(std::slice::from_ref(&many)).await;
    let row = |id: i32| vec![Some("row".to_owned()), Some(id.to_string())];
    let rows = (1..=20_000).map(row).collect();
    world.prod.insert_rows(&many, rows).await;
    let table = source_table(&world, "t").await;
    let mut cut = cut(&world, &table).await;
    let mut keys = all_keys(cut.as_mut(), &table).await;
    keys.extend(keys_of(&["20001", "x", "07"]));
    let first = batches(cut.as_mut(), &table, keys.clone()).await;
    let first = first.expect("rows can be read");
    let second = batches(cut.as_mut(), &table, keys.clone()).await;
    assert_eq!(first, second.expect("rows can be read again"));
    let schema = arrow_schema(&table, &columns(&table));
    let mut ids: Vec<Key> = Vec::new();
    for batch in &first {
        assert!(batch.num_rows() <= 8192 && batch.num_rows() > 0);
        assert_eq!(batch.schema(), schema);
        let column = batch.column_by_name("id").expect("ids were asked");
        let column = column.as_any().downcast_ref::<Int64Array>();
        let column = column.expect("ids are 64 bit");
        ids.extend(column.values().iter().map(|id| Key::of(id.to_string())));
    }
    keys.truncate(20_000);
    assert_eq!(ids, keys, "ascending key text, each once");

    let reversed: Vec<Key> = keys[..50].iter().rev().cloned().collect();
    let batch = batches(cut.as_mut(), &table, reversed).await;
    let batch = batch.expect("rows can be read");
    assert_eq!(batch[0].num_rows(), 50);
    let sorted = batches(cut.as_mut(), &table, keys[..50].to_vec()).await;
    assert_eq!(
        batch,
        sorted.expect("rows can be read"),
        "within a chunk the order is that of the key text"
    );
    let none = batches(cut.as_mut(), &table, Vec::new()).await;
    assert!(none.expect("no keys, no rows").is_empty());
}

/// A composite identity with text in it, in an order that is not that of the columns.
pub async fn rows_are_found_by_composite_identity(harness: &dyn Harness) {
    let world = enrolled(harness).await;
    let pairs = NewTable::new(
        "t",
        &[
            ("a", LogicalType::Int64),
            ("v", LogicalType::Text),
            ("b", LogicalType::Text),
        ],
    )
    .key(&["b", "a"]);
    world.both(std::slice::from_ref(&pairs)).await;
    let rows = [
        ["1", "p", "x"],
        ["1", NULL, ""],
        ["2", "q", "x"],
        ["2", "r", "a,b"],
    ];
    world.prod.insert(&pairs, &rows).await;
    let table = source_table(&world, "t").await;
    let mut cut = cut(&world, &table).await;
    let asked = vec![Key::new(["x", "2"]), Key::new(["1", "x"])];
    let found = batches(cut.as_mut(), &table, asked).await;
    let found = found.expect("rows can be read");
    assert_eq!(found.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1);
    assert_eq!(cut.count(&table.name).await.expect("a count"), 4);
    drop(cut);
    let lease = lease(&world, "1").await;
    load(&world, &lease, &["t"]).await;
    assert_eq!(world.cert.dump("t").await, world.prod.dump("t").await);
}

/// A value that is too long to travel is counted before anything moves, in the column it stands in and for
/// the rows that were asked only.
pub async fn values_that_cannot_travel_are_counted(harness: &dyn Harness) {
    let world = harness.fresh().await;
    let columns = [
        ("id", LogicalType::Int64),
        ("v", LogicalType::Text),
        ("w", LogicalType::Text),
    ];
    let made = keyed("t", &columns);
    world.prod.create(std::slice::from_ref(&made)).await;
    let long = "x".repeat(MAX_VALUE_BYTES + 1);
    let fits = "x".repeat(1 << 20);
    let rows = [
        ["1", &fits, &fits],
        ["2", NULL, "short"],
        ["3", &long, NULL],
    ];
    world.prod.insert(&made, &rows).await;
    let table = source_table(&world, "t").await;
    let mut cut = cut(&world, &table).await;
    let some = row_request(&table, keys_of(&["1", "2", "4"]));
    let none = cut.unfit(&some).await.expect("rows can be looked at");
    assert_eq!(none, [], "rows that were not asked do not count");
    let all = row_request(&table, keys_of(&["1", "2", "3"]));
    let found = cut.unfit(&all).await.expect("rows can be looked at");
    let expected = Unfit {
        column: "v".to_owned(),
        reason: UnfitReason::TooLarge,
        rows: 1,
    };
    assert_eq!(found, [expected]);
    let rows = batches(cut.as_mut(), &table, keys_of(&["1", "2"])).await;
    assert_eq!(rows.expect("the others can be read")[0].num_rows(), 2);
}
