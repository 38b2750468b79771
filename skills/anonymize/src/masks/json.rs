//! JSON documents: the same structure, keys and types; each leaf masked by the class of its key, else
//! by its type.

use std::sync::LazyLock;

use redistrict_model::{ColumnClass, ColumnType, MaskKind, MaskName};

use super::calendar::parse_date;
use super::definition::{Field, FieldShape, Mask, MaskDefinition, Masked, Unmaskable, Value};
use super::json_text::{JsonPart, walk};
use super::number::NumberMask;
use super::registry::mask_of_class;
use super::text::words;
use super::text_format::permute_text;
use crate::masks::{Bounds, MaskRegistry};
use crate::plan::class_of_name;

/// Masks leaf by leaf; booleans and nulls stay.
pub(crate) struct JsonMask;

impl Mask for JsonMask {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: MaskName::Json,
            kind: MaskKind::Synthetic,
            output: "the same structure with every text and number replaced",
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
        let masked = walk(own, &mut |part| Leaves(field).replace(part));
        Ok(Masked::Text(masked.unwrap_or_else(|| {
            let mut stream = field.key.draw("no json", own.as_bytes());
            format!("\"{}\"", words(own.len().clamp(1, 40), false, &mut stream))
        })))
    }

    fn is_output(&self, output: &str, _shape: &FieldShape) -> bool {
        walk(output, &mut |_| None).is_some()
    }
}

static REGISTRY: LazyLock<MaskRegistry> = LazyLock::new(MaskRegistry::default);

struct Leaves<'a>(&'a Field);

impl Leaves<'_> {
    fn replace(&self, part: JsonPart<'_>) -> Option<String> {
        match part {
            JsonPart::Key(key) => (!is_plain_key(key)).then(|| permute_text(&self.0.key, key)),
            JsonPart::Text { text: "", .. } => None,
            JsonPart::Text { key, text } => Some(self.text(key, text)),
            JsonPart::Number { text, .. } => {
                let field = self.leaf(ColumnClass::Unknown, ColumnType::Numeric);
                match NumberMask.mask(Value::Text(text), &field) {
                    Ok(Masked::Text(masked)) => Some(masked),
                    _ => Some("0".to_owned()),
                }
            }
        }
    }

    fn text(&self, key: &str, text: &str) -> String {
        let class = class_of_name(key).filter(|class| *class != ColumnClass::Credential);
        let class = match class {
            None if parse_date(text).is_some() => Some(ColumnClass::Date),
            other => other,
        };
        let class = class.unwrap_or(ColumnClass::Unknown);
        let name = mask_of_class(class).unwrap_or(MaskName::Text);
        let field = self.leaf(class, ColumnType::Text);
        let masked = REGISTRY
            .get(name, &field.shape.types)
            .map(|mask| mask.mask(Value::Text(text), &field));
        match masked {
            Some(Ok(Masked::Text(masked))) => masked,
            _ => permute_text(&self.0.key, text),
        }
    }

    fn leaf(&self, class: ColumnClass, column_type: ColumnType) -> Field {
        Field {
            key: self.0.key.clone(),
            shape: FieldShape {
                class,
                kind: MaskKind::Synthetic,
                unique: false,
                max_length: None,
                types: vec![column_type],
                source_types: Vec::new(),
                bounds: Bounds::default(),
            },
        }
    }
}

/// A name that a programmer gives: other keys may be data (an address, a number, a name).
pub(crate) fn is_plain_key(key: &str) -> bool {
    key.len() <= 40
        && key.chars().filter(char::is_ascii_digit).count() <= 3
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-$.".contains(c))
}
