//! Raw artifacts are kept for `[retention] raw`, 24 hours by default; every command that opens a
//! workspace for a run first shreds what is overdue.

use std::path::{Path, PathBuf};
use std::time::Duration;

use redistrict_artifact::DataKey;

use crate::config;
use crate::failure::{CommandResult, Failure};
use crate::output;
use crate::session::Session;
use crate::wire::Workspace;

const DEFAULT: Duration = Duration::from_secs(24 * 3_600);

/// Destroys the keys of overdue raw artifacts and removes their files.
pub(crate) fn shred_overdue(session: &Session, workspace: &Workspace) -> CommandResult {
    let keep = match &workspace.config.retention.raw {
        None => DEFAULT,
        Some(text) => config::retention(text)?,
    };
    let now = session.clock.wall();
    for dir in raw_artifacts(&workspace.layout.data_dir.join("staging")) {
        if age(&dir, now).is_some_and(|age| age > keep) {
            DataKey::shred(&dir)?;
            std::fs::remove_dir_all(&dir).map_err(|_| {
                Failure::prerequisite(format!("remove the overdue raw artifact {}", dir.display()))
            })?;
            output::note(format!(
                "shredded an overdue raw artifact: {}",
                dir.display()
            ));
        }
    }
    Ok(())
}

/// `staging/{district}/{run}`.
fn raw_artifacts(staging: &Path) -> Vec<PathBuf> {
    let below = |dir: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(dir).into_iter().flatten();
        entries
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .collect()
    };
    below(staging)
        .iter()
        .flat_map(|district| below(district))
        .filter(|dir| dir.is_dir())
        .collect()
}

/// Since the data key was made, which is when the extraction began.
fn age(dir: &Path, now: Duration) -> Option<Duration> {
    let made = std::fs::metadata(dir.join("data-key.wrapped"))
        .ok()?
        .modified()
        .ok()?;
    let made = made.duration_since(std::time::UNIX_EPOCH).ok()?;
    now.checked_sub(made)
}
