//! The way of a table's rows without the skills: source, Arrow, encrypted Parquet, target. For any kind
//! of store.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use arrow::array::RecordBatch;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use redistrict_artifact::{
    Artifact, ArtifactKind, ArtifactWriter, FORMAT_VERSION, Manifest, ManifestTable, RootKey,
    key_texts, keys_of,
};
use redistrict_model::{
    Column, DistrictId, Generated, Key, Membership, PlanDigest, RunId, StoreName, Table,
};
use redistrict_store::{
    CommitOutcome, Enrolment, KeyRequest, LeaseOutcome, RowRequest, RunRecord, RunState, Selector,
    SourceCut, SourceStore, StagePart, StoreError, StoreErrorKind, TargetStore, arrow_schema,
    column_type,
};

/// Rows per request and part.
const ROWS_PER_PART: usize = 4_000;

/// Moves all rows of the first table, which has a key; the others are those that its columns name. `dir` takes
/// the artifact; each table has a run of its own.
pub(super) async fn carry(
    source: &dyn SourceStore,
    target: &dyn TargetStore,
    tables: &[Table],
    dir: &Path,
    number: usize,
) -> Result<()> {
    let run = run(number);
    let (root, _) = RootKey::generate()?;
    write(source, tables, dir, &run, &root).await?;
    let artifact = Artifact::open(dir, &root)?;
    artifact.verify()?;
    load(target, tables, &artifact, &run).await
}

/// The rows of a table as the target reads them, which is what before-images are made of.
pub(super) async fn images(target: &dyn TargetStore, table: &Table) -> Result<Vec<RecordBatch>> {
    let tables = std::slice::from_ref(table);
    let mut view = target.read(tables).await?;
    let keys = view.keys(&all_keys(table)).await?;
    let request = RowRequest {
        table: table.name.clone(),
        columns: columns(table),
        identity: identity(table)?,
        keys: keys.into_iter().map(|row| row.id).collect(),
    };
    Ok(view.rows(&request).await?.try_collect().await?)
}

/// Writes images of rows that are not there any more.
pub(super) async fn restore(
    target: &dyn TargetStore,
    table: &Table,
    images: Vec<RecordBatch>,
    number: usize,
) -> Result<()> {
    let images = images.into_iter().map(Ok).collect();
    write_rows(target, std::slice::from_ref(table), images, &run(number)).await
}

fn run(number: usize) -> RunId {
    RunId::new(format!("mig-20250101T000000Z-{number}"))
}

fn all_keys(table: &Table) -> KeyRequest {
    KeyRequest {
        table: table.name.clone(),
        columns: Vec::new(),
        selector: Selector::All,
    }
}

fn first(tables: &[Table]) -> Result<&Table> {
    tables.first().context("name a table to move")
}

fn columns(table: &Table) -> Vec<String> {
    let is_written = |column: &&Column| column.generated != Generated::Stored;
    let written = table.columns.iter().filter(is_written);
    written.map(|column| column.name.clone()).collect()
}

fn identity(table: &Table) -> Result<Vec<String>> {
    let identity = table.identity().context("find the table's key")?;
    Ok(identity.to_vec())
}

async fn write(
    source: &dyn SourceStore,
    tables: &[Table],
    dir: &Path,
    run: &RunId,
    root: &RootKey,
) -> Result<()> {
    let table = first(tables)?;
    let mut cut = source.open_cut(tables).await?;
    let keys: Vec<Key> = cut
        .keys(&all_keys(table))
        .await?
        .into_iter()
        .map(|row| row.id)
        .collect();
    let columns = columns(table);
    let writer = ArtifactWriter::create_raw(dir, run, root)?;
    let mut parts = Vec::new();
    let mut rows = 0;
    for (number, chunk) in keys.chunks(ROWS_PER_PART).enumerate() {
        let request = RowRequest {
            table: table.name.clone(),
            columns: columns.clone(),
            identity: identity(table)?,
            keys: chunk.to_vec(),
        };
        let unfit = cut.unfit(&request).await?;
        ensure!(unfit.is_empty(), "values that were said not to travel");
        let schema = arrow_schema(table, &columns);
        let mut part = writer.part(&table.name, u32::try_from(number)?, &schema)?;
        let texts = texts_of_keys(cut.as_mut(), &request).await?;
        let mut batches = cut.rows(&request).await?;
        while let Some(batch) = batches.try_next().await? {
            check_texts(table, &batch, &texts)?;
            part.write(&batch, &vec![Membership::Own; batch.num_rows()])?;
        }
        let part = part.finish()?;
        rows += part.rows;
        parts.push(part);
    }
    ensure!(
        rows == keys.len() as u64,
        "{rows} of {} rows came",
        keys.len()
    );
    let source_type = |name: &String| table.column(name).map(|one| one.source_type.clone());
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        kind: ArtifactKind::Raw,
        run: run.clone(),
        district: DistrictId::new("1"),
        plan_digest: PlanDigest("0".repeat(64)),
        made_from: None,
        stores: Vec::new(),
        tables: vec![ManifestTable {
            table: table.name.clone(),
            columns: columns
                .iter()
                .map(|name| (name.clone(), source_type(name).unwrap_or_default()))
                .collect(),
            rows,
            own: rows,
            shared: 0,
            stubs: 0,
            parts,
            dangling: Vec::new(),
        }],
        facts: serde_json::Value::Null,
    };
    writer.seal(&manifest)?;
    Ok(())
}

/// What the store prints of each column of each row where it is a part of a key.
async fn texts_of_keys(
    cut: &mut dyn SourceCut,
    request: &RowRequest,
) -> Result<HashMap<Key, Vec<Option<Box<str>>>>> {
    let request = KeyRequest {
        table: request.table.clone(),
        columns: request.columns.clone(),
        selector: Selector::Matching {
            columns: request.identity.clone(),
            keys: request.keys.clone(),
        },
    };
    let rows = cut.keys(&request).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.values)).collect())
}

/// The rows' values, as keys, have the texts that the store prints: by these rows are found, in every phase.
fn check_texts(
    table: &Table,
    batch: &RecordBatch,
    texts: &HashMap<Key, Vec<Option<Box<str>>>>,
) -> Result<()> {
    let ids = keys_of(batch, &identity(table)?);
    for (place, name) in columns(table).iter().enumerate() {
        let column = table.column(name).context("find a column")?;
        let Some(found) = key_texts(batch.column(place), column.column_type) else {
            continue;
        };
        let rows = ids.iter().zip(&found);
        let differ = rows.filter(|(id, text)| {
            let row = id.as_ref().and_then(|id| texts.get(id));
            row.and_then(|row| row.get(place)) != Some(*text)
        });
        let differ = differ.count();
        ensure!(
            differ == 0,
            "{differ} of {} values of {} ({}) have another text as keys than the store prints",
            batch.num_rows(),
            name,
            column.source_type
        );
    }
    Ok(())
}

async fn load(
    target: &dyn TargetStore,
    tables: &[Table],
    artifact: &Artifact,
    run: &RunId,
) -> Result<()> {
    let table = first(tables)?;
    // The types that the artifact's files name are those of the catalog.
    let named = artifact
        .rows(&table.name)
        .next()
        .context("read a batch")??
        .0;
    for field in named.schema().fields() {
        let known = table.column(field.name()).map(|column| column.column_type);
        ensure!(
            column_type(field) == known,
            "the artifact lost the type of {}",
            field.name()
        );
    }
    let batches = artifact.rows(&table.name).map(|batch| {
        batch
            .map(|(batch, _)| batch)
            .map_err(|_| StoreError::new(StoreErrorKind::Bug, "read the artifact"))
    });
    write_rows(target, tables, batches.collect(), run).await
}

/// Stages and inserts rows of the first table in one run.
async fn write_rows(
    target: &dyn TargetStore,
    tables: &[Table],
    batches: Vec<Result<RecordBatch, StoreError>>,
    run: &RunId,
) -> Result<()> {
    let table = first(tables)?;
    let claim = redistrict_testkit::claims::claim(run, false);
    let LeaseOutcome::Held(lease) = target.acquire_lease(&claim).await? else {
        bail!("the lease of a new target is held");
    };
    let part = StagePart {
        table: table.name.clone(),
        part: 0,
        columns: columns(table),
        identity: identity(table)?,
    };
    target
        .stage(&lease, table, &part, stream::iter(batches).boxed())
        .await?;
    let mut merge = target.begin_merge(&lease, tables).await?;
    merge.apply(std::slice::from_ref(&table.name)).await?;
    merge.check_constraints().await?;
    let record = RunRecord {
        run: run.clone(),
        parent: None,
        epoch: lease.epoch,
        plan_digest: "0".repeat(64),
        state: RunState::Committed,
        origin: None,
    };
    ensure!(
        merge.commit(&record).await? == CommitOutcome::Committed,
        "the load committed"
    );
    target.clear_staging(&lease).await?;
    target.release_lease(&lease).await?;
    Ok(())
}

/// Marks a new target as ours to write.
pub(super) async fn enroll(target: &dyn TargetStore, store: &StoreName) -> Result<()> {
    let enrolment = Enrolment {
        uuid: "0".repeat(32),
        name: "proof".into(),
        at: "2025-01-01T00:00:00Z".into(),
        fingerprint: target.fingerprint(store).await?,
    };
    Ok(target.enroll(store, &enrolment).await?)
}
