//! JSON documents: the same structure and types; each leaf masked by the class of its key, else by its
//! type. Keys that are data are masked by `names`.

use redistrict_model::{ColumnType, MaskKind, MaskName};

use super::definition::{Field, FieldShape, Mask, MaskDefinition, Masked, Unmaskable, Value};
use super::json_text::{JsonPart, walk};
use super::leaf;
use super::text::words;

/// Masks leaf by leaf; booleans and nulls stay.
pub(crate) struct JsonMask;

impl Mask for JsonMask {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: MaskName::Json,
            kind: MaskKind::Synthetic,
            output: "the same structure with every text and number replaced, and names of members that are data",
            types: &[ColumnType::Json, ColumnType::Text, ColumnType::Char],
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
        let masked = walk(own, &mut |part| replace(part, field));
        Ok(Masked::Text(masked.unwrap_or_else(|| {
            let mut stream = field.key.draw("no json", own.as_bytes());
            format!("\"{}\"", words(own.len().clamp(1, 40), false, &mut stream))
        })))
    }

    fn is_output(&self, output: &str, _shape: &FieldShape) -> bool {
        walk(output, &mut |_| None).is_some()
    }
}

/// What stands in the place of a value in a document; none where it stays.
pub(crate) fn replace(part: JsonPart<'_>, field: &Field) -> Option<String> {
    match part {
        JsonPart::Key(_) | JsonPart::Text { text: "", .. } => None,
        JsonPart::Text { key, text } => Some(leaf::mask_text(field, key, text)),
        JsonPart::Number { text, .. } => Some(leaf::mask_number(field, text)),
    }
}
