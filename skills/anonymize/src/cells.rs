//! Cells of Arrow columns as values of masks, and back. Knows every type that a column travels as.

use std::borrow::Cow;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Date32Array, Float32Array, Float64Array, Int16Array,
    Int32Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};

use crate::masks::{Masked, Value};

/// A cell's value, owned where it has to be written out.
pub(crate) enum Cell<'a> {
    Text(Cow<'a, str>),
    Days(i32),
    Micros(i64),
    Bytes(&'a [u8]),
    Bool(bool),
}

impl Cell<'_> {
    /// As a value for a mask; booleans have none.
    pub(crate) fn value(&self) -> Option<Value<'_>> {
        Some(match self {
            Self::Text(text) => Value::Text(text),
            Self::Days(days) => Value::Days(*days),
            Self::Micros(micros) => Value::Micros(*micros),
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Bool(_) => return None,
        })
    }
}

/// The cell of a row; none for NULL and for types that no column travels as.
pub(crate) fn cell(array: &dyn Array, row: usize) -> Option<Cell<'_>> {
    if array.is_null(row) {
        return None;
    }
    let text = |text: String| Cell::Text(Cow::Owned(text));
    Some(match array.data_type() {
        DataType::Utf8 => Cell::Text(Cow::Borrowed(array.as_string::<i32>().value(row))),
        DataType::Int16 => text(array.as_primitive::<Int16Type>().value(row).to_string()),
        DataType::Int32 => text(array.as_primitive::<Int32Type>().value(row).to_string()),
        DataType::Int64 => text(array.as_primitive::<Int64Type>().value(row).to_string()),
        DataType::Float32 => text(float_text(array.as_primitive::<Float32Type>().value(row))),
        DataType::Float64 => text(float_text(array.as_primitive::<Float64Type>().value(row))),
        DataType::Date32 => Cell::Days(array.as_primitive::<Date32Type>().value(row)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Cell::Micros(array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::Binary => Cell::Bytes(array.as_binary::<i32>().value(row)),
        DataType::Boolean => Cell::Bool(array.as_boolean().value(row)),
        _ => return None,
    })
}

/// Numbers with a fraction, as texts.
pub(crate) trait FloatText:
    Copy + Into<f64> + std::fmt::Display + std::fmt::LowerExp
{
    /// From this power of ten on PostgreSQL writes an exponent.
    const LARGE: i32;

    /// As PostgreSQL prints it.
    fn printed(self) -> String {
        let value: f64 = self.into();
        if value.is_infinite() {
            return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
        }
        let scientific = format!("{self:e}");
        let Some((mantissa, exponent)) = scientific.split_once('e') else {
            return scientific;
        };
        match exponent.parse::<i32>() {
            Ok(power) if power >= Self::LARGE || power < -4 => {
                let sign = if power < 0 { '-' } else { '+' };
                format!("{mantissa}e{sign}{:02}", power.unsigned_abs())
            }
            _ => format!("{self}"),
        }
    }
}

impl FloatText for f32 {
    const LARGE: i32 = 6;
}

impl FloatText for f64 {
    const LARGE: i32 = 15;
}

/// Plain decimals where they are short, else with an exponent; zero has no sign.
pub(crate) fn float_text<T: FloatText>(number: T) -> String {
    let value: f64 = number.into();
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() || (1e-5..1e16).contains(&value.abs()) {
        return format!("{number}");
    }
    format!("{number:e}")
}

/// A masked value that the column's type cannot hold.
pub(crate) struct DoesNotFit;

/// Builds a column of a type from masked values; `None` is NULL.
pub(crate) fn column(
    data_type: &DataType,
    values: Vec<Option<Masked>>,
) -> Result<ArrayRef, DoesNotFit> {
    macro_rules! numbers {
        ($array:ty) => {{
            let numbers: Result<Vec<_>, DoesNotFit> =
                values.into_iter().map(|value| number(value)).collect();
            std::sync::Arc::new(<$array>::from(numbers?))
        }};
    }
    Ok(match data_type {
        DataType::Utf8 => {
            let texts = values.into_iter().map(|value| match value {
                None | Some(Masked::Null) => Ok(None),
                Some(Masked::Text(text)) => Ok(Some(text)),
                Some(_) => Err(DoesNotFit),
            });
            std::sync::Arc::new(StringArray::from(texts.collect::<Result<Vec<_>, _>>()?))
        }
        DataType::Int16 => numbers!(Int16Array),
        DataType::Int32 => numbers!(Int32Array),
        DataType::Int64 => numbers!(Int64Array),
        DataType::Float32 => numbers!(Float32Array),
        DataType::Float64 => numbers!(Float64Array),
        DataType::Date32 => {
            let days = values.into_iter().map(|value| match value {
                None | Some(Masked::Null) => Ok(None),
                Some(Masked::Days(days)) => Ok(Some(days)),
                Some(_) => Err(DoesNotFit),
            });
            std::sync::Arc::new(Date32Array::from(days.collect::<Result<Vec<_>, _>>()?))
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let micros = values.into_iter().map(|value| match value {
                None | Some(Masked::Null) => Ok(None),
                Some(Masked::Micros(micros)) => Ok(Some(micros)),
                Some(_) => Err(DoesNotFit),
            });
            let micros = micros.collect::<Result<Vec<_>, _>>()?;
            let array = TimestampMicrosecondArray::from(micros);
            std::sync::Arc::new(array.with_timezone_opt(zone.clone()))
        }
        DataType::Binary => {
            let bytes = values.into_iter().map(|value| match value {
                None | Some(Masked::Null) => Ok(None),
                Some(Masked::Bytes(bytes)) => Ok(Some(bytes)),
                Some(_) => Err(DoesNotFit),
            });
            let bytes = bytes.collect::<Result<Vec<_>, _>>()?;
            std::sync::Arc::new(bytes.into_iter().collect::<BinaryArray>())
        }
        DataType::Boolean
            if values
                .iter()
                .all(|value| matches!(value, None | Some(Masked::Null))) =>
        {
            arrow::array::new_null_array(data_type, values.len())
        }
        _ => return Err(DoesNotFit),
    })
}

fn number<T: std::str::FromStr>(value: Option<Masked>) -> Result<Option<T>, DoesNotFit> {
    match value {
        None | Some(Masked::Null) => Ok(None),
        Some(Masked::Text(text)) => text.parse().map(Some).map_err(|_| DoesNotFit),
        Some(_) => Err(DoesNotFit),
    }
}
