//! The skill *validate*: a sealed masked artifact in, a verdict out.
//!
//! Offline: it reads the artifact and the plan, never a store. It shares no code with the planner or
//! the closure: what they decided is looked at again, from the rows. Values are compared and counted,
//! never printed: an offending row is named by its table and its number within the artifact.

mod cells;
mod checks;
mod expression;
mod foresight;
mod keyset;
mod scan;
mod skill;
mod verdict;

pub use foresight::{checks_that_cannot_run, refused_by_target};
pub use skill::ValidateSkill;
pub use verdict::{VERDICT_FILE, read_verdict};
