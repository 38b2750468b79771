//! How a ledger entry is packed into bytes. Pure; the format is version 1 and never changes.
//!
//! Keys: the number of keys and of parts per key (u32 each), then each part's length (u32) and its
//! UTF-8. Hashes: 16 bytes each. Rows: one Arrow IPC stream of one batch. All numbers little-endian.

use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use redistrict_model::Key;

/// The bytes are not what was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damaged;

/// Packs keys; all have the same number of parts.
pub(super) fn pack_keys(keys: &[Key]) -> Result<Vec<u8>, Damaged> {
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

pub(super) fn unpack_keys(mut bytes: &[u8]) -> Result<Vec<Key>, Damaged> {
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

pub(super) fn pack_hashes(hashes: &[[u8; 16]]) -> Vec<u8> {
    hashes.concat()
}

pub(super) fn unpack_hashes(bytes: &[u8]) -> Result<Vec<[u8; 16]>, Damaged> {
    let (hashes, rest) = bytes.as_chunks::<16>();
    if rest.is_empty() {
        Ok(hashes.to_vec())
    } else {
        Err(Damaged)
    }
}

pub(super) fn pack_rows(batch: &RecordBatch) -> Result<Vec<u8>, Damaged> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).map_err(|_| Damaged)?;
    writer.write(batch).map_err(|_| Damaged)?;
    writer.into_inner().map_err(|_| Damaged)
}

pub(super) fn unpack_rows(bytes: &[u8]) -> Result<RecordBatch, Damaged> {
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
    fn a_missing_byte_is_noticed() {
        let bytes = pack_keys(&[Key::new(["a", "bc"]), Key::new(["", "d"])]).unwrap();
        for length in 0..bytes.len() {
            assert_eq!(unpack_keys(&bytes[..length]), Err(Damaged));
        }
        assert_eq!(unpack_hashes(&[0; 17]), Err(Damaged));
    }
}
