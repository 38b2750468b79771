//! Why a run could not be started or gone on with. What a skill failed with is in the summary.

use redistrict_journal::JournalError;
use redistrict_model::{ErrorKind, Phase, RunId, UnitKey};

/// Why the orchestrator stopped without ending the run, or did not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OrchestratorError {
    /// Nothing was done after it; the run is resumed from what the journal says.
    #[error("journal what happens in run {run}")]
    Journal {
        run: RunId,
        source: Box<JournalError>,
    },
    #[error("work on run {run}: another process of this machine does")]
    Busy { run: RunId },
    #[error("lock run {run} with the file {path}")]
    Lock {
        run: RunId,
        path: String,
        source: std::io::Error,
    },
    #[error("find run {run} in the journal")]
    UnknownRun { run: RunId },
    #[error("start run {run}: it was started before")]
    RunExists { run: RunId },
    #[error("start run {run}: {phase} is asked for and no skill does it")]
    NoSkill { run: RunId, phase: Phase },
    #[error("start run {run}: a skill of {expected} names the unit {unit} of another phase")]
    WrongPhase {
        run: RunId,
        expected: Phase,
        unit: Box<UnitKey>,
    },
    #[error("start run {run}: two skills name the unit {unit} of {}", unit.phase)]
    DuplicateUnit { run: RunId, unit: Box<UnitKey> },
    #[error("go on with run {run}: its plan does not have the digest it was sealed with")]
    PlanChanged { run: RunId },
    #[error("take back run {parent}: {what}")]
    Parent { parent: RunId, what: &'static str },
    #[error("read the journaled outcome of {unit} of run {run}")]
    Outcome {
        run: RunId,
        unit: Box<UnitKey>,
        source: serde_json::Error,
    },
}

impl OrchestratorError {
    /// What kind of failure it is, for the exit code.
    #[must_use]
    pub fn error_kind(&self) -> ErrorKind {
        match self {
            Self::Journal { source, .. } => source.error_kind(),
            Self::Busy { .. } => ErrorKind::Busy,
            Self::Lock { .. } => ErrorKind::Config,
            Self::UnknownRun { .. } | Self::RunExists { .. } | Self::Parent { .. } => {
                ErrorKind::Usage
            }
            Self::PlanChanged { .. } | Self::Outcome { .. } => ErrorKind::Corrupt,
            Self::NoSkill { .. } | Self::WrongPhase { .. } | Self::DuplicateUnit { .. } => {
                ErrorKind::Bug
            }
        }
    }
}
