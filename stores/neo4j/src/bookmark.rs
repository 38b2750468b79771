//! The server's bookmarks: the id of a database and the number of its last committed transaction. Neo4j
//! Community tells the number nowhere else. Their form is the server's own affair: whoever reads one has to
//! go on without.

/// What a bookmark tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bookmark {
    /// In hexadecimal: the id of the database in its server.
    pub(crate) database: String,
    pub(crate) transaction: i64,
}

/// Understands `FB:` and, in Base64, a list of 16 bytes and an integer in PackStream.
pub(crate) fn read(text: &str) -> Option<Bookmark> {
    let bytes = decode(text.strip_prefix("FB:")?)?;
    let [0x91, 0xcc, 0x10, rest @ ..] = bytes.as_slice() else {
        return None;
    };
    let (database, rest) = rest.split_at_checked(16)?;
    let (marker, rest) = rest.split_first()?;
    let transaction = match marker {
        0x00..=0x7f => i64::from(*marker),
        0xc8 => i64::from(i8::from_be_bytes(rest.get(..1)?.try_into().ok()?)),
        0xc9 => i64::from(i16::from_be_bytes(rest.get(..2)?.try_into().ok()?)),
        0xca => i64::from(i32::from_be_bytes(rest.get(..4)?.try_into().ok()?)),
        0xcb => i64::from_be_bytes(rest.get(..8)?.try_into().ok()?),
        _ => return None,
    };
    let database = database.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(Bookmark {
        database,
        transaction,
    })
}

/// What stands in a manifest about the state of the database.
pub(crate) fn snapshot(text: Option<&str>) -> String {
    match (text, text.and_then(read)) {
        (_, Some(found)) => format!("transaction {} of {}", found.transaction, found.database),
        (Some(text), None) => text.to_owned(),
        (None, None) => "unknown".to_owned(),
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bookmarks_of_the_server_are_understood_and_others_are_not() {
        let found = read("FB:kcwQEAn1MORoRnSNOCePHhxa6g6Q").unwrap();
        assert_eq!(found.database, "1009f530e46846748d38278f1e1c5aea");
        assert_eq!(found.transaction, 14);
        for text in ["", "FB:", "neo4j:bookmark:v1:tx5", "FB:kcwQ", "FB:!"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(snapshot(Some("odd")), "odd");
    }
}
