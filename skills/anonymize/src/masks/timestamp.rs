//! Points in time: shifted by whole days, as dates are; the time of day stays. Times of day and
//! intervals without a date are permuted.

use redistrict_model::{ColumnType, MaskKind, MaskName};

use super::calendar::{
    DAY_MICROS, Notation, PrintedDate, format_date, is_time, parse_date, printed_date,
};
use super::date::move_day;
use super::definition::{Field, FieldShape, Mask, MaskDefinition, Masked, Unmaskable, Value};
use super::interval::move_interval;
use super::text_format::permute_text;

/// For timestamps with and without zone, times and intervals.
pub(crate) struct TimestampMask;

const DAY_SECONDS: u128 = 86_400;

impl Mask for TimestampMask {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: MaskName::Timestamp,
            kind: MaskKind::Synthetic,
            output: "one secret shift of whole days; times of day and intervals permuted",
            types: &[
                ColumnType::Timestamp,
                ColumnType::TimestampTz,
                ColumnType::Time,
                ColumnType::Interval,
                ColumnType::DateTimeText,
                ColumnType::Text,
                ColumnType::Char,
            ],
            min_length: 0,
        }
    }

    fn capacity_bits(&self, _shape: &FieldShape) -> f64 {
        f64::INFINITY
    }

    fn mask(&self, value: Value<'_>, field: &Field) -> Result<Masked, Unmaskable> {
        match value {
            Value::Micros(micros) => Ok(Masked::Micros(move_micros(micros, field))),
            Value::Text(text) if field.shape.types.contains(&ColumnType::DateTimeText) => {
                move_printed(text, field).map(Masked::Text)
            }
            Value::Text(text) => Ok(Masked::Text(move_text(text, field))),
            Value::Days(_) | Value::Bytes(_) => {
                Err(Unmaskable("its type is none that this mask takes"))
            }
        }
    }

    fn is_output(&self, _output: &str, _shape: &FieldShape) -> bool {
        true
    }
}

fn move_micros(micros: i64, field: &Field) -> i64 {
    let (day, time) = (micros.div_euclid(DAY_MICROS), micros.rem_euclid(DAY_MICROS));
    let moved = move_day(day, field);
    if moved == day {
        return micros;
    }
    // Sentinels and infinities stay, all others are far from the limits.
    moved * DAY_MICROS + time
}

/// Time, offset and zone stay as they are written.
fn move_printed(text: &str, field: &Field) -> Result<String, Unmaskable> {
    match printed_date(text) {
        Some(PrintedDate::Day(days, rest)) => {
            Ok(format_date(move_day(days, field), Notation::Iso) + rest)
        }
        Some(PrintedDate::Nobodys) => Ok(text.to_owned()),
        None => Err(Unmaskable("it is no ISO date and time")),
    }
}

fn move_text(text: &str, field: &Field) -> String {
    if let Some((days, notation, rest)) = parse_date(text) {
        return format_date(move_day(days, field), notation) + rest;
    }
    if let Some(moved) = move_time(text, field) {
        return moved;
    }
    if field.shape.types.contains(&ColumnType::Interval) {
        return move_interval(text, &field.key);
    }
    permute_text(&field.key, text)
}

/// Numbers of two digits between colons.
fn two_digits(text: &str) -> Option<Vec<u128>> {
    text.split(':')
        .map(|part| {
            let is_number = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| part.parse().ok()).flatten()
        })
        .collect()
}

/// Another time of the day for `HH:MM:SS` or `HH:MM`, what stands behind it stays.
pub(crate) fn move_time(text: &str, field: &Field) -> Option<String> {
    if !is_time(text) {
        return None;
    }
    let Some((seconds, rest)) = parse_time(text) else {
        let (time, rest) = text.split_at_checked(5)?;
        let parts = two_digits(time)?;
        let [hour @ 0..24, minute @ 0..60] = parts.as_slice() else {
            return None;
        };
        let is_end = rest.is_empty() || rest.starts_with(['+', '-', 'Z', '[']);
        let moved = is_end.then(|| field.key.permute("minute of day", hour * 60 + minute, 1440))?;
        return Some(format!("{:02}:{:02}{rest}", moved / 60, moved % 60));
    };
    // The end of a day, which `24:00:00` is, is the beginning of one.
    let seconds = seconds % DAY_SECONDS;
    let moved = field.key.permute("time of day", seconds, DAY_SECONDS);
    let (hour, minute, second) = (moved / 3600, moved / 60 % 60, moved % 60);
    Some(format!("{hour:02}:{minute:02}:{second:02}{rest}"))
}

/// `HH:MM:SS`, and what stands behind it: fraction and zone.
fn parse_time(text: &str) -> Option<(u128, &str)> {
    let (time, rest) = text.split_at_checked(8)?;
    match two_digits(time)?.as_slice() {
        [hour @ 0..24, minute @ 0..60, second @ 0..60] => {
            Some((hour * 3600 + minute * 60 + second, rest))
        }
        [24, 0, 0] => Some((DAY_SECONDS, rest)),
        _ => None,
    }
}
