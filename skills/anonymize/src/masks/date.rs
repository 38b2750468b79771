//! Dates. Birth dates move to another day of the same school year, all others by the scope's secret
//! shift, so that intervals and orders stay. Infinities and sentinels stay.

use redistrict_model::{ColumnClass, ColumnType, MaskKind, MaskName};

use super::calendar::{format_date, is_sentinel, parse_date, school_year};
use super::definition::{Field, FieldShape, Mask, MaskDefinition, Masked, Unmaskable, Value};
use super::text_format::permute_text;

/// For columns of type date, and for dates in texts.
pub(crate) struct DateMask;

impl Mask for DateMask {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: MaskName::Date,
            kind: MaskKind::Synthetic,
            output: "birth dates: another day of the school year; others: one secret shift",
            types: &[ColumnType::Date, ColumnType::Text, ColumnType::Char],
            min_length: 0,
        }
    }

    fn capacity_bits(&self, _shape: &FieldShape) -> f64 {
        f64::INFINITY
    }

    fn mask(&self, value: Value<'_>, field: &Field) -> Result<Masked, Unmaskable> {
        match value {
            Value::Days(days) => i32::try_from(move_day(i64::from(days), field))
                .map(Masked::Days)
                .map_err(|_| Unmaskable("its date leaves the calendar")),
            Value::Text(text) => Ok(Masked::Text(match parse_date(text) {
                Some((days, notation, rest)) => format_date(move_day(days, field), notation) + rest,
                None => permute_text(&field.key, text),
            })),
            Value::Micros(_) | Value::Bytes(_) => {
                Err(Unmaskable("its type is none that this mask takes"))
            }
        }
    }

    fn is_output(&self, _output: &str, _shape: &FieldShape) -> bool {
        true
    }
}

/// The day that stands for a day.
pub(crate) fn move_day(days: i64, field: &Field) -> i64 {
    if is_sentinel(days) {
        return days;
    }
    if field.shape.class != ColumnClass::BirthDate {
        return days + i64::from(field.key.shift_days());
    }
    let (begin, length) = school_year(days);
    let (Ok(day), Ok(length)) = (u128::try_from(days - begin), u128::try_from(length)) else {
        return days;
    };
    let moved = field.key.permute(&format!("cohort {begin}"), day, length);
    begin + i64::try_from(moved).unwrap_or(0)
}
