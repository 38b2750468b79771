//! The manifest: what an artifact holds, with digests. Writing it seals the artifact.

use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use redistrict_model::{DistrictId, PlanDigest, RunId, StoreName, TableRef};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::error::ArtifactError;
use crate::files::{read_bounded, write_atomic};
use crate::root_key::{RootKey, encode_hex};

/// The version of the artifact format that this code writes and reads.
pub const FORMAT_VERSION: u32 = 1;

const FILE: &str = "manifest.json";
const MAX_BYTES: u64 = 256 << 20;

/// Raw or masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArtifactKind {
    /// As in PROD, encrypted.
    Raw,
    /// Masked and proved.
    Masked,
}

/// What an artifact holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format_version: u32,
    pub kind: ArtifactKind,
    /// The run that made it.
    pub run: RunId,
    pub district: DistrictId,
    pub plan_digest: PlanDigest,
    /// For a masked artifact: the seal of the raw manifest it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_from: Option<String>,
    pub stores: Vec<StoreEntry>,
    /// In the order of the plan. Tables without rows are there too.
    pub tables: Vec<ManifestTable>,
    /// What the skill that made it wants to hand on, value-free (isolation, proof).
    #[serde(default)]
    pub facts: serde_json::Value,
}

/// A store and its cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreEntry {
    pub store: StoreName,
    pub kind: String,
    pub cut: CutEntry,
}

/// Where and when a store was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutEntry {
    pub snapshot: String,
    /// RFC 3339, UTC, the server's clock.
    pub at: String,
}

/// A table of the artifact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestTable {
    pub table: TableRef,
    /// Name and source type of each column, in order, without the membership column.
    pub columns: Vec<(String, String)>,
    pub rows: u64,
    pub own: u64,
    pub shared: u64,
    pub stubs: u64,
    pub parts: Vec<PartEntry>,
    /// References without a partner in the source, per link or NOT VALID key.
    #[serde(default)]
    pub dangling: Vec<DanglingEntry>,
}

/// A file of rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartEntry {
    /// Relative to the artifact's directory.
    pub file: String,
    pub rows: u64,
    pub bytes: u64,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
}

/// References that lead nowhere in the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DanglingEntry {
    /// `store.schema.table(columns)`.
    pub reference: String,
    pub rows: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    manifest: Manifest,
    seal: String,
}

impl Manifest {
    /// The table's entry.
    #[must_use]
    pub fn table(&self, table: &TableRef) -> Option<&ManifestTable> {
        self.tables.iter().find(|entry| entry.table == *table)
    }

    /// All rows of all tables.
    #[must_use]
    pub fn total_rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    /// The keyed seal of the manifest: binds approvals and the artifacts made from it.
    #[must_use]
    pub fn seal(&self, key: &RootKey) -> String {
        let mac_key = key.derive(&["manifest"]);
        let mut mac =
            Hmac::<Sha256>::new_from_slice(mac_key.as_slice()).expect("HMAC takes any key length");
        mac.update(&serde_json::to_vec(self).expect("a manifest is plain data"));
        encode_hex(&mac.finalize().into_bytes())
    }

    pub(crate) fn write(&self, dir: &Path, key: &RootKey) -> Result<(), ArtifactError> {
        write_atomic(&dir.join(FILE), &self.to_bytes(key))
    }

    fn to_bytes(&self, key: &RootKey) -> Vec<u8> {
        let sealed = Sealed {
            manifest: self.clone(),
            seal: self.seal(key),
        };
        let mut bytes = serde_json::to_vec_pretty(&sealed).expect("a manifest is plain data");
        bytes.push(b'\n');
        bytes
    }

    /// Reads a manifest and checks its seal; every byte of the file counts. It can be read after its
    /// raw artifact was shredded.
    ///
    /// # Errors
    /// Not sealed, changed, sealed with another root key, or of another format.
    pub fn read(dir: &Path, key: &RootKey) -> Result<Self, ArtifactError> {
        let path = dir.join(FILE);
        if !path.exists() {
            return Err(ArtifactError::NotSealed {
                path: dir.to_path_buf(),
            });
        }
        let bytes = read_bounded(&path, MAX_BYTES)?;
        let corrupt = |what| ArtifactError::Corrupt {
            path: path.clone(),
            what,
        };
        if let Some(found) = format_version(&bytes).filter(|found| *found != FORMAT_VERSION) {
            return Err(ArtifactError::Format {
                path,
                found,
                supported: FORMAT_VERSION,
            });
        }
        let sealed: Sealed =
            serde_json::from_slice(&bytes).map_err(|_| corrupt("the manifest cannot be read"))?;
        if sealed.manifest.to_bytes(key) != bytes {
            return Err(corrupt(
                "the manifest was changed, or sealed with another root key",
            ));
        }
        Ok(sealed.manifest)
    }

    /// Whether the directory holds a manifest, sound or not.
    #[must_use]
    pub fn exists(dir: &Path) -> bool {
        dir.join(FILE).exists()
    }
}

fn format_version(bytes: &[u8]) -> Option<u32> {
    let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    u32::try_from(value.get("manifest")?.get("format_version")?.as_u64()?).ok()
}
