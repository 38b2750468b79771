//! Quarters of dates in canonical text. Pure.

/// A year and a quarter of it, 0 to 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Quarter {
    year: u16,
    quarter: u16,
}

/// The years of real events: what lies outside (`9999-12-31`, the infinities, years BC) stands for "no
/// end" or "unknown" and is no activity.
const YEARS: std::ops::RangeInclusive<u16> = 1900..=2199;

impl Quarter {
    /// The quarter of a date or time that begins with `YYYY-MM-DD`.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let (year, rest) = text.split_once('-')?;
        if year.len() != 4 || text.ends_with(" BC") {
            return None;
        }
        let year = year.parse().ok().filter(|year| YEARS.contains(year))?;
        let month: u16 = rest.get(..2)?.parse().ok()?;
        (1..=12).contains(&month).then(|| Self {
            year,
            quarter: (month - 1) / 3,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarters_are_ordered_and_sentinels_have_none() {
        let march = Quarter::of("2024-03-31").unwrap();
        assert_eq!(Quarter::of("2024-01-01 10:00:00+00"), Some(march));
        assert!(Quarter::of("2024-04-01T00:00:00").unwrap() > march);
        for text in [
            "9999-12-31",
            "infinity",
            "-infinity",
            "0044-03-15 BC",
            "2024-13-01",
            "",
            "12345-01-01",
        ] {
            assert_eq!(Quarter::of(text), None, "{text}");
        }
    }
}
