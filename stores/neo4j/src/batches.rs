//! Records to record batches: every value exactly, or an error that names table and column.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanArray, BooleanBuilder, Date32Builder, Float64Builder,
    Int64Builder, RecordBatch, StringBuilder,
};
use arrow::compute::filter;
use arrow::datatypes::{DataType, Schema};
use neo4j::ValueReceive;
use redistrict_model::TableRef;
use redistrict_store::{MAX_VALUE_BYTES, StoreError};

use crate::bolt::Record;
use crate::dates;
use crate::error::{bug, data};
use crate::layout::{Field, Layout};
use crate::types::Form;
use crate::values::{self, Refusal};

const MAX_ROWS: usize = 8192;
/// A batch is closed early when its values outgrow this.
const MAX_BYTES: usize = 32 << 20;

enum Values {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Bytes(BinaryBuilder),
    Date(Date32Builder),
    Text(StringBuilder),
}

/// What becomes of a row with a value that its column cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// It is an error: every row has to come.
    Refused,
    /// A row whose value is of another type than the column's is left out: its key was described, but the
    /// row is not the one that was.
    OfOtherType,
    /// The row is left out: it is a candidate, and equal to no row that the columns can hold.
    LeftOut,
}

impl Misfit {
    fn leaves_out(self, refusal: Refusal) -> bool {
        match self {
            Self::Refused => false,
            Self::OfOtherType => refusal == Refusal::OtherType,
            Self::LeftOut => true,
        }
    }
}

/// Gathers the rows of one table.
pub(crate) struct Batches {
    table: TableRef,
    schema: Arc<Schema>,
    columns: Vec<Values>,
    misfit: Misfit,
    /// Which of the gathered rows are given.
    fits: Vec<bool>,
    bytes: usize,
}

impl Batches {
    /// For batches of that schema.
    pub(crate) fn new(
        table: &TableRef,
        schema: &Arc<Schema>,
        misfit: Misfit,
    ) -> Result<Self, StoreError> {
        let columns = schema.fields().iter().map(|field| {
            Values::of(field.data_type())
                .ok_or_else(|| bug(format!("read type {}", field.data_type())).at(table))
        });
        Ok(Self {
            table: table.clone(),
            columns: columns.collect::<Result<_, _>>()?,
            schema: Arc::clone(schema),
            misfit,
            fits: Vec::new(),
            bytes: 0,
        })
    }

    /// Adds a row; gives a batch when one is full.
    pub(crate) fn push(
        &mut self,
        layout: &Layout<'_>,
        record: &Record,
    ) -> Result<Option<RecordBatch>, StoreError> {
        let mut fits = true;
        for (place, column) in self.columns.iter_mut().enumerate() {
            let added = layout
                .field(place, record)
                .and_then(|field| column.push(field));
            self.bytes += match added {
                Ok(bytes) => bytes,
                Err(refusal) if self.misfit.leaves_out(refusal) => {
                    fits = false;
                    column.push_null();
                    0
                }
                Err(refusal) => {
                    let name = self.schema.field(place).name();
                    return Err(data(&self.table, name, refusal.what()));
                }
            };
        }
        self.fits.push(fits);
        if self.fits.len() >= MAX_ROWS || self.bytes >= MAX_BYTES {
            return self.rest();
        }
        Ok(None)
    }

    /// The rows that no batch has yet.
    pub(crate) fn rest(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        self.bytes = 0;
        let fits = std::mem::take(&mut self.fits);
        let mut columns: Vec<ArrayRef> = self.columns.iter_mut().map(Values::finish).collect();
        if !fits.contains(&true) {
            return Ok(None);
        }
        let failed = || bug("make a batch of rows").at(&self.table);
        if fits.contains(&false) {
            let mask = BooleanArray::from(fits);
            for column in &mut columns {
                *column = filter(column.as_ref(), &mask).map_err(|_| failed())?;
            }
        }
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map(Some)
            .map_err(|_| failed())
    }
}

impl Values {
    fn of(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Boolean => Self::Bool(BooleanBuilder::new()),
            DataType::Int64 => Self::Int(Int64Builder::new()),
            DataType::Float64 => Self::Float(Float64Builder::new()),
            DataType::Binary => Self::Bytes(BinaryBuilder::new()),
            DataType::Date32 => Self::Date(Date32Builder::new()),
            DataType::Utf8 => Self::Text(StringBuilder::new()),
            _ => return None,
        })
    }

    /// Adds a value; gives about how many bytes it takes.
    fn push(&mut self, field: Field<'_>) -> Result<usize, Refusal> {
        let (form, value) = match field {
            Field::Null => {
                self.push_null();
                return Ok(0);
            }
            Field::Text(text) => return self.push_text(&text),
            Field::Value(form, value) => (form, value),
        };
        match (self, form, value) {
            (Self::Bool(builder), Form::Bool, ValueReceive::Boolean(value)) => {
                builder.append_value(*value);
            }
            (Self::Int(builder), Form::Int, ValueReceive::Integer(value)) => {
                builder.append_value(*value);
            }
            (Self::Float(builder), Form::Float, ValueReceive::Float(value)) => {
                builder.append_value(*value);
            }
            (Self::Date(builder), Form::Date, ValueReceive::String(text)) => {
                let days = dates::days(text).ok_or(Refusal::OtherType)?;
                builder.append_value(i32::try_from(days).map_err(|_| Refusal::OutOfRange)?);
            }
            (Self::Bytes(builder), Form::Bytes, ValueReceive::Bytes(bytes)) => {
                if bytes.len() > MAX_VALUE_BYTES {
                    return Err(Refusal::TooLarge);
                }
                builder.append_value(bytes);
                return Ok(bytes.len());
            }
            (column @ Self::Text(_), form, value) => {
                if let (Form::Text, ValueReceive::String(text)) = (form, value) {
                    return column.push_text(text);
                }
                let text = values::text_of(form, value)?.ok_or(Refusal::OtherType)?;
                return column.push_text(&text);
            }
            _ => return Err(Refusal::OtherType),
        }
        Ok(8)
    }

    fn push_text(&mut self, text: &str) -> Result<usize, Refusal> {
        let Self::Text(builder) = self else {
            return Err(Refusal::OtherType);
        };
        if text.len() > MAX_VALUE_BYTES {
            return Err(Refusal::TooLarge);
        }
        builder.append_value(text);
        Ok(text.len())
    }

    fn push_null(&mut self) {
        match self {
            Self::Bool(builder) => builder.append_null(),
            Self::Int(builder) => builder.append_null(),
            Self::Float(builder) => builder.append_null(),
            Self::Bytes(builder) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::Text(builder) => builder.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Bool(builder) => Arc::new(builder.finish()),
            Self::Int(builder) => Arc::new(builder.finish()),
            Self::Float(builder) => Arc::new(builder.finish()),
            Self::Bytes(builder) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
        }
    }
}
