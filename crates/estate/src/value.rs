//! Values of the estate and their exact texts. Knows no database.

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};

/// One value of one column.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    /// Always a multiple of 1/4, so that every database prints it the same way.
    Float(f64),
    Text(String),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01 00:00:00, whole seconds.
    Timestamp(i64),
    /// The document's text.
    Json(String),
    Bytes(Vec<u8>),
    Uuid(u128),
    /// Elements are scalars or NULL, or lists of equal length: an array of PostgreSQL, JSON text in
    /// SQLite, a list in a graph.
    List(Vec<Self>),
}

impl Value {
    pub(crate) fn text_of(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// So many quarters, at most some thousand millions.
    pub(crate) fn quarters(quarters: i64) -> Self {
        let quarters = i32::try_from(quarters).expect("scores are small");
        Self::Float(f64::from(quarters) / 4.0)
    }

    /// A list of texts.
    pub(crate) fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(Self::text_of).collect())
    }

    pub(crate) fn optional_text(text: Option<String>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }

    /// The canonical text: integers in decimal, dates `YYYY-MM-DD`, times
    /// `YYYY-MM-DD HH:MM:SS`, `uuid` in lower case with hyphens, bytes as `\x…`,
    /// lists as array literals of PostgreSQL. None is NULL.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
            Self::Text(value) | Self::Json(value) => value.clone(),
            Self::Date(days) => date_text(*days),
            Self::Timestamp(micros) => timestamp_text(*micros),
            Self::Bytes(bytes) => format!("\\x{}", hex(bytes)),
            Self::Uuid(value) => uuid_text(*value),
            Self::List(elements) => {
                let elements: Vec<String> = elements.iter().map(Self::element).collect();
                format!("{{{}}}", elements.join(","))
            }
        })
    }

    /// As an element of an array literal.
    fn element(&self) -> String {
        match (self, self.text()) {
            (_, None) => "NULL".to_owned(),
            (Self::List(_), Some(text)) => text,
            (_, Some(text)) => quoted_element(text),
        }
    }

    /// As JSON: what a list is where there are no arrays.
    pub(crate) fn json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Int(value) => (*value).into(),
            Self::Float(value) => (*value).into(),
            Self::List(elements) => elements.iter().map(Self::json).collect(),
            other => other.text().into(),
        }
    }
}

/// The whole list of PostgreSQL's rules: empty, NULL, and what the notation itself uses.
fn quoted_element(text: String) -> String {
    let is_special = |c: char| matches!(c, '"' | '\\' | '{' | '}' | ',') || c.is_whitespace();
    if !text.is_empty() && !text.eq_ignore_ascii_case("null") && !text.contains(is_special) {
        return text;
    }
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

/// The day number of a date.
pub(crate) fn day(year: i16, month: i8, day: i8) -> i32 {
    let date = Date::new(year, month, day).expect("the estate names days that exist");
    (date - epoch()).get_days()
}

/// Microseconds since 1970 of a second of a day.
pub(crate) fn moment(day: i32, second_of_day: i64) -> i64 {
    (i64::from(day) * 86_400 + second_of_day) * 1_000_000
}

/// Lower case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn epoch() -> Date {
    Date::constant(1970, 1, 1)
}

fn date_text(days: i32) -> String {
    epoch().saturating_add(days.days()).to_string()
}

fn timestamp_text(micros: i64) -> String {
    let at = Timestamp::from_microsecond(micros).expect("the estate lives in this millennium");
    Offset::UTC
        .to_datetime(at)
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

fn uuid_text(value: u128) -> String {
    let hex = format!("{value:032x}");
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_ones_databases_print() {
        let text = |value: Value| value.text().unwrap();
        assert_eq!(text(Value::Date(day(2012, 2, 29))), "2012-02-29");
        assert_eq!(
            text(Value::Timestamp(moment(day(2024, 9, 3), 3661))),
            "2024-09-03 01:01:01"
        );
        assert_eq!(
            text(Value::Uuid(15)),
            "00000000-0000-0000-0000-00000000000f"
        );
        assert_eq!(text(Value::Bytes(vec![0, 255])), "\\x00ff");
        assert_eq!(text(Value::Float(87.25)), "87.25");
        assert_eq!(Value::Null.text(), None);
        let row = |values: [i64; 2]| Value::List(values.map(Value::Int).to_vec());
        let nested = Value::List(vec![row([1, 2]), row([3, 4])]);
        assert_eq!(text(nested.clone()), "{{1,2},{3,4}}");
        assert_eq!(nested.json().to_string(), "[[1,2],[3,4]]");
        let odd = Value::texts(["", "null", "a b", "c\"d\\", "e"]);
        assert_eq!(text(odd), r#"{"","null","a b","c\"d\\",e}"#);
        assert_eq!(text(Value::List(vec![Value::Null])), "{NULL}");
    }
}
