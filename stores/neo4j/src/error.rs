//! From the server's errors to ours. The server's message and its diagnostics quote properties: only
//! the code and the label of a broken constraint are kept.

use std::io::ErrorKind;

use neo4j::Neo4jError;
use neo4j::error::ServerError;
use redistrict_model::TableRef;
use redistrict_store::{StoreError, StoreErrorKind};

/// Why a request to the server failed. Holds no value and no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The server refused: its code, and the label or type of a uniqueness constraint.
    Server {
        code: String,
        constraint_on: Option<String>,
    },
    /// The connection broke.
    Lost,
    /// Nobody answers at the host.
    Unreachable { place: String },
    /// The server's certificate is not to be trusted, or the server speaks no TLS.
    Untrusted { place: String },
    /// A value that the protocol cannot carry, or a message that it does not know.
    Protocol,
}

impl Failure {
    /// Maps a failed request of an open session.
    pub(crate) fn of(error: &Neo4jError) -> Self {
        match error {
            Neo4jError::ServerError { error, .. } => Self::Server {
                code: error.code().to_owned(),
                constraint_on: constraint_on(error),
            },
            Neo4jError::Disconnect { .. } | Neo4jError::Timeout { .. } => Self::Lost,
            _ => Self::Protocol,
        }
    }

    /// Maps a failed attempt to connect to `place`.
    pub(crate) fn of_connecting(error: &Neo4jError, place: &str, is_encrypted: bool) -> Self {
        let place = place.to_owned();
        match error {
            Neo4jError::ServerError { .. } => Self::of(error),
            Neo4jError::Disconnect { source, .. }
                if is_encrypted && source.as_ref().is_some_and(broke_off) =>
            {
                Self::Untrusted { place }
            }
            Neo4jError::Disconnect { .. } | Neo4jError::Timeout { .. } => {
                Self::Unreachable { place }
            }
            _ => Self::Protocol,
        }
    }

    /// The server's code; empty for failures of the connection.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Server { code, .. } => code,
            _ => "",
        }
    }

    /// As an error; `what` fits after "failed to".
    pub(crate) fn doing(self, what: impl Into<String>) -> StoreError {
        let what = what.into();
        match self {
            Self::Server {
                code,
                constraint_on,
            } => {
                let made = StoreError::new(kind_of_code(&code), what);
                let made = match hint_of_code(&code) {
                    Some(hint) => made.with_hint(hint),
                    None => made,
                };
                made.with_code(match constraint_on {
                    Some(name) => format!("{code} on {name}"),
                    None => code,
                })
            }
            Self::Lost => StoreError::new(
                StoreErrorKind::Transient,
                format!("{what}: the connection to the graph was lost"),
            ),
            Self::Unreachable { place } => StoreError::new(
                StoreErrorKind::Unreachable,
                format!("{what}: no Bolt server answers at {place}"),
            )
            .with_hint(
                "check host, port and network of the connection URL, and whether the server wants \
                 TLS (bolt+s://)",
            ),
            Self::Untrusted { place } => StoreError::new(
                StoreErrorKind::Config,
                format!("{what}: no verified TLS connection to {place}"),
            )
            .with_hint(
                "the server must offer TLS with a certificate for this host name from a known \
                 authority; name a private authority or a self-signed certificate by \
                 `?sslrootcert=FILE`",
            ),
            Self::Protocol => StoreError::new(
                StoreErrorKind::Bug,
                format!("{what}: the driver could not carry the request or its answer"),
            ),
        }
    }
}

/// The certificate was refused, or the server hung up on being spoken to in TLS.
fn broke_off(source: &std::io::Error) -> bool {
    source
        .get_ref()
        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>)
        || matches!(
            source.kind(),
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset
        )
}

/// Says what was attempted.
pub(crate) trait Context<T> {
    /// `what` fits after "failed to".
    fn doing(self, what: &str) -> Result<T, StoreError>;

    /// The same, on a table.
    fn doing_at(self, what: &str, table: &TableRef) -> Result<T, StoreError>;
}

impl<T> Context<T> for Result<T, Failure> {
    fn doing(self, what: &str) -> Result<T, StoreError> {
        self.map_err(|failure| failure.doing(what))
    }

    fn doing_at(self, what: &str, table: &TableRef) -> Result<T, StoreError> {
        self.map_err(|failure| failure.doing(what).at(table))
    }
}

/// An invariant of ours does not hold.
pub(crate) fn bug(what: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Bug, what)
}

/// The configuration or the database has to be changed.
pub(crate) fn config(what: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Config, what)
}

/// A value that does not fit.
pub(crate) fn data(table: &TableRef, column: &str, what: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::Data,
        format!("{what} in {}", table.column(column)),
    )
}

/// The server's codes as kinds.
pub(crate) fn kind_of_code(code: &str) -> StoreErrorKind {
    if is_out_of_memory(code) {
        return StoreErrorKind::Config;
    }
    match code {
        "Neo.ClientError.Schema.ConstraintValidationFailed"
        | "Neo.ClientError.Schema.ConstraintViolation"
        | "Neo.DatabaseError.Schema.ConstraintCreationFailed"
        | "Neo.ClientError.Schema.ConstraintCreationFailed" => StoreErrorKind::Constraint,
        "Neo.ClientError.General.ForbiddenOnReadOnlyDatabase"
        | "Neo.ClientError.Database.DatabaseNotFound" => StoreErrorKind::Config,
        "Neo.ClientError.Statement.AccessMode" => StoreErrorKind::Bug,
        "Neo.ClientError.Cluster.NotALeader" => StoreErrorKind::Transient,
        _ => {
            let mut parts = code.split('.').skip(1);
            match (parts.next(), parts.next()) {
                (Some("DatabaseError"), Some("Statement")) => StoreErrorKind::Config,
                (Some("TransientError" | "DatabaseError"), _)
                | (Some("ClientError"), Some("Transaction")) => StoreErrorKind::Transient,
                (Some("ClientError"), Some("Security")) => StoreErrorKind::Auth,
                (Some("ClientError"), Some("Database")) => StoreErrorKind::Config,
                _ => StoreErrorKind::Bug,
            }
        }
    }
}

/// The server had no transaction memory left.
pub(crate) fn is_memory(error: &StoreError) -> bool {
    error.code.as_deref().is_some_and(is_out_of_memory)
}

/// Codes that call themselves transient and are not: the same transaction fails again.
fn is_out_of_memory(code: &str) -> bool {
    matches!(
        code,
        "Neo.TransientError.General.MemoryPoolOutOfMemoryError"
            | "Neo.TransientError.General.TransactionMemoryLimit"
            | "Neo.TransientError.General.OutOfMemoryError"
            | "Neo.ClientError.General.TransactionOutOfMemoryError"
    )
}

fn hint_of_code(code: &str) -> Option<&'static str> {
    if is_out_of_memory(code) {
        return Some(
            "the transaction needs more memory than the server gives: raise \
             dbms.memory.transaction.total.max and db.memory.transaction.max (and the heap), then \
             restart the server",
        );
    }
    match code {
        "Neo.ClientError.Security.Unauthorized" => {
            Some("check user and password of the connection URL")
        }
        "Neo.ClientError.Security.AuthenticationRateLimit" => {
            Some("the server refuses logins for a while after several wrong passwords")
        }
        "Neo.ClientError.Database.DatabaseNotFound" => {
            Some("the last part of the connection URL names the database")
        }
        "Neo.ClientError.General.ForbiddenOnReadOnlyDatabase" => {
            Some("the database is read-only: connect to the one that can be written")
        }
        "Neo.DatabaseError.Statement.ExecutionFailed" => Some(
            "the server could not run the statement, for example because an indexed value is too \
             long; its log says why",
        ),
        "Neo.TransientError.Transaction.DeadlockDetected" => {
            Some("another transaction locked the same nodes in another order: try again")
        }
        "Neo.ClientError.Transaction.TransactionTimedOut"
        | "Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration" => {
            Some("the server ended the transaction: raise db.transaction.timeout")
        }
        _ => None,
    }
}

/// The label or type in `Node(7) already exists with label `L` and property …`. It stands before
/// every value; only the text up to the next backtick is taken.
fn constraint_on(error: &ServerError) -> Option<String> {
    if error.code() != "Neo.ClientError.Schema.ConstraintValidationFailed" {
        return None;
    }
    label_of_message(error.message())
}

fn label_of_message(message: &str) -> Option<String> {
    let rest = message
        .strip_prefix("Node(")
        .or_else(|| message.strip_prefix("Relationship("))?
        .trim_start_matches(|c: char| c.is_ascii_digit())
        .strip_prefix(") already exists with ")?;
    let rest = rest
        .strip_prefix("label `")
        .or_else(|| rest.strip_prefix("type `"))?;
    let (name, _) = rest.split_once('`')?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_map_to_kinds_and_memory_is_not_transient() {
        for (code, kind) in [
            (
                "Neo.TransientError.Transaction.DeadlockDetected",
                StoreErrorKind::Transient,
            ),
            (
                "Neo.TransientError.General.MemoryPoolOutOfMemoryError",
                StoreErrorKind::Config,
            ),
            (
                "Neo.ClientError.Transaction.Terminated",
                StoreErrorKind::Transient,
            ),
            (
                "Neo.DatabaseError.General.UnknownError",
                StoreErrorKind::Transient,
            ),
            (
                "Neo.DatabaseError.Statement.ExecutionFailed",
                StoreErrorKind::Config,
            ),
            (
                "Neo.ClientError.Security.Unauthorized",
                StoreErrorKind::Auth,
            ),
            ("Neo.ClientError.Statement.AccessMode", StoreErrorKind::Bug),
            ("Neo.ClientError.Statement.SyntaxError", StoreErrorKind::Bug),
            (
                "Neo.ClientError.Database.DatabaseNotFound",
                StoreErrorKind::Config,
            ),
            (
                "Neo.ClientError.Schema.ConstraintValidationFailed",
                StoreErrorKind::Constraint,
            ),
            ("odd", StoreErrorKind::Bug),
        ] {
            assert_eq!(kind_of_code(code), kind, "{code}");
        }
    }

    #[test]
    fn of_a_constraint_message_only_the_label_is_kept() {
        let message = "Node(12) already exists with label `Pupil` and property `id` = 'label `x`'";
        assert_eq!(label_of_message(message).as_deref(), Some("Pupil"));
        let message = "Relationship(1) already exists with type `T` and property `p` = 1";
        assert_eq!(label_of_message(message).as_deref(), Some("T"));
        let message = "the value label `x` of Node(1) already exists with label `y`";
        assert_eq!(label_of_message(message), None);
    }
}
