//! Rows of record batches: their keys as canonical text, their locators. Must not print a value.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{DataType, Field, Schema};
use redistrict_artifact::{RootKey, RowHasher, key_texts, keys_of_texts};
use redistrict_model::{Column, Key, Table, TableRef};
use redistrict_store::{StoreError, StoreErrorKind};

/// The values of these columns in each row as a key (see `redistrict_model::Key`); none where one of
/// them is NULL.
///
/// # Errors
/// A column that the batch has not, a type without canonical text.
pub(crate) fn keys_of(
    batch: &RecordBatch,
    columns: &[String],
    table: &Table,
) -> Result<Vec<Option<Key>>, StoreError> {
    let mut texts = Vec::with_capacity(columns.len());
    for name in columns {
        let fail = || {
            StoreError::new(StoreErrorKind::Bug, format!("read keys of column {name}"))
                .at(&table.name)
        };
        let column = table.column(name).ok_or_else(fail)?;
        let values = batch.column_by_name(name).ok_or_else(fail)?;
        texts.push(key_texts(values, column.column_type).ok_or_else(fail)?);
    }
    Ok(keys_of_texts(texts, batch.num_rows()))
}

/// The key texts of a column's values, as values; NULL where the value is NULL.
///
/// # Errors
/// A type without canonical text.
pub(crate) fn text_of_keys(values: &ArrayRef, column: &Column) -> Result<ArrayRef, StoreError> {
    let texts = key_texts(values, column.column_type).ok_or_else(|| {
        let what = format!("read keys of column {}", column.name);
        StoreError::new(StoreErrorKind::Bug, what)
    })?;
    Ok(Arc::new(StringArray::from_iter(texts)))
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
        let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
        let digits = (hash[..8].iter()).flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
        std::iter::once('#').chain(digits).collect()
    }
}

/// A row of a list of batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) batch: usize,
    pub(crate) row: usize,
}

/// Where each row stands, by its values in these columns; rows with a NULL in them are left out.
///
/// # Errors
/// As [`keys_of`].
pub(crate) fn places_of(
    batches: &[RecordBatch],
    columns: &[String],
    table: &Table,
) -> Result<HashMap<Key, Place>, StoreError> {
    let mut places = HashMap::new();
    for (batch, rows) in batches.iter().enumerate() {
        let keys = keys_of(rows, columns, table)?.into_iter().enumerate();
        places.extend(keys.filter_map(|(row, key)| Some((key?, Place { batch, row }))));
    }
    Ok(places)
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
    use arrow::array::{Date32Array, Float64Array};
    use redistrict_model::{ColumnType, Generated, StoreName};

    use super::*;

    fn table(column_type: ColumnType) -> Table {
        Table {
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
            ..Table::empty(TableRef::new(&StoreName::new("s"), "main", "t"))
        }
    }

    #[test]
    fn keys_are_read_as_the_type_that_the_table_has() {
        let columns = ["c".to_owned()];
        let days: ArrayRef = Arc::new(Date32Array::from(vec![Some(i32::MAX), None]));
        let batch = RecordBatch::try_from_iter_with_nullable([("c", days, true)]).unwrap();
        let table_of_dates = table(ColumnType::Date);
        assert_eq!(
            keys_of(&batch, &columns, &table_of_dates).unwrap(),
            [Some(Key::of("infinity")), None]
        );
        let other = ["d".to_owned()];
        assert!(keys_of(&batch, &other, &table_of_dates).is_err());
        let numbers: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
        let batch = RecordBatch::try_from_iter([("c", numbers)]).unwrap();
        assert!(keys_of(&batch, &columns, &table(ColumnType::Float64)).is_err());
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
