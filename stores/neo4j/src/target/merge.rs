//! The one transaction in which a run's rows are written. Must not delete a node to write it again, and
//! must not touch what no staged row names.

use std::collections::HashMap;

use async_trait::async_trait;
use neo4j::ValueSend;
use redistrict_model::{Key, KeyRow, RunId, TableRef};
use redistrict_store::{
    Action, Applied, BatchStream, CommitOutcome, KeyReader, KeyRequest, Lease, LedgerEntry, Merge,
    RaisedSequence, RowReader, RowRequest, RunRecord, RunState, StoreError,
};

use super::apply::Applying;
use super::locked::LockedRows;
use super::staged::Marked;
use super::writes::Finding;
use super::{delete, ledger, moves, runs};
use crate::bolt::{Bolt, Parameters, Transaction};
use crate::error::{Context as _, bug};
use crate::live::{LiveTable, LiveTables, NODE, Role};
use crate::reader;
use crate::types::Form;

/// An open merge. Dropping it rolls back.
#[derive(Debug)]
pub(super) struct Neo4jMerge {
    transaction: Transaction,
    tables: LiveTables,
    lease: Lease,
    staged: HashMap<TableRef, Option<Marked>>,
    locked: LockedRows,
    /// The position of the next entry of the ledger.
    position: i64,
    /// Owns the connection.
    _bolt: Bolt,
}

impl Neo4jMerge {
    /// Takes over a transaction that holds the lease.
    pub(super) async fn new(
        bolt: Bolt,
        mut transaction: Transaction,
        tables: LiveTables,
        lease: Lease,
    ) -> Result<Self, StoreError> {
        let position = ledger::count(&mut transaction, &lease.run).await?;
        Ok(Self {
            transaction,
            tables,
            lease,
            staged: HashMap::new(),
            locked: LockedRows::default(),
            position,
            _bolt: bolt,
        })
    }

    /// What is staged of a table, looked up once.
    async fn staged(&mut self, name: &TableRef) -> Result<&mut Option<Marked>, StoreError> {
        self.tables.table(name)?;
        if !self.staged.contains_key(name) {
            let found = Marked::load(&mut self.transaction, &self.lease.run, name).await?;
            self.staged.insert(name.clone(), found);
        }
        self.staged
            .get_mut(name)
            .ok_or_else(|| bug("find the staged rows").at(name))
    }

    fn require_own_run(&self, run: &RunId) -> Result<(), StoreError> {
        if *run == self.lease.run {
            return Ok(());
        }
        let what = format!("write as run {run}: the lease is another run's");
        Err(bug(what))
    }
}

/// The properties of a key with their forms.
pub(super) fn key_of(
    table: &LiveTable,
    identity: &[String],
) -> Result<Vec<(String, Form)>, StoreError> {
    let columns = table.columns(identity)?;
    let part = |column: &&crate::live::LiveColumn| match column.role {
        Role::Property(form) => Some((column.name.clone(), form)),
        _ => None,
    };
    let key: Option<Vec<(String, Form)>> = columns.iter().map(part).collect();
    key.ok_or_else(|| bug("take a key out of columns that are no properties").at(&table.entry.name))
}

/// How rows of a table are named, and the forms of the parts; none for locators.
pub(super) fn finding_of(table: &LiveTable) -> Result<(Finding, Option<Vec<Form>>), StoreError> {
    let Some(identity) = table.entry.identity() else {
        return Ok((Finding::Locator, None));
    };
    let key = key_of(table, identity)?;
    let forms = key.iter().map(|(_, form)| *form).collect();
    Ok((Finding::Key(key), Some(forms)))
}

/// What every statement on a table binds besides its rows.
pub(super) fn key_parameters(table: &LiveTable) -> Parameters {
    let known = table.properties().map(ValueSend::from).collect();
    let label = table.entry.name.table.as_str().into();
    Parameters::from([
        ("label".to_owned(), label),
        ("known".to_owned(), ValueSend::List(known)),
    ])
}

#[async_trait]
impl KeyReader for Neo4jMerge {
    async fn keys(&mut self, request: &KeyRequest) -> Result<Vec<KeyRow>, StoreError> {
        reader::keys(&mut self.transaction, &self.tables, request).await
    }

    async fn count(&mut self, table: &TableRef) -> Result<u64, StoreError> {
        reader::count(&mut self.transaction, &self.tables, table).await
    }
}

#[async_trait]
impl RowReader for Neo4jMerge {
    async fn rows<'a>(
        &'a mut self,
        request: &'a RowRequest,
    ) -> Result<BatchStream<'a>, StoreError> {
        reader::rows(&mut self.transaction, &self.tables, request)
    }
}

#[async_trait]
impl Merge for Neo4jMerge {
    async fn lock_staged(&mut self, table: &TableRef) -> Result<Vec<Key>, StoreError> {
        let keys = match self.staged(table).await? {
            Some(marked) => marked.keys(|action| action != Action::Leave),
            None => return Ok(Vec::new()),
        };
        if keys.is_empty() {
            return Ok(keys);
        }
        let live = self.tables.table(table)?;
        let transaction = &mut self.transaction;
        self.locked
            .lock(transaction, &self.tables, live, &keys)
            .await
    }

    async fn lock(&mut self, table: &TableRef, keys: &[Key]) -> Result<Vec<Key>, StoreError> {
        let live = self.tables.table(table)?;
        let transaction = &mut self.transaction;
        self.locked
            .lock(transaction, &self.tables, live, keys)
            .await
    }

    async fn mark(
        &mut self,
        table: &TableRef,
        keys: &[Key],
        action: Action,
    ) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        match self.staged(table).await? {
            Some(marked) => marked.mark(table, keys, action),
            None => Err(bug("mark rows of a table that has none staged").at(table)),
        }
    }

    async fn apply(&mut self, tables: &[TableRef]) -> Result<Vec<Applied>, StoreError> {
        let mut applied: Vec<Applied> = Vec::new();
        for is_node in [true, false] {
            for name in tables
                .iter()
                .filter(|name| (name.schema == NODE) == is_node)
            {
                self.staged(name).await?;
                let done = match self.staged.get(name) {
                    Some(Some(marked)) => {
                        let mut applying = Applying {
                            transaction: &mut self.transaction,
                            tables: &self.tables,
                            run: &self.lease.run,
                            name,
                        };
                        moves::give_up_values(&mut applying, marked, &mut self.locked).await?;
                        applying.apply(marked).await?
                    }
                    _ => Applied {
                        table: name.clone(),
                        inserted: 0,
                        updated: 0,
                    },
                };
                self.locked.forget(name);
                applied.push(done);
            }
        }
        let place = |one: &Applied| tables.iter().position(|name| *name == one.table);
        applied.sort_by_key(place);
        Ok(applied)
    }

    async fn delete(&mut self, tables: &[(TableRef, Vec<Key>)]) -> Result<u64, StoreError> {
        delete::delete(
            &mut self.transaction,
            &self.tables,
            &mut self.locked,
            tables,
        )
        .await
    }

    async fn write_ledger(&mut self, entries: &[LedgerEntry]) -> Result<(), StoreError> {
        for entry in entries {
            self.require_own_run(&entry.run)?;
            ledger::insert(&mut self.transaction, self.position, entry).await?;
            self.position += 1;
        }
        Ok(())
    }

    async fn set_run_state(&mut self, run: &RunId, state: RunState) -> Result<(), StoreError> {
        runs::set_state(&mut self.transaction, run, state).await
    }

    /// The server checks uniqueness with every statement and the ends of relationships while they are
    /// written: nothing is left but that the transaction still stands.
    async fn raise_sequences(
        &mut self,
        _tables: &[TableRef],
    ) -> Result<Vec<RaisedSequence>, StoreError> {
        // A graph has none.
        Ok(Vec::new())
    }

    async fn check_constraints(&mut self) -> Result<(), StoreError> {
        let what = "check that the merge still stands";
        let answer = self.transaction.all("RETURN 1", Parameters::new()).await;
        answer.doing(what).map(drop)
    }

    async fn commit(mut self: Box<Self>, record: &RunRecord) -> Result<CommitOutcome, StoreError> {
        self.require_own_run(&record.run)?;
        if record.epoch != self.lease.epoch {
            return Err(bug("commit a run as another epoch than that of its lease"));
        }
        runs::insert(&mut self.transaction, record).await?;
        self.transaction.commit().await.doing("commit a merge")
    }
}
