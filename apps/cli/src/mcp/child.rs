//! This program as a child of the server: what it says is data, what it does is its own, and its end is
//! not the server's.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redistrict_mcp::{Refusal, RunName};
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

/// Children that look and are waited for at once; further questions wait.
const AT_ONCE: usize = 4;
/// The most that a child may say.
const LONGEST: u64 = 64 * 1024 * 1024;
/// The most that is read of what a starting run says before it has a name.
const HEAD: usize = 1024 * 1024;
/// How often a starting run is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// A command of ours: its words and options as they are, and what was named to it, which is never an
/// option.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) words: &'a [&'a str],
    pub(crate) named: Option<&'a str>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(words: &'a [&'a str]) -> Self {
        Self { words, named: None }
    }

    pub(crate) fn of(words: &'a [&'a str], named: &'a str) -> Self {
        Self {
            words,
            named: Some(named),
        }
    }
}

/// What becomes of a command whose answer nobody waits for any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// It only looks: it is ended.
    Ends,
    /// It changes something: it does what it was asked to do.
    GoesOn,
}

/// This program, as this server was started.
pub(crate) struct Program {
    path: PathBuf,
    config: PathBuf,
    state_dir: PathBuf,
    /// Where what a run says is kept until it ends; without a name.
    place: PathBuf,
    started: AtomicU64,
    places: Semaphore,
}

impl Program {
    /// `config` and `state_dir` as they were given to this process; `place` is a directory of ours.
    ///
    /// # Errors
    /// The operating system does not tell where this program is.
    pub(crate) fn new(config: &Path, state_dir: &Path, place: &Path) -> std::io::Result<Self> {
        Ok(Self {
            path: std::env::current_exe()?,
            config: config.to_path_buf(),
            state_dir: state_dir.to_path_buf(),
            place: place.to_path_buf(),
            started: AtomicU64::new(0),
            places: Semaphore::new(AT_ONCE),
        })
    }

    /// Asks a command and waits for its answer: the last object that it printed.
    ///
    /// # Errors
    /// What the command said against it.
    pub(crate) async fn ask(&self, call: Call<'_>, left: Left) -> Result<Value, Refusal> {
        // What changes something may wait long for others; it takes no place from those that look.
        let _place = match left {
            Left::Ends => self.places.acquire().await.ok(),
            Left::GoesOn => None,
        };
        let mut child = self
            .command(call, "json")
            .stdout(Stdio::piped())
            .kill_on_drop(left == Left::Ends)
            .spawn()
            .map_err(|_| unstarted())?;
        let mut text = Vec::new();
        if let Some(out) = child.stdout.take() {
            let read = out.take(LONGEST).read_to_end(&mut text).await;
            read.map_err(|_| unanswered())?;
        }
        let status = child.wait().await.map_err(|_| unanswered())?;
        answer(&text, status.success())
    }

    /// Starts a run and waits until it has a name. It goes on whatever becomes of the server.
    ///
    /// # Errors
    /// What the command said against it.
    pub(crate) async fn start(&self, call: Call<'_>) -> Result<RunName, Refusal> {
        let said = self.nameless_file().map_err(|_| unstarted())?;
        let out = said.try_clone().map_err(|_| unstarted())?;
        let mut child = self
            .command(call, "jsonl")
            .stdout(out)
            .spawn()
            .map_err(|_| unstarted())?;
        loop {
            let ended = ended(&mut child)?;
            let text = head_of(&said).map_err(|_| unanswered())?;
            if let Some(run) = started_run(&text) {
                return Ok(run);
            }
            if let Some(is_success) = ended {
                let said = answer(&text, is_success)?;
                return Err(nothing_to_do(&said).unwrap_or_else(unanswered));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The command line; what was named stands behind `--`.
    fn command(&self, call: Call<'_>, format: &str) -> Command {
        let mut command = Command::new(&self.path);
        command
            .args(self.arguments(call, format))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        command
    }

    fn arguments(&self, call: Call<'_>, format: &str) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec![
            "--config".into(),
            self.config.clone().into(),
            "--state-dir".into(),
            self.state_dir.clone().into(),
            "--output".into(),
            format.into(),
        ];
        arguments.extend(call.words.iter().map(OsString::from));
        if let Some(named) = call.named {
            arguments.extend(["--", named].map(|word| OsStr::new(word).to_owned()));
        }
        arguments
    }

    /// A file that has no name any more: nothing is left of it once nobody has it open.
    fn nameless_file(&self) -> std::io::Result<File> {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let name = format!("mcp-{}-{number}.said", std::process::id());
        let path = self.place.join(name);
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        std::fs::remove_file(&path)?;
        Ok(file)
    }
}

/// Whether the child has ended well; none while it runs.
fn ended(child: &mut Child) -> Result<Option<bool>, Refusal> {
    let status = child.try_wait().map_err(|_| unanswered())?;
    Ok(status.map(|status| status.success()))
}

fn head_of(file: &File) -> std::io::Result<Vec<u8>> {
    let mut text = vec![0; HEAD];
    let mut length = 0;
    while length < HEAD {
        match file.read_at(&mut text[length..], length as u64)? {
            0 => break,
            read => length += read,
        }
    }
    text.truncate(length);
    Ok(text)
}

/// The run that says that it has begun.
fn started_run(said: &[u8]) -> Option<RunName> {
    let mut lines = said.split_inclusive(|byte| *byte == b'\n');
    lines.find_map(|line| {
        let value: Value = serde_json::from_slice(line.strip_suffix(b"\n")?).ok()?;
        (value["event"] == "run_started").then(|| RunName::parse(value["run"].as_str()?))?
    })
}

/// The last object that was printed; a refusal where the command failed and says why.
fn answer(said: &[u8], is_success: bool) -> Result<Value, Refusal> {
    let mut lines = said.rsplit(|byte| *byte == b'\n');
    let last = lines.find(|line| !line.is_empty()).unwrap_or_default();
    let value: Value = serde_json::from_slice(last).map_err(|_| unanswered())?;
    if !is_success && value["error"].is_string() {
        return Err(serde_json::from_value(value).unwrap_or_else(|_| unanswered()));
    }
    Ok(value)
}

/// A command that found that there is nothing to do ends well, and without a run.
fn nothing_to_do(said: &Value) -> Option<Refusal> {
    let reason = said["reason"].as_str()?;
    (said["status"] == "NOTHING_TO_DO").then(|| Refusal::new(0, reason))
}

fn unstarted() -> Refusal {
    Refusal::new(1, "start the command")
}

fn unanswered() -> Refusal {
    Refusal::new(1, "get an answer: the command ended without one")
        .with_hint("the same command in a terminal tells more")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_never_an_option() {
        let program = Program::new(Path::new("c"), Path::new("s"), Path::new("p")).unwrap();
        for named in ["--config", "-h", "--", "2 --dry-run", ""] {
            let arguments = program.arguments(Call::of(&["plan"], named), "json");
            let end = [OsString::from("plan"), "--".into(), named.into()];
            assert_eq!(arguments[arguments.len() - 3..], end);
        }
    }

    #[test]
    fn a_run_has_begun_once_it_says_so_in_a_whole_line() {
        let line = br#"{"event":"run_started","run":"mig-20260105T180000Z-001"}"#;
        assert_eq!(started_run(line), None);
        let whole = [b"{}\n".as_slice(), line, b"\n"].concat();
        let run = started_run(&whole).map(|run| run.to_string());
        assert_eq!(run.as_deref(), Some("mig-20260105T180000Z-001"));
        let other = br#"{"event":"run_started","run":"../x"}"#;
        assert_eq!(started_run(&[other.as_slice(), b"\n"].concat()), None);
    }

    #[test]
    fn a_failure_is_passed_on_by_its_fields_only() {
        let said = br#"{"error":"x","causes":["y"],"hints":["z"],"exit":3,"detail":"secret"}"#;
        let refusal = answer(said, false).unwrap_err();
        let written = serde_json::to_string(&refusal).unwrap();
        assert_eq!(
            written,
            r#"{"error":"x","causes":["y"],"hints":["z"],"exit":3}"#
        );
        assert_eq!(answer(b"", false).unwrap_err().exit, 1);
        assert_eq!(answer(b"panic", true).unwrap_err().exit, 1);
    }
}
