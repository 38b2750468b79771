//! Writes the members' rows into the raw artifact: those that stream by as they come, the others by their
//! keys.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use async_trait::async_trait;
use futures::StreamExt;
use redistrict_artifact::{
    ArtifactError, ArtifactWriter, DanglingEntry, ManifestTable, PartEntry, TableWriter,
};
use redistrict_closure::{Fate, KeyList, Members, TableMembers};
use redistrict_model::{
    ErrorKind, ExtractSection, ExtractTable, Key, Membership, StoreName, Table, TableRef, UnitKey,
};
use redistrict_skill::{Progress, SkillError, UnitContext};
use redistrict_store::{RowRequest, SourceCut, arrow_schema};

use crate::closure::store_failed;
use crate::evaluation::Keep;
use crate::items::{TakenItems, without_items};
use crate::parts::{Parts, Taken};
use crate::readers::{Readers, Work};
use crate::rewrite::{NulledCells, RowIds, all_of, as_stubs, stub_nulls};
use crate::safeguards::check;

/// Keys asked for at once.
const KEYS_PER_REQUEST: usize = 10_000;

/// What every reader writes with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Writing {
    writer: Arc<ArtifactWriter>,
    context: UnitContext,
    unit: UnitKey,
    parts: Arc<Parts>,
    places: Arc<BTreeMap<TableRef, usize>>,
}

impl Writing {
    /// Nothing is written yet.
    pub(crate) fn new(writer: Arc<ArtifactWriter>, context: UnitContext, unit: UnitKey) -> Self {
        let tables = &context.plan.sections.extract.tables;
        let places = (tables.iter().enumerate()).map(|(at, table)| (table.table.clone(), at));
        Self {
            writer,
            parts: Arc::new(Parts::new(tables.len())),
            places: Arc::new(places.collect()),
            context,
            unit,
        }
    }

    fn section(&self) -> &ExtractSection {
        &self.context.plan.sections.extract
    }

    fn table(&self, place: usize) -> &ExtractTable {
        &self.section().tables[place]
    }

    /// Writes rows of the table at that place of the plan.
    fn write(
        &self,
        place: usize,
        batch: &RecordBatch,
        membership: Membership,
        expected: Option<u64>,
    ) -> Result<(), SkillError> {
        let table = self.table(place);
        let mut part = match self.parts.take(place) {
            Taken::Open(part) => *part,
            Taken::New(number) => self.begin_part(table, number)?,
        };
        part.write(batch, &all_of(membership, batch))
            .map_err(|error| artifact_failed(&error))?;
        let added = batch.num_rows() as u64;
        let rows_done = self.parts.give_back(place, part, added);
        let rows_done = rows_done.map_err(|error| artifact_failed(&error))?;
        check(&self.context, table, rows_done)?;
        self.context.progress.progress(Progress {
            unit: self.unit.clone().of_table(&table.table),
            subject: table.table.to_string(),
            rows_done,
            rows_expected: expected,
        });
        Ok(())
    }

    fn begin_part(&self, table: &ExtractTable, number: u32) -> Result<TableWriter, SkillError> {
        let catalog = catalog_table(self.section(), &table.table)?;
        let schema = arrow_schema(catalog, &table.columns);
        let part = self.writer.part(&table.table, number, &schema);
        part.map_err(|error| artifact_failed(&error))
    }

    /// Writes the members that did not stream by.
    ///
    /// # Errors
    /// A failing store, a failing disk, rows that did not come.
    pub(crate) async fn write_held(
        &self,
        members: &Arc<Members>,
        readers: &mut Readers,
    ) -> Result<(), SkillError> {
        let mut jobs: BTreeMap<StoreName, VecDeque<Rows>> = BTreeMap::new();
        for (place, table) in self.section().tables.iter().enumerate() {
            let Some(rows) = members.table(&table.table) else {
                continue;
            };
            check(&self.context, table, rows.count())?;
            if table.identity.is_empty() && !rows.stubs.is_empty() {
                let what = format!("extract {}: stubs of rows without a key", table.table);
                return Err(SkillError::new(ErrorKind::Bug, what));
            }
            let jobs = jobs.entry(table.table.store.clone()).or_default();
            jobs.extend(Rows::all(place, rows));
        }
        let held = Held {
            writing: self.clone(),
            members: Arc::clone(members),
            nulled: Arc::new(nulled(members, self.section())),
        };
        readers.spread(jobs, &held).await
    }

    /// Ends all files. The entries come in the plan's order, whoever was first.
    ///
    /// # Errors
    /// A failing disk; rows that were counted and not written.
    pub(crate) fn finish(&self, members: &Members) -> Result<Vec<ManifestTable>, SkillError> {
        let parts = self.parts.finish();
        let parts = parts.map_err(|error| artifact_failed(&error))?;
        let empty = TableMembers::default();
        let mut entries = Vec::with_capacity(parts.len());
        for (table, (rows, parts)) in self.section().tables.iter().zip(parts) {
            let of_table = members.table(&table.table).unwrap_or(&empty);
            if rows != of_table.count() {
                return Err(not_all(table, rows, of_table.count()));
            }
            entries.push(self.entry(table, members, of_table, parts)?);
        }
        Ok(entries)
    }

    fn entry(
        &self,
        table: &ExtractTable,
        members: &Members,
        rows: &TableMembers,
        parts: Vec<PartEntry>,
    ) -> Result<ManifestTable, SkillError> {
        let catalog = catalog_table(self.section(), &table.table)?;
        let source_type = |name: &String| {
            catalog
                .column(name)
                .map(|column| column.source_type.clone())
                .unwrap_or_default()
        };
        let dangling = members
            .dangling
            .iter()
            .map(|dangling| (self.section().ownership.edge(dangling.edge), dangling.rows))
            .filter(|(edge, _)| edge.child == table.table)
            .map(|(edge, rows)| DanglingEntry {
                reference: edge.describe(),
                rows,
            })
            .collect();
        Ok(ManifestTable {
            table: table.table.clone(),
            columns: table
                .columns
                .iter()
                .map(|name| (name.clone(), source_type(name)))
                .collect(),
            rows: rows.count(),
            own: rows.own_count(),
            shared: rows.shared_count(),
            stubs: rows.stubs.len() as u64,
            parts,
            dangling,
        })
    }
}

impl Keep for Writing {
    fn keep(
        &self,
        table: &TableRef,
        batch: &RecordBatch,
        fates: &[Fate],
    ) -> Result<(), SkillError> {
        self.context.cancel.check()?;
        let place = self.places.get(table).copied().ok_or_else(|| {
            let what = format!("find {table} among the tables of the plan");
            SkillError::new(ErrorKind::Bug, what)
        })?;
        for (fate, membership) in [
            (Fate::Own, Membership::Own),
            (Fate::Shared, Membership::Shared),
        ] {
            let comes: BooleanArray = fates.iter().map(|one| Some(*one == fate)).collect();
            if comes.true_count() > 0 {
                let batch = filter_record_batch(batch, &comes).map_err(arrow_failed)?;
                self.write(place, &batch, membership, None)?;
            }
        }
        Ok(())
    }
}

/// Rows of one table to be read by their keys: a part of one of its lists.
struct Rows {
    place: usize,
    membership: Membership,
    range: Range<usize>,
}

impl Rows {
    /// All rows of a table whose keys are held, some at a time.
    fn all(place: usize, members: &TableMembers) -> Vec<Self> {
        let mut all = Vec::new();
        for membership in [Membership::Own, Membership::Shared, Membership::Stub] {
            let count = keys_of(members, membership).len();
            let starts = (0..count).step_by(KEYS_PER_REQUEST);
            all.extend(starts.map(|start| Self {
                place,
                membership,
                range: start..count.min(start + KEYS_PER_REQUEST),
            }));
        }
        all
    }
}

fn keys_of(members: &TableMembers, membership: Membership) -> &KeyList {
    match membership {
        Membership::Own => &members.own,
        Membership::Shared => &members.shared,
        Membership::Stub => &members.stubs,
    }
}

/// How rows are read by their keys and written.
#[derive(Clone)]
struct Held {
    writing: Writing,
    members: Arc<Members>,
    nulled: Arc<BTreeMap<TableRef, Nulls>>,
}

#[async_trait]
impl Work for Held {
    type Job = Rows;

    async fn one(&self, rows: Rows, cut: &mut dyn SourceCut) -> Result<(), SkillError> {
        let table = self.writing.table(rows.place);
        let Some(members) = self.members.table(&table.table) else {
            return Ok(());
        };
        self.writing.context.cancel.check()?;
        let catalog = catalog_table(self.writing.section(), &table.table)?;
        let stub_columns = stub_nulls(catalog, &table.identity);
        let request = request(table, keys_of(members, rows.membership).some(rows.range));
        let keys = &request.keys;
        let mut ids = RowIds::new(&table.identity, keys);
        let mut batches = cut
            .rows(&request)
            .await
            .map_err(|error| store_failed(&error))?;
        let mut written = 0;
        while let Some(batch) = batches.next().await {
            let mut batch = batch.map_err(|error| store_failed(&error))?;
            if let Some((nulled, taken)) = self.nulled.get(&table.table) {
                batch = nulled.apply(&batch, &ids).map_err(arrow_failed)?;
                batch = taken.apply(&batch, &ids)?;
            }
            ids.advance(batch.num_rows());
            if rows.membership == Membership::Stub {
                batch = as_stubs(&batch, &stub_columns).map_err(arrow_failed)?;
                let ownership = &self.writing.section().ownership;
                batch = without_items(ownership, &table.table, &batch)?;
            }
            written += batch.num_rows();
            let expected = Some(members.count());
            self.writing
                .write(rows.place, &batch, rows.membership, expected)?;
        }
        if written == keys.len() && ids.is_at_end() {
            return Ok(());
        }
        Err(not_all(table, written as u64, keys.len() as u64))
    }
}

pub(crate) fn catalog_table<'a>(
    section: &'a ExtractSection,
    table: &TableRef,
) -> Result<&'a Table, SkillError> {
    section.catalog_table(table).ok_or_else(|| {
        let what = format!("find {table} in the plan's catalogs");
        SkillError::new(ErrorKind::Bug, what)
    })
}

/// Cells of a table that become NULL, and what becomes NULL inside of others.
type Nulls = (NulledCells, TakenItems);

fn nulled(members: &Members, section: &ExtractSection) -> BTreeMap<TableRef, Nulls> {
    let mut all: BTreeMap<TableRef, Nulls> = BTreeMap::new();
    for nulled in &members.nulled {
        let edge = section.ownership.edge(nulled.edge);
        let (cells, items) = all.entry(edge.child.clone()).or_default();
        if edge.inside.is_some() {
            items.add(&section.ownership, nulled.edge, &nulled.rows);
        } else {
            cells.add(&edge.nullable_columns, &nulled.rows);
        }
    }
    all
}

fn not_all(table: &ExtractTable, came: u64, asked: u64) -> SkillError {
    SkillError::new(
        ErrorKind::Transient,
        format!("read {}: {came} of {asked} rows came", table.table),
    )
}

/// The requests for the rows of a table with these keys, in order.
pub(crate) fn requests<'a>(
    table: &'a ExtractTable,
    keys: &'a KeyList,
) -> impl Iterator<Item = RowRequest> + 'a {
    let starts = (0..keys.len()).step_by(KEYS_PER_REQUEST);
    starts.map(|start| {
        let end = keys.len().min(start + KEYS_PER_REQUEST);
        request(table, keys.some(start..end))
    })
}

fn request(table: &ExtractTable, keys: Vec<Key>) -> RowRequest {
    RowRequest {
        table: table.table.clone(),
        columns: table.columns.clone(),
        identity: table.identity.clone(),
        keys,
    }
}

pub(crate) fn artifact_failed(error: &ArtifactError) -> SkillError {
    SkillError::because(error.error_kind(), "write the raw artifact", error)
}

fn arrow_failed(_: arrow::error::ArrowError) -> SkillError {
    SkillError::new(ErrorKind::Bug, "rewrite a batch of rows")
}
