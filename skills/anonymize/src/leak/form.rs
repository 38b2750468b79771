//! What the form of a column, and what its mask may give, means for the proof.

use redistrict_model::{ColumnType, MaskKind, MaskName, array_text};

use crate::cells::Cell;
use crate::engine::ColumnMask;

/// Every single value of the cell lies where no value of a real person does.
pub(super) fn is_all_reserved(column: &ColumnMask, text: &str) -> bool {
    let mut is_reserved = true;
    column.each_text(text, &mut |text| is_reserved &= column.is_reserved(text));
    is_reserved
}

/// Numbers, and columns that are permuted within their format, hold members of V by chance.
pub(super) fn may_match_by_chance(column: &ColumnMask) -> bool {
    let is_number = matches!(
        column.scalar_type,
        ColumnType::Int16
            | ColumnType::Int32
            | ColumnType::Int64
            | ColumnType::Numeric
            | ColumnType::Money
    );
    is_number || column.decision.kind == MaskKind::InFormat
}

/// The elements of two arrays of the same form at the same places; none if they differ in their bounds,
/// their nesting or their NULLs.
pub(super) fn paired_elements(raw: &str, masked: &str) -> Option<Vec<(String, String)>> {
    let form = |text: &str| array_text::map_elements(text, |_| Some(String::new()));
    if form(raw)? != form(masked)? {
        return None;
    }
    let (raw, masked) = (array_text::elements(raw)?, array_text::elements(masked)?);
    let pairs = raw.into_iter().flatten().zip(masked.into_iter().flatten());
    Some(pairs.collect())
}

/// The mask never gives a value back: there a row that keeps its own is no coincidence.
pub(super) fn never_keeps(column: &ColumnMask) -> bool {
    match column.decision.mask {
        MaskName::FirstName
        | MaskName::Surname
        | MaskName::FullName
        | MaskName::Email
        | MaskName::Address => true,
        MaskName::Date | MaskName::Timestamp => matches!(
            column.scalar_type,
            ColumnType::Date
                | ColumnType::Timestamp
                | ColumnType::TimestampTz
                | ColumnType::DateTimeText
                | ColumnType::Range
        ),
        MaskName::Bytes => matches!(column.scalar_type, ColumnType::Bytes | ColumnType::Bits),
        MaskName::Uuid => column.scalar_type == ColumnType::Uuid,
        _ => false,
    }
}

pub(super) fn is_text(column_type: ColumnType) -> bool {
    matches!(column_type, ColumnType::Text | ColumnType::Char)
}

/// What tells values of the column apart, as the masks do: blanks at the end are padding in `char(n)` only.
pub(super) fn key(cell: &Cell<'_>, column: &ColumnMask) -> Vec<u8> {
    match cell {
        Cell::Text(text) => column.unpadded(text).as_bytes().to_vec(),
        other => other
            .value()
            .map(|value| value.key().into_owned())
            .unwrap_or_default(),
    }
}

/// Both are NULL, or the same value.
pub(super) fn is_same(raw: Option<&Cell<'_>>, masked: Option<&Cell<'_>>) -> bool {
    match (raw, masked) {
        (None, None) => true,
        (Some(Cell::Bool(a)), Some(Cell::Bool(b))) => a == b,
        (Some(a), Some(b)) => a.value() == b.value(),
        _ => false,
    }
}
