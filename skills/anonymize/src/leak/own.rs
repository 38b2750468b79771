//! The members of V that one row has itself: none of them may stand in its masked row.

use std::collections::BTreeMap;

use super::members::Source;
use super::normal::Normal;
use super::scan::Scanner;
use super::values::FEWEST_DIGITS;
use crate::words::is_output_word;

/// The members of V that a row has itself.
#[derive(Default)]
pub(crate) struct Own {
    /// Digest to: is a word that masks give out.
    pub(crate) digests: BTreeMap<u64, bool>,
}

pub(crate) struct OwnRow<'a, 'b> {
    pub(crate) scanner: &'a Scanner<'b>,
    pub(crate) own: Own,
}

impl OwnRow<'_, '_> {
    fn add(&mut self, text: &Normal) {
        if text.len() == 0 || text.characters() < 3 {
            return;
        }
        let digester = &self.scanner.digester;
        let is_given_out = text.tokens().all(is_output_word);
        self.own.digests.insert(digester.whole(text), is_given_out);
        let digits = text.digits();
        if digits.len() >= FEWEST_DIGITS {
            self.own.digests.insert(digester.digits(&digits), false);
        }
    }
}

impl Source for OwnRow<'_, '_> {
    fn strong(&mut self, text: &Normal) {
        self.add(text);
    }

    fn by_use(&mut self, text: &Normal) {
        self.add(text);
    }

    fn low(&mut self, text: &Normal) {
        self.add(text);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.own
            .digests
            .insert(self.scanner.digester.bytes(bytes), false);
    }

    fn reserved(&mut self) {}
}
