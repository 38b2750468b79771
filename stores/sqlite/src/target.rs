//! CERT's side: all SQLite targets of a run as one commit group. Every call opens its own connection,
//! so that a lost one is never used again. Must not write without the lease, except to enroll.

mod delete;
mod enrolment;
mod foreign;
mod lease;
mod ledger;
mod merge;
mod moves;
mod runs;
mod sequences;
mod stage;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use redistrict_model::{Catalog, RunId, StoreName, Table};
use redistrict_store::{
    BatchStream, Enrolment, Fingerprint, Lease, LeaseClaim, LeaseOutcome, Ledger, Merge, Preparing,
    RunRecord, StagePart, Staged, StoreError, StoreErrorKind, TargetCapabilities, TargetRead,
    TargetStore, Traces,
};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::catalog::{self, Side};
use crate::connect::{BUSY_TIMEOUT, File, Group, Session, blocking};
use crate::error::{Context, bug};
use crate::journal_mode;
use crate::names::alias_of;
use crate::reader::{Reader, View};
use crate::tables::Tables;
use merge::SqliteMerge;

/// How long a writer waits for another writer of this process.
const GATE_TIMEOUT: Duration = Duration::from_secs(60);

/// All SQLite targets of a run: one commit group, whose commit is atomic over its files.
#[derive(Clone, Debug)]
pub struct SqliteTarget {
    names: Vec<StoreName>,
    group: Group,
    gate: Arc<Mutex<()>>,
}

impl SqliteTarget {
    /// The stores of the group with their files, in configuration order; at most eleven. Files are
    /// opened when they are asked for something.
    #[must_use]
    pub fn new(stores: Vec<(StoreName, PathBuf)>) -> Self {
        Self {
            names: stores.iter().map(|(name, _)| name.clone()).collect(),
            group: Group {
                files: stores,
                busy_timeout: BUSY_TIMEOUT,
            },
            gate: Arc::new(Mutex::new(())),
        }
    }

    /// Waits that long for locks of other processes, instead of ten seconds.
    #[must_use]
    pub fn with_busy_timeout(mut self, timeout: Duration) -> Self {
        self.group.busy_timeout = timeout;
        self
    }

    /// The files, as text.
    pub(crate) fn paths(&self) -> Vec<String> {
        let files = self.group.files.iter();
        files.map(|(_, path)| path.display().to_string()).collect()
    }

    async fn gate(&self) -> Result<OwnedMutexGuard<()>, StoreError> {
        let wait = tokio::time::timeout(GATE_TIMEOUT, Arc::clone(&self.gate).lock_owned());
        wait.await.map_err(|_| {
            let what = "write while another write of this process is open";
            StoreError::new(StoreErrorKind::Busy, what)
        })
    }

    /// Catalog entries with the alias of each; those of other groups are left out.
    fn tables(&self, tables: &[Table]) -> Tables {
        let located = tables.iter().filter_map(|table| {
            let alias = self.group.alias(&table.name.store).ok()?;
            Some((alias, table.clone()))
        });
        Tables::new(located)
    }

    /// Reads over a connection of its own.
    async fn reading<T, F>(&self, group: Group, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &Group) -> Result<T, StoreError> + Send + 'static,
    {
        blocking(move || {
            let mut connection = group.open_for_reading()?;
            let view = connection.transaction().doing("begin to read")?;
            work(&view, &group)
        })
        .await
    }

    /// Writes in one transaction that checks the lease first.
    async fn writing<T, F>(&self, lease: &Lease, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &Group) -> Result<T, StoreError> + Send + 'static,
    {
        let _gate = self.gate().await?;
        let (group, lease) = (self.group.clone(), lease.clone());
        blocking(move || {
            let connection = begin(&group, &lease)?;
            let done = work(&connection, &group)?;
            connection
                .execute_batch("commit")
                .doing("commit to a SQLite target")?;
            Ok(done)
        })
        .await
    }
}

/// A connection whose writing transaction is open, with the lease checked.
fn begin(group: &Group, lease: &Lease) -> Result<Connection, StoreError> {
    let connection = group.open_for_writing()?;
    require_enrolled(&connection, group)?;
    lease::begin(&connection, &group.aliases(), lease)?;
    connection
        .pragma_update(None, "defer_foreign_keys", true)
        .doing("defer the foreign keys of a merge")?;
    Ok(connection)
}

fn require_enrolled(connection: &Connection, group: &Group) -> Result<(), StoreError> {
    for (position, (_, path)) in group.files.iter().enumerate() {
        let file = File::find(path)?;
        enrolment::require(connection, &alias_of(position), &file.fingerprint)?;
    }
    Ok(())
}

#[async_trait]
impl TargetStore for SqliteTarget {
    fn stores(&self) -> &[StoreName] {
        &self.names
    }

    fn capabilities(&self) -> TargetCapabilities {
        TargetCapabilities {
            defers_foreign_keys: true,
            open_schema: false,
        }
    }

    async fn fingerprint(&self, store: &StoreName) -> Result<Fingerprint, StoreError> {
        let group = self.group.only(store)?;
        self.reading(group, |_, group| {
            let (_, path) = group.files.first().ok_or_else(|| bug("find a file"))?;
            Ok(File::find(path)?.fingerprint)
        })
        .await
    }

    async fn catalog(&self, store: &StoreName) -> Result<Catalog, StoreError> {
        let (group, store) = (self.group.only(store)?, store.clone());
        self.reading(group, move |connection, _| {
            catalog::read(connection, &alias_of(0), &store, Side::Target)
        })
        .await
    }

    async fn preparing(&self) -> Result<Preparing, StoreError> {
        Ok(Preparing::never("SQLite"))
    }

    async fn enrolment(&self, store: &StoreName) -> Result<Option<Enrolment>, StoreError> {
        let group = self.group.only(store)?;
        self.reading(group, |connection, _| {
            enrolment::read(connection, &alias_of(0))
        })
        .await
    }

    async fn enroll(&self, store: &StoreName, mark: &Enrolment) -> Result<(), StoreError> {
        let _gate = self.gate().await?;
        let (group, mark) = (self.group.only(store)?, mark.clone());
        blocking(move || {
            let was_wal = journal_mode::is_wal(&group.open_for_reading()?, &alias_of(0))?;
            let mut connection = group.open_for_writing()?;
            enrolment::write(&mut connection, &mark)?;
            if was_wal {
                journal_mode::note_wal(&connection, &alias_of(0))?;
            }
            journal_mode::put_back(&connection, &group.aliases())
        })
        .await
    }

    async fn acquire_lease(&self, claim: &LeaseClaim) -> Result<LeaseOutcome, StoreError> {
        let _gate = self.gate().await?;
        let (group, claim) = (self.group.clone(), claim.clone());
        blocking(move || {
            let mut connection = group.open_for_writing()?;
            require_enrolled(&connection, &group)?;
            lease::acquire(&mut connection, &group.aliases(), &claim)
        })
        .await
    }

    async fn beat(&self, lease: &Lease) -> Result<(), StoreError> {
        // A writer of this process is at work: the file is locked, and its commit says the same.
        let Ok(gate) = Arc::clone(&self.gate).try_lock_owned() else {
            return Ok(());
        };
        let (group, lease) = (self.group.clone(), lease.clone());
        blocking(move || {
            let _gate = gate;
            let mut connection = group.open_for_writing()?;
            require_enrolled(&connection, &group)?;
            let what = "say that the lease is still used";
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .doing(what)?;
            lease::beat(&transaction, &group.aliases(), &lease)?;
            transaction.commit().doing(what)
        })
        .await
    }

    async fn traces(&self) -> Result<Traces, StoreError> {
        self.reading(self.group.clone(), |connection, group| {
            lease::traces(connection, &group.aliases())
        })
        .await
    }

    async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        let _gate = self.gate().await?;
        let (group, lease) = (self.group.clone(), lease.clone());
        blocking(move || {
            let mut connection = group.open_for_writing()?;
            require_enrolled(&connection, &group)?;
            lease::release(&mut connection, &group.aliases(), &lease)?;
            journal_mode::put_back(&connection, &group.aliases())
        })
        .await
    }

    async fn read(&self, tables: &[Table]) -> Result<Box<dyn TargetRead>, StoreError> {
        let group = self.group.clone();
        let connection = blocking(move || group.open_for_reading()).await?;
        let session = Session::new(connection);
        Ok(Box::new(Reader::new(
            session,
            self.tables(tables),
            View::PerRequest,
        )))
    }

    async fn stage(
        &self,
        lease: &Lease,
        table: &Table,
        part: &StagePart,
        mut batches: BatchStream<'_>,
    ) -> Result<Staged, StoreError> {
        let entry = self
            .tables(std::slice::from_ref(table))
            .entry(&part.table)?;
        stage::require_columns(&entry, part)?;
        let _gate = self.gate().await?;
        let (group, taken) = (self.group.clone(), lease.clone());
        let session = Session::new(blocking(move || begin(&group, &taken)).await?);
        let (run, part) = (lease.run.clone(), Arc::new(part.clone()));

        let (alias, wanted, by) = (entry.alias.clone(), Arc::clone(&part), run.clone());
        let there =
            session.call(move |connection| stage::part_rows(connection, &alias, &by, &wanted));
        if let Some(rows) = there.await? {
            return Ok(Staged {
                rows,
                was_there: true,
            });
        }
        let (at, wanted, by) = (Arc::clone(&entry), Arc::clone(&part), run.clone());
        let staging = session
            .call(move |connection| stage::find_or_make(connection, &at, &by, &wanted))
            .await?;
        let mut rows = 0;
        while let Some(batch) = batches.next().await {
            let (batch, staging) = (batch?, staging.clone());
            let (at, part) = (Arc::clone(&entry), Arc::clone(&part));
            rows += session
                .call(move |connection| {
                    stage::insert(connection, &at, &staging, &part, &batch, rows)
                })
                .await?;
        }
        session
            .call(move |connection| {
                crate::reader::still_open(connection)?;
                stage::write_part(connection, &entry.alias, &run, &part, rows)?;
                connection
                    .execute_batch("commit")
                    .doing_at("commit a staged part", &part.table)
            })
            .await?;
        Ok(Staged {
            rows,
            was_there: false,
        })
    }

    async fn begin_merge(
        &self,
        lease: &Lease,
        tables: &[Table],
    ) -> Result<Box<dyn Merge>, StoreError> {
        let gate = self.gate().await?;
        let (group, taken) = (self.group.clone(), lease.clone());
        let session = Session::new(blocking(move || begin(&group, &taken)).await?);
        let tables = self.tables(tables);
        let merge = SqliteMerge::new(session, tables, self.group.clone(), lease.clone(), gate);
        Ok(Box::new(merge))
    }

    async fn run_record(&self, run: &RunId) -> Result<Option<RunRecord>, StoreError> {
        let records = self.run_records().await?;
        Ok(records.into_iter().find(|record| record.run == *run))
    }

    async fn run_records(&self) -> Result<Vec<RunRecord>, StoreError> {
        self.reading(self.group.clone(), |connection, group| {
            runs::read(connection, &group.aliases())
        })
        .await
    }

    async fn ledger(&self, run: &RunId, _tables: &[Table]) -> Result<Ledger, StoreError> {
        let run = run.clone();
        self.reading(self.group.clone(), move |connection, group| {
            let mut files = Vec::new();
            for (position, (store, _)) in group.files.iter().enumerate() {
                let alias = alias_of(position);
                if enrolment::is_enrolled(connection, &alias).doing("read the ledger")? {
                    files.push((store.clone(), alias));
                }
            }
            ledger::read(connection, &files, &run)
        })
        .await
    }

    async fn clear_staging(&self, lease: &Lease) -> Result<(), StoreError> {
        let run = lease.run.clone();
        self.writing(lease, move |connection, group| {
            let mut aliases = group.aliases().into_iter();
            aliases.try_for_each(|alias| stage::clear(connection, &alias, &run))
        })
        .await
    }
}
