//! UUIDs: keyed ones of version 4.

use redistrict_model::{ColumnType, MaskKind, MaskName};

use super::definition::{
    Field, FieldShape, Mask, MaskDefinition, Masked, Unmaskable, Value, until_it_differs,
};
use super::text_format::permute_text;

/// 122 keyed bits; a text that is no UUID is permuted within its format.
pub(crate) struct UuidMask;

const LENGTH: usize = 36;

impl Mask for UuidMask {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: MaskName::Uuid,
            kind: MaskKind::Synthetic,
            output: "a keyed UUID of version 4",
            types: &[ColumnType::Uuid, ColumnType::Text, ColumnType::Char],
            min_length: 0,
        }
    }

    fn capacity_bits(&self, _shape: &FieldShape) -> f64 {
        122.0
    }

    fn mask(&self, value: Value<'_>, field: &Field) -> Result<Masked, Unmaskable> {
        if let Value::Text(text) = value
            && !is_uuid(text)
        {
            return Ok(Masked::Text(permute_text(&field.key, text)));
        }
        until_it_differs(value, field, "uuid", |stream| {
            let mut bytes = stream.bytes(16);
            bytes[6] = bytes[6] & 0x0f | 0x40;
            bytes[8] = bytes[8] & 0x3f | 0x80;
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let groups = [
                &hex[..8],
                &hex[8..12],
                &hex[12..16],
                &hex[16..20],
                &hex[20..],
            ];
            Some(groups.join("-"))
        })
    }

    fn is_output(&self, output: &str, _shape: &FieldShape) -> bool {
        !is_uuid(output) || output.as_bytes()[14] == b'4'
    }
}

/// The text has the form of a UUID.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == LENGTH
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
