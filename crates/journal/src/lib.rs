//! The append-only run journal and the state folded from it.
//!
//! An intent is written before each effect and an outcome after it; the state of a run is always
//! `fold(events)`. Format v1; value-free.

mod error;
mod event;
mod fold;
mod journal;
mod memory;
mod order;
mod sqlite;
mod state;

pub use error::JournalError;
pub use event::{Event, FORMAT_VERSION, Record, RunKind, RunOptions};
pub use fold::fold;
pub use journal::Journal;
pub use memory::MemoryJournal;
pub use order::check_order;
pub use sqlite::SqliteJournal;
pub use state::{
    Approval, AttemptFailure, CompensationState, GateState, PhaseHistory, PhaseState, RunFailure,
    RunState, RunStatus, UnitState, Waiting,
};
