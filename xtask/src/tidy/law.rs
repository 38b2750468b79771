//! The dependency law of DESIGN §2, from `cargo metadata`: who may depend on whom.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::process::cargo;

/// What each crate of ours may depend on among our crates (normal dependencies), and which outside
/// crates it must not have. A crate that is not listed breaks the law.
const LAW: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("store", &["model"]),
    ("artifact", &["model"]),
    ("skill", &["model"]),
    ("journal", &["model"]),
    ("closure", &["model"]),
    ("orchestrator", &["model", "skill", "journal"]),
    ("estate", &[]),
    (
        "testkit",
        &["model", "store", "estate", "artifact", "skill"],
    ),
    ("postgres", &["model", "store"]),
    ("sqlite", &["model", "store"]),
    ("neo4j", &["model", "store"]),
    (
        "analyze",
        &["model", "skill", "artifact", "store", "closure"],
    ),
    ("select", &["model", "skill", "artifact", "store"]),
    (
        "extract",
        &["model", "skill", "artifact", "store", "closure"],
    ),
    ("anonymize", &["model", "skill", "artifact"]),
    ("validate", &["model", "skill", "artifact"]),
    ("load", &["model", "skill", "artifact", "store", "closure"]),
    ("report", &["model", "skill", "artifact", "journal"]),
    // It is given a desk, and knows nobody behind it.
    ("mcp", &["model"]),
];

/// These may depend on everything of ours.
const FREE: [&str; 2] = ["cli", "proofs"];

/// Outside crates that stand for a thing a crate must not do.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "model",
        &["arrow", "parquet", "tokio", "async-trait", "rusqlite"],
    ),
    (
        "closure",
        &["arrow", "parquet", "tokio", "async-trait", "rusqlite"],
    ),
    ("orchestrator", &["arrow", "parquet", "rusqlite"]),
    ("skill", &["arrow", "parquet"]),
    ("store", &["parquet", "rusqlite", "tokio-postgres"]),
];

/// The breaches, in words.
pub(crate) fn check() -> Result<Vec<String>> {
    let output = cargo(&["metadata", "--format-version=1", "--no-deps", "--locked"])
        .output()
        .context("run cargo metadata")?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("read cargo metadata")?;
    Ok(breaches(&dependencies(&metadata)))
}

/// Package name to normal dependencies.
fn dependencies(metadata: &serde_json::Value) -> BTreeMap<String, Vec<String>> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let empty = Vec::new();
    let packages = metadata["packages"].as_array().unwrap_or(&empty);
    packages
        .iter()
        .map(|package| {
            let normal = package["dependencies"]
                .as_array()
                .unwrap_or(&empty)
                .iter()
                .filter(|dependency| dependency["kind"].is_null())
                .map(|dependency| text(&dependency["name"]))
                .collect();
            (text(&package["name"]), normal)
        })
        .collect()
}

fn breaches(packages: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut broken = Vec::new();
    for (package, dependencies) in packages {
        let Some(name) = package.strip_prefix("redistrict-") else {
            continue;
        };
        if FREE.contains(&name) {
            continue;
        }
        let Some((_, allowed)) = LAW.iter().find(|(one, _)| *one == name) else {
            broken.push(format!(
                "crate {package} has no entry in the dependency law"
            ));
            continue;
        };
        for dependency in dependencies {
            let ours = dependency.strip_prefix("redistrict-");
            if ours.is_some_and(|ours| !allowed.contains(&ours)) {
                broken.push(format!("{package} must not depend on {dependency}"));
            }
            let forbidden = FORBIDDEN.iter().find(|(one, _)| *one == name);
            if forbidden.is_some_and(|(_, list)| list.contains(&dependency.as_str())) {
                broken.push(format!("{package} must not depend on {dependency}"));
            }
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(list: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        list.iter()
            .map(|(name, needs)| {
                (
                    (*name).to_owned(),
                    needs.iter().map(|need| (*need).to_owned()).collect(),
                )
            })
            .collect()
    }

    #[test]
    fn anonymize_must_not_see_a_store_and_the_orchestrator_no_arrow() {
        let broken = breaches(&packages(&[
            (
                "redistrict-anonymize",
                &["redistrict-model", "redistrict-store"],
            ),
            ("redistrict-orchestrator", &["arrow"]),
            ("redistrict-cli", &["redistrict-store", "arrow"]),
            ("redistrict-unheard-of", &[]),
        ]));
        assert_eq!(broken.len(), 3, "{broken:?}");
    }

    #[test]
    fn the_law_itself_keeps_skills_apart() {
        let skills = [
            "analyze",
            "select",
            "extract",
            "anonymize",
            "validate",
            "load",
            "report",
        ];
        for (name, allowed) in LAW.iter().filter(|(name, _)| skills.contains(name)) {
            assert!(
                allowed.iter().all(|other| !skills.contains(other)),
                "{name}"
            );
        }
    }
}
