//! An answer key that does not hold rows: counts and digests, for estates of any size.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::answer_key::{AnswerKey, KeyJoin, KeyText, TableAnswer};
use crate::generate::{EstateOptions, generate_into};
use crate::rng::{fnv1a, mix};
use crate::row::{Row, SensitiveKind, Visitor};
use crate::schema::{LINKS, TABLES, TableSpec};

/// A set of keys as its size and a digest that does not depend on their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyDigest {
    pub count: u64,
    pub digest: u64,
}

/// The rows of one district in one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSummary {
    pub own: KeyDigest,
    pub shared: KeyDigest,
    pub stubs: KeyDigest,
}

/// What an [`AnswerKey`] says, counted and digested. Its size grows with the number of districts only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EstateSummary {
    /// For each table of [`TABLES`]: every row, also of no district.
    pub rows: Vec<KeyDigest>,
    /// For each district, for each table of [`TABLES`].
    pub districts: BTreeMap<u32, Vec<TableSummary>>,
    pub sensitive: BTreeMap<SensitiveKind, u64>,
    /// For each link of [`LINKS`].
    pub joins: Vec<u64>,
}

impl KeyDigest {
    /// Adds one key.
    pub fn add(&mut self, key: &[String]) {
        self.count += 1;
        let hash = key.iter().fold(0, |hash, part| {
            mix(hash ^ fnv1a(part.as_bytes())).rotate_left(1)
        });
        self.digest = self.digest.wrapping_add(mix(hash));
    }

    /// Of keys.
    pub fn of<'a>(keys: impl IntoIterator<Item = &'a KeyText>) -> Self {
        let mut digest = Self::default();
        keys.into_iter().for_each(|key| digest.add(key));
        digest
    }
}

impl From<&TableAnswer> for TableSummary {
    fn from(answer: &TableAnswer) -> Self {
        Self {
            own: KeyDigest::of(&answer.own),
            shared: KeyDigest::of(&answer.shared),
            stubs: KeyDigest::of(&answer.stubs),
        }
    }
}

impl EstateSummary {
    /// Generates an estate and counts, in bounded memory.
    #[must_use]
    pub fn generate(options: &EstateOptions) -> Self {
        let tables = || vec![TableSummary::default(); TABLES.len()];
        let mut counter = Counter {
            summary: Self {
                rows: vec![KeyDigest::default(); TABLES.len()],
                districts: (1..=options.districts).map(|id| (id, tables())).collect(),
                sensitive: BTreeMap::new(),
                joins: vec![0; LINKS.len()],
            },
            last: 0,
        };
        generate_into(options, &mut counter);
        counter.summary
    }

    /// Own, shared and stub rows of a district in `store.table`; none for unknown names.
    #[must_use]
    pub fn table(&self, district: u32, table: &str) -> Option<&TableSummary> {
        let index = TABLES.iter().position(|one| one.full_name() == table)?;
        self.districts.get(&district)?.get(index)
    }

    /// All rows of all tables.
    #[must_use]
    pub fn row_count(&self) -> u64 {
        self.rows.iter().map(|rows| rows.count).sum()
    }

    /// The differences to an answer key that was held, as `district.table`; empty where both agree.
    #[must_use]
    pub fn differences(&self, key: &AnswerKey) -> Vec<String> {
        let mut found = Vec::new();
        for (district, answer) in &key.districts {
            for (name, table) in &answer.tables {
                if self.table(*district, name) != Some(&TableSummary::from(table)) {
                    found.push(format!("{district}.{name}"));
                }
            }
        }
        found
    }
}

struct Counter {
    summary: EstateSummary,
    /// Index of the table seen last.
    last: usize,
}

impl Counter {
    fn index(&mut self, table: &TableSpec) -> usize {
        if *TABLES[self.last] != *table {
            let found = TABLES.iter().position(|one| **one == *table);
            self.last = found.expect("every table stands in TABLES");
        }
        self.last
    }

    fn table(&mut self, district: u32, table: &TableSpec) -> &mut TableSummary {
        let index = self.index(table);
        let tables = self.summary.districts.get_mut(&district);
        &mut tables.expect("districts are counted from 1")[index]
    }
}

impl Visitor for Counter {
    fn row(&mut self, row: Row) {
        let (index, key) = (self.index(row.table), row.key());
        self.summary.rows[index].add(&key);
        for found in &row.sensitive {
            *self.summary.sensitive.entry(found.kind).or_insert(0) += 1;
        }
        if let Some(district) = row.district {
            self.table(district, row.table).own.add(&key);
        }
    }

    fn used(&mut self, table: &'static TableSpec, key: KeyText, district: u32) {
        self.table(district, table).shared.add(&key);
    }

    fn stub(&mut self, table: &'static TableSpec, key: KeyText, district: u32) {
        self.table(district, table).stubs.add(&key);
    }

    fn join(&mut self, join: KeyJoin) {
        self.summary.joins[join.link] += 1;
    }
}
