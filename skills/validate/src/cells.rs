//! The cells of one column of a batch, as canonical text: the same value has the same text in every
//! type and every store (`redistrict_model::Key`). Nothing here decides anything.

use std::borrow::Cow;
use std::io::Write;

use arrow::array::{
    Array, AsArray, BinaryArray, BooleanArray, PrimitiveArray, RecordBatch, StringArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use redistrict_artifact::date_text;
use redistrict_model::calendar::{Zone, timestamp_text};
use redistrict_model::{ColumnType, Membership, Table, array_text};

/// Some rows of a table, and the place of the first one within the table (0 and up).
pub(crate) struct TableBatch<'a> {
    pub(crate) rows: &'a RecordBatch,
    pub(crate) membership: &'a [Membership],
    pub(crate) first: u64,
}

impl TableBatch<'_> {
    pub(crate) fn len(&self) -> usize {
        self.rows.num_rows()
    }

    /// The place of a row of this batch within its table.
    pub(crate) fn place(&self, row: usize) -> u64 {
        self.first + row as u64
    }
}

enum Values<'a> {
    Bool(&'a BooleanArray),
    Int16(&'a PrimitiveArray<Int16Type>),
    Int32(&'a PrimitiveArray<Int32Type>),
    Int64(&'a PrimitiveArray<Int64Type>),
    Float32(&'a PrimitiveArray<Float32Type>),
    Float64(&'a PrimitiveArray<Float64Type>),
    Date(&'a PrimitiveArray<Date32Type>),
    Stamp(&'a PrimitiveArray<TimestampMicrosecondType>),
    Text(&'a StringArray),
    Bytes(&'a BinaryArray),
}

/// One cell. Text borrows from the batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Days since 1970.
    Date(i32),
    /// Microseconds since 1970.
    Stamp(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// The cells of one column.
pub(crate) struct Cells<'a> {
    values: Values<'a>,
    column_type: ColumnType,
    element: Option<ColumnType>,
}

/// A text that is no value of its column's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoValue;

impl<'a> Cells<'a> {
    /// The column of that name, with the type the plan knows for it; none if the batch has no such
    /// column, or one of an Arrow type that no column travels as.
    pub(crate) fn of(rows: &'a RecordBatch, column: &str, table: &Table) -> Option<Self> {
        let array: &dyn Array = rows.column_by_name(column)?.as_ref();
        let values = match array.data_type() {
            DataType::Boolean => Values::Bool(array.as_boolean()),
            DataType::Int16 => Values::Int16(array.as_primitive()),
            DataType::Int32 => Values::Int32(array.as_primitive()),
            DataType::Int64 => Values::Int64(array.as_primitive()),
            DataType::Float32 => Values::Float32(array.as_primitive()),
            DataType::Float64 => Values::Float64(array.as_primitive()),
            DataType::Date32 => Values::Date(array.as_primitive()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => Values::Stamp(array.as_primitive()),
            DataType::Utf8 => Values::Text(array.as_string()),
            DataType::Binary => Values::Bytes(array.as_binary()),
            _ => return None,
        };
        let known = table.column(column);
        Some(Self {
            values,
            column_type: known.map_or(ColumnType::Text, |c| c.column_type),
            element: known.and_then(|c| c.element),
        })
    }

    pub(crate) fn column_type(&self) -> ColumnType {
        self.column_type
    }

    /// The type of an array's elements; none for what is no array.
    pub(crate) fn element_type(&self) -> Option<ColumnType> {
        self.element
    }

    /// The texts that a cell consists of: of an array its elements without the NULLs, else its own;
    /// none for NULL and for cells that are no text.
    ///
    /// # Errors
    /// The text is no array, and the column is one.
    pub(crate) fn single_texts(&self, row: usize) -> Result<Vec<Cow<'a, str>>, NoValue> {
        let Some(text) = self.text(row) else {
            return Ok(Vec::new());
        };
        if self.column_type != ColumnType::Array {
            return Ok(vec![Cow::Borrowed(text)]);
        }
        let elements = array_text::elements(text).ok_or(NoValue)?;
        Ok(elements.into_iter().flatten().map(Cow::Owned).collect())
    }

    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.cell(row) == Cell::Null
    }

    pub(crate) fn cell(&self, row: usize) -> Cell<'a> {
        macro_rules! cell {
            ($values:expr, $make:expr) => {
                if $values.is_null(row) {
                    Cell::Null
                } else {
                    $make($values.value(row))
                }
            };
        }
        match self.values {
            Values::Bool(values) => cell!(values, Cell::Bool),
            Values::Int16(values) => cell!(values, |value: i16| Cell::Int(value.into())),
            Values::Int32(values) => cell!(values, |value: i32| Cell::Int(value.into())),
            Values::Int64(values) => cell!(values, Cell::Int),
            Values::Float32(values) => cell!(values, |value: f32| Cell::Float(value.into())),
            Values::Float64(values) => cell!(values, Cell::Float),
            Values::Date(values) => cell!(values, Cell::Date),
            Values::Stamp(values) => cell!(values, Cell::Stamp),
            Values::Text(values) => cell!(values, Cell::Text),
            Values::Bytes(values) => cell!(values, Cell::Bytes),
        }
    }

    /// The text of a text cell; none for NULL and for other types.
    pub(crate) fn text(&self, row: usize) -> Option<&'a str> {
        match self.cell(row) {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Appends the canonical text of a cell; false for NULL.
    pub(crate) fn append(&self, row: usize, out: &mut Vec<u8>) -> bool {
        match self.cell(row) {
            Cell::Null => return false,
            Cell::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
            Cell::Int(value) => print(out, format_args!("{value}")),
            Cell::Float(value) => print(out, format_args!("{}", value + 0.0)),
            Cell::Date(days) => out.extend_from_slice(date_text(days).as_bytes()),
            Cell::Stamp(micros) => {
                let zone = match self.column_type {
                    ColumnType::TimestampTz => Zone::Utc,
                    _ => Zone::Local,
                };
                out.extend_from_slice(timestamp_text(micros, zone).as_bytes());
            }
            Cell::Text(text) => out.extend_from_slice(self.canonical(text).as_bytes()),
            Cell::Bytes(bytes) => {
                out.extend_from_slice(b"\\x");
                for byte in bytes {
                    print(out, format_args!("{byte:02x}"));
                }
            }
        }
        true
    }

    /// The canonical text of a cell on its own.
    pub(crate) fn canonical_text(&self, row: usize) -> Option<String> {
        let mut out = Vec::new();
        self.append(row, &mut out)
            .then(|| String::from_utf8_lossy(&out).into_owned())
    }

    fn canonical<'t>(&self, text: &'t str) -> &'t str {
        match self.column_type {
            ColumnType::Char => text.trim_end_matches(' '),
            ColumnType::Numeric => canonical_number(text),
            _ => text,
        }
    }
}

#[expect(
    clippy::let_underscore_must_use,
    reason = "writing into memory cannot fail"
)]
fn print(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

/// A decimal number without trailing zeros after the point; minus zero is zero.
fn canonical_number(text: &str) -> &str {
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'));
    if !is_plain || !text.contains('.') {
        return text;
    }
    match text.trim_end_matches('0').trim_end_matches('.') {
        "-0" | "-" | "" => "0",
        trimmed => trimmed,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Date32Array, TimestampMicrosecondArray};
    use redistrict_model::{Column, Generated, StoreName, TableKind, TableRef};

    use super::*;

    #[test]
    fn numbers_lose_only_zeros_that_say_nothing() {
        for (text, expected) in [
            ("42", "42"),
            ("42.00", "42"),
            ("100", "100"),
            ("-0.0", "0"),
            ("1.50", "1.5"),
            ("NaN", "NaN"),
        ] {
            assert_eq!(canonical_number(text), expected);
        }
    }

    #[test]
    fn days_and_moments_have_the_texts_of_keys() {
        let days: ArrayRef = Arc::new(Date32Array::from(vec![-719_528, i32::MAX]));
        let micros = TimestampMicrosecondArray::from(vec![1_500_000, i64::MIN]);
        let zoned: ArrayRef = Arc::new(micros.clone().with_timezone("UTC"));
        let micros: ArrayRef = Arc::new(micros);
        let columns = [
            (ColumnType::Date, days),
            (ColumnType::Timestamp, micros),
            (ColumnType::TimestampTz, zoned),
        ];
        for (column_type, values) in columns {
            let keys = redistrict_artifact::key_texts(&values, column_type).unwrap();
            let batch = RecordBatch::try_from_iter([("c", values)]).unwrap();
            let cells = Cells::of(&batch, "c", &table(column_type)).unwrap();
            for (row, key) in keys.iter().enumerate() {
                assert_eq!(cells.canonical_text(row).as_deref(), key.as_deref());
            }
        }
    }

    fn table(column_type: ColumnType) -> Table {
        Table {
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
            inherits: None,
            estimated_rows: None,
        }
    }
}
