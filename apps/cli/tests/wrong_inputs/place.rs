//! Where wrong inputs are tried: a small estate with a secret that is drawn when the test begins, and what
//! watches over it: every byte that is printed or written, and every command line of the machine.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::environment::{Ended, Environment, holding};

use super::table::{Row, Said};

/// The estate's folder in the test's directory.
const FOLDER: &str = "redistrict-demo";

/// A word that nobody has written anywhere.
fn draw() -> String {
    let number = RandomState::new().build_hasher().finish();
    format!("Zq{number:016x}w9")
}

/// An estate of SQLite files with one extracted and masked district.
pub(super) struct Place {
    environment: Environment,
    pub(super) secret: String,
    /// The configuration that is right.
    config: String,
    /// The run that extracted.
    pub(super) run: String,
    /// For the row that is tried.
    variables: Vec<(String, String)>,
    /// Files to be put back: none is one to be removed.
    changed: Vec<(PathBuf, Option<Vec<u8>>)>,
    /// How often all command lines were looked at while a row was tried.
    pub(super) looks: u64,
}

impl Place {
    pub(super) fn new() -> Self {
        let environment = Environment::new();
        environment.must(&["demo", "--students", "12", "--prepare-only"]);
        let config = environment.read(&format!("{FOLDER}/redistrict.toml"));
        let mut place = Self {
            environment,
            secret: draw(),
            config,
            run: String::new(),
            variables: Vec::new(),
            changed: Vec::new(),
            looks: 0,
        };
        let (made, _) = place.run(
            &["migrate", "2", "--skip-load", "--output", "json"],
            Said::Nowhere,
        );
        assert_eq!(made.code, 0, "{}", made.err);
        let made: serde_json::Value = serde_json::from_str(&made.out).unwrap();
        place.run = made["run"].as_str().unwrap().to_owned();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.environment.path(FOLDER).join(name)
    }

    pub(super) fn config(&self) -> &str {
        &self.config
    }

    /// A variable for this row.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// A file of mode 0600 for this row; what was there is put back.
    pub(super) fn write(&mut self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path(name);
        self.remember(&path);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(super) fn open_to_others(&mut self, name: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path(name);
        self.remember(&path);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    }

    pub(super) fn remove(&mut self, name: &str) {
        let path = self.path(name);
        self.remember(&path);
        std::fs::remove_file(&path).unwrap();
    }

    /// The first file below a folder that is called so, from that folder's parent on.
    pub(super) fn find(&self, folder: &str, name: &str) -> String {
        let mut dirs = vec![self.path(folder)];
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    dirs.push(path);
                } else if path.ends_with(name) {
                    let root = self.environment.path(FOLDER);
                    return path.strip_prefix(root).unwrap().display().to_string();
                }
            }
        }
        panic!("no {name} below {folder}");
    }

    pub(super) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn remember(&mut self, path: &Path) {
        if !self.changed.iter().any(|(known, _)| known == path) {
            self.changed
                .push((path.to_owned(), std::fs::read(path).ok()));
        }
    }

    /// As it was before the row.
    fn put_back(&mut self) {
        use std::os::unix::fs::PermissionsExt as _;
        for (path, bytes) in std::mem::take(&mut self.changed) {
            match bytes {
                Some(bytes) => {
                    std::fs::write(&path, bytes).unwrap();
                    let private = std::fs::Permissions::from_mode(0o600);
                    std::fs::set_permissions(&path, private).unwrap();
                }
                None => drop(std::fs::remove_file(&path)),
            }
        }
        self.variables.clear();
    }

    /// Runs it; whether the secret stood on a command line of any process meanwhile.
    fn run(&mut self, arguments: &[&str], said: Said) -> (Ended, bool) {
        let config = format!("{FOLDER}/redistrict.toml");
        let is_named = arguments.contains(&"--config");
        let named = ["--config", &config];
        let mut all = arguments.to_vec();
        if !is_named {
            all.extend(named);
        }
        let mut command = self.environment.command(&all);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut is_seen = false;
        // What was typed stands there. What is printed here is far less than a pipe takes.
        while said == Said::Nowhere && child.try_wait().unwrap().is_none() {
            is_seen |= is_on_a_command_line(&self.secret);
            self.looks += 1;
        }
        let output = child.wait_with_output().unwrap();
        let ended = Ended {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        (ended, is_seen)
    }

    /// Tries a row in all three formats, and looks everywhere. Gives its line of the table, or what is wrong.
    pub(super) fn try_row(&mut self, row: &Row) -> Result<String, String> {
        (row.arrange)(self);
        let arguments: Vec<String> = row
            .arguments
            .iter()
            .map(|word| {
                word.replace("RUN", &self.run)
                    .replace("SECRET", &self.secret)
            })
            .collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut problems = Vec::new();
        let mut line = String::new();
        for format in ["text", "json", "jsonl"] {
            let words = [&arguments[..], &["--output", format]].concat();
            let (ended, is_seen) = self.run(&words, row.said);
            problems.extend(self.judge(row, format, &ended));
            if is_seen {
                problems.push(format!("{format}: the secret stands on a command line"));
            }
            if format == "text" {
                line = told(row, &ended, &self.secret);
            }
        }
        self.put_back();
        problems.extend(self.left());
        match problems.is_empty() {
            true => Ok(line),
            false => Err(format!("{}:\n  {}", row.input, problems.join("\n  "))),
        }
    }

    fn judge(&self, row: &Row, format: &str, ended: &Ended) -> Vec<String> {
        let mut problems = Vec::new();
        let both = plain(&[ended.out.as_str(), &ended.err].concat());
        let mut wrong = |what: &str| problems.push(format!("{format}: {what}\n{both}"));
        if ended.code != row.code {
            wrong(&format!("exit {} instead of {}", ended.code, row.code));
        }
        if row.said != Said::Typed && both.contains(&self.secret) {
            wrong("the secret is printed");
        }
        if format == "text" {
            if sentence(row, &both).is_none() {
                wrong(&format!("the sentence is not {:?}", row.sentence));
            }
            if !both.contains(row.hint) {
                wrong(&format!("the hint {:?} is missing", row.hint));
            }
            return problems;
        }
        let last = ended.out.lines().last().unwrap_or_default();
        let last: serde_json::Value = serde_json::from_str(last).unwrap_or_default();
        if last["exit"] != row.code {
            wrong("its last object does not have the exit code");
        }
        if last["hints"].as_array().is_none_or(Vec::is_empty) {
            wrong("its last object has no hint");
        }
        problems
    }

    /// Files that hold the secret, or are called by it.
    fn left(&self) -> Vec<String> {
        let dir = self.environment.dir.path();
        let mut found = holding(dir, &self.secret);
        let mut dirs = vec![dir.to_owned()];
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    dirs.push(path.clone());
                }
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                if name.contains(&self.secret) {
                    found.push(path.display().to_string());
                }
            }
        }
        found
            .iter()
            .map(|path| format!("the secret is left in {path}"))
            .collect()
    }
}

/// What was said, with commands as they are typed where everything is in its usual place.
fn plain(said: &str) -> String {
    let config = format!(" --config {FOLDER}/redistrict.toml");
    said.replace(env!("CARGO_BIN_EXE_redistrict"), "redistrict")
        .replace(&config, "")
}

/// The first line, or a cause right below it.
fn sentence<'a>(row: &Row, said: &'a str) -> Option<&'a str> {
    let is_one = |line: &&str| line.starts_with("error") || line.starts_with("  because");
    said.lines()
        .filter(is_one)
        .find(|line| line.contains(row.sentence))
}

/// The row as the table has it, with what was really said.
fn told(row: &Row, ended: &Ended, secret: &str) -> String {
    let said = plain(&ended.err).replace(secret, "…");
    // The hints stand below the sentences.
    let hint = said.lines().rfind(|line| line.contains(row.hint));
    format!(
        "{:<52} {:>3}  {}\n{:58}{}",
        row.input,
        ended.code,
        sentence(row, &said).unwrap_or_default().trim(),
        "",
        hint.unwrap_or_default().trim(),
    )
}

/// Whether a process of this machine has the text among its arguments or as its name.
pub(super) fn is_on_a_command_line(text: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap();
    let mut files = processes
        .flatten()
        .flat_map(|process| ["cmdline", "comm"].map(|file| process.path().join(file)));
    // A process may end while it is looked at.
    files.any(|file| {
        let bytes = std::fs::read(file).unwrap_or_default();
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    })
}
