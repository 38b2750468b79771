//! What sampled values say about a column. The values are looked at in memory and never kept.

use std::collections::HashMap;

use redistrict_model::{ColumnClass, ColumnType};

use crate::masks::parse_date;
use crate::words::has_known_name;

/// Fewer values than this say nothing.
const FEWEST: usize = 3;
/// Codes: at most so many distinct values…
pub(crate) const MOST_CODES: usize = 64;
/// …each in so many sampled rows or more.
pub(crate) const FEWEST_SHARERS: u64 = 11;
/// …none with more characters, more words, or so many digits in a row.
const LONGEST_CODE: usize = 32;
const MOST_WORDS: usize = 3;
const LONG_NUMBER: usize = 7;

type Look = fn(&str) -> bool;

/// The class that most of the sampled texts look like.
pub(crate) fn class_of_values(samples: &[Option<Box<str>>]) -> Option<ColumnClass> {
    let values: Vec<&str> = samples
        .iter()
        .flatten()
        .map(|value| value.trim())
        .filter(|value| !value.is_empty())
        .collect();
    if values.len() < FEWEST {
        return None;
    }
    let rules: [(Look, ColumnClass); 4] = [
        (is_email, ColumnClass::Email),
        (is_national_id, ColumnClass::NationalId),
        (|text| parse_date(text).is_some(), ColumnClass::Date),
        (is_phone, ColumnClass::Phone),
    ];
    let mostly = |holds: fn(&str) -> bool| {
        let count = values.iter().filter(|value| holds(value)).count();
        count * 5 >= values.len() * 4
    };
    rules
        .into_iter()
        .find(|(holds, _)| mostly(*holds))
        .map(|(_, class)| class)
}

/// The class that a single text looks like beyond doubt.
pub(crate) fn class_of_text(text: &str) -> Option<ColumnClass> {
    let rules: [(Look, ColumnClass); 3] = [
        (is_email, ColumnClass::Email),
        (is_national_id, ColumnClass::NationalId),
        (is_phone, ColumnClass::Phone),
    ];
    let found = rules.into_iter().find(|(holds, _)| holds(text.trim()));
    found.map(|(_, class)| class)
}

/// The column holds codes: few values, each shared by many rows, none of them a name.
pub(crate) fn is_code(samples: &[Option<Box<str>>], column_type: ColumnType) -> bool {
    let can_be = matches!(
        column_type,
        ColumnType::Text
            | ColumnType::Char
            | ColumnType::Int16
            | ColumnType::Int32
            | ColumnType::Int64
    );
    if !can_be {
        return false;
    }
    let mut counts: HashMap<&str, u64> = HashMap::new();
    for value in samples.iter().flatten() {
        *counts.entry(value).or_insert(0) += 1;
        if counts.len() > MOST_CODES {
            return false;
        }
    }
    !counts.is_empty()
        && counts
            .iter()
            .all(|(value, count)| *count >= FEWEST_SHARERS && !is_no_code(value))
}

/// The value is longer than codes are, or looks like a person's: a name, an address to reach one at,
/// a number with so many digits that it may be one's own.
pub(crate) fn is_no_code(text: &str) -> bool {
    let text = text.trim();
    text.chars().count() > LONGEST_CODE
        || text.split_whitespace().count() > MOST_WORDS
        || text.split_whitespace().any(is_email)
        || is_national_id(text)
        || is_phone(text)
        || text
            .split(|c: char| !c.is_numeric())
            .any(|run| run.chars().count() >= LONG_NUMBER)
        || has_known_name(text)
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    !local.is_empty()
        && domain.contains('.')
        && !domain.starts_with('.')
        && !text.contains(char::is_whitespace)
        && !domain.contains('@')
}

/// `ddd-dd-dddd`.
fn is_national_id(text: &str) -> bool {
    text.len() == 11
        && text.bytes().enumerate().all(|(at, byte)| match at {
            3 | 6 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// 7 to 15 digits with separators of telephone numbers, at least one of them.
fn is_phone(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let others = text.bytes().filter(|byte| !byte.is_ascii_digit());
    let separators = others.clone().count();
    (7..=15).contains(&digits)
        && separators > 0
        && others.clone().all(|byte| b" -.()+/".contains(&byte))
        && text.bytes().filter(|byte| *byte == b'.').count() != 1
        && !text.starts_with('-')
        && !is_school_year(text)
}

/// `2026-2027`: a year and the one after it.
fn is_school_year(text: &str) -> bool {
    let Some((first, second)) = text.split_once(['-', '/']) else {
        return false;
    };
    let year = |text: &str| {
        let year: Option<u16> = text.trim().parse().ok();
        year.filter(|year| (1900..2200).contains(year))
    };
    matches!((year(first), year(second)), (Some(first), Some(second)) if second == first + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(values: &[&str]) -> Vec<Option<Box<str>>> {
        values.iter().map(|value| Some((*value).into())).collect()
    }

    #[test]
    fn opaque_columns_are_found_by_what_they_hold() {
        let class = |values: &[&str]| class_of_values(&samples(values));
        assert_eq!(
            class(&["a@b.org", "c.d@e.com", "f@g.net"]),
            Some(ColumnClass::Email)
        );
        assert_eq!(
            class(&["123-45-6789", "987-65-4321", "111-22-3333"]),
            Some(ColumnClass::NationalId)
        );
        assert_eq!(
            class(&["(425) 312-9876", "425-312-9876", "+1 425 312 9876"]),
            Some(ColumnClass::Phone)
        );
        assert_eq!(
            class(&["2011-01-05", "2010-12-31", "2009-02-28"]),
            Some(ColumnClass::Date)
        );
        assert_eq!(
            class(&["2026-4417", "312-9876", "2026-2028"]),
            Some(ColumnClass::Phone)
        );
        assert_eq!(class(&["2025-2026", "2026/2027", "1999 - 2000"]), None);
        assert_eq!(class(&["1234567.5", "7654321.5", "7777777.5"]), None);
        assert_eq!(class(&["a@b.org", "x", "y"]), None);
        assert_eq!(class(&["a@b.org"]), None);
    }

    #[test]
    fn codes_are_few_shared_and_no_names() {
        let many = |values: &[&str], times: usize| samples(&values.repeat(times));
        assert!(is_code(&many(&["A", "B"], 11), ColumnType::Text));
        assert!(!is_code(&many(&["A", "B"], 10), ColumnType::Text));
        assert!(!is_code(&many(&["A", "Maria"], 20), ColumnType::Text));
        assert!(!is_code(&many(&["1.5", "2.5"], 20), ColumnType::Float64));
        assert!(!is_code(&many(&["123456789", "1"], 20), ColumnType::Int64));
        assert!(!is_code(&[None, None], ColumnType::Text));
        let distinct: Vec<String> = (0..65).map(|n| n.to_string()).collect();
        let distinct: Vec<&str> = distinct.iter().map(String::as_str).collect();
        assert!(!is_code(&many(&distinct, 11), ColumnType::Int32));
    }

    #[test]
    fn what_may_be_a_persons_is_no_code() {
        for text in [
            "María",
            "MARI\u{301}A",
            "Ma\u{200b}ria",
            "x, martinez",
            "call a.b@c.org",
            "(425) 312-9876",
            "312-9876",
            "123-45-6789",
            "123456789",
            "٣١٢٩٨٧٦",
            "was seen by nurse",
            "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnop",
        ] {
            assert!(is_no_code(text), "{text}");
        }
        for text in [
            "",
            " ",
            "present",
            "K-5",
            "free / reduced",
            "98038",
            "-12",
            "été",
        ] {
            assert!(!is_no_code(text), "{text}");
        }
    }
}
