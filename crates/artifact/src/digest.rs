//! Digests: of bytes, of rows, of multisets of rows.

use std::io::Read;

use arrow::array::{Array, AsArray, BinaryArray, BooleanArray, RecordBatch, StringArray};
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, UInt8Type,
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::root_key::{RootKey, encode_hex};

/// SHA-256 of bytes, 64 hexadecimal digits.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    encode_hex(&Sha256::digest(bytes))
}

/// Length and SHA-256 of all that a reader gives, read piece by piece.
pub(crate) fn sha256_hex_of(mut reader: impl Read) -> std::io::Result<(u64, String)> {
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 64 << 10];
    let mut length = 0;
    loop {
        match reader.read(&mut piece)? {
            0 => return Ok((length, encode_hex(&hasher.finalize()))),
            count => {
                hasher.update(&piece[..count]);
                length += count as u64;
            }
        }
    }
}

/// Keyed hashes of rows: equal rows of equal columns have equal hashes, NULL differs from empty,
/// `-0.0` differs from `0.0`, every NaN bit pattern is its own value.
///
/// HMAC-SHA-256 truncated to 128 bits over the row's values, each with its length.
#[derive(Clone)]
pub struct RowHasher(Hmac<Sha256>);

impl RowHasher {
    /// A hasher whose key is derived from the root key; hashes of different purposes are unrelated.
    #[must_use]
    pub fn new(key: &RootKey, purpose: &str) -> Self {
        let key = key.derive(&["row hash", purpose]);
        Self(Hmac::new_from_slice(key.as_slice()).expect("HMAC takes any key length"))
    }

    /// One hash per row, over the columns of the batch in their order.
    ///
    /// # Panics
    /// On Arrow types that no column type travels as.
    #[must_use]
    pub fn rows(&self, batch: &RecordBatch) -> Vec<[u8; 16]> {
        let columns: Vec<Cells<'_>> = batch
            .columns()
            .iter()
            .map(|column| Cells::of(column.as_ref()))
            .collect();
        let mut encoded = Vec::new();
        (0..batch.num_rows())
            .map(|row| {
                encoded.clear();
                for cells in &columns {
                    cells.encode(row, &mut encoded);
                }
                let mut mac = self.0.clone();
                mac.update(&encoded);
                let hash = mac.finalize().into_bytes();
                let mut short = [0; 16];
                short.copy_from_slice(&hash[..16]);
                short
            })
            .collect()
    }
}

enum Cells<'a> {
    Fixed(Box<dyn Fn(usize) -> Option<u64> + 'a>),
    Text(&'a StringArray),
    Bytes(&'a BinaryArray),
}

impl<'a> Cells<'a> {
    fn of(array: &'a dyn Array) -> Self {
        macro_rules! fixed {
            ($type:ty, $bits:expr) => {{
                let values = array.as_primitive::<$type>();
                Self::Fixed(Box::new(move |row| {
                    values.is_valid(row).then(|| ($bits)(values.value(row)))
                }))
            }};
        }
        match array.data_type() {
            DataType::Boolean => {
                let values: &BooleanArray = array.as_boolean();
                Self::Fixed(Box::new(move |row| {
                    values.is_valid(row).then(|| u64::from(values.value(row)))
                }))
            }
            DataType::UInt8 => fixed!(UInt8Type, u64::from),
            DataType::Int16 => fixed!(Int16Type, |v: i16| i64::from(v).cast_unsigned()),
            DataType::Int32 => fixed!(Int32Type, |v: i32| i64::from(v).cast_unsigned()),
            DataType::Int64 => fixed!(Int64Type, i64::cast_unsigned),
            DataType::Date32 => fixed!(Date32Type, |v: i32| i64::from(v).cast_unsigned()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                fixed!(TimestampMicrosecondType, i64::cast_unsigned)
            }
            DataType::Float32 => fixed!(Float32Type, |v: f32| u64::from(v.to_bits())),
            DataType::Float64 => fixed!(Float64Type, f64::to_bits),
            DataType::Utf8 => Self::Text(array.as_string()),
            DataType::Binary => Self::Bytes(array.as_binary()),
            other => panic!("no column type travels as {other}"),
        }
    }

    fn encode(&self, row: usize, out: &mut Vec<u8>) {
        let mut bytes = |value: Option<&[u8]>| match value {
            None => out.push(0),
            Some(value) => {
                out.push(1);
                out.extend((value.len() as u64).to_le_bytes());
                out.extend(value);
            }
        };
        match self {
            Self::Fixed(value) => bytes(
                value(row)
                    .map(u64::to_le_bytes)
                    .as_ref()
                    .map(<[u8; 8]>::as_slice),
            ),
            Self::Text(values) => bytes(values.is_valid(row).then(|| values.value(row).as_bytes())),
            Self::Bytes(values) => bytes(values.is_valid(row).then(|| values.value(row))),
        }
    }
}

/// A digest of a multiset of rows, independent of their order: the sum of the row hashes modulo
/// 2^128, with their number (an AdHash; the hashes are keyed, so sums cannot be steered).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MultisetDigest {
    sum: u128,
    rows: u64,
}

impl MultisetDigest {
    /// Adds rows.
    pub fn add(&mut self, hashes: &[[u8; 16]]) {
        for hash in hashes {
            self.sum = self.sum.wrapping_add(u128::from_le_bytes(*hash));
            self.rows += 1;
        }
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

impl std::fmt::Display for MultisetDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}-{}", self.sum, self.rows)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, Int64Array};

    use super::*;

    fn batch(texts: Vec<Option<&str>>, numbers: Vec<Option<i64>>, floats: Vec<f64>) -> RecordBatch {
        RecordBatch::try_from_iter([
            ("t", Arc::new(StringArray::from(texts)) as ArrayRef),
            ("n", Arc::new(Int64Array::from(numbers))),
            ("f", Arc::new(Float64Array::from(floats))),
        ])
        .unwrap()
    }

    #[test]
    fn rows_that_differ_in_any_way_hash_apart() {
        let hasher = RowHasher::new(&RootKey::new(&[3; 32]).unwrap(), "test");
        let rows = hasher.rows(&batch(
            vec![Some(""), None, Some("a"), Some("a"), Some("a")],
            vec![None, None, Some(1), Some(1), Some(-1)],
            vec![0.0, 0.0, 0.0, -0.0, 0.0],
        ));
        let distinct: std::collections::BTreeSet<_> = rows.iter().collect();
        assert_eq!(distinct.len(), rows.len());
    }

    #[test]
    fn the_multiset_digest_forgets_order_but_not_copies() {
        let hasher = RowHasher::new(&RootKey::new(&[3; 32]).unwrap(), "test");
        let rows = hasher.rows(&batch(
            vec![Some("a"), Some("b"), Some("a")],
            vec![None; 3],
            vec![0.0; 3],
        ));
        let digest = |order: &[usize]| {
            let mut digest = MultisetDigest::default();
            for at in order {
                digest.add(&rows[*at..=*at]);
            }
            digest
        };
        assert_eq!(digest(&[0, 1, 2]), digest(&[2, 1, 0]));
        assert_ne!(digest(&[0, 1]), digest(&[0, 1, 2]));
        assert_ne!(digest(&[0, 0, 2]), digest(&[0, 1, 2]));
    }
}
