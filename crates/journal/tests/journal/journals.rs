//! What every journal does, on disk and in memory; and what only the one on disk does.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use crate::support::{started, unit_done, unit_failed, unit_started};
use redistrict_journal::{
    Event, Journal, JournalError, MemoryJournal, RunStatus, SqliteJournal, fold,
};
use redistrict_model::{Phase, RunId};

const EXTRACTION: Phase = Phase::Extraction;

fn run() -> RunId {
    RunId::new("mig-20260101T000000Z-001")
}

fn phase_started() -> Event {
    Event::PhaseStarted {
        phase: EXTRACTION,
        units: 1,
    }
}

fn both(check: impl Fn(&dyn Journal)) {
    let directory = tempfile::tempdir().unwrap();
    check(&MemoryJournal::new());
    check(&SqliteJournal::open(directory.path().join("journal.db")).unwrap());
}

fn refusal(journal: &dyn Journal, run: &RunId, events: &[Event]) -> &'static str {
    let before = journal.read(run).unwrap();
    let error = journal.append(run, 9, events).unwrap_err();
    assert_eq!(journal.read(run).unwrap(), before, "nothing is written");
    match error {
        JournalError::IllegalOrder { what, .. } => what,
        other => panic!("{other}"),
    }
}

#[test]
fn events_come_back_in_order_numbered_per_run() {
    both(|journal| {
        let (first, second) = (run(), RunId::new("mig-20250101T000000Z-001"));
        journal.append(&first, 10, &[started(&first)]).unwrap();
        journal.append(&second, 11, &[started(&second)]).unwrap();
        journal
            .append(&first, 12, &[phase_started(), unit_started(EXTRACTION, 1)])
            .unwrap();
        journal.append(&first, 13, &[]).unwrap();
        let records = journal.read(&first).unwrap();
        let places: Vec<_> = records
            .iter()
            .map(|r| (r.sequence, r.wall_millis))
            .collect();
        assert_eq!(places, [(1, 10), (2, 12), (3, 12)]);
        assert_eq!(records[0].event, started(&first));
        assert_eq!(records[2].event, unit_started(EXTRACTION, 1));
        assert_eq!(journal.runs().unwrap(), [first, second], "oldest first");
        assert!(journal.read(&RunId::new("mig-x")).unwrap().is_empty());
    });
}

#[test]
fn an_append_with_one_illegal_event_writes_none_of_them() {
    both(|journal| {
        let run = run();
        journal.append(&run, 1, &[started(&run)]).unwrap();
        let what = refusal(journal, &run, &[phase_started(), unit_done(EXTRACTION, 1)]);
        assert_eq!(what, "an outcome without an intent");
        journal.append(&run, 2, &[phase_started()]).unwrap();
        assert_eq!(journal.read(&run).unwrap().len(), 2);
    });
}

#[test]
fn a_run_that_could_not_start_is_not_listed() {
    both(|journal| {
        let run = run();
        assert_eq!(
            refusal(journal, &run, &[phase_started()]),
            "the run was not started"
        );
        let other = started(&RunId::new("mig-other"));
        assert_eq!(
            refusal(journal, &run, &[other]),
            "its start names another run"
        );
        assert_eq!(
            refusal(journal, &run, &[started(&run), unit_done(EXTRACTION, 1)]),
            "an outcome without an intent"
        );
        assert!(journal.runs().unwrap().is_empty());
    });
}

#[test]
fn illegal_orders_are_refused() {
    both(|journal| {
        let run = run();
        let append = |events: &[Event]| journal.append(&run, 1, events).unwrap();
        let refused = |event: Event| refusal(journal, &run, &[event]);
        append(&[started(&run)]);
        assert_eq!(refused(started(&run)), "the run was started before");
        assert_eq!(
            refused(unit_started(EXTRACTION, 1)),
            "the phase of the unit is not in progress"
        );
        assert_eq!(
            refused(Event::PhaseStarted {
                phase: Phase::Loading,
                units: 0
            }),
            "an earlier phase is not closed"
        );
        append(&[phase_started()]);
        assert_eq!(refused(phase_started()), "the phase is not pending");
        assert_eq!(
            refused(unit_started(EXTRACTION, 2)),
            "the attempt is out of order"
        );
        append(&[unit_started(EXTRACTION, 1)]);
        assert_eq!(refused(unit_started(EXTRACTION, 2)), "the unit is open");
        assert_eq!(
            refused(unit_failed(EXTRACTION, 2, None)),
            "an outcome without an intent"
        );
        let done = Event::PhaseDone {
            phase: EXTRACTION,
            millis: 0,
        };
        assert_eq!(refused(done), "a unit of the phase is not done");
        append(&[unit_done(EXTRACTION, 1)]);
        assert_eq!(refused(unit_started(EXTRACTION, 2)), "the unit is done");
        assert_eq!(
            refused(Event::CompensationStarted {
                phase: EXTRACTION,
                attempt: 1
            }),
            "nothing of that phase is to be taken back"
        );
        assert_eq!(
            refused(Event::RunSucceeded { millis: 0 }),
            "a phase is not closed"
        );
        append(&[Event::RunInterrupted {
            signal: "SIGINT".to_owned(),
        }]);
        let done = Event::PhaseDone {
            phase: EXTRACTION,
            millis: 0,
        };
        assert_eq!(refused(done), "the run is interrupted");
    });
}

#[test]
fn a_failed_phase_is_taken_back_before_anything_else_and_a_failed_run_does_not_succeed() {
    both(|journal| {
        let run = run();
        let append = |events: &[Event]| journal.append(&run, 1, events).unwrap();
        let refused = |event: Event| refusal(journal, &run, &[event]);
        append(&[started(&run), phase_started(), unit_started(EXTRACTION, 1)]);
        append(&[unit_failed(EXTRACTION, 1, None)]);
        let skip = |phase| Event::PhaseSkipped {
            phase,
            reason: "Extraction failed".to_owned(),
        };
        assert_eq!(
            refused(skip(Phase::Anonymization)),
            "a failed phase is not taken back"
        );
        append(&[
            Event::CompensationStarted {
                phase: EXTRACTION,
                attempt: 1,
            },
            Event::CompensationDone {
                phase: EXTRACTION,
                outcome: serde_json::json!({}),
            },
        ]);
        append(
            &Phase::ALL[1..]
                .iter()
                .copied()
                .map(skip)
                .collect::<Vec<_>>(),
        );
        assert_eq!(
            refused(Event::RunSucceeded { millis: 0 }),
            "the run has a failure"
        );
        let failed = |phase| Event::RunFailed {
            phase,
            kind: redistrict_model::ErrorKind::Data,
            error: serde_json::json!({}),
            millis: 0,
        };
        assert_eq!(
            refused(failed(Phase::Reporting)),
            "the run failed in another phase"
        );
        append(&[failed(EXTRACTION)]);
    });
}

#[test]
fn after_the_end_come_only_undo_and_redo_in_turns() {
    both(|journal| {
        let (run, by) = (run(), RunId::new("rb-1"));
        let append = |events: &[Event]| journal.append(&run, 1, events).unwrap();
        let refused = |event: Event| refusal(journal, &run, &[event]);
        let (undone, redone) = (Event::Undone { by: by.clone() }, Event::Redone { by });
        append(&[started(&run)]);
        assert_eq!(refused(redone.clone()), "the run has not ended");
        append(&Phase::ALL.map(|phase| Event::PhaseSkipped {
            phase,
            reason: "no need".to_owned(),
        }));
        append(&[Event::RunSucceeded { millis: 1 }]);
        assert_eq!(
            refused(Event::RunResumed { process: 1 }),
            "the run has ended"
        );
        assert_eq!(refused(redone.clone()), "the run is not undone");
        let status = || fold(&journal.read(&run).unwrap()).unwrap().status;
        append(std::slice::from_ref(&undone));
        assert_eq!(status(), RunStatus::Undone);
        assert_eq!(refused(undone.clone()), "the run is undone already");
        append(&[redone]);
        assert_eq!(status(), RunStatus::Succeeded);
        append(&[undone]);
        assert_eq!(status(), RunStatus::Undone);
    });
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn directory_and_files_are_the_owners_only() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("deep/.redistrict");
    let path = directory.join("journal.db");
    let journal = SqliteJournal::open(&path).unwrap();
    journal.append(&run(), 1, &[started(&run())]).unwrap();
    assert_eq!(mode(&directory), 0o700);
    for file in ["journal.db", "journal.db-wal", "journal.db-shm"] {
        assert_eq!(mode(&directory.join(file)), 0o600, "{file}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    drop(journal);
    SqliteJournal::open(&path).unwrap();
    assert_eq!(mode(&path), 0o600, "tightened when opened again");
}

#[test]
fn appends_of_two_processes_see_each_other() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("journal.db");
    let (one, two) = (
        SqliteJournal::open(&path).unwrap(),
        SqliteJournal::open(&path).unwrap(),
    );
    let run = run();
    one.append(&run, 1, &[started(&run)]).unwrap();
    two.append(&run, 2, &[phase_started()]).unwrap();
    assert_eq!(
        refusal(&one, &run, &[phase_started()]),
        "the phase is not pending"
    );
    one.append(&run, 3, &[unit_started(EXTRACTION, 1)]).unwrap();
    two.append(&run, 4, &[unit_done(EXTRACTION, 1)]).unwrap();
    assert_eq!(one.read(&run).unwrap(), two.read(&run).unwrap());
    assert_eq!(one.read(&run).unwrap().len(), 4);
}

#[test]
fn what_was_appended_is_there_though_the_process_never_closed_the_journal() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("journal.db");
    let journal = SqliteJournal::open(&path).unwrap();
    journal.append(&run(), 1, &[started(&run())]).unwrap();
    std::mem::forget(journal);
    let again = SqliteJournal::open(&path).unwrap();
    assert_eq!(again.read(&run()).unwrap().len(), 1);
}

#[test]
fn many_may_open_a_new_journal_and_append_at_once() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("journal.db");
    let run_of = |number: usize| RunId::new(format!("mig-{number}"));
    thread::scope(|scope| {
        for number in 0..8 {
            let path = &path;
            scope.spawn(move || {
                let journal = SqliteJournal::open(path).unwrap();
                let run = run_of(number);
                journal.append(&run, 1, &[started(&run)]).unwrap();
                journal.append(&run, 2, &[phase_started()]).unwrap();
            });
        }
    });
    let journal = SqliteJournal::open(&path).unwrap();
    assert_eq!(journal.runs().unwrap().len(), 8);
    for number in 0..8 {
        assert_eq!(journal.read(&run_of(number)).unwrap().len(), 2);
    }
}

#[test]
fn another_format_and_files_that_are_no_journal_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("journal.db");
    drop(SqliteJournal::open(&path).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    let version = |number: u32| {
        connection
            .pragma_update(None, "user_version", number)
            .unwrap();
    };
    version(2);
    let error = SqliteJournal::open(&path).unwrap_err();
    assert!(
        matches!(error, JournalError::Format { found: 2, .. }),
        "{error}"
    );
    version(0);
    let error = SqliteJournal::open(&path).unwrap_err();
    assert!(
        matches!(error, JournalError::Format { found: 0, .. }),
        "{error}"
    );

    let text = root.path().join("text.db");
    fs::copy("Cargo.toml", &text).unwrap();
    let error = SqliteJournal::open(&text).unwrap_err();
    assert!(
        matches!(error, JournalError::Sqlite { doing: "open", .. }),
        "{error}"
    );
    assert_eq!(error.error_kind(), redistrict_model::ErrorKind::Corrupt);
}

#[test]
fn an_event_of_a_later_version_is_an_error_that_names_its_place() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("journal.db");
    let journal = SqliteJournal::open(&path).unwrap();
    journal.append(&run(), 1, &[started(&run())]).unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute(
            "insert into event values (1, 2, 5, '{\"event\":\"moon_landed\"}')",
            [],
        )
        .unwrap();
    let error = journal.read(&run()).unwrap_err();
    assert!(
        matches!(error, JournalError::Event { sequence: 2, .. }),
        "{error}"
    );
    let error = journal.append(&run(), 6, &[phase_started()]).unwrap_err();
    assert!(
        matches!(error, JournalError::Event { sequence: 2, .. }),
        "{error}"
    );
}
