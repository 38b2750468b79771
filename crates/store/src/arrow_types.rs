//! The Arrow type each column type travels as. One table for all kinds of stores.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use redistrict_model::{Column, ColumnType, Table};

/// Field metadata: the type exactly as the server prints it.
pub const SOURCE_TYPE_METADATA: &str = "redistrict.source_type";
/// Field metadata: the [`ColumnType`] in snake case.
pub const COLUMN_TYPE_METADATA: &str = "redistrict.column_type";
/// Field metadata: the element type of an array, in snake case.
pub const ELEMENT_TYPE_METADATA: &str = "redistrict.element_type";

/// The Arrow type of a column type; none for [`ColumnType::Other`], which is refused in the plan.
///
/// What Arrow holds exactly travels as itself; everything else as exact text.
#[must_use]
pub fn arrow_type(column_type: ColumnType) -> Option<DataType> {
    Some(match column_type {
        ColumnType::Bool => DataType::Boolean,
        ColumnType::Int16 => DataType::Int16,
        ColumnType::Int32 => DataType::Int32,
        ColumnType::Int64 => DataType::Int64,
        ColumnType::Float32 => DataType::Float32,
        ColumnType::Float64 => DataType::Float64,
        ColumnType::Bytes => DataType::Binary,
        ColumnType::Date => DataType::Date32,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        ColumnType::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ColumnType::Text
        | ColumnType::Char
        | ColumnType::Numeric
        | ColumnType::Time
        | ColumnType::Interval
        | ColumnType::Uuid
        | ColumnType::Json
        | ColumnType::Inet
        | ColumnType::Enum
        | ColumnType::Array
        | ColumnType::Range
        | ColumnType::Composite
        | ColumnType::Bits
        | ColumnType::Xml
        | ColumnType::Money
        | ColumnType::DateTimeText
        | ColumnType::Verbatim => DataType::Utf8,
        ColumnType::Other => return None,
    })
}

/// The field of a column: always nullable (a stub has NULLs where the table allows none), with the
/// source type and the column type in its metadata. None for types that do not move.
#[must_use]
pub fn arrow_field(column: &Column) -> Option<Field> {
    let name = serde_name(column.column_type);
    let mut metadata = HashMap::from([
        (SOURCE_TYPE_METADATA.to_owned(), column.source_type.clone()),
        (COLUMN_TYPE_METADATA.to_owned(), name.to_owned()),
    ]);
    if let Some(element) = column.element {
        let element = serde_name(element).to_owned();
        metadata.insert(ELEMENT_TYPE_METADATA.to_owned(), element);
    }
    let data_type = arrow_type(column.column_type)?;
    Some(Field::new(&column.name, data_type, true).with_metadata(metadata))
}

/// The schema of the named columns of a table, in that order; columns that the table has not or
/// that do not move are left out.
#[must_use]
pub fn arrow_schema(table: &Table, columns: &[String]) -> Arc<Schema> {
    let fields: Vec<Field> = columns
        .iter()
        .filter_map(|name| table.column(name))
        .filter_map(arrow_field)
        .collect();
    Arc::new(Schema::new(fields))
}

/// The column type that a field's metadata names.
#[must_use]
pub fn column_type(field: &Field) -> Option<ColumnType> {
    named_type(field.metadata().get(COLUMN_TYPE_METADATA)?)
}

/// The element type that a field's metadata names; none for fields that are no arrays.
#[must_use]
pub fn element_type(field: &Field) -> Option<ColumnType> {
    named_type(field.metadata().get(ELEMENT_TYPE_METADATA)?)
}

fn named_type(name: &str) -> Option<ColumnType> {
    ALL.into_iter().find(|one| serde_name(*one) == name)
}

const ALL: [ColumnType; 28] = [
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
    ColumnType::Other,
];

fn serde_name(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::Bool => "bool",
        ColumnType::Int16 => "int16",
        ColumnType::Int32 => "int32",
        ColumnType::Int64 => "int64",
        ColumnType::Float32 => "float32",
        ColumnType::Float64 => "float64",
        ColumnType::Numeric => "numeric",
        ColumnType::Text => "text",
        ColumnType::Char => "char",
        ColumnType::Bytes => "bytes",
        ColumnType::Date => "date",
        ColumnType::Time => "time",
        ColumnType::Timestamp => "timestamp",
        ColumnType::TimestampTz => "timestamp_tz",
        ColumnType::Interval => "interval",
        ColumnType::Uuid => "uuid",
        ColumnType::Json => "json",
        ColumnType::Inet => "inet",
        ColumnType::Enum => "enum",
        ColumnType::Array => "array",
        ColumnType::Range => "range",
        ColumnType::Composite => "composite",
        ColumnType::Bits => "bits",
        ColumnType::Xml => "xml",
        ColumnType::Money => "money",
        ColumnType::DateTimeText => "date_time_text",
        ColumnType::Verbatim => "verbatim",
        ColumnType::Other => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_moves_is_found_again_by_its_field() {
        for one in ALL {
            let column = Column {
                name: "c".into(),
                source_type: "x".into(),
                column_type: one,
                nullable: true,
                generated: redistrict_model::Generated::No,
                has_default: false,
                max_length: None,
                labels: Vec::new(),
                element: None,
            };
            match arrow_field(&column) {
                Some(field) => assert_eq!(column_type(&field), Some(one)),
                None => assert_eq!(one, ColumnType::Other),
            }
        }
    }
}
