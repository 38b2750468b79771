//! Numbers and names as people read them.

use redistrict_model::in_markdown;

/// `1234567` as `1,234,567`.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1.5 hours`; under an hour `12 minutes 5 seconds`.
#[must_use]
pub fn duration(millis: u64) -> String {
    let seconds = millis / 1_000;
    let minutes = seconds / 60;
    if minutes >= 60 {
        let tenths = minutes / 6;
        return format!("{}.{} hours", tenths / 10, tenths % 10);
    }
    match (minutes, seconds % 60) {
        (0, 0) => "less than a second".to_owned(),
        (0, seconds) => counted(seconds, "second"),
        (minutes, seconds) => {
            format!(
                "{} {}",
                counted(minutes, "minute"),
                counted(seconds, "second")
            )
        }
    }
}

/// `1 check`, `1,234 checks`.
pub(crate) fn counted(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {what}{plural}", thousands(number))
}

/// A short time: `350 ms`, `1.2 s`, `3 min 20 s`, `2 h 05 min`.
pub(crate) fn short(millis: u64) -> String {
    let seconds = millis / 1_000;
    let minutes = seconds / 60;
    match (minutes / 60, minutes, seconds) {
        (0, 0, 0) => format!("{millis} ms"),
        (0, 0, _) => format!("{seconds}.{} s", millis % 1_000 / 100),
        (0, _, _) => format!("{minutes} min {:02} s", seconds % 60),
        (hours, _, _) => format!("{hours} h {:02} min", minutes % 60),
    }
}

/// A number, or that it was not recorded.
pub(crate) fn recorded(number: Option<u64>) -> String {
    number.map_or_else(|| "not recorded".to_owned(), thousands)
}

/// A text inside a Markdown table or line: nothing in a name can end a cell or begin markup.
pub(crate) fn plain(text: &str) -> String {
    in_markdown(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (123_456, "123,456"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn durations_under_an_hour_are_minutes_and_seconds() {
        for (millis, text) in [
            (640, "less than a second"),
            (1_000, "1 second"),
            (59_999, "59 seconds"),
            (60_000, "1 minute 0 seconds"),
            (3_599_000, "59 minutes 59 seconds"),
            (3_600_000, "1.0 hours"),
            (5_500_000, "1.5 hours"),
        ] {
            assert_eq!(duration(millis), text);
        }
    }

    #[test]
    fn short_times_have_a_unit() {
        for (millis, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_250, "1.2 s"),
            (200_000, "3 min 20 s"),
            (7_500_000, "2 h 05 min"),
        ] {
            assert_eq!(short(millis), text);
        }
    }

    #[test]
    fn names_cannot_break_out_of_a_table() {
        assert_eq!(plain("a|b\n# <x>`"), "a\\|b # \\<x\\>\\`");
    }
}
