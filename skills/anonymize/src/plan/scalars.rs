//! What a column's single values are: an array's are its elements, each masked as a column of that type
//! would be.

use std::borrow::Cow;

use redistrict_model::{Column, ColumnType, array_text};

use super::decide::Samples;
use super::fields::Field;

/// The type of a column's single values; arrays whose elements are not understood are not either.
pub(crate) fn scalar_type(column: &Column) -> ColumnType {
    match column.column_type {
        ColumnType::Array => column.element.unwrap_or(ColumnType::Verbatim),
        other => other,
    }
}

/// The source type of a column's single values.
pub(crate) fn scalar_source_type(column: &Column) -> &str {
    let is_array = column.column_type == ColumnType::Array;
    if is_array && scalar_type(column) != ColumnType::Verbatim {
        column.source_type.trim_end_matches("[]")
    } else {
        &column.source_type
    }
}

/// The most characters of a single value. Catalogs say it for texts; for arrays the type does.
pub(crate) fn scalar_length(column: &Column) -> Option<usize> {
    let of_element = || {
        let element = scalar_source_type(column);
        let is_text = matches!(scalar_type(column), ColumnType::Text | ColumnType::Char);
        let is_array = column.column_type == ColumnType::Array;
        let (_, length) = element.split_once('(').filter(|_| is_text && is_array)?;
        length.strip_suffix(')')?.parse().ok()
    };
    column
        .max_length
        .and_then(|length| usize::try_from(length).ok())
        .or_else(of_element)
}

/// A type that is not a scalar of common use: CHECKs on it are not read as those of scalars are.
pub(crate) fn is_special(column_type: ColumnType) -> bool {
    matches!(
        column_type,
        ColumnType::Range
            | ColumnType::Composite
            | ColumnType::Bits
            | ColumnType::Xml
            | ColumnType::Money
            | ColumnType::DateTimeText
            | ColumnType::Verbatim
    )
}

/// The sampled single values of a column.
pub(crate) fn sampled<'a>(field: &Field<'_>, samples: &'a Samples) -> Cow<'a, [Option<Box<str>>]> {
    let own = samples.get(&field.column).map_or(&[][..], Vec::as_slice);
    if !field.is_array() {
        return Cow::Borrowed(own);
    }
    let elements = own
        .iter()
        .flatten()
        .filter_map(|text| array_text::elements(text))
        .flatten()
        .map(|element| element.map(String::into_boxed_str));
    Cow::Owned(elements.collect())
}
