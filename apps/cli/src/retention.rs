//! Raw artifacts are kept for `[retention] raw`, 24 hours by default; every command that opens a
//! workspace for a run first shreds what is overdue.

use std::path::{Path, PathBuf};
use std::time::Duration;

use redistrict_artifact::{DataKey, Layout};

use crate::config;
use crate::failure::{CommandResult, Failure};
use crate::output;
use crate::session::Session;
use crate::wire::Workspace;

const DEFAULT: Duration = Duration::from_secs(24 * 3_600);

/// How long raw artifacts are kept.
pub(crate) fn keep(workspace: &Workspace) -> CommandResult<Duration> {
    match &workspace.config.retention.raw {
        None => Ok(DEFAULT),
        Some(text) => config::retention(text),
    }
}

/// Destroys the keys of overdue raw artifacts and removes their files.
pub(crate) fn shred_overdue(session: &Session, workspace: &Workspace) -> CommandResult {
    let keep = keep(workspace)?;
    let now = session.clock.wall();
    for dir in raw_artifacts(&workspace.layout) {
        if made(&dir).is_some_and(|made| now > made + keep) {
            shred(&dir)?;
            output::note(format!(
                "shredded an overdue raw artifact: {}",
                dir.display()
            ));
        }
    }
    Ok(())
}

/// Destroys the key of one raw artifact, then removes its files. After the first step nobody can read
/// it any more, whatever happens to the second.
pub(crate) fn shred(dir: &Path) -> CommandResult {
    DataKey::shred(dir)?;
    std::fs::remove_dir_all(dir).map_err(|_| {
        Failure::prerequisite(format!(
            "remove the files of the raw artifact {}: its key is destroyed",
            dir.display()
        ))
    })
}

/// `staging/{district}/{run}`, sorted.
pub(crate) fn raw_artifacts(layout: &Layout) -> Vec<PathBuf> {
    runs_below(&layout.data_dir.join("staging"))
}

/// `anonymized/{district}/{run}`, sorted.
pub(crate) fn masked_artifacts(layout: &Layout) -> Vec<PathBuf> {
    runs_below(&layout.data_dir.join("anonymized"))
}

fn runs_below(folder: &Path) -> Vec<PathBuf> {
    let below = |dir: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(dir).into_iter().flatten();
        entries
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .collect()
    };
    let mut runs: Vec<PathBuf> = below(folder)
        .iter()
        .flat_map(|district| below(district))
        .filter(|dir| dir.is_dir())
        .collect();
    runs.sort();
    runs
}

/// When the data key was made, which is when the extraction began; none without a key.
pub(crate) fn made(dir: &Path) -> Option<Duration> {
    modified(&dir.join("data-key.wrapped"))
}

/// When a file was written, since 1970 UTC.
pub(crate) fn modified(file: &Path) -> Option<Duration> {
    let modified = std::fs::metadata(file).ok()?.modified().ok()?;
    modified.duration_since(std::time::UNIX_EPOCH).ok()
}
