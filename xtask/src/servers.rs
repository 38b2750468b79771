//! The servers that tests need, from the system's packages.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{is_set, must, result, say};

const INSTALL: &str = "apt-get update && apt-get install -y --no-install-recommends postgresql";

/// The folder of the newest installed PostgreSQL's programs.
fn postgres_bin() -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| entry.ok())
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .map(|(version, path)| (version, path.join("bin")))
        .filter(|(_, bin)| bin.join("initdb").exists() && bin.join("postgres").exists())
        .collect();
    found.sort();
    found.pop().map(|(_, bin)| bin)
}

fn on_path() -> bool {
    Command::new("initdb")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// The version line of the installed server.
pub(crate) fn postgres_version() -> Option<String> {
    let program = postgres_bin().map_or(PathBuf::from("postgres"), |bin| bin.join("postgres"));
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text.split_whitespace().nth(2)?;
    Some(format!("PostgreSQL {version}"))
}

/// Makes sure that PostgreSQL is installed: installs it where `CI` is set, else says how.
pub(crate) fn require_postgres() -> Result<String> {
    if postgres_bin().is_none() && !on_path() {
        if !is_set("CI") {
            bail!(
                "PostgreSQL is not installed, and the tests run on a real one. \
                 Install it, as root:\n\n    {INSTALL}\n\n\
                 then run this command again (with CI=1 it installs by itself)"
            );
        }
        say("PostgreSQL is not installed: installing it from the system's packages");
        must(
            Command::new("sh")
                .args(["-c", INSTALL])
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )?;
    }
    postgres_version().context("ask the installed PostgreSQL for its version")
}

/// Says what the tests would use.
pub(crate) fn print() -> Result<()> {
    result(&require_postgres()?);
    result("SQLite: bundled with the tests");
    Ok(())
}
