//! Why the journal could not be written or read. Holds paths, run ids and numbers only.

use redistrict_model::{ErrorKind, RunId};

/// Why the journal could not be written or read.
///
/// After an error of an append the event may be there or not (a commit whose answer was lost):
/// whoever gets one stops, and the run is resumed from what the journal says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    #[error("{doing} the journal at {path}")]
    Sqlite {
        doing: &'static str,
        path: String,
        source: rusqlite::Error,
    },
    #[error("read event {sequence} of run {run}")]
    Event {
        run: RunId,
        sequence: u64,
        source: serde_json::Error,
    },
    #[error("write an event of run {run}")]
    Encode {
        run: RunId,
        source: serde_json::Error,
    },
    #[error("read the journal at {path}: it has format {found}, this version reads format 1")]
    Format { path: String, found: u32 },
    #[error("append to the journal of run {run}: {what}")]
    IllegalOrder { run: RunId, what: &'static str },
    #[error("prepare the journal's directory {path}")]
    Directory {
        path: String,
        source: std::io::Error,
    },
}

impl JournalError {
    /// What kind of failure it is: a broken order is ours, the rest is the user's disk.
    #[must_use]
    pub fn error_kind(&self) -> ErrorKind {
        match self {
            Self::IllegalOrder { .. } | Self::Encode { .. } => ErrorKind::Bug,
            Self::Event { .. } => ErrorKind::Corrupt,
            Self::Sqlite { source, .. } => match source.sqlite_error_code() {
                Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
                    ErrorKind::Corrupt
                }
                Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
                    ErrorKind::Busy
                }
                _ => ErrorKind::Config,
            },
            Self::Format { .. } | Self::Directory { .. } => ErrorKind::Config,
        }
    }
}
