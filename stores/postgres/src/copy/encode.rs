//! Record batches to binary COPY, for staging columns.

use arrow::array::{Array, AsArray as _, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};
use bytes::{BufMut as _, Bytes, BytesMut};
use redistrict_model::TableRef;
use redistrict_store::StoreError;

use super::{EPOCH_DAYS, EPOCH_MICROS};
use crate::error::{bug, data};

/// What a stream begins with.
pub(crate) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
pub(crate) const TRAILER: &[u8] = b"\xff\xff";
const CHUNK: usize = 128 << 10;

/// Encodes the batches of one table.
pub(crate) struct Encoder<'a> {
    table: &'a TableRef,
    /// Name and Arrow type of each column.
    columns: Vec<(&'a str, DataType)>,
}

impl<'a> Encoder<'a> {
    pub(crate) fn new(table: &'a TableRef, columns: Vec<(&'a str, DataType)>) -> Self {
        Self { table, columns }
    }

    /// The rows of a batch in pieces of about 128 KiB.
    pub(crate) fn encode(&self, batch: &RecordBatch) -> Result<Vec<Bytes>, StoreError> {
        self.check(batch)?;
        let count = i16::try_from(self.columns.len())
            .map_err(|_| bug("write a table of so many columns").at(self.table))?;
        let mut pieces = Vec::new();
        let mut out = BytesMut::with_capacity(CHUNK + CHUNK / 8);
        for row in 0..batch.num_rows() {
            out.put_i16(count);
            for (place, (name, _)) in self.columns.iter().enumerate() {
                put(&mut out, batch.column(place), row)
                    .map_err(|what| data(self.table, name, what))?;
            }
            if out.len() >= CHUNK {
                pieces.push(out.split().freeze());
            }
        }
        pieces.push(out.freeze());
        Ok(pieces)
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
