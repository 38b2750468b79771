//! What an undo says about itself, in one commit group: from what it is about to do, or from its own ledger. Reads
//! only.

use std::collections::{BTreeMap, HashMap};

use redistrict_model::{Key, RunId, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::LedgerOperation;

use crate::inverse::TableInverse;
use crate::past::Past;
use crate::readers::live_tables;
use crate::report::{RetainedRows, UndoCounts, UndoReport};
use crate::undo::{Standing, Undoing};

impl Undoing<'_> {
    /// The report of an undo that was committed before; none if there was nothing to take back.
    pub(crate) async fn told(&self) -> Result<Option<UndoReport>, SkillError> {
        match self.standing().await? {
            Standing::Done => self.tell_done().await.map(Some),
            _ => Ok(None),
        }
    }

    /// What the undo does, from what it knows of the past.
    pub(crate) fn report_of(&self, past: &Past) -> UndoReport {
        UndoReport {
            retained: self.retained(&past.settled.kept),
            ..self.report(past.inverse.iter().map(counts_of))
        }
    }

    fn retained(&self, kept: &BTreeMap<(TableRef, RunId), Vec<Key>>) -> Vec<RetainedRows> {
        let retained = kept.iter().map(|((table, run), keys)| {
            let locators = keys.iter().map(|key| self.locators.of(table, key));
            RetainedRows::new(table, run, locators)
        });
        retained.collect()
    }

    fn report(&self, tables: impl Iterator<Item = (TableRef, UndoCounts)>) -> UndoReport {
        UndoReport {
            group: self.group.name.clone(),
            stores: self.group.stores.clone(),
            tables: tables.collect(),
            retained: Vec::new(),
            sequences: Vec::new(),
            commit: None,
        }
    }

    /// The report of an undo whose outcome was lost: from its own ledger.
    async fn tell_done(&self) -> Result<UndoReport, SkillError> {
        let live = live_tables(self.target, &self.context.plan).await;
        let live = live.map_err(|error| self.failed(&error))?;
        let mut counts: HashMap<TableRef, UndoCounts> = HashMap::new();
        let ledger = self.ledger(self.run, &live).await?;
        let (written, retained): (Vec<_>, Vec<_>) = ledger
            .into_iter()
            .partition(|entry| entry.operation.is_write());
        for entry in written {
            let counts = counts.entry(entry.table).or_default();
            let counter = match entry.operation {
                LedgerOperation::Deleted => &mut counts.deleted,
                LedgerOperation::Updated => &mut counts.restored,
                _ => &mut counts.reinserted,
            };
            *counter += entry.keys.len() as u64;
        }
        let order = self.group.order.iter().flatten();
        let tables = order.filter_map(|name| counts.remove_entry(name));
        let report = self.report(tables);
        if retained.is_empty() {
            return Ok(report);
        }
        let records = self.target.run_records().await;
        let records = records.map_err(|error| self.failed(&error))?;
        let kept = self.reliance(&records, &live).await?.kept(&retained);
        Ok(UndoReport {
            retained: self.retained(&kept),
            ..report
        })
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
