//! What a unit is given.

use std::collections::BTreeMap;
use std::sync::Arc;

use redistrict_model::{Plan, RunId, UnitKey};

use crate::cancel::Cancel;
use crate::clock::Clock;
use crate::contract::UnitOutcome;

/// How far a unit is, for the screen; never journaled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub unit: UnitKey,
    /// A table or a step, for people.
    pub subject: String,
    pub rows_done: u64,
    /// If known.
    pub rows_expected: Option<u64>,
}

/// Takes progress; must not block.
pub trait ProgressSink: Send + Sync {
    /// Something moved.
    fn progress(&self, progress: Progress);
}

/// What a unit is given: the run, its plan, the outcomes of the units before it, and the means to
/// wait, to tell and to be stopped.
#[derive(Clone)]
pub struct UnitContext {
    pub run: RunId,
    pub plan: Arc<Plan>,
    /// 1 for the first try.
    pub attempt: u32,
    /// An earlier process of this run died: leases may be taken over.
    pub is_resume: bool,
    /// The outcomes of all units of this run that are done.
    pub outcomes: Arc<BTreeMap<UnitKey, UnitOutcome>>,
    pub clock: Arc<dyn Clock>,
    pub cancel: Cancel,
    pub progress: Arc<dyn ProgressSink>,
}

impl UnitContext {
    /// The outcome of an earlier unit of this run.
    #[must_use]
    pub fn outcome(&self, unit: &UnitKey) -> Option<&UnitOutcome> {
        self.outcomes.get(unit)
    }
}
