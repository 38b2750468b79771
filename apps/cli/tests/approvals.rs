//! Gates from the command line: a run waits, somebody approves it or gives it up, others look on.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use crate::environment::{Ended, Environment};

const CONFIG: &str = "redistrict-demo/redistrict.toml";

/// The demo's estate, with approvals before these steps.
fn prepared(before: &str) -> Environment {
    let environment = Environment::new();
    environment.must(&["demo", "--students", "12", "--prepare-only"]);
    let config = environment.read(CONFIG);
    environment.write(
        CONFIG,
        &format!("{config}\n[approvals]\nbefore = {before}\n"),
    );
    environment
}

fn run(environment: &Environment, arguments: &[&str]) -> Ended {
    environment.run(&[arguments, &["--config", CONFIG]].concat())
}

fn json(environment: &Environment, arguments: &[&str]) -> (serde_json::Value, i32) {
    environment.json(&[arguments, &["--config", CONFIG]].concat())
}

fn cert(environment: &Environment) -> Vec<Vec<u8>> {
    let files = ["ids.db", "hcp1.db", "hcp2.db", "adb.db", "sp.db"].iter();
    files
        .map(|name| std::fs::read(environment.path("redistrict-demo/cert").join(name)).unwrap())
        .collect()
}

/// The run that waits, and the digest that it asks to be approved.
fn waiting(environment: &Environment) -> (String, String) {
    let (status, _) = json(environment, &["status"]);
    let digest = status["status"]["waiting"]["approval"]["digest"].as_str();
    let run = status["run"].as_str().unwrap().to_owned();
    (
        run,
        digest.unwrap_or_else(|| panic!("{status:#}")).to_owned(),
    )
}

#[test]
fn a_load_and_an_undo_wait_for_approval_and_touch_nothing_before() {
    let environment = prepared(r#"["load", "undo"]"#);
    let before = cert(&environment);
    let waits = run(&environment, &["migrate", "2"]);
    assert_eq!(waits.code, 9, "{}", waits.err);
    assert_eq!(cert(&environment), before);
    let (id, digest) = waiting(&environment);
    let command = format!("redistrict approve --config {CONFIG} {id} --digest {digest}");
    assert!(waits.err.contains(&command), "{}", waits.err);
    let status = run(&environment, &["status"]);
    assert!(
        status.out.contains("waiting for approval"),
        "{}",
        status.out
    );

    let approve = |more: &[&str]| {
        run(
            &environment,
            &[&["approve", &id, "--by", "Data Owner"], more].concat(),
        )
    };
    let unseen = approve(&[]);
    assert_eq!(unseen.code, 2, "{}", unseen.err);
    let foreign = approve(&["--digest", &"0".repeat(64)]);
    assert_eq!(foreign.code, 3, "{}", foreign.err);
    assert!(
        foreign.err.contains("not the one that it asks for"),
        "{}",
        foreign.err
    );
    assert_eq!(
        run(&environment, &["resume"]).code,
        9,
        "nobody has approved"
    );
    let given = approve(&["--digest", &digest]);
    assert_eq!(given.code, 0, "{}", given.err);
    for shown in [
        "would insert",
        "verdict PASSED",
        "approved by Data Owner, until",
    ] {
        assert!(given.err.contains(shown), "{shown}: {}", given.err);
    }
    let twice = approve(&["--digest", &digest]);
    assert_eq!(twice.code, 3, "{}", twice.err);
    assert!(
        twice.err.contains("approved already, by Data Owner"),
        "{}",
        twice.err
    );
    assert_eq!(cert(&environment), before);

    let done = run(&environment, &["resume"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert_ne!(cert(&environment), before);
    let replayed = approve(&["--digest", &digest]);
    assert_eq!(replayed.code, 2, "{}", replayed.err);
    let status = run(&environment, &["status", &id]);
    assert!(
        status.out.contains("was approved by Data Owner at"),
        "{}",
        status.out
    );

    let loaded = cert(&environment);
    assert_eq!(run(&environment, &["rollback", &id]).code, 9);
    assert_eq!(cert(&environment), loaded);
    let (undo, digest) = waiting(&environment);
    let approved = run(
        &environment,
        &["approve", &undo, "--by", "Data Owner", "--digest", &digest],
    );
    assert_eq!(approved.code, 0, "{}", approved.err);
    assert_eq!(run(&environment, &["resume"]).code, 0);
    let undone = cert(&environment);
    assert_ne!(undone, loaded);
    a_redo_waits_as_well(&environment, &undo);
}

/// Rows come into CERT again.
fn a_redo_waits_as_well(environment: &Environment, undo: &str) {
    let undone = cert(environment);
    let again = run(environment, &["rollback", undo]);
    assert_eq!(again.code, 9, "{}", again.err);
    assert_eq!(cert(environment), undone);
    let (redo, _) = waiting(environment);
    let given_up = run(environment, &["cancel", &redo]);
    assert_eq!(given_up.code, 0, "{}", given_up.err);
    assert_eq!(cert(environment), undone);
    assert_eq!(run(environment, &["resume"]).code, 2, "nothing waits");
}

#[test]
fn a_waiting_run_can_be_given_up_and_is_left_alone_afterwards() {
    let environment = prepared(r#"["load"]"#);
    let before = cert(&environment);
    assert_eq!(run(&environment, &["migrate", "2"]).code, 9);
    let (id, digest) = waiting(&environment);
    let (cancelled, code) = json(&environment, &["cancel", &id]);
    assert_eq!((code, &cancelled["status"]), (0, &"CANCELLED".into()));
    assert_eq!(cert(&environment), before);
    let late = run(
        &environment,
        &["approve", &id, "--by", "me", "--digest", &digest],
    );
    assert_eq!(late.code, 2, "{}", late.err);
    assert!(late.err.contains("cancelled"), "{}", late.err);
    assert_eq!(
        run(&environment, &["resume"]).code,
        2,
        "nothing is unfinished"
    );
    assert_eq!(run(&environment, &["cancel", &id]).code, 2);
    let runs = run(&environment, &["runs"]);
    assert!(runs.out.contains("cancelled"), "{}", runs.out);
}

#[test]
fn whoever_watches_hears_how_the_run_stands_and_gets_its_exit_code() {
    let environment = prepared(r#"["load"]"#);
    assert_eq!(run(&environment, &["migrate", "2"]).code, 9);
    let (id, digest) = waiting(&environment);
    let watched = run(&environment, &["watch"]);
    assert_eq!(watched.code, 9, "{}", watched.err);
    for line in ["1. Extraction", "completed", "redistrict approve"] {
        assert!(watched.err.contains(line), "{line}: {}", watched.err);
    }
    let by = ["approve", &id, "--by", "me", "--digest", &digest];
    assert_eq!(run(&environment, &by).code, 0);
    let nobody = run(&environment, &["watch", &id]);
    assert_eq!(nobody.code, 130, "{}", nobody.err);
    assert!(nobody.err.contains("nobody works on run"), "{}", nobody.err);
    let runs = run(&environment, &["runs"]);
    assert!(
        runs.out.contains("approved, nobody works on it"),
        "{}",
        runs.out
    );
    assert_eq!(run(&environment, &["resume"]).code, 0);
    let runs = run(&environment, &["runs"]);
    assert!(runs.out.contains("succeeded"), "{}", runs.out);
    let after = run(&environment, &["watch", &id]);
    assert_eq!(after.code, 0, "{}", after.err);
    assert_eq!(run(&environment, &["watch", "mig-unknown"]).code, 2);
}

#[test]
fn a_run_that_waits_goes_on_by_itself_once_another_terminal_has_approved() {
    let environment = prepared(r#"["load"]"#);
    let before = cert(&environment);
    let mut child = environment
        .command(&["migrate", "2", "--wait", "--config", CONFIG])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut heard = BufReader::new(child.stderr.take().unwrap()).lines();
    let waits = |line: &String| line.contains("waits for approval");
    assert!(heard.by_ref().map(Result::unwrap).any(|line| waits(&line)));
    assert_eq!(cert(&environment), before);
    let (id, digest) = waiting(&environment);
    let busy = run(&environment, &["resume", &id]);
    assert_eq!(busy.code, 11, "{}", busy.err);
    let by = ["approve", &id, "--by", "me", "--digest", &digest];
    assert_eq!(run(&environment, &by).code, 0);
    let rest: Vec<String> = heard.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("approved by me")));
    assert_ne!(cert(&environment), before);
}

#[test]
fn a_step_that_is_none_and_a_duration_that_is_none_are_said_before_anything_runs() {
    let environment = prepared(r#"["lode"]"#);
    let failed = run(&environment, &["migrate", "2"]);
    assert_eq!(failed.code, 3, "{}", failed.err);
    assert!(
        failed
            .err
            .contains("extract, anonymize, validate, load, report, undo"),
        "{}",
        failed.err
    );
    let environment = prepared("[\"load\"]\nvalid_for = \"soon\"");
    let failed = run(&environment, &["migrate", "2"]);
    assert_eq!(failed.code, 3, "{}", failed.err);
    assert!(!Path::new(&environment.path("redistrict-demo/data/staging")).exists());
}

#[test]
fn a_skill_on_its_own_waits_as_well() {
    let environment = prepared(r#"["extract", "load"]"#);
    let waits = run(&environment, &["extract", "2"]);
    assert_eq!(waits.code, 9, "{}", waits.err);
    let (id, digest) = waiting(&environment);
    let by = ["approve", &id, "--by", "me", "--digest", &digest];
    assert_eq!(run(&environment, &by).code, 0);
    assert_eq!(run(&environment, &["resume"]).code, 0);
}

#[test]
fn who_approves_and_what_is_said_where_nobody_can_be_asked() {
    let environment = prepared(r#"["load"]"#);
    assert_eq!(run(&environment, &["migrate", "2"]).code, 9);
    let (id, digest) = waiting(&environment);
    let by = |user: Option<&str>, more: &[&str]| {
        let all = [&["approve", &id], more, &["--config", CONFIG]].concat();
        let mut command = environment.command(&all);
        for name in ["USER", "LOGNAME", "SUDO_USER"] {
            command.env_remove(name);
        }
        command.envs(user.map(|user| ("USER", user)));
        let ended = command.stdin(Stdio::null()).output().unwrap();
        let err = String::from_utf8(ended.stderr).unwrap();
        assert!(err.contains("waits for approval of Loading"), "{err}");
        (ended.status.code(), err)
    };
    let command = format!("redistrict approve --config {CONFIG} {id} --digest {digest}");
    for (user, more, why, hint) in [
        (
            None,
            &[][..],
            "this session has no user",
            " --by \"your name\"",
        ),
        (
            Some("root"),
            &[],
            "is root, which does not say who it is",
            " --by \"your name\"",
        ),
        (
            Some("anna"),
            &["--by", " "],
            "--by is no name",
            " --by \"your name\"",
        ),
        (Some("anna"), &[], "there is no terminal to ask on", "\n"),
        (
            Some("root"),
            &["--by", "Data Owner"],
            "no terminal",
            " --by 'Data Owner'\n",
        ),
    ] {
        let (code, err) = by(user, more);
        let said = "nothing was approved, because ";
        assert!(
            code == Some(2) && err.contains(said) && err.contains(why),
            "{err}"
        );
        assert!(err.contains(&format!("{command}{hint}")), "{err}");
    }
    let (code, err) = by(Some("anna"), &["--digest", &digest]);
    assert!(code == Some(0) && err.contains("approved by anna"), "{err}");
}
