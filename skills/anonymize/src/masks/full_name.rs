//! Full names: a first name of the list and an invented surname, in the order of the value.

use redistrict_model::{MaskKind, MaskName};

use super::definition::{
    Field, FieldShape, Mask, MaskDefinition, Masked, TEXTS, Unmaskable, Value, letter_bits,
    until_it_differs,
};
use super::first_name::{unique_letters, without_tail};
use super::surname;
use crate::words::{
    FIRST_NAMES, INVENTED_SURNAMES, is_first_name, is_invented_surname, pick_fitting,
};

/// `First Surname`, or `Surname, First` where the value has a comma.
pub(crate) struct FullNameMask;

/// A first name of two letters, a comma, a space, an invented surname.
const SHORTEST: usize = 2 + 2 + surname::SHORTEST;

impl Mask for FullNameMask {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: MaskName::FullName,
            kind: MaskKind::Reserved,
            output: "a first name of a list and an invented surname",
            types: TEXTS,
            min_length: SHORTEST,
        }
    }

    fn capacity_bits(&self, shape: &FieldShape) -> f64 {
        letter_bits(unique_letters(shape, SHORTEST))
    }

    fn mask(&self, value: Value<'_>, field: &Field) -> Result<Masked, Unmaskable> {
        let shape = &field.shape;
        let is_reversed = matches!(value, Value::Text(own) if own.contains(','));
        until_it_differs(value, field, "full name", |stream| {
            let letters = unique_letters(shape, SHORTEST);
            let tail = if shape.unique { letters + 1 } else { 0 };
            let room = shape.room().saturating_sub(tail + 2);
            let surname_room = room.saturating_sub(2);
            let surname = pick_fitting(stream, &INVENTED_SURNAMES, surname_room, "")?;
            let first = pick_fitting(stream, &FIRST_NAMES, room - surname.len(), "")?;
            let tail = if shape.unique {
                format!("-{}", stream.letters(letters))
            } else {
                String::new()
            };
            Some(if is_reversed {
                format!("{surname}, {first}{tail}")
            } else {
                format!("{first} {surname}{tail}")
            })
        })
    }

    fn is_output(&self, output: &str, shape: &FieldShape) -> bool {
        let Some(name) = without_tail(output, shape) else {
            return false;
        };
        let (surname, first) = match name.split_once(", ") {
            Some(reversed) => reversed,
            None => match name.split_once(' ') {
                Some((first, surname)) => (surname, first),
                None => return false,
            },
        };
        is_first_name(first) && is_invented_surname(surname)
    }
}
