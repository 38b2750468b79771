//! Address lines: a number and a street that is named after nobody.

use redistrict_model::{MaskKind, MaskName};

use super::definition::{
    Field, FieldShape, Mask, MaskDefinition, Masked, TEXTS, UNIQUE_LETTERS, Unmaskable, Value,
    letter_bits, until_it_differs,
};
use crate::words::{INVENTED_SURNAMES, is_invented_surname, pick_fitting};

/// `<number> <invented word> <ending>`, with ` Unit <letters>` where it must be unique.
pub(crate) struct AddressMask;

const ENDINGS: [&str; 5] = ["Street", "Way", "Lane", "Court", "Road"];
const UNIT: &str = " Unit ";
/// `1 Zyq`.
const SHORTEST: usize = 5;

fn unit_letters(shape: &FieldShape) -> usize {
    if shape.unique {
        let room = shape.room().saturating_sub(SHORTEST + UNIT.len());
        room.min(UNIQUE_LETTERS)
    } else {
        0
    }
}

impl Mask for AddressMask {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: MaskName::Address,
            kind: MaskKind::Reserved,
            output: "a number and an invented street",
            types: TEXTS,
            min_length: SHORTEST,
        }
    }

    fn capacity_bits(&self, shape: &FieldShape) -> f64 {
        letter_bits(unit_letters(shape))
    }

    fn mask(&self, value: Value<'_>, field: &Field) -> Result<Masked, Unmaskable> {
        let shape = &field.shape;
        until_it_differs(value, field, "address", |stream| {
            let unit = if shape.unique {
                format!("{UNIT}{}", stream.letters(unit_letters(shape)))
            } else {
                String::new()
            };
            let room = shape.room().checked_sub(unit.len())?;
            let number = stream.below(if room < 12 { 9 } else { 8999 }) + 1;
            let word_room = room.checked_sub(number.to_string().len() + 1)?;
            let street = pick_fitting(stream, &INVENTED_SURNAMES, word_room, "")?;
            let ending = *stream.pick(&ENDINGS);
            let line = if street.len() + 1 + ending.len() <= word_room {
                format!("{number} {street} {ending}")
            } else {
                format!("{number} {street}")
            };
            Some(line + &unit)
        })
    }

    fn is_output(&self, output: &str, shape: &FieldShape) -> bool {
        let line = match (shape.unique, output.rsplit_once(UNIT)) {
            (true, Some((line, unit))) if unit.bytes().all(|b| b.is_ascii_lowercase()) => line,
            (true, _) => return false,
            (false, _) => output,
        };
        let words: Vec<&str> = line.split(' ').collect();
        let is_street = |number: &str, street: &str| {
            number.bytes().all(|byte| byte.is_ascii_digit()) && is_invented_surname(street)
        };
        match words.as_slice() {
            [number, street] => is_street(number, street),
            [number, street, ending] => is_street(number, street) && ENDINGS.contains(ending),
            _ => false,
        }
    }
}
