//! Effect points: places before and after an effect on the journal or a target, and before a reading of
//! PROD, counted through the whole process.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counts effect points and does what the fault says at one of them.
pub(super) struct Points {
    passed: AtomicU64,
    kill_at: Option<u64>,
    pause_at: Option<u64>,
    lose_at: Option<u64>,
    /// The name of a point, and that it has been passed.
    pause_at_name: Option<(String, AtomicBool)>,
    pause_each: Option<String>,
    trace: Option<Mutex<std::fs::File>>,
}

/// What the process says when it pauses.
pub(crate) const PAUSED: &str = "paused at an effect point";

/// What the process says when its fault strikes; the point's number and name follow.
pub(crate) const STRUCK: &str = "struck at effect point";

impl Points {
    pub(super) fn kill(at: u64) -> Self {
        Self {
            kill_at: Some(at),
            ..Self::none()
        }
    }

    pub(super) fn pause(at: u64) -> Self {
        Self {
            pause_at: Some(at),
            ..Self::none()
        }
    }

    pub(super) fn pause_at(name: String) -> Self {
        Self {
            pause_at_name: Some((name, AtomicBool::new(false))),
            ..Self::none()
        }
    }

    pub(super) fn pause_each(name: String) -> Self {
        Self {
            pause_each: Some(name),
            ..Self::none()
        }
    }

    pub(super) fn lose(at: u64) -> Self {
        Self {
            lose_at: Some(at),
            ..Self::pause(at)
        }
    }

    pub(super) fn drop_answer(at: u64) -> Self {
        Self {
            lose_at: Some(at),
            ..Self::none()
        }
    }

    fn none() -> Self {
        Self {
            passed: AtomicU64::new(0),
            kill_at: None,
            pause_at: None,
            lose_at: None,
            pause_at_name: None,
            pause_each: None,
            trace: None,
        }
    }

    pub(super) fn trace(file: PathBuf) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(file);
        Self {
            trace: file.ok().map(Mutex::new),
            ..Self::none()
        }
    }

    /// Passes a point; may not return. True if the answer to what was done is lost here.
    pub(super) fn pass(&self, when: &str, what: &str) -> bool {
        let number = self.passed.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(file) = &self.trace {
            let mut file = file.lock().expect("no holder panics");
            writeln!(file, "{number} {when} {what}").expect("the trace can be written");
        }
        if self.kill_at == Some(number) {
            tell(number, when, what);
            die();
        }
        if self.pause_at == Some(number) || self.is_meant(when, what) {
            wait();
        }
        let is_lost = self.lose_at == Some(number);
        if is_lost {
            tell(number, when, what);
        }
        is_lost
    }
}

impl Points {
    /// The point has the name that is waited for, and is the first one or each counts.
    fn is_meant(&self, when: &str, what: &str) -> bool {
        let is_called = |name: &String| {
            let rest = name.strip_prefix(when);
            rest.and_then(|rest| rest.strip_prefix(' ')) == Some(what)
        };
        if self.pause_each.as_ref().is_some_and(is_called) {
            return true;
        }
        let Some((name, is_passed)) = &self.pause_at_name else {
            return false;
        };
        is_called(name) && !is_passed.swap(true, Ordering::SeqCst)
    }
}

/// Says on standard error that the fault struck, and where.
#[expect(clippy::print_stderr, reason = "the proof looks for that line")]
fn tell(number: u64, when: &str, what: &str) {
    eprintln!("{STRUCK} {number} {when} {what}");
}

/// Says so on standard error and goes on when a line comes.
#[expect(clippy::print_stderr, reason = "the proof waits for that line")]
fn wait() {
    eprintln!("{PAUSED}");
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    assert!(read.is_ok(), "nobody says when to go on");
}

/// SIGKILL to ourselves: no destructor, no flush.
fn die() -> ! {
    let pid = std::process::id().to_string();
    let killed = Command::new("kill").args(["-9", &pid]).status();
    unreachable!("survived kill -9: {killed:?}");
}
