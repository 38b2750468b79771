//! Staging: per run and table one ordinary table of our own. Its columns are numbered, its types are
//! those that binary COPY carries, so that odd names and casts come into play only in the merge.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use futures::{SinkExt as _, StreamExt as _};
use redistrict_model::{RunId, TableRef};
use redistrict_store::{
    BatchStream, Lease, StagePart, Staged, StoreError, StoreErrorKind, arrow_type,
};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, CopyInSink};

use super::lease::{begin_holding, commit, own_failed};
use crate::copy::{Encoder, HEADER, TRAILER};
use crate::error::{bug, failed, failed_at};
use crate::live::{LiveColumn, LiveTable};
use crate::statement::canonical;
use crate::types::{self, Rounding};

/// A staging table that is there.
#[derive(Clone, Debug)]
pub(super) struct StagingTable {
    id: i64,
    pub(super) columns: Vec<String>,
    pub(super) identity: Vec<String>,
}

/// Where a staged row of a keyless table stands: its part and its place in the part.
pub(super) const PLACE: [&str; 2] = ["redistrict_part", "redistrict_row"];

impl StagingTable {
    /// The rows are told by their places: the table they go to has no key.
    pub(super) fn is_keyless(&self) -> bool {
        self.identity.is_empty()
    }

    /// The relation; our own name, nothing of the outside is in it.
    pub(super) fn relation(&self) -> String {
        relation(self.id)
    }

    /// The staged column (of alias `s`) of a target column.
    fn value(&self, name: &str) -> Result<String, StoreError> {
        let place = self.columns.iter().position(|column| column == name);
        place.map(staged).ok_or_else(|| bug("find a staged column"))
    }

    /// The staged value as it is assigned to the column. Texts are not cast: an explicit cast would
    /// cut them, an assignment refuses.
    pub(super) fn assigned(&self, column: &LiveColumn) -> Result<String, StoreError> {
        let value = self.value(&column.name)?;
        let is_text = types::staging_type(column.column_type) == "text";
        let is_string = column.is_string();
        Ok(if is_text && !is_string {
            column.read_back(&value)
        } else {
            value
        })
    }

    /// The staged value as the column's base type, for comparisons.
    pub(super) fn compared(&self, column: &LiveColumn) -> Result<String, StoreError> {
        Ok(column.read_back(&self.value(&column.name)?))
    }

    /// A test that is true where writing the staged value would drop digits; none where it cannot.
    pub(super) fn rounding(&self, column: &LiveColumn) -> Result<Option<String>, StoreError> {
        let value = self.compared(column)?;
        let (declared, base) = (&column.source_type, &column.key_type);
        Ok(match column.rounding {
            Rounding::Never => None,
            Rounding::ByValue => Some(format!("({value}::{declared})::{base} <> {value}")),
            Rounding::ByText => {
                let rounded = canonical(&format!("({value}::{declared})"), column.column_type);
                let exact = if declared == base {
                    self.value(&column.name)?
                } else {
                    canonical(&value, column.column_type)
                };
                Some(format!("({rounded}) <> ({exact})"))
            }
        })
    }

    /// The staged value's canonical text.
    pub(super) fn canonical(&self, column: &LiveColumn) -> Result<String, StoreError> {
        Ok(canonical(&self.compared(column)?, column.column_type))
    }
}

fn relation(id: i64) -> String {
    format!("redistrict_stage.s_{id}")
}

fn staged(place: usize) -> String {
    format!("s.c{}", place + 1)
}

/// The staging tables of a run.
pub(super) async fn of_run(
    client: &Client,
    run: &RunId,
) -> Result<Vec<(TableRef, StagingTable)>, StoreError> {
    find(client, run, None).await
}

/// The staging tables of a run, or the one of a table.
async fn find(
    client: &Client,
    run: &RunId,
    table: Option<&str>,
) -> Result<Vec<(TableRef, StagingTable)>, StoreError> {
    let sql = "select id, table_name, columns, identity from redistrict_meta.staging \
               where run_id = $1 and ($2 is null or table_name = $2) order by id";
    let rows = client
        .query_typed(sql, &[(&run.as_str(), Type::TEXT), (&table, Type::TEXT)])
        .await
        .map_err(|error| own_failed("read the staging tables", &error))?;
    rows.iter()
        .map(|row| {
            let name: &str = row.get("table_name");
            let table = name
                .parse()
                .map_err(|_| bug("read the name of a staging table"))?;
            let staging = StagingTable {
                id: row.get("id"),
                columns: row.get("columns"),
                identity: row.get("identity"),
            };
            Ok((table, staging))
        })
        .collect()
}

/// Writes one part and its record in one transaction; see `TargetStore::stage`.
pub(super) async fn stage(
    client: &Client,
    lease: &Lease,
    table: &LiveTable,
    part: &StagePart,
    batches: BatchStream<'_>,
) -> Result<Staged, StoreError> {
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
    let rows = copy(client, &staging, part, &columns, batches).await?;
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
        let is_keyless = part.identity.is_empty();
        create(client, table, row.get(0), columns, is_keyless).await?;
    }
    commit(client, "make a staging table").await?;
    let staging = find(client, &lease.run, Some(&name)).await?;
    let staging = staging.into_iter().next();
    let (_, staging) = staging.ok_or_else(|| bug("find the staging table").at(&part.table))?;
    if staging.columns != part.columns || staging.identity != part.identity {
        return Err(bug("stage other columns than the parts before").at(&part.table));
    }
    Ok(staging)
}

async fn create(
    client: &Client,
    table: &LiveTable,
    id: i64,
    columns: &[&LiveColumn],
    is_keyless: bool,
) -> Result<(), StoreError> {
    let mut definitions: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(place, column)| {
            format!("c{} {}", place + 1, types::staging_type(column.column_type))
        })
        .collect();
    if is_keyless {
        definitions.extend(PLACE.map(|name| format!("{name} int8 not null")));
        definitions.push(format!("unique ({})", PLACE.join(", ")));
    }
    let sql = format!(
        "create table {} ({}, redistrict_action text not null default 'insert')",
        relation(id),
        definitions.join(", ")
    );
    client
        .batch_execute(&sql)
        .await
        .map_err(|error| failed_at("make a staging table", &table.entry.name, &error))
}

async fn copy(
    client: &Client,
    staging: &StagingTable,
    part: &StagePart,
    columns: &[&LiveColumn],
    mut batches: BatchStream<'_>,
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
    let mut names: Vec<String> = (1..=columns.len())
        .map(|place| format!("c{place}"))
        .collect();
    if staging.is_keyless() {
        arrow.extend(PLACE.map(|name| (name, DataType::Int64)));
        names.extend(PLACE.map(str::to_owned));
    }
    let encoder = Encoder::new(table, arrow);
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
    for (_, staging) in of_run(client, &lease.run).await? {
        let sql = format!("drop table if exists {}", staging.relation());
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
