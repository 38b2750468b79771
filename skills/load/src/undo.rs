//! Takes one run back in one commit group: the inverse of its ledger, checked, staged, applied in one
//! transaction with a ledger of its own, so that the same code takes the undo back (redo).

use std::collections::HashMap;

use futures::stream::{self, StreamExt};
use redistrict_artifact::RowHasher;
use redistrict_model::{Key, LoadGroup, RunId, Table, TableRef};
use redistrict_skill::{SkillError, UnitContext};
use redistrict_store::{
    Lease, Ledger, LedgerOperation, Merge, RunRecord, RunState, StagePart, StoreError,
    StoreErrorKind, TableSize, TargetStore,
};

use crate::applying::Applying;
use crate::commit::commit;
use crate::conflicts::Conflicts;
use crate::copies::find_copies;
use crate::error::{UNDO_REFUSED, bug, store_failed};
use crate::inverse::{Check, CurrentRows, Located, TableInverse, check_same_columns, invert};
use crate::ledger::{later_families, states_after_undo};
use crate::preflight::check_marks;
use crate::readers::{OpenMerge, Readers, Views, live_tables};
use crate::report::{UndoCounts, UndoReport};
use crate::room::check_room;
use crate::rows::Locators;
use crate::session::Session;
use crate::shape::target_hasher;

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
    pub(crate) context: &'a UnitContext,
    pub(crate) group: &'a LoadGroup,
    target: &'a dyn TargetStore,
    undone: &'a RunId,
    pub(crate) run: &'a RunId,
    pub(crate) hasher: RowHasher,
    locators: Locators,
}

/// Everything about the past that an undo needs; stable while the lease is held.
pub(crate) struct Past {
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

    pub(crate) fn failed(&self, error: &StoreError) -> SkillError {
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
        let live = live_tables(self.target, &self.context.plan).await;
        let live = live.map_err(failed)?;
        let records = self.target.run_records().await.map_err(failed)?;
        let record = records.iter().find(|record| record.run == *self.undone);
        let record = record
            .cloned()
            .ok_or_else(|| bug(format!("find the record of {}", self.undone)))?;
        let ledger = self.ledger(self.undone, &live).await?;
        let inverse = invert(&self.context.plan, &self.group.order, ledger)?;
        check_same_columns(&inverse, &live, self.target.capabilities().open_schema)?;
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
        let mut located = Located::new();
        for table in past.inverse.iter().filter(|one| one.shape.is_keyless()) {
            let found = self.find(&mut readers, table).await?;
            located.insert(table.shape.name().clone(), found);
        }
        self.check_past(&past, &located, &mut readers, conflicts)
            .await?;
        check_room(self.target, self.group, &undo_sizes(&past.inverse)).await?;
        Ok(self.report(past.inverse.iter().map(counts_of)))
    }

    /// The copies that would go, of a keyless table.
    pub(crate) async fn find(
        &self,
        readers: &mut Readers<'_>,
        table: &TableInverse,
    ) -> Result<HashMap<Key, Key>, SkillError> {
        let wanted = table.wanted();
        let found = find_copies(readers, &table.shape, &self.hasher, &wanted).await;
        found.map_err(|error| self.failed(&error))
    }

    pub(crate) async fn check_past(
        &self,
        past: &Past,
        located: &Located,
        readers: &mut Readers<'_>,
        conflicts: &mut Conflicts,
    ) -> Result<Vec<CurrentRows>, SkillError> {
        let check = Check {
            inverse: &past.inverse,
            later: &past.later,
            live: &past.live,
            located,
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

    /// Writes and checks everything but the run's record; none if there is nothing to take back.
    pub(crate) async fn prepare(&self, lease: &Lease) -> Result<Option<PreparedUndo>, SkillError> {
        if self.standing().await? != Standing::Stands {
            return Ok(None);
        }
        let past = self.past().await?;
        let failed = |error| self.failed(&error);
        let merge = self.target.begin_merge(lease, &past.live).await;
        let open = OpenMerge {
            stores: self.group.stores.clone(),
            merge: merge.map_err(failed)?,
        };
        let mut applying = Applying::new(self, &past.inverse, [open]);
        applying.lock().await?;
        applying.check(&past).await?;
        applying.count_copies().await?;
        applying.apply().await?;
        applying.record().await?;
        let [mut open] = applying.into_open();
        for (run, state) in states_after_undo(&past.records, self.undone) {
            let set = open.merge.set_run_state(&run, state).await;
            set.map_err(failed)?;
        }
        let written: Vec<TableRef> = past
            .inverse
            .iter()
            .filter(|one| !one.images.is_empty())
            .map(|one| one.shape.name().clone())
            .collect();
        let sequences = open.merge.raise_sequences(&written).await;
        let sequences = self.session.raised(self.group, sequences.map_err(failed)?);
        let checked = open.merge.check_constraints().await;
        checked.map_err(|error| self.refused(&error))?;
        Ok(Some(PreparedUndo {
            merge: open.merge,
            record: RunRecord {
                run: self.run.clone(),
                parent: Some(self.undone.clone()),
                epoch: lease.epoch,
                plan_digest: past.record.plan_digest.clone(),
                state: RunState::Committed,
            },
            report: UndoReport {
                sequences,
                ..self.report(past.inverse.iter().map(counts_of))
            },
        }))
    }

    /// Commits what was prepared.
    pub(crate) async fn commit(&self, prepared: PreparedUndo) -> Result<UndoReport, SkillError> {
        let PreparedUndo {
            merge,
            record,
            report,
        } = prepared;
        commit(self.session, self.group, self.context, merge, &record).await?;
        Ok(report)
    }

    /// The report of an undo that was committed before; none if there was nothing to take back.
    pub(crate) async fn told(&self) -> Result<Option<UndoReport>, SkillError> {
        match self.standing().await? {
            Standing::Done => self.tell_done().await.map(Some),
            _ => Ok(None),
        }
    }

    /// Prepares and commits in this group alone.
    pub(crate) async fn undo(&self, lease: &Lease) -> Result<Option<UndoReport>, SkillError> {
        match self.prepare(lease).await? {
            Some(prepared) => self.commit(prepared).await.map(Some),
            None => self.told().await,
        }
    }

    /// A constraint that refuses is a row of others that stands in the way.
    pub(crate) fn refused(&self, error: &StoreError) -> SkillError {
        let failed = self.failed(error);
        if error.kind == StoreErrorKind::Constraint {
            failed.with_hint(UNDO_REFUSED)
        } else {
            failed
        }
    }

    fn report(&self, tables: impl Iterator<Item = (TableRef, UndoCounts)>) -> UndoReport {
        UndoReport {
            group: self.group.name.clone(),
            stores: self.group.stores.clone(),
            tables: tables.collect(),
            sequences: Vec::new(),
        }
    }

    /// The report of an undo whose outcome was lost: from its own ledger.
    async fn tell_done(&self) -> Result<UndoReport, SkillError> {
        let live = live_tables(self.target, &self.context.plan).await;
        let live = live.map_err(|error| self.failed(&error))?;
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

/// What an undo would write: images that are put back, rows that are deleted and whose images go into its
/// ledger. Those of rows that are to be deleted nobody has measured.
fn undo_sizes(inverse: &[TableInverse]) -> Vec<TableSize> {
    let sizes = inverse.iter().map(|table| {
        let images = table.images.iter();
        TableSize {
            table: table.shape.name().clone(),
            rows: (table.delete.len() + table.restore.len() + table.reinsert.len()) as u64,
            columns: table.shape.image.len(),
            bytes: images
                .map(|(_, image)| image.get_array_memory_size() as u64)
                .sum(),
        }
    });
    sizes.collect()
}

/// An undo that is written and checked, but for its commit.
pub(crate) struct PreparedUndo {
    merge: Box<dyn Merge>,
    record: RunRecord,
    report: UndoReport,
}

fn counts_of(table: &TableInverse) -> (TableRef, UndoCounts) {
    let counts = UndoCounts {
        deleted: table.delete.len() as u64,
        restored: table.restore.len() as u64,
        reinserted: table.reinsert.len() as u64,
    };
    (table.shape.name().clone(), counts)
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
