//! Files and pictures: random-looking bytes of the same length, at most 64. Never a part of the
//! original.

use redistrict_model::{ColumnType, MaskKind, MaskName};

use super::definition::{Field, FieldShape, Mask, MaskDefinition, Masked, Unmaskable, Value};

/// Keyed bytes; at least 16 where they must be unique.
pub(crate) struct BytesMask;

const LONGEST: usize = 64;
const UNIQUE: usize = 16;

impl Mask for BytesMask {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: MaskName::Bytes,
            kind: MaskKind::Synthetic,
            output: "keyed bytes of the same length, at most 64",
            types: &[ColumnType::Bytes],
            min_length: 0,
        }
    }

    fn capacity_bits(&self, _shape: &FieldShape) -> f64 {
        128.0
    }

    fn mask(&self, value: Value<'_>, field: &Field) -> Result<Masked, Unmaskable> {
        let Value::Bytes(own) = value else {
            return Err(Unmaskable("its type is none that this mask takes"));
        };
        let shortest = if field.shape.unique { UNIQUE } else { 1 };
        let length = own.len().clamp(shortest, LONGEST);
        for attempt in 0_u8..64 {
            let made = field
                .key
                .draw(&format!("bytes {attempt}"), own)
                .bytes(length);
            if made != own {
                return Ok(Masked::Bytes(made));
            }
        }
        Err(Unmaskable("no other value was found"))
    }

    fn is_output(&self, _output: &str, _shape: &FieldShape) -> bool {
        true
    }
}
