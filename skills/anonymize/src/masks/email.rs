//! E-mail addresses at `example.org` (RFC 2606): nobody can have one.

use redistrict_model::{MaskKind, MaskName};

use super::definition::{
    Field, FieldShape, Mask, MaskDefinition, Masked, TEXTS, UNIQUE_LETTERS, Unmaskable, Value,
    letter_bits, until_it_differs,
};
use crate::words::push_syllable;

/// `<pronounceable><letters>@example.org`; `@x.example` where the column is short.
pub(crate) struct EmailMask;

const LONG: &str = "@example.org";
const SHORT: &str = "@x.example";
const SYLLABLES: usize = 3;

/// The domain, and how many letters there are for the local part, and how many of them are hash.
fn layout(room: usize) -> (&'static str, usize, usize) {
    let domain = if room < LONG.len() + UNIQUE_LETTERS {
        SHORT
    } else {
        LONG
    };
    let local = room
        .saturating_sub(domain.len())
        .min(2 * SYLLABLES + UNIQUE_LETTERS);
    (domain, local, local.min(UNIQUE_LETTERS))
}

impl Mask for EmailMask {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: MaskName::Email,
            kind: MaskKind::Reserved,
            output: "an address at example.org or x.example",
            types: TEXTS,
            min_length: SHORT.len() + 1,
        }
    }

    fn capacity_bits(&self, shape: &FieldShape) -> f64 {
        letter_bits(layout(shape.room()).2)
    }

    fn mask(&self, value: Value<'_>, field: &Field) -> Result<Masked, Unmaskable> {
        until_it_differs(value, field, "email", |stream| {
            let (domain, local, hash) = layout(field.shape.room());
            let mut text = String::new();
            while text.len() < local - hash {
                push_syllable(stream, &mut text);
            }
            text.truncate(local - hash);
            text.push_str(&stream.letters(hash));
            (!text.is_empty()).then(|| text + domain)
        })
    }

    fn is_output(&self, output: &str, _shape: &FieldShape) -> bool {
        let local = output
            .strip_suffix(LONG)
            .or_else(|| output.strip_suffix(SHORT));
        local.is_some_and(|local| {
            !local.is_empty() && local.bytes().all(|byte| byte.is_ascii_lowercase())
        })
    }
}
