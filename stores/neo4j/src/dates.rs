//! Days of the proleptic Gregorian calendar as ISO 8601 text, with the years that the server knows:
//! -999,999,999 to 999,999,999; and as canonical text, which all stores have in common. Must accept exactly
//! the one form that it and the server write.

use std::borrow::Cow;

use redistrict_model::calendar::{
    civil_from_days, date_text, days_from_civil, days_in_month, days_of,
};

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

/// The canonical text (see `redistrict_model::Key`) of a day in the server's; none if it is no day.
pub(crate) fn canonical(served: &str) -> Option<Cow<'_, str>> {
    let days = days(served)?;
    Some(match is_common(served) {
        true => Cow::Borrowed(served),
        false => Cow::Owned(date_text(days)),
    })
}

/// The server's text of a day in canonical text; none if it is no day that the server knows.
pub(crate) fn served(canonical: &str) -> Option<Cow<'_, str>> {
    let days = days_of(canonical)?;
    if is_common(canonical) {
        return Some(Cow::Borrowed(canonical));
    }
    let served = text(days);
    self::days(&served).map(|_| Cow::Owned(served))
}

/// Days of the years 1 to 9999 are written alike.
fn is_common(date: &str) -> bool {
    date.len() == 10 && !date.starts_with("0000")
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
    fn canonical_texts_are_those_of_all_stores_and_lead_back() {
        for (served_text, canonical_text) in [
            ("2024-02-29", "2024-02-29"),
            ("0001-01-01", "0001-01-01"),
            ("0000-12-31", "0001-12-31 BC"),
            ("-0001-12-31", "0002-12-31 BC"),
            ("-12345-12-31", "12346-12-31 BC"),
            ("+10000-01-01", "10000-01-01"),
            ("+999999999-12-31", "999999999-12-31"),
            ("-999999999-01-01", "1000000000-01-01 BC"),
            // The days that Arrow has for the infinities; there are no others here.
            ("+5881580-07-11", "infinity"),
            ("-5877641-06-23", "-infinity"),
        ] {
            assert_eq!(canonical(served_text).as_deref(), Some(canonical_text));
            assert_eq!(served(canonical_text).as_deref(), Some(served_text));
        }
        for day in (-4_000_000..4_000_000).step_by(997) {
            assert_eq!(canonical(&text(day)).as_deref(), Some(&*date_text(day)));
            assert_eq!(served(&date_text(day)).as_deref(), Some(&*text(day)));
        }
        for text in [
            "0000-01-01",
            "-0001-01-01",
            "1000000000-01-01",
            "2023-02-29",
        ] {
            assert_eq!(served(text), None, "{text}");
        }
        assert_eq!(canonical("0001-01-01 BC"), None);
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
