//! What the product prints to be pasted or read by programs: a shell and a reader of JSON have to find in it
//! what was meant, and nothing else.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::child::Ended;

/// What follows the last place of a mark, up to the end of its line.
pub(super) fn after<'t>(text: &'t str, mark: &str) -> Option<&'t str> {
    let line = text.lines().rfind(|line| line.contains(mark))?;
    line.split_once(mark).map(|(_, rest)| rest)
}

/// Runs a pasted line; no program but those of the line's own paths is found.
pub(super) fn paste(line: &str, dir: &Path) -> Result<Ended> {
    let output = Command::new("/bin/bash")
        .args(["-c", line])
        .env("PATH", "/nonexistent")
        .current_dir(dir)
        .output()
        .context("start a shell")?;
    Ok(Ended {
        status: output.status,
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// What a shell reads of a printed command: the words after the program are those wanted.
pub(super) fn command(line: &str, wanted: &[&str], dir: &Path) -> Result<Vec<String>> {
    let ended = paste(&format!("printf '%s\\0' {line}"), dir)?;
    let words: Vec<&str> = ended.out.trim_end_matches('\0').split('\0').collect();
    let found: Vec<&str> = match words.split_first() {
        Some((_, rest)) => rest.iter().copied().filter(|word| *word != "--").collect(),
        None => Vec::new(),
    };
    // A last empty word was trimmed with its end.
    let is_meant = found == wanted
        || (wanted.last() == Some(&"") && found == wanted[..wanted.len() - 1])
            && line.trim_end().ends_with("''");
    let is_option_safe = wanted.last().is_none_or(|word| !word.starts_with('-'))
        || words.iter().rev().nth(1) == Some(&"--");
    Ok(
        if ended.status.success() && ended.err.is_empty() && is_meant && is_option_safe {
            Vec::new()
        } else {
            vec![format!(
                "a shell reads {found:?} instead of {wanted:?} in {line:?} {:?}",
                ended.err
            )]
        },
    )
}

/// What is wrong with the one line of JSON about a district.
pub(super) fn json(what: &str, text: &str, district: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.trim_end_matches('\n').contains('\n') {
        wrong.push(format!("{what}: not one line"));
    }
    match serde_json::from_str::<Value>(text) {
        Err(error) => wrong.push(format!("{what}: no JSON: {error}")),
        Ok(value) if value["district"] != *district => {
            wrong.push(format!("{what}: of district {}", value["district"]));
        }
        Ok(_) => {}
    }
    wrong
}

/// What is wrong with the names of files and directories: they are made of plain characters only.
pub(super) fn paths(base: &Path, found: impl Iterator<Item = impl AsRef<Path>>) -> Vec<String> {
    let is_plain = |text: &str| {
        let is_known = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        text.len() <= 255
            && text.chars().all(is_known)
            && !text.starts_with('-')
            && (!text.starts_with('.') || text == ".redistrict")
    };
    let mut wrong = Vec::new();
    for path in found {
        let below = path.as_ref().strip_prefix(base).unwrap_or(path.as_ref());
        let mut parts = below
            .components()
            .map(|part| part.as_os_str().to_string_lossy());
        if !parts.all(|part| is_plain(&part)) {
            wrong.push(format!("a name made the path {below:?}"));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_reads_is_compared_with_what_was_meant() {
        let here = Path::new("/");
        let read = |line: &str, wanted: &[&str]| command(line, wanted, here).unwrap().len();
        assert_eq!(read("/x/redistrict plan -- '-a b'", &["plan", "-a b"]), 0);
        assert_eq!(read("/x/redistrict plan ''", &["plan", ""]), 0);
        assert_eq!(read("/x/redistrict plan $'a\\012b'", &["plan", "a\nb"]), 0);
        for unsafe_line in [
            "/x/redistrict plan -a",
            "/x/redistrict plan a; touch x",
            "/x/redistrict plan $(touch x)",
            "/x/redistrict plan `touch x`",
            "/x/redistrict plan 'a",
            "/x/redistrict plan $HOME",
        ] {
            let meant = unsafe_line.rsplit("plan ").next().unwrap();
            assert_eq!(read(unsafe_line, &["plan", meant]), 1, "{unsafe_line}");
        }
        assert_eq!(after("- Undo: x a\nUndo: y b\nz", "Undo: "), Some("y b"));
    }

    #[test]
    fn json_and_paths_that_a_name_made_are_seen() {
        assert!(json("x", "{\"district\":\"a\\nb\"}\n", "a\nb").is_empty());
        assert_eq!(json("x", "{\"district\":\"b\"}", "a").len(), 1);
        assert_eq!(json("x", "{\"district\":\"a\n\"}", "a").len(), 2);
        let base = Path::new("/p\n");
        let wrong = |path: &str| paths(base, std::iter::once(base.join(path))).len();
        assert_eq!(wrong("data/a_b-1f/part.parquet"), 0);
        for path in ["data/a b", "data/../x", "-rf", ".hidden", "a\nb"] {
            assert_eq!(wrong(path), 1, "{path:?}");
        }
    }
}
