//! Keys as hashes: sets and maps over key columns that hold no value.
//!
//! A key is hashed from its canonical texts, so that 42 and '42' are one key in whatever type. The
//! hash is SipHash under a random key of this process (`RandomState`): collisions cannot be steered.
//! 64 bits serve to find a parent, 96 to call two rows duplicates: with n keys an accident has a
//! chance of n·2⁻⁶⁴ per reference and n²·2⁻⁹⁷ per table.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use redistrict_model::Table;

use crate::cells::{Cells, TableBatch};

/// Hashes of keys; clones agree with each other.
#[derive(Clone, Default)]
pub(crate) struct KeyHasher {
    first: RandomState,
    second: RandomState,
}

impl KeyHasher {
    fn short(&self, key: &[u8]) -> u64 {
        hash(&self.first, key)
    }

    /// The hash to look a parent up with by a key of one column, given by its canonical text.
    pub(crate) fn of_text(&self, text: &str, key: &mut Vec<u8>) -> u64 {
        key.clear();
        key.extend_from_slice(&(text.len() as u64).to_le_bytes());
        key.extend_from_slice(text.as_bytes());
        self.short(key)
    }

    fn long(&self, key: &[u8]) -> (u64, u32) {
        let [a, b, c, d, ..] = hash(&self.second, key).to_le_bytes();
        (self.short(key), u32::from_le_bytes([a, b, c, d]))
    }
}

fn hash(state: &RandomState, key: &[u8]) -> u64 {
    let mut hasher = state.build_hasher();
    hasher.write(key);
    hasher.finish()
}

/// The columns of a key in one batch.
pub(crate) struct KeyCells<'a>(Vec<Cells<'a>>);

impl<'a> KeyCells<'a> {
    /// None if the batch lacks one of the columns.
    pub(crate) fn of(batch: &TableBatch<'a>, columns: &[String], table: &Table) -> Option<Self> {
        columns
            .iter()
            .map(|column| Cells::of(batch.rows, column, table))
            .collect::<Option<_>>()
            .map(Self)
    }

    /// Writes the key's texts, each with its length; false if any column is NULL (MATCH SIMPLE: no
    /// reference; in a unique key: distinct from everything).
    fn encode(&self, row: usize, key: &mut Vec<u8>) -> bool {
        key.clear();
        for cells in &self.0 {
            let start = key.len();
            key.extend_from_slice(&[0; 8]);
            if !cells.append(row, key) {
                return false;
            }
            let length = (key.len() - start - 8) as u64;
            key[start..start + 8].copy_from_slice(&length.to_le_bytes());
        }
        true
    }

    /// The hash to look a parent up with.
    pub(crate) fn short(&self, row: usize, hasher: &KeyHasher, key: &mut Vec<u8>) -> Option<u64> {
        self.encode(row, key).then(|| hasher.short(key))
    }
}

/// From a parent's key to its place in the table.
#[derive(Default)]
pub(crate) struct KeyIndex(HashMap<u64, u32, BuildHasherDefault<AsIs>>);

impl KeyIndex {
    /// Makes room, at the number of rows the manifest says.
    pub(crate) fn with_capacity(rows: u64) -> Self {
        let rows = usize::try_from(rows.min(1 << 24)).unwrap_or(0);
        Self(HashMap::with_capacity_and_hasher(
            rows,
            BuildHasherDefault::default(),
        ))
    }

    pub(crate) fn insert(&mut self, hash: u64, place: u32) {
        self.0.entry(hash).or_insert(place);
    }

    pub(crate) fn get(&self, hash: u64) -> Option<u32> {
        self.0.get(&hash).copied()
    }
}

/// Takes a hash for what it is.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Finds rows that have the key of an earlier row: 16 bytes a row, sorted once.
///
/// If the rows of a table do not fit into the memory it may use, only the hashes of one partition
/// are held; the caller reads the table once per partition.
#[derive(Default)]
pub(crate) struct Duplicates {
    entries: Vec<(u64, u32, u32)>,
    partition: u64,
    partitions: u64,
    pub(crate) examined: u64,
}

/// Bytes of one entry of [`Duplicates`].
pub(crate) const ENTRY_BYTES: u64 = 16;

impl Duplicates {
    pub(crate) fn new(partitions: u64) -> Self {
        Self {
            partitions: partitions.max(1),
            ..Self::default()
        }
    }

    /// Adds the rows of a batch.
    pub(crate) fn add(&mut self, batch: &TableBatch<'_>, cells: &KeyCells<'_>, hasher: &KeyHasher) {
        let mut key = Vec::new();
        for row in 0..batch.len() {
            if !cells.encode(row, &mut key) {
                continue;
            }
            let (high, low) = hasher.long(&key);
            if high % self.partitions != self.partition {
                continue;
            }
            self.examined += 1;
            let place = u32::try_from(batch.place(row)).unwrap_or(u32::MAX);
            self.entries.push((high, low, place));
        }
    }

    /// Whether the table has to be read again for the next partition.
    pub(crate) fn has_more(&self) -> bool {
        self.partition + 1 < self.partitions
    }

    /// The places of the rows whose key an earlier row has, and goes on to the next partition.
    pub(crate) fn drain(&mut self) -> Vec<u32> {
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_unstable();
        self.partition += 1;
        let is_same = |pair: &&[(u64, u32, u32)]| (pair[0].0, pair[0].1) == (pair[1].0, pair[1].1);
        let mut places: Vec<u32> = entries
            .windows(2)
            .filter(is_same)
            .map(|pair| pair[1].2)
            .collect();
        places.sort_unstable();
        places
    }
}
