//! Exit codes: published, they never change meaning (DESIGN §6).

use std::process::ExitCode;

use redistrict_model::{ErrorKind, Phase};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    Done = 0,
    Unexpected = 1,
    /// Usage, unknown district, "not available yet".
    Usage = 2,
    /// A prerequisite or the configuration.
    Prerequisite = 3,
    Credentials = 4,
    ValidationFailed = 5,
    LeakNotExcluded = 6,
    /// Load failed, target as before.
    LoadFailed = 7,
    /// Retries exhausted, unreachable host.
    Unreachable = 8,
    LeaseHeld = 11,
    UndoRefused = 12,
    /// By SIGINT (Ctrl-C); resumable.
    Interrupted = 130,
    /// By SIGTERM; resumable.
    Terminated = 143,
}

impl Exit {
    /// The code of a failure of that kind, in that phase if it happened in one.
    pub(crate) fn of(kind: ErrorKind, phase: Option<Phase>) -> Self {
        let is_loading = phase == Some(Phase::Loading);
        match kind {
            ErrorKind::Usage => Self::Usage,
            ErrorKind::Auth => Self::Credentials,
            ErrorKind::Transient | ErrorKind::Unreachable => Self::Unreachable,
            ErrorKind::Busy => Self::LeaseHeld,
            ErrorKind::Validation => Self::ValidationFailed,
            ErrorKind::Leak => Self::LeakNotExcluded,
            ErrorKind::Interrupted => Self::Interrupted,
            ErrorKind::Conflict => Self::LoadFailed,
            ErrorKind::Data | ErrorKind::Bug if is_loading => Self::LoadFailed,
            ErrorKind::Config | ErrorKind::Corrupt | ErrorKind::Data => Self::Prerequisite,
            ErrorKind::Bug => Self::Unexpected,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_cannot_be_written_is_a_failed_load_only_while_loading() {
        assert_eq!(
            Exit::of(ErrorKind::Data, Some(Phase::Loading)),
            Exit::LoadFailed
        );
        assert_eq!(
            Exit::of(ErrorKind::Data, Some(Phase::Extraction)),
            Exit::Prerequisite
        );
        assert_eq!(Exit::of(ErrorKind::Bug, None), Exit::Unexpected);
    }
}
