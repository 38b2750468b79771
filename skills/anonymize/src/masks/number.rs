//! Numbers: a keyed permutation of all numbers of the same sign and number of digits, within the
//! column's type and CHECKs. 123, "123" and 123.00 are one value.

use redistrict_model::{ColumnType, MaskKind, MaskName};

use super::definition::{
    Bounds, Field, FieldShape, Mask, MaskDefinition, Masked, Unmaskable, Value,
};
use super::money::mask_money;
use super::text_format::permute_text;

/// For all types of numbers, and for numbers in texts.
pub(crate) struct NumberMask;

/// Digits that are permuted as one number; what is longer is permuted in two parts.
const LONGEST: usize = 30;

impl Mask for NumberMask {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: MaskName::Number,
            kind: MaskKind::InFormat,
            output: "a number of the same sign and digits",
            types: &[
                ColumnType::Int16,
                ColumnType::Int32,
                ColumnType::Int64,
                ColumnType::Float32,
                ColumnType::Float64,
                ColumnType::Numeric,
                ColumnType::Money,
                ColumnType::Text,
                ColumnType::Char,
            ],
            min_length: 0,
        }
    }

    fn capacity_bits(&self, shape: &FieldShape) -> f64 {
        // A float of few digits may round two numbers to one; bounds of fractions are permuted at
        // each scale apart.
        let is_whole = |one: &ColumnType| !matches!(one, ColumnType::Float32 | ColumnType::Float64);
        let has_fraction = shape.types.contains(&ColumnType::Numeric);
        if shape.types.iter().all(is_whole) && (shape.bounds.is_free() || !has_fraction) {
            f64::INFINITY
        } else {
            0.0
        }
    }

    fn mask(&self, value: Value<'_>, field: &Field) -> Result<Masked, Unmaskable> {
        let Value::Text(own) = value else {
            return Err(Unmaskable("its type is none that this mask takes"));
        };
        if own.contains('$') && field.shape.types.contains(&ColumnType::Money) {
            return mask_money(own, field).map(Masked::Text);
        }
        let Some(number) = Decimal::parse(own) else {
            return Ok(Masked::Text(not_a_number(own, field)));
        };
        let Some(exponent) = own.find(['e', 'E']) else {
            return number.permute(field).map(Masked::Text);
        };
        let made = match number.single_digit() {
            // A zero would have no exponent.
            Some(digit) => {
                let made = field.key.permute("mantissa", digit - 1, 9) + 1;
                format!("{}{made}", if number.is_negative { "-" } else { "" })
            }
            None => number.permute(field)?,
        };
        Ok(Masked::Text(made + &own[exponent..]))
    }

    fn is_output(&self, _output: &str, _shape: &FieldShape) -> bool {
        true
    }
}

/// The text is a number in canonical form, perhaps with an exponent.
pub(crate) fn is_number(text: &str) -> bool {
    Decimal::parse(text).is_some()
}

/// NaN and infinities stay; digits behind a leading zero keep that zero, so that they never become a
/// canonical number.
fn not_a_number(own: &str, field: &Field) -> String {
    let word = own.trim_start_matches('-').to_ascii_lowercase();
    if matches!(word.as_str(), "nan" | "infinity" | "inf") {
        return own.to_owned();
    }
    match own.strip_prefix('0') {
        Some(rest) if is_digits(rest) => format!("0{}", permute_text(&field.key, rest)),
        _ => permute_text(&field.key, own),
    }
}

/// A number in canonical form: no leading zeros, no trailing zeros behind the point.
struct Decimal<'a> {
    is_negative: bool,
    whole: &'a str,
    /// Without trailing zeros.
    fraction: &'a str,
    /// The digits behind the point as they were written.
    scale: usize,
}

impl<'a> Decimal<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mantissa = match text.find(['e', 'E']) {
            Some(at) => {
                let exponent = text[at + 1..].trim_start_matches(['+', '-']);
                is_digits(exponent).then_some(&text[..at])?
            }
            None => text,
        };
        let (is_negative, unsigned) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        let (whole, written) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let is_canonical = is_digits(whole) && (whole == "0" || !whole.starts_with('0'));
        let is_fraction = unsigned.contains('.') == is_digits(written);
        (is_canonical && is_fraction).then(|| Self {
            is_negative,
            whole,
            fraction: written.trim_end_matches('0'),
            scale: written.len(),
        })
    }

    /// From 1 to 9, without a fraction.
    fn single_digit(&self) -> Option<u128> {
        let digit = self.whole.parse().ok()?;
        (self.scale == 0 && (1..=9).contains(&digit)).then_some(digit)
    }

    fn permute(&self, field: &Field) -> Result<String, Unmaskable> {
        let digits = format!("{}{}", self.whole, self.fraction);
        let is_zero = digits == "0";
        let made = if digits.len() > LONGEST {
            self.permute_long(field)
        } else {
            let unscaled: i128 = digits.parse().map_err(|_| Unmaskable("it is no number"))?;
            let sign = if self.is_negative && !is_zero { -1 } else { 1 };
            let ranges = Ranges::new(&field.shape, self, self.fraction.len());
            self.write(ranges.permute(sign * unscaled, self.fraction.len(), field)?)
        };
        Ok(made)
    }

    /// The sign is that of the number; the fraction is filled with zeros to its scale.
    fn write(&self, unscaled: i128) -> String {
        let sign = if unscaled < 0 { "-" } else { "" };
        let width = self.fraction.len() + 1;
        let digits = format!("{:0width$}", unscaled.unsigned_abs());
        let (whole, fraction) = digits.split_at(digits.len() - self.fraction.len());
        let scale = self.scale;
        if scale == 0 {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{fraction:0<scale$}")
        }
    }

    /// More digits than one permutation takes: the first digits as a number, the rest as a text.
    fn permute_long(&self, field: &Field) -> String {
        let digits = format!("{}{}", self.whole, self.fraction);
        let significant = digits.trim_start_matches('0');
        let zeros = digits.len() - significant.len();
        let (first, rest) = significant.split_at(1);
        let first = u128::from(first.as_bytes()[0] - b'1');
        let first = field.key.permute("first digit", first, 9) + 1;
        let rest = permute_text(&field.key, rest);
        let made = format!("{}{first}{rest}", &digits[..zeros]);
        let sign = if self.is_negative { "-" } else { "" };
        let (whole, fraction) = made.split_at(self.whole.len());
        let scale = self.scale;
        if scale == 0 {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{fraction:0<scale$}")
        }
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The ranges within which numbers are permuted: by number of digits, cut at the limits of the types
/// and at the bounds of CHECKs, each of at least two numbers where that is possible. Scaled, that
/// is: `1.25` at scale 2 is 125.
struct Ranges(Vec<(i128, i128)>);

impl Ranges {
    fn new(shape: &FieldShape, number: &Decimal<'_>, scale: usize) -> Self {
        let factor = 10_i128.pow(u32::try_from(scale).unwrap_or(0));
        let digits = number.whole.len() + scale;
        let mut ranges = by_digits(digits + 1, number.whole == "0" && scale > 0, scale);
        if scale == 0 {
            ranges = cut(ranges, &limits(&shape.types));
        }
        Self(clip(ranges, shape.bounds, factor))
    }

    fn permute(&self, number: i128, scale: usize, field: &Field) -> Result<i128, Unmaskable> {
        let (low, high) = *self
            .0
            .iter()
            .find(|(low, high)| (*low..=*high).contains(&number))
            .ok_or(Unmaskable("it lies outside its column's CHECK or type"))?;
        let label = format!("number {low} {high} {scale}");
        // A canonical fraction ends in no zero: it is permuted among those that end in none either.
        if scale > 0 && field.shape.bounds.is_free() {
            let rank = |n: i128| n.div_euclid(10) * 9 + n.rem_euclid(10) - 1;
            let (sign, number) = (number.signum(), number.abs());
            let (low, high) = if sign < 0 { (-high, -low) } else { (low, high) };
            let first = if low % 10 == 0 { low + 1 } else { low };
            let size = rank(high) - rank(first) + 1;
            let at = permuted(field, &label, rank(number) - rank(first), size)? + rank(first);
            return Ok(sign * (at.div_euclid(9) * 10 + at.rem_euclid(9) + 1));
        }
        Ok(low + permuted(field, &label, number - low, high - low + 1)?)
    }
}

fn permuted(field: &Field, label: &str, at: i128, size: i128) -> Result<i128, Unmaskable> {
    let outside = |_| Unmaskable("it lies outside its range");
    let (at, size) = (
        u128::try_from(at).map_err(outside)?,
        u128::try_from(size).map_err(outside)?,
    );
    if size < 2 {
        return Err(Unmaskable("its column allows no other value"));
    }
    i128::try_from(field.key.permute(label, at, size)).map_err(outside)
}

/// `..., [-99, -10], [-9, -1], [0, 9], [10, 99], ...`; of numbers below 1 only the fraction counts.
fn by_digits(most: usize, is_below_one: bool, scale: usize) -> Vec<(i128, i128)> {
    let power = |digits: usize| 10_i128.pow(u32::try_from(digits).unwrap_or(0));
    if is_below_one {
        let high = power(scale) - 1;
        return vec![(-high, -1), (1, high)];
    }
    let low = |digits: usize| if digits == 1 { 1 } else { power(digits - 1) };
    let mut ranges: Vec<(i128, i128)> = (1..=most)
        .rev()
        .map(|digits| (1 - power(digits), -low(digits)))
        .collect();
    ranges.extend((1..=most).map(|digits| {
        let low = if digits == 1 { 0 } else { low(digits) };
        (low, power(digits) - 1)
    }));
    ranges
}

/// The limits of the whole-number types: a range never crosses one.
fn limits(types: &[ColumnType]) -> Vec<(i128, i128)> {
    let mut limits: Vec<(i128, i128)> = types
        .iter()
        .filter_map(|one| match one {
            ColumnType::Int16 => Some((i16::MIN.into(), i16::MAX.into())),
            ColumnType::Int32 => Some((i32::MIN.into(), i32::MAX.into())),
            ColumnType::Int64 => Some((i64::MIN.into(), i64::MAX.into())),
            _ => None,
        })
        .collect();
    limits.sort_unstable();
    limits
}

fn cut(ranges: Vec<(i128, i128)>, limits: &[(i128, i128)]) -> Vec<(i128, i128)> {
    let mut edges: Vec<i128> = limits
        .iter()
        .flat_map(|(low, high)| [*low, *high + 1])
        .collect();
    edges.sort_unstable();
    let mut output = Vec::new();
    for (mut low, high) in ranges {
        for edge in &edges {
            if low < *edge && *edge <= high {
                output.push((low, *edge - 1));
                low = *edge;
            }
        }
        output.push((low, high));
    }
    output
}

/// Keeps what the bounds allow; two bounds make one range of their own if it is not vast.
fn clip(ranges: Vec<(i128, i128)>, bounds: Bounds, factor: i128) -> Vec<(i128, i128)> {
    if bounds.is_free() {
        return ranges;
    }
    let scaled = |bound: Option<i64>| bound.map(|bound| i128::from(bound).saturating_mul(factor));
    let low = scaled(bounds.low).map(|low| low + i128::from(bounds.low_open));
    let high = scaled(bounds.high).map(|high| high - i128::from(bounds.high_open));
    if let (Some(low), Some(high)) = (low, high)
        && high.saturating_sub(low) < factor.saturating_mul(1_000_000)
    {
        return vec![(low, high)];
    }
    let mut output: Vec<(i128, i128)> = Vec::new();
    for (a, b) in ranges {
        let (a, b) = (
            low.map_or(a, |low| a.max(low)),
            high.map_or(b, |high| b.min(high)),
        );
        if a > b {
            continue;
        }
        match output.last_mut() {
            // A range of one number joins its neighbour.
            Some(last) if last.0 == last.1 || a == b => last.1 = b,
            _ => output.push((a, b)),
        }
    }
    output
}

/// The bounds leave at least two numbers.
pub(crate) fn segments_are_enough(bounds: Bounds) -> bool {
    match (bounds.low, bounds.high) {
        (Some(low), Some(high)) => {
            i128::from(low) + i128::from(bounds.low_open)
                < i128::from(high) - i128::from(bounds.high_open)
        }
        _ => true,
    }
}
