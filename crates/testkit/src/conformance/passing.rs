//! Rows asked for by what they refer to, and further readers of a cut.

use arrow::array::Int64Array;
use futures::TryStreamExt;
use redistrict_model::{Key, Table};
use redistrict_store::{RowsWhere, SourceCut, StoreError, StoreErrorKind};

use super::fixture::{all_keys, columns, cut, keyed, keys_of, skip, source_table};
use super::harness::{Harness, LogicalType};
use super::words::{Change, NULL};

use LogicalType::{Int64, Text};

/// The ids of the rows in which these columns have one of the keys, sorted, and the longest batch.
async fn ids_where(
    cut: &mut dyn SourceCut,
    table: &Table,
    by: &[&str],
    keys: Vec<Key>,
) -> Result<(Vec<i64>, usize), StoreError> {
    let request = RowsWhere {
        table: table.name.clone(),
        columns: columns(table),
        identity: table.identity().unwrap_or_default().to_vec(),
        by: by.iter().map(|name| (*name).to_owned()).collect(),
        keys,
    };
    let batches: Vec<_> = cut.rows_where(&request).await?.try_collect().await?;
    let mut ids = Vec::new();
    for batch in &batches {
        let column = batch.column_by_name("id").expect("the column was asked");
        let values = column.as_any().downcast_ref::<Int64Array>();
        ids.extend(values.expect("64-bit integers").values());
    }
    ids.sort_unstable();
    let longest = batches.iter().map(|batch| batch.num_rows()).max();
    Ok((ids, longest.unwrap_or_default()))
}

/// Rows are found by columns that many share, each row once however many keys of its are named, and by
/// several columns as tuples; nothing else comes.
pub async fn rows_stream_by_what_they_refer_to(harness: &dyn Harness) {
    let world = harness.fresh().await;
    let made = keyed("t", &[("id", Int64), ("a", Int64), ("b", Text)]);
    world.prod.create(std::slice::from_ref(&made)).await;
    let mut rows: Vec<[String; 3]> = Vec::new();
    for number in 1..=30_u32 {
        let word = ["x", "y", NULL][number as usize % 3];
        rows.push([
            number.to_string(),
            (number % 4).to_string(),
            word.to_owned(),
        ]);
    }
    rows.push(["31".to_owned(), NULL.to_owned(), "x".to_owned()]);
    let rows: Vec<[&str; 3]> = (rows.iter())
        .map(|row| [&*row[0], &row[1], &row[2]])
        .collect();
    world.prod.insert(&made, &rows).await;
    let table = source_table(&world, "t").await;
    let mut cut = cut(&world, &table).await;
    let expected = |is_it: &dyn Fn(u32) -> bool| -> Vec<i64> {
        (1..=30).filter(|n| is_it(*n)).map(i64::from).collect()
    };

    let found = ids_where(cut.as_mut(), &table, &["a"], keys_of(&["1", "3", "9", "x"])).await;
    let (found, longest) = found.expect("rows can be read");
    assert_eq!(found, expected(&|n| n % 4 == 1 || n % 4 == 3));
    assert!(longest <= 8_192);

    let both = vec![
        Key::new(["1", "y"]),
        Key::new(["2", "x"]),
        Key::new(["", ""]),
    ];
    let found = ids_where(cut.as_mut(), &table, &["a", "b"], both).await;
    let is_one = |n: u32| n % 4 == 1 && n % 3 == 1 || n % 4 == 2 && n.is_multiple_of(3);
    assert_eq!(found.expect("rows can be read").0, expected(&is_one));

    let none = ids_where(cut.as_mut(), &table, &["a"], Vec::new()).await;
    assert_eq!(none.expect("rows can be read").0, Vec::<i64>::new());
    let beyond = ids_where(cut.as_mut(), &table, &["nothing"], keys_of(&["1"])).await;
    let error = beyond.expect_err("a column that is not in the catalog");
    assert_eq!(error.kind, StoreErrorKind::Bug, "{error}");
    assert_eq!(
        all_keys(cut.as_mut(), &table).await.len(),
        31,
        "the cut goes on"
    );
}

/// A further reader sees what the cut sees, whatever is written meanwhile, and outlives no cut unseen.
pub async fn a_further_reader_sees_the_same_cut(harness: &dyn Harness) {
    let world = harness.fresh().await;
    let made = keyed("t", &[("id", Int64), ("v", Text)]);
    world.prod.create(std::slice::from_ref(&made)).await;
    world
        .prod
        .insert(&made, &[["1", "old"], ["2", "old"]])
        .await;
    let table = source_table(&world, "t").await;
    let mut first = cut(&world, &table).await;
    let Some(mut second) = first.beside().await.expect("a further reader, or none") else {
        return skip("further readers of a cut");
    };
    let written = world
        .prod
        .try_change(&[Change::Delete {
            table: &made,
            of: Some(("id", "2")),
        }])
        .await;
    written.expect("others write");
    let mut third = first.beside().await.expect("a further reader, or none");
    assert_eq!(first.cut(), second.cut());
    for reader in [Some(&mut first), Some(&mut second), third.as_mut()] {
        let Some(reader) = reader else {
            continue;
        };
        let (ids, _) = ids_where(reader.as_mut(), &table, &["v"], keys_of(&["old"]))
            .await
            .expect("rows can be read");
        assert_eq!(ids, [1, 2]);
        assert_eq!(
            all_keys(reader.as_mut(), &table).await,
            keys_of(&["1", "2"])
        );
    }
    // At last there are as many as may be.
    for _ in 0..64 {
        match first.beside().await.expect("a further reader, or none") {
            Some(_) => {}
            None => return,
        }
    }
    panic!("readers without end");
}
