//! What is installed of the servers that tests need, and how the rest is installed.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{cargo, is_set, must, root, say, variable};

const APT: &str = "apt-get install -y --no-install-recommends";
const OLDEST_JAVA: u32 = 17;

/// One thing that has to be there: who needs it, and the command that installs it.
struct Missing {
    what: &'static str,
    install: String,
}

/// Everything that tests need, found.
pub(crate) struct Installed {
    /// The folder of `initdb` and `postgres`.
    pub(crate) postgres_programs: PathBuf,
    /// `PostgreSQL 15.13`.
    pub(crate) postgres: String,
    /// `Java 17.0.15`.
    pub(crate) java: String,
    /// The directory whose `lib` holds the jars.
    pub(crate) neo4j_home: PathBuf,
    /// `Neo4j 5.26.30`.
    pub(crate) neo4j: String,
}

/// What is installed; installs what is missing where `CI` is set, else says how.
pub(crate) fn require() -> Result<Installed> {
    let missing = missing();
    if !missing.is_empty() && !is_set("CI") {
        bail!("{}", instructions(&missing));
    }
    for one in &missing {
        say(&format!("{} is missing: installing it", one.what));
        must(
            Command::new("sh")
                .args(["-c", &one.install])
                .current_dir(root())
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )?;
    }
    let (neo4j_home, neo4j) = neo4j().context("find the jars of Neo4j that were installed")?;
    let (postgres_programs, postgres) =
        postgres().context("ask the installed PostgreSQL for its version")?;
    Ok(Installed {
        postgres_programs,
        postgres,
        java: java().context("ask the installed Java for its version")?,
        neo4j_home,
        neo4j,
    })
}

/// The lines of `cargo xtask servers`: what is there, and what is not.
pub(crate) fn report() -> Vec<String> {
    let mut lines = vec![format!("{} (bundled with the tests)", sqlite())];
    let found = [
        postgres().map(|(place, version)| format!("{version} in {}", place.display())),
        java(),
        neo4j().map(|(home, version)| format!("{version} in {}", home.display())),
    ];
    lines.extend(found.into_iter().flatten());
    let missing = missing();
    if !missing.is_empty() {
        lines.push(instructions(&missing));
    }
    lines
}

fn missing() -> Vec<Missing> {
    let mut missing = Vec::new();
    let mut add = |what, install: String| missing.push(Missing { what, install });
    if postgres().is_none() {
        add("PostgreSQL", format!("apt-get update && {APT} postgresql"));
    }
    if java().is_none() {
        let choice = format!("{APT} openjdk-17-jre-headless || {APT} default-jre-headless");
        add("Java", format!("apt-get update && ({choice})"));
    }
    if neo4j().is_none() {
        if !runs("mvn", "--version") {
            add("Maven", format!("apt-get update && {APT} maven"));
        }
        add("Neo4j", "crates/testkit/neo4j/fetch.sh".to_owned());
    }
    missing
}

fn instructions(missing: &[Missing]) -> String {
    let names: Vec<&str> = missing.iter().map(|one| one.what).collect();
    let commands: Vec<String> = missing
        .iter()
        .map(|one| format!("    {}", one.install))
        .collect();
    format!(
        "not installed: {}; the tests run on real servers. Install them, as root, in the \
         repository's root:\n\n{}\n\nthen run this command again (with CI=1 it installs by itself)",
        names.join(", "),
        commands.join("\n")
    )
}

fn runs(program: &str, argument: &str) -> bool {
    Command::new(program)
        .arg(argument)
        .output()
        .is_ok_and(|output| output.status.success())
}

/// The newest installed PostgreSQL: the folder of its programs, and its version.
fn postgres() -> Option<(PathBuf, String)> {
    let on_path = std::env::split_paths(&variable("PATH").unwrap_or_default())
        .find(|place| place.join("initdb").is_file() && place.join("postgres").is_file());
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let newest = versions
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .map(|(version, path): (u32, PathBuf)| (version, path.join("bin")))
        .filter(|(_, bin)| bin.join("initdb").is_file() && bin.join("postgres").is_file())
        .max();
    let linked = on_path.or_else(|| newest.map(|(_, bin)| bin))?;
    let place = linked
        .join("initdb")
        .canonicalize()
        .ok()?
        .parent()?
        .to_owned();
    let output = Command::new(place.join("postgres"))
        .arg("--version")
        .output();
    let text = String::from_utf8(output.ok()?.stdout).ok()?;
    let version = text.split_whitespace().nth(2)?;
    Some((place, format!("PostgreSQL {version}")))
}

fn java() -> Option<String> {
    let program = variable("JAVA_HOME").map_or_else(
        || PathBuf::from("java"),
        |home| PathBuf::from(home).join("bin/java"),
    );
    let output = Command::new(program).arg("-version").output().ok()?;
    let version = java_version(&String::from_utf8_lossy(&output.stderr))?;
    let major: u32 = version.split('.').next()?.parse().ok()?;
    (major >= OLDEST_JAVA).then(|| format!("Java {version}"))
}

/// Out of `openjdk version "17.0.15" 2025-04-15`.
fn java_version(text: &str) -> Option<String> {
    let quoted = text.lines().find(|line| line.contains(" version \""))?;
    Some(quoted.split('"').nth(1)?.to_owned())
}

fn neo4j() -> Option<(PathBuf, String)> {
    let home = match variable("NEO4J_HOME") {
        Some(home) => PathBuf::from(home),
        None => PathBuf::from(variable("HOME")?).join(".cache/neo4j-5.26"),
    };
    let jars = std::fs::read_dir(home.join("lib")).ok()?.flatten();
    let version = jars
        .filter_map(|jar| neo4j_version(jar.file_name().to_str()?))
        .next()?;
    Some((home, format!("Neo4j {version}")))
}

/// Out of `neo4j-5.26.30.jar`, the one jar whose name goes on with a number.
fn neo4j_version(jar: &str) -> Option<String> {
    let version = jar.strip_prefix("neo4j-")?.strip_suffix(".jar")?;
    let starts_with_digit = version.starts_with(|c: char| c.is_ascii_digit());
    starts_with_digit.then(|| version.to_owned())
}

/// The version of the bundled SQLite, out of its header.
pub(crate) fn sqlite() -> String {
    let version = || {
        let metadata = cargo(&["metadata", "--format-version=1", "--locked"]).output();
        let metadata: serde_json::Value = serde_json::from_slice(&metadata.ok()?.stdout).ok()?;
        let packages = metadata["packages"].as_array()?;
        let bundle = packages
            .iter()
            .find(|one| one["name"] == "libsqlite3-sys")?;
        let manifest = PathBuf::from(bundle["manifest_path"].as_str()?);
        let header = manifest.parent()?.join("sqlite3/sqlite3.h");
        let header = std::fs::read_to_string(header).ok()?;
        let line = header
            .lines()
            .find(|line| line.starts_with("#define SQLITE_VERSION "))?;
        Some(line.split('"').nth(1)?.to_owned())
    };
    version().map_or_else(
        || "the bundled SQLite".to_owned(),
        |version| format!("SQLite {version}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_programs_and_files_say() {
        let text = "Picked up JAVA_TOOL_OPTIONS: -Dx\nopenjdk version \"17.0.15\" 2025-04-15\n";
        assert_eq!(java_version(text).as_deref(), Some("17.0.15"));
        assert_eq!(java_version("no such thing"), None);
        assert_eq!(
            neo4j_version("neo4j-5.26.30.jar").as_deref(),
            Some("5.26.30")
        );
        assert_eq!(neo4j_version("neo4j-kernel-5.26.30.jar"), None);
    }
}
