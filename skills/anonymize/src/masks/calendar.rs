//! Dates as days since 1970: the arithmetic of the proleptic Gregorian calendar (H. Hinnant,
//! "chrono-compatible low-level date algorithms") and the notations in which texts hold dates.

/// Microseconds of a day.
pub(crate) const DAY_MICROS: i64 = 86_400_000_000;

/// Days since 1970-01-01.
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day.
pub(crate) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = (shifted_month + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// How a text writes a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notation {
    /// `2011-03-05`, also with a time behind it.
    Iso,
    /// `03/05/2011`.
    Slashes,
    /// `05.03.2011`.
    Dots,
}

/// A date at the beginning of a text, its notation, and what stands behind it: nothing, or for ISO
/// dates a time after a blank or a `T`.
pub(crate) fn parse_date(text: &str) -> Option<(i64, Notation, &str)> {
    let (date, rest) = text.split_at_checked(10)?;
    let number = |from: usize, to: usize| {
        let digits = date.get(from..to)?;
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse::<i64>().ok()).flatten()
    };
    let separators = |a: usize, b: usize| {
        let bytes = date.as_bytes();
        (bytes[a] == bytes[b]).then_some(bytes[a])
    };
    let (notation, year, month, day) = if separators(4, 7) == Some(b'-') {
        (Notation::Iso, number(0, 4)?, number(5, 7)?, number(8, 10)?)
    } else if separators(2, 5) == Some(b'/') {
        (
            Notation::Slashes,
            number(6, 10)?,
            number(0, 2)?,
            number(3, 5)?,
        )
    } else if separators(2, 5) == Some(b'.') {
        (Notation::Dots, number(6, 10)?, number(3, 5)?, number(0, 2)?)
    } else {
        return None;
    };
    let has_time = notation == Notation::Iso && rest.starts_with([' ', 'T']);
    if !(rest.is_empty() || has_time) {
        return None;
    }
    let days = days_from_civil(year, month, day);
    let is_real = (1..=12).contains(&month) && civil_from_days(days) == (year, month, day);
    is_real.then_some((days, notation, rest))
}

/// Writes a date in a notation.
pub(crate) fn format_date(days: i64, notation: Notation) -> String {
    let (year, month, day) = civil_from_days(days);
    match notation {
        Notation::Iso => format!("{year:04}-{month:02}-{day:02}"),
        Notation::Slashes => format!("{month:02}/{day:02}/{year:04}"),
        Notation::Dots => format!("{day:02}.{month:02}.{year:04}"),
    }
}

/// A date of nobody: an infinity or a sentinel such as 9999-12-31 or 0001-01-01.
pub(crate) fn is_sentinel(days: i64) -> bool {
    let (year, ..) = civil_from_days(days.clamp(-1_000_000_000, 1_000_000_000));
    !(2..9999).contains(&year)
}

/// The first day of the school year (1 September) of a date, and its number of days.
pub(crate) fn school_year(days: i64) -> (i64, i64) {
    let (year, month, _) = civil_from_days(days);
    let first = if month >= 9 { year } else { year - 1 };
    let begin = days_from_civil(first, 9, 1);
    (begin, days_from_civil(first + 1, 9, 1) - begin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_each_others_inverse() {
        assert_eq!(days_from_civil(1970, 1, 1), 0);
        assert_eq!(days_from_civil(2000, 3, 1), 11_017);
        for days in (-800_000..800_000).step_by(37) {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
    }

    #[test]
    fn only_real_dates_are_dates() {
        assert_eq!(parse_date("2012-02-29").map(|d| d.1), Some(Notation::Iso));
        assert_eq!(
            parse_date("02/29/2012").map(|d| d.1),
            Some(Notation::Slashes)
        );
        assert_eq!(parse_date("29.02.2012").map(|d| d.1), Some(Notation::Dots));
        assert_eq!(parse_date("2012-02-29 10:00").map(|d| d.2), Some(" 10:00"));
        for text in [
            "2011-02-29",
            "2011-13-01",
            "2011-1-1",
            "20110301",
            "2011-03-01x",
            "äöüäö",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn a_school_year_begins_in_september() {
        let (begin, length) = school_year(days_from_civil(2011, 8, 31));
        assert_eq!((civil_from_days(begin), length), ((2010, 9, 1), 365));
        let (begin, length) = school_year(days_from_civil(2011, 9, 1));
        assert_eq!((civil_from_days(begin), length), ((2011, 9, 1), 366));
    }
}
