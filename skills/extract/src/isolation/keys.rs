//! Keys as integers.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use redistrict_model::Key;

/// No row has the key.
pub(super) const NOBODY: u32 = u32::MAX;

/// The keys of parent rows, each an integer; told by 96 bits of hash, keyed anew in each
/// process: among ten million keys two are confused with a probability below 10⁻¹⁵.
pub(super) struct Keys {
    /// By number.
    hashes: Vec<[u32; 3]>,
    numbers: HashTable<u32>,
    hashers: [RandomState; 2],
    /// By number: the row that has the key.
    rows: Vec<u32>,
}

impl Keys {
    pub(super) fn new() -> Self {
        Self {
            hashes: Vec::new(),
            numbers: HashTable::new(),
            hashers: [RandomState::new(), RandomState::new()],
            rows: Vec::new(),
        }
    }

    /// The number of a key of an edge's parent, new or not.
    pub(super) fn number(&mut self, parent: usize, key: &Key) -> u32 {
        let hash = self.hash(parent, key);
        if let Some(number) = self.find_hash(&hash) {
            return number;
        }
        let next = as_number(self.hashes.len());
        let hashes = &self.hashes;
        let again = |number: &u32| short(&hashes[*number as usize]);
        self.numbers.insert_unique(short(&hash), next, again);
        push(&mut self.hashes, hash);
        push(&mut self.rows, NOBODY);
        next
    }

    /// The number of a key that has one.
    pub(super) fn find(&self, parent: usize, key: &Key) -> Option<u32> {
        self.find_hash(&self.hash(parent, key))
    }

    /// The row that has the key.
    pub(super) fn row(&self, number: u32) -> Option<usize> {
        let row = self.rows[number as usize];
        (row != NOBODY).then_some(row as usize)
    }

    /// Says which row has the key.
    pub(super) fn set_row(&mut self, number: u32, row: usize) {
        self.rows[number as usize] = as_number(row);
    }

    fn find_hash(&self, hash: &[u32; 3]) -> Option<u32> {
        let is_it = |number: &u32| self.hashes[*number as usize] == *hash;
        self.numbers.find(short(hash), is_it).copied()
    }

    fn hash(&self, parent: usize, key: &Key) -> [u32; 3] {
        let [first, second] = [0, 1].map(|at| self.hashers[at].hash_one((parent, key)));
        let [a, b, c, d, ..] = second.to_le_bytes();
        let [e, f, g, h, i, j, k, l] = first.to_le_bytes();
        [[a, b, c, d], [e, f, g, h], [i, j, k, l]].map(u32::from_le_bytes)
    }
}

/// As `Vec::push`, with an eighth of the length in reserve at most: these lists are long.
pub(super) fn push<T>(list: &mut Vec<T>, value: T) {
    if list.len() == list.capacity() {
        list.reserve_exact((list.len() / 8).max(64));
    }
    list.push(value);
}

fn short(hash: &[u32; 3]) -> u64 {
    (u64::from(hash[1]) << 32) | u64::from(hash[2])
}

pub(super) fn as_number(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(NOBODY)
}
