//! Databases whose encoding is not UTF-8. Texts come and go as UTF-8 everywhere; the server converts. In
//! SQL_ASCII it does not: there a text is bytes, and those that are no UTF-8 cannot be read. Other
//! encodings lack characters: a key with one is no key of theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use redistrict_model::Key;
use redistrict_store::{MAX_VALUE_BYTES, StoreError};
use tokio_postgres::types::Type;

use crate::connect::Session;
use crate::error::failed;
use crate::live::LiveColumn;
use crate::statement;
use crate::types::is_native;

/// What is asked at once: a statement of this length costs nothing.
const CHARS_PER_STATEMENT: usize = 10_000;

/// The encoding of a connected database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    /// No encoding: nobody says what the bytes of a text mean.
    Bytes,
    /// By the server's name of it. It need not have every character.
    Other(String),
}

impl Encoding {
    /// By what the server tells when a session begins; none is taken for the usual one.
    pub(crate) fn of(server_encoding: Option<&str>) -> Self {
        match server_encoding {
            None | Some("UTF8") => Self::Utf8,
            Some("SQL_ASCII") => Self::Bytes,
            Some(name) => Self::Other(name.to_owned()),
        }
    }

    /// The server's name of it.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Utf8 => "UTF8",
            Self::Bytes => "SQL_ASCII",
            Self::Other(name) => name,
        }
    }
}

/// The condition that a text of a database in SQL_ASCII is UTF-8 (RFC 3629), NULL where the text is. The
/// server compares byte by byte there. What is too large to travel is not looked at: the server takes four
/// times its size to do so.
pub(crate) fn is_utf8(text: &str) -> String {
    let pattern = "^([\\x01-\\x7f]|[\\xc2-\\xdf][\\x80-\\xbf]|\\xe0[\\xa0-\\xbf][\\x80-\\xbf]\
        |[\\xe1-\\xec\\xee\\xef][\\x80-\\xbf]{2}|\\xed[\\x80-\\x9f][\\x80-\\xbf]\
        |\\xf0[\\x90-\\xbf][\\x80-\\xbf]{2}|[\\xf1-\\xf3][\\x80-\\xbf]{3}\
        |\\xf4[\\x80-\\x8f][\\x80-\\xbf]{2})*$";
    format!(
        "case when octet_length({text}) > {MAX_VALUE_BYTES} then true \
         else ({text}) ~ '{pattern}' collate \"C\" end"
    )
}

/// Whether values of the column travel as a text that may hold more than ASCII.
pub(crate) fn is_text(column: &LiveColumn) -> bool {
    use redistrict_model::ColumnType as C;
    let is_plain = matches!(
        column.column_type,
        C::Numeric | C::Time | C::Interval | C::Uuid | C::Inet | C::Bits | C::Money
    );
    column.is_string() || !(is_plain || is_native(column.column_type))
}

/// An error of the server about a text that it cannot give or take, with the columns that may be meant;
/// others as they are.
pub(crate) fn explained(error: StoreError, columns: &[&LiveColumn]) -> StoreError {
    let code = error.code.as_deref().unwrap_or_default();
    if !code.starts_with("22021") && !code.starts_with("22P05") {
        return error;
    }
    let texts = columns.iter().filter(|column| is_text(column));
    let names: BTreeSet<String> = texts.map(|one| statement::quoted(&one.name)).collect();
    if names.is_empty() {
        return error;
    }
    let names: Vec<String> = names.into_iter().collect();
    StoreError {
        what: format!(
            "{}: a text of column {} has no counterpart in UTF-8",
            error.what,
            names.join(" or ")
        ),
        ..error
    }
}

/// Characters that the database has, or has not; of all that were asked for in a session.
#[derive(Debug, Default)]
pub(crate) struct KnownChars(Mutex<BTreeMap<char, bool>>);

impl KnownChars {
    fn unknown(&self, chars: &BTreeSet<char>) -> Vec<char> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unknown = chars.iter().filter(|one| !known.contains_key(one));
        unknown.copied().collect()
    }

    fn add(&self, chars: &[char], is_held: bool) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(chars.iter().map(|one| (*one, is_held)));
    }

    fn missing(&self, chars: &BTreeSet<char>) -> BTreeSet<char> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = chars.iter().filter(|one| known.get(one) == Some(&false));
        missing.copied().collect()
    }
}

/// The characters beyond ASCII.
pub(crate) fn beyond_ascii(text: &str) -> impl Iterator<Item = char> {
    let text = if text.is_ascii() { "" } else { text };
    text.chars().filter(|one| !one.is_ascii())
}

impl<S> Session<S> {
    /// Those characters of the keys that the database's encoding does not have. Asked inside of an open
    /// transaction, which it leaves as it is.
    pub(crate) async fn lacks_of(&self, keys: &[Key]) -> Result<BTreeSet<char>, StoreError> {
        if !matches!(self.encoding(), Encoding::Other(_)) {
            return Ok(BTreeSet::new());
        }
        let parts = keys.iter().flat_map(|key| key.parts());
        self.lacks(&parts.flat_map(|part| beyond_ascii(part)).collect())
            .await
    }

    /// The same for characters.
    pub(crate) async fn lacks(&self, chars: &BTreeSet<char>) -> Result<BTreeSet<char>, StoreError> {
        let unknown = self.known_chars().unknown(chars);
        let mut asked: Vec<&[char]> = unknown.chunks(CHARS_PER_STATEMENT).collect();
        while let Some(some) = asked.pop() {
            match (self.has(some).await?, some) {
                (true, _) => self.known_chars().add(some, true),
                (false, [_]) => self.known_chars().add(some, false),
                (false, _) => {
                    let (left, right) = some.split_at(some.len() / 2);
                    asked.extend([left, right]);
                }
            }
        }
        Ok(self.known_chars().missing(chars))
    }

    /// Whether the database has all of these characters.
    async fn has(&self, chars: &[char]) -> Result<bool, StoreError> {
        let refused = |error| failed("ask for characters of the database's encoding", &error);
        let text: String = chars.iter().collect();
        self.read(&statement::SAVEPOINT, &[])
            .await
            .map_err(refused)?;
        let answer = self
            .read(&statement::ECHO, &[(&text, Type::TEXT)])
            .await
            .map(drop);
        self.read(&statement::ROLLBACK_TO_SAVEPOINT, &[])
            .await
            .map_err(refused)?;
        match answer {
            Ok(()) => Ok(true),
            Err(error) if error.code().is_some_and(|code| code.code() == "22P05") => Ok(false),
            Err(error) => Err(refused(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use redistrict_testkit::postgres::{TestServer, execute, query};

    use super::*;

    #[tokio::test]
    async fn bytes_are_told_from_utf8_as_rust_does() {
        let server = TestServer::start();
        let url = server.create_database().await;
        let name = url.rsplit('/').next().unwrap().to_owned();
        let other = format!("{name}_ascii");
        let make = format!(
            "create database {other} template template0 encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'"
        );
        execute(server.url(), &make).await.unwrap();
        let url = url.replace(&name, &other);
        let texts: [&[u8]; 17] = [
            b"",
            b"abc\n\r\t\x01\x7f",
            "é€😀".as_bytes(),
            b"caf\xe9",
            b"\x80",
            b"\xc0\xaf",
            b"\xc1\xbf",
            b"\xe0\x9f\xbf",
            b"\xed\x9f\xbf",
            b"\xed\xa0\x80",
            b"\xee\x80\x80",
            b"\xef\xbf\xbf",
            b"\xf0\x8f\xbf\xbf",
            b"\xf4\x8f\xbf\xbf",
            b"\xf4\x90\x80\x80",
            b"\xf5\x80\x80\x80",
            b"a\xe2\x82",
        ];
        for text in texts {
            let hex: String = text.iter().map(|byte| format!("{byte:02x}")).collect();
            let sql = format!(
                "select {}",
                is_utf8(&format!("convert_from('\\x{hex}', 'SQL_ASCII')"))
            );
            let told = query(&url, &sql).await.unwrap()[0][0].clone();
            let expected = if std::str::from_utf8(text).is_ok() {
                "t"
            } else {
                "f"
            };
            assert_eq!(told.as_deref(), Some(expected), "{hex}");
        }
    }
}
