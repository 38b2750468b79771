//! The answer key: which row belongs to which district, and every sensitive value with its place.
//! Filled while generating; knows nothing of owners, paths or catalogs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::EstateError;
use crate::row::{Place, Row, SensitiveKind};
use crate::schema::{LINKS, Link, TableSpec};

/// The texts of a primary key, in its order. Of a keyless row the texts of all columns, NULL as
/// [`NULL_TEXT`](crate::NULL_TEXT), and the row's number among equal ones, from 1.
pub type KeyText = Vec<String>;

/// Everything an estate knows about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnswerKey {
    pub seed: u64,
    /// By district id.
    pub districts: BTreeMap<u32, DistrictAnswer>,
    pub sensitive: Vec<SensitiveValue>,
    /// References over links.
    pub joins: Vec<KeyJoin>,
}

/// The rows of one district.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DistrictAnswer {
    pub name: String,
    /// Every table of the estate by `store.table`, also those without a row.
    pub tables: BTreeMap<String, TableAnswer>,
}

/// The rows of one district in one table. The three sets are disjoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableAnswer {
    pub own: BTreeSet<KeyText>,
    pub shared: BTreeSet<KeyText>,
    pub stubs: BTreeSet<KeyText>,
}

impl TableAnswer {
    /// The row comes, as own row, shared row or stub.
    #[must_use]
    pub fn contains(&self, key: &[String]) -> bool {
        [&self.own, &self.shared, &self.stubs]
            .iter()
            .any(|set| set.contains(key))
    }

    /// Own rows, shared rows and stubs.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.own.len() + self.shared.len() + self.stubs.len()
    }
}

/// A sensitive value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SensitiveValue {
    pub store: String,
    pub table: String,
    pub column: String,
    /// The row.
    pub key: KeyText,
    pub kind: SensitiveKind,
    pub place: Place,
    pub text: String,
    /// The districts the row comes with; empty for a row that nobody uses.
    pub districts: BTreeSet<u32>,
}

impl SensitiveValue {
    /// See [`SensitiveKind::is_high_entropy`].
    #[must_use]
    pub fn is_high_entropy(&self) -> bool {
        self.kind.is_high_entropy()
    }
}

/// A row that refers to another over a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyJoin {
    /// Index into [`LINKS`].
    pub link: usize,
    /// The key of the row that refers, in the link's table.
    pub from_key: KeyText,
    /// The key of the row referred to: its primary key, also where the link names other columns.
    pub to_key: KeyText,
}

impl KeyJoin {
    /// The link.
    ///
    /// # Panics
    /// If the index is none of [`LINKS`].
    #[must_use]
    pub fn link(&self) -> &'static Link {
        &LINKS[self.link]
    }
}

impl AnswerKey {
    /// Own rows, shared rows and stubs of a district in `store.table`; none for unknown names.
    #[must_use]
    pub fn table(&self, district: u32, table: &str) -> Option<&TableAnswer> {
        self.districts.get(&district)?.tables.get(table)
    }

    /// The sensitive values of the rows that come with a district.
    pub fn sensitive_of(&self, district: u32) -> impl Iterator<Item = &SensitiveValue> {
        self.sensitive
            .iter()
            .filter(move |value| value.districts.contains(&district))
    }

    /// Writes the answer key as JSON. Replaces the file; not atomic.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_answer_key(&self, path: &Path) -> Result<(), EstateError> {
        let failed = |operation| {
            move |source| EstateError::File {
                operation,
                path: path.to_owned(),
                source,
            }
        };
        let file = File::create(path).map_err(failed("create"))?;
        let mut writer = BufWriter::new(file);
        serde_json::to_writer(&mut writer, self).map_err(EstateError::AnswerKey)?;
        writer.flush().map_err(failed("write"))
    }

    /// Reads what [`Self::write_answer_key`] wrote.
    ///
    /// # Errors
    /// When the file cannot be read or is no answer key.
    pub fn read_answer_key(path: &Path) -> Result<Self, EstateError> {
        let file = File::open(path).map_err(|source| EstateError::File {
            operation: "open",
            path: path.to_owned(),
            source,
        })?;
        serde_json::from_reader(std::io::BufReader::new(file)).map_err(EstateError::AnswerKey)
    }

    pub(crate) fn empty(seed: u64) -> Self {
        Self {
            seed,
            districts: BTreeMap::new(),
            sensitive: Vec::new(),
            joins: Vec::new(),
        }
    }

    pub(crate) fn add_district(&mut self, id: u32, name: &str, tables: &[&TableSpec]) {
        let tables = tables
            .iter()
            .map(|table| (table.full_name(), TableAnswer::default()))
            .collect();
        let name = name.to_owned();
        self.districts.insert(id, DistrictAnswer { name, tables });
    }

    pub(crate) fn add_row(&mut self, row: &Row) {
        let key = row.key();
        for found in &row.sensitive {
            self.sensitive.push(SensitiveValue {
                store: row.table.store.as_str().to_owned(),
                table: row.table.name.to_owned(),
                column: found.column.to_owned(),
                key: key.clone(),
                kind: found.kind,
                place: found.place.clone(),
                text: found.text.clone(),
                districts: row.district.into_iter().collect(),
            });
        }
        if let Some(district) = row.district {
            self.table_mut(district, row.table).own.insert(key);
        }
    }

    pub(crate) fn add_use(&mut self, table: &TableSpec, key: KeyText, district: u32) {
        self.table_mut(district, table).shared.insert(key);
    }

    pub(crate) fn add_stub(&mut self, table: &TableSpec, key: KeyText, district: u32) {
        self.table_mut(district, table).stubs.insert(key);
    }

    /// Values of used rows get their districts.
    pub(crate) fn finish(&mut self) {
        let mut users: BTreeMap<(&str, &KeyText), BTreeSet<u32>> = BTreeMap::new();
        for (id, answer) in &self.districts {
            for (name, table) in &answer.tables {
                for key in &table.shared {
                    users.entry((name, key)).or_default().insert(*id);
                }
            }
        }
        for value in &mut self.sensitive {
            if value.districts.is_empty() {
                let table = format!("{}.{}", value.store, value.table);
                let found = users.get(&(table.as_str(), &value.key));
                value.districts = found.cloned().unwrap_or_default();
            }
        }
    }

    fn table_mut(&mut self, district: u32, table: &TableSpec) -> &mut TableAnswer {
        self.districts
            .entry(district)
            .or_default()
            .tables
            .entry(table.full_name())
            .or_default()
    }
}
