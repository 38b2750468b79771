//! The contract of a journal.

use redistrict_model::RunId;

use crate::error::JournalError;
use crate::event::{Event, Record};

/// A journal of runs.
///
/// An append is durable when it returns, and atomic: after a crash an event is there whole or not
/// at all. Events of one run are in the order in which they were appended. An event that cannot
/// follow the ones before it (an outcome without an intent, anything after the end but an undo or
/// a redo) is [`JournalError::IllegalOrder`] and not written.
pub trait Journal: Send + Sync {
    /// Appends events of one run, all or none, in one durable step.
    ///
    /// # Errors
    /// See [`JournalError`].
    fn append(&self, run: &RunId, wall_millis: u64, events: &[Event]) -> Result<(), JournalError>;

    /// All events of a run, in order; none for an unknown run.
    ///
    /// # Errors
    /// See [`JournalError`].
    fn read(&self, run: &RunId) -> Result<Vec<Record>, JournalError>;

    /// All runs, oldest first.
    ///
    /// # Errors
    /// See [`JournalError`].
    fn runs(&self) -> Result<Vec<RunId>, JournalError>;
}
