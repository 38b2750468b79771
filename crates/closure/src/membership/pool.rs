//! Keys as small integers: each distinct key of an index is stored once, in one buffer.

use std::hash::{DefaultHasher, Hash, Hasher};

use redistrict_model::Key;

use super::growth;
use super::numbers::{put_number, take_number};

const EMPTY: u32 = u32::MAX;

/// Ids per block: the ends of a block's entries are told from where the block begins, in 32 bits. Keys hold
/// values of 32 MB at most, so no block is longer.
const BLOCK: usize = 16;

/// Interns (index, key) pairs; ids are given in the order of first use. An entry costs its text, some five
/// bytes for its place, and a slot.
#[derive(Default)]
pub(super) struct KeyPool {
    bytes: Vec<u8>,
    /// By block: where it begins.
    blocks: Vec<usize>,
    /// By id: the end, from the beginning of the block.
    ends: Vec<u32>,
    slots: Vec<u32>,
    scratch: Vec<u8>,
}

impl KeyPool {
    /// The id of a key of an index.
    pub(super) fn intern<'a>(&mut self, index: u32, parts: impl Iterator<Item = &'a str>) -> u32 {
        if self.ends.len() * 8 >= self.slots.len() * 7 {
            self.grow();
        }
        self.write_entry(index, parts);
        let slot = self.find(&self.scratch);
        if self.slots[slot] != EMPTY {
            return self.slots[slot];
        }
        let id = id_of(self.ends.len());
        let entry = std::mem::take(&mut self.scratch);
        self.push(&entry);
        self.scratch = entry;
        self.slots[slot] = id;
        id
    }

    /// The id of a key of an index that was interned.
    pub(super) fn find_key<'a>(
        &mut self,
        index: u32,
        parts: impl Iterator<Item = &'a str>,
    ) -> Option<u32> {
        if self.ends.is_empty() {
            return None;
        }
        self.write_entry(index, parts);
        let id = self.slots[self.find(&self.scratch)];
        (id != EMPTY).then_some(id)
    }

    /// Gives up finding keys: what is left to be asked for are keys of ids.
    pub(super) fn without_finding(mut self) -> Self {
        self.slots = Vec::new();
        self.scratch = Vec::new();
        self
    }

    /// Forgets all keys; ids begin anew.
    pub(super) fn clear(&mut self) {
        if !self.ends.is_empty() {
            self.bytes.clear();
            self.blocks.clear();
            self.ends.clear();
            self.slots.fill(EMPTY);
        }
    }

    /// An entry in its one form, into the scratch buffer.
    fn write_entry<'a>(&mut self, index: u32, parts: impl Iterator<Item = &'a str>) {
        self.scratch.clear();
        put_number(&mut self.scratch, index as usize);
        for part in parts {
            put_number(&mut self.scratch, part.len());
            self.scratch.extend_from_slice(part.as_bytes());
        }
    }

    fn push(&mut self, entry: &[u8]) {
        if self.ends.len().is_multiple_of(BLOCK) {
            growth::push(&mut self.blocks, self.bytes.len());
        }
        growth::extend(&mut self.bytes, entry);
        let begin = self.blocks.last().copied().unwrap_or_default();
        let end = u32::try_from(self.bytes.len() - begin).unwrap_or(u32::MAX);
        growth::push(&mut self.ends, end);
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The index a key belongs to.
    pub(super) fn index(&self, id: u32) -> u32 {
        let index = take_number(self.entry(id)).map(|(index, _)| index);
        index
            .and_then(|index| u32::try_from(index).ok())
            .unwrap_or(EMPTY)
    }

    pub(super) fn key(&self, id: u32) -> Key {
        Key::new(self.parts(id).map(String::from_utf8_lossy))
    }

    /// The bytes of the parts of a key.
    pub(super) fn parts(&self, id: u32) -> impl Iterator<Item = &[u8]> {
        let entry = self.entry(id);
        let mut rest = take_number(entry).map_or(entry, |(_, rest)| rest);
        std::iter::from_fn(move || {
            let (length, tail) = take_number(rest)?;
            let (part, tail) = tail.split_at(length.min(tail.len()));
            rest = tail;
            Some(part)
        })
    }

    fn entry(&self, id: u32) -> &[u8] {
        let position = id as usize;
        let begin = self.blocks[position / BLOCK];
        let start = if position.is_multiple_of(BLOCK) {
            begin
        } else {
            begin + self.ends[position - 1] as usize
        };
        &self.bytes[start..begin + self.ends[position] as usize]
    }

    /// The slot of a key, or the empty slot where it belongs.
    fn find(&self, key: &[u8]) -> usize {
        let mut slot = place(hash(key), self.slots.len());
        loop {
            let id = self.slots[slot];
            if id == EMPTY || self.entry(id) == key {
                return slot;
            }
            slot += 1;
            if slot == self.slots.len() {
                slot = 0;
            }
        }
    }

    fn grow(&mut self) {
        let size = (self.slots.len() / 4 * 5).max(1024);
        // The old ones are given back first.
        self.slots = Vec::new();
        self.slots = vec![EMPTY; size];
        for position in 0..self.ends.len() {
            let id = id_of(position);
            let slot = self.find(self.entry(id));
            self.slots[slot] = id;
        }
    }
}

/// Ids are 32 bits, of which half are used: two thousand million distinct keys are beyond what one evaluation
/// holds.
fn id_of(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(EMPTY - 1)
}

fn hash(key: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// The slot of so many that a hash falls into: any number of slots will do.
fn place(hash: u64, slots: usize) -> usize {
    let place = (u128::from(hash) * slots as u128) >> 64;
    usize::try_from(place).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_have_one_id_and_keys_that_only_concatenate_alike_do_not() {
        let mut pool = KeyPool::default();
        let ab = pool.intern(1, ["a", "b"].into_iter());
        assert_eq!(pool.intern(1, ["a", "b"].into_iter()), ab);
        assert_ne!(pool.intern(1, ["ab", ""].into_iter()), ab);
        assert_ne!(pool.intern(2, ["a", "b"].into_iter()), ab);
        assert_eq!(pool.key(ab), Key::new(["a", "b"]));
        assert_eq!(pool.index(ab), 1);
    }

    #[test]
    fn keys_are_found_until_the_pool_is_cleared() {
        let mut pool = KeyPool::default();
        assert_eq!(pool.find_key(1, ["a"].into_iter()), None);
        let ids = [1, 2, 1].map(|index| pool.intern(index, ["a"].into_iter()));
        assert_eq!((ids[0], ids[2]), (0, 0));
        assert_eq!(pool.find_key(2, ["a"].into_iter()), Some(ids[1]));
        assert_eq!(pool.find_key(3, ["a"].into_iter()), None);
        pool.clear();
        assert_eq!(pool.find_key(2, ["a"].into_iter()), None);
        assert_eq!((pool.len(), pool.intern(3, ["b"].into_iter())), (0, 0));
        assert_eq!(pool.key(0), Key::of("b"));
    }

    #[test]
    fn long_keys_and_keys_of_high_indexes_come_back() {
        let mut pool = KeyPool::default();
        let texts: Vec<String> = (0..100).map(|n| "ü".repeat(n * 7)).collect();
        for (n, text) in (0..).zip(&texts) {
            let id = pool.intern(n * 1000, [text.as_str(), "x"].into_iter());
            assert_eq!(
                (pool.index(id), pool.key(id)),
                (n * 1000, Key::new([text.as_str(), "x"]))
            );
        }
    }

    #[test]
    fn ids_survive_growth() {
        let mut pool = KeyPool::default();
        let texts: Vec<String> = (0..5000).map(|number| number.to_string()).collect();
        let ids: Vec<u32> = texts
            .iter()
            .map(|text| pool.intern(0, std::iter::once(text.as_str())))
            .collect();
        for (text, id) in texts.iter().zip(ids) {
            assert_eq!(pool.intern(0, std::iter::once(text.as_str())), id);
            assert_eq!(pool.key(id), Key::of(text.as_str()));
        }
    }
}
