//! Days of the proleptic Gregorian calendar as ISO 8601 text, with the years that the server knows:
//! -999,999,999 to 999,999,999. Must accept exactly the one form that it and the server write.

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

fn days_in_month(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days between 0000-03-01 and 1970-01-01.
const EPOCH_SHIFT: i64 = 719_468;
const DAYS_PER_ERA: i64 = 146_097;

/// The algorithm of Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_PER_ERA + day_of_era - EPOCH_SHIFT
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + EPOCH_SHIFT;
    let era = shifted.div_euclid(DAYS_PER_ERA);
    let day_of_era = shifted.rem_euclid(DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
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
