//! The statements that a source is sent, noted where they are sent: for people who want to see them before
//! they let anybody in. A statement is a text with placeholders; values are bound and never noted.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// A statement and how often it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// As the server gets it. Names in it are quoted as the server wants them, which need not be printable.
    pub statement: String,
    /// What it is for.
    pub purpose: &'static str,
    pub times: u64,
}

/// Notes statements in the order in which they are first sent.
///
/// A source that is given one notes every statement that it sends, and tells rows only: what would read
/// them is noted and not sent, and no row comes ([`SourceStore`](crate::SourceStore) of each kind). Keys and
/// counts are read, because what is asked next depends on them.
#[derive(Debug, Default)]
pub struct Listing(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    told: Vec<Told>,
    places: HashMap<String, usize>,
}

impl Listing {
    /// Notes that a statement is sent. Its purpose is that of the first time.
    pub fn note(&self, statement: &str, purpose: &'static str) {
        let mut noted = self.lock();
        if let Some(place) = noted.places.get(statement).copied() {
            noted.told[place].times += 1;
            return;
        }
        let place = noted.told.len();
        noted.places.insert(statement.to_owned(), place);
        noted.told.push(Told {
            statement: statement.to_owned(),
            purpose,
            times: 1,
        });
    }

    /// What was noted so far; begins anew.
    pub fn take(&self) -> Vec<Told> {
        std::mem::take(&mut *self.lock()).told
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_told_once_where_it_was_first_sent() {
        let listing = Listing::default();
        for statement in ["b", "a", "b"] {
            listing.note(statement, "for this");
        }
        let told = listing.take();
        let told: Vec<_> = told
            .iter()
            .map(|one| (one.statement.as_str(), one.times))
            .collect();
        assert_eq!(told, [("b", 2), ("a", 1)]);
        assert_eq!(listing.take(), []);
    }
}
