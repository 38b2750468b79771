//! Rows within a column. The types of their fields are not known: a field that looks like a number, a
//! date, a time, a UUID, bytes or an amount gives way to another of the same form, truths stay, and what
//! could be anything (a text, a label of an enum) becomes NULL.

use redistrict_model::{ColumnClass, ColumnType, MaskKind, MaskName, array_text};

use super::calendar::{Notation, PrintedDate, format_date, printed_date};
use super::definition::{Field, FieldShape, Mask, MaskDefinition, Masked, Unmaskable, Value};
use super::leaf::leaf;
use super::money::{mask_money, number_of_money};
use super::number::{NumberMask, is_number};
use super::range::mask_ranges;
use super::range_text::Ranges;
use super::row_text::{fields, row_of};
use super::text_format::permute_text;
use super::timestamp::move_time;
use super::uuid::{UuidMask, is_uuid};

/// The default of composite types; goes by the name of the text mask.
pub(crate) struct CompositeMask;

/// Rows within rows deeper than this become NULL.
const DEPTH: usize = 8;

impl Mask for CompositeMask {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: MaskName::Text,
            kind: MaskKind::Synthetic,
            output: "a row with numbers, dates and the like replaced, and NULL for texts",
            types: &[ColumnType::Composite],
            min_length: 0,
        }
    }

    fn capacity_bits(&self, _shape: &FieldShape) -> f64 {
        0.0
    }

    fn mask(&self, value: Value<'_>, field: &Field) -> Result<Masked, Unmaskable> {
        let Value::Text(own) = value else {
            return Err(Unmaskable("its type is none that this mask takes"));
        };
        let masked = row(own, field, DEPTH).ok_or(Unmaskable("it is no row"))?;
        Ok(Masked::Text(masked))
    }

    fn is_output(&self, output: &str, _shape: &FieldShape) -> bool {
        fields(output).is_some()
    }
}

fn row(text: &str, field: &Field, depth: usize) -> Option<String> {
    let masked: Vec<Option<String>> = fields(text)?
        .into_iter()
        .map(|own| own.and_then(|own| by_shape(&own, field, depth)))
        .collect();
    Some(row_of(&masked))
}

/// Another value of the same form; none for what could be of a type that takes no other text.
fn by_shape(own: &str, field: &Field, depth: usize) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    if is_nobodys(own) {
        return Some(own.to_owned());
    }
    if let Some(printed) = printed_date(own) {
        return Some(match printed {
            PrintedDate::Day(days, rest) => {
                let moved = days + i64::from(field.key.shift_days());
                format_date(moved, Notation::Iso) + rest
            }
            PrintedDate::Nobodys => own.to_owned(),
        });
    }
    if let Some(moved) = move_time(own, field) {
        return Some(moved);
    }
    if is_number(own) {
        return number(own, field);
    }
    if own.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(permute_text(&field.key, own));
    }
    if is_uuid(own) {
        let leaf = leaf(field, ColumnClass::Unknown, ColumnType::Uuid);
        return text_of(UuidMask.mask(Value::Text(own), &leaf));
    }
    if let Some(digits) = own.strip_prefix("\\x") {
        return bytes(digits, field);
    }
    if number_of_money(own).is_some() {
        let leaf = leaf(field, ColumnClass::Unknown, ColumnType::Money);
        return mask_money(own, &leaf).ok();
    }
    if own.starts_with('(') && fields(own).is_some() {
        return row(own, field, depth);
    }
    if let Some(ranges) = Ranges::parse(own) {
        let leaf = leaf(field, ColumnClass::Unknown, ColumnType::Numeric);
        let made = mask_ranges(&ranges, &leaf);
        // What is left empty may have been a text in brackets.
        let is_range = made != ranges.nothing() || ranges == ranges.nothing();
        return is_range.then(|| made.text());
    }
    array_text::map_elements(own, |element| by_shape(element, field, depth))
}

/// Nothing that could say something of a person: an empty text, a truth, no number at all.
pub(crate) fn is_nobodys(field: &str) -> bool {
    matches!(field, "" | "t" | "f" | "NaN" | "Infinity" | "-Infinity")
        || printed_date(field) == Some(PrintedDate::Nobodys)
}

/// Within the limits of every type of whole numbers that could hold it.
fn number(own: &str, field: &Field) -> Option<String> {
    let mut leaf = leaf(field, ColumnClass::Unknown, ColumnType::Numeric);
    leaf.shape.types = vec![ColumnType::Int16, ColumnType::Int32, ColumnType::Int64];
    text_of(NumberMask.mask(Value::Text(own), &leaf))
}

fn bytes(digits: &str, field: &Field) -> Option<String> {
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut stream = is_hex.then(|| field.key.draw("row bytes", digits.as_bytes()))?;
    let made = stream.bytes(digits.len() / 2);
    let hex: String = made.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("\\x{hex}"))
}

fn text_of(masked: Result<Masked, Unmaskable>) -> Option<String> {
    match masked {
        Ok(Masked::Text(text)) => Some(text),
        _ => None,
    }
}
