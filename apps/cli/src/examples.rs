//! The command line as it is shown: the grammar of `args`, with examples and a width. What is typed
//! is read here, so that an example that does not parse fails a test.

use std::ffi::OsString;

use clap::{Command, CommandFactory, FromArgMatches};

use crate::args::Arguments;

/// No line of a help text is longer.
const WIDTH: usize = 80;

/// A command (its words, empty for the program) and lines that can be typed, each with what it is
/// for.
type Examples = (&'static str, &'static [(&'static str, &'static str)]);

const EXAMPLES: &[Examples] = &[
    (
        "",
        &[
            ("demo", "the whole journey, without any server"),
            ("migrate 2 --dry-run", "everything but the load"),
            ("status", "where the newest run is"),
        ],
    ),
    (
        "demo",
        &[
            ("demo", "files in ./redistrict-demo"),
            ("demo --students 2000 --dir /tmp/big", "larger, elsewhere"),
        ],
    ),
    (
        "init",
        &[
            (
                "init",
                "every IDS_PROD_URL with its IDS_CERT_URL is a store",
            ),
            ("init --root ids.districts", "the table of the districts"),
            ("init --store ids=postgres:PROD_URL:CERT_URL", ""),
        ],
    ),
    (
        "doctor",
        &[("doctor", ""), ("doctor --output json", "for a program")],
    ),
    (
        "enroll",
        &[
            ("enroll ids --name cert-7", "one store"),
            ("enroll --name cert-7", "all stores of the configuration"),
        ],
    ),
    (
        "config check",
        &[
            ("config check", ""),
            ("config check --config other.toml", ""),
        ],
    ),
    ("analyze", &[("analyze", "")]),
    (
        "select",
        &[
            ("select", "the districts, ranked"),
            ("select --output jsonl", "one object per district"),
        ],
    ),
    (
        "classify",
        &[
            ("classify", "every column's decision, and the sheet to sign"),
            ("classify 2 --out sheet", "bound to the plan of district 2"),
        ],
    ),
    (
        "plan",
        &[
            ("plan 2", "forecast, masks, what is in the way"),
            ("plan 2 --exact", "with the exact number of rows"),
        ],
    ),
    (
        "why",
        &[
            (
                "why ids.guardians 42 --district 2",
                "what brings that guardian",
            ),
            (
                "why ids.grades 52,1,7,1 --district 2",
                "a key of four columns",
            ),
            (
                "why ids.students 1 --district 2 --not",
                "the first step that is missing",
            ),
        ],
    ),
    (
        "migrate",
        &[
            ("migrate 2 --dry-run", "everything but the load"),
            ("migrate 2", "all five phases"),
            ("migrate 2 --skip-extraction", "from the last extraction"),
            (
                "migrate 2 --ask-before load --wait",
                "stays until somebody approves",
            ),
        ],
    ),
    ("extract", &[("extract 2", "")]),
    ("anonymize", &[("anonymize 2", "the last extraction of it")]),
    (
        "validate",
        &[("validate 2", "the last masked artifact of it")],
    ),
    ("load", &[("load 2", "if its verdict is not FAILED")]),
    ("report", &[("report mig-20260105T180000Z-001", "")]),
    (
        "status",
        &[
            ("status", "the newest run"),
            ("status mig-20260105T180000Z-001 --output json", ""),
        ],
    ),
    ("runs", &[("runs", ""), ("runs --output jsonl", "")]),
    (
        "resume",
        &[
            ("resume", "the newest unfinished run"),
            ("resume mig-20260105T180000Z-001", ""),
        ],
    ),
    (
        "rollback",
        &[
            ("rollback mig-20260105T180000Z-001 --dry-run", "can it be?"),
            ("rollback mig-20260105T180000Z-001", "take its rows out"),
            ("rollback rb-20260106T080000Z-001", "put them in again"),
        ],
    ),
    ("watch", &[("watch mig-20260105T180000Z-001", "")]),
    ("approve", &[("approve mig-20260105T180000Z-001", "")]),
    ("cancel", &[("cancel mig-20260105T180000Z-001", "")]),
    (
        "mcp",
        &[
            ("mcp", "an assistant starts it"),
            ("mcp --http 8123", "for several, with a token"),
            ("mcp prod", "only PROD's schema and counts"),
        ],
    ),
    (
        "artifacts ls",
        &[
            ("artifacts ls", "of all districts"),
            ("artifacts ls 2", "of one"),
        ],
    ),
    (
        "artifacts verify",
        &[
            ("artifacts verify", "all of them"),
            ("artifacts verify mig-20260105T180000Z-001", "of one run"),
        ],
    ),
    (
        "artifacts shred",
        &[
            ("artifacts shred mig-20260105T180000Z-001", ""),
            ("artifacts shred --overdue", "older than [retention] raw"),
        ],
    ),
    (
        "notify test",
        &[("notify test", "sends one message to the webhook")],
    ),
    (
        "completions",
        &[
            ("completions bash > redistrict.bash", "then: source it"),
            ("completions zsh > ~/.zfunc/_redistrict", ""),
            (
                "completions fish > ~/.config/fish/completions/redistrict.fish",
                "",
            ),
        ],
    ),
];

/// The lines that can be typed for a command, each with what it is for; none for one without.
pub(crate) fn of(command: &str) -> &'static [(&'static str, &'static str)] {
    let found = EXAMPLES.iter().find(|(name, _)| *name == command);
    found.map_or(&[], |(_, lines)| lines)
}

/// The whole command line, with examples.
pub(crate) fn command_line() -> Command {
    with_examples(Arguments::command().max_term_width(WIDTH), "")
}

/// Reads what was typed.
///
/// # Errors
/// Clap's own: usage, or help and version, which are no failures.
pub(crate) fn parse(words: &[OsString]) -> Result<Arguments, clap::Error> {
    let mut command = command_line();
    let mut matches = command.try_get_matches_from_mut(words)?;
    Arguments::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// As [`command_line`], without what is hidden from people.
pub(crate) fn visible() -> Command {
    without_hidden(&command_line())
}

fn without_hidden(command: &Command) -> Command {
    let mut shown = Command::new(command.get_name().to_owned())
        .args(
            command
                .get_arguments()
                .filter(|one| !one.is_hide_set())
                .cloned(),
        )
        .aliases(
            command
                .get_all_aliases()
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        )
        .subcommand_required(command.is_subcommand_required_set())
        .max_term_width(WIDTH);
    for one in command.get_subcommands().filter(|one| !one.is_hide_set()) {
        shown = shown.subcommand(without_hidden(one));
    }
    if let Some(version) = command.get_version() {
        shown = shown.version(version.to_owned()).propagate_version(true);
    }
    if let Some(about) = command.get_about() {
        shown = shown.about(about.clone());
    }
    if let Some(about) = command.get_long_about() {
        shown = shown.long_about(about.clone());
    }
    match command.get_after_help() {
        Some(help) => shown.after_help(help.clone()),
        None => shown,
    }
}

fn with_examples(command: Command, path: &str) -> Command {
    let names: Vec<String> = command
        .get_subcommands()
        .map(|one| one.get_name().to_owned())
        .collect();
    let command = names.iter().fold(command, |command, name| {
        let path = joined(path, name);
        command.mut_subcommand(name, |one| with_examples(one, &path))
    });
    match of(path) {
        [] => command,
        lines => command.after_help(text(lines)),
    }
}

/// The words of a command below another.
pub(crate) fn joined(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path} {name}"),
    }
}

/// Comments stand in one column where there is room.
fn text(lines: &[(&str, &str)]) -> String {
    let commented = lines.iter().filter(|(_, comment)| !comment.is_empty());
    let width = commented.map(|(line, _)| line.len()).max().unwrap_or(0);
    let mut text = String::from("Examples:");
    for (line, comment) in lines {
        let line = match *comment {
            "" => (*line).to_owned(),
            comment => format!("{line:<width$}  # {comment}"),
        };
        text.push_str("\n  redistrict ");
        text.push_str(&line);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command that does something, with its words.
    fn leaves(command: &Command, path: &str, found: &mut Vec<String>) {
        let mut below = command
            .get_subcommands()
            .filter(|one| !one.is_hide_set())
            .peekable();
        if below.peek().is_none() {
            found.push(path.to_owned());
        }
        for one in below {
            leaves(one, &joined(path, one.get_name()), found);
        }
    }

    #[test]
    fn every_command_has_examples() {
        let mut found = Vec::new();
        leaves(&command_line(), "", &mut found);
        assert!(found.len() > 15, "{found:?}");
        for command in found {
            assert!(!of(&command).is_empty(), "{command} has no example");
        }
    }

    #[test]
    fn every_example_can_be_typed_and_is_of_its_command() {
        for (command, lines) in EXAMPLES {
            for (line, _) in *lines {
                assert!(line.starts_with(command), "{line} is no {command}");
                let typed = line.split(" > ").next().unwrap_or_default();
                let words: Vec<OsString> = std::iter::once("redistrict")
                    .chain(typed.split(' '))
                    .map(OsString::from)
                    .collect();
                let read = parse(&words);
                assert!(read.is_ok(), "{line}: {}", read.unwrap_err());
            }
        }
    }

    #[test]
    fn what_is_hidden_is_not_shown() {
        let shown = visible();
        let is_there = |name: &str| shown.get_subcommands().any(|one| one.get_name() == name);
        assert!(is_there("migrate") && !is_there("pages"));
    }
}
