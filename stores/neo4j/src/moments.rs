//! Texts of times, dates with times, and durations: what is bound for them. Must not change a value: what
//! the server's parser cannot take (offsets with seconds) is taken apart here.

use neo4j::ValueSend;

use crate::dates;

/// How a text becomes a value; the number that stands first in what is bound (see
/// `statement::made_value`).
pub(crate) const LOCAL: i64 = 0;
/// The server reads the text as it is.
pub(crate) const ZONED: i64 = 1;
/// The local text, then an offset with seconds.
pub(crate) const OFFSET: i64 = 2;
/// The whole text, then the same instant in UTC, then the zone.
pub(crate) const ZONE: i64 = 3;

/// Whether the text of a time, or of a date and time, has an offset or a zone.
pub(crate) fn is_zoned(text: &str) -> bool {
    split(text).1.is_some()
}

/// What is bound for `12:00:00.5` or `12:00:00+01:00`; none if the text is no time.
pub(crate) fn time(text: &str) -> Option<ValueSend> {
    let (local, offset) = split(text);
    nanoseconds(local)?;
    match offset {
        None => Some(bound(LOCAL, &[text])),
        Some(offset) if seconds(offset)? % 60 == 0 => Some(bound(ZONED, &[text])),
        Some(offset) => Some(bound(OFFSET, &[local, offset])),
    }
}

/// What is bound for `2024-01-01T12:00:00`, with an offset and perhaps a zone; none if the text is no
/// date and time.
pub(crate) fn date_time(text: &str) -> Option<ValueSend> {
    let (local, rest) = split(text);
    let (date, clock) = local.split_once('T')?;
    let (day, nanos) = (dates::days(date)?, nanoseconds(clock)?);
    let Some(rest) = rest else {
        return Some(bound(LOCAL, &[text]));
    };
    let (offset, zone) = match rest.split_once('[') {
        Some((offset, zone)) => (offset, Some(zone.strip_suffix(']')?)),
        None => (rest, None),
    };
    let shift = seconds(offset)?;
    match zone {
        _ if shift % 60 == 0 => Some(bound(ZONED, &[text])),
        None => Some(bound(OFFSET, &[local, offset])),
        Some(zone) => {
            let nanos = nanos - shift * NANOS_PER_SECOND;
            let day = dates::text(day + nanos.div_euclid(NANOS_PER_DAY));
            let nanos = nanos.rem_euclid(NANOS_PER_DAY);
            let (second, nanos) = (nanos / NANOS_PER_SECOND, nanos % NANOS_PER_SECOND);
            let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
            let utc = format!("{day}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z");
            Some(bound(ZONE, &[text, &utc, zone]))
        }
    }
}

/// Whether the server's parser of durations may be asked: `P1Y2M3DT4H5M6.7S`, each part with a sign of
/// its own.
pub(crate) fn is_duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('P') else {
        return false;
    };
    let (date, time) = match rest.split_once('T') {
        Some((date, time)) if !time.is_empty() => (date, time),
        Some(_) => return false,
        None if rest.is_empty() => return false,
        None => (rest, ""),
    };
    are_parts(date, "YMWD") && are_parts(time, "HMS")
}

/// Numbers, each with one of the units after it, in their order.
fn are_parts(text: &str, units: &str) -> bool {
    let (mut rest, mut units) = (text, units);
    while !rest.is_empty() {
        let unsigned = rest.strip_prefix(['-', '+']).unwrap_or(rest);
        let Some(end) = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.') else {
            return false;
        };
        let number = &unsigned[..end];
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let place = unsigned.get(end..end + 1).and_then(|unit| units.find(unit));
        let Some(place) = place.filter(|_| is_number(whole) && is_number(fraction)) else {
            return false;
        };
        units = &units[place + 1..];
        rest = &unsigned[end + 1..];
    }
    true
}

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const NANOS_PER_DAY: i64 = 86_400 * NANOS_PER_SECOND;

fn bound(kind: i64, texts: &[&str]) -> ValueSend {
    let texts = texts
        .iter()
        .map(|text| ValueSend::String((*text).to_owned()));
    ValueSend::List(
        [ValueSend::Integer(kind)]
            .into_iter()
            .chain(texts)
            .collect(),
    )
}

/// What stands before the offset, and the rest.
fn split(text: &str) -> (&str, Option<&str>) {
    let start = text.find('T').map_or(0, |place| place + 1);
    match text[start..].find(['Z', '+', '-', '[']) {
        Some(place) => (&text[..start + place], Some(&text[start + place..])),
        None => (text, None),
    }
}

/// Since midnight, of `HH:MM`, `HH:MM:SS` or `HH:MM:SS.` with up to nine digits.
fn nanoseconds(clock: &str) -> Option<i64> {
    let (clock, fraction) = match clock.split_once('.') {
        Some((clock, fraction)) if clock.len() == 8 && (1..=9).contains(&fraction.len()) => {
            (clock, number(&format!("{fraction:0<9}"), NANOS_PER_SECOND)?)
        }
        Some(_) => return None,
        None => (clock, 0),
    };
    let mut parts = clock.split(':');
    let mut part = |limit| parts.next().map(|part| two_digits(part, limit));
    let (hour, minute) = (part(24)??, part(60)??);
    let second = match part(60) {
        Some(second) => second?,
        None => 0,
    };
    let is_whole = parts.next().is_none();
    is_whole.then(|| ((hour * 60 + minute) * 60 + second) * NANOS_PER_SECOND + fraction)
}

/// Of `Z`, `+HH:MM` or `+HH:MM:SS`.
fn seconds(offset: &str) -> Option<i64> {
    if offset == "Z" {
        return Some(0);
    }
    let sign = match offset.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let mut parts = offset[1..].split(':');
    let (hour, minute) = (
        two_digits(parts.next()?, 19)?,
        two_digits(parts.next()?, 60)?,
    );
    let second = match parts.next() {
        Some(second) => two_digits(second, 60)?,
        None => 0,
    };
    let is_whole = parts.next().is_none();
    is_whole.then(|| sign * ((hour * 60 + minute) * 60 + second))
}

fn two_digits(text: &str, limit: i64) -> Option<i64> {
    (text.len() == 2).then(|| number(text, limit)).flatten()
}

fn number(text: &str, limit: i64) -> Option<i64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number
        .then(|| text.parse().ok())
        .flatten()
        .filter(|number| *number < limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(kind: i64, texts: &[&str]) -> Option<ValueSend> {
        Some(bound(kind, texts))
    }

    #[test]
    fn times_are_told_by_their_offset() {
        for text in ["12:00:00", "23:59:59.999999999", "00:00"] {
            assert_eq!(time(text), texts(LOCAL, &[text]));
        }
        for text in ["12:00:00.000000001Z", "12:00:00+18:00", "00:00-00:30"] {
            assert_eq!(time(text), texts(ZONED, &[text]));
        }
        let odd = time("01:00:00-17:59:59");
        assert_eq!(odd, texts(OFFSET, &["01:00:00", "-17:59:59"]));
        for text in [
            "",
            "24:00:00",
            "12:60:00",
            "12",
            "12:00:00.",
            "12:00:00+1:00",
            "12:00:00Zx",
        ] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn an_offset_with_seconds_is_kept_by_the_instant_and_the_zone() {
        let text = "1850-01-01T00:00:00.5+00:53:28[Europe/Berlin]";
        let utc = "1849-12-31T23:06:32.500000000Z";
        assert_eq!(date_time(text), texts(ZONE, &[text, utc, "Europe/Berlin"]));
        let text = "-0001-01-01T00:00:00-00:00:01";
        assert_eq!(
            date_time(text),
            texts(OFFSET, &["-0001-01-01T00:00:00", "-00:00:01"])
        );
        for text in [
            "2024-10-27T02:30:00+01:00[Europe/Berlin]",
            "+999999999-12-31T23:59:59Z",
        ] {
            assert_eq!(date_time(text), texts(ZONED, &[text]));
        }
        let text = "-999999999-01-01T00:00:00";
        assert_eq!(date_time(text), texts(LOCAL, &[text]));
        for text in [
            "2024-01-01",
            "2023-02-29T00:00:00",
            "2024-01-01T00:00:00[UTC]",
            "2024-01-01 00:00",
        ] {
            assert_eq!(date_time(text), None, "{text}");
        }
    }

    #[test]
    fn durations_have_parts_in_their_order() {
        for text in [
            "PT0S",
            "P1Y2M3DT4H5M6.789S",
            "P-1M5DT-1H-1M-0.000000001S",
            "P3W",
            "PT-1M",
        ] {
            assert!(is_duration(text), "{text}");
        }
        for text in [
            "", "P", "PT", "1 day", "P1D2M", "P1", "PD", "P1.D", "PT1S2", "P1é",
        ] {
            assert!(!is_duration(text), "{text}");
        }
    }
}
