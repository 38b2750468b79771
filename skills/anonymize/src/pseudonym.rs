//! Keyed pseudonyms: a random-looking stream per value, a permutation per range, one shift of dates.
//! Stores no originals: everything follows from the key and the value.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use hmac::{Hmac, KeyInit, Mac};
use redistrict_artifact::RootKey;
use redistrict_model::{DistrictId, MaskScope};
use sha2::Sha256;

use crate::key;

/// Ranges below this size are permuted by a keyed table, from it on by a Feistel network.
const TABLE_LIMIT: u128 = 1_000_000;
/// Entries of all cached tables; above it the cache starts anew.
const CACHE_LIMIT: usize = 4_000_000;
const ROUNDS: u8 = 10;
/// The largest range that can be permuted.
pub(crate) const LARGEST_RANGE: u128 = 1 << 118;

/// Shuffled tables by key, label and size.
#[derive(Clone, Default)]
pub(crate) struct TableCache(Arc<Mutex<Tables>>);

type Tables = HashMap<(u64, String, u128), Arc<[u32]>>;

/// Makes the pseudonyms of one domain. The same value gives the same pseudonym in each of its
/// columns, in every run with the same root key, scope and key version.
#[derive(Clone)]
pub struct Pseudonymizer {
    mac: Hmac<Sha256>,
    shift_days: i32,
    /// Tells the key from others in the cache.
    id: u64,
    cache: TableCache,
}

impl Pseudonymizer {
    /// Derives the domain's key.
    #[must_use]
    pub fn new(
        root: &RootKey,
        scope: MaskScope,
        district: &DistrictId,
        domain: &str,
        key_version: u32,
    ) -> Self {
        let key = key::pseudonym_key(root, scope, district, domain, key_version);
        let mut own = Self {
            mac: Hmac::new_from_slice(key.as_slice()).expect("HMAC takes any key length"),
            shift_days: key::shift_days(root, scope, district, key_version),
            id: 0,
            cache: TableCache::default(),
        };
        own.id = own.draw("id", &[]).below(u64::MAX);
        own
    }

    /// Shares a cache with other domains, so that all of them together stay within its limit.
    #[must_use]
    pub(crate) fn with_cache(mut self, cache: &TableCache) -> Self {
        self.cache = cache.clone();
        self
    }

    /// The scope's shift of dates in days: -60 to 60, never 0.
    #[must_use]
    pub fn shift_days(&self) -> i32 {
        self.shift_days
    }

    /// A stream of random-looking bytes that depends on the key, the label and the value.
    #[must_use]
    pub fn draw(&self, label: &str, value: &[u8]) -> Stream {
        let mut mac = self.mac.clone();
        mac.update(&(label.len() as u64).to_le_bytes());
        mac.update(label.as_bytes());
        mac.update(value);
        Stream {
            mac,
            counter: 0,
            block: [0; 32],
            used: 32,
        }
    }

    /// Permutes `0..size` without a fixed point (if there are two numbers or more): injective, keyed,
    /// another permutation for each label.
    ///
    /// Below a million a table shuffled by Sattolo's algorithm (one cycle through all numbers); above
    /// it `p⁻¹(p(x) + s)`, `p` a Feistel network over `Z_a × Z_b` (FE2 of Bellare, Ristenpart,
    /// Rogaway and Stegers, "Format-Preserving Encryption", 2009) with cycle walking.
    ///
    /// # Panics
    /// If the number is not in the range, or the range is larger than [`LARGEST_RANGE`].
    #[must_use]
    pub fn permute(&self, label: &str, number: u128, size: u128) -> u128 {
        assert!(number < size && size <= LARGEST_RANGE);
        if size < 2 {
            return number;
        }
        if size < TABLE_LIMIT {
            let at = usize::try_from(number).expect("a table is small");
            return u128::from(self.table(label, size)[at]);
        }
        let feistel = Feistel::new(self, label, size);
        let step = 1 + self.draw("step", label.as_bytes()).wide() % (size - 1);
        feistel.decrypt((feistel.encrypt(number) + step) % size)
    }

    fn table(&self, label: &str, size: u128) -> Arc<[u32]> {
        let mut tables = self.cache.0.lock().expect("no holder panics");
        let key = (self.id, label.to_owned(), size);
        if let Some(table) = tables.get(&key) {
            return Arc::clone(table);
        }
        let length = u32::try_from(size).expect("a table is small");
        let mut table: Vec<u32> = (0..length).collect();
        let mut stream = self.draw("table", format!("{size} {label}").as_bytes());
        for at in (1..table.len()).rev() {
            let other = stream.below_small(u32::try_from(at).expect("a table is small"));
            table.swap(at, usize::try_from(other).expect("below a usize"));
        }
        let table: Arc<[u32]> = table.into();
        let cached: usize = tables.values().map(|table| table.len()).sum();
        if cached + table.len() > CACHE_LIMIT {
            tables.clear();
        }
        tables.insert(key, Arc::clone(&table));
        table
    }
}

struct Feistel<'a> {
    key: &'a Pseudonymizer,
    label: String,
    size: u128,
    a: u128,
    b: u128,
}

impl<'a> Feistel<'a> {
    fn new(key: &'a Pseudonymizer, label: &str, size: u128) -> Self {
        let b = size.isqrt();
        Self {
            key,
            label: format!("feistel {size} {label}"),
            size,
            a: size.div_ceil(b),
            b,
        }
    }

    fn round(&self, round: u8, half: u128) -> u128 {
        let mut value = [0; 17];
        value[0] = round;
        value[1..].copy_from_slice(&half.to_le_bytes());
        self.key.draw(&self.label, &value).wide()
    }

    fn encrypt(&self, mut number: u128) -> u128 {
        loop {
            let (mut left, mut right) = (number / self.b, number % self.b);
            for round in 0..ROUNDS {
                if round % 2 == 0 {
                    left = (left + self.round(round, right) % self.a) % self.a;
                } else {
                    right = (right + self.round(round, left) % self.b) % self.b;
                }
            }
            number = left * self.b + right;
            if number < self.size {
                return number;
            }
        }
    }

    fn decrypt(&self, mut number: u128) -> u128 {
        loop {
            let (mut left, mut right) = (number / self.b, number % self.b);
            for round in (0..ROUNDS).rev() {
                if round % 2 == 0 {
                    left = (left + self.a - self.round(round, right) % self.a) % self.a;
                } else {
                    right = (right + self.b - self.round(round, left) % self.b) % self.b;
                }
            }
            number = left * self.b + right;
            if number < self.size {
                return number;
            }
        }
    }
}

/// Random-looking bytes: HMAC-SHA-256 in counter mode.
pub struct Stream {
    mac: Hmac<Sha256>,
    counter: u32,
    block: [u8; 32],
    used: usize,
}

impl Stream {
    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        if self.used == self.block.len() {
            let mut mac = self.mac.clone();
            mac.update(&self.counter.to_le_bytes());
            self.block.copy_from_slice(&mac.finalize().into_bytes());
            self.counter += 1;
            self.used = 0;
        }
        self.used += 1;
        self.block[self.used - 1]
    }

    /// So many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }

    fn wide(&mut self) -> u128 {
        (0..16).fold(0, |number, _| number << 8 | u128::from(self.byte()))
    }

    /// A number below `limit`, every one equally likely.
    ///
    /// # Panics
    /// If the limit is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        let fair = u64::MAX - u64::MAX % limit;
        loop {
            let number = (0..8).fold(0, |number, _| number << 8 | u64::from(self.byte()));
            if number < fair {
                return number % limit;
            }
        }
    }

    /// The same with four bytes a draw.
    fn below_small(&mut self, limit: u32) -> u32 {
        let fair = u32::MAX - u32::MAX % limit;
        loop {
            let number = (0..4).fold(0, |number, _| number << 8 | u32::from(self.byte()));
            if number < fair {
                return number % limit;
            }
        }
    }

    /// One of the items.
    ///
    /// # Panics
    /// If there is none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let at = self.below(items.len() as u64);
        &items[usize::try_from(at).expect("below a usize")]
    }

    /// So many lower-case letters.
    pub fn letters(&mut self, count: usize) -> String {
        (0..count)
            .map(|_| char::from(*self.pick(b"abcdefghijklmnopqrstuvwxyz")))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    pub(crate) fn pseudonymizer(domain: &str, district: &str) -> Pseudonymizer {
        let root = RootKey::new(&[7; 32]).unwrap();
        let district = DistrictId::new(district);
        Pseudonymizer::new(&root, MaskScope::District, &district, domain, 1)
    }

    #[test]
    fn small_ranges_are_permuted_without_a_fixed_point() {
        let key = pseudonymizer("d", "2");
        for size in [2_u128, 3, 9, 10, 100, 997] {
            let images: BTreeSet<u128> = (0..size).map(|x| key.permute("l", x, size)).collect();
            assert_eq!(images.len() as u128, size);
            assert!((0..size).all(|x| key.permute("l", x, size) != x));
        }
        assert_eq!(key.permute("l", 0, 1), 0);
    }

    #[test]
    fn large_ranges_are_permuted_without_a_fixed_point() {
        let key = pseudonymizer("d", "2");
        for size in [1_000_000_u128, 1_000_003, 9_000_000_000, LARGEST_RANGE] {
            let inputs: Vec<u128> = (0..500).map(|i| i * 7919 % size).collect();
            let images: BTreeSet<u128> =
                inputs.iter().map(|x| key.permute("l", *x, size)).collect();
            assert_eq!(images.len(), inputs.len());
            assert!(images.iter().all(|image| *image < size));
            assert!(inputs.iter().all(|x| key.permute("l", *x, size) != *x));
        }
    }

    #[test]
    fn domains_districts_scopes_and_versions_are_unrelated() {
        let root = RootKey::new(&[7; 32]).unwrap();
        let first = |scope, district: &str, domain, version| {
            let district = DistrictId::new(district);
            Pseudonymizer::new(&root, scope, &district, domain, version)
                .draw("x", b"v")
                .bytes(16)
        };
        use MaskScope::{District, Estate};
        let all = BTreeSet::from([
            first(District, "2", "a", 1),
            first(District, "3", "a", 1),
            first(District, "2", "b", 1),
            first(District, "2", "a", 2),
            first(Estate, "2", "a", 1),
        ]);
        assert_eq!(all.len(), 5);
        assert_eq!(first(Estate, "2", "a", 1), first(Estate, "3", "a", 1));
    }

    proptest! {
        #[test]
        fn two_numbers_never_meet(a in 0_u128..5_000_000, b in 0_u128..5_000_000) {
            let key = pseudonymizer("d", "2");
            let (x, y) = (key.permute("l", a, 5_000_000), key.permute("l", b, 5_000_000));
            prop_assert_eq!(a == b, x == y);
        }
    }
}
