//! Values of CHECK expressions and how they compare. What cannot be compared exactly is refused.

use std::cmp::Ordering;

use redistrict_model::calendar::{days_from_civil, days_of};

/// Why an expression is not evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unsupported(pub(crate) &'static str);

/// A value; `Opaque` is one that can only be asked whether it is NULL.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(Decimal),
    Float(f64),
    Text(String),
    /// Days since 1970.
    Date(i64),
    /// Microseconds since 1970.
    Stamp(i64),
    List(Vec<Self>),
    /// None for the empty range.
    Range(Option<Box<Bounds>>),
    Opaque,
}

/// The bounds of a range; NULL for an infinite one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) low: Value,
    pub(crate) high: Value,
    pub(crate) has_low: bool,
    pub(crate) has_high: bool,
}

/// `digits · 10^-scale`, exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    pub(super) digits: i128,
    pub(super) scale: u32,
}

const TOO_LARGE: Unsupported = Unsupported("a number with more digits than are compared exactly");
const UNLIKE: Unsupported = Unsupported("a comparison of values of unlike types");

impl Decimal {
    pub(crate) fn of(integer: i64) -> Self {
        Self {
            digits: integer.into(),
            scale: 0,
        }
    }

    /// Reads `-12.30`.
    pub(crate) fn parse(text: &str) -> Result<Self, Unsupported> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let scale = u32::try_from(fraction.len()).map_err(|_| TOO_LARGE)?;
        let digits = format!("{whole}{fraction}")
            .parse()
            .map_err(|_| TOO_LARGE)?;
        Ok(Self { digits, scale })
    }

    fn aligned(self, other: Self) -> Result<(i128, i128, u32), Unsupported> {
        let scale = self.scale.max(other.scale);
        let at = |one: Self| {
            10_i128
                .checked_pow(scale - one.scale)
                .and_then(|factor| one.digits.checked_mul(factor))
                .ok_or(TOO_LARGE)
        };
        Ok((at(self)?, at(other)?, scale))
    }

    pub(super) fn combine(self, other: Self, symbol: &str) -> Result<Self, Unsupported> {
        if symbol == "*" {
            let digits = self.digits.checked_mul(other.digits).ok_or(TOO_LARGE)?;
            return Ok(Self {
                digits,
                scale: self.scale + other.scale,
            });
        }
        let (left, right, scale) = self.aligned(other)?;
        let digits = match symbol {
            "+" => left.checked_add(right),
            "-" => left.checked_sub(right),
            _ => return Err(Unsupported("an arithmetic operator other than + - *")),
        };
        Ok(Self {
            digits: digits.ok_or(TOO_LARGE)?,
            scale,
        })
    }

    fn to_float(self) -> f64 {
        format!("{}e-{}", self.digits, self.scale)
            .parse()
            .unwrap_or(f64::NAN)
    }
}

/// Compares two values; `None` if one of them is NULL. `is_equality`: only whether they are equal
/// will be asked. `has_binary_order`: texts are ordered by their bytes (in PostgreSQL the order is
/// the collation's, which nobody can tell offline).
pub(super) fn compare(
    left: &Value,
    right: &Value,
    is_equality: bool,
    has_binary_order: bool,
) -> Result<Option<Ordering>, Unsupported> {
    let ordering = match (left, right) {
        (Value::Null, _) | (_, Value::Null) => return Ok(None),
        (Value::Text(a), Value::Text(b)) if is_equality || has_binary_order => a.cmp(b),
        (Value::Text(_), Value::Text(_)) => {
            return Err(Unsupported(
                "an order of texts, which depends on the collation",
            ));
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b, _) = a.aligned(*b)?;
            a.cmp(&b)
        }
        (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
        (Value::Float(a), Value::Number(b)) => a.total_cmp(&b.to_float()),
        (Value::Number(a), Value::Float(b)) => a.to_float().total_cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Bool(a), Value::Number(b)) => {
            return compare(
                &number_of(*a),
                &Value::Number(*b),
                is_equality,
                has_binary_order,
            );
        }
        (Value::Number(a), Value::Bool(b)) => {
            return compare(
                &Value::Number(*a),
                &number_of(*b),
                is_equality,
                has_binary_order,
            );
        }
        (Value::Date(a), Value::Date(b)) | (Value::Stamp(a), Value::Stamp(b)) => a.cmp(b),
        (Value::Date(a), Value::Stamp(b)) => micros(*a).cmp(&i128::from(*b)),
        (Value::Stamp(a), Value::Date(b)) => i128::from(*a).cmp(&micros(*b)),
        (Value::Date(_) | Value::Stamp(_), Value::Text(text)) => {
            return compare(left, &date(text)?, is_equality, has_binary_order);
        }
        (Value::Text(text), Value::Date(_) | Value::Stamp(_)) => {
            return compare(&date(text)?, right, is_equality, has_binary_order);
        }
        _ => return Err(UNLIKE),
    };
    Ok(Some(ordering))
}

/// Reads `-$1,234.50`.
pub(crate) fn money(text: &str) -> Result<Decimal, Unsupported> {
    let bare: String = text.chars().filter(|c| !matches!(c, '$' | ',')).collect();
    Decimal::parse(&bare)
}

/// A range of numbers or dates; any other, and a multirange, can only be asked whether it is NULL.
pub(crate) fn range_value(text: &str) -> Value {
    if text == "empty" {
        return Value::Range(None);
    }
    let inside = text
        .strip_prefix(['[', '('])
        .and_then(|rest| rest.strip_suffix([']', ')']));
    let Some((low, high)) = inside.and_then(|inside| inside.split_once(',')) else {
        return Value::Opaque;
    };
    let bound = |text: &str| {
        if text.is_empty() {
            return Some(Value::Null);
        }
        let date = || date(text.trim_matches('"')).ok();
        Decimal::parse(text).ok().map(Value::Number).or_else(date)
    };
    match (bound(low), bound(high)) {
        (Some(low), Some(high)) => Value::Range(Some(Box::new(Bounds {
            low,
            high,
            has_low: text.starts_with('['),
            has_high: text.ends_with(']'),
        }))),
        _ => Value::Opaque,
    }
}

fn number_of(value: bool) -> Value {
    Value::Number(Decimal::of(value.into()))
}

/// The begin of a day; the infinities are those of moments.
fn micros(days: i64) -> i128 {
    if days == i64::from(i32::MAX) {
        return i64::MAX.into();
    }
    if days == i64::from(i32::MIN) {
        return i64::MIN.into();
    }
    i128::from(days) * 86_400_000_000
}

/// Reads `YYYY-MM-DD`, or that with `00:00:00` behind it, as days since 1970; and days of any year and
/// the infinities as their canonical text.
pub(super) fn date(text: &str) -> Result<Value, Unsupported> {
    if let Some(days) = days_of(text) {
        return Ok(Value::Date(days));
    }
    let odd = Unsupported("a date that is not written YYYY-MM-DD");
    let day = text.strip_suffix(" 00:00:00").unwrap_or(text);
    let parts: Vec<i64> = day
        .split('-')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|_| odd)?;
    let [year, month, day] = parts[..] else {
        return Err(odd);
    };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return Err(odd);
    }
    Ok(Value::Date(days_from_civil(year, month, day)))
}
