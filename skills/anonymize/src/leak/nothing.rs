//! Values that say nothing about anybody, and that a mask may therefore leave as they are.

use redistrict_model::ColumnType;

use super::members::is_made_of_parts;
use crate::cells::Cell;
use crate::engine::ColumnMask;
use crate::masks::{
    PrintedDate, has_nobodys_bounds, is_nobodys, is_sentinel, neutral, parse_date, printed_date,
};
use crate::names::Kind;
use crate::parts::{self, Part};

/// No letter and no digit, an infinity, a sentinel: nothing that could leak.
pub(super) fn says_nothing(cell: &Cell<'_>, column: &ColumnMask) -> bool {
    let column_type = column.scalar_type;
    match cell {
        Cell::Text(text) if is_made_of_parts(column_type) => {
            has_nothing_to_mask(column_type, text, column)
        }
        Cell::Text(text) if column_type == ColumnType::Bytes => text == "\\x",
        Cell::Text(text) if is_date_of_nobody(text, column_type) => true,
        Cell::Text(text) => {
            let word = text.trim_start_matches('-').to_ascii_lowercase();
            !text.chars().any(char::is_alphanumeric)
                || column_type != ColumnType::Text
                    && matches!(word.as_str(), "nan" | "inf" | "infinity")
                || is_smallest_float(&word, column_type)
        }
        Cell::Bytes(bytes) => bytes.is_empty(),
        Cell::Days(days) => is_sentinel(i64::from(*days)),
        Cell::Micros(micros) => is_sentinel(micros.div_euclid(86_400_000_000)),
        Cell::Bool(_) => true,
    }
}

/// `9999-12-31`, also with a time behind it: stays in every mask of dates.
fn is_date_of_nobody(text: &str, column_type: ColumnType) -> bool {
    let is_printed = matches!(
        column_type,
        ColumnType::Date
            | ColumnType::Timestamp
            | ColumnType::TimestampTz
            | ColumnType::DateTimeText
    );
    parse_date(text).is_some_and(|(days, ..)| is_sentinel(days))
        || is_printed && printed_date(text) == Some(PrintedDate::Nobodys)
}

/// Truths, empty texts, dates of nobody and the like: no part of it is replaced.
fn has_nothing_to_mask(column_type: ColumnType, text: &str, column: &ColumnMask) -> bool {
    match column_type {
        ColumnType::Range => return has_nobodys_bounds(text),
        ColumnType::Verbatim => {
            let shape = column.action.as_ref().map(|action| &action.field.shape);
            return shape.and_then(neutral) == Some(text);
        }
        _ => {}
    }
    let mut is_empty = true;
    parts::each(column_type, text, &mut |part| {
        is_empty &= match part {
            Part::Name(_) => true,
            Part::Text { text, .. } => {
                !text.chars().any(char::is_alphanumeric)
                    || is_date_of_nobody(text, ColumnType::Text)
                    || column_type == ColumnType::Composite && is_nobodys(text)
                    || column_type == ColumnType::Xml && matches!(text.trim(), "true" | "false")
            }
            Part::Date(date) => printed_date(date) == Some(PrintedDate::Nobodys),
            Part::Number { .. } => false,
        };
    });
    if let Some(names) = &column.names {
        names.each(column, text, &mut |kind, _| is_empty &= kind != Kind::Data);
    }
    is_empty
}

/// Too close to zero to have digits that could be changed.
fn is_smallest_float(text: &str, column_type: ColumnType) -> bool {
    match column_type {
        ColumnType::Float32 => text.parse().is_ok_and(f32::is_subnormal),
        ColumnType::Float64 => text.parse().is_ok_and(f64::is_subnormal),
        _ => false,
    }
}
