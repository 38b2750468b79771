//! One process of this machine works on a run. Against other machines the target's lease helps.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use redistrict_model::RunId;

use crate::error::OrchestratorError;

/// Held while a run is worked on; let go when dropped, or by the system when the process dies, so
/// that a file left behind is no obstacle. The file stays: removing it would race with whoever
/// opens it.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
    wish: PathBuf,
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // Whoever has stopped has been asked; one that cannot be removed is by the next who takes the lock.
        let _not_there = fs::remove_file(&self.wish);
    }
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
        match patiently(&file) {
            Ok(()) => {
                let wish = wish_of(state_dir, run);
                // Of somebody who asked a process that is gone.
                let _not_there = fs::remove_file(&wish);
                Ok(Self { _file: file, wish })
            }
            Err(TryLockError::WouldBlock) => Err(OrchestratorError::Busy { run: run.clone() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

/// Somebody who only looks ([`is_worked_on`]) holds it for a moment.
fn patiently(file: &File) -> Result<(), TryLockError> {
    for _ in 0..LOOKS {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(MOMENT),
            result => return result,
        }
    }
    file.try_lock()
}

const LOOKS: u32 = 10;
const MOMENT: Duration = Duration::from_millis(2);

/// Asks whoever works on a run to stop at the next safe place. Without anybody who does, nothing happens.
///
/// # Errors
/// The file that says so cannot be made.
pub fn ask_to_stop(state_dir: &Path, run: &RunId) -> io::Result<()> {
    match is_file_name(run.as_str()) {
        true => open(&wish_of(state_dir, run)).map(|_| ()),
        false => Err(io::ErrorKind::InvalidFilename.into()),
    }
}

/// Whether somebody has asked the holder of the run's lock to stop.
#[must_use]
pub fn is_asked_to_stop(state_dir: &Path, run: &RunId) -> bool {
    wish_of(state_dir, run).exists()
}

/// Whether somebody holds the run's lock now, on this machine, in whatever container; a run that nobody has
/// taken is worked on by nobody.
#[must_use]
pub fn is_worked_on(state_dir: &Path, run: &RunId) -> bool {
    let path = state_dir.join("locks").join(format!("{run}.lock"));
    let Ok(file) = File::open(path) else {
        return false;
    };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

fn wish_of(state_dir: &Path, run: &RunId) -> PathBuf {
    state_dir.join("locks").join(format!("{run}.stop"))
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
        ask_to_stop(directory.path(), &run).unwrap();
        assert!(is_asked_to_stop(directory.path(), &run));
        assert!(!is_asked_to_stop(directory.path(), &other));
        assert!(is_worked_on(directory.path(), &run));
        assert!(!is_worked_on(directory.path(), &RunId::new("mig-3")));
        drop(held);
        assert!(!is_worked_on(directory.path(), &run));
        // What stands in the file is nobody's word: process 1 is always alive.
        let file = directory.path().join("locks/mig-1.lock");
        io::Write::write_all(&mut open(&file).unwrap(), b"1").unwrap();
        assert!(!is_worked_on(directory.path(), &run));
        assert!(!is_asked_to_stop(directory.path(), &run));
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
