//! Staging: per run and table one ordinary table of our own. Its columns are numbered, its types are
//! those that binary COPY carries, so that odd names and casts come into play only in the merge. Wide
//! tables are packed, see [`super::layout`].

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use futures::{SinkExt as _, StreamExt as _};
use redistrict_model::{ColumnType, TableRef};
use redistrict_store::{
    BatchStream, Lease, StagePart, Staged, StoreError, StoreErrorKind, arrow_type,
};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, CopyInSink};

use super::layout::{Holder, Layout, holders};
use super::lease::{begin_holding, commit, own_failed};
use super::staging::{PLACE, StagingTable, find, relation, staged_columns};
use super::texts::Texts;
use crate::connect::{Session, Target};
use crate::copy::{Encoder, Field as CopyField, HEADER, TRAILER};
use crate::error::{bug, failed, failed_at};
use crate::live::{LiveColumn, LiveTable};

/// Writes one part and its record in one transaction; see `TargetStore::stage`.
pub(super) async fn stage(
    session: &Session<Target>,
    lease: &Lease,
    table: &LiveTable,
    part: &StagePart,
    batches: BatchStream<'_>,
) -> Result<Staged, StoreError> {
    let client = session.client();
    let columns = table.columns(&part.columns)?;
    let staging = ensure(client, lease, table, part, &columns).await?;
    begin_holding(client, lease).await?;
    let name = part.table.to_string();
    let sql = "select rows from redistrict_meta.part \
               where run_id = $1 and table_name = $2 and part = $3";
    let key = i64::from(part.part);
    let there = client
        .query_typed(
            sql,
            &[
                (&lease.run.as_str(), Type::TEXT),
                (&name, Type::TEXT),
                (&key, Type::INT8),
            ],
        )
        .await
        .map_err(|error| own_failed("look for the part's record", &error))?;
    if let Some(row) = there.first() {
        let rows = u64::try_from(row.get::<_, i64>(0)).map_err(|_| bug("read a part's record"))?;
        commit(client, "leave the part as it is").await?;
        return Ok(Staged {
            rows,
            was_there: true,
        });
    }
    let mut texts = Texts::new(session.encoding());
    let rows = match copy(client, &staging, part, &columns, batches, &mut texts).await {
        Err(error) if texts.may_explain(&error) => {
            return Err(texts.explain(session, table, error).await?);
        }
        copied => copied?,
    };
    let count = i64::try_from(rows).map_err(|_| bug("count the part's rows"))?;
    let sql = "insert into redistrict_meta.part (run_id, table_name, part, rows) \
               values ($1, $2, $3, $4)";
    client
        .execute_typed(
            sql,
            &[
                (&lease.run.as_str(), Type::TEXT),
                (&name, Type::TEXT),
                (&key, Type::INT8),
                (&count, Type::INT8),
            ],
        )
        .await
        .map_err(|error| part_failed(&part.table, &error))?;
    client
        .batch_execute("commit")
        .await
        .map_err(|error| part_failed(&part.table, &error))?;
    Ok(Staged {
        rows,
        was_there: false,
    })
}

/// Two writers of one part: the second one comes too late and may look again.
fn part_failed(table: &TableRef, error: &tokio_postgres::Error) -> StoreError {
    let mut mapped = failed_at("record the part", table, error);
    if mapped.kind == StoreErrorKind::Constraint {
        mapped.kind = StoreErrorKind::Transient;
    }
    mapped
}

/// Makes the staging table if it is not there, in a transaction of its own, so that parts of one
/// table do not wait for each other.
async fn ensure(
    client: &Client,
    lease: &Lease,
    table: &LiveTable,
    part: &StagePart,
    columns: &[&LiveColumn],
) -> Result<StagingTable, StoreError> {
    begin_holding(client, lease).await?;
    let name = part.table.to_string();
    let sql = "insert into redistrict_meta.staging (run_id, table_name, columns, identity) \
               values ($1, $2, $3, $4) on conflict do nothing returning id";
    let made = client
        .query_typed(
            sql,
            &[
                (&lease.run.as_str(), Type::TEXT),
                (&name, Type::TEXT),
                (&part.columns, Type::TEXT_ARRAY),
                (&part.identity, Type::TEXT_ARRAY),
            ],
        )
        .await
        .map_err(|error| own_failed("make a staging table", &error))?;
    if let Some(row) = made.first() {
        create(client, part, row.get(0), columns).await?;
    }
    commit(client, "make a staging table").await?;
    let record = find(client, &lease.run, Some(&name)).await?;
    let record = record.into_iter().next();
    let record = record.ok_or_else(|| bug("find the staging table").at(&part.table))?;
    if record.columns != part.columns || record.identity != part.identity {
        return Err(bug("stage other columns than the parts before").at(&part.table));
    }
    StagingTable::new(record, table)
}

async fn create(
    client: &Client,
    part: &StagePart,
    id: i64,
    columns: &[&LiveColumn],
) -> Result<(), StoreError> {
    let types: Vec<ColumnType> = columns.iter().map(|column| column.column_type).collect();
    let staged = staged_columns(columns, &part.identity);
    let holders = holders(Layout::of(&types), &staged);
    let mut definitions: Vec<String> = holders.iter().map(Holder::definition).collect();
    if part.identity.is_empty() {
        definitions.extend(PLACE.map(|name| format!("{name} int8 not null")));
        definitions.push(format!("unique ({})", PLACE.join(", ")));
    }
    let mut sql = format!(
        "create table {} ({}, redistrict_action text not null default 'insert')",
        relation(id),
        definitions.join(", ")
    );
    // What is packed is written once and read once: not worth compressing, and no statistics of it help.
    let arrays = holders.iter().filter(|one| one.is_array);
    let settings: Vec<String> = arrays
        .map(|one| {
            let name = &one.name;
            format!("alter {name} set storage external, alter {name} set statistics 0")
        })
        .collect();
    if !settings.is_empty() {
        let settings = settings.join(", ");
        sql = format!("{sql}; alter table {} {settings}", relation(id));
    }
    client
        .batch_execute(&sql)
        .await
        .map_err(|error| failed_at("make a staging table", &part.table, &error))
}

async fn copy(
    client: &Client,
    staging: &StagingTable,
    part: &StagePart,
    columns: &[&LiveColumn],
    mut batches: BatchStream<'_>,
    texts: &mut Texts<'_>,
) -> Result<u64, StoreError> {
    let table = &part.table;
    let mut arrow: Vec<_> = columns
        .iter()
        .map(|column| {
            let data_type = arrow_type(column.column_type)
                .ok_or_else(|| bug("stage a column of a type that does not move").at(table))?;
            Ok((column.name.as_str(), data_type))
        })
        .collect::<Result<_, StoreError>>()?;
    let holders = &staging.holders;
    let mut names: Vec<&str> = holders.iter().map(|one| one.name.as_str()).collect();
    let mut fields: Vec<CopyField> = holders.iter().map(Holder::field).collect();
    if staging.is_keyless() {
        fields.extend((0..PLACE.len()).map(|at| CopyField::Value(columns.len() + at)));
        arrow.extend(PLACE.map(|name| (name, DataType::Int64)));
        names.extend(PLACE);
    }
    let encoder = Encoder::new(table, arrow, fields);
    let sql = format!(
        "copy {} ({}) from stdin (format binary)",
        staging.relation(),
        names.join(", ")
    );
    let refused = |error| failed_at("stage rows", table, &error);
    let sink: CopyInSink<bytes::Bytes> = client.copy_in(&sql).await.map_err(refused)?;
    let mut sink = Box::pin(sink);
    sink.feed(bytes::Bytes::from_static(HEADER))
        .await
        .map_err(refused)?;
    let mut expected = 0_u64;
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        texts.see(&batch);
        let staged = match staging.is_keyless() {
            true => Cow::Owned(with_places(&batch, part, expected)?),
            false => Cow::Borrowed(&batch),
        };
        expected += batch.num_rows() as u64;
        for piece in encoder.encode(&staged)? {
            sink.feed(piece).await.map_err(refused)?;
        }
    }
    sink.feed(bytes::Bytes::from_static(TRAILER))
        .await
        .map_err(refused)?;
    let rows = sink.as_mut().finish().await.map_err(refused)?;
    if rows == expected {
        Ok(rows)
    } else {
        Err(bug("stage every row").at(table))
    }
}

/// The rows with their part and their places in it, of which `first` is that of the first row.
fn with_places(
    batch: &RecordBatch,
    part: &StagePart,
    first: u64,
) -> Result<RecordBatch, StoreError> {
    let refused = || bug("number the rows of a part").at(&part.table);
    let first = i64::try_from(first).map_err(|_| refused())?;
    let rows = i64::try_from(batch.num_rows()).map_err(|_| refused())?;
    let numbers: [ArrayRef; 2] = [
        Arc::new(Int64Array::from(vec![
            i64::from(part.part);
            batch.num_rows()
        ])),
        Arc::new(Int64Array::from_iter_values(first..first + rows)),
    ];
    let mut fields = batch.schema().fields().to_vec();
    fields.extend(PLACE.map(|name| Arc::new(Field::new(name, DataType::Int64, false))));
    let columns = batch.columns().iter().cloned().chain(numbers).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|_| refused())
}

/// Drops the staging tables and part records of the lease's run.
pub(super) async fn clear(client: &Client, lease: &Lease) -> Result<(), StoreError> {
    begin_holding(client, lease).await?;
    for record in find(client, &lease.run, None).await? {
        let sql = format!("drop table if exists {}", record.relation());
        client
            .batch_execute(&sql)
            .await
            .map_err(|error| failed("drop a staging table", &error))?;
    }
    for sql in [
        "delete from redistrict_meta.staging where run_id = $1",
        "delete from redistrict_meta.part where run_id = $1",
    ] {
        client
            .execute_typed(sql, &[(&lease.run.as_str(), Type::TEXT)])
            .await
            .map_err(|error| own_failed("clear the staging records", &error))?;
    }
    commit(client, "clear the staging tables").await
}
