//! What an undo has to know of the past: the inverse of the ledger, later runs, who relies on what. Reads only.

use std::collections::{BTreeMap, HashMap, HashSet};

use redistrict_model::{Key, RunId, Table, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::{Ledger, LedgerEntry, LedgerOperation, RunRecord, TableSize};

use crate::error::bug;
use crate::inverse::{TableInverse, check_same_columns, invert};
use crate::ledger::{later_families, load_stands};
use crate::origin::require_same_key;
use crate::preflight::check_marks;
use crate::readers::live_tables;
use crate::referrers::{Beside, is_referred_from};
use crate::reliance::{Reliance, Settled, concerned};
use crate::shape::Shape;
use crate::undo::{Standing, Undoing};

/// Rows that runs changed.
pub(crate) type ChangedRows = HashMap<TableRef, HashSet<Key>>;

/// Everything about the past that an undo needs; stable while the lease is held.
pub(crate) struct Past {
    pub(crate) record: RunRecord,
    pub(crate) records: Vec<RunRecord>,
    pub(crate) inverse: Vec<TableInverse>,
    /// The newest run of each family that changed rows since, and what the family wrote.
    pub(crate) later: Vec<(RunId, ChangedRows)>,
    pub(crate) settled: Settled,
}

/// A run in one commit group.
pub(crate) struct InGroup<'u> {
    pub(crate) undoing: &'u Undoing<'u>,
    pub(crate) live: Vec<Table>,
    pub(crate) standing: Standing,
    /// None where its rows do not stand.
    pub(crate) past: Option<Past>,
}

impl<'u> InGroup<'u> {
    pub(crate) async fn look(undoing: &'u Undoing<'u>) -> Result<Self, SkillError> {
        let live = live_tables(undoing.target, &undoing.context.plan).await;
        let live = live.map_err(|error| undoing.failed(&error))?;
        let standing = undoing.standing().await?;
        let past = match standing {
            Standing::Stands => Some(undoing.past(&live).await?),
            _ => None,
        };
        Ok(Self {
            undoing,
            live,
            standing,
            past,
        })
    }

    /// The other groups, as far as they hold references to rows of this one.
    pub(crate) fn beside<'p>(&self, groups: &'p [InGroup<'_>]) -> Vec<Beside<'p>> {
        let others = groups
            .iter()
            .filter(|one| one.undoing.group.name != self.undoing.group.name);
        let others = others.map(|one| Beside {
            stores: &one.undoing.group.stores,
            target: one.undoing.target,
            live: &one.live,
            inverse: one
                .past
                .as_ref()
                .map(|past| past.inverse.as_slice())
                .unwrap_or_default(),
        });
        let edges = &self.undoing.context.plan.sections.extract.ownership.edges;
        let inverse = self.past.as_ref().map(|past| past.inverse.as_slice());
        let inverse = inverse.unwrap_or_default();
        others
            .filter(|one| is_referred_from(inverse, edges, one))
            .collect()
    }
}

impl Undoing<'_> {
    async fn past(&self, live: &[Table]) -> Result<Past, SkillError> {
        check_marks(&self.session.setup, self.group, self.target).await?;
        let records = self.target.run_records().await;
        let records = records.map_err(|error| self.failed(&error))?;
        let record_of = |run: &RunId| {
            let record = records.iter().find(|record| record.run == *run);
            record
                .cloned()
                .ok_or_else(|| bug(format!("find the record of {run}")))
        };
        let record = record_of(self.undone)?;
        require_same_key(&record, &self.origin)?;
        let plan = &self.context.plan;
        let ledger = self.ledger(self.undone, live).await?;
        let mut inverse = invert(plan, &self.group.order, &ledger)?;
        let reliance = self.reliance(&records, live).await?;
        let settled = match load_stands(&records, self.undone) {
            true => {
                reliance.take_out(&|table| Shape::of(plan, table), &mut inverse, self.shared)?
            }
            false => reliance.bring_back(&mut inverse),
        };
        for undo in &settled.adopted {
            require_same_key(&record_of(undo)?, &self.origin)?;
        }
        check_same_columns(&inverse, live, self.target.capabilities().open_schema)?;
        let mut later = Vec::new();
        for (root, newest) in later_families(&records, self.undone) {
            let wanted = [LedgerOperation::Retained];
            let retained = self.target.ledger_of(&newest, live, &wanted).await;
            let retained = retained.map_err(|error| self.failed(&error))?;
            let written = self.ledger(&root, live).await?;
            later.push((newest, changed_rows(&written, &retained)));
        }
        Ok(Past {
            record,
            records,
            inverse,
            later,
            settled,
        })
    }

    /// Who relies on what, seen from the run that is taken back.
    pub(crate) async fn reliance(
        &self,
        records: &[RunRecord],
        live: &[Table],
    ) -> Result<Reliance, SkillError> {
        let mut ledgers = BTreeMap::new();
        for run in concerned(records, self.undone) {
            let wanted = [LedgerOperation::Relied, LedgerOperation::Retained];
            let ledger = self.target.ledger_of(run, live, &wanted).await;
            ledgers.insert(run, ledger.map_err(|error| self.failed(&error))?);
        }
        // What was retained may have been taken out by a later undo, in whose ledger its rows are whole.
        let retains = |entry: &LedgerEntry| entry.operation == LedgerOperation::Retained;
        if ledgers.values().any(|ledger| ledger.iter().any(retains)) {
            for (run, ledger) in &mut ledgers {
                let deleted = [LedgerOperation::Deleted];
                let deleted = self.target.ledger_of(run, live, &deleted).await;
                ledger.extend(deleted.map_err(|error| self.failed(&error))?);
            }
        }
        let oldest_first = concerned(records, self.undone);
        let oldest_first = oldest_first.filter_map(|run| Some((run, ledgers.get(run)?)));
        Ok(Reliance::of(
            records,
            self.undone,
            &self.origin,
            oldest_first,
        ))
    }

    pub(crate) async fn ledger(&self, run: &RunId, live: &[Table]) -> Result<Ledger, SkillError> {
        let ledger = self.target.ledger(run, live).await;
        ledger.map_err(|error| self.failed(&error))
    }
}

/// The rows that a load changed, but for those that its undo left as they were.
fn changed_rows(written: &[LedgerEntry], retained: &[LedgerEntry]) -> ChangedRows {
    let mut rows = ChangedRows::new();
    for entry in written.iter().filter(|entry| entry.operation.is_write()) {
        let rows = rows.entry(entry.table.clone()).or_default();
        rows.extend(entry.keys.iter().cloned());
    }
    for entry in retained {
        if let Some(rows) = rows.get_mut(&entry.table) {
            for key in &entry.keys {
                rows.remove(key);
            }
        }
    }
    rows
}

/// What an undo would write: images that are put back, rows that are deleted and whose images go into its
/// ledger. Those of rows that are to be deleted nobody has measured.
pub(crate) fn undo_sizes(inverse: &[TableInverse]) -> Vec<TableSize> {
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
