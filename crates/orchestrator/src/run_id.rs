//! Names of runs.

use redistrict_journal::RunKind;
use redistrict_model::RunId;
use redistrict_model::calendar::civil_from_days;
use redistrict_skill::Clock;

/// A run's name, `mig-{YYYYMMDDTHHMMSSZ}-{seq}` or `rb-…`: the wall clock's second, and a number
/// that no existing run of the same second has. Two processes may still choose the same name: the
/// run's lock and the journal let one of them start.
#[must_use]
pub fn new_run_id(kind: RunKind, clock: &dyn Clock, existing: &[RunId]) -> RunId {
    let prefix = match kind {
        RunKind::Migration => "mig",
        RunKind::Undo => "rb",
    };
    let stem = format!("{prefix}-{}-", utc_text(clock.wall().as_secs()));
    let taken = existing
        .iter()
        .filter_map(|run| run.as_str().strip_prefix(&stem)?.parse::<u32>().ok())
        .max()
        .unwrap_or(0);
    RunId::new(format!("{stem}{:03}", taken + 1))
}

/// `YYYYMMDDTHHMMSSZ`.
fn utc_text(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil_from_days(days.cast_signed());
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use redistrict_skill::ManualClock;

    use super::*;

    #[test]
    fn utc_texts_are_those_of_date() {
        // Expected texts from `date -u -d @N +%Y%m%dT%H%M%SZ`.
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (951_782_399, "20000228T235959Z"),
            (951_782_400, "20000229T000000Z"),
            (951_868_800, "20000301T000000Z"),
            (1_709_164_800, "20240229T000000Z"),
            (1_735_689_599, "20241231T235959Z"),
            (1_767_225_600, "20260101T000000Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(utc_text(seconds), text);
        }
    }

    #[test]
    fn a_run_of_the_same_second_gets_the_next_number() {
        let clock = ManualClock::default();
        let first = new_run_id(RunKind::Migration, &clock, &[]);
        assert_eq!(first.as_str(), "mig-20260101T000000Z-001");
        let taken = [
            first,
            RunId::new("mig-20260101T000000Z-009"),
            RunId::new("x"),
        ];
        let next = new_run_id(RunKind::Migration, &clock, &taken);
        assert_eq!(next.as_str(), "mig-20260101T000000Z-010");
        let undo = new_run_id(RunKind::Undo, &clock, &taken);
        assert_eq!(undo.as_str(), "rb-20260101T000000Z-001");
    }
}
