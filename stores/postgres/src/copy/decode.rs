//! Binary COPY to record batches: every value exactly, or an error that names table and column.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Float32Builder, Float64Builder,
    Int16Builder, Int32Builder, Int64Builder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Schema};
use bytes::{Buf, Bytes, BytesMut};
use redistrict_model::TableRef;
use redistrict_store::{MAX_VALUE_BYTES, StoreError};

use super::{EPOCH_DAYS, EPOCH_MICROS};
use crate::error::{bug, data};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
const HEADER_LENGTH: usize = 19;
const MAX_ROWS: usize = 8192;
/// A batch is closed early when its values outgrow this.
const MAX_BYTES: usize = 32 << 20;

/// Turns the bytes of one or more COPY streams of the same columns into batches.
pub(crate) struct Decoder {
    table: TableRef,
    schema: Arc<Schema>,
    columns: Vec<Values>,
    rows: usize,
    bytes: usize,
    pending: BytesMut,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Header,
    Rows,
    End,
}

enum Values {
    Bool(BooleanBuilder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Bytes(BinaryBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
    Text(StringBuilder),
}

/// Why a field was refused.
enum Refused {
    Length,
    Range,
    Encoding,
}

impl Decoder {
    pub(crate) fn new(table: &TableRef, schema: &Arc<Schema>) -> Result<Self, StoreError> {
        let columns = schema
            .fields()
            .iter()
            .map(|field| {
                Values::of(field.data_type())
                    .ok_or_else(|| bug(format!("read type {}", field.data_type())).at(table))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            table: table.clone(),
            schema: Arc::clone(schema),
            columns,
            rows: 0,
            bytes: 0,
            pending: BytesMut::new(),
            place: Place::Header,
        })
    }

    /// Takes bytes as they come; a row may be split anywhere.
    pub(crate) fn push(&mut self, chunk: &Bytes) {
        self.pending.extend_from_slice(chunk);
    }

    /// Decodes what is complete until a batch is full; none if more bytes are needed.
    pub(crate) fn next_batch(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        loop {
            if self.rows >= MAX_ROWS || self.bytes >= MAX_BYTES {
                return self.take_batch().map(Some);
            }
            let has_advanced = match self.place {
                Place::Header => self.header()?,
                Place::Rows => self.row()?,
                Place::End => false,
            };
            if !has_advanced {
                return Ok(None);
            }
        }
    }

    /// The stream has ended: it must have said so itself. The next one may begin.
    pub(crate) fn end_stream(&mut self) -> Result<(), StoreError> {
        if self.place != Place::End || !self.pending.is_empty() {
            return Err(self.malformed());
        }
        self.place = Place::Header;
        Ok(())
    }

    /// The rows of the last, smaller batch; none if there are none.
    pub(crate) fn rest(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        if self.rows == 0 {
            Ok(None)
        } else {
            self.take_batch().map(Some)
        }
    }

    fn header(&mut self) -> Result<bool, StoreError> {
        let Some(header) = self.pending.get(..HEADER_LENGTH) else {
            return Ok(false);
        };
        let extension = u32::from_be_bytes([header[15], header[16], header[17], header[18]]);
        if !header.starts_with(SIGNATURE) || header[11..15] != [0; 4] || extension != 0 {
            return Err(self.malformed());
        }
        self.pending.advance(HEADER_LENGTH);
        self.place = Place::Rows;
        Ok(true)
    }

    /// Decodes one row if it is there whole.
    fn row(&mut self) -> Result<bool, StoreError> {
        let Some(length) = self.row_length()? else {
            return Ok(false);
        };
        let mut row = self.pending.split_to(length);
        if row.get_i16() == -1 {
            self.place = Place::End;
            return Ok(true);
        }
        for (place, values) in self.columns.iter_mut().enumerate() {
            let size = row.get_i32();
            let field = usize::try_from(size).ok().map(|size| row.split_to(size));
            values.push(field.as_deref()).map_err(|refused| {
                let what = match refused {
                    Refused::Length => "read a value of another size than its type",
                    Refused::Range => "hold a date or time outside the range of microseconds",
                    Refused::Encoding => "read text that is not UTF-8",
                };
                data(&self.table, self.schema.field(place).name(), what)
            })?;
        }
        self.rows += 1;
        self.bytes += length;
        Ok(true)
    }

    /// The length of the first pending row, if it is complete.
    fn row_length(&self) -> Result<Option<usize>, StoreError> {
        let bytes = &self.pending[..];
        let Some(count) = bytes.first_chunk::<2>() else {
            return Ok(None);
        };
        let count = i16::from_be_bytes(*count);
        if count == -1 {
            return Ok(Some(2));
        }
        if usize::try_from(count) != Ok(self.columns.len()) {
            return Err(self.malformed());
        }
        let mut at = 2_usize;
        for place in 0..self.columns.len() {
            let Some(size) = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>) else {
                return Ok(None);
            };
            let size = usize::try_from(i32::from_be_bytes(*size)).unwrap_or(0);
            if size > MAX_VALUE_BYTES {
                let what = "hold a value of more than 32 MB";
                return Err(data(&self.table, self.schema.field(place).name(), what));
            }
            at += 4 + size;
        }
        Ok((at <= bytes.len()).then_some(at))
    }

    fn take_batch(&mut self) -> Result<RecordBatch, StoreError> {
        let arrays: Vec<ArrayRef> = self.columns.iter_mut().map(Values::finish).collect();
        self.rows = 0;
        self.bytes = 0;
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .map_err(|_| bug("assemble a record batch").at(&self.table))
    }

    fn malformed(&self) -> StoreError {
        bug("read the server's binary COPY format").at(&self.table)
    }
}

impl Values {
    fn of(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Boolean => Self::Bool(BooleanBuilder::new()),
            DataType::Int16 => Self::Int16(Int16Builder::new()),
            DataType::Int32 => Self::Int32(Int32Builder::new()),
            DataType::Int64 => Self::Int64(Int64Builder::new()),
            DataType::Float32 => Self::Float32(Float32Builder::new()),
            DataType::Float64 => Self::Float64(Float64Builder::new()),
            DataType::Binary => Self::Bytes(BinaryBuilder::new()),
            DataType::Date32 => Self::Date(Date32Builder::new()),
            DataType::Utf8 => Self::Text(StringBuilder::new()),
            DataType::Timestamp(_, zone) => {
                Self::Timestamp(TimestampMicrosecondBuilder::new().with_timezone_opt(zone.clone()))
            }
            _ => return None,
        })
    }

    fn push(&mut self, field: Option<&[u8]>) -> Result<(), Refused> {
        match self {
            Self::Bool(values) => {
                let value = field.map(fixed::<1>).transpose()?;
                values.append_option(value.map(|byte| byte != [0]));
            }
            Self::Int16(values) => {
                values.append_option(field.map(fixed).transpose()?.map(i16::from_be_bytes));
            }
            Self::Int32(values) => {
                values.append_option(field.map(fixed).transpose()?.map(i32::from_be_bytes));
            }
            Self::Int64(values) => {
                values.append_option(field.map(fixed).transpose()?.map(i64::from_be_bytes));
            }
            Self::Float32(values) => {
                values.append_option(field.map(fixed).transpose()?.map(f32::from_be_bytes));
            }
            Self::Float64(values) => {
                values.append_option(field.map(fixed).transpose()?.map(f64::from_be_bytes));
            }
            Self::Bytes(values) => values.append_option(field),
            Self::Date(values) => {
                let days = field.map(fixed).transpose()?.map(i32::from_be_bytes);
                values.append_option(days.map(since_1970_days).transpose()?);
            }
            Self::Timestamp(values) => {
                let micros = field.map(fixed).transpose()?.map(i64::from_be_bytes);
                values.append_option(micros.map(since_1970_micros).transpose()?);
            }
            Self::Text(values) => {
                let text = field.map(std::str::from_utf8).transpose();
                values.append_option(text.map_err(|_| Refused::Encoding)?);
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Bool(values) => Arc::new(values.finish()),
            Self::Int16(values) => Arc::new(values.finish()),
            Self::Int32(values) => Arc::new(values.finish()),
            Self::Int64(values) => Arc::new(values.finish()),
            Self::Float32(values) => Arc::new(values.finish()),
            Self::Float64(values) => Arc::new(values.finish()),
            Self::Bytes(values) => Arc::new(values.finish()),
            Self::Date(values) => Arc::new(values.finish()),
            Self::Timestamp(values) => Arc::new(values.finish()),
            Self::Text(values) => Arc::new(values.finish()),
        }
    }
}

fn fixed<const N: usize>(field: &[u8]) -> Result<[u8; N], Refused> {
    field.try_into().map_err(|_| Refused::Length)
}

/// `i32::MIN` and `i32::MAX` are the infinities on both sides.
fn since_1970_days(days: i32) -> Result<i32, Refused> {
    if days == i32::MIN || days == i32::MAX {
        return Ok(days);
    }
    let shifted = days.checked_add(EPOCH_DAYS).ok_or(Refused::Range)?;
    if shifted == i32::MAX {
        Err(Refused::Range)
    } else {
        Ok(shifted)
    }
}

/// `i64::MIN` and `i64::MAX` are the infinities on both sides.
fn since_1970_micros(micros: i64) -> Result<i64, Refused> {
    if micros == i64::MIN || micros == i64::MAX {
        return Ok(micros);
    }
    let shifted = micros.checked_add(EPOCH_MICROS).ok_or(Refused::Range)?;
    if shifted == i64::MAX {
        Err(Refused::Range)
    } else {
        Ok(shifted)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array as _, AsArray as _};
    use arrow::datatypes::{Field, Int32Type};
    use redistrict_model::StoreName;

    use super::*;

    fn decoder() -> Decoder {
        let schema = Arc::new(Schema::new(vec![
            Field::new("a", DataType::Int32, true),
            Field::new("b", DataType::Utf8, true),
        ]));
        let table = TableRef::new(&StoreName::new("s"), "public", "t");
        Decoder::new(&table, &schema).unwrap()
    }

    fn stream() -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([0; 8]);
        bytes.extend([0, 2, 0, 0, 0, 4, 0, 0, 0, 7, 0, 0, 0, 2]);
        bytes.extend("ä".as_bytes());
        bytes.extend([0, 2, 255, 255, 255, 255, 0, 0, 0, 0]);
        bytes.extend([255, 255]);
        bytes
    }

    #[test]
    fn rows_may_be_split_at_any_byte() {
        let bytes = stream();
        for cut in 0..bytes.len() {
            let mut decoder = decoder();
            for part in [&bytes[..cut], &bytes[cut..]] {
                decoder.push(&Bytes::copy_from_slice(part));
                assert!(decoder.next_batch().unwrap().is_none());
            }
            decoder.end_stream().unwrap();
            let batch = decoder.rest().unwrap().unwrap();
            let (a, b) = (batch.column(0), batch.column(1));
            assert_eq!(a.as_primitive::<Int32Type>().value(0), 7);
            assert!(a.is_null(1));
            assert_eq!(b.as_string::<i32>().value(0), "ä");
            assert_eq!(b.as_string::<i32>().value(1), "");
        }
    }

    #[test]
    fn a_stream_that_stops_early_is_an_error() {
        let bytes = stream();
        for length in 0..bytes.len() {
            let mut decoder = decoder();
            decoder.push(&Bytes::copy_from_slice(&bytes[..length]));
            decoder.next_batch().unwrap();
            assert!(decoder.end_stream().is_err(), "{length}");
        }
    }

    #[test]
    fn a_value_over_the_limit_is_refused_before_it_has_come() {
        let mut decoder = decoder();
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([0; 8]);
        bytes.extend([0, 2, 0, 0, 0, 4, 0, 0, 0, 7]);
        bytes.extend((i32::try_from(MAX_VALUE_BYTES).unwrap() + 1).to_be_bytes());
        decoder.push(&Bytes::from(bytes));
        let error = decoder.next_batch().unwrap_err();
        assert!(error.to_string().contains("s.public.t.b"), "{error}");
    }

    #[test]
    fn finite_times_that_microseconds_since_1970_cannot_hold_are_refused() {
        assert!(since_1970_micros(i64::MAX).is_ok());
        assert!(since_1970_micros(i64::MIN).is_ok());
        assert!(since_1970_micros(i64::MAX - 1).is_err());
        assert!(since_1970_micros(i64::MAX - EPOCH_MICROS).is_err());
        assert!(since_1970_micros(i64::MAX - EPOCH_MICROS - 1).is_ok());
        assert!(since_1970_days(i32::MAX - 1).is_err());
    }
}
