//! Keys as canonical text: the same value has the same text in every store and every type.

use crate::calendar;
use crate::catalog::ColumnType;

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
