//! Where the files of a run lie. A district and a table are a slug and a short keyed hash, so that
//! no text of a database can choose where a file lies.

use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use redistrict_model::{DistrictId, RunId, TableRef};
use sha2::Sha256;

use crate::root_key::{RootKey, encode_hex};

/// The directories of DESIGN §7.
#[derive(Clone, Debug)]
pub struct Layout {
    pub data_dir: PathBuf,
    pub log_dir: PathBuf,
    /// `.redistrict`: journal, key, locks.
    pub state_dir: PathBuf,
}

impl Layout {
    /// `data/analysis`.
    #[must_use]
    pub fn analysis(&self) -> PathBuf {
        self.data_dir.join("analysis")
    }

    /// `data/manifests`.
    #[must_use]
    pub fn manifests(&self) -> PathBuf {
        self.data_dir.join("manifests")
    }

    /// `data/staging/{district}`: the raw artifacts of a district, one directory per run.
    #[must_use]
    pub fn raw_of(&self, district: &DistrictId, key: &RootKey) -> PathBuf {
        self.data_dir
            .join("staging")
            .join(directory_name(district.as_str(), key))
    }

    /// `data/anonymized/{district}`: the masked artifacts of a district, one directory per run.
    #[must_use]
    pub fn masked_of(&self, district: &DistrictId, key: &RootKey) -> PathBuf {
        self.data_dir
            .join("anonymized")
            .join(directory_name(district.as_str(), key))
    }

    /// `data/loads/{district}/{run}`.
    #[must_use]
    pub fn load(&self, district: &DistrictId, key: &RootKey, run: &RunId) -> PathBuf {
        self.data_dir
            .join("loads")
            .join(directory_name(district.as_str(), key))
            .join(run.as_str())
    }

    /// `data/reports/{run}.{extension}`.
    #[must_use]
    pub fn report(&self, run: &RunId, extension: &str) -> PathBuf {
        self.data_dir
            .join("reports")
            .join(format!("{run}.{extension}"))
    }

    /// `logs/migrations/{run}.log`.
    #[must_use]
    pub fn log(&self, run: &RunId) -> PathBuf {
        self.log_dir.join("migrations").join(format!("{run}.log"))
    }

    /// `.redistrict/journal.db`.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.state_dir.join("journal.db")
    }
}

/// A slug of the text (at most 24 of `a-z0-9_`) and 8 hexadecimal digits of a keyed hash of it.
#[must_use]
pub fn directory_name(text: &str, key: &RootKey) -> String {
    let mut slug: String = text
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .take(24)
        .collect();
    // What begins with a hyphen is an option to other programs.
    if slug.is_empty() {
        slug.push('_');
    }
    let mac_key = key.derive(&["path"]);
    let mut mac =
        Hmac::<Sha256>::new_from_slice(mac_key.as_slice()).expect("HMAC takes any key length");
    mac.update(text.as_bytes());
    let hash = mac.finalize().into_bytes();
    format!("{slug}-{}", encode_hex(&hash[..4]))
}

/// Two tables never share one: what stands before the first dot is the schema, or it is in quotes.
pub(crate) fn table_dir(root: &Path, table: &TableRef, key: &RootKey) -> PathBuf {
    let name = if table.schema.contains(['.', '"']) {
        format!("\"{}\".{}", table.schema.replace('"', "\"\""), table.table)
    } else {
        format!("{}.{}", table.schema, table.table)
    };
    root.join(directory_name(table.store.as_str(), key))
        .join(directory_name(&name, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_texts_cannot_leave_the_directory_and_stay_apart() {
        let key = RootKey::new(&[1; 32]).unwrap();
        let texts = [
            "../../etc",
            "/abs",
            "a\0b",
            "CON",
            "",
            ".",
            "..",
            &"x".repeat(500),
            "Ä",
            "ä",
        ];
        let mut seen = std::collections::BTreeSet::new();
        for text in texts {
            let name = directory_name(text, &key);
            assert!(
                name.len() <= 40 && !name.contains(['/', '.', '\0']) && !name.starts_with('-'),
                "{name}"
            );
            assert!(seen.insert(name));
        }
    }

    #[test]
    fn dots_and_quotes_in_names_make_no_two_tables_one() {
        let key = RootKey::new(&[1; 32]).unwrap();
        let store = redistrict_model::StoreName::new("s");
        let mut seen = std::collections::BTreeSet::new();
        for (schema, table) in [
            ("a.b", "c"),
            ("a", "b.c"),
            ("\"a", "b\".c"),
            ("\"a\"", "b.c"),
            ("", "a.b.c"),
        ] {
            let table = TableRef::new(&store, schema, table);
            assert!(seen.insert(table_dir(Path::new("/"), &table, &key)));
        }
    }
}
