//! The only module that prints: data to stdout, everything else to stderr.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::MultiProgress;
use redistrict_model::{Finding, Severity, shell_word, shown, shown_lines};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::secrets::without_logins;

/// `--output`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    #[default]
    Text,
    /// One object at the end.
    Json,
    /// One object per line, as things happen.
    Jsonl,
}

/// How this process was started: what a printed command needs to work where it is typed.
#[derive(Debug)]
struct Called {
    program: String,
    /// `--config …` and the like, where they are not the defaults.
    options: String,
}

static CALLED: Mutex<Option<Called>> = Mutex::new(None);

const PROGRAM: &str = "redistrict";

/// Remembers how the process was started. Commands that are printed afterwards are given the same
/// program and the same directories.
pub(crate) fn called(program: Option<&OsString>, config: &Path, state_dir: &Path) {
    let program = program.map(|program| program.to_string_lossy().into_owned());
    let options = [
        option("--config", config, "redistrict.toml"),
        option("--state-dir", state_dir, ".redistrict"),
    ];
    let called = Called {
        program: program
            .filter(|program| program.contains('/'))
            .map_or_else(|| PROGRAM.to_owned(), |program| shell_word(&program)),
        options: options.concat(),
    };
    *lock() = Some(called);
}

/// A command has made its own configuration: the next ones are to use that.
pub(crate) fn made(config: &Path) {
    if let Some(called) = lock().as_mut() {
        called.options = option("--config", config, "redistrict.toml");
    }
}

fn lock() -> MutexGuard<'static, Option<Called>> {
    CALLED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn option(name: &str, value: &Path, default: &str) -> String {
    if value == Path::new(default) {
        return String::new();
    }
    format!(" {name} {}", shell_word(&value.to_string_lossy()))
}

/// The text with every command of ours in it written so that it works where this one was typed.
pub(crate) fn typed(text: &str) -> String {
    let called = lock();
    let called = called.as_ref();
    called.map_or_else(|| text.to_owned(), |called| called.rewrite(text))
}

impl Called {
    fn rewrite(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(PROGRAM) {
            let (before, found) = rest.split_at(at);
            out.push_str(before);
            let after = &found[PROGRAM.len()..];
            let is_word = !before.ends_with(|c: char| c.is_alphanumeric() || "./_-".contains(c));
            match command_of(after).filter(|_| is_word) {
                Some(command) => {
                    let given = if after.contains(" --config ") || command == "demo" {
                        ""
                    } else {
                        &self.options
                    };
                    out.extend([&self.program, " ", command, given]);
                    rest = &after[1 + command.len()..];
                }
                None => {
                    out.push_str(PROGRAM);
                    rest = after;
                }
            }
        }
        out + rest
    }
}

/// The command that follows the program's name, if it is one of ours.
fn command_of(after: &str) -> Option<&str> {
    let word = after.strip_prefix(' ')?;
    let end = word
        .find(|c: char| !c.is_ascii_lowercase())
        .unwrap_or(word.len());
    let word = &word[..end];
    crate::args::is_command(word).then_some(word)
}

/// What is drawn at the foot of the terminal now; notes go above it.
static FOOT: Mutex<Option<MultiProgress>> = Mutex::new(None);

/// From now on notes go above what is drawn there; none: nothing is drawn any more.
pub(crate) fn put_above(foot: Option<MultiProgress>) {
    *FOOT.lock().unwrap_or_else(PoisonError::into_inner) = foot;
}

/// Writes lines of data to stdout. What is in them moves no cursor; a name that may hold the end of a line
/// is [`shown`] before.
pub(crate) fn data(lines: impl AsRef<str>) {
    raw(&shown_lines(lines.as_ref()));
}

/// Writes a script of ours to stdout as it is.
pub(crate) fn script(text: &str) {
    raw(text.trim_end());
}

/// Why data could not be written to stdout, the first time that happened.
static LOST: Mutex<Option<std::io::ErrorKind>> = Mutex::new(None);

/// A closed pipe is not an error of ours: nobody wants to read on. What could not be written otherwise
/// is remembered for [`unwritten`].
fn raw(text: &str) {
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{text}").and_then(|()| out.flush());
    if let Err(error) = written
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        let mut lost = LOST.lock().unwrap_or_else(PoisonError::into_inner);
        lost.get_or_insert(error.kind());
    }
}

/// The failure of a process that could not write all of its data to stdout: exit 1. `ended` is how the
/// command itself ended.
pub(crate) fn unwritten(ended: Exit) -> Option<Failure> {
    let lost = *LOST.lock().unwrap_or_else(PoisonError::into_inner);
    let why = match lost? {
        std::io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        std::io::ErrorKind::QuotaExceeded => "the quota is used up".to_owned(),
        other => other.to_string(),
    };
    let failure = Failure::new(
        Exit::Unexpected,
        format!("write to standard output: {why}; what stands there is not all of it"),
    );
    Some(match ended {
        Exit::Done => failure
            .with_hint("make room there, or write it elsewhere, and run the command again")
            .with_hint("of a run nothing is lost: `redistrict status` shows how it ended"),
        other => failure.with_hint(format!(
            "the command itself ended with exit {}: {}",
            other as u8,
            other.meaning()
        )),
    })
}

/// Writes a line for the person to stderr; commands in it work as they are printed.
pub(crate) fn note(line: impl AsRef<str>) {
    let foot = FOOT.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(foot) = foot {
        let _closed_terminal = foot.println(shown_lines(&typed(line.as_ref())));
        return;
    }
    let mut err = std::io::stderr().lock();
    let _closed_pipe = writeln!(err, "{}", shown_lines(&typed(line.as_ref())));
}

/// Writes a value as one line of JSON to stdout. What would move a cursor stands in it by its number.
pub(crate) fn json(value: &serde_json::Value) {
    raw(&in_numbers(&value.to_string()));
}

/// Outside of its strings JSON is plain: every such character is in one.
fn in_numbers(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if shown(c.encode_utf8(&mut [0; 4])).len() == c.len_utf8() {
            out.push(c);
        } else {
            write!(out, "\\u{:04x}", u32::from(c)).expect("a String takes every write");
        }
    }
    out
}

/// A failure as the object that is printed of it.
pub(crate) fn failure_json(failure: &Failure) -> serde_json::Map<String, serde_json::Value> {
    let hints = bare(&failure.hints);
    let hints: Vec<_> = hints.iter().map(|hint| typed(hint)).collect();
    let all = [
        ("error", without_logins(&failure.message).into()),
        ("causes", bare(&failure.causes).into()),
        ("hints", serde_json::json!(hints)),
        ("exit", (failure.exit as u8).into()),
    ];
    all.map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}

fn bare(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| without_logins(text)).collect()
}

/// Prints a failure: what, why, what to do.
pub(crate) fn failure(failure: &Failure, format: Format) {
    if format != Format::Text {
        json(&failure_json(failure).into());
        return;
    }
    let message = without_logins(&failure.message);
    let (causes, hints) = (bare(&failure.causes), bare(&failure.hints));
    note(format!("error: failed to {}", shown(&message)));
    for cause in &causes {
        note(format!("  because: {}", shown(&reason(cause))));
    }
    if !hints.is_empty() {
        note("");
        for hint in &hints {
            // Lines of a configuration are there to be pasted.
            let mark = if is_configuration(hint) { "" } else { "  → " };
            note(format!("{mark}{}", shown(hint)));
        }
    }
}

/// `[table."…"]` or `key = …`.
fn is_configuration(line: &str) -> bool {
    let is_name =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    line.starts_with('[') || line.split_once(" = ").is_some_and(|(key, _)| is_name(key))
}

/// Our own causes are fragments that begin with a verb; those of the operating system and of libraries
/// are sentences of their own.
pub(crate) fn reason(cause: &str) -> String {
    let first = cause.split_whitespace().next().unwrap_or_default();
    match is_verb(first.trim_end_matches(':')) {
        true => format!("could not {cause}"),
        false => cause.to_owned(),
    }
}

fn is_verb(word: &str) -> bool {
    VERBS.split_whitespace().any(|verb| verb == word)
}

/// What messages of ours begin with.
const VERBS: &str = "append apply approve ask assemble begin bring build cancel carry change check choose clear \
    close commit compare connect copy count create decide decode delete do draw drop encode end \
    enroll establish evaluate exclude extract fetch find finish fit follow forget get give go \
    hold infer insert join journal keep learn list load lock log look make mark mask measure \
    merge name notify number open pack pin plan prepare print prove put reach read record remove \
    rename replace restore rewrite run save say seal see send serialize set show shred stage start stop \
    store sync take tell transfer undo unpack unwrap update use validate verify wait work wrap \
    write";

/// So many subjects of the same finding are named.
const NAMED: usize = 3;

/// Prints findings, the heaviest first; what is said of many is said once.
pub(crate) fn findings(findings: &[Finding]) {
    for line in finding_lines(findings) {
        note(line);
    }
}

fn finding_lines(findings: &[Finding]) -> Vec<String> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    let mut places: HashMap<(Severity, &str, &[String]), usize> = HashMap::new();
    for finding in findings {
        let said = (
            finding.severity,
            finding.message.as_str(),
            finding.lines.as_slice(),
        );
        let place = *places.entry(said).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.first().map(|finding| finding.severity)));
    groups.iter().flat_map(|group| group_lines(group)).collect()
}

fn group_lines(group: &[&Finding]) -> Vec<String> {
    let Some(first) = group.first() else {
        return Vec::new();
    };
    let label = match first.severity {
        Severity::Info => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let named: Vec<String> = group
        .iter()
        .take(NAMED)
        .map(|one| shown(&one.subject))
        .collect();
    let more = group.len() - named.len();
    let named = named.join(", ");
    let subjects = match more {
        0 => named,
        more => format!("{named} and {} more", thousands(more as u64)),
    };
    let message = format!("{label}: {subjects}: {}", shown(&first.message));
    let lines = first
        .lines
        .iter()
        .map(|line| format!("    {}", shown(line)));
    std::iter::once(message).chain(lines).collect()
}

/// A table with aligned columns, for text output.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let shown_row = |row: &Vec<String>| row.iter().map(|cell| shown(cell)).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(shown_row).collect();
    let mut widths: Vec<usize> = header.iter().map(|cell| cell.chars().count()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells
            .zip(&widths)
            .map(|(cell, width)| {
                let is_number = !cell.is_empty()
                    && cell
                        .chars()
                        .all(|c| c.is_ascii_digit() || c == ',' || c == '.');
                if is_number {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:<width$}")
                }
            })
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&mut header.iter().copied())];
    lines.push(
        widths
            .iter()
            .map(|width| "-".repeat(*width))
            .collect::<Vec<_>>()
            .join("  "),
    );
    lines.extend(
        rows.iter()
            .map(|row| line(&mut row.iter().map(String::as_str))),
    );
    lines.join("\n")
}

/// 1234567 as 1,234,567.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_many_is_said_once_the_heaviest_first() {
        let warning = |subject: &str, message: &str| Finding::warning("c", subject, message, 1);
        let mut findings: Vec<Finding> = ["a", "b", "c", "d", "e"]
            .map(|subject| warning(subject, "fires"))
            .into();
        findings.insert(1, warning("f", "is slow"));
        findings.push(Finding::error("c", "g", "is gone", 1).with_lines(["[x]".to_owned()]));
        assert_eq!(
            finding_lines(&findings),
            [
                "error: g: is gone",
                "    [x]",
                "warning: a, b, c and 2 more: fires",
                "warning: f: is slow",
            ]
        );
    }

    #[test]
    fn a_printed_command_is_given_the_program_and_the_options_of_this_one() {
        let called = Called {
            program: "./target/release/redistrict".to_owned(),
            options: " --config 'a b/r.toml'".to_owned(),
        };
        for (text, expected) in [
            (
                "`redistrict runs` lists them",
                "`./target/release/redistrict runs --config 'a b/r.toml'` lists them",
            ),
            (
                "Undo: redistrict rollback mig-1",
                "Undo: ./target/release/redistrict rollback --config 'a b/r.toml' mig-1",
            ),
            ("wrote redistrict.toml", "wrote redistrict.toml"),
            (
                "a defect of redistrict: tell",
                "a defect of redistrict: tell",
            ),
            ("in /x/redistrict runs/y", "in /x/redistrict runs/y"),
            (
                "redistrict demo --dir ANOTHER",
                "./target/release/redistrict demo --dir ANOTHER",
            ),
        ] {
            assert_eq!(called.rewrite(text), expected);
        }
    }

    #[test]
    fn a_cause_from_elsewhere_is_a_sentence_of_its_own() {
        for (cause, said) in [
            ("read the catalog", "could not read the catalog"),
            (
                "finish: the run was cut short",
                "could not finish: the run was cut short",
            ),
            ("unknown variant at line 1", "unknown variant at line 1"),
            ("file is not a database", "file is not a database"),
            (
                "No space left on device (os error 28)",
                "No space left on device (os error 28)",
            ),
        ] {
            assert_eq!(reason(cause), said);
        }
    }

    /// The messages of all error types of the libraries begin with a verb that is known here.
    #[test]
    fn every_cause_of_ours_is_known_by_its_verb() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut unknown = Vec::new();
        let mut dirs: Vec<_> = ["crates", "skills", "stores"]
            .map(|dir| root.join(dir))
            .into();
        let mut found = 0;
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    dirs.push(path);
                } else if path.extension().is_some_and(|one| one == "rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    for message in text.split("#[error(\"").skip(1) {
                        let word: String = message
                            .chars()
                            .take_while(char::is_ascii_lowercase)
                            .collect();
                        found += 1;
                        // `{doing} …` has its verb elsewhere; "the link …" is a sentence.
                        if !word.is_empty() && word != "the" && !is_verb(&word) {
                            unknown.push(word);
                        }
                    }
                }
            }
        }
        assert!(found > 40, "{found} error messages");
        assert_eq!(unknown, Vec::<String>::new(), "put them into VERBS");
    }

    #[test]
    fn json_moves_no_cursor_and_means_the_same() {
        let value = serde_json::json!({ "a\n": "\u{9b}2J \u{202e}\u{7f} é\u{1f600}" });
        let text = in_numbers(&value.to_string());
        assert_eq!(text, r#"{"a\n":"\u009b2J \u202e\u007f é😀"}"#);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }

    #[test]
    fn a_cell_stays_in_its_line() {
        let text = table(&["a"], &[vec!["x\ny".to_owned()]]);
        assert_eq!(text.lines().count(), 3, "{text}");
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!(thousands(7), "7");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(999), "999");
    }
}
