//! The protocol's reference client in Python, in an environment of its own: found, or installed where `CI` is
//! set, else said how.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{is_set, must, root, say, variable};

/// What it needs, each with its version.
const REQUIREMENTS: &str = "crates/proofs/mcp/requirements.txt";

/// The interpreter that has everything of the requirements.
pub(crate) fn require() -> Result<PathBuf> {
    let text =
        std::fs::read_to_string(root().join(REQUIREMENTS)).context("read requirements.txt")?;
    let wanted = versions(&text);
    let folder = folder(&wanted)?;
    let python = folder.join("bin/python");
    if installed(&python).is_some_and(|installed| is_all_there(&wanted, &installed)) {
        return Ok(python);
    }
    let folder = folder.display();
    let install = format!(
        "python3 -m venv '{folder}' && '{folder}/bin/pip' install --quiet -r {REQUIREMENTS}"
    );
    if !is_set("CI") {
        bail!(
            "the protocol's reference client is not installed. In the repository's root:\n\n    {install}\n\n\
             then run this command again (with CI=1 it installs it by itself)"
        );
    }
    say("the protocol's reference client is missing: installing it");
    if !has_environments() {
        let apt =
            "apt-get update && apt-get install -y --no-install-recommends python3 python3-venv";
        must(shell(apt).env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    must(&mut shell(&install))?;
    Ok(python)
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(root());
    command
}

/// Whether Python can make one, with its installer.
fn has_environments() -> bool {
    let modules = Command::new("python3")
        .args(["-c", "import venv, ensurepip"])
        .output();
    modules.is_ok_and(|output| output.status.success())
}

/// In the user's cache, one for each version of the client.
fn folder(wanted: &[(String, String)]) -> Result<PathBuf> {
    let cache = variable("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".cache")));
    let cache = cache.context("find the user's cache: set HOME")?;
    let client = wanted.iter().find(|(name, _)| name == "mcp");
    let (_, version) = client.context("find the client in the requirements")?;
    Ok(cache.join(format!("redistrict-mcp-client-{version}")))
}

/// What an interpreter has, with versions; none if it does not run.
fn installed(python: &Path) -> Option<Vec<(String, String)>> {
    let list = "from importlib.metadata import distributions as d\n\
                for one in d(): print(f\"{one.metadata['Name']}=={one.version}\")";
    let output = Command::new(python).args(["-c", list]).output().ok()?;
    output
        .status
        .success()
        .then(|| versions(&String::from_utf8_lossy(&output.stdout)))
}

/// Out of lines like `mcp==2.3.0`; a name has one spelling.
fn versions(text: &str) -> Vec<(String, String)> {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once("=="));
    pairs
        .map(|(name, version)| {
            (
                name.to_lowercase().replace(['_', '.'], "-"),
                version.to_owned(),
            )
        })
        .collect()
}

fn is_all_there(wanted: &[(String, String)], installed: &[(String, String)]) -> bool {
    wanted.iter().all(|one| installed.contains(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_or_a_missing_package_is_not_all_of_it() {
        let wanted = versions("# client\nmcp==2.3.0\nmcp_types==2.3.0\n");
        assert_eq!(wanted.len(), 2);
        assert!(is_all_there(
            &wanted,
            &versions("Mcp-Types==2.3.0\nmcp==2.3.0\nx==1\n")
        ));
        assert!(!is_all_there(
            &wanted,
            &versions("mcp-types==2.3.0\nmcp==2.3.1\n")
        ));
        assert!(!is_all_there(&wanted, &versions("mcp==2.3.0\n")));
    }
}
