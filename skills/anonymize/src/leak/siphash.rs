//! SipHash-2-4 (Aumasson and Bernstein, 2012): the keyed 64-bit digests of V. A pseudorandom function,
//! fast on short inputs; its state can be copied, so that all windows of a text share their beginning.

/// A hash in progress.
#[derive(Clone, Copy)]
pub(crate) struct SipHash {
    v: [u64; 4],
    tail: u64,
    length: u64,
}

impl SipHash {
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        let half = |from: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&key[from..from + 8]);
            u64::from_le_bytes(bytes)
        };
        let (k0, k1) = (half(0), half(8));
        Self {
            v: [
                k0 ^ 0x736f_6d65_7073_6575,
                k1 ^ 0x646f_7261_6e64_6f6d,
                k0 ^ 0x6c79_6765_6e65_7261,
                k1 ^ 0x7465_6462_7974_6573,
            ],
            tail: 0,
            length: 0,
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.tail |= u64::from(*byte) << (8 * (self.length % 8));
            self.length += 1;
            if self.length.is_multiple_of(8) {
                self.compress(self.tail);
                self.tail = 0;
            }
        }
    }

    pub(crate) fn finish(mut self) -> u64 {
        self.compress(self.tail | self.length << 56);
        self.v[2] ^= 0xff;
        (0..4).for_each(|_| self.round());
        self.v[0] ^ self.v[1] ^ self.v[2] ^ self.v[3]
    }

    fn compress(&mut self, word: u64) {
        self.v[3] ^= word;
        self.round();
        self.round();
        self.v[0] ^= word;
    }

    fn round(&mut self) {
        let [v0, v1, v2, v3] = &mut self.v;
        *v0 = v0.wrapping_add(*v1);
        *v2 = v2.wrapping_add(*v3);
        *v1 = v1.rotate_left(13) ^ *v0;
        *v3 = v3.rotate_left(16) ^ *v2;
        *v0 = v0.rotate_left(32);
        *v2 = v2.wrapping_add(*v1);
        *v0 = v0.wrapping_add(*v3);
        *v1 = v1.rotate_left(17) ^ *v2;
        *v3 = v3.rotate_left(21) ^ *v0;
        *v2 = v2.rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_paper_hold() {
        let mut key = [0; 16];
        (0..16_u8).for_each(|n| key[usize::from(n)] = n);
        let hash = |length: u8| {
            let mut sip = SipHash::new(&key);
            (0..length).for_each(|n| sip.write(&[n]));
            sip.finish()
        };
        assert_eq!(hash(0), 0x726f_db47_dd0e_0e31);
        assert_eq!(hash(1), 0x74f8_39c5_93dc_67fd);
        assert_eq!(hash(15), 0xa129_ca61_49be_45e5);
    }
}
