//! What can go wrong while an estate is written. Carries names and codes, never a value or a URL.

use std::path::PathBuf;

use crate::own::OneServer;

/// Why an estate could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EstateError {
    #[error("{operation} {path}")]
    File {
        operation: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("serialize the answer key")]
    AnswerKey(#[source] serde_json::Error),
    #[error("{operation} {table} in sqlite (code {code:?})")]
    Sqlite {
        operation: &'static str,
        table: String,
        /// The extended result code.
        code: Option<i32>,
    },
    #[error("{operation} {table} in postgres (sqlstate {sqlstate:?})")]
    Postgres {
        operation: &'static str,
        table: String,
        sqlstate: Option<String>,
    },
    #[error("{operation} {table} in neo4j (code {code:?})")]
    Graph {
        operation: &'static str,
        table: String,
        /// The server's; none where the connection failed.
        code: Option<String>,
    },
    #[error("read the URL of a graph: write bolt://user:password@host:port")]
    GraphUrl,
    #[error("use the URL of {0}")]
    ServerUrl(OneServer),
    #[error("connect to {0} without TLS: it is on another machine")]
    NotLocal(OneServer),
    #[error("write to {0}: it is there and was not made by the demo")]
    NotOurs(String),
    #[error("make the databases of the demo: another demo is at work on the same server")]
    Busy,
    #[error("create databases: the role may not")]
    MayNotCreate,
    #[error("drop database {0} of an earlier demo: it belongs to another role")]
    OfAnotherRole(String),
    #[error("find district {0} in the estate")]
    UnknownDistrict(u32),
}
