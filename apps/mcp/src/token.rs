//! The bearer token of the HTTP transport: made on first use, readable by its owner only, compared without
//! telling how much of it was right.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Fewer characters can be guessed.
const SHORTEST: usize = 32;
const LONGEST: usize = 1_024;

/// A token. It has no `Debug` and is never shown.
#[derive(Clone)]
pub struct Token(Vec<u8>);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Somebody else could read or change it.
    #[error("use the token file {}: others may read or write it (mode {mode:03o})", path.display())]
    IsOpen { path: PathBuf, mode: u32 },
    /// A link, a directory, a device.
    #[error("use the token file {}: it is not a plain file", path.display())]
    IsNoFile { path: PathBuf },
    /// Too short, too long, or not one word.
    #[error("use the token file {}: a token is one word of 32 to 1024 characters", path.display())]
    IsNoToken { path: PathBuf },
    #[error("{doing} the token file {}", path.display())]
    Io {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The operating system gave no random bytes.
    #[error("draw a token: the operating system gave no random bytes")]
    NoEntropy,
}

impl Token {
    /// Of a file; one with 32 random bytes, mode 0600, is made where there is none. Its directory has to
    /// exist.
    ///
    /// # Errors
    /// A file that others may read or write, that is no plain file, or holds no token.
    pub fn read_or_make(path: &Path) -> Result<Self, TokenError> {
        match Self::read(path) {
            Err(TokenError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
                make(path)?;
                Self::read(path)
            }
            result => result,
        }
    }

    fn read(path: &Path) -> Result<Self, TokenError> {
        let failed = |source| TokenError::Io {
            doing: "read",
            path: path.to_path_buf(),
            source,
        };
        let kind = std::fs::symlink_metadata(path).map_err(failed)?;
        if !kind.is_file() {
            return Err(TokenError::IsNoFile {
                path: path.to_path_buf(),
            });
        }
        let file = std::fs::File::open(path).map_err(failed)?;
        // Of the file that was opened, whatever has its name by now.
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(TokenError::IsOpen {
                path: path.to_path_buf(),
                mode,
            });
        }
        let mut text = String::new();
        let read = file.take(LONGEST as u64 + 2).read_to_string(&mut text);
        let word = text.trim_end_matches(['\n', '\r']);
        let is_word = word.bytes().all(|byte| byte.is_ascii_graphic());
        if read.is_err() || !is_word || !(SHORTEST..=LONGEST).contains(&word.len()) {
            return Err(TokenError::IsNoToken {
                path: path.to_path_buf(),
            });
        }
        Ok(Self(word.as_bytes().to_vec()))
    }

    /// Whether it is this one. The time that it takes tells the length only.
    #[must_use]
    pub fn is(&self, given: &[u8]) -> bool {
        let pairs = self.0.iter().zip(given);
        let difference = pairs.fold(0, |difference, (own, given)| {
            std::hint::black_box(difference | (own ^ given))
        });
        self.0.len() == given.len() && difference == 0_u8
    }
}

/// Linked into place, so that of two first uses at the same time one token wins for both.
fn make(path: &Path) -> Result<(), TokenError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| TokenError::NoEntropy)?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut drawn = path.as_os_str().to_owned();
    drawn.push(format!(".{}", std::process::id()));
    let drawn = PathBuf::from(drawn);
    let failed = |source| TokenError::Io {
        doing: "write",
        path: path.to_path_buf(),
        source,
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&drawn)
        .map_err(failed)?;
    let written = writeln!(file, "{text}").and_then(|()| file.sync_all());
    let linked = written.and_then(|()| std::fs::hard_link(&drawn, path));
    let removed = std::fs::remove_file(&drawn);
    match linked.and(removed) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(failed(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mcp-token");
        let token = Token::read_or_make(&path).unwrap_or_else(|error| panic!("{error}"));
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.trim().len(), 64);
        assert!(token.is(text.trim().as_bytes()));
        let again = Token::read_or_make(&path).unwrap_or_else(|error| panic!("{error}"));
        assert!(again.is(text.trim().as_bytes()));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        for other in ["", "0", &text.trim()[..63], &format!("{}0", text.trim())] {
            assert!(!token.is(other.as_bytes()), "{other}");
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test's own files")]
    fn a_file_that_others_may_read_or_that_is_none_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let write = |text: &str, mode| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            Token::read_or_make(&path).err()
        };
        let good = "x".repeat(32);
        assert!(write(&good, 0o600).is_none());
        for mode in [0o644, 0o640, 0o620, 0o604] {
            let error = write(&good, mode);
            assert!(matches!(error, Some(TokenError::IsOpen { .. })), "{mode:o}");
        }
        for text in [
            "",
            "short",
            &"x y".repeat(20),
            &"é".repeat(40),
            &"x".repeat(2_000),
        ] {
            let error = write(text, 0o600);
            assert!(
                matches!(error, Some(TokenError::IsNoToken { .. })),
                "{text}"
            );
        }
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let linked = Token::read_or_make(&link).err();
        assert!(matches!(linked, Some(TokenError::IsNoFile { .. })));
    }
}
