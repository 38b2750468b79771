//! The ledger: packing entries, and which runs cancel each other out. Pure.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use redistrict_model::{Key, RunId, TableRef};
use redistrict_store::{LedgerEntry, LedgerOperation, RunRecord, RunState};

/// Entries of stubs are numbered from here on; entries of full rows below. It is how the ledger knows
/// a stub again that a later full row may replace.
const STUB_PARTS: u32 = 1 << 30;
const ROWS_PER_ENTRY: usize = 4096;

/// Whether an entry is about stubs.
pub(crate) fn is_stub(part: u32) -> bool {
    part >= STUB_PARTS
}

/// Rows of one table, written (or relied on, or retained) in one way.
pub(crate) struct WrittenRows {
    pub(crate) operation: LedgerOperation,
    pub(crate) is_stub: bool,
    pub(crate) keys: Vec<Key>,
    /// Empty for rows that were deleted or relied on.
    pub(crate) after: Vec<[u8; 16]>,
    /// For updated and deleted rows.
    pub(crate) before: Option<RecordBatch>,
}

/// Packs what a run wrote into one table. Entries have at most some thousand rows.
pub(crate) fn entries(run: &RunId, table: &TableRef, written: &[WrittenRows]) -> Vec<LedgerEntry> {
    let mut next = [0, STUB_PARTS];
    let mut entries = Vec::new();
    for one in written {
        for start in (0..one.keys.len()).step_by(ROWS_PER_ENTRY) {
            let end = one.keys.len().min(start + ROWS_PER_ENTRY);
            let counter = &mut next[usize::from(one.is_stub)];
            entries.push(LedgerEntry {
                run: run.clone(),
                table: table.clone(),
                part: *counter,
                operation: one.operation,
                keys: one.keys[start..end].to_vec(),
                after: one.after.get(start..end).unwrap_or_default().to_vec(),
                before: one
                    .before
                    .as_ref()
                    .map(|batch| batch.slice(start, end - start)),
            });
            *counter += 1;
        }
    }
    entries
}

/// The load that a run, its undos and redos go back to. Such a *family* toggles: its rows stand, or
/// they do not.
pub(crate) fn root_of<'a>(records: &'a [RunRecord], run: &'a RunId) -> &'a RunId {
    let mut root = run;
    for _ in 0..records.len() {
        let parent = records
            .iter()
            .find(|record| record.run == *root)
            .and_then(|record| record.parent.as_ref());
        match parent {
            Some(parent) => root = parent,
            None => break,
        }
    }
    root
}

/// The loads whose rows stand, oldest first.
pub(crate) fn standing_loads(records: &[RunRecord]) -> impl Iterator<Item = &RunRecord> {
    let stands = |record: &&RunRecord| record.state == RunState::Committed;
    let loads = records.iter().filter(|record| record.parent.is_none());
    loads.filter(stands)
}

/// The undos that count: those of loads that are taken out. What they retained stands.
pub(crate) fn standing_undos(records: &[RunRecord]) -> impl Iterator<Item = &RunRecord> {
    let is_out = |root: &RunId| {
        let mut loads = records.iter();
        loads.any(|record| record.run == *root && record.state == RunState::Undone)
    };
    records.iter().filter(move |record| {
        record.parent.is_some()
            && record.state == RunState::Committed
            && is_out(root_of(records, &record.run))
    })
}

/// The families that changed their rows since a run and did not change them back: the root, whose
/// ledger names the keys, and the newest run, to be named. `records` are oldest first.
pub(crate) fn later_families(records: &[RunRecord], run: &RunId) -> Vec<(RunId, RunId)> {
    let ours = root_of(records, run);
    let later = records.iter().skip_while(|record| record.run != *run);
    let mut families: BTreeMap<&RunId, (usize, &RunId)> = BTreeMap::new();
    for record in later.skip(1) {
        let family = families
            .entry(root_of(records, &record.run))
            .or_insert((0, &record.run));
        *family = (family.0 + 1, &record.run);
    }
    families
        .into_iter()
        .filter(|(root, (toggles, _))| *root != ours && toggles % 2 == 1)
        .map(|(root, (_, newest))| (root.clone(), newest.clone()))
        .collect()
}

/// The rows of the load that a run goes back to stand: taking the run back takes them out, else brings them back.
pub(crate) fn load_stands(records: &[RunRecord], run: &RunId) -> bool {
    let root = root_of(records, run);
    let mut loads = standing_loads(records);
    loads.any(|record| record.run == *root)
}

/// The states that change when a run is taken back, the new run's own left out: every run of its
/// family is undone, but for the root where its rows stand again.
pub(crate) fn states_after_undo(records: &[RunRecord], undone: &RunId) -> Vec<(RunId, RunState)> {
    let root = root_of(records, undone);
    let root_stands = load_stands(records, undone);
    records
        .iter()
        .filter(|record| root_of(records, &record.run) == root)
        .filter_map(|record| {
            let state = if record.run == *root && !root_stands {
                RunState::Committed
            } else {
                RunState::Undone
            };
            (record.state != state).then(|| (record.run.clone(), state))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::fixtures::record;

    use super::*;

    use RunState::{Committed, Undone};

    fn names(families: &[(RunId, RunId)]) -> Vec<(&str, &str)> {
        families
            .iter()
            .map(|(root, newest)| (root.as_str(), newest.as_str()))
            .collect()
    }

    #[test]
    fn a_later_load_counts_until_it_is_undone_and_again_when_it_is_redone() {
        let mut records = vec![record("a", None, Committed), record("b", None, Committed)];
        let later = |records: &[RunRecord]| later_families(records, &RunId::new("a"));
        assert_eq!(names(&later(&records)), [("b", "b")]);
        records.push(record("rb-b", Some("b"), Committed));
        assert_eq!(names(&later(&records)), []);
        records.push(record("rr-b", Some("rb-b"), Committed));
        assert_eq!(names(&later(&records)), [("b", "rr-b")]);
    }

    #[test]
    fn an_undo_of_an_earlier_load_is_a_later_change() {
        let records = [
            record("a", None, Undone),
            record("b", None, Committed),
            record("rb-a", Some("a"), Committed),
        ];
        assert_eq!(
            names(&later_families(&records, &RunId::new("b"))),
            [("a", "rb-a")]
        );
        assert_eq!(names(&later_families(&records, &RunId::new("rb-a"))), []);
    }

    #[test]
    fn undo_redo_and_undo_again_leave_one_truth_about_the_load() {
        let state = |run: &str, state| (RunId::new(run), state);
        let mut records = vec![record("a", None, Committed)];
        assert_eq!(
            states_after_undo(&records, &RunId::new("a")),
            [state("a", Undone)]
        );
        records[0].state = Undone;
        records.push(record("rb", Some("a"), Committed));
        assert_eq!(
            states_after_undo(&records, &RunId::new("rb")),
            [state("a", Committed), state("rb", Undone)]
        );
        records[0].state = Committed;
        records[1].state = Undone;
        records.push(record("rr", Some("rb"), Committed));
        for undone in ["a", "rr"] {
            assert_eq!(
                states_after_undo(&records, &RunId::new(undone)),
                [state("a", Undone), state("rr", Undone)]
            );
        }
    }

    #[test]
    fn of_undos_those_count_whose_load_is_out_and_nobody_took_back() {
        let runs = |records: &[RunRecord]| -> Vec<String> {
            let undos = standing_undos(records);
            undos.map(|record| record.run.to_string()).collect()
        };
        let mut records = vec![
            record("a", None, Undone),
            record("b", None, Committed),
            record("rb-a", Some("a"), Committed),
        ];
        assert_eq!(runs(&records), ["rb-a"]);
        let loads: Vec<&RunId> = standing_loads(&records).map(|one| &one.run).collect();
        assert_eq!(loads, [&RunId::new("b")]);
        records[0].state = Committed;
        records[2].state = Undone;
        records.push(record("rr-a", Some("rb-a"), Committed));
        assert_eq!(runs(&records), [""; 0], "a redo retains nothing");
    }

    #[test]
    fn entries_are_cut_numbered_and_stubs_are_known_by_their_number() {
        let keys: Vec<Key> = (0..5000).map(|n: i32| Key::of(n.to_string())).collect();
        let written = |is_stub| WrittenRows {
            operation: LedgerOperation::Inserted,
            is_stub,
            after: vec![[7; 16]; keys.len()],
            keys: keys.clone(),
            before: None,
        };
        let table = "s.main.t".parse().unwrap();
        let all = entries(&RunId::new("a"), &table, &[written(false), written(true)]);
        let parts: Vec<(u32, usize, usize)> = all
            .iter()
            .map(|entry| (entry.part, entry.keys.len(), entry.after.len()))
            .collect();
        assert_eq!(
            parts,
            [
                (0, 4096, 4096),
                (1, 904, 904),
                (STUB_PARTS, 4096, 4096),
                (STUB_PARTS + 1, 904, 904)
            ]
        );
        assert!(all[2..].iter().all(|entry| is_stub(entry.part)));
    }
}
