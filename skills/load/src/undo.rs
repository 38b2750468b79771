//! Takes one run back in one commit group: the inverse of its ledger, checked, staged, applied in one
//! transaction with a ledger of its own, so that the same code takes the undo back (redo).

use std::collections::HashMap;

use arrow::array::RecordBatch;
use futures::stream::{self, StreamExt};
use redistrict_artifact::RowHasher;
use redistrict_model::{ErrorKind, Key, LoadGroup, RunId, Table, TableRef};
use redistrict_skill::{SkillError, UnitContext};
use redistrict_store::{
    Action, Lease, Ledger, LedgerOperation, Merge, RunRecord, RunState, StagePart, StoreError,
    StoreErrorKind, TargetStore,
};

use crate::commit::commit;
use crate::conflicts::Conflicts;
use crate::error::{UNDO_REFUSED, bug, store_failed};
use crate::inverse::{
    Check, CurrentRows, InverseRow, TableInverse, check_same_columns, invert, keys,
};
use crate::ledger::{WrittenRows, entries, later_families, states_after_undo};
use crate::preflight::check_marks;
use crate::readers::{Readers, Views, live_tables};
use crate::report::{UndoCounts, UndoReport};
use crate::rows::{Locators, Place, keys_of, pick};
use crate::session::Session;
use crate::shape::target_hasher;
use crate::written::{After, read_back};

/// The run that takes back what a failed run had committed already.
pub(crate) fn compensation_of(run: &RunId) -> RunId {
    RunId::new(format!("rb-{run}"))
}

/// Where a run stands in a group, as far as taking it back goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It committed nothing here.
    NeverCommitted,
    /// Another run took it back.
    Undone,
    /// This undo took it back.
    Done,
    /// Its rows stand.
    Stands,
}

/// From the records of the run and of the undo.
pub(crate) fn standing(undone: Option<&RunRecord>, undo: Option<&RunRecord>) -> Standing {
    match (undone, undo) {
        (_, Some(_)) => Standing::Done,
        (None, None) => Standing::NeverCommitted,
        (Some(record), None) if record.state == RunState::Undone => Standing::Undone,
        (Some(_), None) => Standing::Stands,
    }
}

/// Takes `undone` back in one group, as run `run`.
pub(crate) struct Undoing<'a> {
    session: &'a Session,
    context: &'a UnitContext,
    group: &'a LoadGroup,
    target: &'a dyn TargetStore,
    undone: &'a RunId,
    run: &'a RunId,
    hasher: RowHasher,
    locators: Locators,
}

/// Everything about the past that an undo needs; stable while the lease is held.
struct Past {
    live: Vec<Table>,
    record: RunRecord,
    records: Vec<RunRecord>,
    inverse: Vec<TableInverse>,
    later: Vec<(RunId, Ledger)>,
}

impl<'a> Undoing<'a> {
    pub(crate) fn new(
        session: &'a Session,
        context: &'a UnitContext,
        group: &'a LoadGroup,
        undone: &'a RunId,
        run: &'a RunId,
    ) -> Result<Self, SkillError> {
        Ok(Self {
            session,
            context,
            group,
            target: session.target(group)?,
            undone,
            run,
            hasher: target_hasher(&session.setup.key),
            locators: Locators::new(&session.setup.key),
        })
    }

    fn failed(&self, error: &StoreError) -> SkillError {
        let doing = format!("take back {} in {}", self.undone, self.group.name);
        store_failed(doing, error)
    }

    /// Asks the records.
    pub(crate) async fn standing(&self) -> Result<Standing, SkillError> {
        let failed = |error| self.failed(&error);
        let undone = self.target.run_record(self.undone).await.map_err(failed)?;
        let undo = self.target.run_record(self.run).await.map_err(failed)?;
        Ok(standing(undone.as_ref(), undo.as_ref()))
    }

    /// The run that holds or held the lease.
    pub(crate) async fn lease(&self) -> Result<Lease, SkillError> {
        self.session
            .lease_over(self.group, self.run, self.undone)
            .await
    }

    async fn past(&self) -> Result<Past, SkillError> {
        let failed = |error| self.failed(&error);
        check_marks(&self.session.setup, self.group, self.target).await?;
        let live = live_tables(self.target).await.map_err(failed)?;
        let records = self.target.run_records().await.map_err(failed)?;
        let record = records.iter().find(|record| record.run == *self.undone);
        let record = record
            .cloned()
            .ok_or_else(|| bug(format!("find the record of {}", self.undone)))?;
        let ledger = self.ledger(self.undone, &live).await?;
        let inverse = invert(&self.context.plan, &self.group.order, ledger)?;
        check_same_columns(&inverse, &live)?;
        let mut later = Vec::new();
        for (root, newest) in later_families(&records, self.undone) {
            later.push((newest, self.ledger(&root, &live).await?));
        }
        Ok(Past {
            live,
            record,
            records,
            inverse,
            later,
        })
    }

    async fn ledger(&self, run: &RunId, live: &[Table]) -> Result<Ledger, SkillError> {
        let ledger = self.target.ledger(run, live).await;
        ledger.map_err(|error| self.failed(&error))
    }

    /// Checks without writing; the conflicts found are added.
    pub(crate) async fn check(&self, conflicts: &mut Conflicts) -> Result<UndoReport, SkillError> {
        let past = self.past().await?;
        let mut views = Views::default();
        let opened = views.open(self.target, &past.live).await;
        opened.map_err(|error| self.failed(&error))?;
        let mut readers = Readers::of_views(&mut views);
        self.check_past(&past, &mut readers, conflicts).await?;
        Ok(self.report(past.inverse.iter().map(counts_of)))
    }

    async fn check_past(
        &self,
        past: &Past,
        readers: &mut Readers<'_>,
        conflicts: &mut Conflicts,
    ) -> Result<Vec<CurrentRows>, SkillError> {
        let check = Check {
            inverse: &past.inverse,
            later: &past.later,
            live: &past.live,
            hasher: &self.hasher,
            locators: &self.locators,
        };
        let checked = check.run(readers, conflicts).await;
        checked.map_err(|error| self.failed(&error))
    }

    /// Stages the rows as they were. Exactly once per part; nothing to do where nothing stands.
    pub(crate) async fn stage(&self, lease: &Lease) -> Result<u64, SkillError> {
        if self.standing().await? != Standing::Stands {
            return Ok(0);
        }
        let mut staged = 0;
        for table in self.past().await?.inverse {
            for (part, image) in table.images {
                self.context.cancel.check()?;
                let stage = StagePart {
                    table: table.shape.name().clone(),
                    part,
                    columns: table.shape.image.clone(),
                    identity: table.shape.identity.clone(),
                };
                let expected = image.num_rows() as u64;
                let batches = stream::iter([Ok(image)]).boxed();
                let done = self
                    .target
                    .stage(lease, &table.shape.table, &stage, batches)
                    .await
                    .map_err(|error| self.failed(&error))?;
                if done.rows != expected {
                    return Err(bug(format!(
                        "stage the rows of {} as they were",
                        stage.table
                    )));
                }
                staged += done.rows;
            }
        }
        Ok(staged)
    }

    /// The transaction; none if there is nothing to take back.
    pub(crate) async fn undo(&self, lease: &Lease) -> Result<Option<UndoReport>, SkillError> {
        match self.standing().await? {
            Standing::NeverCommitted | Standing::Undone => return Ok(None),
            Standing::Done => return self.tell_done().await.map(Some),
            Standing::Stands => {}
        }
        let past = self.past().await?;
        let failed = |error| self.failed(&error);
        let mut merge = self
            .target
            .begin_merge(lease, &past.live)
            .await
            .map_err(failed)?;
        let current = self.locked(merge.as_mut(), &past).await?;
        self.apply(merge.as_mut(), &past).await?;
        for (table, current) in past.inverse.iter().zip(&current) {
            self.record(merge.as_mut(), table, current).await?;
        }
        for (run, state) in states_after_undo(&past.records, self.undone) {
            merge.set_run_state(&run, state).await.map_err(failed)?;
        }
        merge
            .check_constraints()
            .await
            .map_err(|error| self.refused(&error))?;
        let record = RunRecord {
            run: self.run.clone(),
            parent: Some(self.undone.clone()),
            epoch: lease.epoch,
            plan_digest: past.record.plan_digest.clone(),
            state: RunState::Committed,
        };
        commit(self.session, self.group, self.context, merge, &record).await?;
        Ok(Some(self.report(past.inverse.iter().map(counts_of))))
    }

    /// Locks the rows and checks again.
    async fn locked(
        &self,
        merge: &mut dyn Merge,
        past: &Past,
    ) -> Result<Vec<CurrentRows>, SkillError> {
        for table in &past.inverse {
            let locked = merge.lock(table.shape.name(), &table.keys()).await;
            locked.map_err(|error| self.failed(&error))?;
        }
        let mut views = Views::default();
        views.know(&past.live);
        let mut readers = Readers {
            merge: Some((&self.group.stores, merge)),
            views: &mut views,
        };
        let mut conflicts = Conflicts::default();
        let current = self.check_past(past, &mut readers, &mut conflicts).await?;
        if conflicts.is_empty() {
            Ok(current)
        } else {
            Err(conflicts.into_undo_error())
        }
    }

    /// Writes what was, parents first, then deletes what was not, children first.
    async fn apply(&self, merge: &mut dyn Merge, past: &Past) -> Result<(), SkillError> {
        let find = |name: &TableRef| past.inverse.iter().find(|one| one.shape.name() == name);
        for table in past.inverse.iter().filter(|one| !one.restore.is_empty()) {
            let marked = merge
                .mark(table.shape.name(), &keys(&table.restore), Action::Update)
                .await;
            marked.map_err(|error| self.failed(&error))?;
        }
        for set in &self.group.order {
            let staged = |name: &&TableRef| find(name).is_some_and(|one| !one.images.is_empty());
            let tables: Vec<TableRef> = set.iter().filter(staged).cloned().collect();
            if tables.is_empty() {
                continue;
            }
            let applied = merge.apply(&tables).await;
            for done in applied.map_err(|error| self.refused(&error))? {
                let expected = find(&done.table)
                    .map(|one| (one.reinsert.len() as u64, one.restore.len() as u64));
                if expected != Some((done.inserted, done.updated)) {
                    return Err(bug(format!(
                        "put back the rows of {}: not all were written",
                        done.table
                    )));
                }
            }
        }
        for set in self.group.order.iter().rev() {
            let deleted: Vec<(TableRef, Vec<Key>)> = set
                .iter()
                .rev()
                .filter_map(|name| Some((name.clone(), keys(&find(name)?.delete))))
                .filter(|(_, keys)| !keys.is_empty())
                .collect();
            if deleted.is_empty() {
                continue;
            }
            let expected: u64 = deleted.iter().map(|(_, keys)| keys.len() as u64).sum();
            let done = merge.delete(&deleted).await;
            if done.map_err(|error| self.refused(&error))? != expected {
                return Err(bug("delete the run's rows: not all were deleted"));
            }
        }
        Ok(())
    }

    /// A constraint that refuses is a row of others that stands in the way.
    fn refused(&self, error: &StoreError) -> SkillError {
        let failed = self.failed(error);
        if error.kind == StoreErrorKind::Constraint {
            failed.with_hint(UNDO_REFUSED)
        } else {
            failed
        }
    }

    /// Checks that the rows are exactly as they were, and writes the ledger of the undo.
    async fn record(
        &self,
        merge: &mut dyn Merge,
        table: &TableInverse,
        current: &CurrentRows,
    ) -> Result<(), SkillError> {
        let failed = |error| self.failed(&error);
        let mut put_back = keys(&table.restore);
        put_back.extend(keys(&table.reinsert));
        let mut views = Views::default();
        let mut readers = Readers {
            merge: Some((&self.group.stores, &mut *merge)),
            views: &mut views,
        };
        let after = read_back(&mut readers, &table.shape, &self.hasher, &put_back).await?;
        self.check_exact(table, &after)?;
        let name = table.shape.name();
        let mut written = Vec::new();
        for is_stub in [false, true] {
            for (operation, rows) in [
                (LedgerOperation::Deleted, &table.delete),
                (LedgerOperation::Updated, &table.restore),
                (LedgerOperation::Inserted, &table.reinsert),
            ] {
                let rows = rows.iter().filter(|row| row.is_stub == is_stub);
                let rows: Vec<&InverseRow> = rows.collect();
                if !rows.is_empty() {
                    written.push(
                        written_rows(operation, is_stub, &rows, current, &after).map_err(failed)?,
                    );
                }
            }
        }
        let entries = entries(self.run, name, &written);
        merge.write_ledger(&entries).await.map_err(failed)
    }

    fn check_exact(&self, table: &TableInverse, after: &After) -> Result<(), SkillError> {
        let shape = &table.shape;
        for (_, image) in &table.images {
            let keys = keys_of(image, &shape.identity, &shape.table, shape.kind)
                .map_err(|error| self.failed(&error))?;
            for (key, hash) in keys.into_iter().zip(self.hasher.rows(image)) {
                let is_exact = key
                    .and_then(|key| after.get(&key))
                    .is_some_and(|(there, _)| *there == hash);
                if !is_exact {
                    let what = format!(
                        "put back the rows of {}: CERT changed them while they were written (triggers)",
                        shape.name()
                    );
                    let error = SkillError::new(ErrorKind::Conflict, what);
                    return Err(error.with_hint(UNDO_REFUSED));
                }
            }
        }
        Ok(())
    }

    fn report(&self, tables: impl Iterator<Item = (TableRef, UndoCounts)>) -> UndoReport {
        UndoReport {
            group: self.group.name.clone(),
            stores: self.group.stores.clone(),
            tables: tables.collect(),
        }
    }

    /// The report of an undo whose outcome was lost: from its own ledger.
    async fn tell_done(&self) -> Result<UndoReport, SkillError> {
        let live = live_tables(self.target)
            .await
            .map_err(|error| self.failed(&error))?;
        let mut counts: HashMap<TableRef, UndoCounts> = HashMap::new();
        for entry in self.ledger(self.run, &live).await? {
            let counts = counts.entry(entry.table).or_default();
            let counter = match entry.operation {
                LedgerOperation::Deleted => &mut counts.deleted,
                LedgerOperation::Updated => &mut counts.restored,
                LedgerOperation::Inserted => &mut counts.reinserted,
            };
            *counter += entry.keys.len() as u64;
        }
        let order = self.group.order.iter().flatten();
        let tables = order.filter_map(|name| counts.remove_entry(name));
        Ok(self.report(tables))
    }
}

fn counts_of(table: &TableInverse) -> (TableRef, UndoCounts) {
    let counts = UndoCounts {
        deleted: table.delete.len() as u64,
        restored: table.restore.len() as u64,
        reinserted: table.reinsert.len() as u64,
    };
    (table.shape.name().clone(), counts)
}

fn written_rows(
    operation: LedgerOperation,
    is_stub: bool,
    rows: &[&InverseRow],
    current: &CurrentRows,
    after: &After,
) -> Result<WrittenRows, StoreError> {
    let missing = || StoreError::new(StoreErrorKind::Bug, "find a row that was read before");
    let keys: Vec<Key> = rows.iter().map(|row| row.key.clone()).collect();
    let before: Option<RecordBatch> = match operation {
        LedgerOperation::Inserted => None,
        _ => {
            let places: Option<Vec<Place>> = keys
                .iter()
                .map(|key| current.places.get(key).copied())
                .collect();
            Some(pick(&current.batches, &places.ok_or_else(missing)?)?)
        }
    };
    let hashes: Option<Vec<[u8; 16]>> = match operation {
        LedgerOperation::Deleted => Some(Vec::new()),
        _ => keys
            .iter()
            .map(|key| after.get(key).map(|(whole, _)| *whole))
            .collect(),
    };
    Ok(WrittenRows {
        operation,
        is_stub,
        keys,
        after: hashes.ok_or_else(missing)?,
        before,
    })
}

#[cfg(test)]
mod tests {
    use redistrict_store::Epoch;

    use super::*;

    #[test]
    fn a_run_is_taken_back_only_where_it_stands_and_only_once() {
        let record = |state| RunRecord {
            run: RunId::new("r"),
            parent: None,
            epoch: Epoch(1),
            plan_digest: String::new(),
            state,
        };
        let (committed, undone) = (record(RunState::Committed), record(RunState::Undone));
        for (run, undo, expected) in [
            (None, None, Standing::NeverCommitted),
            (Some(&committed), None, Standing::Stands),
            (Some(&undone), None, Standing::Undone),
            (Some(&undone), Some(&committed), Standing::Done),
        ] {
            assert_eq!(standing(run, undo), expected);
        }
    }
}
