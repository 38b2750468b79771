//! CHECKs of domains as CHECKs of the tables that use them. Pure.

use crate::statement::quoted;

/// The expression with the column's quoted name where the domain says VALUE. What stands in quotes is
/// left alone.
pub(crate) fn of_column(expression: &str, column: &str) -> String {
    let mut out = String::with_capacity(expression.len() + column.len());
    let mut rest = expression;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '\'' => quoted_length(rest, '\'', is_escaped(&out)),
            '"' => quoted_length(rest, '"', false),
            c if is_word(c) => {
                let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                if &rest[..length] == "VALUE" {
                    out.push_str(&quoted(column));
                    rest = &rest[length..];
                    continue;
                }
                length
            }
            c => c.len_utf8(),
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

/// The literal that follows is `E'…'`, in which a backslash takes the next character with it.
fn is_escaped(before: &str) -> bool {
    let mut last = before.chars().rev();
    last.next() == Some('E') && !last.next().is_some_and(is_word)
}

/// The length of the quoted piece at the start, its quotes included; doubled quotes are part of it.
fn quoted_length(text: &str, quote: char, has_escapes: bool) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && has_escapes {
            chars.next();
        } else if c == quote {
            if chars.peek().is_some_and(|(_, next)| *next == quote) {
                chars.next();
            } else {
                return at + c.len_utf8();
            }
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_keyword_stands_for_the_column() {
        for (expression, expected) in [
            ("(VALUE > 0)", "(\"a \"\"b\" > 0)"),
            (
                "((VALUE)::text = ANY (ARRAY['VALUE'::text, 'it''s VALUE'::text]))",
                "((\"a \"\"b\")::text = ANY (ARRAY['VALUE'::text, 'it''s VALUE'::text]))",
            ),
            (
                "((VALUE)::text <> E'\\\\\\'VALUE'::text)",
                "((\"a \"\"b\")::text <> E'\\\\\\'VALUE'::text)",
            ),
            ("\"VALUE\"(VALUE)", "\"VALUE\"(\"a \"\"b\")"),
            ("(VALUES_ > VALUE)", "(VALUES_ > \"a \"\"b\")"),
            ("('\u{e4}VALUE' <> VALUE)", "('\u{e4}VALUE' <> \"a \"\"b\")"),
        ] {
            assert_eq!(of_column(expression, "a \"b"), expected);
        }
    }
}
