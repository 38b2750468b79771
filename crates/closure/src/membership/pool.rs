//! Keys as small integers: each distinct key of an index is stored once, in one buffer.

use std::hash::{DefaultHasher, Hash, Hasher};

use redistrict_model::Key;

const EMPTY: u32 = u32::MAX;

/// Interns (index, key) pairs; ids are given in the order of first use.
#[derive(Default)]
pub(super) struct KeyPool {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    slots: Vec<u32>,
    scratch: Vec<u8>,
}

impl KeyPool {
    /// The id of a key of an index.
    pub(super) fn intern<'a>(&mut self, index: u32, parts: impl Iterator<Item = &'a str>) -> u32 {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.extend_from_slice(&index.to_le_bytes());
        for part in parts {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            scratch.extend_from_slice(&length.to_le_bytes());
            scratch.extend_from_slice(part.as_bytes());
        }
        if self.ends.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let slot = self.find(&scratch);
        let id = if self.slots[slot] == EMPTY {
            let id = id_of(self.ends.len());
            self.bytes.extend_from_slice(&scratch);
            self.ends.push(self.bytes.len());
            self.slots[slot] = id;
            id
        } else {
            self.slots[slot]
        };
        self.scratch = scratch;
        id
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The index a key belongs to.
    pub(super) fn index(&self, id: u32) -> u32 {
        let [a, b, c, d, ..] = *self.entry(id) else {
            return EMPTY;
        };
        u32::from_le_bytes([a, b, c, d])
    }

    pub(super) fn key(&self, id: u32) -> Key {
        let mut rest = self.entry(id).get(4..).unwrap_or_default();
        let mut parts: Vec<Box<str>> = Vec::new();
        while let Some((length, tail)) = rest.split_first_chunk::<4>() {
            let length = u32::from_le_bytes(*length) as usize;
            let (part, tail) = tail.split_at(length.min(tail.len()));
            parts.push(String::from_utf8_lossy(part).into());
            rest = tail;
        }
        Key::new(parts)
    }

    fn entry(&self, id: u32) -> &[u8] {
        let position = id as usize;
        let start = if position == 0 {
            0
        } else {
            self.ends[position - 1]
        };
        &self.bytes[start..self.ends[position]]
    }

    /// The slot of a key, or the empty slot where it belongs.
    fn find(&self, key: &[u8]) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = hash(key) & mask;
        loop {
            let id = self.slots[slot];
            if id == EMPTY || self.entry(id) == key {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(1024);
        self.slots = vec![EMPTY; size];
        for position in 0..self.ends.len() {
            let id = id_of(position);
            let slot = self.find(self.entry(id));
            self.slots[slot] = id;
        }
    }
}

/// Ids are 32 bits: four thousand million distinct keys are beyond what one evaluation holds.
fn id_of(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(EMPTY - 1)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "only the low bits choose a slot"
)]
fn hash(key: &[u8]) -> usize {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish() as usize
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
