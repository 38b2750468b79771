//! How a text of a database or of a person is shown in a line: on a terminal, in a log, in a report.
//! Names may hold anything; what is shown cannot end its line, move a cursor or turn the direction of what
//! follows.

use std::fmt::Write as _;

/// The text with every character that writes nothing itself, or ends a line, as its number: `\u{1b}`.
/// Letters of all scripts stay as they are.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_command(c) {
            write!(out, "{}", c.escape_unicode()).expect("a String takes every write");
        } else {
            out.push(c);
        }
    }
    out
}

/// The same of a text that has lines of its own: their ends stay.
#[must_use]
pub fn shown_lines(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(shown).collect();
    lines.join("\n")
}

/// A text inside of a line or a table's cell of Markdown: nothing in it ends the cell or begins markup.
#[must_use]
pub fn in_markdown(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            '|' | '`' | '*' | '<' | '>' | '[' | ']' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    shown(&out)
}

/// One word of a shell's command, quoted unless it is plain.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./,:@%+=".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// A value as the argument of a printed command of ours: a word that is no option.
#[must_use]
pub fn shell_argument(text: &str) -> String {
    let word = shell_word(text);
    if text.starts_with('-') {
        format!("-- {word}")
    } else {
        word
    }
}

/// Control characters, ends of lines and paragraphs, marks and overrides of direction.
fn is_command(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_shown_writes_a_line_or_a_colour() {
        assert_eq!(shown("a\nb\u{1b}[2J"), "a\\u{a}b\\u{1b}[2J");
        assert_eq!(
            shown("\u{202e}x\u{2028}\u{9b}"),
            "\\u{202e}x\\u{2028}\\u{9b}"
        );
        assert_eq!(
            shown("Łódź, שלום, \u{1f468}\u{200d}\u{1f469}"),
            "Łódź, שלום, \u{1f468}\u{200d}\u{1f469}"
        );
        assert_eq!(shown_lines("a\nb\r"), "a\nb\\u{d}");
    }

    #[test]
    fn a_text_stays_in_its_cell() {
        assert_eq!(in_markdown("a|b\n# <x>`"), "a\\|b # \\<x\\>\\`");
        assert_eq!(in_markdown("\u{1b}[1m\u{202e}"), "\\u{1b}\\[1m\\u{202e}");
    }

    #[test]
    fn a_word_of_the_shell_is_quoted_where_it_has_to_be() {
        assert_eq!(shell_word("a/b.toml"), "a/b.toml");
        assert_eq!(shell_word("it's; rm"), "'it'\\''s; rm'");
        assert_eq!(shell_argument("12"), "12");
        assert_eq!(shell_argument("--config=x"), "-- --config=x");
        assert_eq!(shell_argument(""), "''");
    }
}
