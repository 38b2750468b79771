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

/// One word of a shell's command, quoted unless it is plain. What [`shown`] would change is written as
/// `$'…'`, with the number of each of its bytes, so that the word means the same after it was shown.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./,:@%+=".contains(c);
    if text.chars().any(is_command) {
        return in_numbers(text);
    }
    if !text.is_empty() && text.chars().all(is_plain) && !text.starts_with('=') {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

fn in_numbers(text: &str) -> String {
    let mut out = String::from("$'");
    for c in text.chars() {
        if is_command(c) {
            for byte in c.to_string().bytes() {
                write!(out, "\\{byte:03o}").expect("a String takes every write");
            }
        } else {
            if matches!(c, '\'' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
    }
    out.push('\'');
    out
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

/// A text as a value of TOML: a string of one line that [`shown`] does not change, whatever is in it. It is
/// a literal where it holds double quotes and a literal can hold the rest.
#[must_use]
pub fn toml_text(text: &str) -> String {
    let is_literal = text.chars().all(|c| c != '\'' && !is_command(c));
    if text.contains('"') && is_literal {
        return format!("'{text}'");
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if is_command(c) => {
                write!(out, "\\u{:04X}", u32::from(c)).expect("a String takes every write");
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A text as one key of TOML, as in `[table."ids.students"]`: bare where it may be, else as [`toml_text`].
#[must_use]
pub fn toml_key(text: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !text.is_empty() && text.chars().all(is_bare) {
        text.to_owned()
    } else {
        toml_text(text)
    }
}

/// Control characters, ends of lines and paragraphs, marks and overrides of direction. All of them have
/// numbers of four digits.
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
        assert_eq!(shell_word("=ls"), "'=ls'");
        assert_eq!(
            shell_word("a'\n\\\u{202e}"),
            "$'a\\'\\012\\\\\\342\\200\\256'"
        );
    }

    #[test]
    fn a_text_stays_in_its_string_of_a_configuration() {
        assert_eq!(toml_text("a.b"), "\"a.b\"");
        assert_eq!(toml_text("a.\"B\""), "'a.\"B\"'");
        assert_eq!(toml_text("a.\"it's\""), "\"a.\\\"it's\\\"\"");
        assert_eq!(toml_text("a\nb\\\u{7f}"), "\"a\\u000Ab\\\\\\u007F\"");
        assert_eq!(toml_text("\"\u{202e}"), "\"\\\"\\u202E\"");
        assert_eq!(toml_key("ids-2_x"), "ids-2_x");
        assert_eq!(toml_key("ids.x"), "\"ids.x\"");
        assert_eq!(toml_key(""), "\"\"");
        for text in ["a'\n\u{1b}", "\"\u{2028}'", "\u{9b}"] {
            assert_eq!(shown(&toml_text(text)), toml_text(text));
            assert_eq!(shown(&shell_word(text)), shell_word(text));
        }
    }
}
