//! Rows without a key, as a multiset of hashes: which copies are missing, and which of those that came into
//! being are ours. Pure.

use std::collections::{BTreeMap, HashMap};

use redistrict_model::Key;

/// The keyed hash of a row.
pub(crate) type Hash = [u8; 16];

/// How many copies of each row there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally(HashMap<Hash, u64>);

impl Tally {
    /// Counts a copy.
    pub(crate) fn add(&mut self, hash: Hash) {
        *self.0.entry(hash).or_default() += 1;
    }

    /// Takes a copy away; says whether there was one.
    pub(crate) fn take(&mut self, hash: &Hash) -> bool {
        match self.0.get_mut(hash) {
            Some(copies) if *copies > 1 => {
                *copies -= 1;
                true
            }
            Some(_) => {
                self.0.remove(hash);
                true
            }
            None => false,
        }
    }

    /// The copies of one row.
    pub(crate) fn of(&self, hash: &Hash) -> u64 {
        self.0.get(hash).copied().unwrap_or(0)
    }

    /// There is a copy.
    pub(crate) fn has(&self, hash: &Hash) -> bool {
        self.0.contains_key(hash)
    }

    /// All copies of all rows.
    #[cfg(test)]
    pub(crate) fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Every row with its copies, in the order of the hashes.
    fn sorted(&self) -> BTreeMap<&Hash, u64> {
        self.0
            .iter()
            .map(|(hash, copies)| (hash, *copies))
            .collect()
    }
}

impl FromIterator<Hash> for Tally {
    fn from_iter<I: IntoIterator<Item = Hash>>(hashes: I) -> Self {
        let mut tally = Self::default();
        hashes.into_iter().for_each(|hash| tally.add(hash));
        tally
    }
}

/// Whether each wanted row has to be inserted: each copy that is there stands for one of them, the first
/// ones first.
pub(crate) fn missing(wanted: &[Hash], mut there: Tally) -> Vec<bool> {
    wanted.iter().map(|hash| !there.take(hash)).collect()
}

/// A row that was not there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Appeared {
    /// Its hash over the columns that were sent.
    pub(crate) sent: Hash,
    /// Its hash over all columns of an image.
    pub(crate) whole: Hash,
    /// The values of the reference it was found by, where it was.
    pub(crate) hint: Option<Key>,
}

/// Those of the rows that appeared that are ours.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ours {
    pub(crate) rows: Vec<Appeared>,
    /// Of these, rows that the target changed while they were inserted.
    pub(crate) changed: u64,
}

/// It cannot be told which rows are ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unclear {
    /// So many of the inserted rows are not there.
    Lost(u64),
    /// Others inserted rows at the same time, and ours are not told from theirs.
    Others,
}

/// Finds the inserted rows among those that appeared. Rows of others may have appeared, too: a row that is as
/// it was sent is ours before any other; what then is left over is ours only where nothing else is.
pub(crate) fn ours(inserted: &Tally, appeared: Vec<Appeared>) -> Result<Ours, Unclear> {
    let mut by_sent: BTreeMap<Hash, Vec<Appeared>> = BTreeMap::new();
    for row in appeared {
        by_sent.entry(row.sent).or_default().push(row);
    }
    let (mut rows, mut lost) = (Vec::new(), 0);
    for (sent, copies) in inserted.sorted() {
        let mut found = by_sent.remove(sent).unwrap_or_default();
        let there = found.len() as u64;
        lost += copies.saturating_sub(there);
        if there > copies {
            let first = found[0].whole;
            if found.iter().any(|row| row.whole != first) {
                return Err(Unclear::Others);
            }
            found.truncate(usize::try_from(copies).unwrap_or(usize::MAX));
        }
        rows.append(&mut found);
    }
    let left: Vec<Appeared> = by_sent.into_values().flatten().collect();
    match (left.len() as u64).cmp(&lost) {
        _ if lost == 0 => {}
        std::cmp::Ordering::Equal => rows.extend(left),
        std::cmp::Ordering::Less => return Err(Unclear::Lost(lost - left.len() as u64)),
        std::cmp::Ordering::Greater => return Err(Unclear::Others),
    }
    rows.sort_by_key(|row| row.whole);
    Ok(Ours {
        rows,
        changed: lost,
    })
}

/// What a ledger tells a row without a key by: its hash, its ordinal among equal rows, and by pairs the columns
/// and values of a reference under which it is found again without reading the whole table.
pub(crate) fn ledger_key(
    hash: &Hash,
    ordinal: u64,
    reference: &[String],
    hint: Option<&Key>,
) -> Key {
    let digits = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut parts: Vec<Box<str>> = vec![String::into_boxed_str(digits), ordinal.to_string().into()];
    let values = hint.map(Key::parts).unwrap_or_default();
    for (column, value) in reference.iter().zip(values) {
        parts.push(column.as_str().into());
        parts.push(value.clone());
    }
    Key::new(parts)
}

/// The columns and values of the reference in a ledger's key; both empty where it has none.
pub(crate) fn hint_of(key: &Key) -> (Vec<String>, Key) {
    let pairs = key.parts().get(2..).unwrap_or_default().chunks_exact(2);
    let columns = pairs.clone().map(|pair| pair[0].to_string()).collect();
    (columns, Key::new(pairs.map(|pair| pair[1].clone())))
}

/// Numbers equal rows, which stand beside each other, from 0.
pub(crate) fn ordinals(sorted: &[Hash]) -> Vec<u64> {
    let mut ordinal = 0;
    let mut before: Option<&Hash> = None;
    let number = |hash| {
        ordinal = if before == Some(hash) { ordinal + 1 } else { 0 };
        before = Some(hash);
        ordinal
    };
    sorted.iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(byte: u8) -> Hash {
        [byte; 16]
    }

    fn tally(bytes: &[u8]) -> Tally {
        bytes.iter().copied().map(hash).collect()
    }

    fn row(sent: u8, whole: u8) -> Appeared {
        Appeared {
            sent: hash(sent),
            whole: hash(whole),
            hint: None,
        }
    }

    fn wholes(ours: &Ours) -> Vec<u8> {
        ours.rows.iter().map(|row| row.whole[0]).collect()
    }

    #[test]
    fn each_copy_that_is_there_stands_for_one_row() {
        let wanted: Vec<Hash> = [1, 1, 2, 1, 3].map(hash).into();
        assert_eq!(
            missing(&wanted, tally(&[1, 1, 3, 3, 4])),
            [false, false, true, true, false]
        );
        assert_eq!(missing(&wanted, Tally::default()), [true; 5]);
    }

    #[test]
    fn rows_of_others_are_not_ours_as_long_as_ours_are_as_they_were_sent() {
        let found = ours(&tally(&[1, 1, 2]), vec![row(1, 1), row(2, 2), row(1, 1)]).unwrap();
        assert_eq!((wholes(&found), found.changed), (vec![1, 1, 2], 0));
        let more = vec![row(1, 1), row(1, 1), row(1, 1), row(2, 2), row(7, 7)];
        let found = ours(&tally(&[1, 1, 2]), more).unwrap();
        assert_eq!((wholes(&found), found.changed), (vec![1, 1, 2], 0));
    }

    #[test]
    fn rows_that_the_target_changed_are_those_that_are_left_over() {
        let found = ours(&tally(&[1, 2]), vec![row(8, 8), row(1, 1)]).unwrap();
        assert_eq!((wholes(&found), found.changed), (vec![1, 8], 1));
        // Columns that only the target has do not count as changed.
        let found = ours(&tally(&[1, 1]), vec![row(1, 5), row(1, 6)]).unwrap();
        assert_eq!((wholes(&found), found.changed), (vec![5, 6], 0));
    }

    #[test]
    fn what_cannot_be_told_is_not_guessed() {
        let lost = ours(&tally(&[1, 2]), vec![row(1, 1)]);
        assert_eq!(lost, Err(Unclear::Lost(1)));
        let both = vec![row(8, 8), row(9, 9), row(1, 1)];
        assert_eq!(ours(&tally(&[1, 2]), both), Err(Unclear::Others));
        assert_eq!(
            ours(&tally(&[1]), vec![row(1, 5), row(1, 6)]),
            Err(Unclear::Others)
        );
    }

    #[test]
    fn the_key_of_a_ledger_gives_its_reference_back() {
        let columns = ["a".to_owned(), "b".to_owned()];
        let key = ledger_key(&hash(10), 2, &columns, Some(&Key::new(["x", ""])));
        assert_eq!(&*key.parts()[0], "0a".repeat(16).as_str());
        assert_eq!(&*key.parts()[1], "2");
        assert_eq!(hint_of(&key), (columns.to_vec(), Key::new(["x", ""])));
        let bare = ledger_key(&hash(1), 0, &columns, None);
        assert_eq!(bare.parts().len(), 2);
        assert_eq!(hint_of(&bare).0, Vec::<String>::new());
    }

    #[test]
    fn equal_rows_are_numbered() {
        let sorted = [1, 1, 2, 3, 3, 3].map(hash);
        assert_eq!(ordinals(&sorted), [0, 1, 0, 0, 1, 2]);
        assert_eq!(tally(&[1, 1, 2]).total(), 3);
    }
}
