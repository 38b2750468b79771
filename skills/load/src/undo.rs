//! Takes one run back in one commit group: the inverse of its ledger, checked, staged, applied in one
//! transaction with a ledger of its own, so that the same code takes the undo back (redo).

use std::collections::HashMap;

use futures::stream::{self, StreamExt};
use redistrict_artifact::RowHasher;
use redistrict_model::{Finding, Key, LoadGroup, RunId, StoreName, Table, TableRef};
use redistrict_skill::{SkillError, UnitContext};
use redistrict_store::{
    Lease, Merge, RunOrigin, RunRecord, RunState, StagePart, StoreError, StoreErrorKind,
    TargetStore,
};

use crate::applying::Applying;
use crate::check::Check;
use crate::commit::{NotCommitted, commit};
use crate::conflicts::Conflicts;
use crate::copies::find_copies;
use crate::error::{UNDO_REFUSED, bug, store_failed};
use crate::inverse::{Located, TableInverse};
use crate::ledger::states_after_undo;
use crate::merge::last;
use crate::origin::origin_of;
use crate::past::{InGroup, Past, undo_sizes};
use crate::readers::{OpenMerge, Readers, Views};
use crate::referrers::{Beside, Going};
use crate::reliance::SharedRows;
use crate::report::UndoReport;
use crate::room::check_room;
use crate::rows::Locators;
use crate::session::Session;
use crate::shape::target_hasher;
use crate::triggers::{changed_elsewhere, check_silence, silence};

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
    pub(crate) session: &'a Session,
    pub(crate) context: &'a UnitContext,
    pub(crate) group: &'a LoadGroup,
    pub(crate) target: &'a dyn TargetStore,
    pub(crate) undone: &'a RunId,
    pub(crate) run: &'a RunId,
    pub(crate) shared: SharedRows,
    pub(crate) hasher: RowHasher,
    pub(crate) locators: Locators,
    pub(crate) origin: RunOrigin,
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
            shared: SharedRows::Refuse,
            hasher: target_hasher(&session.setup.key),
            locators: Locators::new(&session.setup.key),
            origin: origin_of(&session.setup.key, &context.plan.district),
        })
    }

    /// What is done with rows that other runs rely on.
    pub(crate) fn sharing(self, shared: SharedRows) -> Self {
        Self { shared, ..self }
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

    /// Checks without writing; the conflicts found are added.
    pub(crate) async fn check(
        &self,
        live: &[Table],
        past: &Past,
        beside: &[Beside<'_>],
        conflicts: &mut Conflicts,
    ) -> Result<UndoReport, SkillError> {
        let mut views = self.views(beside, &[]).await?;
        let opened = views.open(self.target, live).await;
        opened.map_err(|error| self.failed(&error))?;
        let mut readers = Readers::of_views(&mut views);
        let mut located = Located::new();
        for table in past.inverse.iter().filter(|one| one.shape.is_keyless()) {
            let found = self.find(&mut readers, table).await?;
            located.insert(table.shape.name().clone(), found);
        }
        let checked = self.checking(past, live, beside, &located);
        let checked = checked.run(&mut readers, conflicts).await;
        checked.map_err(|error| self.failed(&error))?;
        check_silence(self.target, &self.context.plan, self.group).await?;
        check_room(self.target, self.group, &undo_sizes(&past.inverse)).await?;
        Ok(self.report_of(past))
    }

    /// Views of the groups beside that are not open; those that are, are read through.
    pub(crate) async fn views(
        &self,
        beside: &[Beside<'_>],
        open: &[Vec<StoreName>],
    ) -> Result<Views, SkillError> {
        let mut views = Views::default();
        for one in beside {
            if open.iter().any(|stores| stores == one.stores) {
                views.know(one.live);
            } else {
                let opened = views.open(one.target, one.live).await;
                opened.map_err(|error| self.failed(&error))?;
            }
        }
        Ok(views)
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

    pub(crate) fn checking<'c>(
        &'c self,
        past: &'c Past,
        live: &'c [Table],
        beside: &'c [Beside<'c>],
        located: &'c Located,
    ) -> Check<'c> {
        Check {
            going: Going {
                inverse: &past.inverse,
                live,
                edges: &self.context.plan.sections.extract.ownership.edges,
                beside,
                located,
                hasher: &self.hasher,
                locators: &self.locators,
            },
            later: &past.later,
            settled: &past.settled,
        }
    }

    /// Stages the rows as they were. Exactly once per part; nothing to do where nothing stands.
    pub(crate) async fn stage(&self, lease: &Lease) -> Result<u64, SkillError> {
        let Some(past) = InGroup::look(self).await?.past else {
            return Ok(0);
        };
        let mut staged = 0;
        for table in past.inverse {
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

    /// Writes and checks everything but the run's record, in a transaction that stays open at the end of `open`.
    /// What is open already is read through as well.
    pub(crate) async fn prepare(
        &self,
        lease: &Lease,
        past: &Past,
        sight: Sight<'_>,
        open: &mut Vec<OpenMerge>,
    ) -> Result<PreparedUndo, SkillError> {
        let failed = |error| self.failed(&error);
        let merge = self.target.begin_merge(lease, sight.live).await;
        open.push(OpenMerge {
            stores: self.group.stores.clone(),
            merge: merge.map_err(failed)?,
        });
        let silenced = silence(last(open)?, &self.context.plan, self.group).await;
        silenced.map_err(failed)?;
        let mut applying = Applying::new(self, past, sight, open);
        applying.lock().await?;
        applying.check().await?;
        applying.count_copies().await?;
        applying.apply().await?;
        applying.record().await?;
        let merge = applying.into_merge();
        for (run, state) in states_after_undo(&past.records, self.undone) {
            let set = merge.set_run_state(&run, state).await;
            set.map_err(failed)?;
        }
        let written: Vec<TableRef> = past
            .inverse
            .iter()
            .filter(|one| !one.images.is_empty())
            .map(|one| one.shape.name().clone())
            .collect();
        let sequences = merge.raise_sequences(&written).await;
        let sequences = self.session.raised(self.group, sequences.map_err(failed)?);
        let checked = merge.check_constraints().await;
        checked.map_err(|error| self.refused(&error))?;
        let elsewhere = changed_elsewhere(merge, self.group).await;
        Ok(PreparedUndo {
            elsewhere: elsewhere.map_err(failed)?,
            record: RunRecord {
                run: self.run.clone(),
                parent: Some(self.undone.clone()),
                epoch: lease.epoch,
                plan_digest: past.record.plan_digest.clone(),
                state: RunState::Committed,
                origin: Some(self.origin.clone()),
            },
            report: UndoReport {
                sequences,
                ..self.report_of(past)
            },
        })
    }

    /// Commits what was prepared.
    pub(crate) async fn commit(
        &self,
        prepared: PreparedUndo,
        merge: Box<dyn Merge>,
    ) -> Result<UndoReport, SkillError> {
        let PreparedUndo { record, report, .. } = prepared;
        commit(self.session, self.group, self.context, merge, &record)
            .await
            .map_err(NotCommitted::into_error)?;
        Ok(report)
    }

    /// Prepares and commits in this group alone. Links from other groups are not looked at: those may be away, and a
    /// run that failed is taken back in each group that can be reached.
    pub(crate) async fn undo(&self, lease: &Lease) -> Result<Option<UndoReport>, SkillError> {
        let InGroup { live, past, .. } = InGroup::look(self).await?;
        let Some(past) = past else {
            return self.told().await;
        };
        let sight = Sight {
            live: &live,
            beside: &[],
        };
        let mut open = Vec::new();
        let prepared = self.prepare(lease, &past, sight, &mut open).await?;
        let merge = open.pop().ok_or_else(|| bug("find the open transaction"))?;
        self.commit(prepared, merge.merge).await.map(Some)
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
}

/// What a transaction of an undo sees beside the rows themselves.
#[derive(Clone, Copy)]
pub(crate) struct Sight<'a> {
    /// The tables of the group.
    pub(crate) live: &'a [Table],
    /// The other groups that may refer to its rows.
    pub(crate) beside: &'a [Beside<'a>],
}

/// An undo that is written and checked, but for its commit.
pub(crate) struct PreparedUndo {
    /// What CERT changed besides.
    pub(crate) elsewhere: Vec<Finding>,
    pub(crate) record: RunRecord,
    pub(crate) report: UndoReport,
}

#[cfg(test)]
mod tests {
    use crate::fixtures;

    use super::*;

    #[test]
    fn a_run_is_taken_back_only_where_it_stands_and_only_once() {
        let record = |state| fixtures::record("r", None, state);
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
