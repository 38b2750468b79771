//! PostgreSQL array literals: `{a,"b c",NULL}`, `{{1,2},{3,4}}`, `[0:1]={x,y}`. Pure text.
//!
//! All kinds of stores write their lists in this form, so that masks, proofs and validation know one.
//! The grammar is that of the PostgreSQL manual, "Array Input and Output Syntax", with the comma as
//! delimiter.

/// Rewrites every element of an array literal and leaves bounds, nesting and NULLs as they are.
///
/// `element` gets the element's own text, unescaped, and gives what stands there instead (`None` is
/// NULL). None if the text is no array literal.
#[must_use]
pub fn map_elements(text: &str, mut element: impl FnMut(&str) -> Option<String>) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    walk(text, |piece| match piece {
        Piece::Structure(text) => out.push_str(text),
        Piece::Null => out.push_str("NULL"),
        Piece::Element(text) => match element(&text) {
            Some(text) => push_element(&mut out, &text),
            None => out.push_str("NULL"),
        },
    })?;
    Some(out)
}

/// The elements in storage order, all dimensions one after the other; `None` is NULL. None if the
/// text is no array literal.
#[must_use]
pub fn elements(text: &str) -> Option<Vec<Option<String>>> {
    let mut found = Vec::new();
    walk(text, |piece| match piece {
        Piece::Structure(_) => {}
        Piece::Null => found.push(None),
        Piece::Element(text) => found.push(Some(text)),
    })?;
    Some(found)
}

/// An array literal of one dimension.
#[must_use]
pub fn array_of<'a>(elements: impl IntoIterator<Item = Option<&'a str>>) -> String {
    let mut out = String::from("{");
    for (place, element) in elements.into_iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        match element {
            Some(text) => push_element(&mut out, text),
            None => out.push_str("NULL"),
        }
    }
    out.push('}');
    out
}

/// Quotes where the server's own output does.
fn push_element(out: &mut String, text: &str) {
    let needs_quotes = text.is_empty()
        || text.eq_ignore_ascii_case("null")
        || text.chars().any(|c| {
            matches!(
                c,
                '{' | '}' | ',' | '"' | '\\' | ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}'
            )
        });
    if !needs_quotes {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

enum Piece<'a> {
    Structure(&'a str),
    Null,
    Element(String),
}

/// Tells the pieces in order; none if the text is no array literal.
fn walk<'a>(text: &'a str, mut tell: impl FnMut(Piece<'a>)) -> Option<()> {
    let open = text.find('{')?;
    if open > 0 {
        let bounds = text[..open].strip_suffix('=')?;
        let is_bound = |c: char| c.is_ascii_digit() || matches!(c, '[' | ']' | ':' | '-' | '+');
        if !bounds.starts_with('[') || !bounds.chars().all(is_bound) {
            return None;
        }
        tell(Piece::Structure(&text[..open]));
    }
    let mut rest = &text[open..];
    let mut depth = 0_usize;
    // After `{` or `,` an element or `{` comes (or, after `{`, `}`); after an element or `}` a `,` or `}`.
    let (mut wants_element, mut after_open) = (true, false);
    while let Some(c) = rest.chars().next() {
        match c {
            '{' if wants_element => {
                tell(Piece::Structure(&rest[..1]));
                rest = &rest[1..];
                depth += 1;
                after_open = true;
            }
            '}' if depth > 0 && (!wants_element || after_open) => {
                tell(Piece::Structure(&rest[..1]));
                rest = &rest[1..];
                depth -= 1;
                (wants_element, after_open) = (false, false);
                if depth == 0 {
                    return rest.is_empty().then_some(());
                }
            }
            ',' if depth > 0 && !wants_element => {
                tell(Piece::Structure(&rest[..1]));
                rest = &rest[1..];
                (wants_element, after_open) = (true, false);
            }
            _ if depth > 0 && wants_element => {
                let (piece, after) = element(rest)?;
                tell(piece);
                rest = after;
                (wants_element, after_open) = (false, false);
            }
            _ => return None,
        }
    }
    None
}

fn element(text: &str) -> Option<(Piece<'static>, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut value = String::new();
        let mut chars = quoted.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => return Some((Piece::Element(value), &quoted[at + 1..])),
                '\\' => value.push(chars.next()?.1),
                c => value.push(c),
            }
        }
        return None;
    }
    let mut value = String::new();
    let mut was_escaped = false;
    let mut chars = text.char_indices();
    let end = loop {
        match chars.next() {
            Some((at, ',' | '}')) => break at,
            Some((_, '{' | '"')) | None => return None,
            Some((_, '\\')) => {
                was_escaped = true;
                value.push(chars.next()?.1);
            }
            Some((_, c)) => value.push(c),
        }
    };
    if value.is_empty() {
        return None;
    }
    let piece = if !was_escaped && value.eq_ignore_ascii_case("null") {
        Piece::Null
    } else {
        Piece::Element(value)
    };
    Some((piece, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_of_the_server_come_back_as_they_were() {
        for text in [
            "{}",
            "{1,2,NULL}",
            "{{1,2},{3,4}}",
            "[0:1]={x,y}",
            "[-5:-4][2:2]={{a},{NULL}}",
            r#"{"a b","","NULL","x\"y","b\\",ä}"#,
            "{\"two\nlines\"}",
        ] {
            let same = map_elements(text, |element| Some(element.to_owned()));
            assert_eq!(same.as_deref(), Some(text));
        }
    }

    #[test]
    fn elements_are_unescaped_and_null_is_told_from_its_name() {
        let found = elements(r#"{a,"NULL",NULL,"x\"\\y",""}"#).unwrap();
        let expected = [Some("a"), Some("NULL"), None, Some("x\"\\y"), Some("")];
        assert_eq!(
            found,
            expected.map(|element| element.map(str::to_owned)).to_vec()
        );
        assert_eq!(array_of(expected), r#"{a,"NULL",NULL,"x\"\\y",""}"#);
    }

    #[test]
    fn other_texts_are_no_arrays() {
        for text in [
            "", "a", "{", "}", "{a", "{a}}", "{a,}", "{,a}", "x={a}", "{\"a}", "{a}b", "{a\\",
        ] {
            assert_eq!(elements(text), None, "{text}");
        }
    }
}
