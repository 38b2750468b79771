//! What can go wrong with files of a run.

use std::path::PathBuf;

use redistrict_model::ErrorKind;

/// A failure to write, read or verify an artifact. Paths of ours stand in it, never values.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArtifactError {
    #[error("{doing} {}", path.display())]
    Io {
        doing: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{doing} Parquet file {}", path.display())]
    Parquet {
        doing: &'static str,
        path: PathBuf,
        source: parquet::errors::ParquetError,
    },
    #[error("decode a batch of {}", path.display())]
    Arrow {
        path: PathBuf,
        source: arrow::error::ArrowError,
    },
    #[error("find a sealed artifact at {}", path.display())]
    NotSealed { path: PathBuf },
    #[error("verify {}: {what}", path.display())]
    Corrupt { path: PathBuf, what: &'static str },
    #[error("read {}: it has format {found}, this version reads format {supported}", path.display())]
    Format {
        path: PathBuf,
        found: u32,
        supported: u32,
    },
    #[error("unwrap the data key at {}: it was made with another root key, or changed", path.display())]
    WrongKey { path: PathBuf },
    #[error("use the root key: it must be 32 bytes or more, or 64 hexadecimal digits")]
    BadRootKey,
    #[error("draw random bytes from the operating system")]
    Random,
    #[error("write part of {table}: its columns are not those of the table's first part")]
    SchemaChanged { table: String },
}

impl ArtifactError {
    /// The kind that policy is made of.
    #[must_use]
    pub fn error_kind(&self) -> ErrorKind {
        match self {
            Self::Io { .. } | Self::Random => ErrorKind::Config,
            Self::Parquet { .. }
            | Self::Arrow { .. }
            | Self::Corrupt { .. }
            | Self::NotSealed { .. } => ErrorKind::Corrupt,
            Self::Format { .. } | Self::WrongKey { .. } | Self::BadRootKey => ErrorKind::Config,
            Self::SchemaChanged { .. } => ErrorKind::Bug,
        }
    }
}
