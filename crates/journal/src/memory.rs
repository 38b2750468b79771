//! A journal that lives as long as its process: for tests and dry tries. Durable for nobody.

use std::sync::{Mutex, PoisonError};

use redistrict_model::RunId;

use crate::error::JournalError;
use crate::event::{Event, Record};
use crate::journal::Journal;
use crate::order::extend;
use crate::state::RunState;

/// A [`Journal`] in memory, with the same rules as the one on disk.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    runs: Mutex<Vec<Run>>,
}

#[derive(Debug)]
struct Run {
    id: RunId,
    state: Option<RunState>,
    records: Vec<Record>,
}

impl MemoryJournal {
    /// An empty journal.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Journal for MemoryJournal {
    fn append(&self, run: &RunId, wall_millis: u64, events: &[Event]) -> Result<(), JournalError> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let place = runs.iter().position(|known| known.id == *run);
        let before = place.and_then(|place| runs[place].state.clone());
        let (state, records) = extend(run, before, wall_millis, events)?;
        match place {
            Some(place) => {
                runs[place].state = state;
                runs[place].records.extend(records);
            }
            None if state.is_some() => runs.push(Run {
                id: run.clone(),
                state,
                records,
            }),
            None => {}
        }
        Ok(())
    }

    fn read(&self, run: &RunId) -> Result<Vec<Record>, JournalError> {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let known = runs.iter().find(|known| known.id == *run);
        Ok(known.map(|run| run.records.clone()).unwrap_or_default())
    }

    fn runs(&self) -> Result<Vec<RunId>, JournalError> {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(runs.iter().map(|run| run.id.clone()).collect())
    }
}
