//! Sealed directories of Parquet files with a manifest: what phases hand to each other.
//!
//! The only owner of Parquet and of the files of a run. An artifact is written part by part, then
//! *sealed*: its manifest is written last, by one rename. What has no manifest is not an artifact.
//! The raw artifact is encrypted (Parquet modular encryption, uniform footer key, the file's place as
//! authenticated data, a data key per run wrapped by the root key); the masked one is plain.
//! Format: `docs/design/artifact.md`.

mod blob;
mod digest;
mod encryption;
mod error;
mod files;
mod keys;
mod manifest;
mod paths;
mod reader;
mod root_key;
mod writer;

pub use digest::{MultisetDigest, RowHasher, sha256_hex};
pub use encryption::DataKey;
pub use error::ArtifactError;
pub use files::{create_private_dir, read_bounded, write_atomic};
pub use keys::{
    KeyTexts, date_text, has_key_text, key_texts, keys_of, keys_of_texts, texts_of, timestamp_of,
};
pub use manifest::{
    ArtifactKind, CutEntry, DanglingEntry, FORMAT_VERSION, Manifest, ManifestTable, PartEntry,
    StoreEntry,
};
pub use paths::{Layout, directory_name};
pub use reader::Artifact;
pub use root_key::RootKey;
pub use writer::{ArtifactWriter, TableWriter};

/// The name of the column that says why a row is in the artifact: the code of its
/// `redistrict_model::Membership`, `UInt8`, last in every part. No table of a source may have a
/// column of that name.
pub const MEMBERSHIP_COLUMN: &str = "__redistrict_membership";
