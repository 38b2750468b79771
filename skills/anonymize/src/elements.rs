//! Elements of arrays as values of masks, and back: an element is masked as a column of its type is.
//! What stays of an array are its bounds, its nesting and its NULLs.

use std::borrow::Cow;

use redistrict_model::ColumnType;

use crate::cells::{FloatText, float_text};
use crate::masks::{DAY_MICROS, Masked, Notation, PrintedDate, format_date, printed_date};

/// An element, ready to be masked.
pub(crate) enum Element<'a> {
    Text(Cow<'a, str>),
    /// A date, and what stands behind it.
    Day(i32, &'a str),
    /// Midnight of a day in microseconds, and the time that stands behind it.
    Midnight(i64, &'a str),
    Bytes(Vec<u8>),
    /// An infinity or a sentinel, which stays.
    Nobodys,
}

/// Reads an element of that type; none if it is no text of the type.
pub(crate) fn read(element: ColumnType, text: &str) -> Option<Element<'_>> {
    Some(match element {
        ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampTz => {
            match printed_date(text)? {
                PrintedDate::Nobodys => Element::Nobodys,
                PrintedDate::Day(days, rest) if element == ColumnType::Date => {
                    Element::Day(i32::try_from(days).ok()?, rest)
                }
                PrintedDate::Day(days, rest) => {
                    Element::Midnight(days.checked_mul(DAY_MICROS)?, rest)
                }
            }
        }
        ColumnType::Bytes => Element::Bytes(bytes(text.strip_prefix("\\x")?)?),
        ColumnType::Float32 => Element::Text(Cow::Owned(float_text(text.parse::<f32>().ok()?))),
        ColumnType::Float64 => Element::Text(Cow::Owned(float_text(text.parse::<f64>().ok()?))),
        _ => Element::Text(Cow::Borrowed(text)),
    })
}

/// Writes what a mask gave in the place of an element, as the server would print it: `Some(None)` is
/// NULL. None if it is no value of the element's type.
pub(crate) fn write(
    element: ColumnType,
    own: &Element<'_>,
    masked: Masked,
) -> Option<Option<String>> {
    let text = match (own, masked) {
        (_, Masked::Null) => return Some(None),
        (Element::Text(_), Masked::Text(text)) => match element {
            ColumnType::Float32 => text.parse::<f32>().ok()?.printed(),
            ColumnType::Float64 => text.parse::<f64>().ok()?.printed(),
            _ => text,
        },
        (Element::Day(_, rest), Masked::Days(days)) => {
            format_date(i64::from(days), Notation::Iso) + rest
        }
        (Element::Midnight(_, rest), Masked::Micros(micros)) => {
            format_date(micros.div_euclid(DAY_MICROS), Notation::Iso) + rest
        }
        (Element::Bytes(_), Masked::Bytes(bytes)) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("\\x{hex}")
        }
        _ => return None,
    };
    Some(Some(text))
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [a, b] => u8::try_from(digit(*a)? << 4 | digit(*b)?).ok(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_printed_as_the_server_does() {
        for (text, expected) in [
            ("0.1", "0.1"),
            ("100000000000000", "100000000000000"),
            ("1000000000000000", "1e+15"),
            ("0.00001", "1e-05"),
            ("0.0001", "0.0001"),
            ("-2.5e-300", "-2.5e-300"),
            ("NaN", "NaN"),
            ("-Infinity", "-Infinity"),
        ] {
            assert_eq!(text.parse::<f64>().unwrap().printed(), expected);
        }
        assert_eq!(1_000_000_f32.printed(), "1e+06");
        assert_eq!(123_456_f32.printed(), "123456");
    }
}
