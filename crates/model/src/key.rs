//! Keys as canonical text: the same value has the same text in every store and every type.

use std::borrow::Cow;

use crate::calendar;
use crate::catalog::ColumnType;
use crate::inside::decimal;

/// The values of one or more columns of a row, none of them NULL, as canonical text: integers in
/// decimal, `uuid` in lower case with hyphens, `char(n)` without trailing spaces, dates as
/// `YYYY-MM-DD` and timestamps as `YYYY-MM-DD HH:MM:SS` (see [`calendar`], which has all years),
/// numerics without trailing zeros after the point, bytes as `\x…`, text as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Box<[Box<str>]>);

impl Key {
    /// A key of several columns.
    pub fn new<T: Into<Box<str>>>(parts: impl IntoIterator<Item = T>) -> Self {
        Self(parts.into_iter().map(Into::into).collect())
    }

    /// A key of one column.
    pub fn of(part: impl Into<Box<str>>) -> Self {
        Self([part.into()].into())
    }

    /// The texts, one per column.
    #[must_use]
    pub fn parts(&self) -> &[Box<str>] {
        &self.0
    }
}

/// What a key request gives back of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// The values of the table's identity columns.
    pub id: Key,
    /// The requested columns in the order of the request; `None` is NULL.
    pub values: Vec<Option<Box<str>>>,
}

/// Whether a canonical text can be a value of a column of that type: text that cannot is a key
/// without partner, not an error. Drivers leave such keys out of a request.
#[must_use]
pub fn fits(text: &str, column_type: ColumnType) -> bool {
    match column_type {
        ColumnType::Int16 => is_canonical::<i16>(text),
        ColumnType::Int32 => is_canonical::<i32>(text),
        ColumnType::Int64 => is_canonical::<i64>(text),
        ColumnType::Bool => matches!(text, "true" | "false"),
        ColumnType::Uuid => is_uuid(text),
        ColumnType::Numeric => is_number(text),
        ColumnType::Text | ColumnType::Char => !text.contains('\0'),
        ColumnType::Date => calendar::days_of(text).is_some(),
        ColumnType::Bytes => text
            .strip_prefix("\\x")
            .is_some_and(|hex| hex.len() % 2 == 0 && is_hex(hex)),
        _ => true,
    }
}

/// The canonical text of a value as a person may type it: what a column of that type would take for it. Numbers
/// may have zeros or a plus in front and blanks around, UUIDs capitals, braces and hyphens anywhere between
/// groups of four digits, `char(n)` blanks behind, dates months and days of one digit. As it is where the type
/// does not take it, and for texts, of which each sign counts.
#[must_use]
pub fn canonical(text: &str, column_type: ColumnType) -> Cow<'_, str> {
    let bare = text.trim();
    let made = match column_type {
        ColumnType::Int16 | ColumnType::Int32 | ColumnType::Int64 => {
            bare.parse::<i64>().ok().map(|number| number.to_string())
        }
        ColumnType::Numeric => {
            let unsigned = bare.strip_prefix('+').unwrap_or(bare);
            Some(decimal(unsigned)).filter(|made| is_number(made))
        }
        ColumnType::Uuid => canonical_uuid(bare),
        ColumnType::Char => Some(text.trim_end_matches(' ').to_owned()),
        ColumnType::Bool => truth(bare),
        ColumnType::Date => date(bare),
        ColumnType::Bytes => Some(bare.to_ascii_lowercase()).filter(|made| fits(made, column_type)),
        _ => None,
    };
    made.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// A UUID in small letters, with hyphens; none if it is not 32 hexadecimal digits with hyphens between them, in
/// braces or not.
#[must_use]
pub fn canonical_uuid(text: &str) -> Option<String> {
    let bare = text.trim().trim_start_matches(['{', '(']);
    let bare = bare.trim_end_matches(['}', ')']);
    let digits: String = bare.chars().filter(|one| *one != '-').collect();
    if digits.len() != 32 || !is_hex(&digits) {
        return None;
    }
    let digits = digits.to_ascii_lowercase();
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32];
    Some(groups.map(|group| &digits[group]).join("-"))
}

fn truth(text: &str) -> Option<String> {
    let truth = match text.to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "on" | "1" => true,
        "f" | "false" | "n" | "no" | "off" | "0" => false,
        _ => return None,
    };
    Some(truth.to_string())
}

fn date(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.splitn(3, '-').collect();
    let [year, month, day] = parts.as_slice() else {
        return None;
    };
    let made = format!("{year:0>4}-{month:0>2}-{day:0>2}");
    calendar::days_of(&made).map(|_| made)
}

fn is_canonical<T: std::str::FromStr + ToString>(text: &str) -> bool {
    text.parse::<T>()
        .is_ok_and(|number| number.to_string() == text)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| is_hex(group))
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole) && all_digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_no_integer_prints_as_do_not_fit_integers() {
        for text in ["042", "+1", "1 ", "", "abc", "9223372036854775808", "-0"] {
            assert!(!fits(text, ColumnType::Int64), "{text:?}");
        }
        assert!(fits("-9223372036854775808", ColumnType::Int64));
        assert!(!fits("70000", ColumnType::Int16));
    }

    #[test]
    fn what_is_typed_is_read_as_a_column_of_the_type_reads_it() {
        let uuid = "6f1c1a7e-0000-4000-8000-00000000000f";
        for (typed, column_type, expected) in [
            ("007", ColumnType::Int32, "7"),
            (" +7 ", ColumnType::Int64, "7"),
            ("-0", ColumnType::Int64, "0"),
            ("7a", ColumnType::Int64, "7a"),
            ("07.50", ColumnType::Numeric, "7.5"),
            ("+7", ColumnType::Numeric, "7"),
            ("x7", ColumnType::Numeric, "x7"),
            (
                "6F1C1A7E-0000-4000-8000-00000000000F",
                ColumnType::Uuid,
                uuid,
            ),
            (
                "{6f1c1a7e-0000-4000-8000-00000000000f}",
                ColumnType::Uuid,
                uuid,
            ),
            ("6f1c1a7e00004000800000000000000f", ColumnType::Uuid, uuid),
            ("6f1c1a7e", ColumnType::Uuid, "6f1c1a7e"),
            (" AB  ", ColumnType::Char, " AB"),
            (" AB  ", ColumnType::Text, " AB  "),
            ("007", ColumnType::Text, "007"),
            ("YES", ColumnType::Bool, "true"),
            ("2024-1-5", ColumnType::Date, "2024-01-05"),
            ("2024-13-5", ColumnType::Date, "2024-13-5"),
            ("0044-03-15 BC", ColumnType::Date, "0044-03-15 BC"),
            ("\\x00FF", ColumnType::Bytes, "\\x00ff"),
        ] {
            assert_eq!(
                canonical(typed, column_type),
                expected,
                "{typed:?} {column_type:?}"
            );
        }
    }

    #[test]
    fn dates_uuids_and_bytes_are_checked_by_form() {
        assert!(fits("2024-02-29", ColumnType::Date));
        assert!(!fits("2024-2-29", ColumnType::Date));
        assert!(!fits("2024-13-01", ColumnType::Date));
        for text in ["infinity", "-infinity", "0044-03-15 BC", "12345-01-01"] {
            assert!(fits(text, ColumnType::Date), "{text}");
        }
        assert!(fits(
            "6f1c1a7e-0000-4000-8000-00000000000f",
            ColumnType::Uuid
        ));
        assert!(!fits("6f1c1a7e00004000800000000000000f", ColumnType::Uuid));
        assert!(fits("\\x00ff", ColumnType::Bytes));
        assert!(!fits("\\x0", ColumnType::Bytes));
    }
}
