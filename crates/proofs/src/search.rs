//! A plain search for texts in bytes, independent of the product's scanner: Aho-Corasick would be
//! faster, a table of first bytes is enough and easy to check by eye.

use std::collections::HashMap;

/// Finds whole-token occurrences of many texts.
pub(crate) struct Search {
    by_prefix: HashMap<[u8; 3], Vec<Vec<u8>>>,
    short: Vec<Vec<u8>>,
    texts: usize,
}

impl Search {
    pub(crate) fn new(texts: impl IntoIterator<Item = String>) -> Self {
        let mut search = Self {
            by_prefix: HashMap::new(),
            short: Vec::new(),
            texts: 0,
        };
        for text in texts {
            let bytes = text.into_bytes();
            search.texts += 1;
            match bytes.first_chunk::<3>() {
                Some(prefix) => search.by_prefix.entry(*prefix).or_default().push(bytes),
                None => search.short.push(bytes),
            }
        }
        search
    }

    pub(crate) fn len(&self) -> usize {
        self.texts
    }

    /// The number of places at which one of the texts stands as a whole token: no letter or digit
    /// touches it. Short texts (under three bytes) are compared with the whole haystack only.
    pub(crate) fn count(&self, haystack: &[u8]) -> usize {
        let mut found = self
            .short
            .iter()
            .filter(|text| text.as_slice() == haystack)
            .count();
        for at in 0..haystack.len().saturating_sub(2) {
            let prefix = [haystack[at], haystack[at + 1], haystack[at + 2]];
            let Some(candidates) = self.by_prefix.get(&prefix) else {
                continue;
            };
            if at > 0 && is_word(haystack[at - 1]) {
                continue;
            }
            found += candidates
                .iter()
                .filter(|text| {
                    haystack[at..].starts_with(text)
                        && !haystack.get(at + text.len()).copied().is_some_and(is_word)
                })
                .count();
        }
        found
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_as_whole_tokens_only() {
        let search = Search::new(["Lin Le".to_owned(), "ab".to_owned()]);
        assert_eq!(search.count(b"x Lin Le, Lin Lemon, Berlin Le"), 1);
        assert_eq!(search.count(b"ab"), 1);
        assert_eq!(search.count(b"xab"), 0);
        assert_eq!(search.len(), 2);
    }
}
