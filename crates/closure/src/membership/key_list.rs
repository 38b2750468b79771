//! Many keys in little memory.

use std::cmp::Ordering;
use std::ops::Range;

use redistrict_model::Key;

/// Keys in ascending order, each once: a key costs its text and some bytes for its place.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KeyList {
    /// The parts of all keys, one after another.
    bytes: Vec<u8>,
    /// By part: where it ends.
    ends: Vec<u64>,
    /// The number of parts of each key.
    parts: usize,
}

impl KeyList {
    /// From keys given by the texts of their parts, in ascending order, each once, all of as many parts.
    pub(super) fn of_sorted<'a, I: Iterator<Item = &'a [u8]>>(
        keys: impl Iterator<Item = I>,
    ) -> Self {
        let mut list = Self::default();
        for key in keys {
            let before = list.ends.len();
            for part in key {
                list.bytes.extend_from_slice(part);
                list.ends.push(list.bytes.len() as u64);
            }
            list.parts = list.ends.len() - before;
        }
        list.bytes.shrink_to_fit();
        list.ends.shrink_to_fit();
        list
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len().checked_div(self.parts).unwrap_or(0)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All keys, in order.
    pub fn iter(&self) -> impl Iterator<Item = Key> + Clone + '_ {
        (0..self.len()).map(|place| self.key(place))
    }

    /// The keys at these places; the places have to be there.
    #[must_use]
    pub fn some(&self, places: Range<usize>) -> Vec<Key> {
        places.map(|place| self.key(place)).collect()
    }

    #[must_use]
    pub fn to_vec(&self) -> Vec<Key> {
        self.iter().collect()
    }

    /// Whether the key is among them.
    #[must_use]
    pub fn contains(&self, key: &Key) -> bool {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let parts = key.parts().iter().map(|part| part.as_bytes());
            match self.parts_of(middle).cmp(parts) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return true,
                Ordering::Greater => high = middle,
            }
        }
        false
    }

    fn key(&self, place: usize) -> Key {
        Key::new(self.parts_of(place).map(String::from_utf8_lossy))
    }

    fn parts_of(&self, place: usize) -> impl Iterator<Item = &[u8]> {
        let first = place * self.parts;
        (first..first + self.parts).map(|part| {
            let begin = part.checked_sub(1).map_or(0, |before| self.end(before));
            &self.bytes[begin..self.end(part)]
        })
    }

    fn end(&self, part: usize) -> usize {
        usize::try_from(self.ends[part]).unwrap_or(usize::MAX)
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
    }
}
