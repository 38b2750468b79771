//! The writing side: CERT, one commit group at a time. The protocol is `docs/design/load.md`.

use arrow::array::ArrayRef;
use async_trait::async_trait;
use redistrict_model::{Catalog, Column, Finding, Key, RunId, StoreName, Table, TableRef};
use serde::{Deserialize, Serialize};

use crate::error::{StoreError, StoreErrorKind};
use crate::lease::{Lease, LeaseClaim, LeaseOutcome, Traces};
use crate::ledger::{Ledger, LedgerEntry, LedgerOperation, RunRecord, RunState};
use crate::source::{BatchStream, Fingerprint, KeyReader, RowReader};
use crate::two_phase::{Decision, PrepareOutcome, PreparedId, Preparing};

/// What a commit group can take part in. The skill chooses the protocol by these, while planning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TargetCapabilities {
    /// Foreign keys are checked at the end of the transaction, so that write order does not matter.
    pub defers_foreign_keys: bool,
    /// Tables and columns come into being by being written (a graph). What the target's catalog lacks
    /// is taken from the source's, but for keys: a table with a key in the source needs the same
    /// key in the target.
    pub open_schema: bool,
}

/// How much a merge would write into one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSize {
    pub table: TableRef,
    pub rows: u64,
    pub columns: usize,
    /// Bytes of the values, as Arrow holds them; 0 where nobody knows.
    pub bytes: u64,
}

/// A table whose triggers fire for whatever is written into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiresAnyway {
    pub table: TableRef,
    /// Why they cannot be switched off for our writes alone; fits after "because".
    pub why: String,
    /// Statements for the administrator of the target that change that, where there are any.
    pub lines: Vec<String>,
}

/// The mark that makes a database a target. Made once, by a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// Random, 128 bit, hexadecimal.
    pub uuid: String,
    /// The name the person gave.
    pub name: String,
    /// RFC 3339, UTC.
    pub at: String,
    /// The fingerprint at enrolment: a database restored from a copy of another one has to be
    /// enrolled again.
    pub fingerprint: Fingerprint,
}

/// A part of a table to be staged: the unit of "exactly once".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagePart {
    pub table: TableRef,
    /// 0 and up, unique within (run, table).
    pub part: u32,
    /// The columns of the batches, in order.
    pub columns: Vec<String>,
    /// Empty for a keyless table: its staged rows are told by [`staged_key`].
    pub identity: Vec<String>,
}

/// The key of a staged row of a keyless table: its part and its place in the part, from 0.
#[must_use]
pub fn staged_key(part: u32, row: u64) -> Key {
    Key::new([part.to_string(), row.to_string()])
}

/// What staging a part did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Staged {
    pub rows: u64,
    /// The part was there already: nothing was written.
    pub was_there: bool,
}

/// What is done with a staged row. Staged rows start as `Insert`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Insert,
    /// All columns but the identity get the staged values.
    Update,
    /// Nothing.
    Leave,
}

/// What applying did, per table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    pub table: TableRef,
    pub inserted: u64,
    pub updated: u64,
}

/// A sequence that a run moved, so that the application's next key is none of the run's. It stays where it is
/// whatever becomes of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RaisedSequence {
    /// As the store calls it.
    pub sequence: String,
    /// The last value it had given before; none if it never gave one.
    pub from: Option<i64>,
    pub to: i64,
}

/// How a commit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitOutcome {
    Committed,
    /// The reply was lost. The answer is [`TargetStore::run_record`] on a new connection, once the
    /// old one is gone; it is never guessed.
    Unknown,
}

/// Writes CERT. One value stands for one commit group: the stores that commit in one transaction.
///
/// Every write checks, in its own transaction, that the lease's epoch is still the newest. Objects
/// of ours live in a schema (or under a prefix) of our own, made by [`enroll`](Self::enroll).
/// All methods may be called again after a failure; each is atomic: it did everything or nothing.
#[async_trait]
pub trait TargetStore: Send + Sync {
    /// The stores of the group, in configuration order.
    fn stores(&self) -> &[StoreName];

    /// What the group can take part in.
    fn capabilities(&self) -> TargetCapabilities;

    /// The fingerprint of a store's target database.
    async fn fingerprint(&self, store: &StoreName) -> Result<Fingerprint, StoreError>;

    /// The catalog of the configured schemas, our own objects left out.
    async fn catalog(&self, store: &StoreName) -> Result<Catalog, StoreError>;

    /// What stands against writing so much in one transaction, as an ERROR finding with figures; none
    /// where the server can hold it. Asked by the preflight, before anything is staged.
    async fn fits(&self, size: &[TableSize]) -> Result<Option<Finding>, StoreError> {
        let _ = size;
        Ok(None)
    }

    /// What stands against writing these tables that the catalog does not say: rules, the encoding of the
    /// database, a missing right on a sequence. An ERROR finding stops the plan, and a load before it writes.
    /// Reads only.
    async fn obstacles(&self, tables: &[TableRef]) -> Result<Vec<Finding>, StoreError> {
        let _ = tables;
        Ok(Vec::new())
    }

    /// Of these tables, those whose triggers [`Merge::silence`] could not keep from firing, or not without something
    /// going unchecked. None for kinds whose triggers never fire for what we write. Reads only.
    async fn fires_anyway(&self, tables: &[TableRef]) -> Result<Vec<FiresAnyway>, StoreError> {
        let _ = tables;
        Ok(Vec::new())
    }

    /// The statement that makes the key of this table in the target, for people to run; none for kinds whose
    /// tables are made with their keys.
    fn key_statement(&self, table: &Table) -> Option<String> {
        let _ = table;
        None
    }

    /// Values of a column, which travel as its type, as `ColumnType::Verbatim`: exactly what a reader of this
    /// target gives for the same values where the column is `Verbatim`. Asked only where the schema is open.
    fn verbatim(&self, column: &Column, values: &ArrayRef) -> Result<ArrayRef, StoreError> {
        let _ = values;
        let what = format!("put column {:?} into a notation of the store", column.name);
        Err(StoreError::new(StoreErrorKind::Bug, what))
    }

    /// Whether the group could prepare a commit now. Asked before anything is written. Reads only.
    async fn preparing(&self) -> Result<Preparing, StoreError>;

    /// The enrolment mark, if there is one.
    async fn enrolment(&self, store: &StoreName) -> Result<Option<Enrolment>, StoreError>;

    /// Makes our own objects and writes the mark. Enrolling again replaces the mark and keeps the
    /// ledger.
    async fn enroll(&self, store: &StoreName, enrolment: &Enrolment) -> Result<(), StoreError>;

    /// Takes the lease and raises the epoch, or says who has it, as [`LeaseStanding::answer`] decides. A resume
    /// first ends the sessions of earlier epochs of the same run and waits until they are gone; so does whoever
    /// takes its own lease again. What the run has prepared here has to be ended first
    /// ([`LeaseOutcome::InDoubt`]).
    ///
    /// [`LeaseStanding::answer`]: crate::LeaseStanding::answer
    async fn acquire_lease(&self, claim: &LeaseClaim) -> Result<LeaseOutcome, StoreError>;

    /// Says that the process that holds the lease still works. Does nothing where it does not hold it any more,
    /// and where a write of this process shows it anyway; never waits for a merge.
    async fn beat(&self, lease: &Lease) -> Result<(), StoreError>;

    /// Who has the lease, when it was heard of last, and whose rows are staged. Nothing where nobody has enrolled
    /// the target. Reads only.
    async fn traces(&self) -> Result<Traces, StoreError>;

    /// Gives the lease back. Giving back a lease that is not held any more does nothing.
    async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError>;

    /// A read-only view for preflight, dry runs and forecasts. `tables` as in
    /// [`SourceStore::open_cut`](crate::SourceStore::open_cut).
    async fn read(&self, tables: &[Table]) -> Result<Box<dyn TargetRead>, StoreError>;

    /// Writes a part into the run's staging table, which is made when it is not there, together
    /// with its part record, in one transaction: a part is staged exactly once.
    async fn stage(
        &self,
        lease: &Lease,
        table: &Table,
        part: &StagePart,
        batches: BatchStream<'_>,
    ) -> Result<Staged, StoreError>;

    /// Begins the one transaction in which the run's rows are written. `tables` are the target's
    /// catalog entries that may be named.
    async fn begin_merge(
        &self,
        lease: &Lease,
        tables: &[Table],
    ) -> Result<Box<dyn Merge>, StoreError>;

    /// The run's record; none if its data is not there.
    async fn run_record(&self, run: &RunId) -> Result<Option<RunRecord>, StoreError>;

    /// The records of all runs of this group, oldest first.
    async fn run_records(&self) -> Result<Vec<RunRecord>, StoreError>;

    /// What a run wrote. `tables` are the target's catalog entries.
    async fn ledger(&self, run: &RunId, tables: &[Table]) -> Result<Ledger, StoreError>;

    /// Of [`ledger`](Self::ledger), the entries of these operations, in the same order.
    async fn ledger_of(
        &self,
        run: &RunId,
        tables: &[Table],
        operations: &[LedgerOperation],
    ) -> Result<Ledger, StoreError> {
        let mut ledger = self.ledger(run, tables).await?;
        ledger.retain(|entry| operations.contains(&entry.operation));
        Ok(ledger)
    }

    /// Ends what was prepared, as it was decided; whether it was there. One that is not there any more is no
    /// error: somebody has ended it before. Asked only of a group that could prepare.
    async fn finish(&self, prepared: &PreparedId, decision: Decision) -> Result<bool, StoreError> {
        let what = format!("end the prepared transaction {prepared} as {decision:?}");
        Err(StoreError::new(StoreErrorKind::Bug, what))
    }

    /// Drops the staging tables and part records of a run. Idempotent.
    async fn clear_staging(&self, lease: &Lease) -> Result<(), StoreError>;
}

/// A read-only view of a target.
pub trait TargetRead: KeyReader + RowReader + Send {}

impl<T: KeyReader + RowReader + Send> TargetRead for T {}

/// The open transaction of a merge or an undo. It holds the lease for share and sees its own
/// writes. Dropping it rolls everything back.
#[async_trait]
pub trait Merge: KeyReader + RowReader + Send {
    /// Keeps the triggers of these tables from firing for what this transaction writes into them and deletes. Tables
    /// that are written in one statement are named together. Foreign keys are checked all the same, by
    /// [`check_constraints`](Self::check_constraints) at the latest, which has to come before the end.
    ///
    /// # Errors
    /// `Config` where a table is one of [`TargetStore::fires_anyway`].
    async fn silence(&mut self, tables: &[TableRef]) -> Result<(), StoreError> {
        let what = format!("switch off triggers of {} tables", tables.len());
        Err(StoreError::new(StoreErrorKind::Bug, what))
    }

    /// Locks what writing the staged rows of a table needs, by their marks, and nothing that is left as it is. In key
    /// order: the rows that have the identity of a staged row to insert or update, against everybody who would
    /// change or delete them; then, where the kind has foreign keys, the rows that staged rows will refer to,
    /// against everybody who would delete them or change what is referred to. Others may refer to either.
    ///
    /// Gives the keys of the former. None for a keyless table: no row of the target is one of ours by identity.
    async fn lock_staged(&mut self, table: &TableRef) -> Result<Vec<Key>, StoreError>;

    /// Locks the named rows, in key order, against every change and every new reference, as rows that may be deleted
    /// have to be; gives the keys of those that are there. Rows of a
    /// keyless table are named by locators of this transaction; a row that changed since its
    /// locator was read is not there.
    async fn lock(&mut self, table: &TableRef, keys: &[Key]) -> Result<Vec<Key>, StoreError>;

    /// Sets what is done with staged rows. Those of a keyless table are named by [`staged_key`] and are
    /// inserted or left, never updated.
    async fn mark(
        &mut self,
        table: &TableRef,
        keys: &[Key],
        action: Action,
    ) -> Result<(), StoreError>;

    /// Applies the staged rows of these tables by their action, in one statement, so that tables
    /// that refer to each other in a cycle can be written together. Unique values may move from row to row: one that an
    /// updated row gives up is free for any other staged row.
    ///
    /// # Errors
    /// `Constraint` where an update would change a key that rows refer to which the run does not update, whatever
    /// the foreign key would do with them; where rows exchange unique values in a ring and none of them may be without one;
    /// and where the target refuses a row. `Transient` where somebody else has inserted a row of ours meanwhile.
    async fn apply(&mut self, tables: &[TableRef]) -> Result<Vec<Applied>, StoreError>;

    /// Deletes rows by key, or by locator where the table is keyless; every key must be there. Rows of others are never touched: a foreign key
    /// that would cascade to rows that are not among the deleted ones is an error.
    async fn delete(&mut self, tables: &[(TableRef, Vec<Key>)]) -> Result<u64, StoreError>;

    /// Writes ledger entries of this run.
    async fn write_ledger(&mut self, entries: &[LedgerEntry]) -> Result<(), StoreError>;

    /// Sets the state of another run's record in this transaction (an undo marks what it undid).
    async fn set_run_state(&mut self, run: &RunId, state: RunState) -> Result<(), StoreError>;

    /// Raises every sequence that feeds a column of these tables to at least the largest value in the column, as
    /// this transaction sees it; never lowers one. Gives those that this run has moved. They may stay raised
    /// where the transaction is rolled back.
    async fn raise_sequences(
        &mut self,
        tables: &[TableRef],
    ) -> Result<Vec<RaisedSequence>, StoreError>;

    /// The tables in which this transaction has changed rows so far, whoever did it for which reason (triggers among
    /// them), with the number of changes; our own objects left out. Nothing for kinds in which nobody but the
    /// statements themselves changes rows.
    async fn changed_tables(&mut self) -> Result<Vec<(TableRef, u64)>, StoreError> {
        Ok(Vec::new())
    }

    /// Checks every deferred constraint now.
    async fn check_constraints(&mut self) -> Result<(), StoreError>;

    /// Writes the run's record and commits. A record of the same run that is already there is
    /// [`StoreErrorKind::Bug`](crate::StoreErrorKind::Bug).
    async fn commit(self: Box<Self>, record: &RunRecord) -> Result<CommitOutcome, StoreError>;

    /// Writes the run's record and prepares the commit: from now on it can only be ended by
    /// [`TargetStore::finish`], by whomever, and keeps its locks until then, that of the lease among them. Asked
    /// only of a group that could prepare.
    async fn prepare(
        self: Box<Self>,
        record: &RunRecord,
        id: &PreparedId,
    ) -> Result<PrepareOutcome, StoreError> {
        let what = format!("prepare {id} for run {}", record.run);
        Err(StoreError::new(StoreErrorKind::Bug, what))
    }
}
