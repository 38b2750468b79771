//! Rows of record batches: their keys as canonical text, their locators. Must not print a value.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{
    DataType, Date32Type, Field, Int16Type, Int32Type, Int64Type, Schema, TimestampMicrosecondType,
};
use jiff::civil::{Date, DateTime, date};
use jiff::{SignedDuration, ToSpan};
use redistrict_artifact::{RootKey, RowHasher};
use redistrict_model::{Column, ColumnType, Key, StoreKind, Table, TableRef};
use redistrict_store::{StoreError, StoreErrorKind};

/// Whether values of that type have a canonical text by which rows can be found.
pub(crate) fn has_key_text(column_type: ColumnType) -> bool {
    !matches!(
        column_type,
        ColumnType::Float32 | ColumnType::Float64 | ColumnType::Other
    )
}

/// The values of these columns in each row as a key (see `redistrict_model::Key`); none where one of
/// them is NULL.
///
/// # Errors
/// A column that the batch has not, a type without canonical text, a date no calendar has.
pub(crate) fn keys_of(
    batch: &RecordBatch,
    columns: &[String],
    table: &Table,
    kind: StoreKind,
) -> Result<Vec<Option<Key>>, StoreError> {
    let mut texts = Vec::with_capacity(columns.len());
    for name in columns {
        let fail = || {
            StoreError::new(StoreErrorKind::Bug, format!("read keys of column {name}"))
                .at(&table.name)
        };
        let column = table.column(name).ok_or_else(fail)?;
        let array = batch.column_by_name(name).ok_or_else(fail)?;
        texts.push(key_texts(array, column.column_type, kind).ok_or_else(fail)?);
    }
    let key = |row: usize| {
        let parts: Option<Vec<Box<str>>> = texts.iter().map(|texts| texts[row].clone()).collect();
        parts.map(Key::new)
    };
    Ok((0..batch.num_rows()).map(key).collect())
}

/// The key texts of a column's values, as values; NULL where the value is NULL.
///
/// # Errors
/// A type without canonical text, a date no calendar has.
pub(crate) fn text_of_keys(
    values: &ArrayRef,
    column: &Column,
    kind: StoreKind,
) -> Result<ArrayRef, StoreError> {
    let texts = key_texts(values, column.column_type, kind).ok_or_else(|| {
        let what = format!("read keys of column {}", column.name);
        StoreError::new(StoreErrorKind::Bug, what)
    })?;
    Ok(Arc::new(StringArray::from_iter(texts)))
}

type Texts = Vec<Option<Box<str>>>;

/// One text per row; none for the whole column if its type has no canonical text.
fn key_texts(array: &ArrayRef, column_type: ColumnType, kind: StoreKind) -> Option<Texts> {
    if !has_key_text(column_type) {
        return None;
    }
    let texts = match array.data_type() {
        DataType::Boolean => each(array, |row| array.as_boolean().value(row).to_string()),
        DataType::Int16 => each(array, |row| {
            array.as_primitive::<Int16Type>().value(row).to_string()
        }),
        DataType::Int32 => each(array, |row| {
            array.as_primitive::<Int32Type>().value(row).to_string()
        }),
        DataType::Int64 => each(array, |row| {
            array.as_primitive::<Int64Type>().value(row).to_string()
        }),
        DataType::Utf8 => each(array, |row| {
            text_key(array.as_string::<i32>().value(row), column_type).to_owned()
        }),
        DataType::Binary => each(array, |row| bytes_key(array.as_binary::<i32>().value(row))),
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>();
            return try_each(array, |row| date_key(days.value(row)));
        }
        DataType::Timestamp(_, zone) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>();
            let suffix = if zone.is_some() { "+00" } else { "" };
            return try_each(array, |row| {
                Some(format!(
                    "{}{suffix}",
                    timestamp_key(micros.value(row), kind)?
                ))
            });
        }
        _ => return None,
    };
    Some(texts)
}

fn each(array: &ArrayRef, text: impl Fn(usize) -> String) -> Texts {
    (0..array.len())
        .map(|row| array.is_valid(row).then(|| text(row).into_boxed_str()))
        .collect()
}

fn try_each(array: &ArrayRef, text: impl Fn(usize) -> Option<String>) -> Option<Texts> {
    (0..array.len())
        .map(|row| {
            if array.is_null(row) {
                return Some(None);
            }
            text(row).map(|text| Some(text.into_boxed_str()))
        })
        .collect()
}

fn text_key(text: &str, column_type: ColumnType) -> &str {
    match column_type {
        ColumnType::Char => text.trim_end_matches(' '),
        ColumnType::Numeric if text.contains('.') => {
            text.trim_end_matches('0').trim_end_matches('.')
        }
        _ => text,
    }
}

fn bytes_key(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    let digits = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    "\\x".chars().chain(digits).collect()
}

const EPOCH: Date = date(1970, 1, 1);

fn date_key(days: i32) -> Option<String> {
    let day = EPOCH.checked_add(i64::from(days).days()).ok()?;
    (day.year() >= 0).then(|| day.to_string())
}

/// PostgreSQL prints no zeros at the end of a fraction, SQLite's one form has six digits.
fn timestamp_key(micros: i64, kind: StoreKind) -> Option<String> {
    let start: DateTime = EPOCH.at(0, 0, 0, 0);
    let moment = start
        .checked_add(SignedDuration::from_micros(micros))
        .ok()?;
    if moment.year() < 0 {
        return None;
    }
    let seconds = moment.strftime("%Y-%m-%d %H:%M:%S").to_string();
    let fraction = format!("{:06}", micros.rem_euclid(1_000_000));
    Some(match (fraction.as_str(), kind) {
        ("000000", _) => seconds,
        (_, StoreKind::Sqlite) => format!("{seconds}.{fraction}"),
        _ => format!("{seconds}.{}", fraction.trim_end_matches('0')),
    })
}

/// Names rows without telling their keys: the table and 16 hexadecimal digits of a keyed hash.
#[derive(Clone)]
pub(crate) struct Locators(RowHasher);

impl Locators {
    pub(crate) fn new(key: &RootKey) -> Self {
        Self(RowHasher::new(key, "row locator"))
    }

    pub(crate) fn of(&self, table: &TableRef, key: &Key) -> String {
        let texts = std::iter::once(table.to_string())
            .chain(key.parts().iter().map(|part| part.to_string()));
        let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = texts
            .map(|text| {
                let array: ArrayRef = Arc::new(StringArray::from(vec![text]));
                (Field::new("", DataType::Utf8, false), array)
            })
            .unzip();
        let hash = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
            .map(|batch| self.0.rows(&batch)[0])
            .unwrap_or_default();
        let mut digits = bytes_key(&hash[..8]);
        digits.replace_range(..2, "#");
        digits
    }
}

/// A row of a list of batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) batch: usize,
    pub(crate) row: usize,
}

/// Rows picked out of batches of one schema, in the order of the places.
///
/// # Errors
/// No batches, or batches of different schemas.
pub(crate) fn pick(batches: &[RecordBatch], places: &[Place]) -> Result<RecordBatch, StoreError> {
    let batches: Vec<&RecordBatch> = batches.iter().collect();
    let places: Vec<(usize, usize)> = places
        .iter()
        .map(|place| (place.batch, place.row))
        .collect();
    interleave_record_batch(&batches, &places)
        .map_err(|_| StoreError::new(StoreErrorKind::Bug, "put rows of batches together"))
}

/// Batches as one; none if there are none.
pub(crate) fn together(batches: &[RecordBatch]) -> Result<Option<RecordBatch>, StoreError> {
    if batches.is_empty() {
        return Ok(None);
    }
    let places: Vec<Place> = batches
        .iter()
        .enumerate()
        .flat_map(|(batch, rows)| (0..rows.num_rows()).map(move |row| Place { batch, row }))
        .collect();
    pick(batches, &places).map(Some)
}

#[cfg(test)]
mod tests {
    use arrow::array::{BinaryArray, Date32Array, Int64Array, TimestampMicrosecondArray};
    use redistrict_model::{Generated, StoreName, TableKind};

    use super::*;

    fn one(column_type: ColumnType, array: ArrayRef, kind: StoreKind) -> Vec<Option<String>> {
        let table = Table {
            name: TableRef::new(&StoreName::new("s"), "main", "t"),
            kind: TableKind::Table,
            columns: vec![Column {
                name: "c".into(),
                source_type: String::new(),
                column_type,
                nullable: true,
                generated: Generated::No,
                has_default: false,
                max_length: None,
                labels: Vec::new(),
                element: None,
            }],
            primary_key: None,
            uniques: Vec::new(),
            foreign_keys: Vec::new(),
            checks: Vec::new(),
            exclusions: Vec::new(),
            triggers: Vec::new(),
            row_security: false,
            estimated_rows: None,
        };
        let batch = RecordBatch::try_from_iter_with_nullable([("c", array, true)]).unwrap();
        keys_of(&batch, &["c".to_owned()], &table, kind)
            .unwrap()
            .into_iter()
            .map(|key| key.map(|key| key.parts()[0].to_string()))
            .collect()
    }

    #[test]
    fn keys_are_canonical_texts() {
        let text = |texts: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(texts)) };
        let pg = StoreKind::Postgres;
        assert_eq!(
            one(ColumnType::Char, text(vec!["ab  ", "a b", ""]), pg),
            [Some("ab".into()), Some("a b".into()), Some(String::new())]
        );
        assert_eq!(
            one(
                ColumnType::Numeric,
                text(vec!["1.50", "10", "100.00", "-0.10"]),
                pg
            ),
            [
                Some("1.5".into()),
                Some("10".into()),
                Some("100".into()),
                Some("-0.1".into())
            ]
        );
        assert_eq!(
            one(
                ColumnType::Int64,
                Arc::new(Int64Array::from(vec![Some(-7), None])),
                pg
            ),
            [Some("-7".into()), None]
        );
        assert_eq!(
            one(
                ColumnType::Bytes,
                Arc::new(BinaryArray::from(vec![&[0_u8, 255][..], b""])),
                pg
            ),
            [Some("\\x00ff".into()), Some("\\x".into())]
        );
        assert_eq!(
            one(
                ColumnType::Date,
                Arc::new(Date32Array::from(vec![-1, 19_782])),
                pg
            ),
            [Some("1969-12-31".into()), Some("2024-02-29".into())]
        );
    }

    #[test]
    fn timestamps_are_printed_as_their_store_prints_them() {
        let array = || -> ArrayRef {
            Arc::new(TimestampMicrosecondArray::from(vec![
                0,
                -1,
                1_709_166_896_100_000,
            ]))
        };
        assert_eq!(
            one(ColumnType::Timestamp, array(), StoreKind::Sqlite),
            [
                Some("1970-01-01 00:00:00".into()),
                Some("1969-12-31 23:59:59.999999".into()),
                Some("2024-02-29 00:34:56.100000".into())
            ]
        );
        assert_eq!(
            one(ColumnType::Timestamp, array(), StoreKind::Postgres)[2],
            Some("2024-02-29 00:34:56.1".into())
        );
    }

    #[test]
    fn locators_tell_rows_apart_and_tell_nothing_else() {
        let locators = Locators::new(&RootKey::new(&[1; 32]).unwrap());
        let table = TableRef::new(&StoreName::new("s"), "main", "t");
        let a = locators.of(&table, &Key::new(["ab", "c"]));
        assert_eq!(a.len(), 17);
        assert_ne!(a, locators.of(&table, &Key::new(["a", "bc"])));
        assert_eq!(a, locators.of(&table, &Key::new(["ab", "c"])));
    }
}
