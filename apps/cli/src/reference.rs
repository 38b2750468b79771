//! The pages that are made from the code: `docs/reference/commands.md`, `docs/reference/exit-codes.md`
//! and the manual `docs/man/*.1`. Pure: texts, no files.

mod commands;
mod exits;
mod manual;

use crate::failure::CommandResult;

/// A page of the repository.
pub(crate) struct Page {
    /// Where it stands, from the repository's root.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// All of them; the manual has one page per command that people see.
pub(crate) fn pages() -> CommandResult<Vec<Page>> {
    let line = crate::examples::visible();
    let mut pages = vec![
        Page {
            path: "docs/reference/commands.md".to_owned(),
            text: commands::page(&line),
        },
        Page {
            path: "docs/reference/exit-codes.md".to_owned(),
            text: exits::page(),
        },
    ];
    pages.extend(manual::pages(line)?);
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    #[test]
    fn the_pages_in_the_repository_are_the_generated_ones() {
        let pages = pages().unwrap();
        for page in &pages {
            let stored = std::fs::read_to_string(root().join(&page.path)).unwrap_or_default();
            assert!(
                stored == page.text,
                "{} is stale: cargo xtask docs",
                page.path
            );
        }
        for entry in std::fs::read_dir(root().join("docs/man")).unwrap() {
            let name = entry.unwrap().file_name();
            let path = format!("docs/man/{}", name.to_string_lossy());
            let is_made = pages.iter().any(|page| page.path == path);
            assert!(is_made, "{path} is of no command any more: remove it");
        }
    }
}
