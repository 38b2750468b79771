//! The fold: over stored runs of every version, and over generated ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::support;
use proptest::prelude::*;
use redistrict_journal::{
    Event, Journal, MemoryJournal, Record, RunState, SqliteJournal, check_order, fold,
};
use redistrict_model::{Phase, RunId};
use serde_json::Value;

pub(crate) fn stored() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("test-data/v1");
    let mut paths: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"))
        .collect();
    paths.sort();
    paths
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub(crate) fn records(path: &Path) -> Vec<Record> {
    let records = lines(path).into_iter().map(serde_json::from_value);
    records.collect::<Result<_, _>>().unwrap()
}

#[test]
fn stored_runs_of_format_1_fold_to_what_they_folded_to() {
    for path in stored() {
        let state = serde_json::to_value(fold(&records(&path)).unwrap()).unwrap();
        let expected_path = path.with_extension("state.json");
        let expected: Value =
            serde_json::from_str(&fs::read_to_string(&expected_path).unwrap()).unwrap();
        assert_eq!(
            state,
            expected,
            "{}: {}",
            path.display(),
            serde_json::to_string_pretty(&state).unwrap()
        );
    }
}

#[test]
fn stored_runs_are_written_again_as_they_were_and_are_legal() {
    for path in stored() {
        let journal = MemoryJournal::new();
        for (line, record) in lines(&path).into_iter().zip(records(&path)) {
            assert_eq!(
                serde_json::to_value(&record).unwrap(),
                line,
                "{}",
                path.display()
            );
            let run = RunId::new(lines(&path)[0]["run"].as_str().unwrap());
            journal
                .append(&run, record.wall_millis, &[record.event])
                .unwrap();
        }
    }
}

#[test]
fn stored_runs_have_every_event() {
    let tag = |value: &Value| value["event"].as_str().unwrap().to_owned();
    let stored: BTreeSet<_> = stored()
        .iter()
        .flat_map(|path| lines(path))
        .map(|l| tag(&l))
        .collect();
    let all: BTreeSet<_> = support::universe(&RunId::new("mig-1"))
        .iter()
        .map(|event| tag(&serde_json::to_value(event).unwrap()))
        .collect();
    assert_eq!(stored, all);
    assert_eq!(all.len(), 20);
}

#[test]
fn nothing_and_a_list_without_a_start_fold_to_nothing() {
    assert!(fold(&[]).is_none());
    let records = records(&stored()[0]);
    assert!(fold(&records[1..]).is_none());
}

fn run() -> RunId {
    RunId::new("mig-20260101T000000Z-001")
}

/// A legal list: each choice picks one of the events that may follow.
fn legal_list(choices: &[usize]) -> Vec<Record> {
    let universe = support::universe(&run());
    let mut records: Vec<Record> = Vec::new();
    let mut state: Option<RunState> = None;
    for choice in choices {
        let legal: Vec<_> = universe
            .iter()
            .filter(|event| check_order(&run(), state.as_ref(), event).is_ok())
            .collect();
        let Some(event) = legal.get(choice % legal.len().max(1)) else {
            break;
        };
        records.push(Record {
            sequence: records.len() as u64 + 1,
            wall_millis: 1000,
            event: (*event).clone(),
        });
        state = fold(&records);
    }
    records
}

fn is_end(record: &Record) -> bool {
    matches!(
        record.event,
        Event::RunSucceeded { .. }
            | Event::RunFailed { .. }
            | Event::RunCancelled { .. }
            | Event::Undone { .. }
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_prefix_of_a_legal_list_folds_and_is_unfinished_unless_ended(
        choices in prop::collection::vec(any::<usize>(), 1..90)
    ) {
        let records = legal_list(&choices);
        for length in 1..=records.len() {
            let prefix = &records[..length];
            let state = fold(prefix).unwrap();
            prop_assert_eq!(state.is_unfinished(), !prefix.iter().any(is_end));
            prop_assert_eq!(state.sequence, length as u64);
        }
    }

    #[test]
    fn every_unfinished_run_can_be_resumed_and_no_ended_one(
        choices in prop::collection::vec(any::<usize>(), 1..90)
    ) {
        let state = fold(&legal_list(&choices)).unwrap();
        let resumed = check_order(&run(), Some(&state), &Event::RunResumed { process: 1 });
        prop_assert_eq!(resumed.is_ok(), state.is_unfinished());
    }

    #[test]
    fn a_run_goes_on_once_by_an_approval_of_what_it_asked_for_last(
        choices in prop::collection::vec(any::<usize>(), 1..90)
    ) {
        let mut asked: BTreeMap<Phase, (String, bool)> = BTreeMap::new();
        let mut used = BTreeSet::new();
        for record in legal_list(&choices) {
            match record.event {
                Event::ApprovalRequested { phase, digest, .. } => {
                    asked.insert(phase, (digest, false));
                }
                Event::ApprovalGiven { phase, digest, .. } => {
                    let before = asked.insert(phase, (digest.clone(), true));
                    prop_assert_eq!(before, Some((digest, false)));
                }
                Event::ApprovalUsed { phase, digest } => {
                    prop_assert_eq!(asked.get(&phase), Some(&(digest, true)));
                    prop_assert!(used.insert(phase));
                }
                _ => {}
            }
        }
    }

    #[test]
    fn lists_in_any_order_fold_without_panic(
        choices in prop::collection::vec(any::<prop::sample::Index>(), 0..60)
    ) {
        let universe = support::universe(&run());
        let head = [support::started(&run())];
        let rest = choices.iter().map(|choice| choice.get(&universe).clone());
        let records: Vec<_> = head.into_iter().chain(rest).map(|event| Record {
            sequence: 1,
            wall_millis: 0,
            event,
        }).collect();
        prop_assert!(fold(&records).is_some());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn both_journals_take_and_refuse_the_same(
        choices in prop::collection::vec(any::<usize>(), 1..40),
        strays in prop::collection::vec((0..40_usize, any::<prop::sample::Index>()), 0..10)
    ) {
        let directory = tempfile::tempdir().unwrap();
        let disk = SqliteJournal::open(directory.path().join("journal.db")).unwrap();
        let memory = MemoryJournal::new();
        let universe = support::universe(&run());
        let mut events: Vec<_> = legal_list(&choices).into_iter().map(|r| r.event).collect();
        for (place, stray) in strays {
            let place = place.min(events.len());
            events.insert(place, stray.get(&universe).clone());
        }
        for event in events {
            let on_disk = disk.append(&run(), 5, std::slice::from_ref(&event)).is_ok();
            let in_memory = memory.append(&run(), 5, &[event]).is_ok();
            prop_assert_eq!(on_disk, in_memory);
        }
        prop_assert_eq!(disk.read(&run()).unwrap(), memory.read(&run()).unwrap());
    }
}
