//! What every command prints with `--output json` and `jsonl` is of the published schema
//! (docs/reference/output.schema.json).

use std::path::Path;

use serde_json::{Value, json};

use crate::environment::Environment;

const CONFIG: &str = "redistrict-demo/redistrict.toml";

/// The published schema.
struct Schema(Value);

impl Schema {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let file = root.join("docs/reference/output.schema.json");
        Self(serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap())
    }

    /// Holds a printed line against a definition of it.
    fn check(&self, name: &str, line: &str) {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{name}: {line}"));
        assert!(self.0["$defs"][name].is_object(), "no definition {name}");
        let reference = format!("#/$defs/{name}");
        let schema = json!({ "$defs": self.0["$defs"], "$ref": reference });
        let validator = jsonschema::validator_for(&schema).unwrap();
        let wrong: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{} at {}", error, error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
    }
}

/// The demo's estate and what may be asked of it, in both formats.
struct Place {
    environment: Environment,
    schema: Schema,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            environment: Environment::new(),
            schema: Schema::read(),
        };
        let words = [
            "demo",
            "--students",
            "12",
            "--prepare-only",
            "--output",
            "json",
        ];
        let made = place.environment.must(&words);
        place.schema.check("demo", made.out.trim_end());
        place
    }

    /// The lines of a command; the code has to be that one.
    fn lines(&self, words: &[&str], format: &str, code: i32) -> Vec<String> {
        let words = [words, &["--config", CONFIG, "--output", format]].concat();
        let ended = self.environment.run(&words);
        assert_eq!(ended.code, code, "{words:?}\n{}\n{}", ended.out, ended.err);
        ended.out.lines().map(str::to_owned).collect()
    }

    /// A command that prints one object, of that definition in both formats.
    fn one(&self, name: &str, words: &[&str]) {
        for format in ["json", "jsonl"] {
            let lines = self.lines(words, format, 0);
            assert_eq!(lines.len(), 1, "{words:?} {format}");
            self.schema.check(name, &lines[0]);
        }
    }

    /// A run: with `jsonl` its events stand before it. Gives the run of the last one.
    fn run(&self, words: &[&str], code: i32) -> String {
        let lines = self.lines(words, "json", code);
        assert_eq!(lines.len(), 1, "{words:?}");
        self.schema.check("run", &lines[0]);
        let lines = self.lines(words, "jsonl", code);
        let (last, events) = lines.split_last().unwrap();
        assert!(!events.is_empty(), "{words:?}");
        for event in events {
            self.schema.check("event", event);
        }
        self.schema.check("run", last);
        let last: Value = serde_json::from_str(last).unwrap();
        last["run"].as_str().unwrap().to_owned()
    }

    fn fails(&self, words: &[&str], code: i32) {
        for format in ["json", "jsonl"] {
            let lines = self.lines(words, format, code);
            self.schema.check("failure", lines.last().unwrap());
        }
    }
}

#[test]
fn what_looks_prints_what_is_published() {
    let place = Place::new();
    for (name, words) in [
        ("doctor", &["doctor"][..]),
        ("config_check", &["config", "check"]),
        ("enroll", &["enroll", "--name", "here"]),
        ("analyze", &["analyze"]),
        ("select", &["select"]),
        ("plan", &["plan", "2"]),
        ("plan", &["plan", "2", "--exact"]),
        ("plan_sql", &["plan", "2", "--sql"]),
        ("why", &["why", "ids.guardians", "3", "--district", "2"]),
        ("why", &["why", "ids.students", "1", "--district", "2"]),
        ("classify", &["classify"]),
        ("classify", &["classify", "2"]),
        ("completions", &["completions", "bash"]),
    ] {
        place.one(name, words);
    }
    place.fails(&["plan", "99"], 2);
    place.fails(&["plann", "2"], 2);
    place.fails(&["status", "mig-1"], 2);
    place.fails(&["notify", "test"], 3);
}

#[test]
fn runs_print_what_is_published_as_they_go_and_at_their_end() {
    let place = Place::new();
    place.run(&["migrate", "2", "--dry-run"], 0);
    let run = place.run(&["migrate", "2"], 0);
    for words in [
        ["extract", "1"],
        ["anonymize", "1"],
        ["validate", "1"],
        ["load", "1"],
    ] {
        place.run(&words, 0);
    }
    place.one("status", &["status", &run]);
    place.one("report", &["report", &run]);
    place
        .schema
        .check("runs", &place.lines(&["runs"], "json", 0)[0]);
    for line in place.lines(&["runs"], "jsonl", 0) {
        place.schema.check("run_in_list", &line);
    }
    let watched = place.lines(&["watch", &run], "jsonl", 0);
    place.schema.check("watch", watched.last().unwrap());
    let undone = place.lines(&["rollback", &run], "json", 0);
    place.schema.check("run", &undone[0]);
    place.one("nothing_to_do", &["rollback", &run]);
    place.fails(&["migrate", "99"], 2);
}

#[test]
fn gates_print_what_is_published() {
    let place = Place::new();
    let gated = place.run(&["migrate", "2", "--ask-before", "load"], 9);
    place.one("status", &["status", &gated]);
    let events = place.lines(&["watch", &gated], "jsonl", 9);
    let (last, events) = events.split_last().unwrap();
    place.schema.check("failure", last);
    events
        .iter()
        .for_each(|event| place.schema.check("event", event));
    let status: Value =
        serde_json::from_str(&place.lines(&["status", &gated], "json", 0)[0]).unwrap();
    let digest = &status["status"]["waiting"]["approval"]["digest"];
    let digest = digest.as_str().unwrap();
    let words = [
        "approve",
        &gated,
        "--digest",
        digest,
        "--by",
        "the data owner",
    ];
    place
        .schema
        .check("approve", &place.lines(&words, "json", 0)[0]);
    let resumed = place.lines(&["resume", &gated], "jsonl", 0);
    let (last, events) = resumed.split_last().unwrap();
    events
        .iter()
        .for_each(|event| place.schema.check("event", event));
    place.schema.check("run", last);
    let other = place.run(&["migrate", "1", "--ask-before", "load"], 9);
    place
        .schema
        .check("cancel", &place.lines(&["cancel", &other], "json", 0)[0]);
}

#[test]
fn init_prints_what_is_published() {
    let mut place = Place::new();
    for (variable, side) in [("IDS_PROD_URL", "prod"), ("IDS_CERT_URL", "cert")] {
        let file = place
            .environment
            .path(&format!("redistrict-demo/{side}/ids.db"));
        place
            .environment
            .set(variable, &format!("sqlite:{}", file.display()));
    }
    let words = ["init", "--root", "ids.districts", "--output", "json"];
    let made = place.environment.must(&words);
    place.schema.check("init", made.out.trim_end());
    let granted = place
        .environment
        .must(&["init", "--grants", "--output", "json"]);
    place.schema.check("init_grants", granted.out.trim_end());
}
