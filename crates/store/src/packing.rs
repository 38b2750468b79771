//! How the parts of a ledger entry are packed into bytes. Pure; stored formats, which never change: a new
//! one gets a version byte that is not [`VERSION`].
//!
//! Keys: the number of keys and of parts per key (u32 each), then each part's length (u32) and its
//! UTF-8. Hashes: 16 bytes each. Rows: one Arrow IPC stream of one batch. All numbers little-endian.

use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use redistrict_model::Key;

/// What is packed does not go together, or the bytes are not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

/// In front of keys packed by [`pack_versioned_keys`].
const VERSION: u8 = 1;

/// Packs keys.
///
/// # Errors
/// They have different numbers of parts, or something is longer than its length field counts.
pub fn pack_keys(keys: &[Key]) -> Result<Vec<u8>, Damaged> {
    let width = keys.first().map_or(0, |key| key.parts().len());
    let mut bytes = Vec::new();
    put_length(&mut bytes, keys.len())?;
    put_length(&mut bytes, width)?;
    for key in keys {
        if key.parts().len() != width {
            return Err(Damaged);
        }
        for part in key.parts() {
            put_length(&mut bytes, part.len())?;
            bytes.extend_from_slice(part.as_bytes());
        }
    }
    Ok(bytes)
}

/// The keys that were packed.
///
/// # Errors
/// The bytes are not exactly such a packing.
pub fn unpack_keys(mut bytes: &[u8]) -> Result<Vec<Key>, Damaged> {
    let count = take_length(&mut bytes)?;
    let width = take_length(&mut bytes)?;
    let mut keys = Vec::new();
    for _ in 0..count {
        let mut parts: Vec<&str> = Vec::new();
        for _ in 0..width {
            let length = take_length(&mut bytes)?;
            let (part, rest) = bytes.split_at_checked(length).ok_or(Damaged)?;
            parts.push(std::str::from_utf8(part).map_err(|_| Damaged)?);
            bytes = rest;
        }
        keys.push(Key::new(parts));
    }
    if bytes.is_empty() {
        Ok(keys)
    } else {
        Err(Damaged)
    }
}

/// As [`pack_keys`], a version byte in front.
///
/// # Errors
/// As there.
pub fn pack_versioned_keys(keys: &[Key]) -> Result<Vec<u8>, Damaged> {
    Ok([&[VERSION], pack_keys(keys)?.as_slice()].concat())
}

/// As [`unpack_keys`], a version byte in front.
///
/// # Errors
/// As there, or the version is another.
pub fn unpack_versioned_keys(bytes: &[u8]) -> Result<Vec<Key>, Damaged> {
    match bytes.split_first() {
        Some((&VERSION, keys)) => unpack_keys(keys),
        _ => Err(Damaged),
    }
}

/// The hashes, which are packed one after the other.
///
/// # Errors
/// The bytes are not a whole number of hashes.
pub fn unpack_hashes(bytes: &[u8]) -> Result<Vec<[u8; 16]>, Damaged> {
    let (hashes, rest) = bytes.as_chunks::<16>();
    if rest.is_empty() {
        Ok(hashes.to_vec())
    } else {
        Err(Damaged)
    }
}

/// Packs rows.
///
/// # Errors
/// The encoder refuses them.
pub fn pack_rows(batch: &RecordBatch) -> Result<Vec<u8>, Damaged> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).map_err(|_| Damaged)?;
    writer.write(batch).map_err(|_| Damaged)?;
    writer.into_inner().map_err(|_| Damaged)
}

/// The rows that were packed.
///
/// # Errors
/// The bytes are not one stream of one batch.
pub fn unpack_rows(bytes: &[u8]) -> Result<RecordBatch, Damaged> {
    let mut reader = StreamReader::try_new(bytes, None).map_err(|_| Damaged)?;
    let batch = reader.next().ok_or(Damaged)?.map_err(|_| Damaged)?;
    if reader.next().is_none() {
        Ok(batch)
    } else {
        Err(Damaged)
    }
}

fn put_length(bytes: &mut Vec<u8>, length: usize) -> Result<(), Damaged> {
    let length = u32::try_from(length).map_err(|_| Damaged)?;
    bytes.extend_from_slice(&length.to_le_bytes());
    Ok(())
}

fn take_length(bytes: &mut &[u8]) -> Result<usize, Damaged> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(Damaged)?;
    *bytes = rest;
    usize::try_from(u32::from_le_bytes(*length)).map_err(|_| Damaged)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy as _, any, proptest};
    use proptest::{collection, prop_assert_eq};

    use super::*;

    proptest! {
        #[test]
        fn keys_come_back_as_they_were(
            keys in (1..4_usize).prop_flat_map(|width| {
                collection::vec(collection::vec(any::<String>(), width), 0..20)
            })
        ) {
            let keys: Vec<Key> = keys.into_iter().map(Key::new).collect();
            prop_assert_eq!(unpack_keys(&pack_keys(&keys).unwrap()).unwrap(), keys);
        }

        #[test]
        fn any_bytes_are_refused_or_read_but_never_panic(
            bytes in collection::vec(any::<u8>(), 0..64)
        ) {
            let _keys = unpack_keys(&bytes);
            let _hashes = unpack_hashes(&bytes);
        }
    }

    #[test]
    fn keys_that_a_separator_would_mix_up_come_back() {
        let keys = vec![
            Key::new(["a", "b,c"]),
            Key::new(["a,b", "c"]),
            Key::new(["", "\0\u{1}"]),
            Key::new(["ü", ""]),
        ];
        let bytes = pack_versioned_keys(&keys).unwrap();
        assert_eq!(unpack_versioned_keys(&bytes), Ok(keys));
        assert_eq!(unpack_keys(&pack_keys(&[]).unwrap()), Ok(Vec::new()));
        assert_eq!(
            unpack_versioned_keys(&[&[9], &bytes[1..]].concat()),
            Err(Damaged)
        );
    }

    #[test]
    fn missing_and_further_bytes_are_noticed() {
        let bytes = pack_keys(&[Key::new(["a", "bc"]), Key::new(["", "d"])]).unwrap();
        for length in 0..bytes.len() {
            assert_eq!(unpack_keys(&bytes[..length]), Err(Damaged));
        }
        assert_eq!(
            unpack_keys(&[bytes.as_slice(), &[0]].concat()),
            Err(Damaged)
        );
        assert_eq!(unpack_hashes(&[0; 17]), Err(Damaged));
        assert!(unpack_rows(&[1, 2, 3]).is_err());
    }
}
