//! Journal files of every version that was ever written are read by today's code.

use std::path::Path;

use redistrict_journal::{Event, Journal, SqliteJournal};

use crate::folding::{records, stored};

/// A copy: to open a journal writes beside it.
fn of_version(version: &str) -> (tempfile::TempDir, SqliteJournal) {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("test-data");
    let copy = tempfile::tempdir().unwrap();
    let file = copy.path().join("journal.db");
    std::fs::copy(kept.join(version).join("journal.db"), &file).unwrap();
    let journal = SqliteJournal::open(&file).unwrap();
    (copy, journal)
}

#[test]
fn a_file_of_the_first_version_holds_what_was_written_and_takes_more() {
    let (_copy, journal) = of_version("v1");
    let runs = journal.runs().unwrap();
    let written: Vec<_> = stored().iter().map(|path| records(path)).collect();
    assert!(runs.len() >= 4, "{runs:?}");
    for run in &runs {
        assert!(written.contains(&journal.read(run).unwrap()), "{run}");
        let resumed = [Event::RunResumed { process: 7 }];
        let before = journal.read(run).unwrap().len();
        let after = before + usize::from(journal.append(run, 9, &resumed).is_ok());
        assert_eq!(journal.read(run).unwrap().len(), after);
    }
    let taken = runs.iter().filter(|run| {
        let last = journal.read(run).unwrap().pop();
        matches!(last.unwrap().event, Event::RunResumed { .. })
    });
    assert!(taken.count() >= 2, "runs that have not ended go on");
}
