//! Estates of any size are valid, and large ones need no memory.

use std::process::Command;

use redistrict_estate::{
    Estate, EstateOptions, EstateSummary, write_rows_sqlite, write_schema_sqlite, write_sqlite,
};
use rusqlite::Connection;

#[test]
fn estates_of_any_size_are_valid() {
    let sizes = [(0, 40), (1, 1), (1, 40), (2, 3), (3, 0), (25, 4), (2, 1600)];
    for (districts, students_per_district) in sizes {
        let directory = tempfile::tempdir().unwrap();
        let estate = Estate::generate(EstateOptions {
            seed: 9,
            districts,
            students_per_district,
            with_transfers: true,
        });
        let expected = districts * students_per_district;
        assert_eq!(
            estate.row_counts()["ids.students"],
            usize::try_from(expected).unwrap()
        );
        write_sqlite(&estate, directory.path()).unwrap();
        for district in 1..=districts.min(3) {
            let rows = estate.cert_neighbour_rows(district).unwrap();
            let directory = tempfile::tempdir().unwrap();
            let files = write_schema_sqlite(directory.path()).unwrap();
            write_rows_sqlite(&files, &rows[..]).unwrap();
        }
    }
}

/// Runs the program that makes estates; gives what it says and its peak of memory in KB.
fn run(arguments: &[&str]) -> (String, u64) {
    let output = Command::new(env!("CARGO_BIN_EXE_estate"))
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let failed = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{failed}");
    let (_, peak) = said.rsplit_once("peak RSS ").unwrap();
    let peak = peak.split_whitespace().next().unwrap().parse().unwrap();
    (said, peak)
}

#[test]
fn counting_takes_no_more_memory_for_thirty_times_the_students() {
    let size = |students: &str| run(&["count", "--districts", "2", "--students", students]).1;
    let (small, large) = (size("100"), size("3000"));
    assert!(small > 0 && large > 0, "the system says");
    assert!(large < small + 2_000, "{small} KB and {large} KB");
}

#[test]
fn writing_takes_no_more_memory_for_thirty_times_the_students() {
    let size = |mode: &str, students: &str| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("made");
        let students = ["--students", students, "--districts", "2"];
        run(&[&[mode, path.to_str().unwrap()], &students[..]].concat()).1
    };
    for mode in ["sqlite", "script"] {
        let (small, large) = (size(mode, "50"), size(mode, "1500"));
        // SQLite's page cache is 2 MB for each file.
        assert!(large < small + 12_000, "{mode}: {small} KB and {large} KB");
    }
}

#[test]
fn what_is_streamed_into_files_is_what_is_held() {
    let estate = Estate::generate(EstateOptions::default());
    let directory = tempfile::tempdir().unwrap();
    let streamed = write_schema_sqlite(directory.path()).unwrap();
    write_rows_sqlite(&streamed, estate.options).unwrap();
    for rows in &estate.tables {
        let connection = Connection::open(streamed.of(rows.table.store)).unwrap();
        let sql = format!("select count(*) from {}", rows.table.name);
        let count: isize = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(
            count.unsigned_abs(),
            rows.rows.len(),
            "{}",
            rows.table.full_name()
        );
    }
    let (counted, _) = run(&["count"]);
    let summary = EstateSummary::generate(&estate.options);
    assert!(counted.contains(&format!("{} rows, ", summary.row_count())));
}
