//! Column types: from the server's to ours, and which canonical texts can be cast. Pure.

use redistrict_model::{ColumnType, fits};

/// What a base type travels as. `name` is the type's name in `pg_catalog`, empty elsewhere.
pub(crate) fn column_type(name: &str, is_enum: bool) -> ColumnType {
    match name {
        _ if is_enum => ColumnType::Enum,
        "bool" => ColumnType::Bool,
        "int2" => ColumnType::Int16,
        "int4" => ColumnType::Int32,
        "int8" => ColumnType::Int64,
        "float4" => ColumnType::Float32,
        "float8" => ColumnType::Float64,
        "numeric" => ColumnType::Numeric,
        "text" | "varchar" | "name" => ColumnType::Text,
        "bpchar" => ColumnType::Char,
        "bytea" => ColumnType::Bytes,
        "date" => ColumnType::Date,
        "time" | "timetz" => ColumnType::Time,
        "timestamp" => ColumnType::Timestamp,
        "timestamptz" => ColumnType::TimestampTz,
        "interval" => ColumnType::Interval,
        "uuid" => ColumnType::Uuid,
        "json" | "jsonb" => ColumnType::Json,
        "inet" | "cidr" | "macaddr" | "macaddr8" => ColumnType::Inet,
        _ => ColumnType::Other,
    }
}

/// The greatest length in characters that a type modifier sets.
pub(crate) fn max_length(base_name: &str, typmod: i32) -> Option<u32> {
    match base_name {
        "varchar" | "bpchar" => u32::try_from(typmod.checked_sub(4)?)
            .ok()
            .filter(|n| *n > 0),
        "name" => Some(63),
        _ => None,
    }
}

/// Types that binary COPY carries as themselves; all others travel as text.
pub(crate) fn is_native(column_type: ColumnType) -> bool {
    matches!(
        column_type,
        ColumnType::Bool
            | ColumnType::Int16
            | ColumnType::Int32
            | ColumnType::Int64
            | ColumnType::Float32
            | ColumnType::Float64
            | ColumnType::Text
            | ColumnType::Bytes
            | ColumnType::Date
            | ColumnType::Timestamp
            | ColumnType::TimestampTz
    )
}

/// The type of a staging column.
pub(crate) fn staging_type(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::Bool => "bool",
        ColumnType::Int16 => "int2",
        ColumnType::Int32 => "int4",
        ColumnType::Int64 => "int8",
        ColumnType::Float32 => "float4",
        ColumnType::Float64 => "float8",
        ColumnType::Bytes => "bytea",
        ColumnType::Date => "date",
        ColumnType::Timestamp => "timestamp",
        ColumnType::TimestampTz => "timestamptz",
        _ => "text",
    }
}

/// Whether the column's type, cast from the staged value, can drop digits without an error: a
/// type modifier that rounds.
pub(crate) fn can_round(column_type: ColumnType, typmod: i32) -> bool {
    let rounds = matches!(
        column_type,
        ColumnType::Numeric
            | ColumnType::Time
            | ColumnType::Timestamp
            | ColumnType::TimestampTz
            | ColumnType::Interval
    );
    rounds && typmod >= 0
}

/// How a canonical text relates to a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyFit {
    /// The cast to the column's type cannot fail and gives the same text back.
    Castable,
    /// It may be a value: compare texts.
    AsText,
    /// It is no value of the column.
    Never,
}

/// Decides how a key's text is compared with a column.
pub(crate) fn key_fit(text: &str, column_type: ColumnType, labels: &[String]) -> KeyFit {
    if text.contains('\0') {
        return KeyFit::Never;
    }
    let castable = |is_castable| {
        if is_castable {
            KeyFit::Castable
        } else {
            KeyFit::Never
        }
    };
    match column_type {
        ColumnType::Enum => castable(labels.iter().any(|label| label == text)),
        ColumnType::Char => castable(!text.ends_with(' ')),
        ColumnType::Uuid | ColumnType::Bytes => {
            castable(fits(text, column_type) && !text.bytes().any(|byte| byte.is_ascii_uppercase()))
        }
        ColumnType::Numeric if !fits(text, column_type) => KeyFit::AsText,
        ColumnType::Numeric if text.len() > 1000 => KeyFit::AsText,
        ColumnType::Numeric => castable(is_canonical_number(text)),
        ColumnType::Date if is_calendar_date(text) => KeyFit::Castable,
        ColumnType::Timestamp if is_timestamp(text) => KeyFit::Castable,
        ColumnType::TimestampTz if text.strip_suffix("+00").is_some_and(is_timestamp) => {
            KeyFit::Castable
        }
        ColumnType::Date
        | ColumnType::Timestamp
        | ColumnType::TimestampTz
        | ColumnType::Float32
        | ColumnType::Float64
        | ColumnType::Time
        | ColumnType::Interval
        | ColumnType::Inet
        | ColumnType::Json => KeyFit::AsText,
        ColumnType::Other => KeyFit::Never,
        _ => castable(fits(text, column_type)),
    }
}

/// No zeros that the shortest text would not have.
fn is_canonical_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "1"));
    let is_plain_whole = whole == "0" || !whole.starts_with('0');
    is_plain_whole && !fraction.ends_with('0') && text != "-0"
}

/// `YYYY-MM-DD` of a day that exists, years 1 to 9999.
fn is_calendar_date(text: &str) -> bool {
    let is_form = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !is_form {
        return false;
    }
    let number = |range| {
        text.get(range)
            .and_then(|part: &str| part.parse::<u16>().ok())
    };
    let (Some(year), Some(month), Some(day)) = (number(0..4), number(5..7), number(8..10)) else {
        return false;
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return false,
    };
    year > 0 && (1..=days).contains(&day)
}

/// `YYYY-MM-DD HH:MM:SS` with up to six digits after a point, none of them a trailing zero.
fn is_timestamp(text: &str) -> bool {
    let Some((date, time)) = text.split_once(' ') else {
        return false;
    };
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "1"));
    let is_fraction = (1..=6).contains(&fraction.len())
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
        && !fraction.ends_with('0');
    let mut parts = clock.split(':');
    let mut is_below = |limit: u8| {
        parts.next().is_some_and(|part| {
            part.len() == 2
                && part.bytes().all(|byte| byte.is_ascii_digit())
                && part.parse::<u8>().is_ok_and(|number| number < limit)
        })
    };
    is_calendar_date(date)
        && is_fraction
        && is_below(24)
        && is_below(60)
        && is_below(60)
        && clock.len() == 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_do_not_exist_are_not_cast() {
        assert_eq!(
            key_fit("2024-02-29", ColumnType::Date, &[]),
            KeyFit::Castable
        );
        for text in [
            "2023-02-29",
            "2024-02-30",
            "0000-01-01",
            "0044-03-15 BC",
            "infinity",
        ] {
            assert_eq!(
                key_fit(text, ColumnType::Date, &[]),
                KeyFit::AsText,
                "{text}"
            );
        }
    }

    #[test]
    fn only_canonical_texts_are_cast() {
        for (text, column_type) in [
            ("1.50", ColumnType::Numeric),
            ("007", ColumnType::Numeric),
            ("-0", ColumnType::Numeric),
            ("6F1C1A7E-0000-4000-8000-00000000000F", ColumnType::Uuid),
            ("ab ", ColumnType::Char),
            ("042", ColumnType::Int32),
            ("x\0y", ColumnType::Text),
        ] {
            assert_eq!(key_fit(text, column_type, &[]), KeyFit::Never, "{text}");
        }
        for (text, column_type) in [
            ("1.5", ColumnType::Numeric),
            ("0.05", ColumnType::Numeric),
            ("100", ColumnType::Numeric),
            ("2024-02-29 23:59:59.000001", ColumnType::Timestamp),
            ("2024-02-29 23:59:59+00", ColumnType::TimestampTz),
        ] {
            assert_eq!(key_fit(text, column_type, &[]), KeyFit::Castable, "{text}");
        }
    }

    #[test]
    fn enum_keys_are_labels() {
        let labels = ["a'b".to_owned()];
        assert_eq!(key_fit("a'b", ColumnType::Enum, &labels), KeyFit::Castable);
        assert_eq!(key_fit("ab", ColumnType::Enum, &labels), KeyFit::Never);
    }
}
