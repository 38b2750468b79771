//! Dates and times as the text in which SQLite files hold them. Must accept exactly the one form that
//! it writes: everything else would come back changed.

use redistrict_model::calendar::{civil_from_days, days_from_civil, days_in_month};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The days since 1970 of `YYYY-MM-DD`, years 0000 to 9999; none for any other form or day.
pub(crate) fn parse_date(text: &str) -> Option<i32> {
    let bytes: &[u8; 10] = text.as_bytes().try_into().ok()?;
    if bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (year, month, day) = (
        number(&bytes[..4])?,
        number(&bytes[5..7])?,
        number(&bytes[8..])?,
    );
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    i32::try_from(days_from_civil(year, month, day)).ok()
}

/// The date as `YYYY-MM-DD`; none outside the years 0000 to 9999.
pub(crate) fn format_date(days: i32) -> Option<String> {
    let (year, month, day) = civil_from_days(i64::from(days));
    (0..=9999)
        .contains(&year)
        .then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// The microseconds since 1970 of `YYYY-MM-DD HH:MM:SS` or `YYYY-MM-DD HH:MM:SS.ffffff` (six digits,
/// not all zero); none for any other form.
pub(crate) fn parse_timestamp(text: &str) -> Option<i64> {
    let days = i64::from(parse_date(text.get(..10)?)?);
    let bytes = text.as_bytes();
    if !matches!(bytes.len(), 19 | 26)
        || bytes[10] != b' '
        || bytes[13] != b':'
        || bytes[16] != b':'
    {
        return None;
    }
    let (hour, minute, second) = (
        number(&bytes[11..13])?,
        number(&bytes[14..16])?,
        number(&bytes[17..19])?,
    );
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let micros = match bytes.get(19) {
        None => 0,
        Some(b'.') => number(&bytes[20..]).filter(|micros| *micros > 0)?,
        Some(_) => return None,
    };
    let seconds = (hour * 60 + minute) * 60 + second;
    Some(days * MICROS_PER_DAY + seconds * 1_000_000 + micros)
}

/// The text that [`parse_timestamp`] reads; none outside the years 0000 to 9999 (the infinities are).
pub(crate) fn format_timestamp(micros: i64) -> Option<String> {
    let days = i32::try_from(micros.div_euclid(MICROS_PER_DAY)).ok()?;
    let date = format_date(days)?;
    let rest = micros.rem_euclid(MICROS_PER_DAY);
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let time = format!("{date} {hour:02}:{minute:02}:{second:02}");
    Some(if fraction == 0 {
        time
    } else {
        format!("{time}.{fraction:06}")
    })
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |sum, digit| {
        digit
            .is_ascii_digit()
            .then(|| sum * 10 + i64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_ten_thousand_years_agrees_with_sqlite_and_comes_back() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let mut statement = connection
            .prepare("select date(?1 * 86400, 'unixepoch')")
            .unwrap();
        let first = parse_date("0000-01-01").unwrap();
        let last = parse_date("9999-12-31").unwrap();
        assert_eq!(last - first + 1, 3_652_425);
        for days in (first..=last).step_by(13).chain([first, last, 0, -1]) {
            let text = format_date(days).unwrap();
            assert_eq!(parse_date(&text), Some(days));
            let oracle: String = statement.query_row([days], |row| row.get(0)).unwrap();
            assert_eq!(text, oracle);
        }
        assert_eq!(format_date(last + 1), None);
        assert_eq!(format_date(first - 1), None);
    }

    #[test]
    fn other_forms_of_dates_are_refused() {
        for text in [
            "2023-02-29",
            "1900-02-29",
            "2024-00-01",
            "2024-13-01",
            "2024-01-32",
            "2024-1-01",
            "2024-01-01 ",
            "24-01-01",
            "2024/01/01",
            "",
            "２024-01-",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
        assert!(parse_date("2000-02-29").is_some());
    }

    #[test]
    fn timestamps_have_one_form_and_come_back_in_it() {
        for text in [
            "1970-01-01 00:00:00",
            "1969-12-31 23:59:59.999999",
            "0000-01-01 00:00:00.000001",
            "9999-12-31 23:59:59.999999",
            "2024-02-29 12:34:56.100000",
        ] {
            let micros = parse_timestamp(text).unwrap();
            assert_eq!(format_timestamp(micros).as_deref(), Some(text));
        }
        for text in [
            "2024-01-01T00:00:00",
            "2024-01-01 00:00",
            "2024-01-01 00:00:00Z",
            "2024-01-01 00:00:00.5",
            "2024-01-01 00:00:00.000000",
            "2024-01-01 24:00:00",
            "2024-01-01 00:60:00",
            "2024-01-01 00:00:60",
            "2024-01-01",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
        assert_eq!(format_timestamp(i64::MAX), None);
        assert_eq!(format_timestamp(i64::MIN), None);
    }
}
