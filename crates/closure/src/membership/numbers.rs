//! Numbers in few bytes.

/// Seven bits a byte, the low ones first; the last byte is below 128.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the remainders are below 128"
)]
pub(super) fn put_number(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 128 {
        bytes.push((number % 128) as u8 | 128);
        number /= 128;
    }
    bytes.push(number as u8);
}

/// The number that the bytes begin with, and what follows it; none if there is none.
pub(super) fn take_number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let last = bytes.iter().position(|byte| *byte < 128)?;
    let (digits, rest) = bytes.split_at(last + 1);
    let number = digits.iter().rev().fold(0_usize, |number, digit| {
        number << 7 | usize::from(digit & 127)
    });
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_come_back() {
        for number in [0, 1, 127, 128, 16_383, 16_384, 32 << 20, u32::MAX as usize] {
            let mut bytes = Vec::new();
            put_number(&mut bytes, number);
            bytes.push(7);
            assert_eq!(take_number(&bytes), Some((number, &[7][..])));
        }
        assert_eq!(take_number(&[128]), None);
    }
}
