//! Strings of bits: a keyed permutation of all strings of the same length.

use redistrict_model::{ColumnType, MaskKind, MaskName};

use super::definition::{Field, FieldShape, Mask, MaskDefinition, Masked, Unmaskable, Value};

/// The default of `bit(n)` and `bit varying`; goes by the name of the bytes mask.
pub(crate) struct BitsMask;

/// At most so many bits are permuted together.
const BLOCK: usize = 64;

impl Mask for BitsMask {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: MaskName::Bytes,
            kind: MaskKind::Synthetic,
            output: "keyed bits of the same length",
            types: &[ColumnType::Bits],
            min_length: 0,
        }
    }

    fn capacity_bits(&self, _shape: &FieldShape) -> f64 {
        f64::INFINITY
    }

    fn mask(&self, value: Value<'_>, field: &Field) -> Result<Masked, Unmaskable> {
        let not_bits = Unmaskable("it is no string of bits");
        let Value::Text(own) = value else {
            return Err(not_bits);
        };
        if !own.bytes().all(|byte| matches!(byte, b'0' | b'1')) {
            return Err(not_bits);
        }
        let mut made = String::with_capacity(own.len());
        let mut label = format!("bits {} ", own.len());
        // Blocks of about equal size: a small one would need a table for each beginning.
        let length = own.len().div_ceil(own.len().div_ceil(BLOCK).max(1));
        let mut rest = own;
        while !rest.is_empty() {
            let (block, after) = rest.split_at(rest.len().min(length));
            let number = u128::from_str_radix(block, 2).map_err(|_| not_bits)?;
            let permuted = field.key.permute(&label, number, 1 << block.len());
            let width = block.len();
            made += format!("{permuted:0width$b}").as_str();
            // The next block is permuted in another way for each beginning.
            label.push_str(block);
            rest = after;
        }
        Ok(Masked::Text(made))
    }

    fn is_output(&self, output: &str, _shape: &FieldShape) -> bool {
        output.bytes().all(|byte| matches!(byte, b'0' | b'1'))
    }
}
