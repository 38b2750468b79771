//! Ranges and multiranges. Dates move by the scope's secret shift, both bounds alike; numbers give way
//! to others in the same order; bounds of other types are not understood, and the range becomes empty.
//! Brackets, infinite bounds and empty ranges stay.

use std::cmp::Ordering;

use redistrict_model::{ColumnType, MaskKind, MaskName};

use super::calendar::{Notation, PrintedDate, format_date, printed_date};
use super::definition::{Field, FieldShape, Mask, MaskDefinition, Masked, Unmaskable, Value};
use super::number::{NumberMask, is_number};
use super::range_text::Ranges;

/// Goes by the name of what its bounds are: date, timestamp, number, or text for all others.
pub(crate) struct RangeMask(pub(crate) MaskName);

/// What stands between the bounds, as far as the type's name tells.
pub(crate) fn mask_of_range(source_type: &str) -> MaskName {
    match super::verbatim::bare_type(source_type) {
        "daterange" | "datemultirange" => MaskName::Date,
        "tsrange" | "tsmultirange" | "tstzrange" | "tstzmultirange" => MaskName::Timestamp,
        "int4range" | "int4multirange" | "int8range" | "int8multirange" | "numrange"
        | "nummultirange" => MaskName::Number,
        _ => MaskName::Text,
    }
}

impl Mask for RangeMask {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: self.0,
            kind: match self.0 {
                MaskName::Number => MaskKind::InFormat,
                _ => MaskKind::Synthetic,
            },
            output: "both bounds shifted alike, or numbers of the same digits in their order; else empty",
            types: &[ColumnType::Range],
            min_length: 0,
        }
    }

    fn capacity_bits(&self, shape: &FieldShape) -> f64 {
        let is_known = |one: &String| mask_of_range(one) != MaskName::Text;
        if shape.source_types.iter().all(is_known) {
            f64::INFINITY
        } else {
            0.0
        }
    }

    fn mask(&self, value: Value<'_>, field: &Field) -> Result<Masked, Unmaskable> {
        let Value::Text(own) = value else {
            return Err(Unmaskable("its type is none that this mask takes"));
        };
        let ranges = Ranges::parse(own).ok_or(Unmaskable("it is no range"))?;
        Ok(Masked::Text(mask_ranges(&ranges, field).text()))
    }

    fn is_output(&self, output: &str, _shape: &FieldShape) -> bool {
        Ranges::parse(output).is_some()
    }
}

/// Other bounds in the same order, or nothing.
pub(super) fn mask_ranges(ranges: &Ranges, field: &Field) -> Ranges {
    let bounds: Vec<&str> = ranges.bounds().collect();
    let made = if bounds.is_empty() {
        return ranges.clone();
    } else if bounds.iter().all(|bound| printed_date(bound).is_some()) {
        shifted(&bounds, field)
    } else if bounds.iter().all(|bound| is_like_number(bound)) {
        renumbered(&bounds, field)
    } else {
        None
    };
    made.map_or_else(|| ranges.nothing(), |made| ranges.with_bounds(made))
}

/// Every bound is an infinity or a sentinel, or there is none: nothing that could be masked.
pub(crate) fn has_nobodys_bounds(text: &str) -> bool {
    Ranges::parse(text).is_some_and(|ranges| {
        ranges.bounds().all(|bound| {
            printed_date(bound) == Some(PrintedDate::Nobodys)
                || is_like_number(bound) && !is_number(bound)
        })
    })
}

/// None if a bound that stays would come to stand on the wrong side of one that moves.
fn shifted(bounds: &[&str], field: &Field) -> Option<Vec<String>> {
    let shift = i64::from(field.key.shift_days());
    let mut last: Option<i64> = None;
    let mut made = Vec::new();
    for bound in bounds {
        made.push(match printed_date(bound)? {
            PrintedDate::Nobodys => {
                let is_last = bound.starts_with("infinity") || bound.starts_with("9999");
                last = is_last.then_some(i64::MAX).or(last);
                (*bound).to_owned()
            }
            PrintedDate::Day(days, rest) => {
                let moved = days + shift;
                let text = format_date(moved, Notation::Iso);
                // The first and the last year of the calendar hold sentinels.
                let is_inside = printed_date(&text) != Some(PrintedDate::Nobodys);
                if !is_inside || last.is_some_and(|last| last > moved) {
                    return None;
                }
                last = Some(moved);
                text + rest
            }
        });
    }
    Some(made)
}

/// None if two bounds became one: an empty range is written in another way.
fn renumbered(bounds: &[&str], field: &Field) -> Option<Vec<String>> {
    let mut numbers = field.clone();
    numbers.shape.types = bound_types(&field.shape.source_types);
    let masked = bounds.iter().map(
        |bound| match NumberMask.mask(Value::Text(bound), &numbers) {
            Ok(Masked::Text(made)) => Some(made),
            _ => None,
        },
    );
    let mut made: Vec<String> = masked.collect::<Option<_>>()?;
    let is_point = |pair: &[&str]| pair[0] == pair[1];
    let points: Vec<bool> = bounds.windows(2).map(is_point).collect();
    made.sort_by(|a, b| order(a, b).unwrap_or(Ordering::Equal));
    let is_apart = made
        .windows(2)
        .zip(points)
        .all(|(pair, is_point)| is_point || order(&pair[0], &pair[1]) == Some(Ordering::Less));
    (is_apart && made != bounds).then_some(made)
}

/// Of ranges that nobody knows, the limits of all whole numbers are kept.
fn bound_types(source_types: &[String]) -> Vec<ColumnType> {
    const WHOLE: &[ColumnType] = &[ColumnType::Int16, ColumnType::Int32, ColumnType::Int64];
    let of = |source_type: &String| match super::verbatim::bare_type(source_type) {
        "int4range" | "int4multirange" => &[ColumnType::Int32],
        "int8range" | "int8multirange" => &[ColumnType::Int64],
        "numrange" | "nummultirange" => &[ColumnType::Numeric],
        _ => WHOLE,
    };
    let known: Vec<ColumnType> = source_types.iter().flat_map(of).copied().collect();
    if known.is_empty() {
        WHOLE.to_vec()
    } else {
        known
    }
}

fn is_like_number(text: &str) -> bool {
    is_number(text) || matches!(text.trim_start_matches('-'), "NaN" | "Infinity")
}

/// The order of two numbers, exact as far as 38 digits go; none where it cannot be told.
fn order(a: &str, b: &str) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (scaled(a), scaled(b)) {
        let scale = a.1.max(b.1);
        let at = |one: (i128, u32)| 10_i128.checked_pow(scale - one.1)?.checked_mul(one.0);
        if let (Some(a), Some(b)) = (at(a), at(b)) {
            return Some(a.cmp(&b));
        }
    }
    let ordering = a.parse::<f64>().ok()?.partial_cmp(&b.parse::<f64>().ok()?);
    ordering.filter(|ordering| a == b || *ordering != Ordering::Equal)
}

fn scaled(text: &str) -> Option<(i128, u32)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction}").parse().ok()?;
    Some((digits, u32::try_from(fraction.len()).ok()?))
}
