//! Points in time: shifted by whole days, as dates are; the time of day stays. Times of day and
//! intervals without a date are permuted.

use redistrict_model::{ColumnType, MaskKind, MaskName};

use super::calendar::{DAY_MICROS, format_date, parse_date};
use super::date::move_day;
use super::definition::{Field, FieldShape, Mask, MaskDefinition, Masked, Unmaskable, Value};
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

fn move_text(text: &str, field: &Field) -> String {
    if let Some((days, notation, rest)) = parse_date(text) {
        return format_date(move_day(days, field), notation) + rest;
    }
    if let Some((seconds, rest)) = parse_time(text) {
        let moved = field.key.permute("time of day", seconds, DAY_SECONDS);
        let (hour, minute, second) = (moved / 3600, moved / 60 % 60, moved % 60);
        return format!("{hour:02}:{minute:02}:{second:02}{rest}");
    }
    if field.shape.types.contains(&ColumnType::Interval) {
        return interval(text, field);
    }
    permute_text(&field.key, text)
}

/// `HH:MM:SS`, and what stands behind it: fraction and zone.
fn parse_time(text: &str) -> Option<(u128, &str)> {
    let (time, rest) = text.split_at_checked(8)?;
    let parts: Vec<u128> = time
        .split(':')
        .map(|part| {
            let is_number = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| part.parse().ok()).flatten()
        })
        .collect::<Option<_>>()?;
    match parts.as_slice() {
        [hour @ 0..24, minute @ 0..60, second @ 0..60] => {
            Some((hour * 3600 + minute * 60 + second, rest))
        }
        _ => None,
    }
}

/// Each number of an interval is permuted among those of as many digits, those behind a colon among
/// 0 to 59; words and signs stay.
fn interval(text: &str, field: &Field) -> String {
    let mut output = String::with_capacity(text.len());
    let mut digits = String::new();
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        if !digits.is_empty() {
            let is_minute = output.ends_with(':');
            output.push_str(&interval_number(&digits, is_minute, field));
            digits.clear();
        }
        if c != '\0' {
            output.push(c);
        }
    }
    output
}

fn interval_number(digits: &str, is_minute: bool, field: &Field) -> String {
    match digits.parse::<u128>() {
        Ok(number) if is_minute && number < 60 => {
            format!("{:02}", field.key.permute("sixty", number, 60))
        }
        _ => permute_text(&field.key, digits),
    }
}
