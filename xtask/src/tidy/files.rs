//! Sizes and headers of source files.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::process::root;

const MAX_LINES: usize = 600;

/// Files that may be longer, each with its reason.
const LONGER: &[(&str, &str)] = &[];

/// The breaches, and one line with the figures of the house style.
pub(crate) fn check() -> Result<(Vec<String>, String)> {
    let root = root();
    let mut broken = Vec::new();
    let mut lengths = Vec::new();
    let mut test_lines = 0;
    for path in rust_files(&root)? {
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {path:?}"))?;
        let name = path
            .strip_prefix(&root)
            .unwrap_or(&path)
            .to_string_lossy()
            .into_owned();
        if !has_header(&text) {
            broken.push(format!("{name} does not open with a //! header"));
        }
        let production = production_lines(&name, &text);
        test_lines += text.lines().count() - production;
        if production > 0 {
            lengths.push(production);
        }
        if production > MAX_LINES && !LONGER.iter().any(|(file, _)| *file == name) {
            broken.push(format!(
                "{name} has {production} lines without its tests (at most {MAX_LINES})"
            ));
        }
    }
    lengths.sort_unstable();
    let total: usize = lengths.iter().sum();
    let at = |share: usize| {
        lengths
            .get(lengths.len().saturating_sub(1) * share / 100)
            .copied()
    };
    let figures = format!(
        "{} files, {total} lines and {test_lines} test lines; median file {}, p90 {}, longest {}",
        lengths.len(),
        at(50).unwrap_or(0),
        at(90).unwrap_or(0),
        at(100).unwrap_or(0),
    );
    Ok((broken, figures))
}

/// The first line that is not an attribute or blank starts the crate's or module's header.
fn has_header(text: &str) -> bool {
    text.lines()
        .find(|line| !line.trim().is_empty())
        .is_some_and(|line| line.starts_with("//!"))
}

/// Lines before the unit tests; none in files of tests.
fn production_lines(name: &str, text: &str) -> usize {
    if name.contains("/tests/") || name.ends_with("tests.rs") {
        return 0;
    }
    text.lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"))
        .count()
}

fn rust_files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting: Vec<PathBuf> = ["apps", "crates", "skills", "stores", "xtask"]
        .iter()
        .map(|dir| root.join(dir))
        .collect();
    while let Some(dir) = waiting.pop() {
        let entries = std::fs::read_dir(&dir).with_context(|| format!("read {dir:?}"))?;
        for entry in entries {
            let path = entry.with_context(|| format!("read {dir:?}"))?.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_do_not_count_as_production_and_headers_are_needed() {
        assert_eq!(
            production_lines("a/src/b.rs", "//! x\nfn a() {}\n#[cfg(test)]\nmod t {}"),
            2
        );
        assert_eq!(production_lines("a/tests/main.rs", "//! x\n"), 0);
        assert!(has_header("\n//! What it is for.\n"));
        assert!(!has_header("use a;\n//! late\n"));
    }
}
