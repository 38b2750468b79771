//! The one transaction in which a run's rows are written, over all files of the group. Must not
//! delete a row to write it again, and must not fire triggers.

use std::collections::HashMap;

use async_trait::async_trait;
use redistrict_model::{ColumnType, Key, KeyRow, RunId, TableRef};
use redistrict_store::{
    Action, Applied, BatchStream, CommitOutcome, KeyReader, KeyRequest, Lease, LedgerEntry, Merge,
    RaisedSequence, RowReader, RowRequest, RunRecord, RunState, StoreError,
};
use rusqlite::{Connection, params_from_iter};
use tokio::sync::OwnedMutexGuard;

use super::stage::{self, PLACE, Staging};
use super::{delete, foreign, lease, ledger, moves, runs, sequences};
use crate::catalog::foreign_keys;
use crate::connect::{Group, Session};
use crate::error::{Context, bug};
use crate::names::{quote, quote_list};
use crate::reader::{Reader, View, chunks, key_of, still_open};
use crate::tables::{Entry, Lookup, Tables};

/// An open merge. Dropping it closes the connection, which rolls back.
pub(crate) struct SqliteMerge {
    reader: Reader,
    group: Group,
    lease: Lease,
    /// Tables whose staged rows were applied.
    applied: Vec<TableRef>,
    /// Where their sequences were before that.
    sequences: HashMap<TableRef, Option<i64>>,
    /// Held to the end: one writer of this process at a time.
    _gate: OwnedMutexGuard<()>,
}

impl SqliteMerge {
    /// Takes over a connection whose writing transaction is open.
    pub(crate) fn new(
        session: Session,
        tables: Tables,
        group: Group,
        lease: Lease,
        gate: OwnedMutexGuard<()>,
    ) -> Self {
        Self {
            reader: Reader::new(session, tables, View::Held),
            group,
            lease,
            applied: Vec::new(),
            sequences: HashMap::new(),
            _gate: gate,
        }
    }

    /// Runs `work` in the open transaction: all of it, or nothing of it.
    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let session = self.reader.session();
        session
            .call(move |connection| {
                still_open(connection)?;
                let savepoint = connection.savepoint().doing("begin a step of the merge")?;
                let done = work(&savepoint)?;
                savepoint.commit().doing("end a step of the merge")?;
                Ok(done)
            })
            .await
    }

    fn require_own_run(&self, run: &RunId) -> Result<(), StoreError> {
        if *run == self.lease.run {
            return Ok(());
        }
        Err(bug(format!(
            "write as run {run}: the lease is another run's"
        )))
    }
}

#[async_trait]
impl KeyReader for SqliteMerge {
    async fn keys(&mut self, request: &KeyRequest) -> Result<Vec<KeyRow>, StoreError> {
        self.reader.keys(request).await
    }

    async fn count(&mut self, table: &TableRef) -> Result<u64, StoreError> {
        self.reader.count(table).await
    }
}

#[async_trait]
impl RowReader for SqliteMerge {
    async fn rows<'a>(
        &'a mut self,
        request: &'a RowRequest,
    ) -> Result<BatchStream<'a>, StoreError> {
        self.reader.rows(request).await
    }
}

#[async_trait]
impl Merge for SqliteMerge {
    async fn lock_staged(&mut self, table: &TableRef) -> Result<Vec<Key>, StoreError> {
        let entry = self.reader.tables().entry(table)?;
        let run = self.lease.run.clone();
        self.write(move |connection| staged_there(connection, &entry, &run))
            .await
    }

    async fn lock(&mut self, table: &TableRef, keys: &[Key]) -> Result<Vec<Key>, StoreError> {
        let entry = self.reader.tables().entry(table)?;
        let keys = keys.to_vec();
        self.write(move |connection| there(connection, &entry, &keys))
            .await
    }

    async fn mark(
        &mut self,
        table: &TableRef,
        keys: &[Key],
        action: Action,
    ) -> Result<(), StoreError> {
        let entry = self.reader.tables().entry(table)?;
        let (run, keys) = (self.lease.run.clone(), keys.to_vec());
        self.write(move |connection| mark(connection, &entry, &run, &keys, action))
            .await
    }

    async fn apply(&mut self, tables: &[TableRef]) -> Result<Vec<Applied>, StoreError> {
        let known = self.reader.tables();
        let entries: Vec<_> = tables
            .iter()
            .map(|table| known.entry(table))
            .collect::<Result<_, _>>()?;
        let run = self.lease.run.clone();
        let (before, applied) = self
            .write(move |connection| {
                let before = entries
                    .iter()
                    .map(|entry| sequences::last(connection, entry));
                let before = before.collect::<Result<Vec<_>, StoreError>>()?;
                let applied = entries.iter().map(|entry| apply(connection, entry, &run));
                Ok((
                    before,
                    applied.collect::<Result<Vec<Applied>, StoreError>>()?,
                ))
            })
            .await?;
        self.applied.extend_from_slice(tables);
        for (table, before) in tables.iter().zip(before) {
            self.sequences.entry(table.clone()).or_insert(before);
        }
        Ok(applied)
    }

    async fn delete(&mut self, tables: &[(TableRef, Vec<Key>)]) -> Result<u64, StoreError> {
        let (known, requests) = (self.reader.tables().clone(), tables.to_vec());
        self.write(move |connection| delete::delete(connection, &known, &requests))
            .await
    }

    async fn write_ledger(&mut self, entries: &[LedgerEntry]) -> Result<(), StoreError> {
        let mut located = Vec::with_capacity(entries.len());
        for entry in entries {
            self.require_own_run(&entry.run)?;
            located.push((self.group.alias(&entry.table.store)?, entry.clone()));
        }
        let aliases = self.group.aliases();
        self.write(move |connection| {
            located
                .iter()
                .try_for_each(|(alias, entry)| ledger::insert(connection, &aliases, alias, entry))
        })
        .await
    }

    async fn set_run_state(&mut self, run: &RunId, state: RunState) -> Result<(), StoreError> {
        let (aliases, run) = (self.group.aliases(), run.clone());
        self.write(move |connection| runs::set_state(connection, &aliases, &run, state))
            .await
    }

    async fn raise_sequences(
        &mut self,
        tables: &[TableRef],
    ) -> Result<Vec<RaisedSequence>, StoreError> {
        let known = self.reader.tables();
        let entries: Vec<_> = tables
            .iter()
            .map(|table| known.entry(table))
            .collect::<Result<_, _>>()?;
        let moved = self
            .write(move |connection| {
                let each = entries.iter().map(|entry| {
                    let before = sequences::last(connection, entry)?;
                    Ok((before, sequences::raise(connection, entry)?))
                });
                each.collect::<Result<Vec<_>, StoreError>>()
            })
            .await?;
        let raised = tables.iter().zip(moved).filter_map(|(table, (now, to))| {
            let from = *self.sequences.get(table).unwrap_or(&now);
            let to = to.filter(|to| Some(*to) != from)?;
            let sequence = table.to_string();
            Some(RaisedSequence { sequence, from, to })
        });
        Ok(raised.collect())
    }

    async fn check_constraints(&mut self) -> Result<(), StoreError> {
        let known = self.reader.tables();
        let entries: Vec<_> = self
            .applied
            .iter()
            .map(|table| known.entry(table))
            .collect::<Result<_, _>>()?;
        let run = self.lease.run.clone();
        self.write(move |connection| {
            for entry in &entries {
                let table = &entry.table.name;
                let Some(staging) = stage::find(connection, &entry.alias, &run, table)? else {
                    continue;
                };
                let keys = foreign_keys(connection, &entry.alias)?;
                foreign::require_parents(connection, &entry.alias, &keys, &staging, table)?;
            }
            Ok(())
        })
        .await
    }

    async fn commit(self: Box<Self>, record: &RunRecord) -> Result<CommitOutcome, StoreError> {
        self.require_own_run(&record.run)?;
        if record.epoch != self.lease.epoch {
            return Err(bug("commit a run as another epoch than that of its lease"));
        }
        let (aliases, written) = (self.group.aliases(), record.clone());
        let lease = self.lease.clone();
        self.write(move |connection| {
            runs::insert(connection, &aliases, &written)?;
            // Nobody else could write while the merge was open.
            lease::beat(connection, &aliases, &lease)
        })
        .await?;
        self.reader
            .session()
            .call(|connection| commit(connection))
            .await
    }
}

/// Sends COMMIT. An answer after which the transaction is still open is a refusal; after any other
/// failure nobody but the files can tell.
fn commit(connection: &Connection) -> Result<CommitOutcome, StoreError> {
    still_open(connection)?;
    match connection.execute_batch("commit").doing("commit a merge") {
        Ok(()) => Ok(CommitOutcome::Committed),
        Err(refused) if !connection.is_autocommit() => {
            connection
                .execute_batch("rollback")
                .doing("roll a merge back")?;
            Err(refused)
        }
        Err(_) => Ok(CommitOutcome::Unknown),
    }
}

/// The keys of rows that have the identity of a staged row to write, in order. The whole file is locked: the
/// transaction holds its write lock.
fn staged_there(
    connection: &Connection,
    entry: &Entry,
    run: &RunId,
) -> Result<Vec<Key>, StoreError> {
    let table = &entry.table.name;
    let Some(staging) = stage::find(connection, &entry.alias, run, table)? else {
        return Ok(Vec::new());
    };
    if staging.is_keyless() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select {} from {} as s join {} as t on {} where s.action <> 'leave'",
        quote_list("t.", &staging.identity),
        staging.sql_name(),
        entry.sql_name(),
        staging.joined("t", "s")
    );
    let types = entry.types(&staging.identity)?;
    select_keys(connection, entry, &types, &sql, Vec::new())
}

fn there(connection: &Connection, entry: &Entry, keys: &[Key]) -> Result<Vec<Key>, StoreError> {
    let identity = entry.told_by()?;
    let types = match entry.table.identity() {
        Some(identity) => entry.types(identity)?,
        None => vec![ColumnType::Int64],
    };
    let lookup = Lookup::by_what_tells(entry)?;
    let mut found = Vec::new();
    for (count, values) in chunks(&lookup, keys, lookup.keys_per_statement(32_000))? {
        let sql = lookup.select(&quote_list("t.", &identity), &entry.sql_name(), count);
        found.extend(select_keys(connection, entry, &types, &sql, values)?);
    }
    found.sort_unstable();
    Ok(found)
}

fn select_keys(
    connection: &Connection,
    entry: &Entry,
    types: &[ColumnType],
    sql: &str,
    values: Vec<rusqlite::types::Value>,
) -> Result<Vec<Key>, StoreError> {
    let what = "lock rows";
    let table = &entry.table.name;
    let mut statement = connection.prepare(sql).doing_at(what, table)?;
    let mut rows = statement
        .query(params_from_iter(values))
        .doing_at(what, table)?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next().doing_at(what, table)? {
        keys.push(key_of(row, entry, types)?);
    }
    keys.sort_unstable();
    Ok(keys)
}

fn action_text(action: Action) -> &'static str {
    match action {
        Action::Insert => "insert",
        Action::Update => "update",
        Action::Leave => "leave",
    }
}

fn mark(
    connection: &Connection,
    entry: &Entry,
    run: &RunId,
    keys: &[Key],
    action: Action,
) -> Result<(), StoreError> {
    let what = "mark staged rows";
    let table = &entry.table.name;
    if keys.is_empty() {
        return Ok(());
    }
    let staging = stage::find(connection, &entry.alias, run, table)?
        .ok_or_else(|| bug("mark rows of a table that has none staged").at(table))?;
    if staging.is_keyless() && action == Action::Update {
        return Err(bug("update rows that have no key").at(table));
    }
    let lookup = match staging.is_keyless() {
        true => Lookup::of_numbers(PLACE.map(str::to_owned).to_vec()),
        false => Lookup::by(entry, &staging.identity)?.under_names(staging.staged_identity()),
    };
    let (mut wanted, mut marked) = (0, 0);
    for (count, values) in chunks(&lookup, keys, lookup.keys_per_statement(32_000))? {
        let table_name = staging.sql_name();
        let sql = format!(
            "update {table_name} set action = '{}' where ordinal in ({})",
            action_text(action),
            lookup.select("t.ordinal", &table_name, count)
        );
        marked += connection
            .execute(&sql, params_from_iter(values))
            .doing_at(what, table)?;
        wanted += count;
    }
    let mut unique = keys.to_vec();
    unique.sort_unstable();
    unique.dedup();
    if marked == wanted && wanted == unique.len() {
        return Ok(());
    }
    Err(bug("mark rows that are not staged").at(table))
}

/// Inserts and updates the staged rows of one table. Foreign keys wait for the end of the transaction,
/// so that tables that refer to each other need no order.
fn apply(connection: &Connection, entry: &Entry, run: &RunId) -> Result<Applied, StoreError> {
    let table = &entry.table.name;
    let Some(staging) = stage::find(connection, &entry.alias, run, table)? else {
        return Ok(Applied {
            table: table.clone(),
            inserted: 0,
            updated: 0,
        });
    };
    let keys = foreign_keys(connection, &entry.alias)?;
    foreign::require_referenced_keys_stay(connection, &entry.alias, &keys, &staging, table)?;
    let number = |rows: usize| u64::try_from(rows).map_err(|_| bug("count rows").at(table));
    let updated = update(connection, entry, &staging)?;
    let insert = format!(
        "insert or abort into {} ({}) select {} from {} where action = 'insert' order by ordinal",
        entry.sql_name(),
        quote_list("", &staging.columns),
        staging.staged_columns().join(", "),
        staging.sql_name()
    );
    let inserted = connection
        .execute(&insert, [])
        .doing_at("insert rows", table)?;
    Ok(Applied {
        table: table.clone(),
        inserted: number(inserted)?,
        updated: number(updated)?,
    })
}

fn update(connection: &Connection, entry: &Entry, staging: &Staging) -> Result<usize, StoreError> {
    let what = "update rows";
    let table = &entry.table.name;
    let wanted: usize = connection
        .query_row(
            &format!(
                "select count(*) from {} where action = 'update'",
                staging.sql_name()
            ),
            [],
            |row| row.get::<_, i64>(0),
        )
        .doing_at(what, table)?
        .try_into()
        .map_err(|_| bug(what).at(table))?;
    if wanted == 0 {
        return Ok(0);
    }
    if staging.identity.is_empty() {
        return Err(bug("update rows of a table without identity").at(table));
    }
    moves::give_up_values(connection, entry, staging)?;
    let sets: Vec<String> = staging
        .columns
        .iter()
        .filter(|name| !staging.identity.contains(name))
        .filter_map(|name| Some(format!("{} = s.{}", quote(name), staging.staged(name)?)))
        .collect();
    let (target, stage) = (entry.sql_name(), staging.sql_name());
    let joined = staging.joined("t", "s");
    let updated: usize = if sets.is_empty() {
        let sql = format!(
            "select count(*) from {stage} as s join {target} as t on {joined} where s.action = 'update'"
        );
        let rows: i64 = connection
            .query_row(&sql, [], |row| row.get(0))
            .doing_at(what, table)?;
        rows.try_into().map_err(|_| bug(what).at(table))?
    } else {
        let sql = format!(
            "update or abort {target} as t set {} from {stage} as s where s.action = 'update' and {joined}",
            sets.join(", ")
        );
        connection.execute(&sql, []).doing_at(what, table)?
    };
    if updated != wanted {
        return Err(bug("update rows that are not there").at(table));
    }
    Ok(updated)
}
