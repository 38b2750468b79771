//! Steps that many tests of the suite share. Must only use the contracts and the plain clients.

use futures::{StreamExt, TryStreamExt};
use redistrict_model::{Catalog, Key, RunId, Table};
use redistrict_store::{
    Action, CommitOutcome, Enrolment, KeyReader, KeyRequest, Lease, LeaseOutcome, Merge, RowReader,
    RowRequest, RunOrigin, RunRecord, RunState, Selector, SourceCut, StagePart, Staged, StoreError,
};

use super::harness::{Harness, LogicalType, World};
use super::words::NewTable;

/// The run that most tests are.
pub(super) fn run(name: &str) -> RunId {
    RunId::new(format!("mig-20240229T120000Z-{name}"))
}

/// Says that something of the suite does not apply to a kind.
#[expect(
    clippy::print_stderr,
    reason = "a test that is skipped says so, loudly"
)]
pub(super) fn skip(what: &str) {
    eprintln!("SKIPPED, this kind has none: {what}");
}

/// A fresh world whose target is enrolled.
pub(super) async fn enrolled(harness: &dyn Harness) -> World {
    let world = harness.fresh().await;
    enroll(&world, "one").await;
    world
}

/// Enrolls the target, or enrolls it again.
pub(super) async fn enroll(world: &World, name: &str) -> Enrolment {
    let fingerprint = world.target.fingerprint(&world.store).await;
    let mark = Enrolment {
        uuid: "00112233445566778899aabbccddeeff".to_owned(),
        name: name.to_owned(),
        at: "2024-02-29T12:00:00Z".to_owned(),
        fingerprint: fingerprint.expect("the target has a fingerprint"),
    };
    let done = world.target.enroll(&world.store, &mark).await;
    done.expect("the target can be enrolled");
    mark
}

/// The lease of a free target.
pub(super) async fn lease(world: &World, name: &str) -> Lease {
    match claim(world, name, false).await {
        LeaseOutcome::Held(lease) => lease,
        other => panic!("no lease: {other:?}"),
    }
}

/// Claims the lease.
pub(super) async fn claim(world: &World, name: &str, is_resume: bool) -> LeaseOutcome {
    let claim = crate::claims::claim(&run(name), is_resume);
    let outcome = world.target.acquire_lease(&claim).await;
    outcome.expect("an enrolled target answers a claim")
}

/// The source's description of a table.
pub(super) async fn source_table(world: &World, name: &str) -> Table {
    let catalog = world
        .source
        .catalog()
        .await
        .expect("the source has a catalog");
    let table = catalog.table(&world.table(name));
    table
        .unwrap_or_else(|| panic!("the source's catalog lacks {name:?}"))
        .clone()
}

/// The target's description of a table. Where tables and columns come into being by being written, what
/// the target has not yet is described by the source.
pub(super) async fn target_table(world: &World, name: &str) -> Table {
    let catalog = world.target.catalog(&world.store).await;
    let catalog = catalog.expect("the target has a catalog");
    let there = catalog.table(&world.table(name)).cloned();
    let described = if world.target.capabilities().open_schema {
        let source = world.source.catalog().await;
        let source = source.expect("the source has a catalog");
        completed(there, source.table(&world.table(name)).cloned())
    } else {
        there
    };
    described.unwrap_or_else(|| panic!("the target's catalog lacks {name:?}"))
}

/// Keys as the target has them; columns in the order of the source, then those that only the target has.
fn completed(there: Option<Table>, source: Option<Table>) -> Option<Table> {
    let (Some(mut table), Some(source)) = (there.clone(), source.clone()) else {
        return there.or(source);
    };
    let known: Vec<_> = std::mem::take(&mut table.columns);
    for column in source.columns {
        let there = known.iter().find(|one| one.name == column.name);
        table.columns.push(there.cloned().unwrap_or(column));
    }
    for column in known {
        if table.column(&column.name).is_none() {
            table.columns.push(column);
        }
    }
    Some(table)
}

/// The target's descriptions of tables, and after them of those that their foreign keys refer to.
pub(super) async fn target_tables(world: &World, names: &[&str]) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for name in names {
        tables.push(target_table(world, name).await);
    }
    if has_parents(&tables) {
        let catalog = world.target.catalog(&world.store).await;
        add_parents(&mut tables, &catalog.expect("the target has a catalog"));
    }
    tables
}

/// A cut of the source in which one table may be named, and what it refers to.
pub(super) async fn cut(world: &World, table: &Table) -> Box<dyn SourceCut> {
    let mut tables = vec![table.clone()];
    if has_parents(&tables) {
        let catalog = world.source.catalog().await;
        add_parents(&mut tables, &catalog.expect("the source has a catalog"));
    }
    let cut = world.source.open_cut(&tables).await;
    cut.expect("a cut can be taken")
}

fn has_parents(tables: &[Table]) -> bool {
    tables.iter().any(|table| !table.foreign_keys.is_empty())
}

/// Whoever names a relationship of a graph names the tables of its ends, too.
fn add_parents(tables: &mut Vec<Table>, catalog: &Catalog) {
    let keys = tables.iter().flat_map(|table| table.foreign_keys.clone());
    for foreign_key in keys.collect::<Vec<_>>() {
        let is_named = |table: &Table| table.name == foreign_key.parent;
        if !tables.iter().any(is_named) {
            tables.extend(catalog.table(&foreign_key.parent).cloned());
        }
    }
}

/// The identities of all rows of a table (locators where it is keyless), in order.
pub(super) async fn all_keys<R: KeyReader + ?Sized>(reader: &mut R, table: &Table) -> Vec<Key> {
    let request = KeyRequest {
        table: table.name.clone(),
        columns: Vec::new(),
        selector: Selector::All,
    };
    let rows = reader.keys(&request).await.expect("all keys can be read");
    let mut keys: Vec<Key> = rows.into_iter().map(|row| row.id).collect();
    keys.sort();
    keys
}

/// Every column that is not generated.
pub(super) fn columns(table: &Table) -> Vec<String> {
    let plain = table
        .columns
        .iter()
        .filter(|column| column.generated != redistrict_model::Generated::Stored);
    plain.map(|column| column.name.clone()).collect()
}

/// The columns that identify a row; empty for a keyless table.
fn identity(table: &Table) -> Vec<String> {
    table.identity().unwrap_or_default().to_vec()
}

/// Asks for all columns of the rows with these keys.
pub(super) fn row_request(table: &Table, keys: Vec<Key>) -> RowRequest {
    RowRequest {
        table: table.name.clone(),
        columns: columns(table),
        identity: identity(table),
        keys,
    }
}

/// The batches of the rows with these keys.
pub(super) async fn batches<R: RowReader + ?Sized>(
    reader: &mut R,
    table: &Table,
    keys: Vec<Key>,
) -> Result<Vec<arrow::array::RecordBatch>, StoreError> {
    let request = row_request(table, keys);
    let stream = reader.rows(&request).await?;
    stream.try_collect().await
}

/// A part of a table with all its columns.
pub(super) fn part(table: &Table, number: u32) -> StagePart {
    StagePart {
        table: table.name.clone(),
        part: number,
        columns: columns(table),
        identity: identity(table),
    }
}

/// Stages all rows of a table of the source as one part.
pub(super) async fn stage(world: &World, lease: &Lease, name: &str) -> Result<Staged, StoreError> {
    let table = source_table(world, name).await;
    let mut cut = cut(world, &table).await;
    let keys = all_keys(cut.as_mut(), &table).await;
    let request = row_request(&table, keys);
    let stream = cut.rows(&request).await.expect("rows can be read");
    let target = target_table(world, name).await;
    world
        .target
        .stage(lease, &target, &part(&table, 0), stream)
        .await
}

/// Stages batches as a part.
pub(super) async fn stage_batches(
    world: &World,
    lease: &Lease,
    table: &Table,
    number: u32,
    batches: Vec<Result<arrow::array::RecordBatch, StoreError>>,
) -> Result<Staged, StoreError> {
    let stream = futures::stream::iter(batches).boxed();
    world
        .target
        .stage(lease, table, &part(table, number), stream)
        .await
}

/// Stages all rows of tables of the source and opens the merge over them.
pub(super) async fn merge(world: &World, lease: &Lease, names: &[&str]) -> Box<dyn Merge> {
    for name in names {
        stage(world, lease, name).await.expect("rows can be staged");
    }
    let tables = target_tables(world, names).await;
    let merge = world.target.begin_merge(lease, &tables).await;
    merge.expect("a merge can begin")
}

/// The record of a lease's run.
pub(super) fn record(lease: &Lease) -> RunRecord {
    RunRecord {
        run: lease.run.clone(),
        parent: None,
        epoch: lease.epoch,
        plan_digest: "digest of the plan".to_owned(),
        state: RunState::Committed,
        origin: Some(RunOrigin {
            district: "a hash of the district".to_owned(),
            key: "names the key".to_owned(),
        }),
    }
}

/// Commits a merge.
pub(super) async fn commit(merge: Box<dyn Merge>, lease: &Lease) {
    let outcome = merge
        .commit(&record(lease))
        .await
        .expect("the merge commits");
    assert_eq!(outcome, CommitOutcome::Committed);
}

/// Moves all rows of tables of the source into the target: rows that are there are updated.
pub(super) async fn load(world: &World, lease: &Lease, names: &[&str]) {
    let mut merge = merge(world, lease, names).await;
    for name in names {
        let table = world.table(name);
        let there = merge.lock_staged(&table).await.expect("rows can be locked");
        let marked = merge.mark(&table, &there, Action::Update).await;
        marked.expect("rows can be marked");
    }
    let tables: Vec<_> = names.iter().map(|name| world.table(name)).collect();
    merge
        .apply(&tables)
        .await
        .expect("staged rows can be applied");
    merge
        .check_constraints()
        .await
        .expect("all constraints hold");
    commit(merge, lease).await;
}

/// A table of these columns; the first one is its key.
pub(super) fn keyed(name: &str, columns: &[(&str, LogicalType)]) -> NewTable {
    NewTable::new(name, columns).key(&[columns[0].0])
}

/// A table with key `id` and nothing else.
pub(super) fn only_ids(name: &str) -> NewTable {
    keyed(name, &[("id", LogicalType::Int64)])
}

/// Keys of one part each.
pub(super) fn keys_of(texts: &[&str]) -> Vec<Key> {
    texts.iter().map(|text| Key::of(*text)).collect()
}
