//! Staging: rows of a run wait in nodes of our own, as Arrow IPC bytes in chunks. A part is staged when
//! its head is there, which is written with its last chunks; chunks without a head are leftovers.

use std::collections::BTreeSet;
use std::time::Duration;

use arrow::array::{Array as _, RecordBatch};
use futures::StreamExt as _;
use neo4j::ValueSend;
use redistrict_model::{RunId, Table, TableRef};
use redistrict_store::packing::{pack_rows, unpack_rows};
use redistrict_store::{BatchStream, Lease, StagePart, Staged, StoreError, arrow_schema};

use super::cells;
use super::transactions::{begin_holding, commit, parameters};
use crate::bolt::{Bolt, Parameters, Transaction};
use crate::error::{Context as _, bug, config};
use crate::live::is_reserved;
use crate::record::{Fields, one_count};
use crate::types::Form;

/// A chunk holds about so many bytes, or one row.
const CHUNK_BYTES: usize = 1 << 20;
/// Chunks of so many bytes are written in one transaction.
const FLUSH_BYTES: usize = 8 << 20;
const TIMEOUT: Duration = Duration::from_secs(600);
/// Chunks that are deleted in one transaction.
const CLEARED: i64 = 32;

const HEADS: &str = "MATCH (p:RedistrictPart) WHERE p.run = $run AND p.number >= 0 \
                     AND p.is_head AND p.table_schema = $schema AND p.table_name = $table \
                     RETURN p.part, p.rows, p.columns, p.identity ORDER BY p.part";
const CHUNKS: &str = "MATCH (p:RedistrictPart) WHERE p.run = $run AND p.number >= 0 \
                      AND NOT p.is_head AND p.table_schema = $schema AND p.table_name = $table \
                      RETURN p.part, p.number, p.first, p.rows ORDER BY p.part, p.first";
const BYTES: &str = "MATCH (p:RedistrictPart {run: $run, number: $number}) RETURN p.bytes";
const NEXT: &str = "OPTIONAL MATCH (p:RedistrictPart) WHERE p.run = $run AND p.number >= 0 \
                    RETURN coalesce(max(p.number), -1) + 1";
const WRITE_CHUNK: &str = "CREATE (:RedistrictPart {run: $run, number: $number, is_head: false, \
                           table_schema: $schema, table_name: $table, part: $part, \
                           first: $first, rows: $rows, bytes: $bytes})";
const WRITE_HEAD: &str = "CREATE (:RedistrictPart {run: $run, number: $number, is_head: true, \
                          table_schema: $schema, table_name: $table, part: $part, \
                          rows: $rows, columns: $columns, identity: $identity})";
const DELETE_LEFTOVERS: &str = "MATCH (p:RedistrictPart) WHERE p.run = $run AND p.number >= 0 \
                                AND NOT p.is_head AND p.table_schema = $schema \
                                AND p.table_name = $table AND p.part = $part \
                                WITH p LIMIT $limit DELETE p RETURN count(*)";
const DELETE_HEADS: &str = "MATCH (p:RedistrictPart) WHERE p.run = $run AND p.number >= 0 \
                            AND p.is_head DELETE p";
const DELETE_CHUNKS: &str = "MATCH (p:RedistrictPart) WHERE p.run = $run AND p.number >= 0 \
                             WITH p LIMIT $limit DELETE p RETURN count(*)";

/// A chunk of a staged part: rows `first` and up of the part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) part: u32,
    pub(super) number: i64,
    pub(super) first: u64,
    pub(super) rows: u64,
}

/// The head of a part.
struct Head {
    part: u32,
    rows: u64,
    columns: Vec<String>,
    identity: Vec<String>,
}

/// What is staged of one table, in order of part and row.
#[derive(Clone, Debug, Default)]
pub(super) struct StagedTable {
    pub(super) columns: Vec<String>,
    /// Of the columns, as they were staged.
    pub(super) forms: Vec<Form>,
    pub(super) identity: Vec<String>,
    pub(super) chunks: Vec<Chunk>,
}

/// Refuses parts that cannot be staged: columns that are not the table's, that do not move, or that
/// have a name of ours without being ours; an identity that is not staged.
pub(super) fn require_columns(table: &Table, part: &StagePart) -> Result<(), StoreError> {
    let unique: BTreeSet<&String> = part.columns.iter().collect();
    if unique.len() != part.columns.len() || part.columns.is_empty() {
        return Err(bug("stage a part: a column is named twice, or none is").at(&part.table));
    }
    for name in &part.columns {
        let unknown = || bug("stage a column that is not in the catalog").at(&part.table);
        let column = table.column(name).ok_or_else(unknown)?;
        if Form::of(column).is_none() {
            let what = format!("write column {name:?}: a graph has no such type");
            return Err(config(what).at(&part.table));
        }
    }
    if part.identity.iter().any(|name| !unique.contains(name)) {
        return Err(bug("stage a part without its identity").at(&part.table));
    }
    Ok(())
}

/// What stages a part.
pub(super) struct Stager<'a> {
    pub(super) bolt: &'a Bolt,
    pub(super) store: &'a str,
    pub(super) lease: &'a Lease,
    pub(super) table: &'a Table,
    pub(super) part: &'a StagePart,
}

impl Stager<'_> {
    /// Stages the part unless it is there.
    pub(super) async fn stage(&self, mut batches: BatchStream<'_>) -> Result<Staged, StoreError> {
        let mut transaction = self.begin().await?;
        if let Some(rows) = self.there(&mut transaction).await? {
            return Ok(Staged {
                rows,
                was_there: true,
            });
        }
        transaction
            .rollback()
            .await
            .doing("look for a staged part")?;
        self.delete_leftovers().await?;
        let (mut rows, mut written, mut bytes) = (0, 0, 0);
        let mut waiting: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut is_first = true;
        while let Some(batch) = batches.next().await {
            let batch = self.checked(&batch?)?;
            for chunk in chunks(&batch) {
                let packed = pack_rows(&chunk);
                let packed = packed.map_err(|_| bug("pack rows").at(&self.part.table))?;
                bytes += packed.len();
                waiting.push((chunk.num_rows() as u64, packed));
                rows += chunk.num_rows() as u64;
            }
            if bytes >= FLUSH_BYTES {
                let mut transaction = self.begin().await?;
                written = self.write(&mut transaction, written, &mut waiting).await?;
                commit(transaction, "stage rows").await?;
                (bytes, is_first) = (0, false);
            }
        }
        let mut transaction = self.begin().await?;
        if is_first && let Some(rows) = self.there(&mut transaction).await? {
            return Ok(Staged {
                rows,
                was_there: true,
            });
        }
        self.write(&mut transaction, written, &mut waiting).await?;
        self.write_head(&mut transaction, rows).await?;
        commit(transaction, "stage rows").await?;
        Ok(Staged {
            rows,
            was_there: false,
        })
    }

    async fn begin(&self) -> Result<Transaction, StoreError> {
        begin_holding(self.bolt, self.store, self.lease, TIMEOUT).await
    }

    /// The rows of the part if it is there; an error if other parts have other columns.
    async fn there(&self, transaction: &mut Transaction) -> Result<Option<u64>, StoreError> {
        let heads = heads(transaction, &self.lease.run, &self.part.table).await?;
        let is_other =
            |head: &Head| head.columns != self.part.columns || head.identity != self.part.identity;
        if heads.iter().any(is_other) {
            let what = "stage a part with other columns than the parts before";
            return Err(bug(what).at(&self.part.table));
        }
        let found = heads.iter().find(|head| head.part == self.part.part);
        Ok(found.map(|head| head.rows))
    }

    /// Takes away what an attempt that was broken off has left.
    async fn delete_leftovers(&self) -> Result<(), StoreError> {
        let what = "delete the leftovers of a staged part";
        loop {
            let mut transaction = self.begin().await?;
            let mut values = named(&self.lease.run, &self.part.table);
            values.insert("part".to_owned(), self.part.part.into());
            values.insert("limit".to_owned(), CLEARED.into());
            let deleted = transaction
                .all(DELETE_LEFTOVERS, values)
                .await
                .doing(what)?;
            if one_count(deleted) == Some(0) {
                return transaction.rollback().await.doing(what);
            }
            commit(transaction, what).await?;
        }
    }

    /// The batch with its types in its schema. Refuses batches that are not of the part, values that
    /// are not of their column, and rows without key.
    fn checked(&self, batch: &RecordBatch) -> Result<RecordBatch, StoreError> {
        let table = &self.part.table;
        if batch.num_columns() != self.part.columns.len() {
            return Err(bug("stage a batch with other columns than its part").at(table));
        }
        let schema = arrow_schema(self.table, &self.part.columns);
        let types = schema.fields().iter().zip(batch.columns());
        for (field, array) in types {
            if field.data_type() != array.data_type() {
                let what = format!(
                    "write column {:?}: the batch holds another type",
                    field.name()
                );
                return Err(config(what).at(table));
            }
        }
        let batch = RecordBatch::try_new(schema, batch.columns().to_vec());
        let batch = batch.map_err(|_| bug("stage a batch of its part").at(table))?;
        let place = |name: &String| self.part.columns.iter().position(|one| one == name);
        let identity: Vec<usize> = self.part.identity.iter().filter_map(place).collect();
        for row in 0..batch.num_rows() {
            for (place, name) in self.part.columns.iter().enumerate() {
                if !is_reserved(name) {
                    cells::bound(&batch, place, row, table)?;
                }
            }
            cells::key(&batch, &identity, row, table)?;
        }
        Ok(batch)
    }

    /// Writes the chunks that wait, from row `first` on; gives the row after them.
    async fn write(
        &self,
        transaction: &mut Transaction,
        mut first: u64,
        waiting: &mut Vec<(u64, Vec<u8>)>,
    ) -> Result<u64, StoreError> {
        let table = &self.part.table;
        for (rows, bytes) in waiting.drain(..) {
            let mut values = self.numbered(transaction).await?;
            values.insert("first".to_owned(), integer(first, table)?);
            values.insert("rows".to_owned(), integer(rows, table)?);
            values.insert("bytes".to_owned(), ValueSend::Bytes(bytes));
            let written = transaction.all(WRITE_CHUNK, values).await;
            written.doing_at("stage rows", table)?;
            first += rows;
        }
        Ok(first)
    }

    async fn write_head(&self, transaction: &mut Transaction, rows: u64) -> Result<(), StoreError> {
        let table = &self.part.table;
        let mut values = self.numbered(transaction).await?;
        values.insert("rows".to_owned(), integer(rows, table)?);
        values.insert("columns".to_owned(), texts(&self.part.columns));
        values.insert("identity".to_owned(), texts(&self.part.identity));
        let written = transaction.all(WRITE_HEAD, values).await;
        written.doing_at("record a staged part", table).map(drop)
    }

    /// The next number of the run, with table and part.
    async fn numbered(&self, transaction: &mut Transaction) -> Result<Parameters, StoreError> {
        let what = "number a staged part";
        let run = parameters([("run", self.lease.run.as_str().into())]);
        let next = one_count(transaction.all(NEXT, run).await.doing(what)?);
        let next = next.ok_or_else(|| bug(what))?;
        let mut values = named(&self.lease.run, &self.part.table);
        values.insert("number".to_owned(), integer(next, &self.part.table)?);
        values.insert("part".to_owned(), self.part.part.into());
        Ok(values)
    }
}

fn named(run: &RunId, table: &TableRef) -> Parameters {
    parameters([
        ("run", run.as_str().into()),
        ("schema", table.schema.as_str().into()),
        ("table", table.table.as_str().into()),
    ])
}

fn texts(names: &[String]) -> ValueSend {
    ValueSend::List(names.iter().map(|name| name.as_str().into()).collect())
}

fn integer(number: u64, table: &TableRef) -> Result<ValueSend, StoreError> {
    let number = i64::try_from(number).map_err(|_| bug("count staged rows").at(table))?;
    Ok(ValueSend::Integer(number))
}

/// The batch in pieces of about [`CHUNK_BYTES`].
fn chunks(batch: &RecordBatch) -> Vec<RecordBatch> {
    let rows = batch.num_rows();
    let bytes: usize = batch
        .columns()
        .iter()
        .map(|array| array.to_data().get_slice_memory_size().unwrap_or(0))
        .sum();
    let pieces = bytes.div_ceil(CHUNK_BYTES).clamp(1, rows.max(1));
    let step = rows.div_ceil(pieces).max(1);
    (0..rows)
        .step_by(step)
        .map(|first| batch.slice(first, step.min(rows - first)))
        .collect()
}

async fn heads(
    transaction: &mut Transaction,
    run: &RunId,
    table: &TableRef,
) -> Result<Vec<Head>, StoreError> {
    let what = "look for staged parts";
    let records = transaction.all(HEADS, named(run, table)).await;
    let read = records.doing_at(what, table)?.into_iter().map(|record| {
        let mut fields = Fields::of(record);
        Some(Head {
            part: u32::try_from(fields.integer()?).ok()?,
            rows: fields.count()?,
            columns: fields.texts()?,
            identity: fields.texts()?,
        })
    });
    read.collect::<Option<Vec<Head>>>()
        .ok_or_else(|| bug(what).at(table))
}

/// What the run has staged of a table; none if nothing.
pub(super) async fn find(
    transaction: &mut Transaction,
    run: &RunId,
    table: &TableRef,
) -> Result<Option<StagedTable>, StoreError> {
    let what = "find the staged rows";
    let heads = heads(transaction, run, table).await?;
    let Some(head) = heads.first() else {
        return Ok(None);
    };
    let records = transaction.all(CHUNKS, named(run, table)).await;
    let read = records.doing_at(what, table)?.into_iter().map(|record| {
        let mut fields = Fields::of(record);
        Some(Chunk {
            part: u32::try_from(fields.integer()?).ok()?,
            number: fields.integer()?,
            first: fields.count()?,
            rows: fields.count()?,
        })
    });
    let chunks: Option<Vec<Chunk>> = read.collect();
    let mut chunks = chunks.ok_or_else(|| bug(what).at(table))?;
    chunks.retain(|chunk| heads.iter().any(|head| head.part == chunk.part));
    let staged: u64 = heads.iter().map(|head| head.rows).sum();
    if chunks.iter().map(|chunk| chunk.rows).sum::<u64>() != staged {
        return Err(bug("find all rows of the staged parts").at(table));
    }
    let mut forms = Vec::new();
    if let Some(chunk) = chunks.first() {
        let batch = rows(transaction, run, table, *chunk).await?;
        let form = |place| cells::form(&batch, place, table);
        forms = (0..batch.num_columns())
            .map(form)
            .collect::<Result<_, _>>()?;
    }
    Ok(Some(StagedTable {
        columns: head.columns.clone(),
        forms,
        identity: head.identity.clone(),
        chunks,
    }))
}

/// The rows of a chunk.
pub(super) async fn rows(
    transaction: &mut Transaction,
    run: &RunId,
    table: &TableRef,
    chunk: Chunk,
) -> Result<RecordBatch, StoreError> {
    let what = "read staged rows";
    let values = parameters([
        ("run", run.as_str().into()),
        ("number", chunk.number.into()),
    ]);
    let records = transaction.all(BYTES, values).await.doing_at(what, table)?;
    let bytes = records
        .into_iter()
        .next()
        .and_then(|record| Fields::of(record).bytes());
    let batch = bytes.and_then(|bytes| unpack_rows(&bytes).ok());
    batch
        .filter(|batch| batch.num_rows() as u64 == chunk.rows)
        .ok_or_else(|| bug(what).at(table))
}

/// Deletes what the run has staged: first the heads, so that from then on nothing is staged.
pub(super) async fn clear(bolt: &Bolt, store: &str, lease: &Lease) -> Result<(), StoreError> {
    let what = "clear the staged rows of a run";
    let run = || ("run", ValueSend::from(lease.run.as_str()));
    let mut transaction = begin_holding(bolt, store, lease, TIMEOUT).await?;
    transaction
        .all(DELETE_HEADS, parameters([run()]))
        .await
        .doing(what)?;
    commit(transaction, what).await?;
    loop {
        let mut transaction = begin_holding(bolt, store, lease, TIMEOUT).await?;
        let values = parameters([run(), ("limit", CLEARED.into())]);
        let deleted = transaction.all(DELETE_CHUNKS, values).await.doing(what)?;
        if one_count(deleted) == Some(0) {
            return transaction.rollback().await.doing(what);
        }
        commit(transaction, what).await?;
    }
}
