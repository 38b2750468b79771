//! The one transaction in which a run's rows are written. It holds the lease for share from its first
//! statement on; dropping it closes the connection, and the server rolls back.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use redistrict_model::{Key, KeyRow, RunId, StoreName, Table, TableRef};
use redistrict_store::{
    Action, Applied, BatchStream, CommitOutcome, KeyReader, KeyRequest, Lease, LedgerEntry, Merge,
    PrepareOutcome, PreparedId, RaisedSequence, RowReader, RowRequest, RunRecord, RunState,
    StoreError,
};
use tokio_postgres::types::{ToSql, Type};

use super::apply::{self, Write};
use super::delete::{self, Delete};
use super::lease::begin_holding;
use super::path::{self, Firing};
use super::refusal::refused;
use super::silence::Silence;
use super::staging::{self, PLACE, StagingTable};
use super::{ledger, locks, prepared, sequences};
use crate::connect::{Session, Target};
use crate::error::{bug, failed, failed_at};
use crate::live::{LiveTable, LiveTables};
use crate::reader::{self, BoundKeys};
use crate::statement::{KeySource, canonical_list, key_order, matches};

const CHANGED_TABLES: &str = include_str!("../../sql/changed_tables.sql");

/// So many keys go into one locking or marking statement.
pub(super) const KEYS_PER_STATEMENT: usize = 50_000;

/// A merge is quiet while those of later groups are at work, however long that is. A process that is gone is noticed by
/// the connection; one that only stands still loses it to whoever takes its lease.
const WAITS_FOR_OTHER_GROUPS: &str = "set local idle_in_transaction_session_timeout = 0";

pub(super) struct PostgresMerge {
    session: Session<Target>,
    lease: Lease,
    tables: Arc<LiveTables>,
    staged: HashMap<TableRef, StagingTable>,
    lists: u32,
    silence: Silence,
    store: StoreName,
}

impl PostgresMerge {
    pub(super) async fn begin(
        session: Session<Target>,
        store: &StoreName,
        lease: &Lease,
        tables: &[Table],
    ) -> Result<Self, StoreError> {
        let client = session.client();
        begin_holding(client, lease).await?;
        client
            .batch_execute(WAITS_FOR_OTHER_GROUPS)
            .await
            .map_err(|error| failed("begin a merge", &error))?;
        let tables = reader::look_up(&session, tables).await?;
        let staged = staging::of_run(client, &lease.run, &tables).await?;
        for (name, staging) in &staged {
            client
                .batch_execute(&format!("analyze {}", staging.relation()))
                .await
                .map_err(|error| failed_at("analyze the staged rows", name, &error))?;
        }
        Ok(Self {
            session,
            lease: lease.clone(),
            tables,
            staged,
            lists: 0,
            silence: Silence::default(),
            store: store.clone(),
        })
    }
}

#[async_trait]
impl KeyReader for PostgresMerge {
    async fn keys(&mut self, request: &KeyRequest) -> Result<Vec<KeyRow>, StoreError> {
        reader::keys(&self.session, &self.tables, request).await
    }

    async fn count(&mut self, table: &TableRef) -> Result<u64, StoreError> {
        reader::count(&self.session, &self.tables, table).await
    }
}

#[async_trait]
impl RowReader for PostgresMerge {
    async fn rows<'a>(
        &'a mut self,
        request: &'a RowRequest,
    ) -> Result<BatchStream<'a>, StoreError> {
        reader::rows(&self.session, &self.tables, request)
    }
}

#[async_trait]
impl Merge for PostgresMerge {
    async fn silence(&mut self, tables: &[TableRef]) -> Result<(), StoreError> {
        self.silence.add(self.session.client(), tables).await
    }

    async fn lock_staged(&mut self, table: &TableRef) -> Result<Vec<Key>, StoreError> {
        let live = self.tables.table(table)?;
        let Some(staging) = self.staged.get(table) else {
            return Ok(Vec::new());
        };
        if staging.is_keyless() {
            locks::parents(self.session.client(), live, staging).await?;
            return Ok(Vec::new());
        }
        let sql = locks::of_written_rows(live, staging)?;
        let there = locks::locked(self.session.client(), &sql, &[], table).await?;
        locks::parents(self.session.client(), live, staging).await?;
        Ok(there)
    }

    async fn lock(&mut self, table: &TableRef, keys: &[Key]) -> Result<Vec<Key>, StoreError> {
        let live = self.tables.table(table)?;
        if live.entry.identity().is_none() {
            return locks::located(self.session.client(), live, keys).await;
        }
        let identity = live.identity()?;
        let mut sorted = keys.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let mut locked = Vec::new();
        for chunk in sorted.chunks(KEYS_PER_STATEMENT) {
            let bound = BoundKeys::look_up(&self.session, &identity, chunk).await;
            let Some(bound) = bound.map_err(|error| error.at(table))? else {
                continue;
            };
            let sql = format!(
                "select {} from {} as t where {} order by {} for update of t",
                canonical_list("t", &identity),
                live.relation(),
                matches("t", &bound.columns, KeySource::Parameters(1)),
                key_order("t", &identity),
            );
            let client = self.session.client();
            locked.extend(locks::locked(client, &sql, &bound.parameters(), table).await?);
        }
        Ok(locked)
    }

    async fn mark(
        &mut self,
        table: &TableRef,
        keys: &[Key],
        action: Action,
    ) -> Result<(), StoreError> {
        let live = self.tables.table(table)?;
        let missing = || bug("mark rows that are not staged").at(table);
        if keys.is_empty() {
            return Ok(());
        }
        let staging = self.staged.get(table).ok_or_else(missing)?;
        if staging.is_keyless() && action == Action::Update {
            return Err(bug("update rows that have no key").at(table));
        }
        let tests = staged_is(live, staging)?;
        let width = tests.len();
        let names: Vec<String> = (0..width).map(|place| format!("k{place}")).collect();
        let numbers: Vec<String> = (0..width).map(|n| format!("${}", n + 2)).collect();
        let sql = format!(
            "update {} as s set redistrict_action = $1 from unnest({}) as k ({}) where {}",
            staging.relation(),
            numbers.join(", "),
            names.join(", "),
            tests.join(" and "),
        );
        for chunk in keys.chunks(KEYS_PER_STATEMENT) {
            let arrays = arrays(chunk, width).ok_or_else(missing)?;
            if staging.is_keyless() && !arrays.iter().flatten().all(|part| is_number(part)) {
                return Err(missing());
            }
            let action = action_text(action);
            let mut parameters: Vec<(&(dyn ToSql + Sync), Type)> = vec![(&action, Type::TEXT)];
            parameters.extend(
                arrays
                    .iter()
                    .map(|array| (array as &(dyn ToSql + Sync), Type::TEXT_ARRAY)),
            );
            let marked = self
                .session
                .client()
                .execute_typed(&sql, &parameters)
                .await
                .map_err(|error| failed_at("mark staged rows", table, &error))?;
            if marked < chunk.len() as u64 {
                return Err(missing());
            }
        }
        Ok(())
    }

    async fn apply(&mut self, tables: &[TableRef]) -> Result<Vec<Applied>, StoreError> {
        let mut writes = Vec::new();
        let firing = self.silence.firing_for_writes(tables);
        for name in tables {
            let table = self.tables.table(name)?;
            if let Some(staging) = self.staged.get(name) {
                writes.push(Write {
                    table,
                    staging,
                    firing,
                });
            }
        }
        let done = match writes.is_empty() {
            true => Vec::new(),
            false => {
                let client = self.session.client();
                apply::make_way(client, &self.tables, &self.staged, &writes).await?;
                apply::apply(client, &writes).await?
            }
        };
        let nothing = |name: &TableRef| Applied {
            table: name.clone(),
            inserted: 0,
            updated: 0,
        };
        let of = |name: &TableRef| done.iter().find(|one| one.table == *name).cloned();
        Ok(tables
            .iter()
            .map(|name| of(name).unwrap_or_else(|| nothing(name)))
            .collect())
    }

    async fn delete(&mut self, tables: &[(TableRef, Vec<Key>)]) -> Result<u64, StoreError> {
        let mut deletes = Vec::new();
        for (name, keys) in tables.iter().filter(|(_, keys)| !keys.is_empty()) {
            self.lists += 1;
            let list = format!("redistrict_stage.d_{}_{}", self.lease.epoch.0, self.lists);
            deletes.push(Delete::new(self.tables.table(name)?, keys, list)?);
        }
        if deletes.is_empty() {
            return Ok(0);
        }
        let firing = self.silence.firing(tables.iter().map(|(name, _)| name));
        delete::delete(self.session.client(), &deletes, firing).await
    }

    async fn write_ledger(&mut self, entries: &[LedgerEntry]) -> Result<(), StoreError> {
        for entry in entries {
            if entry.run != self.lease.run {
                return Err(bug("write the ledger of another run").at(&entry.table));
            }
            ledger::write(self.session.client(), entry).await?;
        }
        Ok(())
    }

    async fn set_run_state(&mut self, run: &RunId, state: RunState) -> Result<(), StoreError> {
        ledger::set_state(self.session.client(), run, state).await
    }

    async fn raise_sequences(
        &mut self,
        tables: &[TableRef],
    ) -> Result<Vec<RaisedSequence>, StoreError> {
        sequences::raise(self.session.client(), &self.tables, tables).await
    }

    async fn changed_tables(&mut self) -> Result<Vec<(TableRef, u64)>, StoreError> {
        let what = "ask which tables the merge has changed";
        let store = &self.store;
        let rows = self.session.client().query_typed(CHANGED_TABLES, &[]).await;
        let rows = rows.map_err(|error| failed(what, &error))?;
        let changed = rows.iter().map(|row| {
            let (schema, table): (&str, &str) = (row.get("schema_name"), row.get("table_name"));
            let changes = u64::try_from(row.get::<_, i64>("changes"));
            let changes = changes.map_err(|_| bug(what))?;
            Ok((TableRef::new(store, schema, table), changes))
        });
        changed.collect()
    }

    async fn check_constraints(&mut self) -> Result<(), StoreError> {
        let client = self.session.client();
        let fires = Firing::AsConfigured;
        path::of_triggers(client, fires).await?;
        client
            .batch_execute("set constraints all immediate")
            .await
            .map_err(|error| self.refused("check the deferred constraints", &error))?;
        path::of_ours(client, fires).await?;
        let (tables, staged) = (&self.tables, &self.staged);
        self.silence.check(client, tables, staged).await
    }

    async fn commit(self: Box<Self>, record: &RunRecord) -> Result<CommitOutcome, StoreError> {
        self.write_record(record).await?;
        let client = self.session.client();
        match client.batch_execute("commit").await {
            Ok(()) => Ok(CommitOutcome::Committed),
            Err(error) if is_answer(&error) => Err(self.refused("commit the merge", &error)),
            Err(_) => Ok(CommitOutcome::Unknown),
        }
    }

    async fn prepare(
        self: Box<Self>,
        record: &RunRecord,
        id: &PreparedId,
    ) -> Result<PrepareOutcome, StoreError> {
        self.write_record(record).await?;
        let refused = |error: &_| self.refused("prepare the merge", error);
        prepared::prepare(self.session.client(), id, refused).await
    }
}

impl PostgresMerge {
    /// The last write before the end; deferred triggers run after it.
    async fn write_record(&self, record: &RunRecord) -> Result<(), StoreError> {
        if record.run != self.lease.run || record.epoch != self.lease.epoch {
            return Err(bug("commit the record of another run or epoch"));
        }
        if !self.silence.is_checked() {
            return Err(bug("commit before the foreign keys were checked"));
        }
        let client = self.session.client();
        ledger::write_run(client, record).await?;
        path::of_triggers(client, Firing::AsConfigured).await
    }

    /// The server refused what was staged, some time after it was written.
    fn refused(&self, what: &str, error: &tokio_postgres::Error) -> StoreError {
        let mut staged: Vec<&TableRef> = self.staged.keys().collect();
        staged.sort();
        let tables = staged
            .into_iter()
            .filter_map(|name| self.tables.table(name).ok());
        let tables: Vec<&Table> = tables.map(|table| &table.entry).collect();
        refused(what, &tables, error)
    }
}

/// The server said that it rolled back. Everything else, the end of the session included, leaves open
/// what became of the commit.
fn is_answer(error: &tokio_postgres::Error) -> bool {
    error
        .code()
        .is_some_and(|code| !matches!(code.code().get(..2), Some("57" | "08")))
}

/// One condition per part of a key: that staged row `s` has the part of the key `k`.
fn staged_is(live: &LiveTable, staging: &StagingTable) -> Result<Vec<String>, StoreError> {
    if staging.is_keyless() {
        let test = |(place, name)| format!("s.{name} = k.k{place}::int8");
        return Ok(PLACE.iter().enumerate().map(test).collect());
    }
    let identity = live.columns(&staging.identity)?;
    let tests = identity
        .iter()
        .enumerate()
        .map(|(place, column)| Ok(format!("{} = k.k{place}", staging.canonical(column)?)));
    tests.collect()
}

/// A part of a `staged_key`.
fn is_number(part: &str) -> bool {
    part.parse::<i64>().is_ok()
}

fn action_text(action: Action) -> &'static str {
    match action {
        Action::Insert => "insert",
        Action::Update => "update",
        Action::Leave => "leave",
    }
}

/// Keys as one array per part; none if a key has another number of parts.
fn arrays(keys: &[Key], width: usize) -> Option<Vec<Vec<&str>>> {
    let mut arrays = vec![Vec::with_capacity(keys.len()); width];
    for key in keys {
        if key.parts().len() != width {
            return None;
        }
        for (array, part) in arrays.iter_mut().zip(key.parts()) {
            array.push(&**part);
        }
    }
    Some(arrays)
}
