//! Keyed permutations of `0..n`: what is given out once only, without remembering what was given out.
//! Not for anything secret.

use crate::rng::mix;

/// A permutation of `0..n`: a Feistel network over two unequal halves (Brightwell and Smith, "Using
/// datatype-preserving encryption", 1997), walked until it is back inside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Permutation {
    size: u64,
    left: u64,
    right: u64,
    key: u64,
}

const ROUNDS: u64 = 6;

impl Permutation {
    /// Over `0..size`; `size` is at least 1.
    pub(crate) fn new(size: u64, key: u64) -> Self {
        let left = size.isqrt().max(1);
        let right = size.div_ceil(left).max(1);
        Self {
            size,
            left,
            right,
            key,
        }
    }

    /// Where `index` goes; the index is below the size.
    pub(crate) fn at(&self, index: u64) -> u64 {
        let mut found = index;
        loop {
            found = self.step(found);
            if found < self.size {
                return found;
            }
        }
    }

    fn step(&self, value: u64) -> u64 {
        let (mut left, mut right) = (value / self.right, value % self.right);
        for round in (0..ROUNDS).step_by(2) {
            left = (left + self.noise(round, right)) % self.left;
            right = (right + self.noise(round + 1, left)) % self.right;
        }
        left * self.right + right
    }

    fn noise(&self, round: u64, half: u64) -> u64 {
        mix(self.key ^ (round << 56) ^ half) >> 16
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_number_is_given_out_once_whatever_the_size() {
        for size in [1, 2, 3, 7, 282, 402, 1_000] {
            for key in [0, 1, u64::MAX] {
                let one = Permutation::new(size, key);
                let all: BTreeSet<u64> = (0..size).map(|index| one.at(index)).collect();
                assert_eq!(all, (0..size).collect());
            }
        }
    }

    #[test]
    fn neighbours_and_keys_part() {
        let near = |key| {
            let one = Permutation::new(1_000_000, key);
            let pairs = (0..1_000).map(|index| (one.at(index), one.at(index + 1)));
            pairs.filter(|(a, b)| a.abs_diff(*b) < 1_000).count()
        };
        assert!(near(3) < 20 && near(4) < 20);
        let (one, two) = (Permutation::new(1_000, 3), Permutation::new(1_000, 4));
        assert!((0..1_000).filter(|n| one.at(*n) == two.at(*n)).count() < 20);
    }
}
