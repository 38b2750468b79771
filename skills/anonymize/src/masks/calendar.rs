//! Dates as days since 1970, and the notations in which texts hold them.

use redistrict_model::calendar::{civil_from_days, days_from_civil};

/// Microseconds of a day.
pub(crate) const DAY_MICROS: i64 = 86_400_000_000;

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
    let time = rest.strip_prefix([' ', 'T']).unwrap_or("x");
    let has_time = notation == Notation::Iso && is_time(time);
    if !(rest.is_empty() || has_time) {
        return None;
    }
    let days = days_from_civil(year, month, day);
    let is_real = (1..=12).contains(&month) && civil_from_days(days) == (year, month, day);
    is_real.then_some((days, notation, rest))
}

/// A time of the day or the end of one, with an offset and a zone: nothing but that.
pub(crate) fn is_time(text: &str) -> bool {
    let (clock, zone) = text.split_once('[').unwrap_or((text, "UTC]"));
    let is_part = |c: char| c.is_ascii_alphanumeric() || "/_+-".contains(c);
    let is_zone = |zone: &str| {
        (zone.contains('/') || zone.len() <= 5) && zone.len() <= 40 && zone.chars().all(is_part)
    };
    zone.strip_suffix(']').is_some_and(is_zone)
        && clock
            .chars()
            .all(|c| c.is_ascii_digit() || ":.+-Z".contains(c))
}

/// A date as servers print it, with what stands behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PrintedDate<'a> {
    /// Days since 1970, and the time and zone behind the date.
    Day(i64, &'a str),
    /// An infinity, a sentinel, a year that has no four digits: nobody's date.
    Nobodys,
}

/// Reads `2011-03-05`, `2011-03-05 10:00:00+00`, `2011-03-05T10:00+01:00[Europe/Paris]`, and the
/// forms of dates that are nobody's: infinities, years before 1 (` BC`, a minus) and after 9999.
pub(crate) fn printed_date(text: &str) -> Option<PrintedDate<'_>> {
    if matches!(text, "infinity" | "-infinity") {
        return Some(PrintedDate::Nobodys);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let common = unsigned.strip_suffix(" BC").unwrap_or(unsigned);
    let digits = common.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 4 || common.len() < text.len() {
        let (date, rest) = common.get(digits..)?.split_at_checked(6)?;
        let is_date = digits >= 4
            && date.bytes().enumerate().all(|(at, byte)| match at {
                0 | 3 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        let is_end = rest.is_empty() || rest.strip_prefix([' ', 'T']).is_some_and(is_time);
        return (is_date && is_end).then_some(PrintedDate::Nobodys);
    }
    let (days, notation, rest) = parse_date(text)?;
    if notation != Notation::Iso {
        return None;
    }
    Some(if is_sentinel(days) {
        PrintedDate::Nobodys
    } else {
        PrintedDate::Day(days, rest)
    })
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
            "2011-03-01 x",
            "2011-03-01T10:00[x]y",
            "äöüäö",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn printed_dates_are_days_or_nobodys() {
        for text in [
            "infinity",
            "-infinity",
            "0044-03-15 BC",
            "0044-03-15 10:00:00 BC",
            "10000-01-01",
            "294276-12-31 23:59:59",
            "-0044-03-15T10:00",
            "+12345-03-15",
            "9999-12-31",
            "0001-01-01 00:00:00",
        ] {
            assert_eq!(printed_date(text), Some(PrintedDate::Nobodys), "{text}");
        }
        assert_eq!(
            printed_date("1970-01-02T10:00+01:00[Europe/Paris]"),
            Some(PrintedDate::Day(1, "T10:00+01:00[Europe/Paris]"))
        );
        for text in [
            "",
            "03/05/2011",
            "12",
            "-",
            "2011-03-05x",
            "123456-",
            "x BC",
            "12345-ab-cd",
            "12345-01-02 x",
        ] {
            assert_eq!(printed_date(text), None, "{text}");
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
