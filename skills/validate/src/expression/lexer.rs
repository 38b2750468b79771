//! Words, numbers, texts and operators of a CHECK expression.

use super::value::Unsupported;

/// One token. Unquoted words are in lower case.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Word(String),
    /// A quoted identifier.
    Quoted(String),
    Number(String),
    Text(String),
    Symbol(&'static str),
}

const SYMBOLS: [&str; 26] = [
    "<@", "@>", "::", "<=", ">=", "<>", "!=", "==", "||", "!~~", "~~", "(", ")", "[", "]", ",",
    "=", "<", ">", "+", "-", "*", ".", ";", "/", "%",
];

/// Cuts an expression into tokens.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Unsupported> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '\'' => quoted(rest, '\'').map(|(text, after)| (Token::Text(text), after))?,
            '"' => quoted(rest, '"').map(|(text, after)| (Token::Quoted(text), after))?,
            '`' => quoted(rest, '`').map(|(text, after)| (Token::Quoted(text), after))?,
            '[' if begins_a_name(found.last()) => {
                quoted(rest, ']').map(|(text, after)| (Token::Quoted(text), after))?
            }
            c if c.is_ascii_digit() => number(rest),
            c if c.is_alphabetic() || c == '_' => word(rest),
            _ => symbol(rest)?,
        };
        found.push(token);
        rest = after.trim_start();
    }
    Ok(found)
}

/// Whether a `[` here quotes a name (SQLite) and is not a subscript, an ARRAY or a type's brackets.
fn begins_a_name(before: Option<&Token>) -> bool {
    match before {
        None => true,
        Some(Token::Symbol(symbol)) => !matches!(*symbol, ")" | "]"),
        Some(Token::Word(word)) => matches!(
            word.as_str(),
            "and" | "or" | "not" | "between" | "in" | "like" | "is" | "from" | "check"
        ),
        Some(_) => false,
    }
}

fn quoted(text: &str, quote: char) -> Result<(String, &str), Unsupported> {
    let mut inside = String::new();
    let mut chars = text[1..].char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            inside.push(c);
        } else if chars.next_if(|(_, next)| *next == quote).is_some() {
            inside.push(quote);
        } else {
            return Ok((inside, &text[at + 2..]));
        }
    }
    Err(Unsupported("a quote that is not closed"))
}

fn number(text: &str) -> (Token, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    (Token::Number(text[..end].to_owned()), &text[end..])
}

fn word(text: &str) -> (Token, &str) {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let end = text.find(|c: char| !is_part(c)).unwrap_or(text.len());
    (Token::Word(text[..end].to_lowercase()), &text[end..])
}

fn symbol(text: &str) -> Result<(Token, &str), Unsupported> {
    SYMBOLS
        .into_iter()
        .find_map(|symbol| Some((Token::Symbol(symbol), text.strip_prefix(symbol)?)))
        .ok_or(Unsupported("an operator outside the common forms"))
}
