//! The form in which values and texts are compared: NFKC, lower case, zero-width characters gone, then
//! runs of letters and digits. What stands between them does not count.

use unicode_normalization::UnicodeNormalization as _;

/// A text in normal form with its tokens.
pub(crate) struct Normal {
    text: String,
    tokens: Vec<(usize, usize)>,
}

impl Normal {
    pub(crate) fn of(text: &str) -> Self {
        let text = if text.is_ascii() {
            text.to_ascii_lowercase()
        } else {
            let visible = text.chars().filter(|c| !is_invisible(*c));
            visible.nfkc().flat_map(char::to_lowercase).collect()
        };
        let mut tokens = Vec::new();
        let mut begin = None;
        for (at, c) in text.char_indices() {
            match (c.is_alphanumeric(), begin) {
                (true, None) => begin = Some(at),
                (false, Some(from)) => {
                    tokens.push((from, at));
                    begin = None;
                }
                _ => {}
            }
        }
        if let Some(from) = begin {
            tokens.push((from, text.len()));
        }
        Self { text, tokens }
    }

    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(crate) fn token(&self, at: usize) -> &str {
        let (begin, end) = self.tokens[at];
        &self.text[begin..end]
    }

    pub(crate) fn tokens(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|at| self.token(at))
    }

    /// Letters and digits.
    pub(crate) fn characters(&self) -> usize {
        self.tokens().map(|token| token.chars().count()).sum()
    }

    /// ASCII digits of all tokens.
    pub(crate) fn digits(&self) -> String {
        self.text.chars().filter(char::is_ascii_digit).collect()
    }

    pub(crate) fn is_only_digits(&self) -> bool {
        self.tokens()
            .all(|token| token.bytes().all(|byte| byte.is_ascii_digit()))
    }

    /// Runs of digits, those inside tokens too: begin, end, and the token; digests written in
    /// hexadecimal have none.
    pub(crate) fn digit_groups(&self) -> Vec<&str> {
        let mut groups = Vec::new();
        for token in self.tokens().filter(|token| !is_hexadecimal(token)) {
            let parts = token.split(|c: char| !c.is_ascii_digit());
            groups.extend(parts.filter(|part| !part.is_empty()));
        }
        groups
    }
}

/// Sixteen or more hexadecimal digits with letters among them.
fn is_hexadecimal(token: &str) -> bool {
    token.len() >= 16
        && token.bytes().all(|byte| byte.is_ascii_hexdigit())
        && token.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Shows nothing: zero-width characters, soft hyphens, marks of direction.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}' | '\u{202a}'..='\u{202e}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        Normal::of(text).tokens().map(str::to_owned).collect()
    }

    #[test]
    fn spelling_variants_have_one_form() {
        assert_eq!(
            words("Maria.LOPEZ@x-y.org"),
            ["maria", "lopez", "x", "y", "org"]
        );
        assert_eq!(
            words("Ｍａｒｉａ\u{200b} Ló\u{ad}pez"),
            words("maria LÓPEZ")
        );
        assert_eq!(words("Lo\u{301}pez"), words("López"));
        assert!(words(" -- ").is_empty());
    }

    #[test]
    fn digits_are_found_inside_words_but_not_inside_digests() {
        assert_eq!(
            Normal::of("x(425) 312-9876y").digit_groups(),
            ["425", "312", "9876"]
        );
        let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        assert!(Normal::of(digest).digit_groups().is_empty());
    }
}
