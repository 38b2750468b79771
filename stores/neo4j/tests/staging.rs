//! Parts that are larger than one transaction: there as a whole or not at all, and gone in the end.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use futures::{StreamExt as _, stream};
use redistrict_model::Table;
use redistrict_store::{Action, StoreError, StoreErrorKind, TargetStore as _, arrow_schema};

use crate::world::{World, claim, commit, nodes, part_of};

const KEY: &str = "create constraint pupil for (n:Pupil) require n.id is unique";
const PARTS: &str = "match (p:RedistrictPart) return count(p)";

/// Rows `first` to `last` with a long text each.
fn batch(table: &Table, first: i64, last: i64, length: usize) -> RecordBatch {
    let ids = || first..last;
    let names: Vec<String> = table
        .columns
        .iter()
        .map(|column| column.name.clone())
        .collect();
    let column = |name: &String| -> ArrayRef {
        match name.as_str() {
            "id" => Arc::new(Int64Array::from_iter_values(ids())),
            ":labels" => Arc::new(StringArray::from_iter_values(ids().map(|_| "{}"))),
            ":other" => Arc::new(StringArray::from_iter(ids().map(|_| None::<&str>))),
            _ => {
                let text = |id: i64| format!("{id} {}", "x".repeat(length));
                Arc::new(StringArray::from_iter_values(ids().map(text)))
            }
        }
    };
    let arrays = names.iter().map(column).collect();
    RecordBatch::try_new(arrow_schema(table, &names), arrays).unwrap()
}

#[tokio::test]
async fn a_part_larger_than_a_transaction_is_staged_once_and_leaves_nothing() {
    let world = World::fresh(&[KEY]).await;
    world.prod.run("create (:Pupil {id: 1, text: 'a'})").await;
    let tables = world.tables().await;
    let pupils = nodes("Pupil");
    let table = tables.iter().find(|table| table.name == pupils).unwrap();
    let lease = claim(&world.target, "1", false).await;

    // It breaks off after several transactions.
    let broken = StoreError::new(StoreErrorKind::Transient, "read on");
    let batches = (0..6).map(|part| Ok(batch(table, part * 4000, part * 4000 + 4000, 1000)));
    let batches = batches.chain([Err(broken)]);
    let part = part_of(table, 0);
    let staging = world
        .target
        .stage(&lease, table, &part, stream::iter(batches).boxed());
    assert_eq!(staging.await.unwrap_err().kind, StoreErrorKind::Transient);
    assert!(world.cert.count(PARTS).await > 8);
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    assert_eq!(merge.lock_staged(&pupils).await.unwrap(), []);
    let applied = merge.apply(std::slice::from_ref(&pupils)).await.unwrap();
    assert_eq!((applied[0].inserted, applied[0].updated), (0, 0));
    drop(merge);

    let lease = claim(&world.target, "1", true).await;
    let batches = || {
        (0..6)
            .map(|part| batch(table, part * 4000, part * 4000 + 4000, 1000))
            .collect()
    };
    let staged = world
        .stage_batches(&lease, table, 0, batches())
        .await
        .unwrap();
    assert_eq!((staged.rows, staged.was_there), (24_000, false));
    let staged = world
        .stage_batches(&lease, table, 0, batches())
        .await
        .unwrap();
    assert_eq!((staged.rows, staged.was_there), (24_000, true));
    // One value that is larger than a chunk, and a part without rows.
    let large = vec![batch(table, 90_000, 90_002, 3 << 20)];
    assert_eq!(
        world
            .stage_batches(&lease, table, 1, large)
            .await
            .unwrap()
            .rows,
        2
    );
    assert_eq!(
        world
            .stage_batches(&lease, table, 2, Vec::new())
            .await
            .unwrap()
            .rows,
        0
    );

    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    let left: Vec<_> = (0..23_990)
        .map(|id: i64| redistrict_model::Key::of(id.to_string()))
        .collect();
    merge.mark(&pupils, &left, Action::Leave).await.unwrap();
    let unknown = [redistrict_model::Key::of("24000")];
    let error = merge
        .mark(&pupils, &unknown, Action::Leave)
        .await
        .unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Bug);
    let applied = merge.apply(std::slice::from_ref(&pupils)).await.unwrap();
    assert_eq!((applied[0].inserted, applied[0].updated), (12, 0));
    commit(merge, &lease).await;
    let whole = "match (n:Pupil) where size(n.text) > 3000000 or n.id >= 23990 and n.id < 24000 return count(n)";
    assert_eq!(world.cert.count(whole).await, 12);
    world.target.clear_staging(&lease).await.unwrap();
    assert_eq!(world.cert.count(PARTS).await, 0);
    world.target.clear_staging(&lease).await.unwrap();
}

#[tokio::test]
async fn a_key_that_is_staged_twice_is_found_before_anything_is_written() {
    let world = World::fresh(&[KEY]).await;
    world.prod.run("create (:Pupil {id: 1, text: 'a'})").await;
    let tables = world.tables().await;
    let pupils = nodes("Pupil");
    let table = tables.iter().find(|table| table.name == pupils).unwrap();
    let lease = claim(&world.target, "1", false).await;
    for part in 0..2 {
        world
            .stage_batches(&lease, table, part, vec![batch(table, 1, 3, 1)])
            .await
            .unwrap();
    }
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    let error = merge.lock_staged(&pupils).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Constraint, "{error:?}");
}
