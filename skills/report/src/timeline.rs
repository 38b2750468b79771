//! When what was worked on: spans of units from the journal's records, and their places on a scale
//! without pauses. Pure.

use std::collections::BTreeMap;

use redistrict_journal::{Event, Record};
use redistrict_model::{Phase, UnitKey};

use crate::data::{PauseReport, SpanReport, SpanState, TimelineReport};

/// What taking a phase back is called among its units.
pub(crate) const TAKE_BACK: &str = "take back";

/// The attempts of a run, in the order in which they began. Records are those of one run, in sequence. A
/// clock that went back between two of them does not make a span negative.
#[must_use]
pub fn timeline(records: &[Record]) -> TimelineReport {
    let mut line = Line::default();
    for record in records {
        line.take(record);
    }
    line.finish()
}

/// What is open, by phase and unit: `None` is the taking back of the phase.
type Subject = (Phase, Option<UnitKey>);

#[derive(Default)]
struct Line {
    start: Option<u64>,
    now: u64,
    /// The last word of a process that worked; approvals are given by others.
    worked: u64,
    open: BTreeMap<Subject, usize>,
    done: TimelineReport,
}

impl Line {
    fn take(&mut self, record: &Record) {
        let start = *self.start.get_or_insert(record.wall_millis);
        let before = self.worked;
        self.now = self.now.max(record.wall_millis.saturating_sub(start));
        let taking_back = |phase: &Phase| (*phase, None);
        let of_unit = |unit: &UnitKey| (unit.phase, Some(unit.clone()));
        match &record.event {
            Event::UnitStarted { unit, attempt } => self.begin(of_unit(unit), *attempt),
            Event::UnitDone { unit, .. } => self.end(&of_unit(unit), SpanState::Done),
            Event::UnitFailed { unit, .. } => self.end(&of_unit(unit), SpanState::Failed),
            Event::CompensationStarted { phase, attempt } => {
                self.begin(taking_back(phase), *attempt);
            }
            Event::CompensationDone { phase, .. } => {
                self.end(&taking_back(phase), SpanState::Done);
            }
            Event::CompensationFailed { phase, .. } => {
                self.end(&taking_back(phase), SpanState::Failed);
            }
            Event::RunInterrupted { .. } => self.cut_short(self.now),
            Event::RunResumed { .. } => {
                self.cut_short(before);
                if self.now > before {
                    self.done.pauses.push(PauseReport {
                        from_millis: before,
                        to_millis: self.now,
                    });
                }
            }
            _ => {}
        }
        if is_work(&record.event) {
            self.worked = self.now;
        }
    }

    fn begin(&mut self, subject: Subject, attempt: u32) {
        let name = match &subject.1 {
            Some(unit) => unit.to_string(),
            None => TAKE_BACK.to_owned(),
        };
        let span = SpanReport {
            phase: subject.0,
            unit: name,
            attempt,
            state: SpanState::InProgress,
            from_millis: self.now,
            to_millis: self.now,
        };
        self.open.insert(subject, self.done.spans.len());
        self.done.spans.push(span);
    }

    fn end(&mut self, subject: &Subject, state: SpanState) {
        let Some(at) = self.open.remove(subject) else {
            return;
        };
        if let Some(span) = self.done.spans.get_mut(at) {
            span.state = state;
            span.to_millis = self.now;
        }
    }

    /// No process works on what is open any more.
    fn cut_short(&mut self, at: u64) {
        for index in std::mem::take(&mut self.open).into_values() {
            if let Some(span) = self.done.spans.get_mut(index) {
                span.state = SpanState::CutShort;
                span.to_millis = at.max(span.from_millis);
            }
        }
    }

    fn finish(mut self) -> TimelineReport {
        for index in self.open.values() {
            if let Some(span) = self.done.spans.get_mut(*index) {
                span.to_millis = self.now;
            }
        }
        self.done
    }
}

fn is_work(event: &Event) -> bool {
    matches!(
        event,
        Event::RunStarted { .. }
            | Event::RunResumed { .. }
            | Event::PhaseStarted { .. }
            | Event::PhaseDone { .. }
            | Event::UnitStarted { .. }
            | Event::UnitDone { .. }
            | Event::UnitFailed { .. }
            | Event::CompensationStarted { .. }
            | Event::CompensationDone { .. }
            | Event::CompensationFailed { .. }
            | Event::RunInterrupted { .. }
    )
}

/// A scale from which the pauses are cut out.
pub(crate) struct Scale<'a> {
    pauses: &'a [PauseReport],
    /// The end of the last span, pauses taken out.
    pub(crate) length: u64,
}

impl<'a> Scale<'a> {
    pub(crate) fn of(timeline: &'a TimelineReport) -> Self {
        let scale = Self {
            pauses: &timeline.pauses,
            length: 0,
        };
        let ends = timeline.spans.iter().map(|span| scale.at(span.to_millis));
        Self {
            length: ends.max().unwrap_or(0),
            ..scale
        }
    }

    /// Milliseconds worked until then.
    pub(crate) fn at(&self, millis: u64) -> u64 {
        let paused = self.pauses.iter().map(|pause| {
            let end = pause.to_millis.min(millis);
            end.saturating_sub(pause.from_millis)
        });
        millis.saturating_sub(paused.sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(wall_millis: u64, event: Event) -> Record {
        Record {
            sequence: 1,
            wall_millis,
            event,
        }
    }

    fn started(attempt: u32) -> Event {
        Event::UnitStarted {
            unit: UnitKey::new(Phase::Extraction, "extract"),
            attempt,
        }
    }

    fn done(attempt: u32) -> Event {
        Event::UnitDone {
            unit: UnitKey::new(Phase::Extraction, "extract"),
            attempt,
            millis: 1,
            outcome: serde_json::Value::Null,
        }
    }

    #[test]
    fn what_a_dead_process_left_open_ends_with_its_last_word_and_the_pause_is_no_work() {
        let line = timeline(&[
            record(1_000, started(1)),
            record(
                1_500,
                Event::PhaseStarted {
                    phase: Phase::Extraction,
                    units: 1,
                },
            ),
            record(9_000, Event::RunResumed { process: 2 }),
            record(9_100, started(2)),
            record(9_600, done(2)),
        ]);
        let told: Vec<(SpanState, u64, u64)> = line
            .spans
            .iter()
            .map(|span| (span.state, span.from_millis, span.to_millis))
            .collect();
        assert_eq!(
            told,
            [
                (SpanState::CutShort, 0, 500),
                (SpanState::Done, 8_100, 8_600)
            ]
        );
        assert_eq!(
            line.pauses,
            [PauseReport {
                from_millis: 500,
                to_millis: 8_000
            }]
        );
        let scale = Scale::of(&line);
        assert_eq!((scale.at(8_100), scale.length), (600, 1_100));
    }

    #[test]
    fn a_clock_that_goes_back_makes_no_span_negative() {
        let line = timeline(&[record(5_000, started(1)), record(4_000, done(1))]);
        assert_eq!((line.spans[0].from_millis, line.spans[0].to_millis), (0, 0));
    }

    #[test]
    fn what_is_not_over_lasts_until_the_last_word() {
        let line = timeline(&[
            record(0, started(1)),
            record(
                700,
                Event::PhaseStarted {
                    phase: Phase::Extraction,
                    units: 1,
                },
            ),
        ]);
        assert_eq!(line.spans[0].state, SpanState::InProgress);
        assert_eq!(line.spans[0].to_millis, 700);
    }
}
