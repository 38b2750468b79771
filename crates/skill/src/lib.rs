//! The contract of a skill: plan, units, context, progress, cancellation.
//!
//! A skill does one phase's work, unit by unit. The orchestrator knows skills only through this
//! contract: it journals an intent before each unit and an outcome after it, retries what may be
//! retried, and asks the skill to take back what it did when the phase cannot be finished.

mod cancel;
mod clock;
mod context;
mod contract;
mod error;

pub use cancel::Cancel;
pub use clock::{Clock, ManualClock, SystemClock};
pub use context::{Progress, ProgressSink, UnitContext};
pub use contract::{ASKS, Skill, UnitOutcome};
pub use error::SkillError;
