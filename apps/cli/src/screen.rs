//! What stands at the foot of a terminal while a run goes on: the five phases, how far the one in progress
//! is, and the table that is worked on, of each store that is. Pure: events in, lines out; `foot` draws
//! them.

use std::collections::BTreeMap;
use std::time::Duration;

use console::{Style, measure_text_width, truncate_str};
use redistrict_journal::PhaseState;
use redistrict_model::{Phase, StoreName, shown};
use redistrict_orchestrator::FeedEvent;
use redistrict_skill::Progress;

use crate::output::thousands;

/// So many stores are shown at work.
const STORES: usize = 8;

/// Below that there is room for no bar.
const BAR_FROM: usize = 60;

/// How many characters the longest bar has.
const LONGEST_BAR: usize = 40;

/// What is known of the run.
#[derive(Default)]
pub(crate) struct Screen {
    phases: BTreeMap<Phase, (PhaseState, u64)>,
    /// The phase in progress and how far it is.
    current: Option<(Phase, u8)>,
    /// By store; what is about no store alone ends when a store's begins.
    work: BTreeMap<Option<StoreName>, Work>,
}

/// The table, or the step, that is worked on.
struct Work {
    progress: Progress,
    /// When its first rows were told, and how many they were.
    since: Duration,
    rows_before: u64,
}

impl Screen {
    /// Takes an event in; `now` is monotonic.
    pub(crate) fn take(&mut self, event: &FeedEvent, now: Duration) {
        match event {
            FeedEvent::PhaseStarted { phase, .. } => {
                self.phases.insert(*phase, (PhaseState::InProgress, 0));
                self.current = Some((*phase, 0));
                self.work.clear();
            }
            FeedEvent::PhaseEnded {
                phase,
                state,
                millis,
            } => {
                self.phases.insert(*phase, (state.clone(), *millis));
                self.current = None;
                self.work.clear();
            }
            FeedEvent::UnitDone { unit, percent, .. } => {
                self.current = Some((unit.phase, *percent));
                self.work.clear();
            }
            FeedEvent::Progress(progress) => self.moved(progress, now),
            FeedEvent::Retry { .. } | FeedEvent::CompensationStarted { .. } => {
                self.work.clear();
            }
            _ => {}
        }
    }

    fn moved(&mut self, progress: &Progress, now: Duration) {
        let is_same = |work: &Work| {
            work.progress.unit == progress.unit
                && work.progress.subject == progress.subject
                && work.progress.rows_done <= progress.rows_done
        };
        let store = &progress.unit.store;
        if store.is_some() {
            self.work.remove(&None);
        }
        match self.work.get_mut(store) {
            Some(work) if is_same(work) => work.progress = progress.clone(),
            _ => {
                let work = Work {
                    progress: progress.clone(),
                    since: now,
                    rows_before: progress.rows_done,
                };
                self.work.insert(store.clone(), work);
            }
        }
    }

    /// The lines, none wider than `width`: the five phases, the one in progress, the stores at work.
    pub(crate) fn lines(&self, width: usize, now: Duration) -> Vec<String> {
        let mut lines: Vec<String> = Phase::ALL.map(|phase| self.phase_line(phase)).into();
        lines.push(self.current.map_or_else(String::new, |(phase, percent)| {
            let said = format!(
                "Phase {} of 5: {phase} - {percent}% complete",
                phase.number()
            );
            with_bar(&said, Some(f64::from(percent) / 100.0), width)
        }));
        let works = self.work.values().take(STORES);
        lines.extend(works.map(|work| work.line(width, now)));
        if let Some(more) = self.work.len().checked_sub(STORES).filter(|more| *more > 0) {
            lines.push(format!("      and {more} more stores"));
        }
        let cut = |line: &String| truncate_str(line, width, "…").into_owned();
        lines.iter().map(cut).collect()
    }

    fn phase_line(&self, phase: Phase) -> String {
        let pending = (PhaseState::Pending, 0);
        let (state, millis) = self.phases.get(&phase).unwrap_or(&pending);
        let (mark, style) = match state {
            PhaseState::Pending => (' ', Style::new().dim()),
            PhaseState::InProgress => ('>', Style::new().cyan().bold()),
            PhaseState::Completed => ('x', Style::new().green()),
            PhaseState::Failed => ('!', Style::new().red().bold()),
            PhaseState::Skipped { .. } => ('-', Style::new().dim()),
        };
        let worked = match state {
            PhaseState::Completed | PhaseState::Failed => {
                format!("  {:.1} s", Duration::from_millis(*millis).as_secs_f64())
            }
            _ => String::new(),
        };
        let name = phase.to_string();
        let line = format!(
            "  [{mark}] {}. {name:<13}  {:<11}{worked}",
            phase.number(),
            state.to_string()
        );
        style.for_stderr().apply_to(line.trim_end()).to_string()
    }
}

impl Work {
    fn line(&self, width: usize, now: Duration) -> String {
        let Progress {
            subject,
            rows_done,
            rows_expected,
            ..
        } = &self.progress;
        let seconds = now.saturating_sub(self.since).as_secs_f64();
        let rate = (seconds >= 1.0)
            .then(|| count(rows_done.saturating_sub(self.rows_before)) / seconds)
            .filter(|rate| *rate > 0.0);
        let expected = rows_expected.filter(|expected| expected >= rows_done);
        let of = expected.map(|expected| format!(" of {}", thousands(expected)));
        let speed = rate.map(|rate| format!(", {} rows/s", thousands(whole(rate))));
        let left = expected.zip(rate).map(|(expected, rate)| {
            let left = Duration::from_secs(whole(count(expected - rows_done) / rate));
            format!(", {} left", short(left))
        });
        let said = format!(
            "      {}: {}{} rows{}{}",
            shown(subject),
            thousands(*rows_done),
            of.unwrap_or_default(),
            speed.unwrap_or_default(),
            left.unwrap_or_default(),
        );
        let share = expected.map(|expected| count(*rows_done) / count(expected.max(1)));
        with_bar(&said, share, width)
    }
}

/// The text, and as much of a bar as there is room for.
fn with_bar(text: &str, share: Option<f64>, width: usize) -> String {
    let room = width.saturating_sub(measure_text_width(text) + 4);
    let (Some(share), true) = (share, width >= BAR_FROM && room >= 10) else {
        return text.to_owned();
    };
    let length = room.min(LONGEST_BAR);
    let full = usize::try_from(whole(share.clamp(0.0, 1.0) * count(length as u64))).unwrap_or(0);
    let full = full.min(length);
    format!(
        "{text}  [{}{}]",
        "#".repeat(full),
        "-".repeat(length - full)
    )
}

/// `1 h 5 min`, `12 min`, `40 s`.
fn short(left: Duration) -> String {
    let seconds = left.as_secs();
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "for a person's eye")]
fn count(number: u64) -> f64 {
    number as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "for a person's eye; the cast saturates"
)]
fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use redistrict_model::UnitKey;

    use super::*;

    fn progress(rows_done: u64, rows_expected: Option<u64>) -> FeedEvent {
        FeedEvent::Progress(Progress {
            unit: UnitKey::new(Phase::Extraction, "copy"),
            subject: "ids.public.students".to_owned(),
            rows_done,
            rows_expected,
        })
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn screen() -> Screen {
        let mut screen = Screen::default();
        let phase = Phase::Extraction;
        screen.take(&FeedEvent::PhaseStarted { phase, units: 4 }, seconds(0));
        screen.take(&progress(1_000, Some(21_000)), seconds(10));
        screen.take(&progress(11_000, Some(21_000)), seconds(20));
        screen
    }

    #[test]
    fn rows_per_second_and_time_left_are_measured_since_the_table_began() {
        let lines = screen().lines(120, seconds(20));
        assert!(lines[0].contains("[>] 1. Extraction"), "{lines:#?}");
        assert!(lines[1].contains("[ ] 2. Anonymization"), "{lines:#?}");
        assert!(lines[5].starts_with("Phase 1 of 5: Extraction - 0% complete  [----"));
        let said = "ids.public.students: 11,000 of 21,000 rows, 1,000 rows/s, 10 s left  [####";
        assert!(lines[6].contains(said), "{}", lines[6]);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_whatever_stands_in_it() {
        let mut screen = screen();
        let mut wide = progress(5, None);
        if let FeedEvent::Progress(progress) = &mut wide {
            progress.subject = "学校".repeat(100) + "\u{1b}[2J\n";
        }
        screen.take(&wide, seconds(21));
        for width in [1, 20, 40, 59, 60, 80, 160, 300] {
            for line in screen.lines(width, seconds(30)) {
                assert!(measure_text_width(&line) <= width, "{width}: {line:?}");
                assert!(
                    !line.contains('\n') && !line.contains("\u{1b}[2J"),
                    "{line:?}"
                );
            }
        }
    }

    #[test]
    fn a_narrow_terminal_has_no_bars_and_a_wide_one_short_bars() {
        let bars = |width| {
            let lines = screen().lines(width, seconds(20));
            lines[5].contains("--]")
        };
        assert_eq!([40, 59, 80, 160].map(bars), [false, false, true, true]);
        assert!(screen().lines(300, seconds(20))[5].len() < 100);
    }

    #[test]
    fn what_is_over_is_shown_no_longer() {
        let mut screen = screen();
        screen.take(
            &FeedEvent::PhaseEnded {
                phase: Phase::Extraction,
                state: PhaseState::Completed,
                millis: 12_340,
            },
            seconds(30),
        );
        let lines = screen.lines(80, seconds(30));
        assert!(lines[0].contains("completed    12.3 s"), "{lines:#?}");
        assert_eq!(lines[5..], [""]);
    }

    #[test]
    fn each_store_at_work_has_a_line_with_its_own_speed() {
        let mut screen = screen();
        let told = |store: &str, rows_done| {
            let FeedEvent::Progress(mut progress) = progress(rows_done, Some(100)) else {
                unreachable!("made as one");
            };
            progress.unit = progress.unit.of_store(&StoreName::new(store));
            progress.subject = format!("{store}.public.t");
            FeedEvent::Progress(progress)
        };
        for (store, rows, at) in [("b", 10, 20), ("a", 0, 20), ("b", 30, 22), ("a", 80, 22)] {
            screen.take(&told(store, rows), seconds(at));
        }
        let lines = screen.lines(120, seconds(22));
        let said: Vec<&str> = lines[6..]
            .iter()
            .filter_map(|line| line.split("  [").next())
            .map(str::trim)
            .collect();
        assert_eq!(
            said,
            [
                "a.public.t: 80 of 100 rows, 40 rows/s, 0 s left",
                "b.public.t: 30 of 100 rows, 10 rows/s, 7 s left",
            ]
        );
        for store in 0..20 {
            screen.take(&told(&format!("s{store:02}"), 1), seconds(23));
        }
        let lines = screen.lines(120, seconds(23));
        assert_eq!(lines.last().unwrap().trim(), "and 14 more stores");
        assert_eq!(lines.len(), 6 + STORES + 1);
    }

    #[test]
    fn times_left_are_short() {
        let said = [5, 65, 3_700].map(|left| short(seconds(left)));
        assert_eq!(said, ["5 s", "1 min", "1 h 1 min"]);
    }
}
