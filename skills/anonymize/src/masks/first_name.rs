//! First names: another one from a list. Must not pass the own name on.

use redistrict_model::MaskName;

use super::definition::{
    Field, FieldShape, Mask, MaskDefinition, Masked, TEXTS, UNIQUE_LETTERS, Unmaskable, Value,
    letter_bits, until_it_differs,
};
use crate::words::{FIRST_NAMES, is_first_name, pick_fitting};

/// A first name of the list; with letters behind a hyphen where it must be unique.
pub(crate) struct FirstNameMask;

const SHORTEST: usize = 2;

impl Mask for FirstNameMask {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: MaskName::FirstName,
            kind: redistrict_model::MaskKind::Synthetic,
            output: "a first name of a list, never the own one",
            types: TEXTS,
            min_length: SHORTEST,
        }
    }

    fn capacity_bits(&self, shape: &FieldShape) -> f64 {
        letter_bits(unique_letters(shape, SHORTEST))
    }

    fn mask(&self, value: Value<'_>, field: &Field) -> Result<Masked, Unmaskable> {
        let shape = &field.shape;
        until_it_differs(value, field, "first name", |stream| {
            let own = if let Value::Text(own) = value {
                own
            } else {
                ""
            };
            let tail = unique_letters(shape, SHORTEST);
            let room = shape.room() - if shape.unique { tail + 1 } else { 0 };
            let name = pick_fitting(stream, &FIRST_NAMES, room, own)?;
            Some(with_tail(name, shape, stream.letters(tail)))
        })
    }

    fn is_output(&self, output: &str, shape: &FieldShape) -> bool {
        without_tail(output, shape).is_some_and(is_first_name)
    }
}

/// The letters behind the hyphen of a unique name, as many as fit behind a name of `shortest`.
pub(crate) fn unique_letters(shape: &FieldShape, shortest: usize) -> usize {
    if shape.unique {
        UNIQUE_LETTERS.min(shape.room().saturating_sub(shortest + 1))
    } else {
        0
    }
}

pub(crate) fn with_tail(name: &str, shape: &FieldShape, tail: String) -> String {
    if shape.unique {
        format!("{name}-{tail}")
    } else {
        name.to_owned()
    }
}

/// The name before the letters that make it unique.
pub(crate) fn without_tail<'a>(output: &'a str, shape: &FieldShape) -> Option<&'a str> {
    if !shape.unique {
        return Some(output);
    }
    let (name, tail) = output.rsplit_once('-')?;
    tail.bytes()
        .all(|byte| byte.is_ascii_lowercase())
        .then_some(name)
}
