//! `docs/reference/commands.md`.

use clap::{Arg, Command};

use crate::examples;

const HEAD: &str = "# Commands

Generated from the command line (`apps/cli/src/args.rs`, `examples.rs`); write it anew with `cargo xtask docs`.

Data goes to stdout, everything else to stderr. How a command ends: [exit-codes.md](exit-codes.md). Completions:
`redistrict completions SHELL`. The same as a manual: `docs/man`.

";

/// The whole page.
pub(crate) fn page(command: &Command) -> String {
    let mut commands = Vec::new();
    gather(command, "", &mut commands);
    let contents: Vec<String> = commands
        .iter()
        .map(|(path, one)| {
            let (link, about) = (path.replace(' ', "-"), about(one));
            format!("| [`{path}`](#redistrict-{link}) | {about} |\n")
        })
        .collect();
    let sections: Vec<String> = commands
        .iter()
        .map(|(path, one)| section(one, path))
        .collect();
    let everywhere = options(command.get_arguments().filter(|one| one.is_global_set()));
    format!(
        "{HEAD}| command | what it does |\n|---|---|\n{}\n## Options of every command\n\n{everywhere}{}",
        contents.concat(),
        sections.concat()
    )
}

/// Every command that does something, with its words; one that only groups others is none.
fn gather<'a>(command: &'a Command, path: &str, found: &mut Vec<(String, &'a Command)>) {
    for one in command.get_subcommands() {
        let path = examples::joined(path, one.get_name());
        gather(one, &path, found);
        if !one.has_subcommands() {
            found.push((path, one));
        }
    }
}

fn section(command: &Command, path: &str) -> String {
    let long = command.get_long_about().map(ToString::to_string);
    let about = sentence(long.unwrap_or_else(|| about(command)));
    let usage = usage(command, path);
    let aliases: Vec<String> = command
        .get_all_aliases()
        .map(|alias| format!("`{alias}`"))
        .collect();
    let aliases = match aliases.is_empty() {
        true => String::new(),
        false => format!("Also called: {}.\n\n", aliases.join(", ")),
    };
    let mut own = options(command.get_arguments().filter(|one| !one.is_global_set()));
    if !own.is_empty() {
        own.push('\n');
    }
    let lines: Vec<String> = examples::of(path)
        .iter()
        .map(|(line, comment)| match *comment {
            "" => format!("redistrict {line}\n"),
            comment => format!("redistrict {line}  # {comment}\n"),
        })
        .collect();
    format!(
        "\n## redistrict {path}\n\n{about}\n\n`{usage}`\n\n{aliases}{own}```sh\n{}```\n",
        lines.concat()
    )
}

fn about(command: &Command) -> String {
    let about = command.get_about().map(ToString::to_string);
    in_cell(&about.unwrap_or_default())
}

/// Without the options that every command has.
fn usage(command: &Command, path: &str) -> String {
    let mut words = vec![format!("redistrict {path}")];
    let own = || command.get_arguments().filter(|one| !one.is_global_set());
    if own().any(|one| !one.is_positional()) {
        words.push("[OPTIONS]".to_owned());
    }
    for one in own().filter(|one| one.is_positional()) {
        let name = placeholder(one);
        words.push(match one.is_required_set() {
            true => name,
            false => format!("[{name}]"),
        });
    }
    words.join(" ")
}

fn placeholder(argument: &Arg) -> String {
    let names = argument.get_value_names().and_then(|names| names.first());
    names.map_or_else(
        || argument.get_id().as_str().to_uppercase(),
        ToString::to_string,
    )
}

/// A table, or nothing.
fn options<'a>(arguments: impl Iterator<Item = &'a Arg>) -> String {
    let rows: Vec<String> = arguments.map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("| argument | meaning |\n|---|---|\n{}", rows.concat())
}

fn row(argument: &Arg) -> String {
    let takes_value = argument.get_action().takes_values();
    let name = match (argument.get_long(), takes_value) {
        (None, _) => placeholder(argument),
        (Some(long), true) => format!("--{long} {}", placeholder(argument)),
        (Some(long), false) => format!("--{long}"),
    };
    let help = argument.get_long_help().or(argument.get_help());
    let meaning = sentence(in_cell(&help.map(ToString::to_string).unwrap_or_default()));
    let values = argument.get_possible_values();
    let values = values.iter().map(|value| value.get_name());
    let values = listed(" One of", values.filter(|_| takes_value));
    let defaults = argument.get_default_values().iter();
    let defaults = defaults.filter_map(|value| value.to_str());
    let defaults = listed(" Default:", defaults.filter(|_| takes_value));
    format!("| `{name}` | {meaning}{values}{defaults} |\n")
}

/// As code, in a sentence; nothing if there are none.
fn listed<'a>(what: &str, values: impl Iterator<Item = &'a str>) -> String {
    let values: Vec<String> = values.map(|value| format!("`{value}`")).collect();
    match values.is_empty() {
        true => String::new(),
        false => format!("{what} {}.", values.join(", ")),
    }
}

/// The grammar takes the last full stop from short helps.
fn sentence(text: String) -> String {
    match text.ends_with(['.', '?', '!']) {
        true => text,
        false => text + ".",
    }
}

/// Paragraphs in one line, no bar that would end the cell.
fn in_cell(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace('|', "\\|")
}
