//! A journal with an effect point before and after each append.

use std::sync::Arc;

use redistrict_journal::{Event, Journal, JournalError, Record};
use redistrict_model::RunId;

use super::points::Points;

pub(super) fn wrap(inner: Arc<dyn Journal>, points: &Arc<Points>) -> Arc<dyn Journal> {
    Arc::new(PointJournal {
        inner,
        points: Arc::clone(points),
    })
}

struct PointJournal {
    inner: Arc<dyn Journal>,
    points: Arc<Points>,
}

impl Journal for PointJournal {
    fn append(&self, run: &RunId, wall_millis: u64, events: &[Event]) -> Result<(), JournalError> {
        let what = events.iter().map(name).collect::<Vec<_>>().join("+");
        self.points.pass("before", &format!("journal {what}"));
        self.inner.append(run, wall_millis, events)?;
        match self.points.pass("after", &format!("journal {what}")) {
            true => Err(lost()),
            false => Ok(()),
        }
    }

    fn read(&self, run: &RunId) -> Result<Vec<Record>, JournalError> {
        self.inner.read(run)
    }

    fn runs(&self) -> Result<Vec<RunId>, JournalError> {
        self.inner.runs()
    }
}

/// The event is written, and the disk says that it is not.
fn lost() -> JournalError {
    JournalError::Sqlite {
        doing: "append to",
        path: "of the faulty twin".to_owned(),
        source: rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR),
            None,
        ),
    }
}

fn name(event: &Event) -> String {
    match event {
        Event::PhaseStarted { phase, .. } => format!("phase-started {phase}"),
        Event::UnitStarted { unit, .. } => format!("unit-started {} {unit}", unit.phase),
        Event::UnitDone { unit, .. } => format!("unit-done {} {unit}", unit.phase),
        Event::UnitFailed { unit, .. } => format!("unit-failed {} {unit}", unit.phase),
        Event::PhaseDone { phase, .. } => format!("phase-done {phase}"),
        Event::RunStarted { .. } => "run-started".to_owned(),
        Event::RunSucceeded { .. } => "run-succeeded".to_owned(),
        _ => "other".to_owned(),
    }
}
