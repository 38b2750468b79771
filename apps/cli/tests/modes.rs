//! `--dry-run`, `--skip-load`, `--skip-extraction`: what each does and does not do.

use std::path::{Path, PathBuf};

use crate::environment::Environment;

const CONFIG: &str = "redistrict-demo/redistrict.toml";

fn prepared() -> Environment {
    let environment = Environment::new();
    environment.must(&["demo", "--students", "12", "--prepare-only"]);
    environment
}

fn with_config<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &["--config", CONFIG]].concat()
}

fn bytes_of(environment: &Environment) -> Vec<Vec<u8>> {
    ["ids.db", "hcp1.db", "hcp2.db", "adb.db", "sp.db"]
        .iter()
        .map(|name| std::fs::read(environment.path("redistrict-demo/cert").join(name)).unwrap())
        .collect()
}

#[test]
fn a_dry_run_leaves_every_byte_of_cert_and_says_what_a_load_would_do() {
    let environment = prepared();
    let before = bytes_of(&environment);
    let dry = environment.must(&with_config(&["migrate", "2", "--dry-run"]));
    assert_eq!(bytes_of(&environment), before);
    let header = dry
        .out
        .lines()
        .find(|line| line.contains("insert"))
        .unwrap();
    for word in ["table", "insert", "update", "leave"] {
        assert!(header.contains(word), "{header}");
    }
    let students = dry
        .out
        .lines()
        .find(|line| line.contains("students"))
        .unwrap();
    assert!(
        students.split_whitespace().any(|cell| cell == "12"),
        "{students}"
    );
}

#[test]
fn skip_load_writes_nothing_to_cert() {
    let environment = prepared();
    let before = bytes_of(&environment);
    let run = environment.must(&with_config(&["migrate", "2", "--skip-load"]));
    assert_eq!(bytes_of(&environment), before);
    assert!(run.err.contains("skipped"), "{}", run.err);
}

#[test]
fn skip_extraction_uses_the_sealed_artifact_and_ends_in_the_same_cert() {
    let environment = prepared();
    environment.must(&with_config(&["extract", "2"]));
    let run = environment.must(&with_config(&["migrate", "2", "--skip-extraction"]));
    assert!(
        run.err.contains("Phase 1 of 5: Extraction - skipped"),
        "{}",
        run.err
    );
    assert!(run.out.contains("Status: SUCCESS"), "{}", run.out);
}

#[test]
fn skip_extraction_without_an_artifact_says_so() {
    let environment = prepared();
    let run = environment.run(&with_config(&["migrate", "2", "--skip-extraction"]));
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(run.err.contains("there is no sealed one"), "{}", run.err);
}

#[test]
fn skip_extraction_refuses_when_a_byte_of_a_part_or_of_the_manifest_was_changed() {
    let environment = prepared();
    environment.must(&with_config(&["extract", "2"]));
    let staging = environment.path("redistrict-demo/data/staging");
    for name in ["manifest.json", "part-00000.parquet", "data-key.wrapped"] {
        let file = find(&staging, name).unwrap();
        let bytes = std::fs::read(&file).unwrap();
        let mut changed = bytes.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        std::fs::write(&file, changed).unwrap();
        let run = environment.run(&with_config(&["migrate", "2", "--skip-extraction"]));
        assert_eq!(run.code, 3, "{name}: {}", run.err);
        std::fs::write(&file, bytes).unwrap();
    }
    environment.must(&with_config(&["migrate", "2", "--skip-extraction"]));
}

#[test]
fn skip_extraction_refuses_when_the_plan_no_longer_fits() {
    let environment = prepared();
    environment.must(&with_config(&["extract", "2"]));
    let text = environment.read(CONFIG);
    let excluded = "\n[table.\"ids.grades\"]\nexcluded = \"the testers make their own\"\n";
    environment.write(CONFIG, &format!("{text}{excluded}"));
    let run = environment.run(&with_config(&["migrate", "2", "--skip-extraction"]));
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(
        run.err.contains("changed since it was extracted"),
        "{}",
        run.err
    );
}

#[test]
fn the_skills_one_by_one_do_what_a_migration_does() {
    let environment = prepared();
    for skill in ["extract", "anonymize", "validate", "load"] {
        environment.must(&with_config(&[skill, "2"]));
    }
    let (again, code) = environment.json(&with_config(&["migrate", "2"]));
    assert_eq!((code, &again["loaded"]), (0, &0.into()), "{again:#}");
}

fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if let Some(found) = find(&path, name) {
                return Some(found);
            }
        } else if path.file_name().unwrap() == name {
            return Some(path);
        }
    }
    None
}
