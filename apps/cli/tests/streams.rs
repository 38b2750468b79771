//! Where data goes: a full disk behind stdout is a failure, a closed pipe is none.

use std::fs::File;
use std::io::Read as _;
use std::process::{Output, Stdio};

use crate::environment::Environment;

const CONFIG: &str = "redistrict-demo/redistrict.toml";

fn prepared() -> Environment {
    let environment = Environment::new();
    environment.must(&["demo", "--students", "12", "--prepare-only"]);
    environment
}

/// With a stdout that takes nothing.
fn on_a_full_disk(environment: &Environment, arguments: &[&str]) -> (Option<i32>, String) {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut command = environment.command(arguments);
    let Output { status, stderr, .. } = command.stdout(full).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn data_that_cannot_be_written_is_exit_1_with_a_sentence() {
    let environment = prepared();
    for arguments in [
        &["--help"][..],
        &["completions", "bash"],
        &["runs", "--config", CONFIG],
        &["runs", "--config", CONFIG, "--output", "json"],
        &["migrate", "2", "--config", CONFIG, "--output", "jsonl"],
    ] {
        let (code, said) = on_a_full_disk(&environment, arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {said}");
        for words in [
            "failed to write to standard output: the disk is full",
            "redistrict status",
        ] {
            assert!(said.contains(words), "{arguments:?}: {said}");
        }
    }
    // The run itself is done.
    let status = environment.must(&["status", "--config", CONFIG]);
    assert!(status.out.contains(": succeeded"), "{}", status.out);
}

#[test]
fn a_failure_keeps_its_exit_code_where_its_data_cannot_be_written() {
    let environment = prepared();
    let arguments = ["status", "mig-1", "--config", CONFIG, "--output", "json"];
    let (code, said) = on_a_full_disk(&environment, &arguments);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("the disk is full"), "{said}");
    assert!(said.contains("ended with exit 2"), "{said}");
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let environment = prepared();
    let mut child = environment
        .command(&["runs", "--config", CONFIG])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{said}");
    assert_eq!(said, "");
}

#[test]
fn a_report_that_cannot_be_written_hides_nothing_of_its_run() {
    let environment = prepared();
    // A file stands where the folder of the reports belongs.
    std::fs::create_dir_all(environment.path("redistrict-demo/data")).unwrap();
    let in_the_way = environment.path("redistrict-demo/data/reports");
    std::fs::write(&in_the_way, "").unwrap();
    let run = environment.run(&["migrate", "2", "--config", CONFIG]);
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(
        run.err.contains("warning: the report is not written"),
        "{}",
        run.err
    );
    for words in ["Migration Failed", "The rows of this run are in CERT."] {
        assert!(run.out.contains(words), "{}", run.out);
    }
    assert!(!run.out.contains("Reports: "), "{}", run.out);
    let then = run
        .err
        .lines()
        .find(|line| line.contains("Then: "))
        .unwrap();
    assert!(then.contains("redistrict report "), "{then}");
    std::fs::remove_file(&in_the_way).unwrap();
    let id = then.rsplit(' ').next().unwrap();
    environment.must(&["report", id, "--config", CONFIG]);
}
