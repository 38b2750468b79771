//! Quoting inside of rows and ranges: both write a value in double quotes where it has a character
//! that means something there, with quotes and backslashes doubled. Pure text.

/// Takes one value off the front of a text, up to one of the ends; `None` for nothing at all, which
/// is NULL in rows and infinity in ranges. Gives the value and the rest, which begins with the end.
/// None if the text ends before.
pub(crate) fn take_value<'a>(text: &'a str, ends: &[char]) -> Option<(Option<String>, &'a str)> {
    let mut value = String::new();
    let (mut is_there, mut is_quoted) = (false, false);
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                is_there = true;
                value.push(chars.next()?.1);
            }
            '"' if is_quoted && chars.next_if(|(_, next)| *next == '"').is_some() => {
                value.push('"');
            }
            '"' => {
                is_there = true;
                is_quoted = !is_quoted;
            }
            c if !is_quoted && ends.contains(&c) => {
                return Some((is_there.then_some(value), &text[at..]));
            }
            c => {
                is_there = true;
                value.push(c);
            }
        }
    }
    None
}

/// Appends a value, in quotes where the server would: empty values, blanks, and the given characters.
pub(crate) fn push_value(out: &mut String, value: &str, special: &[char]) {
    let is_blank = |c: char| matches!(c, ' ' | '\t'..='\r');
    let needs_quotes = value.is_empty()
        || value
            .chars()
            .any(|c| is_blank(c) || matches!(c, '"' | '\\') || special.contains(&c));
    if !needs_quotes {
        out.push_str(value);
        return;
    }
    out.push('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('"');
}
