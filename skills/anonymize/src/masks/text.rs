//! Texts that nothing is known of: invented words; where they must be unique or are codes, a keyed
//! permutation of their format.

use redistrict_model::{MaskKind, MaskName};

use super::definition::{
    Field, FieldShape, Mask, MaskDefinition, Masked, TEXTS, Unmaskable, Value, until_it_differs,
};
use super::text_format::{permute_text, same_format};
use crate::pseudonym::Stream;
use crate::words::{is_invented_word, push_syllable};

/// Invented words of similar length; in-format where the field's kind says so.
pub(crate) struct TextMask;

impl Mask for TextMask {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: MaskName::Text,
            kind: MaskKind::Synthetic,
            output: "invented words of similar length; in-format where it must be unique",
            types: TEXTS,
            min_length: 1,
        }
    }

    fn capacity_bits(&self, shape: &FieldShape) -> f64 {
        match shape.kind {
            MaskKind::InFormat => f64::INFINITY,
            _ => 0.0,
        }
    }

    fn mask(&self, value: Value<'_>, field: &Field) -> Result<Masked, Unmaskable> {
        if field.shape.kind == MaskKind::InFormat
            && let Value::Text(own) = value
        {
            return Ok(Masked::Text(permute_text(&field.key, own)));
        }
        until_it_differs(value, field, "text", |stream| {
            let own = if let Value::Text(own) = value {
                own
            } else {
                ""
            };
            let length = similar_length(own.chars().count(), stream).min(field.shape.room());
            Some(words(length, own.starts_with(char::is_uppercase), stream))
        })
    }

    fn is_output(&self, output: &str, shape: &FieldShape) -> bool {
        shape.kind == MaskKind::InFormat || output.split(' ').all(is_invented_word)
    }
}

/// An in-format output has the format of its value.
pub(crate) fn keeps_format(own: &str, output: &str) -> bool {
    same_format(own, output)
}

fn similar_length(length: usize, stream: &mut Stream) -> usize {
    if length <= 24 {
        return length;
    }
    let less = stream.below(length as u64 / 8);
    length - usize::try_from(less).unwrap_or(0)
}

/// Invented words of so many characters together.
pub(crate) fn words(length: usize, is_capital: bool, stream: &mut Stream) -> String {
    let mut text = String::with_capacity(length + 8);
    while text.len() < length {
        if !text.is_empty() {
            text.push(' ');
        }
        for _ in 0..2 + stream.below(3) {
            push_syllable(stream, &mut text);
        }
    }
    text.truncate(length);
    if text.ends_with(' ') {
        // Words end in a vowel: one consonant more keeps the last word one of ours.
        text.pop();
        text.push('n');
    }
    if is_capital && let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}
