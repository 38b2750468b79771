//! The data key of a raw artifact: drawn per run, wrapped by the root key (AES-256-GCM, the run as
//! authenticated data), used as the uniform footer key of Parquet modular encryption. Destroying the
//! wrapped key destroys the artifact.

use std::path::Path;
use std::sync::Arc;

use parquet::encryption::decrypt::FileDecryptionProperties;
use parquet::encryption::encrypt::FileEncryptionProperties;
use redistrict_model::RunId;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::error::ArtifactError;
use crate::files::{read_bounded, write_atomic};
use crate::root_key::RootKey;

const FILE: &str = "data-key.wrapped";

/// The key of one raw artifact, in memory only.
#[derive(Clone)]
pub struct DataKey(Zeroizing<Vec<u8>>);

impl DataKey {
    /// Draws a data key for a run and writes it, wrapped, into the artifact's directory.
    ///
    /// # Errors
    /// No random bytes, or the file cannot be written.
    pub fn create(dir: &Path, run: &RunId, root: &RootKey) -> Result<Self, ArtifactError> {
        let mut key = Zeroizing::new(vec![0; 32]);
        getrandom::fill(&mut key).map_err(|_| ArtifactError::Random)?;
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| ArtifactError::Random)?;
        let sealed = seal(
            wrapping_key(root).as_slice(),
            nonce,
            run.as_str().as_bytes(),
            &key,
        )?;
        write_atomic(&dir.join(FILE), &sealed)?;
        Ok(Self(key))
    }

    /// Reads and unwraps the data key of an artifact.
    ///
    /// # Errors
    /// The file is not there (the artifact was shredded), or the root key is not the one it was
    /// wrapped with.
    pub fn open(dir: &Path, run: &RunId, root: &RootKey) -> Result<Self, ArtifactError> {
        let path = dir.join(FILE);
        let sealed = read_bounded(&path, 1024)?;
        let key = open_sealed(
            wrapping_key(root).as_slice(),
            run.as_str().as_bytes(),
            &sealed,
        )
        .ok_or(ArtifactError::WrongKey { path })?;
        Ok(Self(key))
    }

    /// Whether the artifact in this directory still has its key.
    #[must_use]
    pub fn exists(dir: &Path) -> bool {
        dir.join(FILE).exists()
    }

    /// Overwrites and removes the wrapped key: the artifact can never be read again.
    ///
    /// # Errors
    /// [`ArtifactError::Io`]; a key that is gone already is no error.
    pub fn shred(dir: &Path) -> Result<(), ArtifactError> {
        let path = dir.join(FILE);
        if !path.exists() {
            return Ok(());
        }
        write_atomic(&path, &[0; 64])?;
        std::fs::remove_file(&path).map_err(|source| ArtifactError::Io {
            doing: "remove",
            path,
            source,
        })
    }

    /// Encrypts bytes for a file of the artifact; `place` is authenticated with them.
    pub(crate) fn seal_bytes(&self, place: &str, bytes: &[u8]) -> Result<Vec<u8>, ArtifactError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| ArtifactError::Random)?;
        seal(&self.0, nonce, place.as_bytes(), bytes)
    }

    /// Decrypts what [`DataKey::seal_bytes`] made; none if a bit or the place differs.
    pub(crate) fn open_bytes(&self, place: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        open_sealed(&self.0, place.as_bytes(), sealed)
    }

    pub(crate) fn encryption(
        &self,
        place: &str,
    ) -> Result<Arc<FileEncryptionProperties>, parquet::errors::ParquetError> {
        FileEncryptionProperties::builder(self.0.to_vec())
            .with_aad_prefix(place.as_bytes().to_vec())
            .with_aad_prefix_storage(false)
            .build()
    }

    pub(crate) fn decryption(
        &self,
        place: &str,
    ) -> Result<Arc<FileDecryptionProperties>, parquet::errors::ParquetError> {
        FileDecryptionProperties::builder(self.0.to_vec())
            .with_aad_prefix(place.as_bytes().to_vec())
            .build()
    }
}

fn wrapping_key(root: &RootKey) -> Zeroizing<[u8; 32]> {
    root.derive(&["wrap data key"])
}

fn aead(key: &[u8]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("the key has 32 bytes"))
}

fn seal(
    key: &[u8],
    nonce: [u8; NONCE_LEN],
    aad: &[u8],
    bytes: &[u8],
) -> Result<Vec<u8>, ArtifactError> {
    let mut sealed = bytes.to_vec();
    aead(key)
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(aad),
            &mut sealed,
        )
        .map_err(|_| ArtifactError::Random)?;
    let mut out = nonce.to_vec();
    out.append(&mut sealed);
    Ok(out)
}

fn open_sealed(key: &[u8], aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, rest) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut bytes = Zeroizing::new(rest.to_vec());
    let length = aead(key)
        .open_in_place(nonce, Aad::from(aad), &mut bytes)
        .ok()?
        .len();
    bytes.truncate(length);
    Some(bytes)
}
