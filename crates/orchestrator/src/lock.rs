//! One process of this machine works on a run. Against other machines the target's lease helps.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use redistrict_model::RunId;

use crate::error::OrchestratorError;

/// Held while a run is worked on; let go when dropped, or by the system when the process dies, so
/// that a file left behind is no obstacle. The file stays: removing it would race with whoever
/// opens it.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl RunLock {
    /// Takes the lock of a run, `{state_dir}/locks/{run}.lock`.
    ///
    /// # Errors
    /// `Busy` if somebody holds it; `Lock` if the file cannot be made.
    pub fn take(state_dir: &Path, run: &RunId) -> Result<Self, OrchestratorError> {
        let path = state_dir.join("locks").join(format!("{run}.lock"));
        let failed = |source: io::Error| OrchestratorError::Lock {
            run: run.clone(),
            path: path.display().to_string(),
            source,
        };
        if !is_file_name(run.as_str()) {
            return Err(failed(io::ErrorKind::InvalidFilename.into()));
        }
        let file = open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OrchestratorError::Busy { run: run.clone() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

fn is_file_name(run: &str) -> bool {
    !run.is_empty()
        && run
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_once_and_a_file_left_behind_is_no_obstacle() {
        let directory = tempfile::tempdir().unwrap();
        let (run, other) = (RunId::new("mig-1"), RunId::new("mig-2"));
        let held = RunLock::take(directory.path(), &run).unwrap();
        let refused = RunLock::take(directory.path(), &run).unwrap_err();
        assert!(matches!(refused, OrchestratorError::Busy { .. }));
        RunLock::take(directory.path(), &other).unwrap();
        drop(held);
        assert!(directory.path().join("locks/mig-1.lock").exists());
        RunLock::take(directory.path(), &run).unwrap();
    }

    #[test]
    fn a_name_that_would_leave_the_directory_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["", "..", "../x", "a/b", "/etc/x"] {
            let refused = RunLock::take(directory.path(), &RunId::new(name)).unwrap_err();
            assert!(matches!(refused, OrchestratorError::Lock { .. }), "{name}");
        }
    }
}
