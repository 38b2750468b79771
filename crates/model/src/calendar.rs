//! Days and dates of the proleptic Gregorian calendar (H. Hinnant, "chrono-compatible low-level date
//! algorithms"), and their canonical text: one notation for all stores, which is PostgreSQL's. Pure.

/// Days between 0000-03-01 and 1970-01-01.
const EPOCH_SHIFT: i64 = 719_468;
/// Days of 400 years.
const ERA: i64 = 146_097;

/// Days since 1970-01-01 of a date; of one that does not exist, those of the date that many days on.
#[must_use]
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * ERA + day_of_era - EPOCH_SHIFT
}

/// Year, month and day of a number of days since 1970-01-01. The year before 1 is 0.
#[must_use]
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + EPOCH_SHIFT;
    let era = shifted.div_euclid(ERA);
    let day_of_era = shifted.rem_euclid(ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = (shifted_month + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Days of a month, 1 to 12.
#[must_use]
pub fn days_in_month(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 31,
    }
}

const MICROS_PER_DAY: i64 = 86_400_000_000;
const INFINITIES: [&str; 2] = ["infinity", "-infinity"];

/// Whether moments are moments everywhere, or what a clock shows somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// No zone.
    Local,
    Utc,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Era {
    Common,
    /// The year before 1 is 1, too.
    Before,
}

/// The canonical text of a day: `YYYY-MM-DD`, with as many digits as the year has from 10000 on, and
/// with ` BC` behind it before the year 1. The days `i32::MAX` and `i32::MIN` are the infinities.
#[must_use]
pub fn date_text(days: i64) -> String {
    const LAST: i64 = i32::MAX as i64;
    const FIRST: i64 = i32::MIN as i64;
    match days {
        LAST => INFINITIES[0].to_owned(),
        FIRST => INFINITIES[1].to_owned(),
        days => {
            let (date, era) = printed(days);
            date + era
        }
    }
}

/// The days since 1970-01-01 of the text that [`date_text`] writes; none for any other form and for
/// days that do not exist.
#[must_use]
pub fn days_of(text: &str) -> Option<i64> {
    if let Some(place) = INFINITIES.iter().position(|name| *name == text) {
        return Some([i32::MAX, i32::MIN][place].into());
    }
    let days = match text.strip_suffix(" BC") {
        Some(date) => days_of_era(date, Era::Before),
        None => days_of_era(text, Era::Common),
    }?;
    let is_infinity = days == i64::from(i32::MAX) || days == i64::from(i32::MIN);
    (!is_infinity).then_some(days)
}

/// The canonical text of microseconds since 1970-01-01: `YYYY-MM-DD HH:MM:SS` with the year as in
/// [`date_text`], a fraction without zeros at its end, `+00` for UTC. `i64::MAX` and `i64::MIN` are the
/// infinities.
#[must_use]
pub fn timestamp_text(micros: i64, zone: Zone) -> String {
    match micros {
        i64::MAX => return INFINITIES[0].to_owned(),
        i64::MIN => return INFINITIES[1].to_owned(),
        _ => {}
    }
    let (mut text, era) = printed(micros.div_euclid(MICROS_PER_DAY));
    let rest = micros.rem_euclid(MICROS_PER_DAY);
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let clock = format!(" {hour:02}:{minute:02}:{second:02}");
    text.push_str(&clock);
    if fraction > 0 {
        text.push_str(format!(".{fraction:06}").trim_end_matches('0'));
    }
    if zone == Zone::Utc {
        text.push_str("+00");
    }
    text + era
}

/// The microseconds since 1970-01-01 of the text that [`timestamp_text`] writes; none for any other form,
/// for moments that do not exist, and for those that 64 bits do not hold.
#[must_use]
pub fn micros_of(text: &str, zone: Zone) -> Option<i64> {
    if let Some(place) = INFINITIES.iter().position(|name| *name == text) {
        return Some([i64::MAX, i64::MIN][place]);
    }
    let (text, era) = match text.strip_suffix(" BC") {
        Some(text) => (text, Era::Before),
        None => (text, Era::Common),
    };
    let text = match zone {
        Zone::Local => text,
        Zone::Utc => text.strip_suffix("+00")?,
    };
    let (date, time) = text.split_once(' ')?;
    let days = days_of_era(date, era)?;
    let micros = days.checked_mul(MICROS_PER_DAY)?;
    let micros = micros.checked_add(micros_of_day(time)?)?;
    (micros != i64::MAX && micros != i64::MIN).then_some(micros)
}

/// The date without its era, and the era as it stands behind everything else.
fn printed(days: i64) -> (String, &'static str) {
    let (year, month, day) = civil_from_days(days);
    let (year, era) = match year {
        1.. => (year, ""),
        _ => (1 - year, " BC"),
    };
    (format!("{year:04}-{month:02}-{day:02}"), era)
}

fn days_of_era(date: &str, era: Era) -> Option<i64> {
    let (year, rest) = date.split_at_checked(date.len().checked_sub(6)?)?;
    let (month, day) = rest.strip_prefix('-')?.split_once('-')?;
    let is_year = match year.len() {
        4 => year != "0000",
        5..=10 => !year.starts_with('0'),
        _ => false,
    };
    let (year, month, day) = (digits(year)?, digits(month)?, digits(day)?);
    let year = match era {
        Era::Common => year,
        Era::Before => 1 - year,
    };
    let exists = (1..=12).contains(&month) && day >= 1 && day <= days_in_month(year, month);
    (is_year && rest.as_bytes()[3] == b'-' && exists).then(|| days_from_civil(year, month, day))
}

/// Of `HH:MM:SS`, perhaps with a fraction of one to six digits that does not end in zero.
fn micros_of_day(time: &str) -> Option<i64> {
    let (clock, fraction) = match time.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (time, None),
    };
    let micros = match fraction {
        Some(fraction) if fraction.len() > 6 || fraction.ends_with('0') => return None,
        Some(fraction) => digits(fraction)? * 10_i64.pow(6 - u32::try_from(fraction.len()).ok()?),
        None => 0,
    };
    let mut parts = clock.split(':');
    let mut below = |limit: i64| {
        let part = parts.next().filter(|part| part.len() == 2)?;
        digits(part).filter(|number| *number < limit)
    };
    let seconds = (below(24)? * 60 + below(60)?) * 60 + below(60)?;
    let is_whole = parts.next().is_none();
    is_whole.then_some(seconds * 1_000_000 + micros)
}

fn digits(text: &str) -> Option<i64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_every_year_have_one_text_that_is_read_back() {
        for (days, text) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (19_782, "2024-02-29"),
            (-719_162, "0001-01-01"),
            (-719_163, "0001-12-31 BC"),
            (-719_528, "0001-01-01 BC"),
            (-735_160, "0044-03-15 BC"),
            (2_932_896, "9999-12-31"),
            (2_932_897, "10000-01-01"),
            (-2_440_588, "4714-11-24 BC"),
            (2_145_042_905, "5874897-12-31"),
            (2_147_483_646, "5881580-07-10"),
            (i64::from(i32::MAX), "infinity"),
            (i64::from(i32::MIN), "-infinity"),
            (365_241_780_471, "999999999-12-31"),
            (-365_243_219_162, "1000000000-01-01 BC"),
        ] {
            assert_eq!(date_text(days), text);
            assert_eq!(days_of(text), Some(days), "{text}");
        }
        for days in (-4_000_000..4_000_000).step_by(997) {
            assert_eq!(days_of(&date_text(days)), Some(days));
        }
    }

    #[test]
    fn other_forms_of_dates_are_none() {
        for text in [
            "",
            "0000-01-01",
            "0000-01-01 BC",
            "-0001-12-31",
            "+10000-01-01",
            "010000-01-01",
            "970-01-01",
            "2023-02-29",
            "0001-02-29",
            "2024-13-01",
            "2024-00-01",
            "2024-02-00",
            "2024-2-01",
            "2024-02-1",
            "2024-2-001",
            "2024-02-29 ",
            "2024-02-29 bc",
            "2024-02-29  BC",
            "0044-03-15BC",
            "20240229",
            "2024-02-29 00:00:00",
            "Infinity",
            "infinity BC",
            "5881580-07-11",
            "２024-01-01",
            "ä24-01-01",
            "99999999999-01-01",
        ] {
            assert_eq!(days_of(text), None, "{text}");
        }
        assert!(days_of("0001-02-29 BC").is_some());
    }

    #[test]
    fn moments_of_every_year_have_one_text_that_is_read_back() {
        for (micros, text) in [
            (0, "1970-01-01 00:00:00"),
            (-1, "1969-12-31 23:59:59.999999"),
            (1_709_166_896_100_000, "2024-02-29 00:34:56.1"),
            (-62_167_219_200_000_000, "0001-01-01 00:00:00 BC"),
            (-62_135_596_800_000_001, "0001-12-31 23:59:59.999999 BC"),
            (253_402_300_800_000_000, "10000-01-01 00:00:00"),
            (-210_866_803_200_000_000, "4714-11-24 00:00:00 BC"),
            (i64::MAX - 1, "294247-01-10 04:00:54.775806"),
            (i64::MAX, "infinity"),
            (i64::MIN, "-infinity"),
        ] {
            assert_eq!(timestamp_text(micros, Zone::Local), text);
            assert_eq!(micros_of(text, Zone::Local), Some(micros), "{text}");
            let zoned = timestamp_text(micros, Zone::Utc);
            assert_eq!(micros_of(&zoned, Zone::Utc), Some(micros), "{zoned}");
        }
        assert_eq!(
            timestamp_text(-62_167_219_199_500_000, Zone::Utc),
            "0001-01-01 00:00:00.5+00 BC"
        );
    }

    #[test]
    fn other_forms_of_moments_are_none() {
        for text in [
            "",
            "2024-02-29",
            "2024-02-29T00:00:00",
            "2024-02-29 00:00",
            "2024-02-29 24:00:00",
            "2024-02-29 00:60:00",
            "2024-02-29 00:00:60",
            "2024-02-29 00:00:00.",
            "2024-02-29 00:00:00.10",
            "2024-02-29 00:00:00.1234567",
            "2024-02-29 00:00:00.0",
            "2024-02-29 00:00:00:00",
            "2024-02-29 0:00:00",
            "2024-02-29 00:00:00+00",
            "2024-02-29 BC 00:00:00",
            "2023-02-29 00:00:00",
            "294247-01-10 04:00:54.775807",
            "294276-12-31 23:59:59",
            "9999999999-01-01 00:00:00",
        ] {
            assert_eq!(micros_of(text, Zone::Local), None, "{text}");
        }
        for text in [
            "2024-02-29 00:00:00",
            "2024-02-29 00:00:00+01",
            "0044-03-15 00:00:00 BC+00",
        ] {
            assert_eq!(micros_of(text, Zone::Utc), None, "{text}");
        }
    }

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
    fn a_month_ends_where_the_next_begins() {
        for year in 1896..2105 {
            for month in 1..=12 {
                let next = match month {
                    12 => days_from_civil(year + 1, 1, 1),
                    _ => days_from_civil(year, month + 1, 1),
                };
                let length = next - days_from_civil(year, month, 1);
                assert_eq!(days_in_month(year, month), length, "{year}-{month}");
            }
        }
    }
}
