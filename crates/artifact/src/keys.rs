//! Keys of rows in a batch, in the canonical text of `redistrict_model::Key`: where skills take such
//! texts of Arrow values from. The readers of the stores print the same ones.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Int16Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use redistrict_model::calendar::{self, Zone};
use redistrict_model::{ColumnType, Key};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error as NoType;

use crate::root_key::encode_hex;

/// The metadata key under which a field names its column type (see `redistrict_store`).
const COLUMN_TYPE: &str = "redistrict.column_type";

/// The key text of each row's value; none is NULL.
pub type KeyTexts = Vec<Option<Box<str>>>;

/// Whether values of that type have a canonical text by which rows can be found. Equal floating point
/// numbers have different texts in different stores.
#[must_use]
pub fn has_key_text(column_type: ColumnType) -> bool {
    !matches!(
        column_type,
        ColumnType::Float32 | ColumnType::Float64 | ColumnType::Other
    )
}

/// The canonical texts of a column's values. None for the whole column if its type is never part of a
/// key, or if it is of an Arrow type that no column travels as.
#[must_use]
pub fn key_texts(values: &dyn Array, column_type: ColumnType) -> Option<KeyTexts> {
    if !has_key_text(column_type) {
        return None;
    }
    let each = |text: &dyn Fn(usize) -> String| {
        let text = |row| values.is_valid(row).then(|| text(row).into_boxed_str());
        (0..values.len()).map(text).collect()
    };
    Some(match values.data_type() {
        DataType::Boolean => each(&|row| values.as_boolean().value(row).to_string()),
        DataType::Int16 => each(&|row| values.as_primitive::<Int16Type>().value(row).to_string()),
        DataType::Int32 => each(&|row| values.as_primitive::<Int32Type>().value(row).to_string()),
        DataType::Int64 => each(&|row| values.as_primitive::<Int64Type>().value(row).to_string()),
        DataType::Date32 => each(&|row| date_text(values.as_primitive::<Date32Type>().value(row))),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let zone = match zone {
                Some(_) => Zone::Utc,
                None => Zone::Local,
            };
            let micros = values.as_primitive::<TimestampMicrosecondType>();
            each(&|row| calendar::timestamp_text(micros.value(row), zone))
        }
        DataType::Binary => {
            each(&|row| format!("\\x{}", encode_hex(values.as_binary::<i32>().value(row))))
        }
        DataType::Utf8 => {
            each(&|row| bare(values.as_string::<i32>().value(row), column_type).to_owned())
        }
        _ => return None,
    })
}

/// The key of each row over columns of so many rows; none where one of them is NULL.
#[must_use]
pub fn keys_of_texts(columns: Vec<KeyTexts>, rows: usize) -> Vec<Option<Key>> {
    let mut columns: Vec<_> = columns.into_iter().map(IntoIterator::into_iter).collect();
    let key = |_| {
        // Each column moves on, also behind one that is NULL.
        let parts: Vec<Option<Box<str>>> = (columns.iter_mut())
            .map(|texts| texts.next().flatten())
            .collect();
        parts.into_iter().collect::<Option<Vec<_>>>().map(Key::new)
    };
    (0..rows).map(key).collect()
}

/// The canonical texts of a column's values; none if the batch has no such column, or it is of a type that is
/// never part of a key.
#[must_use]
pub fn texts_of(batch: &RecordBatch, column: &str) -> Option<KeyTexts> {
    let schema = batch.schema();
    let at = schema.index_of(column).ok()?;
    let values = batch.column(at).as_ref();
    let named = schema.field(at).metadata().get(COLUMN_TYPE);
    let column_type = named.and_then(|name| type_of(name));
    key_texts(values, column_type.unwrap_or_else(|| usual_type(values)))
}

/// The key of each row over the named columns; `None` where one of them is NULL. A column that the
/// batch has not, or of a type that is never part of a key (floating point), gives `None` for all.
#[must_use]
pub fn keys_of(batch: &RecordBatch, columns: &[String]) -> Vec<Option<Key>> {
    let texts = columns.iter().map(|name| texts_of(batch, name));
    match texts.collect::<Option<Vec<_>>>() {
        Some(texts) => keys_of_texts(texts, batch.num_rows()),
        None => vec![None; batch.num_rows()],
    }
}

fn type_of(name: &str) -> Option<ColumnType> {
    let name: serde::de::value::StrDeserializer<'_, NoType> = name.into_deserializer();
    ColumnType::deserialize(name).ok()
}

/// For fields that name no type.
fn usual_type(values: &dyn Array) -> ColumnType {
    match values.data_type() {
        DataType::Float32 | DataType::Float64 => ColumnType::Float64,
        _ => ColumnType::Text,
    }
}

/// Text without what does not count in comparisons.
fn bare(text: &str, column_type: ColumnType) -> &str {
    match column_type {
        ColumnType::Char => text.trim_end_matches(' '),
        ColumnType::Numeric if text.contains('.') => {
            text.trim_end_matches('0').trim_end_matches('.')
        }
        _ => text,
    }
}

/// A day as Arrow has it in canonical text (see [`calendar::date_text`]).
#[must_use]
pub fn date_text(days: i32) -> String {
    calendar::date_text(days.into())
}

/// Time since 1970 as RFC 3339, UTC, to the second, for display.
#[must_use]
pub fn timestamp_of(since_epoch: std::time::Duration) -> String {
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(0);
    calendar::timestamp_text(seconds * 1_000_000, Zone::Local).replacen(' ', "T", 1) + "Z"
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, BinaryArray, Date32Array, Int64Array, StringArray, TimestampMicrosecondArray,
    };
    use arrow::datatypes::{Field, Schema};

    use super::*;

    fn texts(values: &dyn Array, column_type: ColumnType) -> Vec<Option<String>> {
        let texts = key_texts(values, column_type).unwrap();
        (texts.into_iter())
            .map(|text| text.map(String::from))
            .collect()
    }

    #[test]
    fn days_and_moments_of_any_year_have_a_text() {
        let days = [0, 19_782, -719_528, 2_932_897, i32::MAX, i32::MIN];
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            texts(&Date32Array::from_iter(days.map(Some)), ColumnType::Date),
            [
                some("1970-01-01"),
                some("2024-02-29"),
                some("0001-01-01 BC"),
                some("10000-01-01"),
                some("infinity"),
                some("-infinity"),
            ]
        );
        let micros = [1_500_000, -62_167_219_200_000_000, i64::MAX, i64::MIN];
        let values = TimestampMicrosecondArray::from_iter(micros.map(Some));
        assert_eq!(
            texts(&values, ColumnType::Timestamp),
            [
                some("1970-01-01 00:00:01.5"),
                some("0001-01-01 00:00:00 BC"),
                some("infinity"),
                some("-infinity"),
            ]
        );
        assert_eq!(
            texts(&values.with_timezone("UTC"), ColumnType::TimestampTz)[..2],
            [
                some("1970-01-01 00:00:01.5+00"),
                some("0001-01-01 00:00:00+00 BC"),
            ]
        );
        assert_eq!(
            timestamp_of(std::time::Duration::from_secs(60)),
            "1970-01-01T00:01:00Z"
        );
    }

    #[test]
    fn other_values_have_the_text_that_all_stores_print() {
        let some = |text: &str| Some(text.to_owned());
        let text = |all: &[&str], column_type| texts(&StringArray::from(all.to_vec()), column_type);
        assert_eq!(
            text(&["ab  ", "a b", ""], ColumnType::Char),
            [some("ab"), some("a b"), some("")]
        );
        assert_eq!(
            text(&["1.50", "10", "100.00", "-0.10"], ColumnType::Numeric),
            [some("1.5"), some("10"), some("100"), some("-0.1")]
        );
        assert_eq!(
            texts(
                &BinaryArray::from(vec![&[0_u8, 255][..], b""]),
                ColumnType::Bytes
            ),
            [some("\\x00ff"), some("\\x")]
        );
        let numbers = Int64Array::from(vec![Some(-7), None]);
        assert_eq!(texts(&numbers, ColumnType::Int64), [some("-7"), None]);
        assert!(key_texts(&numbers, ColumnType::Float64).is_none());
    }

    #[test]
    fn a_part_that_is_null_does_not_shift_those_beside_it() {
        let batch = RecordBatch::try_from_iter_with_nullable([
            (
                "a",
                Arc::new(Int64Array::from(vec![Some(1), None, Some(3)])) as ArrayRef,
                true,
            ),
            ("b", Arc::new(StringArray::from(vec!["x", "y", "z"])), true),
        ])
        .unwrap();
        assert_eq!(
            keys_of(&batch, &["a".into(), "b".into()]),
            [Some(Key::new(["1", "x"])), None, Some(Key::new(["3", "z"]))]
        );
    }

    #[test]
    fn fields_name_every_type_as_it_is_stored() {
        assert_eq!(type_of("timestamp_tz"), Some(ColumnType::TimestampTz));
        assert_eq!(type_of("char"), Some(ColumnType::Char));
        assert_eq!(type_of("no such type"), None);
    }

    #[test]
    fn a_number_and_its_text_have_the_same_key_and_null_has_none() {
        let batch = RecordBatch::try_from_iter([
            (
                "n",
                Arc::new(Int64Array::from(vec![Some(42), None])) as ArrayRef,
            ),
            ("t", Arc::new(StringArray::from(vec!["42", "x"]))),
        ])
        .unwrap();
        assert_eq!(
            keys_of(&batch, &["n".into()])[0],
            keys_of(&batch, &["t".into()])[0]
        );
        assert_eq!(keys_of(&batch, &["t".into(), "n".into()])[1], None);
        assert_eq!(keys_of(&batch, &["missing".into()]), [None, None]);
    }

    #[test]
    fn padding_and_trailing_zeros_do_not_count() {
        let field = |kind: &str| {
            Field::new(kind, DataType::Utf8, true)
                .with_metadata(HashMap::from([(COLUMN_TYPE.to_owned(), kind.to_owned())]))
        };
        let schema = Schema::new(vec![field("char"), field("numeric")]);
        let batch = RecordBatch::try_new(
            Arc::new(schema),
            vec![
                Arc::new(StringArray::from(vec!["ab  "])) as ArrayRef,
                Arc::new(StringArray::from(vec!["1.500"])),
            ],
        )
        .unwrap();
        let key = keys_of(&batch, &["char".into(), "numeric".into()]).remove(0);
        assert_eq!(key, Some(Key::new(["ab", "1.5"])));
    }
}
