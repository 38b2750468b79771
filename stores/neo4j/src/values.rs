//! Property values between the server and us: what a record holds → canonical text → what is bound.
//! Must not round, shorten or replace anything.
//!
//! Dates, times and durations travel as the server's own exact text in both directions: the driver's
//! types for them reach 262,143 years and know the time zones of one day. The statements convert
//! (`statement::read_value`, `statement::made_value`). The canonical text of a date is that of all stores.

use std::borrow::Cow;

use neo4j::value::spatial::{Cartesian2D, Cartesian3D, WGS84_2D, WGS84_3D};
use neo4j::{ValueReceive, ValueSend};
use redistrict_model::array_text;

use crate::dates;
use crate::moments;
use crate::types::{Element, Form, PropertyType, Scalar};

/// Why a value is not taken. Holds no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Of another type than its column: the property changed since the analysis, or the text does not
    /// stand for a value of the column.
    OtherType,
    /// Outside the range of the Arrow type of its column.
    OutOfRange,
    /// Longer than `MAX_VALUE_BYTES`.
    TooLarge,
    /// The end of a relationship stands in no table that the analysis found for it, or has no key.
    NoEnd,
}

impl Refusal {
    /// Fits before "in TABLE.COLUMN".
    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::OtherType => "move a value of another type than the column's",
            Self::OutOfRange => "move a date outside the range of 32 bit days",
            Self::TooLarge => "move a value of more than 32 MB",
            Self::NoEnd => "find the end of a relationship among the tables of the analysis,",
        }
    }
}

/// The canonical text of what `statement::read_value` gives for a property; none for a missing one.
pub(crate) fn text_of(form: Form, value: &ValueReceive) -> Result<Option<String>, Refusal> {
    if value.is_null() {
        return Ok(None);
    }
    some_text(form, value).ok_or(Refusal::OtherType).map(Some)
}

/// The canonical text of a value whose form nobody knows, as `statement::payload` gives it.
pub(crate) fn plain_text(value: &ValueReceive) -> Result<Option<String>, Refusal> {
    let form = match value {
        ValueReceive::Null => return Ok(None),
        ValueReceive::Boolean(_) => Form::Bool,
        ValueReceive::Integer(_) => Form::Int,
        ValueReceive::Float(_) => Form::Float,
        ValueReceive::String(_) => Form::Text,
        ValueReceive::Bytes(_) => Form::Bytes,
        _ => return Err(Refusal::OtherType),
    };
    text_of(form, value)
}

fn some_text(form: Form, value: &ValueReceive) -> Option<String> {
    match (form, value) {
        (Form::Bool, ValueReceive::Boolean(value)) => Some(value.to_string()),
        (Form::Int, ValueReceive::Integer(value)) => Some(value.to_string()),
        (Form::Float, ValueReceive::Float(value)) => Some(float_text(*value)),
        (Form::Date, ValueReceive::String(text)) => dates::canonical(text).map(Cow::into_owned),
        (Form::Text | Form::Time | Form::DateTime | Form::Interval, ValueReceive::String(text)) => {
            Some(text.clone())
        }
        (Form::Bytes, ValueReceive::Bytes(bytes)) => Some(bytes_text(bytes)),
        (Form::List(element), ValueReceive::List(values)) => list_text(element, values),
        (Form::Tagged, ValueReceive::List(pair)) => {
            let [ValueReceive::String(name), payload] = pair.as_slice() else {
                return None;
            };
            tagged_text(name, payload)
        }
        (Form::Tagged, point) => point_text(point).map(|text| format!("POINT {text}")),
        _ => None,
    }
}

fn list_text(element: Element, values: &[ValueReceive]) -> Option<String> {
    let texts: Option<Vec<String>> = values
        .iter()
        .map(|value| some_text(element.form(), value))
        .collect();
    let texts = texts?;
    Some(array_text::array_of(
        texts.iter().map(|text| Some(text.as_str())),
    ))
}

/// `INTEGER 42`, `LIST<STRING> {a,"b c"}`: the type of `valueType()`, then the text of the value.
fn tagged_text(value_type: &str, payload: &ValueReceive) -> Option<String> {
    let of_type = match payload {
        ValueReceive::Bytes(_) => PropertyType::Bytes,
        _ => PropertyType::of_value_type(value_type)?,
    };
    let text = match of_type {
        PropertyType::One(Scalar::Point) => point_text(payload)?,
        PropertyType::One(scalar) => some_text(Element::of(scalar).form(), payload)?,
        PropertyType::Bytes => some_text(Form::Bytes, payload)?,
        PropertyType::List(scalar) => some_text(Form::List(Element::of(scalar)), payload)?,
        PropertyType::EmptyList => some_text(Form::List(Element::Text), payload)?,
    };
    Some(format!("{} {text}", of_type.name()))
}

/// What is bound for a canonical text, for `statement::made_value` to make the property's value of.
pub(crate) fn bound(form: Form, text: &str) -> Result<ValueSend, Refusal> {
    some_bound(form, text).ok_or(Refusal::OtherType)
}

fn some_bound(form: Form, text: &str) -> Option<ValueSend> {
    Some(match form {
        Form::Bool => ValueSend::Boolean(match text {
            "true" => true,
            "false" => false,
            _ => return None,
        }),
        Form::Int => ValueSend::Integer(integer(text)?),
        Form::Float => ValueSend::Float(float(text)?),
        Form::Interval if !moments::is_duration(text) => return None,
        Form::Text | Form::Interval => ValueSend::String(text.to_owned()),
        Form::Date => ValueSend::String(dates::served(text)?.into_owned()),
        Form::Bytes => ValueSend::Bytes(bytes(text)?),
        Form::Time => moments::time(text)?,
        Form::DateTime => moments::date_time(text)?,
        Form::List(element) => ValueSend::List(bound_elements(element, text)?),
        Form::Tagged => bound_tagged(text)?,
    })
}

fn bound_elements(element: Element, text: &str) -> Option<Vec<ValueSend>> {
    let bound = |one: Option<String>| match element {
        Element::Point => point(one?.strip_prefix("POINT ")?),
        _ => some_bound(element.form(), &one?),
    };
    array_text::elements(text)?.into_iter().map(bound).collect()
}

/// A list `[type, payload]`; see `statement::made_value`.
fn bound_tagged(text: &str) -> Option<ValueSend> {
    let (of_type, rest) = PropertyType::all().find_map(|one| {
        let rest = text.strip_prefix(&one.name())?.strip_prefix(' ')?;
        Some((one, rest))
    })?;
    let payload = match of_type {
        PropertyType::One(Scalar::Point) => point(rest)?,
        PropertyType::One(scalar) => some_bound(Element::of(scalar).form(), rest)?,
        PropertyType::Bytes => some_bound(Form::Bytes, rest)?,
        PropertyType::List(scalar) => some_bound(Form::List(Element::of(scalar)), rest)?,
        PropertyType::EmptyList if rest == "{}" => ValueSend::List(Vec::new()),
        PropertyType::EmptyList => return None,
    };
    let of_type = ValueSend::String(of_type.name());
    Some(ValueSend::List(vec![of_type, payload]))
}

/// The integer that prints as this text.
pub(crate) fn integer(text: &str) -> Option<i64> {
    text.parse()
        .ok()
        .filter(|number: &i64| number.to_string() == text)
}

/// The number that prints as this text.
pub(crate) fn float(text: &str) -> Option<f64> {
    text.parse()
        .ok()
        .filter(|number| float_text(*number) == text)
}

/// The shortest digits that give the number back, as PostgreSQL prints them.
pub(crate) fn float_text(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned();
    }
    let scientific = format!("{number:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..15).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => number.to_string(),
    }
}

/// `\x` and two digits for each byte.
pub(crate) fn bytes_text(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("\\x");
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 15)]);
    }
    text
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    if digits.len() % 2 != 0 || digits.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let nibble = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|n| u8::try_from(n).ok())
    };
    digits
        .chunks(2)
        .map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?))
        .collect()
}

/// `7203 (1, 2)`: the reference system, then the coordinates.
fn point_text(value: &ValueReceive) -> Option<String> {
    let (srid, coordinates) = match value {
        ValueReceive::Cartesian2D(point) => (point.srid(), vec![point.x(), point.y()]),
        ValueReceive::Cartesian3D(point) => (point.srid(), vec![point.x(), point.y(), point.z()]),
        ValueReceive::WGS84_2D(point) => (point.srid(), vec![point.longitude(), point.latitude()]),
        ValueReceive::WGS84_3D(point) => (
            point.srid(),
            vec![point.longitude(), point.latitude(), point.altitude()],
        ),
        _ => return None,
    };
    let coordinates: Vec<String> = coordinates.into_iter().map(float_text).collect();
    Some(format!("{srid} ({})", coordinates.join(", ")))
}

fn point(text: &str) -> Option<ValueSend> {
    let (srid, rest) = text.split_once(" (")?;
    let coordinates: Option<Vec<f64>> = rest.strip_suffix(')')?.split(", ").map(float).collect();
    Some(match (srid, coordinates?.as_slice()) {
        ("7203", [x, y]) => ValueSend::Cartesian2D(Cartesian2D::new(*x, *y)),
        ("9157", [x, y, z]) => ValueSend::Cartesian3D(Cartesian3D::new(*x, *y, *z)),
        ("4326", [x, y]) => ValueSend::WGS84_2D(WGS84_2D::new(*x, *y)),
        ("4979", [x, y, z]) => ValueSend::WGS84_3D(WGS84_3D::new(*x, *y, *z)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_postgresql_prints_them() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (0.1, "0.1"),
            (-1.5e300, "-1.5e+300"),
            (5e-324, "5e-324"),
            (1e15, "1e+15"),
            (123_456_789_012_345.0, "123456789012345"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(float_text(number), text);
            assert_eq!(
                float(text).map(f64::to_bits),
                Some(number.to_bits()),
                "{text}"
            );
        }
        for text in ["1.0", "1e0", "+1", "inf", "nan", "", "1e15", " 1"] {
            assert_eq!(float(text), None, "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_value_of_the_form_are_refused() {
        for (form, text) in [
            (Form::Bool, "True"),
            (Form::Int, "042"),
            (Form::Float, "1.0"),
            (Form::Date, "2023-02-29"),
            (Form::Bytes, "\\xF0"),
            (Form::Bytes, "\\x0"),
            (Form::DateTime, "2024-01-01"),
            (Form::Interval, "1 day"),
            (Form::Time, "noon"),
            (Form::List(Element::Int), "{1,NULL}"),
            (Form::List(Element::Int), "1"),
            (Form::List(Element::Point), "{1}"),
            (Form::Tagged, "42"),
            (Form::Tagged, "INTEGER x"),
            (Form::Tagged, "INTEGER"),
            (Form::Tagged, "LIST<NOTHING> {a}"),
            (Form::Tagged, "POINT 1 (1, 2)"),
            (Form::Tagged, "POINT 7203 (1, 2, 3)"),
        ] {
            assert_eq!(
                bound(form, text),
                Err(Refusal::OtherType),
                "{form:?} {text}"
            );
        }
    }

    #[test]
    fn tags_tell_equal_looking_values_apart() {
        let text = |name: &str, payload| {
            let pair = vec![ValueReceive::String(name.into()), payload];
            text_of(Form::Tagged, &ValueReceive::List(pair))
                .unwrap()
                .unwrap()
        };
        let ints = || ValueReceive::List(vec![ValueReceive::Integer(1)]);
        assert_eq!(
            text("INTEGER NOT NULL", ValueReceive::Integer(1)),
            "INTEGER 1"
        );
        assert_eq!(text("FLOAT NOT NULL", ValueReceive::Float(1.0)), "FLOAT 1");
        assert_eq!(
            text("STRING NOT NULL", ValueReceive::String("1".into())),
            "STRING 1"
        );
        let list = "LIST<INTEGER NOT NULL> NOT NULL";
        assert_eq!(text(list, ints()), "LIST<INTEGER> {1}");
        assert_eq!(text(list, ValueReceive::Bytes(vec![1])), "BYTES \\x01");
        let drifted = text_of(Form::Int, &ValueReceive::String("1".into()));
        assert_eq!(drifted, Err(Refusal::OtherType));
    }
}
