//! What kind of failure an error is. Policy (retry, stop, ask) is made of it in one place:
//! `orchestrator::retry`.

use serde::{Deserialize, Serialize};

/// The kinds of failures. An error says what happened, its kind says what may be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// May work when tried again: a lost connection, a deadlock, a restarted server.
    Transient,
    /// A host that does not answer. Tried again, then exit 8.
    Unreachable,
    /// Somebody else holds what we need: the lease of a target, a running run.
    Busy,
    /// Credentials or URL variables that are missing or refused.
    Auth,
    /// The configuration or a prerequisite: the user has to change something.
    Config,
    /// The command cannot be done as given: unknown district, "not available yet".
    Usage,
    /// The data refuse: a value outside its range, a row that cannot be written.
    Data,
    /// The target holds something that must not be overwritten.
    Conflict,
    /// A sealed file does not have its digest.
    Corrupt,
    /// Validation said FAILED. It cannot be approved away.
    Validation,
    /// Anonymization could not prove that nothing leaked.
    Leak,
    /// The user or a signal stopped the run; it can be resumed.
    Interrupted,
    /// An invariant of ours does not hold.
    Bug,
}

impl ErrorKind {
    /// Whether the same effect may be tried again without anybody changing anything.
    #[must_use]
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Transient | Self::Unreachable)
    }
}
