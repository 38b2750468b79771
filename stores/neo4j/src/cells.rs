//! The cells of record batches: their canonical text, what is bound for them, and the same values in the
//! notation that holds a value of any type.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, StringArray};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type};
use neo4j::ValueSend;
use redistrict_model::{array_text, calendar};

use crate::moments;
use crate::types::{Element, Form, PropertyType, Scalar};
use crate::values::{self, Refusal};

/// The canonical text of a cell; none is NULL.
pub(crate) fn text(form: Form, cells: &ArrayRef, row: usize) -> Result<Option<String>, Refusal> {
    if cells.is_null(row) {
        return Ok(None);
    }
    let text = match (form, cells.data_type()) {
        (Form::Bool, DataType::Boolean) => cells.as_boolean().value(row).to_string(),
        (Form::Int, DataType::Int64) => cells.as_primitive::<Int64Type>().value(row).to_string(),
        (Form::Float, DataType::Float64) => {
            values::float_text(cells.as_primitive::<Float64Type>().value(row))
        }
        (Form::Bytes, DataType::Binary) => values::bytes_text(cells.as_binary::<i32>().value(row)),
        (Form::Date, DataType::Date32) => {
            calendar::date_text(cells.as_primitive::<Date32Type>().value(row).into())
        }
        (
            Form::Text
            | Form::Time
            | Form::DateTime
            | Form::Interval
            | Form::List(_)
            | Form::Tagged,
            DataType::Utf8,
        ) => cells.as_string::<i32>().value(row).to_owned(),
        _ => return Err(Refusal::OtherType),
    };
    Ok(Some(text))
}

/// What is bound for a cell, for `statement::made_value` to make the property's value of.
pub(crate) fn bound(form: Form, cells: &ArrayRef, row: usize) -> Result<ValueSend, Refusal> {
    if cells.is_null(row) {
        return Ok(ValueSend::Null);
    }
    match (form, cells.data_type()) {
        (Form::Float, DataType::Float64) => Ok(ValueSend::Float(
            cells.as_primitive::<Float64Type>().value(row),
        )),
        (Form::Bytes, DataType::Binary) => Ok(ValueSend::Bytes(
            cells.as_binary::<i32>().value(row).to_vec(),
        )),
        _ => match text(form, cells, row)? {
            Some(text) => values::bound(form, &text),
            None => Ok(ValueSend::Null),
        },
    }
}

/// The values of a column as the same properties read where their column is [`Form::Tagged`].
pub(crate) fn tagged(form: Form, cells: &ArrayRef) -> Result<ArrayRef, Refusal> {
    let text = |row| {
        text(form, cells, row)?
            .map(|text| tagged_text(form, text))
            .transpose()
    };
    let texts: Result<Vec<Option<String>>, Refusal> = (0..cells.len()).map(text).collect();
    Ok(Arc::new(StringArray::from(texts?)))
}

fn tagged_text(form: Form, text: String) -> Result<String, Refusal> {
    let of_type = match form {
        Form::Tagged => return Ok(text),
        Form::Bytes => PropertyType::Bytes,
        Form::List(element) => {
            let elements = array_text::elements(&text).ok_or(Refusal::OtherType)?;
            match elements.into_iter().next() {
                None => PropertyType::EmptyList,
                Some(first) => {
                    let first = first.ok_or(Refusal::OtherType)?;
                    PropertyType::List(scalar(element, &first))
                }
            }
        }
        Form::Bool => PropertyType::One(Scalar::Boolean),
        Form::Int => PropertyType::One(Scalar::Integer),
        Form::Float => PropertyType::One(Scalar::Float),
        Form::Text => PropertyType::One(Scalar::String),
        Form::Date => PropertyType::One(Scalar::Date),
        Form::Time => PropertyType::One(scalar(Element::Time, &text)),
        Form::DateTime => PropertyType::One(scalar(Element::DateTime, &text)),
        Form::Interval => PropertyType::One(Scalar::Duration),
    };
    Ok(format!("{} {text}", of_type.name()))
}

/// The type of a value by its form and, where that leaves two, by its text.
fn scalar(element: Element, text: &str) -> Scalar {
    match element {
        Element::Bool => Scalar::Boolean,
        Element::Int => Scalar::Integer,
        Element::Float => Scalar::Float,
        Element::Text => Scalar::String,
        Element::Date => Scalar::Date,
        Element::Time if moments::is_zoned(text) => Scalar::ZonedTime,
        Element::Time => Scalar::LocalTime,
        Element::DateTime if moments::is_zoned(text) => Scalar::ZonedDateTime,
        Element::DateTime => Scalar::LocalDateTime,
        Element::Interval => Scalar::Duration,
        Element::Point => Scalar::Point,
    }
}
