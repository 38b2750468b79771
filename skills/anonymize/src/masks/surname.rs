//! Surnames: invented ones, that nobody has. Must not give a name of the dictionary of real names.

use redistrict_model::{MaskKind, MaskName};

use super::definition::{
    Field, FieldShape, Mask, MaskDefinition, Masked, TEXTS, Unmaskable, Value, letter_bits,
    until_it_differs,
};
use super::first_name::{unique_letters, with_tail, without_tail};
use crate::words::{INVENTED_SURNAMES, is_invented_surname, pick_fitting};

/// An invented surname; with letters behind a hyphen where it must be unique.
pub(crate) struct SurnameMask;

/// The length of the shortest invented surname.
pub(crate) const SHORTEST: usize = 3;

impl Mask for SurnameMask {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: MaskName::Surname,
            kind: MaskKind::Reserved,
            output: "an invented surname",
            types: TEXTS,
            min_length: SHORTEST,
        }
    }

    fn capacity_bits(&self, shape: &FieldShape) -> f64 {
        letter_bits(unique_letters(shape, SHORTEST))
    }

    fn mask(&self, value: Value<'_>, field: &Field) -> Result<Masked, Unmaskable> {
        let shape = &field.shape;
        until_it_differs(value, field, "surname", |stream| {
            let own = if let Value::Text(own) = value {
                own
            } else {
                ""
            };
            let tail = unique_letters(shape, SHORTEST);
            let room = shape.room() - if shape.unique { tail + 1 } else { 0 };
            let name = pick_fitting(stream, &INVENTED_SURNAMES, room, own)?;
            Some(with_tail(name, shape, stream.letters(tail)))
        })
    }

    fn is_output(&self, output: &str, shape: &FieldShape) -> bool {
        without_tail(output, shape).is_some_and(is_invented_surname)
    }
}
