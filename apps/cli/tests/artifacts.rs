//! `redistrict artifacts`: what it lists, what it finds changed, what it destroys and what it leaves.

use std::path::{Path, PathBuf};

use crate::environment::Environment;

const CONFIG: &str = "redistrict-demo/redistrict.toml";

fn prepared(more: &str) -> Environment {
    let environment = Environment::new();
    environment.must(&["demo", "--students", "12", "--prepare-only"]);
    let config = environment.read(CONFIG);
    environment.write(CONFIG, &format!("{config}\n{more}\n"));
    environment
}

fn with_config<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &["--config", CONFIG]].concat()
}

/// The listing's objects.
fn listed(environment: &Environment, arguments: &[&str]) -> Vec<serde_json::Value> {
    let all = with_config(&[&["artifacts", "ls"], arguments].concat());
    let (value, code) = environment.json(&all);
    assert_eq!(code, 0, "{value:#}");
    assert_schema(&value);
    value["artifacts"].as_array().unwrap().clone()
}

/// What was printed is of the published schema.
fn assert_schema(value: &serde_json::Value) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = root.join("docs/reference/artifacts.schema.json");
    let schema = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> = validator
        .iter_errors(value)
        .map(|error| error.to_string())
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}\n{value:#}");
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(dir) else {
        return found;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn parts(environment: &Environment, folder: &str) -> Vec<PathBuf> {
    let all = files(&environment.path("redistrict-demo/data").join(folder));
    let is_part = |path: &PathBuf| path.extension().is_some_and(|one| one == "parquet");
    all.into_iter().filter(is_part).collect()
}

#[test]
fn a_listing_says_what_there_is_and_how_long_it_is_kept() {
    let environment = prepared("[retention]\nraw = \"2h\"");
    assert!(listed(&environment, &[]).is_empty());
    environment.must(&with_config(&["migrate", "2", "--skip-load"]));
    let all = listed(&environment, &[]);
    let kinds: Vec<_> = all
        .iter()
        .map(|one| one["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["raw", "masked"]);
    for one in &all {
        assert_eq!(
            (&one["district"], &one["state"]),
            (&"2".into(), &"sealed".into())
        );
        assert!(one["rows"].as_u64().unwrap() > 100, "{one:#}");
        let on_disk: u64 = parts(&environment, folder(one))
            .iter()
            .map(|path| std::fs::metadata(path).unwrap().len())
            .sum();
        assert_eq!(one["bytes"], on_disk);
    }
    assert_eq!(
        (&all[0]["is_overdue"], &all[1]["kept_until"]),
        (&false.into(), &().into())
    );
    assert!(all[0]["kept_until"].as_str() > all[0]["sealed_at"].as_str());
    assert_eq!(listed(&environment, &["2"]).len(), 2);
    assert!(listed(&environment, &["3"]).is_empty());
    let text = environment.must(&with_config(&["artifacts", "ls"]));
    assert!(text.out.contains("kept until"), "{}", text.out);
}

fn folder(artifact: &serde_json::Value) -> &'static str {
    match artifact["kind"].as_str() {
        Some("raw") => "staging",
        _ => "anonymized",
    }
}

#[test]
fn verify_names_every_file_that_is_not_as_it_was_sealed() {
    let environment = prepared("");
    let (run, _) = environment.json(&with_config(&["migrate", "2", "--skip-load"]));
    let run = run["run"].as_str().unwrap();
    let sound = environment.must(&with_config(&["artifacts", "verify"]));
    assert_eq!(
        sound.out.matches("as it was sealed").count(),
        2,
        "{}",
        sound.out
    );
    let (value, code) = environment.json(&with_config(&["artifacts", "verify"]));
    assert_eq!(code, 0, "{value:#}");
    assert_schema(&value);
    let (raw, masked) = (
        parts(&environment, "staging"),
        parts(&environment, "anonymized"),
    );
    let bytes = std::fs::read(&raw[0]).unwrap();
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 1;
    std::fs::write(&raw[0], changed).unwrap();
    for file in [&masked[1], &masked[3]] {
        std::fs::remove_file(file).unwrap();
    }
    let name = |path: &Path| {
        let tail: Vec<_> = path.components().rev().take(6).collect();
        tail.iter().rev().collect::<PathBuf>().display().to_string()
    };
    for arguments in [&["artifacts", "verify"][..], &["artifacts", "verify", run]] {
        let ended = environment.run(&with_config(arguments));
        assert_eq!(ended.code, 3, "{}", ended.err);
        for file in [&raw[0], &masked[1], &masked[3]] {
            assert!(
                ended.err.contains(&name(file)),
                "{}\n{}",
                name(file),
                ended.err
            );
        }
        assert!(!ended.err.contains(&name(&raw[1])), "{}", ended.err);
    }
    std::fs::write(&raw[0], bytes).unwrap();
    let manifest = masked[0].ancestors().nth(3).unwrap().join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replacen("\"rows\"", " \"rows\"", 1)).unwrap();
    let (value, code) = environment.json(&with_config(&["artifacts", "verify", "--all"]));
    assert_eq!((code, &value["exit"]), (3, &3.into()));
    assert!(
        value["causes"][0].as_str().unwrap().contains("manifest"),
        "{value:#}"
    );
    assert_eq!(listed(&environment, &[])[1]["state"], "damaged");
}

#[test]
fn shredding_leaves_journal_and_report_and_may_be_said_twice() {
    let environment = prepared("");
    let (run, _) = environment.json(&with_config(&["migrate", "2"]));
    let run = run["run"].as_str().unwrap();
    let raw = parts(&environment, "staging");
    let masked = parts(&environment, "anonymized");
    let shred = with_config(&["artifacts", "shred", run]);
    let done = environment.must(&shred);
    assert!(done.out.starts_with("shredded "), "{}", done.out);
    assert!(!raw.is_empty() && raw.iter().all(|path| !path.exists()));
    assert!(masked.iter().all(|path| path.exists()));
    let (value, code) = environment.json(&shred);
    assert_eq!((code, &value["shredded"]), (0, &serde_json::json!([])));
    assert_schema(&value);
    let all = listed(&environment, &["2"]);
    assert_eq!(
        (&all[0]["state"], &all[0]["path"]),
        (&"shredded".into(), &().into())
    );
    for arguments in [
        &["report", run][..],
        &["status", run],
        &["artifacts", "verify", run],
    ] {
        environment.must(&with_config(arguments));
    }
    environment.must(&with_config(&["rollback", run]));
    let unknown = environment.run(&with_config(&["artifacts", "shred", &run[..run.len() - 1]]));
    assert_eq!(unknown.code, 2, "{}", unknown.err);
    assert!(
        unknown.err.contains(&format!("did you mean `{run}`?")),
        "{}",
        unknown.err
    );
}

#[test]
fn an_artifact_that_an_unfinished_run_needs_is_not_shredded() {
    let environment = prepared("[approvals]\nbefore = [\"load\"]");
    let first = environment.run(&with_config(&["migrate", "2", "--output", "json"]));
    assert_eq!(first.code, 9, "{}", first.err);
    let all = listed(&environment, &[]);
    let run = all[0]["run"].as_str().unwrap();
    assert_eq!(all[0]["needed_by"], serde_json::json!([run]));
    let refused = environment.run(&with_config(&["artifacts", "shred", run]));
    assert_eq!(refused.code, 3, "{}", refused.err);
    for word in [run, "resume", "cancel"] {
        assert!(refused.err.contains(word), "{word}: {}", refused.err);
    }
    assert!(!parts(&environment, "staging").is_empty());
    environment.must(&with_config(&["cancel", run]));
    environment.must(&with_config(&["artifacts", "shred", run]));
    assert!(parts(&environment, "staging").is_empty());
}

#[test]
fn overdue_means_older_than_the_retention() {
    let environment = prepared("");
    environment.must(&with_config(&["extract", "2"]));
    environment.must(&with_config(&["artifacts", "shred", "--overdue"]));
    assert!(!parts(&environment, "staging").is_empty());
    let config = environment.read(CONFIG);
    environment.write(CONFIG, &format!("{config}[retention]\nraw = \"0s\"\n"));
    assert_eq!(listed(&environment, &[])[0]["is_overdue"], true);
    let done = environment.must(&with_config(&["artifacts", "shred", "--overdue"]));
    assert!(done.out.starts_with("shredded "), "{}", done.out);
    assert!(files(&environment.path("redistrict-demo/data/staging")).is_empty());
    let again = environment.must(&with_config(&["artifacts", "shred", "--overdue"]));
    assert!(again.out.contains("nothing"), "{}", again.out);
}
