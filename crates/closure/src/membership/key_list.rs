//! Many keys in little memory.

use std::cmp::Ordering;
use std::ops::Range;

use redistrict_model::Key;

use super::numbers::{put_number, take_number};

/// Keys per block. In a block a part is written as what it has beyond the same part of the key before it; the
/// first key of a block is written whole, so that a key is found without reading the blocks before its own.
const BLOCK: usize = 16;

/// Keys in ascending order, each once, front-coded (Witten, Moffat and Bell, *Managing Gigabytes*, §4.1): a key
/// costs what it does not share with the one before it, and two or three bytes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KeyList {
    bytes: Vec<u8>,
    /// By block: where it begins.
    blocks: Vec<usize>,
    keys: usize,
    /// The number of parts of each key.
    parts: usize,
}

impl KeyList {
    /// From keys given by the texts of their parts, in ascending order, each once, all of as many parts. Keys
    /// without parts are none.
    pub(super) fn of_sorted<'a, I: Iterator<Item = &'a [u8]>>(
        keys: impl Iterator<Item = I>,
    ) -> Self {
        let mut list = Self::default();
        let mut before: Vec<&[u8]> = Vec::new();
        for key in keys {
            if list.keys.is_multiple_of(BLOCK) {
                before.clear();
                super::growth::push(&mut list.blocks, list.bytes.len());
            }
            list.parts = 0;
            for (at, part) in key.enumerate() {
                let shared = before.get(at).map_or(0, |before| shared(before, part));
                list.put(shared, &part[shared..]);
                match before.get_mut(at) {
                    Some(before) => *before = part,
                    None => before.push(part),
                }
                list.parts += 1;
            }
            list.keys += 1;
        }
        if list.parts == 0 {
            return Self::default();
        }
        list.bytes.shrink_to_fit();
        list.blocks.shrink_to_fit();
        list
    }

    fn put(&mut self, shared: usize, rest: &[u8]) {
        super::growth::reserve(&mut self.bytes, rest.len() + 10);
        put_number(&mut self.bytes, shared);
        put_number(&mut self.bytes, rest.len());
        self.bytes.extend_from_slice(rest);
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys == 0
    }

    /// All keys, in order.
    pub fn iter(&self) -> impl Iterator<Item = Key> + Clone + '_ {
        self.from(0, self.keys)
    }

    /// The keys at these places, in order; the places have to be there.
    #[must_use]
    pub fn some(&self, places: Range<usize>) -> Vec<Key> {
        self.from(places.start, places.end).collect()
    }

    #[must_use]
    pub fn to_vec(&self) -> Vec<Key> {
        self.iter().collect()
    }

    /// Whether the key is among them.
    #[must_use]
    pub fn contains(&self, key: &Key) -> bool {
        let compare = |reader: &Reader<'_>| {
            let parts = key.parts().iter().map(|part| part.as_bytes());
            reader.parts().cmp(parts)
        };
        let behind = partition(self.blocks.len(), |block| {
            let mut reader = self.reader(block);
            reader.read();
            compare(&reader) != Ordering::Greater
        });
        let Some(block) = behind.checked_sub(1) else {
            return false;
        };
        let mut reader = self.reader(block);
        let keys = (self.keys - block * BLOCK).min(BLOCK);
        (0..keys).any(|_| {
            reader.read();
            compare(&reader) == Ordering::Equal
        })
    }

    /// Reads the keys from the first place up to, without it, the second.
    fn from(&self, first: usize, end: usize) -> Keys<'_> {
        let mut reader = self.reader(first / BLOCK);
        for _ in 0..first % BLOCK {
            reader.read();
        }
        Keys {
            list: self,
            reader,
            next: first,
            end,
        }
    }

    /// Before the first key of a block.
    fn reader(&self, block: usize) -> Reader<'_> {
        let begin = self.blocks.get(block).copied();
        Reader {
            rest: &self.bytes[begin.unwrap_or(self.bytes.len())..],
            parts: vec![Vec::new(); self.parts],
        }
    }
}

/// How many places from the front the test holds for; it holds for none behind one for which it does not.
fn partition(places: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, places);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

fn shared(before: &[u8], part: &[u8]) -> usize {
    before.iter().zip(part).take_while(|(a, b)| a == b).count()
}

/// Reads keys one after another: the parts of the one that was read last.
#[derive(Clone)]
struct Reader<'a> {
    rest: &'a [u8],
    parts: Vec<Vec<u8>>,
}

impl Reader<'_> {
    fn read(&mut self) {
        for part in &mut self.parts {
            let Some((shared, rest)) = take_number(self.rest) else {
                return;
            };
            let Some((more, rest)) = take_number(rest) else {
                return;
            };
            let (more, rest) = rest.split_at(more.min(rest.len()));
            part.truncate(shared);
            part.extend_from_slice(more);
            self.rest = rest;
        }
    }

    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.parts.iter().map(Vec::as_slice)
    }
}

/// Keys one after another.
#[derive(Clone)]
struct Keys<'a> {
    list: &'a KeyList,
    reader: Reader<'a>,
    next: usize,
    end: usize,
}

impl Iterator for Keys<'_> {
    type Item = Key;

    fn next(&mut self) -> Option<Key> {
        if self.next >= self.end {
            return None;
        }
        if self.next.is_multiple_of(BLOCK) {
            self.reader = self.list.reader(self.next / BLOCK);
        }
        self.reader.read();
        self.next += 1;
        Some(Key::new(self.reader.parts().map(String::from_utf8_lossy)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.end.saturating_sub(self.next);
        (left, Some(left))
    }
}

impl<'a> IntoIterator for &'a KeyList {
    type Item = Key;
    type IntoIter = Box<dyn Iterator<Item = Key> + 'a>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

impl FromIterator<Key> for KeyList {
    fn from_iter<T: IntoIterator<Item = Key>>(keys: T) -> Self {
        let mut keys: Vec<Key> = keys.into_iter().collect();
        keys.sort_unstable();
        keys.dedup();
        Self::of_sorted(
            keys.iter()
                .map(|key| key.parts().iter().map(|part| part.as_bytes())),
        )
    }
}

/// Only how many: keys are values of rows.
impl std::fmt::Debug for KeyList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} keys", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_sorted_each_once_and_are_found() {
        let keys = [["b", ""], ["a", "zz"], ["a", "z"], ["b", ""], ["", "ü"]].map(Key::new);
        let list: KeyList = keys.iter().cloned().collect();
        let mut sorted = keys.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(list.to_vec(), sorted);
        assert_eq!(list.some(1..3), sorted[1..3]);
        assert!(keys.iter().all(|key| list.contains(key)));
        for other in [
            Key::new(["a", ""]),
            Key::new(["c", ""]),
            Key::new(["", ""]),
            Key::of("a"),
        ] {
            assert!(!list.contains(&other), "{other:?}");
        }
        assert_eq!((list.len(), KeyList::default().len()), (4, 0));
        assert!(KeyList::default().is_empty() && !KeyList::default().contains(&keys[0]));
        assert_eq!(
            std::iter::once(Key::new([""; 0]))
                .collect::<KeyList>()
                .len(),
            0
        );
    }

    #[test]
    fn any_place_of_any_number_of_keys_is_found() {
        for count in [1, 15, 16, 17, 31, 32, 33, 100] {
            let keys: Vec<Key> = (0..count)
                .map(|n: usize| Key::new([format!("{:03}", n / 7), "ü".repeat(n % 7)]))
                .collect();
            let list: KeyList = keys.iter().cloned().collect();
            assert_eq!(list.to_vec(), keys);
            for first in 0..=count {
                for end in [first, (first + 1).min(count), count] {
                    assert_eq!(list.some(first..end), keys[first..end], "{first}..{end}");
                }
            }
            assert!(keys.iter().all(|key| list.contains(key)));
            assert!(!list.contains(&Key::new(["000", "üüüüüüü"])));
        }
    }

    #[test]
    fn keys_that_resemble_each_other_cost_little() {
        let keys: KeyList = (1_000_000..1_010_000)
            .map(|n: u32| Key::of(n.to_string()))
            .collect();
        assert_eq!(keys.len(), 10_000);
        assert!(keys.bytes.len() + 8 * keys.blocks.len() < 45_000);
    }
}
