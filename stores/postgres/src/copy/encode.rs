//! Record batches to binary COPY, for staging columns.

use arrow::array::{Array, AsArray as _, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};
use bytes::{BufMut as _, Bytes, BytesMut};
use redistrict_model::TableRef;
use redistrict_store::{StoreError, StoreErrorKind};

use super::{EPOCH_DAYS, EPOCH_MICROS};
use crate::error::{bug, data};

/// What a stream begins with.
pub(crate) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
pub(crate) const TRAILER: &[u8] = b"\xff\xff";
const CHUNK: usize = 128 << 10;

/// One field of a row of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// The value of the batch's column at this place.
    Value(usize),
    /// The values of the columns at these places, as an array of one dimension.
    Array {
        /// The server's number of the type of its elements.
        element: u32,
        places: Vec<usize>,
    },
}

/// Encodes the batches of one table.
pub(crate) struct Encoder<'a> {
    table: &'a TableRef,
    /// Name and Arrow type of each column.
    columns: Vec<(&'a str, DataType)>,
    fields: Vec<Field>,
}

impl<'a> Encoder<'a> {
    /// `columns` are those of the batches, `fields` those of the stream.
    pub(crate) fn new(
        table: &'a TableRef,
        columns: Vec<(&'a str, DataType)>,
        fields: Vec<Field>,
    ) -> Self {
        Self {
            table,
            columns,
            fields,
        }
    }

    /// The rows of a batch in pieces of about 128 KiB.
    pub(crate) fn encode(&self, batch: &RecordBatch) -> Result<Vec<Bytes>, StoreError> {
        self.check(batch)?;
        let count = i16::try_from(self.fields.len())
            .map_err(|_| bug("write a table of so many columns").at(self.table))?;
        let mut pieces = Vec::new();
        let mut out = BytesMut::with_capacity(CHUNK + CHUNK / 8);
        for row in 0..batch.num_rows() {
            out.put_i16(count);
            for field in &self.fields {
                match field {
                    Field::Value(place) => self.value(&mut out, batch, *place, row)?,
                    Field::Array { element, places } => {
                        self.array(&mut out, batch, (*element, places), row)?;
                    }
                }
            }
            if out.len() >= CHUNK {
                pieces.push(out.split().freeze());
            }
        }
        pieces.push(out.freeze());
        Ok(pieces)
    }

    fn value(
        &self,
        out: &mut BytesMut,
        batch: &RecordBatch,
        place: usize,
        row: usize,
    ) -> Result<(), StoreError> {
        let column = self.columns.get(place);
        let (name, _) = column.ok_or_else(|| bug("find a column to write").at(self.table))?;
        put(out, batch.column(place), row).map_err(|what| data(self.table, name, what))
    }

    /// Elements are written as fields are: each with its length.
    fn array(
        &self,
        out: &mut BytesMut,
        batch: &RecordBatch,
        (element, places): (u32, &[usize]),
        row: usize,
    ) -> Result<(), StoreError> {
        const DIMENSIONS: i32 = 1;
        const MAY_HAVE_NULLS: i32 = 1;
        const FIRST_INDEX: i32 = 1;
        let too_large = || {
            let what = "write a row: its values of one type have more than 2 GiB";
            StoreError::new(StoreErrorKind::Data, what).at(self.table)
        };
        let at = out.len();
        out.put_i32(0);
        out.put_i32(DIMENSIONS);
        out.put_i32(MAY_HAVE_NULLS);
        out.put_u32(element);
        out.put_i32(i32::try_from(places.len()).map_err(|_| too_large())?);
        out.put_i32(FIRST_INDEX);
        for place in places {
            self.value(out, batch, *place, row)?;
        }
        let length = i32::try_from(out.len() - at - 4).map_err(|_| too_large())?;
        out[at..at + 4].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }

    fn check(&self, batch: &RecordBatch) -> Result<(), StoreError> {
        if batch.num_columns() != self.columns.len() {
            return Err(bug("write a batch of other columns").at(self.table));
        }
        for (array, (name, data_type)) in batch.columns().iter().zip(&self.columns) {
            if array.data_type() != data_type {
                return Err(data(self.table, name, "write values of another Arrow type"));
            }
        }
        Ok(())
    }
}

fn put(out: &mut BytesMut, array: &dyn Array, row: usize) -> Result<(), &'static str> {
    if array.is_null(row) {
        out.put_i32(-1);
        return Ok(());
    }
    match array.data_type() {
        DataType::Boolean => sized(out, &[u8::from(array.as_boolean().value(row))])?,
        DataType::Int16 => {
            sized(
                out,
                &array.as_primitive::<Int16Type>().value(row).to_be_bytes(),
            )?;
        }
        DataType::Int32 => {
            sized(
                out,
                &array.as_primitive::<Int32Type>().value(row).to_be_bytes(),
            )?;
        }
        DataType::Int64 => {
            sized(
                out,
                &array.as_primitive::<Int64Type>().value(row).to_be_bytes(),
            )?;
        }
        DataType::Float32 => {
            sized(
                out,
                &array.as_primitive::<Float32Type>().value(row).to_be_bytes(),
            )?;
        }
        DataType::Float64 => {
            sized(
                out,
                &array.as_primitive::<Float64Type>().value(row).to_be_bytes(),
            )?;
        }
        DataType::Binary => sized(out, array.as_binary::<i32>().value(row))?,
        DataType::Utf8 => {
            let text = array.as_string::<i32>().value(row).as_bytes();
            if text.contains(&0) {
                return Err("write a text with a NUL character");
            }
            sized(out, text)?;
        }
        DataType::Date32 => {
            let days = since_2000_days(array.as_primitive::<Date32Type>().value(row));
            sized(out, &days.ok_or("write a date out of range")?.to_be_bytes())?;
        }
        DataType::Timestamp(..) => {
            let value = array.as_primitive::<TimestampMicrosecondType>().value(row);
            let micros = since_2000_micros(value).ok_or("write a time out of range")?;
            sized(out, &micros.to_be_bytes())?;
        }
        _ => return Err("write a type that does not move"),
    }
    Ok(())
}

fn sized(out: &mut BytesMut, value: &[u8]) -> Result<(), &'static str> {
    out.put_i32(i32::try_from(value.len()).map_err(|_| "write a value over 2 GiB")?);
    out.put_slice(value);
    Ok(())
}

fn since_2000_days(days: i32) -> Option<i32> {
    if days == i32::MIN || days == i32::MAX {
        Some(days)
    } else {
        days.checked_sub(EPOCH_DAYS)
    }
}

fn since_2000_micros(micros: i64) -> Option<i64> {
    let is_infinite = micros == i64::MIN || micros == i64::MAX;
    if is_infinite {
        return Some(micros);
    }
    micros
        .checked_sub(EPOCH_MICROS)
        .filter(|shifted| *shifted != i64::MIN)
}
