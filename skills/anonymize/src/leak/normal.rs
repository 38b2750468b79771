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

    /// Runs of digits, those inside tokens too, each with whether it goes on with the number that the one
    /// before belongs to; digests written in hexadecimal have none.
    pub(crate) fn digit_groups(&self) -> Vec<(&str, bool)> {
        let mut groups = Vec::new();
        let mut last = None;
        for (begin, end) in self.tokens.iter().copied() {
            let token = &self.text[begin..end];
            if is_hexadecimal(token) {
                continue;
            }
            let mut at = begin;
            for part in token.split(|c: char| !c.is_ascii_digit()) {
                if !part.is_empty() {
                    let gap = last.map(|last| &self.text[last..at]);
                    groups.push((part, gap.is_some_and(is_within_number)));
                    last = Some(at + part.len());
                }
                at += part.len();
                at += self.text[at..end].chars().next().map_or(0, char::len_utf8);
            }
        }
        groups
    }

    /// The tokens from there on are groups of digits that are not written as one number.
    pub(crate) fn are_numbers_apart(&self, from: usize, length: usize) -> bool {
        let tokens = &self.tokens[from..from + length];
        let is_digits = |(begin, end): &(usize, usize)| {
            let token = &self.text[*begin..*end];
            token.bytes().all(|byte| byte.is_ascii_digit())
        };
        let is_apart =
            |pair: &[(usize, usize)]| !is_within_number(&self.text[pair[0].1..pair[1].0]);
        tokens.iter().all(is_digits) && tokens.windows(2).any(is_apart)
    }
}

/// What stands between the groups of one number: up to three of the characters that telephone numbers, national
/// ids and the like are written with. A comma, a colon or the end of a line ends a number.
fn is_within_number(gap: &str) -> bool {
    gap.chars().count() <= 3 && gap.chars().all(|c| " -\u{2010}\u{2013}.()/+_".contains(c))
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
            [("425", false), ("312", true), ("9876", true)]
        );
        let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        assert!(Normal::of(digest).digit_groups().is_empty());
    }

    #[test]
    fn a_number_ends_where_no_number_is_written_on() {
        let numbers = |text: &str| {
            let mut numbers: Vec<String> = Vec::new();
            for (group, goes_on) in Normal::of(text).digit_groups() {
                match numbers.last_mut().filter(|_| goes_on) {
                    Some(number) => number.push_str(group),
                    None => numbers.push(group.to_owned()),
                }
            }
            numbers
        };
        for text in [
            "425 312-9876",
            "(425) 312.9876",
            "425 / 312–9876",
            "42_53_12_98_76",
        ] {
            assert_eq!(numbers(text), ["4253129876"], "{text}");
        }
        for (text, expected) in [
            ("117, 2000-01", vec!["117", "200001"]),
            ("00:11:17", vec!["00", "11", "17"]),
            ("12\n34", vec!["12", "34"]),
            ("12 ÄÖ 34", vec!["12", "34"]),
            ("ä12ö34", vec!["12", "34"]),
        ] {
            assert_eq!(numbers(text), expected, "{text}");
        }
        let apart = |text: &str| {
            let text = Normal::of(text);
            text.are_numbers_apart(0, text.len())
        };
        assert!(apart("117, 2000"));
        assert!(!apart("117-2000") && !apart("117, a") && !apart("117"));
    }
}
