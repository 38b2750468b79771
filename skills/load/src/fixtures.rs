//! What the unit tests of several modules are made of.

use redistrict_model::RunId;
use redistrict_store::{Epoch, RunRecord, RunState};

/// A record without origin.
pub(crate) fn record(run: &str, parent: Option<&str>, state: RunState) -> RunRecord {
    RunRecord {
        run: RunId::new(run),
        parent: parent.map(RunId::new),
        epoch: Epoch(1),
        plan_digest: String::new(),
        state,
        origin: None,
    }
}
