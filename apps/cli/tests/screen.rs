//! What a newcomer sees: printed commands that work, JSON and nothing else on stdout, words that claim
//! only what was done.

use crate::environment::{Ended, Environment};

const CONFIG: &str = "redistrict-demo/redistrict.toml";

fn prepared() -> Environment {
    let environment = Environment::new();
    environment.must(&["demo", "--students", "12", "--prepare-only"]);
    environment
}

fn with_config<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &["--config", CONFIG]].concat()
}

/// Every line of stdout is JSON; with `json` there is exactly one.
fn assert_json(ended: &Ended, arguments: &[&str], format: &str) {
    let lines: Vec<&str> = ended.out.lines().collect();
    for line in &lines {
        assert!(
            serde_json::from_str::<serde_json::Value>(line).is_ok(),
            "{arguments:?}: {line}"
        );
    }
    if format == "json" {
        assert_eq!(
            lines.len(),
            1,
            "{arguments:?}\n{}\n{}",
            ended.out,
            ended.err
        );
    }
}

#[test]
fn every_command_says_json_and_nothing_else_on_stdout_failures_and_typing_errors_too() {
    let environment = prepared();
    let journey: &[&[&str]] = &[
        &["doctor"],
        &["config", "check"],
        &["analyze"],
        &["select"],
        &["plan", "2"],
        &["runs"],
        &["status"],
        &["resume"],
        &["load", "2"],
        &["extract", "2"],
        &["migrate", "2", "--dry-run"],
        &["runs"],
        &["status"],
        &["migrate", "77"],
        &["report", "no-such-run"],
        &["rollback", "no-such-run"],
        &["enroll", "--name", "again"],
        &["enroll", "no-such-store", "--name", "x"],
        &["init"],
        &["migrate"],
        &["migrate", "2", "--no-such-flag"],
        &["no-such-command"],
        &["classify"],
        &["key", "rotate"],
    ];
    for format in ["json", "jsonl"] {
        for arguments in journey {
            let words = [with_config(arguments), vec!["--output", format]].concat();
            let ended = environment.run(&words);
            assert_json(&ended, &words, format);
            if ended.code != 0 {
                let last = ended.out.lines().last().unwrap_or_default();
                let value: serde_json::Value = serde_json::from_str(last).unwrap();
                assert_eq!(value["exit"], ended.code, "{words:?}: {value}");
                assert!(value["error"].is_string(), "{words:?}: {value}");
            }
        }
    }
}

#[test]
fn a_command_that_is_printed_works_as_it_stands_from_where_it_was_printed() {
    let environment = prepared();
    std::fs::rename(
        environment.path("redistrict-demo"),
        environment.path("an odd place"),
    )
    .unwrap();
    let config = ["--config", "an odd place/redistrict.toml"];
    for store in ["ids", "hcp1", "hcp2", "adb", "sp"] {
        for side in ["prod", "cert"] {
            let file = format!("an odd place/{store}-{side}.url");
            environment.write(&file, &format!("sqlite:{side}/{store}.db"));
        }
    }
    let run = environment.must(&[&["migrate", "2"], &config[..]].concat());
    let undo = run
        .err
        .lines()
        .find_map(|line| line.strip_prefix("- Undo: "))
        .unwrap();
    let status = std::process::Command::new("sh")
        .args(["-c", undo])
        .current_dir(environment.dir.path())
        .output()
        .unwrap();
    assert!(status.status.success(), "{undo}\n{status:?}");
    let resume = environment.run(&[&["resume"], &config[..]].concat());
    assert!(
        resume
            .err
            .contains("redistrict runs --config 'an odd place/redistrict.toml'` lists them"),
        "{}",
        resume.err
    );
}

#[test]
fn only_a_migration_is_called_one() {
    let environment = prepared();
    for (arguments, head) in [
        (&["extract", "2"][..], "✅ Extraction Complete: "),
        (&["anonymize", "2"], "✅ Anonymization Complete: "),
        (&["validate", "2"], "✅ Validation Complete: "),
        (&["load", "2"], "✅ Loading Complete: "),
        (&["migrate", "2", "--dry-run"], "✅ Dry Run Complete: "),
        (
            &["migrate", "2", "--skip-load"],
            "✅ Migration Complete Without Loading: ",
        ),
        (&["migrate", "2"], "✅ Migration Complete: "),
    ] {
        let ended = environment.must(&with_config(arguments));
        assert!(ended.out.starts_with(head), "{arguments:?}\n{}", ended.out);
    }
}

#[test]
fn the_checklist_goes_from_pending_to_its_end() {
    let environment = prepared();
    let run = environment.must(&with_config(&["migrate", "2", "--skip-load"]));
    for line in [
        "[ ] 1. Extraction     pending",
        "[>] 1. Extraction     in_progress",
        "[x] 1. Extraction     completed",
        "[ ] 4. Loading        pending",
        "[-] 4. Loading        skipped",
        "[x] 5. Reporting      completed",
    ] {
        assert!(run.err.contains(line), "{line}\n{}", run.err);
    }
}

#[test]
fn an_artifact_without_a_verdict_or_with_a_failed_one_is_not_loaded() {
    let environment = prepared();
    environment.must(&with_config(&["extract", "2"]));
    environment.must(&with_config(&["anonymize", "2"]));
    let load = environment.run(&with_config(&["load", "2"]));
    assert_eq!(load.code, 3, "{}", load.err);
    assert!(load.err.contains("redistrict validate"), "{}", load.err);
    environment.must(&with_config(&["validate", "2"]));
    let masked = environment.path("redistrict-demo/data/anonymized");
    let verdict = std::fs::read_dir(masked)
        .unwrap()
        .flat_map(|district| std::fs::read_dir(district.unwrap().path()).unwrap())
        .map(|run| run.unwrap().path().join("verdict.json"))
        .find(|path| path.exists())
        .unwrap();
    let passed = std::fs::read_to_string(&verdict).unwrap();
    let mut report: serde_json::Value = serde_json::from_str(&passed).unwrap();
    report["verdict"] = "FAILED".into();
    std::fs::write(&verdict, report.to_string()).unwrap();
    let load = environment.run(&with_config(&["load", "2"]));
    assert_eq!(load.code, 5, "{}", load.err);
    std::fs::write(&verdict, passed).unwrap();
    environment.must(&with_config(&["load", "2"]));
}

#[test]
fn what_is_wrong_with_the_configuration_is_said_and_a_secret_is_not_repeated() {
    let environment = prepared();
    let missing = environment.run(&["runs", "--config", "nowhere.toml"]);
    assert_eq!(missing.code, 3);
    assert!(
        missing.err.contains("there is no such file"),
        "{}",
        missing.err
    );
    let directory = environment.run(&["runs", "--config", "redistrict-demo"]);
    assert_eq!(directory.code, 3);
    assert!(
        directory.err.contains("is a directory"),
        "{}",
        directory.err
    );
    let text = environment.read(CONFIG);
    let literal = text.replacen(
        "{ file = \"ids-prod.url\" }",
        "\"postgres://u:s3cret@h/d\"",
        1,
    );
    assert_ne!(literal, text);
    environment.write(CONFIG, &literal);
    for format in ["text", "json"] {
        let ended = environment.run(&with_config(&["doctor", "--output", format]));
        assert_eq!(ended.code, 3, "{}", ended.err);
        let all = format!("{}{}", ended.out, ended.err);
        assert!(!all.contains("s3cret"), "{all}");
        assert!(all.contains("line "), "{all}");
    }
    environment.write(CONFIG, &format!("{text}\n[retention]\nraw = \"24\"\n"));
    let check = environment.run(&with_config(&["config", "check"]));
    assert_eq!(check.code, 3, "{}", check.err);
    assert!(check.err.contains("24h"), "{}", check.err);
}

#[test]
fn the_help_fits_a_terminal_of_eighty_columns() {
    let environment = Environment::new();
    for arguments in [
        &["-h"][..],
        &["migrate", "-h"],
        &["rollback", "-h"],
        &["init", "-h"],
        &["demo", "-h"],
        &["--help"],
        &["demo", "--help"],
        &["init", "--help"],
        &["migrate", "--help"],
        &["artifacts", "ls", "--help"],
        &["artifacts", "shred", "--help"],
        &["notify", "test", "--help"],
        &["completions", "--help"],
    ] {
        let help = environment.must(arguments);
        for line in help.out.lines() {
            assert!(line.chars().count() <= 80, "{arguments:?}: {line}");
        }
    }
}

/// What a demo writes to a terminal of that kind.
fn on_a_terminal(variables: &[(&str, &str)]) -> String {
    let environment = Environment::new();
    let binary = env!("CARGO_BIN_EXE_redistrict");
    let command = format!("stty rows 40 cols 70; '{binary}' demo --students 12");
    let output = std::process::Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .current_dir(environment.dir.path())
        .env("TERM", "xterm-256color")
        .env_remove("NO_COLOR")
        .envs(variables.iter().copied())
        .output()
        .expect("`script` of util-linux makes a terminal: install bsdutils");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    text
}

const COLOUR: &str = "\u{1b}[32m";
const UP: &str = "A\r\u{1b}[2K";

#[test]
fn on_a_terminal_the_checklist_updates_in_place_and_says_the_mission_s_words() {
    let text = on_a_terminal(&[]);
    assert!(text.contains(UP) && text.contains(COLOUR));
    for words in [
        "Starting migration for",
        "[>] 2. Anonymization  in_progress",
        "Phase 4 of 5: Loading - ",
        "[x] 5. Reporting      completed",
        "Migration Complete",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let after = text.rsplit_once("\u{1b}[2K").unwrap().1;
    let last = after.matches("[x] 5. Reporting").count();
    assert_eq!(
        last, 1,
        "the checklist stands once when all is over: {after}"
    );
}

#[test]
fn no_color_and_dumb_terminals_get_what_they_ask_for() {
    let plain = on_a_terminal(&[("NO_COLOR", "1")]);
    assert!(plain.contains(UP) && !plain.contains(COLOUR));
    let dumb = on_a_terminal(&[("TERM", "dumb")]);
    assert!(!dumb.contains('\u{1b}'), "{dumb}");
    assert!(dumb.contains("Phase 1 of 5: Extraction - 0% complete"));
}
