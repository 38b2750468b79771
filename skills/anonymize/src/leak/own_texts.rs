//! What we write ourselves beside the rows: its texts one by one, so that digits of one do not run into
//! digits of the next and look like a number of somebody.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use super::scan::{Hit, Scanner};
use super::values::Kind;

/// The names and texts of a document, paths by their parts. Counts are ours and are left out.
pub(crate) fn own_texts(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(document, &mut found);
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.extend(text.split('/').map(str::to_owned)),
        Value::Array(list) => list.iter().for_each(|one| collect(one, found)),
        Value::Object(map) => {
            for (name, one) in map {
                found.push(name.clone());
                collect(one, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The strong members in a file of ours: in a report, a log, a journal. Words are searched for in the whole,
/// across cells and lines; digits within one text of a cell, an attribute or a line, and only where they are
/// written as one number, because a report holds thousands of counts, and those that stand beside each other
/// would make every number there is. A date and a time of day are nobody's number, nor a part of one.
pub(crate) fn strong_hits_of_file(scanner: &Scanner<'_>, content: &str) -> u64 {
    let mut digests = BTreeSet::new();
    let mut count = |hit: Hit| {
        if hit.kind == Kind::Strong {
            digests.insert(hit.digest);
        }
    };
    let content = &without_moments(content);
    scanner.own_words(content, &mut count);
    // A report says the same of many tables: each text once.
    let mut seen = HashSet::new();
    for text in content.split(['<', '>', '"', '|', '\n', '\r', '\0']) {
        let can_hold = text.bytes().any(|byte| byte.is_ascii_alphanumeric()) || !text.is_ascii();
        if can_hold && seen.insert(text) {
            scanner.own_text(text, &mut count);
        }
    }
    digests.len() as u64
}

/// The text with a sign in the place of each date and time of day that it is written with: `2000-01-31`,
/// `23:59:59.999`, `2000-01-31T23:59`.
fn without_moments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut before) = (text, ' ');
    while let Some(c) = rest.chars().next() {
        let can_begin = c.is_ascii_digit() && !before.is_alphanumeric();
        let length = if can_begin { moment(rest) } else { None };
        before = length.map_or(c, |_| MOMENT);
        out.push(before);
        rest = &rest[length.unwrap_or(c.len_utf8())..];
    }
    out
}

/// Separates: no part of a number, and of no encoding.
const MOMENT: char = '\u{1}';

/// The length of the date, the time of day, or both that the text begins with.
fn moment(text: &str) -> Option<usize> {
    let Some(date) = date(text) else {
        return clock(text);
    };
    let time = text
        .get(date + 1..)
        .filter(|_| text[date..].starts_with(['T', ' ']));
    Some(date + time.and_then(clock).map_or(0, |time| 1 + time))
}

/// So many digits at a place, as a number.
fn digits(text: &str, at: usize, count: usize) -> Option<u32> {
    let digits = text.get(at..at + count)?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

fn has_no_digit(text: &str, at: usize) -> bool {
    text.as_bytes()
        .get(at)
        .is_none_or(|byte| !byte.is_ascii_digit())
}

fn date(text: &str) -> Option<usize> {
    let has = |at: usize| text.as_bytes().get(at) == Some(&b'-');
    digits(text, 0, 4)?;
    let is_date =
        (1..=12).contains(&digits(text, 5, 2)?) && (1..=31).contains(&digits(text, 8, 2)?);
    (has(4) && has(7) && is_date && has_no_digit(text, 10)).then_some(10)
}

fn clock(text: &str) -> Option<usize> {
    let has = |at: usize, sign: u8| text.as_bytes().get(at) == Some(&sign);
    let is_time = digits(text, 0, 2)? < 24 && digits(text, 3, 2)? < 60 && has(2, b':');
    let mut end = 5;
    if has(5, b':') && digits(text, 6, 2).is_some_and(|second| second < 60) {
        end = 8;
        let fraction = text.get(9..).filter(|_| has(8, b'.'));
        let length = fraction.map_or(0, |rest| {
            rest.bytes().take_while(u8::is_ascii_digit).count()
        });
        end += if length > 0 { 1 + length } else { 0 };
    }
    (is_time && has_no_digit(text, end)).then_some(end)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{own_texts, strong_hits_of_file, without_moments};
    use crate::leak::normal::Normal;
    use crate::leak::scan::Scanner;
    use crate::leak::values::Builder;

    #[test]
    fn counts_that_stand_beside_each_other_are_no_number_of_somebody_and_values_are_found() {
        let key = [7; 32];
        let mut builder = Builder::new(&key);
        builder.add_strong(&Normal::of("(425) 312-9876"), 1);
        builder.add_strong(&Normal::of("Sinéad O'Brien-Quxley"), 2);
        let values = builder.finish();
        let scanner = Scanner::new(&values, &key);
        for (content, is_found) in [
            ("<td>4,253</td><td>129,876</td>", false),
            ("| 4,253 | 129,876 |", false),
            ("{\"rows\":4253,\"bytes\":129876}", false),
            ("4253\n129876\n", false),
            ("<td>4253129876</td>", true),
            ("<td title=\"425.312.9876\">", true),
            ("phone +1 425 312 9876", true),
            ("<td>Sin&#233;ad O&#39;Brien&#45;Quxley</td>", true),
            ("{\"a\":\"Sin\\u00e9ad O'Brien-Quxley\"}", true),
            ("| Sinéad O'Brien | Quxley |", true),
        ] {
            let hits = strong_hits_of_file(&scanner, content);
            assert_eq!(hits > 0, is_found, "{content}");
        }
    }

    #[test]
    fn a_time_line_is_no_number_of_somebody() {
        let key = [7; 32];
        let mut builder = Builder::new(&key);
        for (row, text) in (1..).zip(["117-2000", "200-001-0100", "200-101-0100", "000-011-7200"]) {
            builder.add_strong(&Normal::of(text), row);
        }
        let values = builder.finish();
        let scanner = Scanner::new(&values, &key);
        for (content, is_found) in [
            (
                ":done, 2000-01-01 00:00:00.117, 2000-01-01 00:00:01.500",
                false,
            ),
            ("2000-01-01T00:00:00.117Z 2000 rows", false),
            ("117, 2000", false),
            ("117:2000", false),
            ("2000-01-01 00:00", false),
            ("117-2000", true),
            ("call 117 2000 at 10:00", true),
            ("2000010100", true),
            ("200 001 0100", true),
        ] {
            let hits = strong_hits_of_file(&scanner, content);
            assert_eq!(hits > 0, is_found, "{content}");
        }
    }

    #[test]
    fn moments_are_cut_out_and_other_digits_stay() {
        for (text, left) in [
            ("a 2000-01-31 b", "a \u{1} b"),
            ("2000-01-31T23:59:59.999Z", "\u{1}Z"),
            ("2000-01-31 23:59", "\u{1}"),
            ("12:30", "\u{1}"),
            ("2000-01-31 5", "\u{1} 5"),
            ("2000-13-31", "2000-13-31"),
            ("12000-01-31", "12000-01-31"),
            ("2000-01-311", "2000-01-311"),
            ("x12:30", "x12:30"),
            ("é12:3ö", "é12:3ö"),
        ] {
            assert_eq!(without_moments(text), left, "{text}");
        }
    }

    #[test]
    fn texts_stand_alone() {
        let document = json!({"parts": [{"path": "a24/part-00000", "rows": 306}]});
        assert_eq!(
            own_texts(&document),
            ["parts", "path", "a24", "part-00000", "rows"]
        );
    }
}
