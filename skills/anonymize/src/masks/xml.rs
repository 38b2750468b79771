//! XML: the same elements and attributes; each text masked by the class of its name, else by its form. Names
//! that are data are masked by `names`.
//! Comments and instructions get invented words, declarations of document types go.

use redistrict_model::{ColumnType, MaskKind, MaskName};

use super::definition::{Field, FieldShape, Mask, MaskDefinition, Masked, Unmaskable, Value};
use super::leaf::mask_printed;
use super::text::words;
use super::xml_text::{XmlPart, walk};

/// The default of type `xml`; goes by the name of the text mask.
pub(crate) struct XmlMask;

impl Mask for XmlMask {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: MaskName::Text,
            kind: MaskKind::Synthetic,
            output: "the same elements with every text and attribute replaced",
            types: &[ColumnType::Xml],
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
            let mut stream = field.key.draw("no xml", own.as_bytes());
            words(own.len().clamp(1, 40), false, &mut stream)
        })))
    }

    fn is_output(&self, output: &str, _shape: &FieldShape) -> bool {
        walk(output, &mut |_| None).is_some()
    }
}

fn replace(part: XmlPart<'_>, field: &Field) -> Option<String> {
    match part {
        XmlPart::Name(_) => None,
        XmlPart::Text { key, text } if is_namespace(key, text) => None,
        XmlPart::Text { key, text } => Some(mask_printed(field, key, text)),
        XmlPart::Aside(text) => Some(aside(text, field)),
        XmlPart::DocumentType(_) => Some(String::new()),
    }
}

/// The name of a vocabulary, which is a part of the structure.
pub(crate) fn is_namespace(attribute: &str, text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "/:.-_#".contains(c);
    (attribute == "xmlns" || attribute.starts_with("xmlns:"))
        && text.chars().all(is_part)
        && text.chars().filter(char::is_ascii_digit).count() < 9
}

/// Words, which neither end a comment nor an instruction.
fn aside(text: &str, field: &Field) -> String {
    if !text.chars().any(char::is_alphanumeric) {
        return text.to_owned();
    }
    let mut stream = field.key.draw("aside", text.as_bytes());
    format!(
        " {} ",
        words(text.trim().chars().count().min(40), false, &mut stream)
    )
}
