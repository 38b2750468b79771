//! References inside of values: each element of an array, or the members of a JSON document at one
//! path, refers to a row. How such a place is written, which keys stand there, and how they are taken
//! out. Pure text.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::array_text;
use crate::json_text::{self, JsonPart, JsonToken};

/// Where in the values of a column references stand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inside {
    /// Each element of an array, of however many dimensions: written `column[]`.
    Elements,
    /// The texts and numbers under these members of a JSON document, from the outermost on; lists on
    /// the way and at the end are gone through: written `column$.member.member`.
    Members(Vec<String>),
}

/// A place that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "read {path} as a path in a document: it is $, then .name or [*], as $.students[*].id; a name with blanks, \
     dots or other signs stands in double quotes, as $.\"home room\".id, and a quote in it twice"
)]
pub struct ParseInsideError {
    pub path: String,
}

impl Inside {
    /// Takes the place off the end of a column as it is written in the configuration: the column, as it
    /// is written, and the place; none where the text is a column alone.
    ///
    /// # Errors
    /// A path of another form.
    pub fn split(text: &str) -> Result<(&str, Option<Self>), ParseInsideError> {
        let begin = match text.strip_prefix('"') {
            // A quoted name ends before the place begins.
            Some(quoted) => quoted_name(quoted).map(|(_, after)| text.len() - after.len()),
            None => ["$.", "$["].iter().filter_map(|one| text.find(one)).min(),
        };
        let begin = begin.filter(|at| text[*at..].starts_with('$'));
        let Some(begin) = begin else {
            let column = text.strip_suffix("[]");
            return Ok((column.unwrap_or(text), column.map(|_| Self::Elements)));
        };
        let (column, path) = text.split_at(begin);
        let members = members(&path[1..]).ok_or_else(|| ParseInsideError {
            path: path.to_owned(),
        })?;
        Ok((column, Some(Self::Members(members))))
    }

    /// The keys that stand at this place of a value, as canonical texts, each once, in ascending order.
    /// Elements of arrays are taken as they are written. None if the value is no array, or no document.
    #[must_use]
    pub fn keys(&self, text: &str) -> Option<Vec<Box<str>>> {
        let mut keys: Vec<Box<str>> = Vec::new();
        match self {
            Self::Elements => {
                let elements = array_text::elements(text)?;
                keys.extend(elements.into_iter().flatten().map(Box::from));
            }
            Self::Members(members) => {
                json_text::walk(text, &mut |place, part| {
                    if place.is(members) {
                        keys.extend(document_key(part).map(Box::from));
                    }
                    None
                })?;
            }
        }
        keys.sort_unstable();
        keys.dedup();
        Some(keys)
    }

    /// The value with NULL in the place of those keys that `is_taken` names: elements become NULL, members
    /// become `null`, all others stay as they are written. None as for [`keys`](Self::keys).
    #[must_use]
    pub fn without(&self, text: &str, is_taken: &dyn Fn(&str) -> bool) -> Option<String> {
        match self {
            Self::Elements => {
                array_text::map_elements(text, |one| (!is_taken(one)).then(|| one.to_owned()))
            }
            Self::Members(members) => json_text::walk(text, &mut |place, part| {
                let key = document_key(part).filter(|_| place.is(members))?;
                is_taken(&key).then(|| JsonToken::Bare("null".to_owned()))
            }),
        }
    }
}

/// As it is written behind the column: `[]`, `$.students.id`.
impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = match self {
            Self::Elements => return f.write_str("[]"),
            Self::Members(members) if members.is_empty() => return f.write_str("$[*]"),
            Self::Members(members) => members,
        };
        f.write_str("$")?;
        for member in members {
            if is_plain(member) {
                write!(f, ".{member}")?;
            } else {
                write!(f, ".\"{}\"", member.replace('"', "\"\""))?;
            }
        }
        Ok(())
    }
}

/// Whether a name stands in a path without quotes, as it is written.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Whether a name without quotes is read: signs that may mean something else in a path need them.
fn is_bare(name: &str) -> bool {
    let is_sign = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && !"_-$@:/".contains(c);
    !name.is_empty() && !name.chars().any(|c| is_sign(c) || c.is_whitespace())
}

/// The names of a path, without its `$`.
fn members(path: &str) -> Option<Vec<String>> {
    let mut members = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("[*]") {
            rest = after;
            continue;
        }
        let name = rest.strip_prefix('.')?;
        let (member, after) = match name.strip_prefix('"') {
            Some(quoted) => quoted_name(quoted)?,
            None => {
                let end = name.find(['.', '[']).unwrap_or(name.len());
                (name[..end].to_owned(), &name[end..])
            }
        };
        if !name.starts_with('"') && !is_bare(&member) {
            return None;
        }
        members.push(member);
        rest = after;
    }
    Some(members)
}

/// A name up to its closing quote, and what follows; a quote in it stands twice.
fn quoted_name(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' if chars.peek().is_some_and(|(_, next)| *next == '"') => {
                chars.next();
                name.push('"');
            }
            '"' => return Some((name, &text[at + 1..])),
            c => name.push(c),
        }
    }
    None
}

/// The key that a text or a number of a document is, as canonical text; empty texts are none.
#[must_use]
pub fn document_key(part: JsonPart<'_>) -> Option<String> {
    match part {
        JsonPart::Key(_) | JsonPart::Text { text: "", .. } => None,
        JsonPart::Text { text, .. } => Some(text.to_owned()),
        JsonPart::Number { text, .. } => Some(decimal(text)),
    }
}

/// The longest run of zeros that an exponent may bring.
const MOST_ZEROS: i32 = 100;

/// A number in decimal, without exponent, without zeros at the end of the fraction: `5.0`, `50e-1` and `5`
/// are one key. As it is written where it is no such number.
pub(crate) fn decimal(text: &str) -> String {
    plain_decimal(text).unwrap_or_else(|| text.to_owned())
}

fn plain_decimal(text: &str) -> Option<String> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (number, exponent) = match rest.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    if !(-MOST_ZEROS..=MOST_ZEROS).contains(&exponent) {
        return None;
    }
    let mut digits = format!("{whole}{fraction}");
    // Where the point stands, in digits from the front.
    let mut point = i32::try_from(whole.len()).ok()? + exponent;
    if point <= 0 {
        let zeros = usize::try_from(1 - point).ok()?;
        digits.insert_str(0, &"0".repeat(zeros));
        point = 1;
    }
    let point = usize::try_from(point).ok()?;
    if digits.len() < point {
        digits.push_str(&"0".repeat(point - digits.len()));
    }
    let (whole, fraction) = digits.split_at(point);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = fraction.trim_end_matches('0');
    Some(match (whole, fraction) {
        ("0", "") => "0".to_owned(),
        (whole, "") => format!("{sign}{whole}"),
        (whole, fraction) => format!("{sign}{whole}.{fraction}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(names: &[&str]) -> Inside {
        Inside::Members(names.iter().map(|one| (*one).to_owned()).collect())
    }

    #[test]
    fn places_are_read_as_they_are_written() {
        for (text, column, inside, written) in [
            ("ids[]", "ids", Some(Inside::Elements), "[]"),
            (
                "\"odd, col\"[]",
                "\"odd, col\"",
                Some(Inside::Elements),
                "[]",
            ),
            ("d$.a.b", "d", Some(members(&["a", "b"])), "$.a.b"),
            ("d$.a[*].b[*]", "d", Some(members(&["a", "b"])), "$.a.b"),
            ("d$[*]", "d", Some(members(&[])), "$[*]"),
            ("a$b$.c", "a$b", Some(members(&["c"])), "$.c"),
            ("\"x\"\"$\"$.c", "\"x\"\"$\"", Some(members(&["c"])), "$.c"),
            (
                "d$.\"a.\"\"b\".c",
                "d",
                Some(members(&["a.\"b", "c"])),
                "$.\"a.\"\"b\".c",
            ),
            (
                "d$.schüler.\"Größe, in cm\".🎒",
                "d",
                Some(members(&["schüler", "Größe, in cm", "🎒"])),
                "$.schüler.\"Größe, in cm\".\"🎒\"",
            ),
            (
                "d$.x-id.\"\"",
                "d",
                Some(members(&["x-id", ""])),
                "$.\"x-id\".\"\"",
            ),
            ("a$b", "a$b", None, ""),
            ("\"a$.b\"", "\"a$.b\"", None, ""),
        ] {
            assert_eq!(Inside::split(text), Ok((column, inside.clone())), "{text}");
            if let Some(inside) = inside {
                assert_eq!(inside.to_string(), written);
                let again = format!("x{inside}");
                assert_eq!(Inside::split(&again), Ok(("x", Some(inside))));
            }
        }
        for text in [
            "d$.",
            "d$.a..b",
            "d$[0].a",
            "d$.a[",
            "d$.a[]",
            "d$.*",
            "d$.a\"",
            "d$.\"a",
            "\"d\"$a",
            "d$.odd name",
            "d$.'a'",
            "d$.\"a\"b",
            "d$[\"a\"]",
            "d$.a(b)",
            "d$.a\\b",
        ] {
            assert!(Inside::split(text).is_err(), "{text}");
        }
    }

    #[test]
    fn elements_are_keys_whatever_the_shape_of_the_array() {
        let keys = |text| Inside::Elements.keys(text).map(|keys| keys.join("|"));
        assert_eq!(keys("{3,1,NULL,3}").as_deref(), Some("1|3"));
        assert_eq!(
            keys("[0:1][1:2]={{1,2},{3,NULL}}").as_deref(),
            Some("1|2|3")
        );
        assert_eq!(keys("{}").as_deref(), Some(""));
        assert_eq!(keys("no array"), None);
    }

    #[test]
    fn members_are_keys_as_numbers_and_as_texts() {
        let place = members(&["s", "id"]);
        let keys = |text| place.keys(text).map(|keys| keys.join("|"));
        for (text, expected) in [
            (
                r#"{"s": [{"id": 7}, {"id": "7"}, {"id": 8.0}]}"#,
                Some("7|8"),
            ),
            (r#"{"s": {"id": [1, null, true, "", {"x": 2}]}}"#, Some("1")),
            (r#"{"s": 5, "id": 6}"#, Some("")),
            (r#"{"s": {"id": 1, "id": 2}}"#, Some("1|2")),
            ("[]", Some("")),
            ("{", None),
        ] {
            assert_eq!(keys(text).as_deref(), expected, "{text}");
        }
        assert_eq!(
            members(&[])
                .keys("[1, [2], {\"a\": 3}]")
                .map(|keys| keys.join("|")),
            Some("1|2".to_owned())
        );
    }

    #[test]
    fn numbers_are_one_key_however_they_are_written() {
        for (text, expected) in [
            ("5", "5"),
            ("5.0", "5"),
            ("50e-1", "5"),
            ("5E+2", "500"),
            ("0.5e1", "5"),
            ("-0", "0"),
            ("-0.50", "-0.5"),
            ("12345678901234567890123", "12345678901234567890123"),
            ("0.001", "0.001"),
            ("1e-3", "0.001"),
            ("1e999", "1e999"),
            ("007", "7"),
        ] {
            assert_eq!(decimal(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_taken_out_leaves_a_null() {
        let is_two = |key: &str| key == "2";
        let elements = Inside::Elements.without("[0:2]={1,2,NULL}", &is_two);
        assert_eq!(elements.as_deref(), Some("[0:2]={1,NULL,NULL}"));
        let place = members(&["s", "id"]);
        let text = r#"{"s": [{"id": 2.0}, {"id": "2"}, {"id": 3}], "id": 2}"#;
        let made = place.without(text, &is_two);
        let expected = r#"{"s": [{"id": null}, {"id": null}, {"id": 3}], "id": 2}"#;
        assert_eq!(made.as_deref(), Some(expected));
        assert_eq!(place.without("{", &is_two), None);
    }
}
