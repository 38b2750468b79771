//! Random numbers, texts and bytes for values of types: the same for the same seed.

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// 64 bits.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to but not with `end`, which is small.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.number() >> 33).unwrap_or_default() % end
    }

    /// From 0 to 2^62.
    pub fn integer(&mut self) -> i64 {
        i64::try_from(self.number() >> 2).unwrap_or_default()
    }

    /// A finite number, all magnitudes alike.
    pub fn float(&mut self) -> f64 {
        let number = f64::from_bits(self.number());
        if number.is_finite() { number } else { -0.0 }
    }

    /// Up to 19 signs that are hard on notations.
    pub fn text(&mut self) -> String {
        const SIGNS: [char; 14] = [
            'a', 'Z', ' ', '\u{0}', '"', '\'', '{', ',', '\n', '\u{301}', '学', '🦀', '\\',
            '\u{FFFD}',
        ];
        let length = self.below(20);
        (0..length)
            .map(|_| SIGNS[self.below(SIGNS.len())])
            .collect()
    }

    /// Up to 39 bytes.
    pub fn bytes(&mut self) -> Vec<u8> {
        let length = self.below(40);
        let byte = |_| self.number().to_le_bytes()[0];
        (0..length).map(byte).collect()
    }
}
