//! Which rows of CERT stand as runs of ours wrote them, and for whom. Reads ledgers; deciding is pure.

use std::collections::{HashMap, HashSet};

use redistrict_model::{Key, RunId, Table, TableRef};
use redistrict_store::{
    LedgerEntry, LedgerOperation, RunOrigin, RunRecord, StoreError, TargetStore,
};

use crate::compare::Written;
use crate::ledger::{is_stub, standing_loads, standing_undos};
use crate::multiset::Hash;
use crate::origin::{Writer, writer};

/// The rows of a group that runs wrote and that stand: of each the newest run, and how that left it.
#[derive(Debug, Default)]
pub(crate) struct OurWrites {
    rows: HashMap<TableRef, HashMap<Key, Row>>,
    runs: Vec<(RunId, Writer)>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    /// Its place in `runs`.
    run: usize,
    is_stub: bool,
    /// An undo left it standing.
    is_retained: bool,
    after: Hash,
}

impl OurWrites {
    /// What the ledger says about a row that CERT has, by its hash over all columns of an image.
    pub(crate) fn of(&self, table: &TableRef, key: &Key, present: &Hash) -> Written {
        let Some(row) = self.row(table, key) else {
            return Written::No;
        };
        let writer = self.runs.get(row.run).map(|(_, writer)| *writer);
        standing(writer.unwrap_or(Writer::Unknown), row, present)
    }

    /// The newest run that wrote the row.
    pub(crate) fn run(&self, table: &TableRef, key: &Key) -> Option<&RunId> {
        let row = self.row(table, key)?;
        self.runs.get(row.run).map(|(run, _)| run)
    }

    /// Some row of the table was written by a run.
    pub(crate) fn has(&self, table: &TableRef) -> bool {
        self.rows.contains_key(table)
    }

    fn row(&self, table: &TableRef, key: &Key) -> Option<Row> {
        self.rows.get(table)?.get(key).copied()
    }

    /// Reads the ledgers of all loads that stand, and of the undos that retained rows. An undo and what it undid
    /// cancel out but for these. Rows of keyless tables are nobody's: they have no name.
    pub(crate) async fn read(
        target: &dyn TargetStore,
        tables: &[Table],
        now: &RunOrigin,
    ) -> Result<Self, StoreError> {
        let keyless = tables.iter().filter(|table| table.identity().is_none());
        let keyless: HashSet<&TableRef> = keyless.map(|table| &table.name).collect();
        let records = target.run_records().await?;
        let loads = standing_loads(&records).chain(standing_undos(&records));
        let read: HashSet<&RunId> = loads.map(|record| &record.run).collect();
        let mut writes = Self::default();
        let mut has_retained = false;
        for record in records.iter().filter(|one| read.contains(&one.run)) {
            let run = &record.run;
            let mut ledger = match record.parent {
                None => target.ledger(run, tables).await?,
                Some(_) => (target.ledger_of(run, tables, &[LedgerOperation::Retained])).await?,
            };
            if record.parent.is_some() && has_retained {
                // What an earlier undo retained may have gone with this one.
                let gone = [LedgerOperation::Deleted];
                ledger.extend(target.ledger_of(run, tables, &gone).await?);
            }
            has_retained |= record.parent.is_some() && !ledger.is_empty();
            let keyed = ledger.into_iter();
            writes.add(
                record,
                now,
                keyed.filter(|entry| !keyless.contains(&entry.table)),
            );
        }
        Ok(writes)
    }

    /// Adds what one run wrote; of an undo, what it retained, and takes away what it took out of that. Runs are added
    /// oldest first.
    fn add(
        &mut self,
        record: &RunRecord,
        now: &RunOrigin,
        entries: impl Iterator<Item = LedgerEntry>,
    ) {
        let run = self.runs.len();
        self.runs.push((record.run.clone(), writer(record, now)));
        let counts = |operation| match record.parent {
            None => matches!(
                operation,
                LedgerOperation::Inserted | LedgerOperation::Updated
            ),
            Some(_) => operation == LedgerOperation::Retained,
        };
        let is_retained = record.parent.is_some();
        for entry in entries {
            if is_retained && entry.operation == LedgerOperation::Deleted {
                self.forget_retained(&entry);
            }
            if !counts(entry.operation) {
                continue;
            }
            let is_stub = is_stub(entry.part);
            let rows = entry.keys.into_iter().zip(entry.after);
            let rows = rows.map(|(key, after)| {
                let row = Row {
                    run,
                    is_stub,
                    is_retained,
                    after,
                };
                (key, row)
            });
            self.rows.entry(entry.table).or_default().extend(rows);
        }
    }

    fn forget_retained(&mut self, gone: &LedgerEntry) {
        let Some(rows) = self.rows.get_mut(&gone.table) else {
            return;
        };
        for key in &gone.keys {
            if rows.get(key).is_some_and(|row| row.is_retained) {
                rows.remove(key);
            }
        }
    }
}

fn standing(writer: Writer, row: Row, present: &Hash) -> Written {
    let is_as_left = row.after == *present;
    match writer {
        Writer::Unknown => Written::Unknown,
        _ if is_as_left && row.is_stub => Written::Stub,
        Writer::AnotherDistrict => Written::ByAnother,
        Writer::ThisDistrict if is_as_left => Written::Full,
        Writer::ThisDistrict => Written::Changed,
    }
}

#[cfg(test)]
mod tests {
    use redistrict_store::RunState;

    use crate::fixtures;

    use super::*;

    fn origin(district: &str, key: &str) -> RunOrigin {
        RunOrigin {
            district: district.into(),
            key: key.into(),
        }
    }

    fn record(run: &str, parent: Option<&str>, origin: Option<RunOrigin>) -> RunRecord {
        RunRecord {
            origin,
            ..fixtures::record(run, parent, RunState::Committed)
        }
    }

    fn entry(operation: LedgerOperation, is_stub: bool, hash: u8) -> LedgerEntry {
        LedgerEntry {
            run: RunId::new("any"),
            table: "s.main.t".parse().unwrap(),
            part: if is_stub { 1 << 30 } else { 0 },
            operation,
            keys: vec![Key::of("1")],
            after: vec![[hash; 16]],
            before: None,
        }
    }

    fn written(by: &[(RunRecord, LedgerEntry)], present: u8) -> Written {
        let mut writes = OurWrites::default();
        for (record, entry) in by {
            writes.add(record, &origin("2", "k"), std::iter::once(entry.clone()));
        }
        writes.of(&"s.main.t".parse().unwrap(), &Key::of("1"), &[present; 16])
    }

    #[test]
    fn a_row_is_ours_while_it_stands_as_a_run_of_this_district_left_it() {
        use LedgerOperation::Inserted;
        let ours = Some(origin("2", "k"));
        let neighbour = Some(origin("3", "k"));
        let other_key = Some(origin("2", "other"));
        for (of, is_stub, present, expected) in [
            (&ours, false, 7, Written::Full),
            (&ours, false, 8, Written::Changed),
            (&ours, true, 7, Written::Stub),
            (&ours, true, 8, Written::Changed),
            (&neighbour, false, 7, Written::ByAnother),
            (&neighbour, false, 8, Written::ByAnother),
            (&neighbour, true, 7, Written::Stub),
            (&neighbour, true, 8, Written::ByAnother),
            (&other_key, false, 7, Written::Unknown),
            (&other_key, true, 7, Written::Unknown),
            (&None, false, 7, Written::Unknown),
        ] {
            let run = (
                record("mig-1", None, of.clone()),
                entry(Inserted, is_stub, 7),
            );
            let found = written(&[run], present);
            assert_eq!(found, expected, "{of:?} stub {is_stub} {present}");
        }
        assert_eq!(written(&[], 7), Written::No);
    }

    #[test]
    fn the_newest_run_counts_and_what_was_relied_on_or_deleted_does_not() {
        use LedgerOperation::{Deleted, Inserted, Relied, Retained, Updated};
        let ours = || record("mig-1", None, Some(origin("2", "k")));
        let theirs = || record("mig-2", None, Some(origin("3", "k")));
        let undo = || record("rb-2", Some("mig-2"), Some(origin("3", "k")));
        let first = || (ours(), entry(Inserted, false, 7));
        let later = (theirs(), entry(Updated, false, 7));
        assert_eq!(written(&[first(), later], 7), Written::ByAnother);
        for (of, operation) in [(theirs(), Relied), (undo(), Deleted), (undo(), Updated)] {
            let nothing = (of, entry(operation, false, 7));
            assert_eq!(written(&[first(), nothing], 7), Written::Full);
        }
        let retained = || (undo(), entry(Retained, false, 7));
        assert_eq!(written(&[retained()], 7), Written::ByAnother);
        let last = || record("rb-3", Some("mig-3"), None);
        let gone = || (last(), entry(Deleted, false, 7));
        assert_eq!(written(&[retained(), gone()], 7), Written::No);
        let again = (ours(), entry(Inserted, false, 7));
        assert_eq!(written(&[retained(), gone(), again], 7), Written::Full);
    }
}
