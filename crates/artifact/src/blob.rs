//! Small encrypted files beside the parts of a raw artifact.

use std::path::{Path, PathBuf};

use redistrict_model::RunId;
use zeroize::Zeroizing;

use crate::encryption::DataKey;
use crate::error::ArtifactError;
use crate::files::{read_bounded, write_atomic};
use crate::writer::place;

const MAX_BYTES: u64 = 4 << 30;

fn path_of(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.sealed"))
}

pub(crate) fn write(
    dir: &Path,
    run: &RunId,
    key: Option<&DataKey>,
    name: &str,
    bytes: &[u8],
) -> Result<(), ArtifactError> {
    let path = path_of(dir, name);
    let key = key.ok_or_else(|| ArtifactError::WrongKey { path: path.clone() })?;
    write_atomic(&path, &key.seal_bytes(&place(run, name), bytes)?)
}

pub(crate) fn read(
    dir: &Path,
    run: &RunId,
    key: Option<&DataKey>,
    name: &str,
) -> Result<Option<Zeroizing<Vec<u8>>>, ArtifactError> {
    let path = path_of(dir, name);
    if !path.exists() {
        return Ok(None);
    }
    let key = key.ok_or_else(|| ArtifactError::WrongKey { path: path.clone() })?;
    let sealed = read_bounded(&path, MAX_BYTES)?;
    let opened = key.open_bytes(&place(run, name), &sealed);
    opened.map(Some).ok_or(ArtifactError::Corrupt {
        path,
        what: "its authentication tag does not fit",
    })
}

pub(crate) fn remove(dir: &Path, name: &str) -> Result<(), ArtifactError> {
    let path = path_of(dir, name);
    match std::fs::remove_file(&path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(ArtifactError::Io {
            doing: "remove",
            path,
            source,
        }),
        _ => Ok(()),
    }
}
