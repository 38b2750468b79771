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
    /// Waiting for an approval; resumable.
    ApprovalAwaited = 9,
    LeaseHeld = 11,
    UndoRefused = 12,
    /// By SIGINT (Ctrl-C); resumable.
    Interrupted = 130,
    /// By SIGTERM; resumable.
    Terminated = 143,
}

impl Exit {
    /// All of them, by number. The number 10 is kept free for what DESIGN names.
    pub(crate) const ALL: [Self; 14] = [
        Self::Done,
        Self::Unexpected,
        Self::Usage,
        Self::Prerequisite,
        Self::Credentials,
        Self::ValidationFailed,
        Self::LeakNotExcluded,
        Self::LoadFailed,
        Self::Unreachable,
        Self::ApprovalAwaited,
        Self::LeaseHeld,
        Self::UndoRefused,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// One word for programs; it never changes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unexpected => "unexpected",
            Self::Usage => "usage",
            Self::Prerequisite => "prerequisite",
            Self::Credentials => "credentials",
            Self::ValidationFailed => "validation-failed",
            Self::LeakNotExcluded => "leak-not-excluded",
            Self::LoadFailed => "load-failed",
            Self::Unreachable => "unreachable",
            Self::ApprovalAwaited => "approval-awaited",
            Self::LeaseHeld => "lease-held",
            Self::UndoRefused => "undo-refused",
            Self::Interrupted => "interrupted",
            Self::Terminated => "terminated",
        }
    }

    /// What it means, as README's table says it.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unexpected => "unexpected error",
            Self::Usage => "usage, unknown district, not available yet",
            Self::Prerequisite => "prerequisite or configuration",
            Self::Credentials => "credentials missing or refused",
            Self::ValidationFailed => "validation FAILED",
            Self::LeakNotExcluded => "anonymization could not prove 0 leaks",
            Self::LoadFailed => "load failed, target as before",
            Self::Unreachable => "retries exhausted, unreachable host",
            Self::ApprovalAwaited => "waiting for approval",
            Self::LeaseHeld => "another run holds the lease",
            Self::UndoRefused => "undo refused",
            Self::Interrupted | Self::Terminated => "interrupted (Ctrl-C, SIGTERM), resumable",
        }
    }

    /// What a person does next; commands stand in backquotes.
    pub(crate) fn next(self) -> &'static str {
        match self {
            Self::Done => "nothing; `redistrict report RUN` writes the report of a run again",
            Self::Unexpected => {
                "a defect of redistrict: keep `logs` and the message, `redistrict resume` may go on"
            }
            Self::Usage => "`redistrict COMMAND --help`; `redistrict select` lists the districts",
            Self::Prerequisite => {
                "do what the lines below the message say, then the same command again; \
                 `redistrict doctor` looks at every store"
            }
            Self::Credentials => {
                "set the variable, file or command that the message names, then the same command, \
                 or `redistrict resume`"
            }
            Self::ValidationFailed => {
                "read the failed checks in the report, mend data or configuration, then \
                 `redistrict migrate DISTRICT`"
            }
            Self::LeakNotExcluded => {
                "where columns are named: decide their masks, then `redistrict migrate DISTRICT --skip-extraction`; \
                 where a file of the run is named, after loading: delete it, CERT needs nothing"
            }
            Self::LoadFailed => {
                "CERT is as it was: mend what the message names, then `redistrict load DISTRICT`"
            }
            Self::Unreachable => {
                "bring the host back (`redistrict doctor`); artifacts are kept: `redistrict resume`, \
                 or `migrate` again"
            }
            Self::ApprovalAwaited => {
                "somebody who may approves it (`redistrict approve RUN`), then `redistrict resume RUN`"
            }
            Self::LeaseHeld => {
                "once the run that the message names has ended (`redistrict watch RUN`): `redistrict resume`; \
                 with `--wait` a run goes on by itself then"
            }
            Self::UndoRefused => {
                "others changed the rows since: the message names the tables; settle that with them"
            }
            Self::Interrupted | Self::Terminated => "`redistrict resume`",
        }
    }

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
    fn the_table_has_every_number_and_name_once() {
        let mut numbers: Vec<u8> = Exit::ALL.iter().map(|exit| *exit as u8).collect();
        let mut names: Vec<&str> = Exit::ALL.iter().map(|exit| exit.name()).collect();
        assert!(numbers.is_sorted());
        names.sort_unstable();
        numbers.dedup();
        names.dedup();
        assert_eq!(
            (numbers.len(), names.len()),
            (Exit::ALL.len(), Exit::ALL.len())
        );
    }

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
