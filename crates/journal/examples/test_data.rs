//! Makes a journal file of the runs that `test-data/v1` holds as lines.
//!
//! Run once when the file's format is new: `cargo run -p redistrict-journal --example test_data -- FOLDER`.
//! The files of a version are never made again; that later code still reads them is tested.
#![expect(clippy::unwrap_used, reason = "it may stop anywhere")]

use std::path::PathBuf;

use redistrict_journal::{Event, Journal, Record, SqliteJournal};

fn main() {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap());
    let journal = SqliteJournal::open(folder.join("journal.db")).unwrap();
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"))
        .collect();
    paths.sort();
    for path in paths {
        let text = std::fs::read_to_string(path).unwrap();
        let records = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let records: Vec<Record> = records.collect();
        let Event::RunStarted { run, .. } = &records[0].event else {
            panic!("a run begins with its start");
        };
        if !journal.read(run).unwrap().is_empty() {
            continue; // Another file's run has the name already.
        }
        for record in &records {
            let event = std::slice::from_ref(&record.event);
            journal.append(run, record.wall_millis, event).unwrap();
        }
    }
}
