//! Telephone numbers that ring nowhere: 555-01xx behind an area code that does not exist, in the
//! layout of the value; country code 999, never assigned, where they must be unique.

use redistrict_model::{MaskKind, MaskName};

use super::definition::{
    Field, FieldShape, Mask, MaskDefinition, Masked, TEXTS_AND_LONGS, Unmaskable, Value,
    until_it_differs,
};

/// `(1xx) 555-01xx` in the value's layout, or `+999` and twelve digits.
pub(crate) struct PhoneMask;

const PLAIN: &str = "555-01";
const SHORTEST: usize = 8;
/// `+999` and twelve digits.
const UNIQUE_LENGTH: usize = 16;
/// Digit strings of at most eleven digits, the empty one included.
const UNIQUE_RANGE: u128 = 111_111_111_111;

impl Mask for PhoneMask {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: MaskName::Phone,
            kind: MaskKind::Reserved,
            output: "555-01xx, or a number behind country code 999",
            types: TEXTS_AND_LONGS,
            min_length: SHORTEST,
        }
    }

    fn capacity_bits(&self, shape: &FieldShape) -> f64 {
        let is_text = shape
            .types
            .iter()
            .all(|one| super::definition::TEXTS.contains(one));
        if is_text && shape.room() >= UNIQUE_LENGTH {
            f64::INFINITY
        } else {
            100_f64.log2()
        }
    }

    fn mask(&self, value: Value<'_>, field: &Field) -> Result<Masked, Unmaskable> {
        let Value::Text(own) = value else {
            return Err(Unmaskable("its type is none that this mask takes"));
        };
        if field.shape.unique {
            return unique(own, field).map(Masked::Text);
        }
        until_it_differs(value, field, "phone", |stream| {
            let tail = stream.below(100);
            let mut digits = String::from("1");
            (0..32).for_each(|_| digits.push(char::from(*stream.pick(b"0123456789"))));
            Some(in_layout(own, &digits, tail))
        })
    }

    fn is_output(&self, output: &str, shape: &FieldShape) -> bool {
        let digits: String = output.chars().filter(char::is_ascii_digit).collect();
        if shape.unique {
            return output.starts_with("+999") && digits.len() == 15;
        }
        let at = digits.len().wrapping_sub(7);
        digits
            .get(at..)
            .is_some_and(|local| local.starts_with("55501"))
    }
}

/// The last seven digits become 555-01xx, the digits before them `leading`; what is neither a digit
/// nor a separator goes. Values without seven digits, or with foreign characters, become plain.
fn in_layout(own: &str, leading: &str, tail: u64) -> String {
    let count = own.chars().filter(char::is_ascii_digit).count();
    let is_plain = own
        .chars()
        .all(|c| c.is_ascii_digit() || " -.()+/".contains(c));
    if count < 7 || !is_plain {
        return format!("{PLAIN}{tail:02}");
    }
    let digits = format!(
        "{}55501{tail:02}",
        &leading[..(count - 7).min(leading.len())]
    );
    if digits.len() != count {
        return format!("{PLAIN}{tail:02}");
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

/// Injective for numbers of at most eleven digits; numbers that differ in their layout only are the
/// same number.
fn unique(own: &str, field: &Field) -> Result<String, Unmaskable> {
    let digits: String = own.chars().filter(char::is_ascii_digit).collect();
    if digits.is_empty() || digits.len() > 11 {
        return Err(Unmaskable(
            "it is no telephone number of at most eleven digits",
        ));
    }
    let number: u128 = digits.parse().map_err(|_| Unmaskable("it is no number"))?;
    // Shorter strings stand before longer ones: 1 + 10 + 100 + …
    let shorter: u128 = (0..u32::try_from(digits.len()).unwrap_or(0))
        .map(|length| 10_u128.pow(length))
        .sum();
    let rank = shorter + number;
    let permuted = field.key.permute("phone", rank, UNIQUE_RANGE);
    Ok(format!("+999{permuted:012}"))
}
