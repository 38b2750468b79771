//! Social security numbers that were never issued: area 9xx without the groups of ITINs.

use redistrict_model::{MaskKind, MaskName};

use super::definition::{
    Field, FieldShape, Mask, MaskDefinition, Masked, TEXTS_AND_LONGS, Unmaskable, Value,
    until_it_differs,
};

/// `9aa-gg-ssss` in the value's layout of nine digits.
pub(crate) struct NationalIdMask;

const DIGITS: usize = 9;
const GROUPS: u64 = 50 + 4 + 1 + 1;

/// Groups of area 9xx that are not those of ITINs (50 to 65, 70 to 88, 90 to 92, 94 to 99).
fn group(number: u64) -> u64 {
    match number {
        0..50 => number,
        50..54 => number + 16,
        54 => 89,
        _ => 93,
    }
}

fn is_never_issued(digits: &str) -> bool {
    let group: u64 = digits[3..5].parse().unwrap_or(0);
    digits.starts_with('9') && matches!(group, 0..=49 | 66..=69 | 89 | 93)
}

impl Mask for NationalIdMask {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: MaskName::NationalId,
            kind: MaskKind::Reserved,
            output: "a social security number of area 9xx, never issued",
            types: TEXTS_AND_LONGS,
            min_length: DIGITS,
        }
    }

    fn capacity_bits(&self, _shape: &FieldShape) -> f64 {
        (100.0 * 56.0 * 10_000_f64).log2()
    }

    fn mask(&self, value: Value<'_>, field: &Field) -> Result<Masked, Unmaskable> {
        until_it_differs(value, field, "national id", |stream| {
            let own = if let Value::Text(own) = value {
                own
            } else {
                ""
            };
            let area = 900 + stream.below(100);
            let group = group(stream.below(GROUPS));
            let digits = format!("{area}{group:02}{:04}", stream.below(10_000));
            Some(in_layout(own, &digits))
        })
    }

    fn is_output(&self, output: &str, _shape: &FieldShape) -> bool {
        let digits: String = output.chars().filter(char::is_ascii_digit).collect();
        digits.len() == DIGITS && is_never_issued(&digits)
    }
}

fn in_layout(own: &str, digits: &str) -> String {
    let count = own.chars().filter(char::is_ascii_digit).count();
    let is_plain = own
        .chars()
        .all(|c| c.is_ascii_digit() || " -./".contains(c));
    if count != DIGITS || !is_plain {
        return digits.to_owned();
    }
    let mut next = digits.chars();
    own.chars()
        .map(|c| {
            if c.is_ascii_digit() {
                next.next().unwrap_or('0')
            } else {
                c
            }
        })
        .collect()
}
