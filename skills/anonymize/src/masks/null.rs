//! NULL, for what need not exist at all: credentials.

use redistrict_model::{ColumnType, MaskKind, MaskName};

use super::definition::{Field, FieldShape, Mask, MaskDefinition, Masked, Unmaskable, Value};

/// Gives NULL. The plan check keeps it away from NOT NULL columns.
pub(crate) struct NullMask;

const ALL: &[ColumnType] = &[
    ColumnType::Bool,
    ColumnType::Int16,
    ColumnType::Int32,
    ColumnType::Int64,
    ColumnType::Float32,
    ColumnType::Float64,
    ColumnType::Numeric,
    ColumnType::Text,
    ColumnType::Char,
    ColumnType::Bytes,
    ColumnType::Date,
    ColumnType::Time,
    ColumnType::Timestamp,
    ColumnType::TimestampTz,
    ColumnType::Interval,
    ColumnType::Uuid,
    ColumnType::Json,
    ColumnType::Inet,
    ColumnType::Enum,
    ColumnType::Array,
    ColumnType::Range,
    ColumnType::Composite,
    ColumnType::Bits,
    ColumnType::Xml,
    ColumnType::Money,
    ColumnType::DateTimeText,
    ColumnType::Verbatim,
];

impl Mask for NullMask {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: MaskName::Null,
            kind: MaskKind::Synthetic,
            output: "NULL",
            types: ALL,
            min_length: 0,
        }
    }

    fn capacity_bits(&self, _shape: &FieldShape) -> f64 {
        f64::INFINITY
    }

    fn mask(&self, _value: Value<'_>, _field: &Field) -> Result<Masked, Unmaskable> {
        Ok(Masked::Null)
    }

    fn is_output(&self, _output: &str, _shape: &FieldShape) -> bool {
        false
    }
}
