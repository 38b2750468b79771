//! Intervals without a date: each number gives way to another of as many digits, words and signs stay.
//! What comes out is written as servers write it: no zero before a unit, no month above the eleventh,
//! no zero at the end of a fraction.

use super::text_format::permute_text;
use crate::pseudonym::Pseudonymizer;

/// Numbers of so many digits or more may touch the limit of the type: they keep their magnitude.
const LARGE: usize = 9;

/// For `1 year 2 mons 3 days 04:05:06.78`, `P1Y2M3DT4H5M6.78S` and forms like them.
pub(crate) fn move_interval(text: &str, key: &Pseudonymizer) -> String {
    if text
        .trim_start_matches('-')
        .eq_ignore_ascii_case("infinity")
    {
        return text.to_owned();
    }
    let mut output = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find(|c: char| c.is_ascii_digit()) {
        output.push_str(&rest[..begin]);
        let digits = &rest[begin..];
        let end = digits
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(digits.len());
        let (digits, after) = digits.split_at(end);
        let made = number(digits, &output, after, key);
        let is_one = made == "1" && !output.ends_with('-');
        output.push_str(&made);
        rest = push_unit(&mut output, after, is_one);
    }
    output + rest
}

/// Units stand in the plural but for one of them.
fn push_unit<'a>(output: &mut String, after: &'a str, is_one: bool) -> &'a str {
    for unit in [" year", " mon", " day"] {
        let Some(rest) = after.strip_prefix(unit) else {
            continue;
        };
        let rest = rest.strip_prefix('s').unwrap_or(rest);
        if rest.is_empty() || rest.starts_with(' ') {
            output.push_str(unit);
            output.push_str(if is_one { "" } else { "s" });
            return rest;
        }
    }
    after
}

fn number(digits: &str, before: &str, after: &str, key: &Pseudonymizer) -> String {
    let value: u128 = digits.parse().unwrap_or(u128::MAX);
    if before.ends_with(':') && value < 60 {
        return format!("{:02}", key.permute("sixty", value, 60));
    }
    if before.ends_with('.') {
        let (head, last) = digits.split_at(digits.len() - 1);
        return permute_text(key, head) + &nonzero(last, "last digit", key);
    }
    if after.starts_with(" mon") && (1..12).contains(&value) {
        return (key.permute("month", value - 1, 11) + 1).to_string();
    }
    if digits.len() >= LARGE {
        return format!("10{}", permute_text(key, &digits[2..]));
    }
    if after.starts_with(':') {
        return permute_text(key, digits);
    }
    let (first, tail) = digits.split_at(1);
    nonzero(first, "first digit", key) + &permute_text(key, tail)
}

/// Another digit from 1 to 9; a zero stays one.
fn nonzero(digit: &str, label: &str, key: &Pseudonymizer) -> String {
    match digit.parse::<u128>() {
        Ok(digit @ 1..=9) => (key.permute(label, digit - 1, 9) + 1).to_string(),
        _ => digit.to_owned(),
    }
}
