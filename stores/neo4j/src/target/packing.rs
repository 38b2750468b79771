//! The bytes of a ledger entry: keys, hashes and before-images. A stored format: a change needs a new
//! version byte that later versions still read.

use std::io::Cursor;

use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use redistrict_model::Key;

/// The version of the packed keys.
const VERSION: u8 = 1;

/// Version, number of keys and number of parts as little-endian `u32`, then each part with its length
/// before it. None if something is longer than its length field counts.
pub(crate) fn pack_keys(keys: &[Key]) -> Option<Vec<u8>> {
    let parts = keys.first().map_or(0, |key| key.parts().len());
    let mut bytes = vec![VERSION];
    put_length(&mut bytes, keys.len())?;
    put_length(&mut bytes, parts)?;
    for key in keys {
        if key.parts().len() != parts {
            return None;
        }
        for part in key.parts() {
            put_length(&mut bytes, part.len())?;
            bytes.extend_from_slice(part.as_bytes());
        }
    }
    Some(bytes)
}

/// The keys that were packed; none if the bytes are not exactly such a packing.
pub(crate) fn unpack_keys(bytes: &[u8]) -> Option<Vec<Key>> {
    let (version, mut rest) = bytes.split_first()?;
    if *version != VERSION {
        return None;
    }
    let count = take_length(&mut rest)?;
    let parts = take_length(&mut rest)?;
    let mut keys = Vec::new();
    for _ in 0..count {
        let mut texts: Vec<Box<str>> = Vec::new();
        for _ in 0..parts {
            let length = take_length(&mut rest)?;
            let (text, after) = rest.split_at_checked(length)?;
            texts.push(std::str::from_utf8(text).ok()?.into());
            rest = after;
        }
        keys.push(Key::new(texts));
    }
    rest.is_empty().then_some(keys)
}

fn put_length(bytes: &mut Vec<u8>, length: usize) -> Option<()> {
    bytes.extend_from_slice(&u32::try_from(length).ok()?.to_le_bytes());
    Some(())
}

fn take_length(rest: &mut &[u8]) -> Option<usize> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    usize::try_from(u32::from_le_bytes(*length)).ok()
}

/// The hashes one after the other.
pub(crate) fn unpack_hashes(bytes: &[u8]) -> Option<Vec<[u8; 16]>> {
    let (hashes, rest) = bytes.as_chunks::<16>();
    rest.is_empty().then(|| hashes.to_vec())
}

/// Rows as an Arrow IPC stream of one batch.
pub(crate) fn pack_rows(batch: &RecordBatch) -> Option<Vec<u8>> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).ok()?;
    writer.write(batch).ok()?;
    writer.into_inner().ok()
}

/// The rows that were packed.
pub(crate) fn unpack_rows(bytes: &[u8]) -> Option<RecordBatch> {
    let mut reader = StreamReader::try_new(Cursor::new(bytes), None).ok()?;
    let batch = reader.next()?.ok()?;
    reader.next().is_none().then_some(batch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_that_a_separator_would_mix_up_come_back() {
        let keys = vec![
            Key::new(["a", "b,c"]),
            Key::new(["a,b", "c"]),
            Key::new(["", "\0\u{1}"]),
            Key::new(["ü", ""]),
        ];
        assert_eq!(unpack_keys(&pack_keys(&keys).unwrap()), Some(keys));
        assert_eq!(unpack_keys(&pack_keys(&[]).unwrap()), Some(Vec::new()));
    }

    #[test]
    fn cut_lengthened_or_foreign_bytes_are_refused() {
        let bytes = pack_keys(&[Key::of("abc"), Key::of("d")]).unwrap();
        for end in 0..bytes.len() {
            assert_eq!(unpack_keys(&bytes[..end]), None);
        }
        assert_eq!(unpack_keys(&[bytes.as_slice(), &[0]].concat()), None);
        assert_eq!(unpack_keys(&[&[9], &bytes[1..]].concat()), None);
        assert_eq!(unpack_hashes(&[0; 17]), None);
        assert_eq!(unpack_rows(&[1, 2, 3]), None);
    }

    proptest! {
        #[test]
        fn any_keys_come_back(texts in proptest::collection::vec((".*", ".*"), 0..20)) {
            let keys: Vec<Key> = texts.iter().map(|(a, b)| Key::new([a.as_str(), b])).collect();
            prop_assert_eq!(unpack_keys(&pack_keys(&keys).unwrap()), Some(keys));
        }
    }
}
