//! Effect points: places before and after an effect on the journal or a target, counted through the
//! whole process.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts effect points and does what the fault says at one of them.
pub(super) struct Points {
    passed: AtomicU64,
    kill_at: Option<u64>,
    trace: Option<Mutex<std::fs::File>>,
}

impl Points {
    pub(super) fn kill(at: u64) -> Self {
        Self {
            passed: AtomicU64::new(0),
            kill_at: Some(at),
            trace: None,
        }
    }

    pub(super) fn trace(file: PathBuf) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(file);
        Self {
            passed: AtomicU64::new(0),
            kill_at: None,
            trace: file.ok().map(Mutex::new),
        }
    }

    /// Passes a point; may not return.
    pub(super) fn pass(&self, when: &str, what: &str) {
        let number = self.passed.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(file) = &self.trace {
            let mut file = file.lock().expect("no holder panics");
            writeln!(file, "{number} {when} {what}").expect("the trace can be written");
        }
        if self.kill_at == Some(number) {
            die();
        }
    }
}

/// SIGKILL to ourselves: no destructor, no flush.
fn die() -> ! {
    let pid = std::process::id().to_string();
    let killed = Command::new("kill").args(["-9", &pid]).status();
    unreachable!("survived kill -9: {killed:?}");
}
