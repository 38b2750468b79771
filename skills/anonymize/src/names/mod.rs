//! The names of members in documents: which of them are structure, which are data, and what stands in the
//! place of those that are data. The rules: docs/design/member-names.md.

mod decided;
mod measure;
mod pseudonyms;
mod walk;

use redistrict_model::{ColumnType, MaskName};

pub(crate) use decided::{Decided, Kind, Names};
pub(crate) use measure::Measure;

use crate::engine::ColumnMask;

/// The masked values of the column are documents whose names were measured.
pub(crate) fn has_names(column: &ColumnMask) -> bool {
    column.action.is_some()
        && column.decision.mask != MaskName::Null
        && matches!(column.scalar_type, ColumnType::Json | ColumnType::Xml)
}

/// A name that a programmer gives, by its form; with a letter, few digits and none of what addresses,
/// numbers and full names are written with.
pub(crate) fn is_plain(name: &str) -> bool {
    name.len() <= 40
        && name.chars().filter(char::is_ascii_digit).count() <= 3
        && name.chars().any(|c| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-$.".contains(c))
}

/// Has no letter and no digit.
fn says_nothing(name: &str) -> bool {
    !name.chars().any(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn numbers_addresses_and_full_names_are_no_names_that_a_programmer_gives() {
        for name in ["address1", "first_name", "$ref", "a.b", "birth-date", "X"] {
            assert!(is_plain(name), "{name}");
        }
        for name in ["17", "4711-22", "S123456", "a@b", "Anna Smith", "_", ""] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
