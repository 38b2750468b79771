//! What the forecast accepts has to fit, into and out of the graph again; what it refuses is said with
//! figures.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use redistrict_model::{Key, Table};
use redistrict_store::{
    CommitOutcome, Lease, LedgerEntry, LedgerOperation, StoreError, StoreErrorKind, TableSize,
    TargetStore as _, arrow_schema,
};

use crate::world::{World, all_keys, all_rows, claim, nodes, record, relationships};

const KEY: &str = "create constraint pupil for (n:Pupil) require n.id is unique";

/// `rows` pupils with three texts, and as many relationships between them.
fn batches(tables: &[Table], rows: usize) -> [(Table, RecordBatch); 2] {
    let ids = || 0..i64::try_from(rows).unwrap();
    let text = |prefix: &'static str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(
            ids().map(|id| format!("{prefix}{id:08}")),
        ))
    };
    let numbers = |number: fn(i64) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(ids().map(number)))
    };
    let constant = |value: Option<&'static str>| -> ArrayRef {
        Arc::new(StringArray::from_iter(ids().map(|_| value)))
    };
    let of = |name| {
        tables
            .iter()
            .find(|table| table.name == name)
            .unwrap()
            .clone()
    };
    let column = |name: &str| match name {
        "id" => numbers(|id| id),
        ":labels" => constant(Some("{}")),
        ":start_label" | ":end_label" => constant(Some("Pupil")),
        ":start" => numbers(|id| id),
        ":end" => numbers(|id| id / 3),
        ":other" => constant(None),
        "since" => numbers(|id| id),
        other => text(if other == "name" { "name " } else { "street " }),
    };
    [nodes("Pupil"), relationships("KNOWS")].map(|name| {
        let table = of(name);
        let names: Vec<String> = table
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect();
        let schema = arrow_schema(&table, &names);
        let arrays = names.iter().map(|name| column(name)).collect();
        (table, RecordBatch::try_new(schema, arrays).unwrap())
    })
}

fn sizes(all: &[(Table, RecordBatch)]) -> Vec<TableSize> {
    let size = |(table, batch): &(Table, RecordBatch)| TableSize {
        table: table.name.clone(),
        rows: batch.num_rows() as u64,
        columns: batch.num_columns(),
        bytes: batch.get_array_memory_size() as u64,
    };
    all.iter().map(size).collect()
}

/// Stages and inserts, with a ledger as a load writes it.
async fn load(
    world: &World,
    lease: &Lease,
    all: &[(Table, RecordBatch)],
) -> Result<CommitOutcome, StoreError> {
    let tables = world.tables().await;
    let names: Vec<_> = all.iter().map(|(table, _)| table.name.clone()).collect();
    for (table, batch) in all {
        world
            .stage_batches(lease, table, 0, vec![batch.clone()])
            .await?;
    }
    let mut merge = world.target.begin_merge(lease, &tables).await?;
    for name in &names {
        merge.lock_staged(name).await?;
    }
    merge.apply(&names).await?;
    for (table, batch) in all {
        let rows = all_keys(merge.as_mut(), table).await;
        assert_eq!(rows.len(), batch.num_rows());
        merge
            .write_ledger(&entries(
                lease,
                table,
                LedgerOperation::Inserted,
                &rows,
                &[],
            ))
            .await?;
    }
    merge.check_constraints().await?;
    merge.commit(&record(lease)).await
}

/// Deletes everything again, with the images in the ledger.
async fn unload(
    world: &World,
    lease: &Lease,
    all: &[(Table, RecordBatch)],
) -> Result<CommitOutcome, StoreError> {
    let tables = world.tables().await;
    let mut merge = world.target.begin_merge(lease, &tables).await?;
    for (table, _) in all.iter().rev() {
        let mut keys = all_keys(merge.as_mut(), table).await;
        keys.sort_unstable();
        merge.lock(&table.name, &keys).await?;
        let images = all_rows(merge.as_mut(), table, keys.clone()).await;
        merge.delete(&[(table.name.clone(), keys.clone())]).await?;
        let entries = entries(lease, table, LedgerOperation::Deleted, &keys, &images);
        merge.write_ledger(&entries).await?;
    }
    merge.commit(&record(lease)).await
}

fn entries(
    lease: &Lease,
    table: &Table,
    operation: LedgerOperation,
    keys: &[Key],
    images: &[RecordBatch],
) -> Vec<LedgerEntry> {
    let images = images.iter().flat_map(|image| {
        let pieces = (0..image.num_rows()).step_by(1000);
        pieces.map(|first| image.slice(first, 1000.min(image.num_rows() - first)))
    });
    let mut left = keys;
    let mut entries = Vec::new();
    let mut images: Vec<Option<RecordBatch>> = images.map(Some).collect();
    if images.is_empty() {
        images = vec![None; keys.len().div_ceil(1000)];
    }
    for (part, before) in images.into_iter().enumerate() {
        let rows = before
            .as_ref()
            .map_or(1000.min(left.len()), RecordBatch::num_rows);
        let (these, rest) = left.split_at(rows);
        left = rest;
        entries.push(LedgerEntry {
            run: lease.run.clone(),
            table: table.name.clone(),
            part: u32::try_from(part).unwrap(),
            operation,
            keys: these.to_vec(),
            after: match operation {
                LedgerOperation::Deleted => Vec::new(),
                _ => vec![[7; 16]; these.len()],
            },
            before,
        });
    }
    entries
}

#[tokio::test]
async fn what_the_forecast_accepts_is_committed_and_taken_back() {
    let settings = "dbms.memory.transaction.total.max=48m";
    let world = World::alone(settings, &[KEY]).await;
    world
        .prod
        .run("create (n:Pupil {id: 1, name: 'a', street: 'b', town: 'c'})-[:KNOWS {since: 1}]->(n)")
        .await;
    let tables = world.tables().await;
    let (mut fits, mut refused) = (1, 100_000);
    while refused - fits > fits / 50 + 1 {
        let rows = (fits + refused) / 2;
        match world
            .target
            .fits(&sizes(&batches(&tables, rows)))
            .await
            .unwrap()
        {
            None => fits = rows,
            Some(_) => refused = rows,
        }
    }
    let largest = batches(&tables, fits);
    let lease = claim(&world.target, "1", false).await;
    let outcome = load(&world, &lease, &largest).await.unwrap();
    assert_eq!(outcome, CommitOutcome::Committed, "{fits} rows");
    world.target.clear_staging(&lease).await.unwrap();
    world.target.release_lease(&lease).await.unwrap();
    let lease = claim(&world.target, "2", false).await;
    let outcome = unload(&world, &lease, &largest).await.unwrap();
    assert_eq!(outcome, CommitOutcome::Committed, "{fits} rows");
    assert_eq!(world.cert.count("match (n:Pupil) return count(n)").await, 0);
    world.target.release_lease(&lease).await.unwrap();

    // Not far above, the server gives up; that is permanent, and the forecast says so before.
    let more = batches(&tables, fits * 3);
    let finding = world
        .target
        .fits(&sizes(&more))
        .await
        .unwrap()
        .expect("a refusal");
    assert!(
        finding
            .message
            .contains("dbms.memory.transaction.total.max allows 48 MiB")
    );
    let lease = claim(&world.target, "3", false).await;
    let error = load(&world, &lease, &more).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Config, "{error:?}");
    assert!(
        error
            .hint
            .unwrap()
            .contains("dbms.memory.transaction.total.max")
    );
    claim(&world.target, "3", true).await;
    assert_eq!(world.cert.count("match (n:Pupil) return count(n)").await, 0);
}
