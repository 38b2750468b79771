//! The trait.

use async_trait::async_trait;
use redistrict_model::{Finding, Phase, Plan};
use serde::{Deserialize, Serialize};

use crate::context::UnitContext;
use crate::error::SkillError;
use redistrict_model::UnitKey;

/// The member of a unit's facts that says what a person has to approve before anything behind the unit is done,
/// whatever the configuration says: a list, one entry for each thing. Absent or empty: nothing. Of a phase's units
/// the last one may ask, which gates the next phase; or one before it, which gates the units behind it.
pub const ASKS: &str = "asks";

/// What a unit did, value-free: it goes into the journal and the report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UnitOutcome {
    /// Rows read, masked, checked or written.
    #[serde(default)]
    pub rows: u64,
    /// Bytes written to files.
    #[serde(default)]
    pub bytes: u64,
    /// What the next units and the report need to know.
    #[serde(default)]
    pub facts: serde_json::Value,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// One phase's work.
///
/// *Idempotence*: a unit may be run again after it was killed anywhere, or after it was done and
/// its outcome was lost; the result must be the same as that of one run. What a unit leaves behind
/// before it is done counts for nothing.
/// *Order*: units run one after another, in the order in which [`units`](Self::units) gives them.
/// *Data* passes between phases through artifacts only; facts of the outcome are for small,
/// value-free things.
#[async_trait]
pub trait Skill: Send + Sync {
    /// The phase whose work this is.
    fn phase(&self) -> Phase;

    /// The units of the phase, in order. Pure: the same plan gives the same units.
    fn units(&self, plan: &Plan) -> Vec<UnitKey>;

    /// The unit whose outcome says what an approval of the phase is about: it only looks, and nothing is
    /// done outside before or in it. The run stops behind it until somebody has approved. None: an
    /// approval stands before the first unit and is about the plan.
    fn approved_unit(&self) -> Option<UnitKey> {
        None
    }

    /// The phase's point of no return: once one of these units is done, what the phase did outside stands. From
    /// there on nothing is taken back; what fails makes the run wait, and `resume` finishes it. Pure.
    fn deciding_units(&self, plan: &Plan) -> Vec<UnitKey> {
        let _never = plan;
        Vec::new()
    }

    /// Runs one unit.
    ///
    /// # Errors
    /// The kind decides what happens next: tried again, waits for a person, or ends the run; one that
    /// [`keeps`](SkillError::keeps) never ends it.
    async fn run(&self, unit: &UnitKey, context: &UnitContext) -> Result<UnitOutcome, SkillError>;

    /// Called once when the phase cannot be finished (never on an interruption, never past the point of no
    /// return): takes back what
    /// its units did outside this machine. Idempotent, resumable. The default has nothing to take
    /// back.
    ///
    /// # Errors
    /// When it could not be taken back; the run stays unfinished and `resume` calls again.
    async fn compensate(&self, context: &UnitContext) -> Result<UnitOutcome, SkillError> {
        let _nothing_outside = context;
        Ok(UnitOutcome::default())
    }
}
