//! Runs the five phases: decides (pure), executes, retries, resumes, undoes.
//!
//! [`decide`] says what is next and does nothing; the executor does it: it journals an intent
//! before each effect and an outcome after it, and the state is always the fold of the journal. Of
//! the data of a run nothing passes here: skills are known by their contract only.

mod compose;
mod decide;
mod error;
mod events;
mod execute;
mod gate;
mod handle;
mod lock;
mod recover;
mod retry;
mod run_id;
mod schedule;
mod summary;
mod supervise;

pub use compose::{compose, plan_digest};
pub use decide::{Action, Occurrence, Timing, decide};
pub use error::OrchestratorError;
pub use events::{FeedEvent, FeedSink, NoFeed, lines_of};
pub use gate::{ApprovalRefusal, approval};
pub use handle::{AtApproval, HEARTBEAT, Orchestrator, RunRequest};
pub use lock::{RunLock, ask_to_stop, is_asked_to_stop, is_worked_on};
pub use retry::{Directive, MAX_RETRIES, backoff, directive};
pub use run_id::new_run_id;
pub use schedule::{Gate, PhaseSchedule, Schedule};
pub use summary::RunSummary;
