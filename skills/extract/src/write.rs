//! Writes the members' rows of a table into the raw artifact.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use futures::StreamExt;
use redistrict_artifact::{
    ArtifactError, ArtifactWriter, DanglingEntry, ManifestTable, PartEntry, TableWriter,
};
use redistrict_closure::{Members, TableMembers, table_heading};
use redistrict_model::{
    ErrorKind, ExtractSection, ExtractTable, Key, Membership, Table, TableRef, UnitKey,
};
use redistrict_skill::{Progress, SkillError, UnitContext};
use redistrict_store::{RowRequest, SourceCut, arrow_schema};

use crate::closure::store_failed;
use crate::isolation::Isolation;
use crate::rewrite::{NulledCells, RowIds, all_of, as_stubs, stub_nulls};

/// Keys asked for at once.
const KEYS_PER_REQUEST: usize = 10_000;
/// Rows per file.
const ROWS_PER_PART: u64 = 200_000;

/// What every worker writes with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Writing {
    pub(crate) members: Arc<Members>,
    pub(crate) writer: Arc<ArtifactWriter>,
    pub(crate) isolation: Arc<Mutex<Isolation>>,
    pub(crate) context: UnitContext,
    pub(crate) unit: UnitKey,
    nulled: Arc<BTreeMap<TableRef, NulledCells>>,
}

impl Writing {
    /// Nothing is written yet.
    pub(crate) fn new(
        members: Arc<Members>,
        writer: Arc<ArtifactWriter>,
        isolation: Arc<Mutex<Isolation>>,
        context: UnitContext,
        unit: UnitKey,
    ) -> Self {
        let nulled = nulled(&members, &context.plan.sections.extract);
        Self {
            members,
            writer,
            isolation,
            context,
            unit,
            nulled: Arc::new(nulled),
        }
    }

    pub(crate) fn section(&self) -> &ExtractSection {
        &self.context.plan.sections.extract
    }

    /// Writes the table's members; a table without members gets an entry without parts.
    pub(crate) async fn one(
        &self,
        table: &ExtractTable,
        cut: &mut dyn SourceCut,
    ) -> Result<ManifestTable, SkillError> {
        let empty = TableMembers::default();
        let no_nulls = NulledCells::default();
        let members = self.members.table(&table.table).unwrap_or(&empty);
        check_limit(table, members)?;
        let nulls = self.nulled.get(&table.table).unwrap_or(&no_nulls);
        self.table(table, members, nulls, cut).await
    }

    async fn table(
        &self,
        table: &ExtractTable,
        members: &TableMembers,
        nulled: &NulledCells,
        cut: &mut dyn SourceCut,
    ) -> Result<ManifestTable, SkillError> {
        let catalog = self.section().catalog_table(&table.table).ok_or_else(|| {
            SkillError::new(
                ErrorKind::Bug,
                format!("find {} in the plan's catalogs", table.table),
            )
        })?;
        let mut parts = Parts {
            writing: self,
            table,
            catalog,
            open: None,
            done: Vec::new(),
        };
        if table.identity.is_empty() && !members.stubs.is_empty() {
            return Err(SkillError::new(
                ErrorKind::Bug,
                format!("extract {}: stubs of rows without a key", table.table),
            ));
        }
        let stub_columns = stub_nulls(catalog, &table.identity);
        for (membership, keys) in [
            (Membership::Own, &members.own),
            (Membership::Shared, &members.shared),
            (Membership::Stub, &members.stubs),
        ] {
            let mut written = 0;
            for request in requests(table, keys) {
                self.context.cancel.check()?;
                let mut ids = RowIds::new(&table.identity, &request.keys);
                let mut batches = cut
                    .rows(&request)
                    .await
                    .map_err(|error| store_failed(&error))?;
                while let Some(batch) = batches.next().await {
                    let batch = batch.map_err(|error| store_failed(&error))?;
                    let batch = nulled.apply(&batch, &ids).map_err(arrow_failed)?;
                    ids.advance(batch.num_rows());
                    let batch = if membership == Membership::Stub {
                        as_stubs(&batch, &stub_columns).map_err(arrow_failed)?
                    } else {
                        batch
                    };
                    self.prove(table, &batch, membership);
                    written += batch.num_rows();
                    parts.write(&batch, membership)?;
                }
                if !ids.is_at_end() {
                    return Err(not_all(table, written, keys.len()));
                }
            }
            if written != keys.len() {
                return Err(not_all(table, written, keys.len()));
            }
        }
        let parts = parts.finish()?;
        Ok(self.entry(table, catalog, members, parts))
    }

    fn prove(&self, table: &ExtractTable, batch: &RecordBatch, membership: Membership) {
        let mut isolation = self
            .isolation
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        isolation.add(&table.table, batch, membership);
    }

    fn entry(
        &self,
        table: &ExtractTable,
        catalog: &Table,
        members: &TableMembers,
        parts: Vec<PartEntry>,
    ) -> ManifestTable {
        let source_type = |name: &String| {
            catalog
                .column(name)
                .map(|column| column.source_type.clone())
                .unwrap_or_default()
        };
        let dangling = self
            .members
            .dangling
            .iter()
            .map(|dangling| (self.section().ownership.edge(dangling.edge), dangling.rows))
            .filter(|(edge, _)| edge.child == table.table)
            .map(|(edge, rows)| DanglingEntry {
                reference: edge.describe(),
                rows,
            })
            .collect();
        ManifestTable {
            table: table.table.clone(),
            columns: table
                .columns
                .iter()
                .map(|name| (name.clone(), source_type(name)))
                .collect(),
            rows: members.count() as u64,
            own: members.own.len() as u64,
            shared: members.shared.len() as u64,
            stubs: members.stubs.len() as u64,
            parts,
            dangling,
        }
    }
}

fn nulled(members: &Members, section: &ExtractSection) -> BTreeMap<TableRef, NulledCells> {
    let mut all: BTreeMap<TableRef, NulledCells> = BTreeMap::new();
    for nulled in &members.nulled {
        let edge = section.ownership.edge(nulled.edge);
        all.entry(edge.child.clone())
            .or_default()
            .add(&edge.nullable_columns, &nulled.rows);
    }
    all
}

fn not_all(table: &ExtractTable, came: usize, asked: usize) -> SkillError {
    SkillError::new(
        ErrorKind::Transient,
        format!("read {}: {came} of {asked} rows came", table.table),
    )
}

/// The requests for the rows of a table with these keys, in order.
pub(crate) fn requests<'a>(
    table: &'a ExtractTable,
    keys: &'a [Key],
) -> impl Iterator<Item = RowRequest> + 'a {
    keys.chunks(KEYS_PER_REQUEST).map(|keys| RowRequest {
        table: table.table.clone(),
        columns: table.columns.clone(),
        identity: table.identity.clone(),
        keys: keys.to_vec(),
    })
}

fn check_limit(table: &ExtractTable, members: &TableMembers) -> Result<(), SkillError> {
    match table.max_rows {
        Some(limit) if members.count() as u64 > limit => Err(SkillError::new(
            ErrorKind::Config,
            format!(
                "extract {}: {} rows belong to the district, more than max_rows = {limit} allows",
                table.table,
                members.count()
            ),
        )
        .with_hint(format!(
            "raise max_rows of {} if that is right",
            table_heading(&table.table)
        ))),
        _ => Ok(()),
    }
}

/// The files of one table: opened at the first row, rolled over when large.
struct Parts<'a> {
    writing: &'a Writing,
    table: &'a ExtractTable,
    catalog: &'a Table,
    open: Option<TableWriter>,
    done: Vec<PartEntry>,
}

impl Parts<'_> {
    fn write(&mut self, batch: &RecordBatch, membership: Membership) -> Result<(), SkillError> {
        if self
            .open
            .as_ref()
            .is_some_and(|part| part.rows() >= ROWS_PER_PART)
        {
            self.roll()?;
        }
        if self.open.is_none() {
            let number = u32::try_from(self.done.len()).unwrap_or(u32::MAX);
            let schema = arrow_schema(self.catalog, &self.table.columns);
            let part = self.writing.writer.part(&self.table.table, number, &schema);
            self.open = Some(part.map_err(|error| artifact_failed(&error))?);
        }
        let Some(part) = &mut self.open else {
            return Ok(());
        };
        part.write(batch, &all_of(membership, batch))
            .map_err(|error| artifact_failed(&error))?;
        let rows_so_far: u64 = self.done.iter().map(|part| part.rows).sum::<u64>() + part.rows();
        self.writing.context.progress.progress(Progress {
            unit: self.writing.unit.clone().of_table(&self.table.table),
            subject: self.table.table.to_string(),
            rows_done: rows_so_far,
            rows_expected: self
                .writing
                .members
                .table(&self.table.table)
                .map(|m| m.count() as u64),
        });
        Ok(())
    }

    fn roll(&mut self) -> Result<(), SkillError> {
        if let Some(part) = self.open.take() {
            self.done
                .push(part.finish().map_err(|error| artifact_failed(&error))?);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<PartEntry>, SkillError> {
        self.roll()?;
        Ok(self.done)
    }
}

pub(crate) fn artifact_failed(error: &ArtifactError) -> SkillError {
    SkillError::because(error.error_kind(), "write the raw artifact", error)
}

fn arrow_failed(_: arrow::error::ArrowError) -> SkillError {
    SkillError::new(ErrorKind::Bug, "rewrite a batch of rows")
}
