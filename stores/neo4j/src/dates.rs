//! Days of the proleptic Gregorian calendar as ISO 8601 text, with the years that the server knows:
//! -999,999,999 to 999,999,999. Must accept exactly the one form that it and the server write.

use redistrict_model::calendar::{civil_from_days, days_from_civil, days_in_month};

/// The days since 1970-01-01 of `YYYY-MM-DD`; years beyond 9999 have a `+` and up to nine digits,
/// years before 0 a `-`. None for any other form and for days that do not exist.
pub(crate) fn days(text: &str) -> Option<i64> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (Some('+'), &text[1..]),
        b'-' => (Some('-'), &text[1..]),
        _ => (None, text),
    };
    let mut parts = digits.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let is_long = (5..=9).contains(&year.len()) && !year.starts_with('0');
    let is_year = match sign {
        Some('+') => is_long,
        Some(_) => is_long || (year.len() == 4 && year != "0000"),
        None => year.len() == 4,
    };
    if !is_year || month.len() != 2 || day.len() != 2 || parts.next().is_some() {
        return None;
    }
    let year = number(year)?;
    let year = if sign == Some('-') { -year } else { year };
    let (month, day) = (number(month)?, number(day)?);
    let exists = (1..=12).contains(&month) && day >= 1 && day <= days_in_month(year, month);
    exists.then(|| days_from_civil(year, month, day))
}

/// The text that [`days`] reads.
pub(crate) fn text(days: i64) -> String {
    let (year, month, day) = civil_from_days(days);
    let sign = match year {
        10_000.. => "+",
        0.. => "",
        _ => "-",
    };
    format!("{sign}{:04}-{month:02}-{day:02}", year.abs())
}

fn number(digits: &str) -> Option<i64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_texts_are_the_same_both_ways() {
        for (day, expected) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (19_782, "2024-02-29"),
            (-719_528, "0000-01-01"),
            (-719_529, "-0001-12-31"),
            (2_932_896, "9999-12-31"),
            (2_932_897, "+10000-01-01"),
            (i64::from(i32::MAX), "+5881580-07-11"),
            (i64::from(i32::MIN), "-5877641-06-23"),
            (365_241_780_471, "+999999999-12-31"),
            (-365_243_219_162, "-999999999-01-01"),
        ] {
            assert_eq!(text(day), expected);
            assert_eq!(days(expected), Some(day), "{expected}");
        }
        for day in (-4_000_000..4_000_000).step_by(997) {
            assert_eq!(days(&text(day)), Some(day));
        }
    }

    #[test]
    fn other_forms_and_days_that_do_not_exist_are_no_dates() {
        for text in [
            "",
            "2023-02-29",
            "2024-13-01",
            "2024-2-01",
            "2024-02-1",
            "24-02-01",
            "+2024-02-01",
            "12024-02-01",
            "-0000-01-01",
            "+010000-01-01",
            "2024-02-01 ",
            "2024-02-01T00:00",
            "+1000000000-01-01",
            "２024-01-01",
            "--001-01-01",
            "-01234-01-01",
        ] {
            assert_eq!(days(text), None, "{text}");
        }
    }
}
