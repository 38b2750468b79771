//! Searches texts for members of V: token windows, digits without their separators, and what is
//! encoded in them. One pass; most tokens begin no member and cost one hash.

use super::decode;
use super::normal::Normal;
use super::statistics::expected_digits;
use super::values::{Digester, FEWEST_DIGITS, Kind, LONGEST_WINDOW, Values};

/// The encodings in which a member is found: as it is; compatibility forms and case; digits only;
/// names in the other order; zero-width characters; URL, HTML, JSON escapes; base64; hexadecimal;
/// UTF-16.
pub(crate) const ENCODINGS: usize = 11;
/// The layers of encodings that are undone.
const DEPTH: usize = 2;

/// A member of V that stands in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) kind: Kind,
    pub(crate) digest: u64,
}

/// Shows runs of neighbouring groups of digits that are written as one number, of up to 20 digits.
fn digit_runs(text: &Normal, on_run: &mut dyn FnMut(&str)) {
    let groups = text.digit_groups();
    for from in 0..groups.len() {
        let mut digits = String::new();
        for (at, (group, goes_on)) in groups[from..].iter().enumerate() {
            digits.push_str(group);
            if digits.len() > 20 || at > 0 && !goes_on {
                break;
            }
            on_run(&digits);
        }
    }
}

/// Which tokens may make a member together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Together {
    /// Any neighbours, whatever stands between them.
    Any,
    /// The same, but for groups of digits: only those that are written as one number.
    Numbers,
}

/// Searches for the members of one V.
pub(crate) struct Scanner<'a> {
    pub(crate) values: &'a Values,
    pub(crate) digester: Digester,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(values: &'a Values, key: &[u8; 32]) -> Self {
        Self {
            values,
            digester: Digester::new(key),
        }
    }

    /// Shows every member that stands in the text, in any encoding; some may be shown twice.
    pub(crate) fn text(&self, text: &str, on_hit: &mut dyn FnMut(Hit)) {
        self.layer(text, DEPTH, Together::Any, on_hit);
    }

    /// The same of a text that we write ourselves, where numbers of ours stand beside each other.
    pub(crate) fn own_text(&self, text: &str, on_hit: &mut dyn FnMut(Hit)) {
        self.layer(text, DEPTH, Together::Numbers, on_hit);
    }

    /// Shows the members that stand in a text of ours token by token, in any encoding; digits that only
    /// together make a member are not looked at.
    pub(crate) fn own_words(&self, text: &str, on_hit: &mut dyn FnMut(Hit)) {
        self.layer_of_words(text, DEPTH, on_hit);
    }

    fn layer_of_words(&self, text: &str, depth: usize, on_hit: &mut dyn FnMut(Hit)) {
        self.windows(&Normal::of(text), Together::Numbers, on_hit);
        if depth > 0 {
            for layer in decode::layers(text) {
                self.layer_of_words(&layer, depth - 1, on_hit);
            }
        }
    }

    /// Shows every member that stands in the bytes: the whole, and the text that they are.
    pub(crate) fn bytes(&self, bytes: &[u8], on_hit: &mut dyn FnMut(Hit)) {
        self.digest(self.digester.bytes(bytes), on_hit);
        if let Some(text) = decode::bytes_text(bytes) {
            self.text(&text, on_hit);
        }
    }

    fn layer(&self, text: &str, depth: usize, together: Together, on_hit: &mut dyn FnMut(Hit)) {
        let normal = Normal::of(text);
        self.windows(&normal, together, on_hit);
        self.digits(&normal, on_hit);
        if depth > 0 {
            for layer in decode::layers(text) {
                self.layer(&layer, depth - 1, together, on_hit);
            }
        }
    }

    fn windows(&self, text: &Normal, together: Together, on_hit: &mut dyn FnMut(Hit)) {
        for at in 0..text.len() {
            let lengths = self.values.lengths(self.digester.token(text.token(at)));
            if lengths == 0 {
                continue;
            }
            let windows = self.digester.windows(text, at).take(LONGEST_WINDOW);
            for (length, digest) in (1..).zip(windows) {
                let is_apart = together == Together::Numbers && text.are_numbers_apart(at, length);
                if lengths >> length & 1 == 1 && !is_apart {
                    self.digest(digest, on_hit);
                }
            }
        }
    }

    /// Runs of neighbouring groups of digits that have as many digits as a member.
    fn digits(&self, text: &Normal, on_hit: &mut dyn FnMut(Hit)) {
        digit_runs(text, &mut |digits| self.whole_digits(digits, on_hit));
    }

    /// How many members chance brings into the runs of digits of a text whose digits are permuted.
    pub(crate) fn expected_in_runs(&self, text: &Normal) -> f64 {
        let mut expected = 0.0;
        digit_runs(text, &mut |digits| {
            let members = self.values.with_digits(digits.len());
            expected += expected_digits(digits, members);
        });
        expected
    }

    /// A number of that many digits.
    pub(crate) fn whole_digits(&self, digits: &str, on_hit: &mut dyn FnMut(Hit)) {
        let national = digits.strip_prefix('1').filter(|rest| rest.len() == 10);
        for digits in std::iter::once(digits).chain(national) {
            if digits.len() >= FEWEST_DIGITS && self.values.with_digits(digits.len()) > 0 {
                self.digest(self.digester.digits(digits), on_hit);
            }
        }
    }

    fn digest(&self, digest: u64, on_hit: &mut dyn FnMut(Hit)) {
        if let Some(kind) = self.values.kind(digest) {
            on_hit(Hit { kind, digest });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_makes_numbers_of_neighbouring_digits() {
        // V with nine million members of ten digits.
        let mut bytes = vec![3];
        bytes.extend([0; 16]);
        for digits in 0..24 {
            let members: u32 = if digits == 10 { 9_000_000 } else { 0 };
            bytes.extend(members.to_le_bytes());
        }
        bytes.extend([0; 32]);
        let values = Values::from_bytes(&bytes).unwrap();
        let scanner = Scanner::new(&values, &[7; 32]);
        for (text, runs) in [("a12345-67890b", 1.0), ("12345678901", 0.0), ("ab-cd", 0.0)] {
            let expected = scanner.expected_in_runs(&Normal::of(text));
            assert!((expected - runs * 0.001).abs() < 1e-9, "{text}: {expected}");
        }
    }
}
