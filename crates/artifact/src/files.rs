//! The only way files of a run come to be: private, atomic, durable.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::error::ArtifactError;

pub(crate) fn io_error<'a>(
    doing: &'static str,
    path: &'a Path,
) -> impl FnOnce(std::io::Error) -> ArtifactError + 'a {
    move |source| ArtifactError::Io {
        doing,
        path: path.to_path_buf(),
        source,
    }
}

/// Makes a directory and its parents, each of mode 0700.
///
/// # Errors
/// [`ArtifactError::Io`].
pub fn create_private_dir(path: &Path) -> Result<(), ArtifactError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(io_error("make directory", path))
}

pub(crate) fn create_private_file(path: &Path) -> Result<File, ArtifactError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(io_error("create", path))
}

pub(crate) fn sync_dir(path: &Path) -> Result<(), ArtifactError> {
    File::open(path)
        .and_then(|dir| dir.sync_all())
        .map_err(io_error("sync directory", path))
}

/// Writes a whole file, mode 0600: temporary file, fsync, rename, fsync of the directory. After a
/// crash the file is the old one or the new one.
///
/// # Errors
/// [`ArtifactError::Io`].
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), ArtifactError> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    create_private_dir(parent)?;
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    let written = create_private_file(&temporary).and_then(|mut file| {
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .map_err(io_error("write", path))?;
        fs::rename(&temporary, path).map_err(io_error("rename into place", path))
    });
    if written.is_err() {
        // A full disk gets its room back; one that cannot be removed is overwritten by the next.
        let _not_there = fs::remove_file(&temporary);
    }
    written?;
    sync_dir(parent)
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// [`ArtifactError::Io`]; a larger file is [`ArtifactError::Corrupt`].
pub fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, ArtifactError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
        .map_err(io_error("read", path))?;
    if bytes.len() as u64 > limit {
        return Err(ArtifactError::Corrupt {
            path: path.to_path_buf(),
            what: "it is larger than such a file can be",
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("taken");
        fs::create_dir(&path).unwrap();
        fs::create_dir(path.join("by a directory")).unwrap();
        assert!(write_atomic(&path, b"x").is_err());
        let names: Vec<_> = fs::read_dir(home.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["taken"]);
    }
}
