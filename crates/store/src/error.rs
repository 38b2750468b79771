//! The error of a store: what was wrong, where, and of what kind; never a value, never a secret.

use redistrict_model::{ErrorKind, TableRef};

/// What kind of failure a store met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The connection was lost, or the server refused for now (restart, deadlock, serialization).
    Transient,
    /// Nobody answers at the host.
    Unreachable,
    /// Credentials were refused, or a right is missing.
    Auth,
    /// The lease, a lock or the database is held by somebody else.
    Busy,
    /// The lease of whoever writes is not the newest any more, or was given back: another process has taken
    /// over, and this one must not go on.
    Superseded,
    /// The store's configuration: a bad URL, an unknown schema, an unsupported server.
    Config,
    /// A value that the contract refuses: out of range, of another type than its column.
    Data,
    /// A constraint of the target refused rows.
    Constraint,
    /// A statement of ours was refused: an invariant of ours does not hold.
    Bug,
}

/// A failure of a store.
///
/// `what` is a lowercase fragment that fits after "failed to". It is made by us: names of objects
/// and SQLSTATEs may stand in it, server messages, DETAILs and values may not
/// (PostgreSQL's error text quotes rows).
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what}{}{}", table.as_ref().map(|table| format!(" ({table})")).unwrap_or_default(), code.as_ref().map(|code| format!(" [{code}]")).unwrap_or_default())]
pub struct StoreError {
    pub kind: StoreErrorKind,
    pub what: String,
    pub table: Option<TableRef>,
    /// SQLSTATE or extended result code, with the constraint's name where there is one.
    pub code: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl StoreError {
    /// An error of that kind; `what` fits after "failed to".
    pub fn new(kind: StoreErrorKind, what: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            table: None,
            code: None,
            hint: None,
        }
    }

    /// Names the table.
    #[must_use]
    pub fn at(mut self, table: &TableRef) -> Self {
        self.table = Some(table.clone());
        self
    }

    /// Adds the server's code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The kind that policy is made of.
    #[must_use]
    pub fn error_kind(&self) -> ErrorKind {
        match self.kind {
            StoreErrorKind::Transient => ErrorKind::Transient,
            StoreErrorKind::Unreachable => ErrorKind::Unreachable,
            StoreErrorKind::Auth => ErrorKind::Auth,
            StoreErrorKind::Busy | StoreErrorKind::Superseded => ErrorKind::Busy,
            StoreErrorKind::Config => ErrorKind::Config,
            StoreErrorKind::Data => ErrorKind::Data,
            StoreErrorKind::Constraint => ErrorKind::Conflict,
            StoreErrorKind::Bug => ErrorKind::Bug,
        }
    }
}
