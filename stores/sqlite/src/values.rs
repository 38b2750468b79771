//! Values between SQLite's storage classes, Arrow and canonical key text. Must never convert: a value
//! that does not stand in its column as the column's type says is refused, both ways.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BinaryBuilder, BooleanArray, BooleanBuilder, Date32Array,
    Date32Builder, Float64Array, Float64Builder, Int64Array, Int64Builder, StringArray,
    StringBuilder, TimestampMicrosecondArray, TimestampMicrosecondBuilder,
};
use redistrict_model::ColumnType;
use redistrict_model::calendar::{self, Zone};
use redistrict_store::MAX_VALUE_BYTES;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};

use crate::temporal::{format_date, format_timestamp, parse_date, parse_timestamp};

/// Why a value does not move; fits after "move a value … unchanged:".
pub(crate) type Refusal = &'static str;

const NO_UUID: Refusal = "it is not a uuid in lower case with hyphens";
const NO_DATE: Refusal = "it is not a date in the form YYYY-MM-DD";
const NO_TIMESTAMP: Refusal = "it is not a timestamp in the form YYYY-MM-DD HH:MM:SS[.ffffff]";
const OUT_OF_RANGE: Refusal = "it is outside the years 0000 to 9999";
const TOO_LARGE: Refusal = "it is larger than 32 MB";
const NO_NAN: Refusal = "SQLite does not keep NaN and negative zero";
const JSON_NUMBER: Refusal = "SQLite turns JSON text that is a bare number into a number";

/// A value whose storage class and form are those of its column.
enum Checked<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    Date(i32),
    Timestamp(i64),
}

fn check(value: ValueRef<'_>, column_type: ColumnType) -> Result<Checked<'_>, Refusal> {
    Ok(match (column_type, value) {
        (ColumnType::Other, _) => return Err("its type does not move"),
        (_, ValueRef::Null) => Checked::Null,
        (ColumnType::Bool, ValueRef::Integer(0)) => Checked::Bool(false),
        (ColumnType::Bool, ValueRef::Integer(1)) => Checked::Bool(true),
        (ColumnType::Bool, _) => return Err("a boolean is stored as 0 or 1"),
        (ColumnType::Int64, ValueRef::Integer(number)) => Checked::Int(number),
        (ColumnType::Float64, ValueRef::Real(number)) => Checked::Float(number),
        (ColumnType::Bytes, ValueRef::Blob(bytes)) if bytes.len() > MAX_VALUE_BYTES => {
            return Err(TOO_LARGE);
        }
        (ColumnType::Bytes, ValueRef::Blob(bytes)) => Checked::Bytes(bytes),
        (_, ValueRef::Text(bytes)) => {
            if bytes.len() > MAX_VALUE_BYTES {
                return Err(TOO_LARGE);
            }
            let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
            check_text(text, column_type)?
        }
        (_, other) => return Err(wrong_class(other)),
    })
}

fn check_text(text: &str, column_type: ColumnType) -> Result<Checked<'_>, Refusal> {
    match column_type {
        ColumnType::Text | ColumnType::Json => Ok(Checked::Text(text)),
        ColumnType::Uuid if is_uuid(text) => Ok(Checked::Text(text)),
        ColumnType::Uuid => Err(NO_UUID),
        ColumnType::Date => parse_date(text).map(Checked::Date).ok_or(NO_DATE),
        ColumnType::Timestamp => parse_timestamp(text)
            .map(Checked::Timestamp)
            .ok_or(NO_TIMESTAMP),
        _ => Err(wrong_class(ValueRef::Text(text.as_bytes()))),
    }
}

fn wrong_class(value: ValueRef<'_>) -> Refusal {
    match value {
        ValueRef::Null => "it is NULL",
        ValueRef::Integer(_) => "it is stored as an integer, which is not its column's type",
        ValueRef::Real(_) => "it is stored as a real, which is not its column's type",
        ValueRef::Text(_) => "it is stored as text, which is not its column's type",
        ValueRef::Blob(_) => "it is stored as a blob, which is not its column's type",
    }
}

fn is_uuid(text: &str) -> bool {
    redistrict_model::fits(text, ColumnType::Uuid) && !text.bytes().any(|b| b.is_ascii_uppercase())
}

/// The canonical text of a value; none for NULL.
pub(crate) fn key_text(
    value: ValueRef<'_>,
    column_type: ColumnType,
) -> Result<Option<Box<str>>, Refusal> {
    let text = match check(value, column_type)? {
        Checked::Null => return Ok(None),
        Checked::Bool(value) => value.to_string(),
        Checked::Int(number) => number.to_string(),
        Checked::Float(number) => number.to_string(),
        Checked::Text(text) => text.to_owned(),
        Checked::Bytes(bytes) => hex(bytes),
        Checked::Date(days) => calendar::date_text(days.into()),
        Checked::Timestamp(micros) => calendar::timestamp_text(micros, Zone::Local),
    };
    Ok(Some(text.into()))
}

/// The value that has this canonical text in a column of that type; none if there can be none.
pub(crate) fn key_value(text: &str, column_type: ColumnType) -> Option<Value> {
    let value = match column_type {
        ColumnType::Bool => Value::Integer(match text {
            "false" => 0,
            "true" => 1,
            _ => return None,
        }),
        ColumnType::Int64 => Value::Integer(text.parse().ok()?),
        ColumnType::Float64 => Value::Real(kept_float(text.parse().ok()?).ok()?),
        ColumnType::Bytes => Value::Blob(unhex(text)?),
        ColumnType::Json if is_bare_number(text) => return None,
        ColumnType::Text | ColumnType::Json | ColumnType::Uuid => Value::Text(text.to_owned()),
        ColumnType::Date => {
            let days = i32::try_from(calendar::days_of(text)?).ok()?;
            Value::Text(format_date(days)?)
        }
        ColumnType::Timestamp => {
            Value::Text(format_timestamp(calendar::micros_of(text, Zone::Local)?)?)
        }
        _ => return None,
    };
    let canonical = key_text(ValueRef::from(&value), column_type).ok()??;
    (*canonical == *text).then_some(value)
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| char::from(DIGITS[usize::from(nibble)]));
    "\\x".chars().chain(digits).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    let nibble = |digit: u8| char::from(digit).to_digit(16);
    if digits.len() % 2 != 0 {
        return None;
    }
    digits
        .chunks_exact(2)
        .map(|pair| u8::try_from(nibble(pair[0])? * 16 + nibble(pair[1])?).ok())
        .collect()
}

/// Text that a column of NUMERIC affinity would store as a number.
fn is_bare_number(text: &str) -> bool {
    let trimmed = text.trim_ascii();
    let has_only_number_characters = trimmed
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    has_only_number_characters && trimmed.parse::<f64>().is_ok()
}

/// Collects the values of one column of a batch.
pub(crate) enum ColumnBuilder {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl ColumnBuilder {
    /// A builder for a type that SQLite columns have; none for the others.
    pub(crate) fn new(column_type: ColumnType) -> Option<Self> {
        Some(match column_type {
            ColumnType::Bool => Self::Bool(BooleanBuilder::new()),
            ColumnType::Int64 => Self::Int(Int64Builder::new()),
            ColumnType::Float64 => Self::Float(Float64Builder::new()),
            ColumnType::Text | ColumnType::Json | ColumnType::Uuid => {
                Self::Text(StringBuilder::new())
            }
            ColumnType::Bytes => Self::Bytes(BinaryBuilder::new()),
            ColumnType::Date => Self::Date(Date32Builder::new()),
            ColumnType::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::new()),
            _ => return None,
        })
    }

    /// Appends a value of a column of that type, which is the type of the builder.
    pub(crate) fn append(
        &mut self,
        value: ValueRef<'_>,
        column_type: ColumnType,
    ) -> Result<(), Refusal> {
        match (self, check(value, column_type)?) {
            (Self::Bool(builder), Checked::Bool(value)) => builder.append_value(value),
            (Self::Int(builder), Checked::Int(value)) => builder.append_value(value),
            (Self::Float(builder), Checked::Float(value)) => builder.append_value(value),
            (Self::Text(builder), Checked::Text(value)) => builder.append_value(value),
            (Self::Bytes(builder), Checked::Bytes(value)) => builder.append_value(value),
            (Self::Date(builder), Checked::Date(value)) => builder.append_value(value),
            (Self::Timestamp(builder), Checked::Timestamp(value)) => builder.append_value(value),
            (builder, Checked::Null) => builder.append_null(),
            _ => return Err("its column's type is not that of the batch"),
        }
        Ok(())
    }

    fn append_null(&mut self) {
        match self {
            Self::Bool(builder) => builder.append_null(),
            Self::Int(builder) => builder.append_null(),
            Self::Float(builder) => builder.append_null(),
            Self::Text(builder) => builder.append_null(),
            Self::Bytes(builder) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::Timestamp(builder) => builder.append_null(),
        }
    }

    /// The column.
    pub(crate) fn finish(self) -> ArrayRef {
        match self {
            Self::Bool(mut builder) => Arc::new(builder.finish()),
            Self::Int(mut builder) => Arc::new(builder.finish()),
            Self::Float(mut builder) => Arc::new(builder.finish()),
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Bytes(mut builder) => Arc::new(builder.finish()),
            Self::Date(mut builder) => Arc::new(builder.finish()),
            Self::Timestamp(mut builder) => Arc::new(builder.finish()),
        }
    }
}

/// One column of a batch, to be written into a column of a type.
pub(crate) enum ColumnValues<'a> {
    Bool(&'a BooleanArray),
    Int(&'a Int64Array),
    Float(&'a Float64Array),
    Text(&'a StringArray, ColumnType),
    Bytes(&'a BinaryArray),
    Date(&'a Date32Array),
    Timestamp(&'a TimestampMicrosecondArray),
}

impl<'a> ColumnValues<'a> {
    /// The column; none if its Arrow type is not the one that columns of this type travel as.
    pub(crate) fn new(array: &'a dyn Array, column_type: ColumnType) -> Option<Self> {
        let any = array.as_any();
        match column_type {
            ColumnType::Bool => any.downcast_ref().map(Self::Bool),
            ColumnType::Int64 => any.downcast_ref().map(Self::Int),
            ColumnType::Float64 => any.downcast_ref().map(Self::Float),
            ColumnType::Text | ColumnType::Json | ColumnType::Uuid => any
                .downcast_ref()
                .map(|array| Self::Text(array, column_type)),
            ColumnType::Bytes => any.downcast_ref().map(Self::Bytes),
            ColumnType::Date => any.downcast_ref().map(Self::Date),
            ColumnType::Timestamp => any.downcast_ref().map(Self::Timestamp),
            _ => None,
        }
    }

    /// The value of a row as SQLite will keep it, or why it would not.
    pub(crate) fn value(&self, row: usize) -> Result<ToSqlOutput<'a>, Refusal> {
        if self.is_null(row) {
            return Ok(ToSqlOutput::Owned(Value::Null));
        }
        Ok(match self {
            Self::Bool(array) => owned(Value::Integer(i64::from(array.value(row)))),
            Self::Int(array) => owned(Value::Integer(array.value(row))),
            Self::Float(array) => owned(Value::Real(kept_float(array.value(row))?)),
            Self::Text(array, column_type) => {
                let text = kept_text(array.value(row), *column_type)?;
                ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes()))
            }
            Self::Bytes(array) => ToSqlOutput::Borrowed(ValueRef::Blob(array.value(row))),
            Self::Date(array) => owned(Value::Text(
                format_date(array.value(row)).ok_or(OUT_OF_RANGE)?,
            )),
            Self::Timestamp(array) => owned(Value::Text(
                format_timestamp(array.value(row)).ok_or(OUT_OF_RANGE)?,
            )),
        })
    }

    /// The value of a row is NULL.
    pub(crate) fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Bool(array) => array.is_null(row),
            Self::Int(array) => array.is_null(row),
            Self::Float(array) => array.is_null(row),
            Self::Text(array, _) => array.is_null(row),
            Self::Bytes(array) => array.is_null(row),
            Self::Date(array) => array.is_null(row),
            Self::Timestamp(array) => array.is_null(row),
        }
    }
}

fn owned(value: Value) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(value)
}

/// SQLite stores NaN as NULL, and reals that are whole numbers as integers, without a sign of zero.
fn kept_float(number: f64) -> Result<f64, Refusal> {
    let is_negative_zero = number == 0.0 && number.is_sign_negative();
    if number.is_nan() || is_negative_zero {
        return Err(NO_NAN);
    }
    Ok(number)
}

fn kept_text(text: &str, column_type: ColumnType) -> Result<&str, Refusal> {
    match column_type {
        ColumnType::Json if is_bare_number(text) => Err(JSON_NUMBER),
        ColumnType::Uuid if !is_uuid(text) => Err(NO_UUID),
        _ => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_text_finds_the_value_it_was_made_of_and_no_other() {
        for (value, column_type, text) in [
            (Value::Integer(42), ColumnType::Int64, "42"),
            (
                Value::Integer(i64::MIN),
                ColumnType::Int64,
                "-9223372036854775808",
            ),
            (Value::Integer(1), ColumnType::Bool, "true"),
            (Value::Text("042".into()), ColumnType::Text, "042"),
            (Value::Text("a\0b".into()), ColumnType::Text, "a\0b"),
            (Value::Text(String::new()), ColumnType::Text, ""),
            (Value::Blob(vec![0, 255]), ColumnType::Bytes, "\\x00ff"),
            (Value::Real(0.1), ColumnType::Float64, "0.1"),
            (
                Value::Text("2024-02-29".into()),
                ColumnType::Date,
                "2024-02-29",
            ),
            (
                Value::Text("0000-12-31".into()),
                ColumnType::Date,
                "0001-12-31 BC",
            ),
            (
                Value::Text("2024-02-29 12:00:00.100000".into()),
                ColumnType::Timestamp,
                "2024-02-29 12:00:00.1",
            ),
            (
                Value::Text("0000-01-01 00:00:00.000001".into()),
                ColumnType::Timestamp,
                "0001-01-01 00:00:00.000001 BC",
            ),
        ] {
            let made = key_text(ValueRef::from(&value), column_type).unwrap();
            assert_eq!(made.as_deref(), Some(text));
            assert_eq!(key_value(text, column_type), Some(value));
        }
    }

    #[test]
    fn texts_that_no_value_has_are_no_values() {
        for (text, column_type) in [
            ("042", ColumnType::Int64),
            ("+1", ColumnType::Int64),
            ("9223372036854775808", ColumnType::Int64),
            ("1", ColumnType::Bool),
            ("\\x0", ColumnType::Bytes),
            ("\\xFF", ColumnType::Bytes),
            ("2024-02-30", ColumnType::Date),
            ("0000-12-31", ColumnType::Date),
            ("0002-12-31 BC", ColumnType::Date),
            ("10000-01-01", ColumnType::Date),
            ("infinity", ColumnType::Date),
            ("infinity", ColumnType::Timestamp),
            ("2024-02-29 12:00:00.100000", ColumnType::Timestamp),
            ("1e0", ColumnType::Float64),
            ("NaN", ColumnType::Float64),
            ("-0", ColumnType::Float64),
            ("17", ColumnType::Json),
            ("17", ColumnType::Other),
            ("6F1C1A7E-0000-4000-8000-00000000000F", ColumnType::Uuid),
        ] {
            assert_eq!(key_value(text, column_type), None, "{text} {column_type:?}");
        }
    }

    #[test]
    fn values_of_another_storage_class_are_refused_not_converted() {
        for (value, column_type) in [
            (Value::Text("42".into()), ColumnType::Int64),
            (Value::Real(42.0), ColumnType::Int64),
            (Value::Integer(42), ColumnType::Text),
            (Value::Integer(2), ColumnType::Bool),
            (Value::Text("true".into()), ColumnType::Bool),
            (Value::Integer(1), ColumnType::Float64),
            (Value::Text("x".into()), ColumnType::Bytes),
            (Value::Integer(1_700_000_000), ColumnType::Timestamp),
            (
                Value::Text("2024-01-01T00:00:00".into()),
                ColumnType::Timestamp,
            ),
            (Value::Integer(42), ColumnType::Json),
            (Value::Blob(vec![1; 16]), ColumnType::Uuid),
        ] {
            assert!(
                key_text(ValueRef::from(&value), column_type).is_err(),
                "{value:?}"
            );
        }
    }

    #[test]
    fn values_that_sqlite_would_change_are_not_written() {
        let floats = Float64Array::from(vec![f64::NAN, -0.0, 0.0, f64::INFINITY]);
        let column = ColumnValues::new(&floats, ColumnType::Float64).unwrap();
        assert!(column.value(0).is_err() && column.value(1).is_err());
        assert!(column.value(2).is_ok() && column.value(3).is_ok());
        let texts = StringArray::from(vec![" 1e5 ", "\"1\"", "{}"]);
        let column = ColumnValues::new(&texts, ColumnType::Json).unwrap();
        assert!(column.value(0).is_err());
        assert!(column.value(1).is_ok() && column.value(2).is_ok());
    }
}
