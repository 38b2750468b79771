//! The append-only run journal and the state folded from it.
//!
//! An intent is written before each effect and an outcome after it; the state of a run is always
//! `fold(events)`. Format v1; value-free.

mod event;
mod memory;
mod sqlite;
mod state;

pub use event::{Event, FORMAT_VERSION, Record, RunKind, RunOptions};
pub use memory::MemoryJournal;
pub use sqlite::SqliteJournal;
pub use state::{PhaseState, RunState, RunStatus, UnitState, fold};

use redistrict_model::RunId;

/// Why the journal could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    #[error("{doing} the journal at {path}")]
    Sqlite { doing: &'static str, path: String, source: rusqlite::Error },
    #[error("read event {sequence} of run {run}")]
    Event { run: RunId, sequence: u64, source: serde_json::Error },
    #[error("read the journal at {path}: it has format {found}, this version reads format 1")]
    Format { path: String, found: u32 },
    #[error("append to the journal of run {run}: {what}")]
    IllegalOrder { run: RunId, what: &'static str },
    #[error("prepare the journal's directory {path}")]
    Directory { path: String, source: std::io::Error },
}

/// A journal of runs.
///
/// An append is durable when it returns, and atomic: after a crash an event is there whole or not
/// at all. Events of one run are in the order in which they were appended. An event that cannot
/// follow the ones before it (an outcome without an intent, anything after the end) is
/// [`JournalError::IllegalOrder`] and not written.
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
