//! Reads the rows of a keyless table of CERT that may be copies of ours: those with the same values of one
//! reference, else all. Holds hashes and locators, never more than a few thousand rows. Writes nothing.

use std::collections::{BTreeMap, HashMap, HashSet};

use arrow::array::RecordBatch;
use redistrict_artifact::RowHasher;
use redistrict_model::Key;
use redistrict_store::{KeyRequest, Selector, StoreError, StoreErrorKind};

use crate::classify::artifact_columns;
use crate::multiset::{Hash, hint_of};
use crate::readers::Readers;
use crate::rows::keys_of;
use crate::shape::Shape;

/// Rows read at once.
pub(crate) const CHUNK: usize = 8192;

/// Which rows of CERT may be copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Candidates {
    All,
    /// Those in which these columns have one of these values.
    With {
        columns: Vec<String>,
        keys: Vec<Key>,
    },
}

impl Candidates {
    fn request(&self, shape: &Shape) -> KeyRequest {
        let selector = match self.clone() {
            Self::All => Selector::All,
            Self::With { columns, keys } => Selector::Matching { columns, keys },
        };
        KeyRequest {
            table: shape.name().clone(),
            columns: Vec::new(),
            selector,
        }
    }
}

/// A candidate.
pub(crate) struct Candidate<'a> {
    pub(crate) locator: &'a Key,
    /// Its hash over the columns of the artifact.
    pub(crate) sent: Hash,
    /// Its hash over all columns of an image.
    pub(crate) whole: Hash,
    /// Its values in the columns of [`Search::hints`]; none where one of them is NULL.
    pub(crate) hint: Option<Key>,
}

/// What looks for copies of one table's rows.
#[derive(Clone, Copy)]
pub(crate) struct Search<'a> {
    pub(crate) shape: &'a Shape,
    pub(crate) hasher: &'a RowHasher,
    /// The columns whose values each candidate is told with; may be none.
    pub(crate) hints: &'a [String],
}

impl Search<'_> {
    /// Gives every candidate to `each`, once.
    ///
    /// # Errors
    /// A failing store.
    pub(crate) async fn each(
        self,
        readers: &mut Readers<'_>,
        candidates: &Candidates,
        mut each: impl FnMut(Candidate<'_>) + Send,
    ) -> Result<(), StoreError> {
        let found = readers.keys(&candidates.request(self.shape)).await?;
        let mut locators: Vec<Key> = found.into_iter().map(|row| row.id).collect();
        locators.sort_unstable();
        read_located(readers, self.shape, &locators, |there, batch| {
            self.of_batch(there, batch, &mut each)
        })
        .await
    }

    fn of_batch(
        self,
        locators: &[Key],
        batch: &RecordBatch,
        each: &mut (impl FnMut(Candidate<'_>) + Send),
    ) -> Result<(), StoreError> {
        let shape = self.shape;
        let wholes = self.hasher.rows(batch);
        let sents = if shape.columns == shape.image {
            wholes.clone()
        } else {
            self.hasher.rows(&artifact_columns(shape, batch)?)
        };
        let hints = match self.hints {
            [] => vec![None; batch.num_rows()],
            columns => keys_of(batch, columns, &shape.table)?,
        };
        let hashes = sents.into_iter().zip(wholes).zip(hints);
        for (locator, ((sent, whole), hint)) in locators.iter().zip(hashes) {
            each(Candidate {
                locator,
                sent,
                whole,
                hint,
            });
        }
        Ok(())
    }
}

/// Reads rows by sorted locators and gives them batch by batch, each row with its locator. A row that went
/// away meanwhile is left out: where fewer rows come than were asked for, halves are asked for, until it is
/// clear which ones are missing.
pub(crate) async fn read_located(
    readers: &mut Readers<'_>,
    shape: &Shape,
    locators: &[Key],
    mut each: impl FnMut(&[Key], &RecordBatch) -> Result<(), StoreError> + Send,
) -> Result<(), StoreError> {
    let mut open: Vec<&[Key]> = locators.chunks(CHUNK).rev().collect();
    while let Some(asked) = open.pop() {
        let batches = readers.rows(&shape.image_request(asked.to_vec())).await?;
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        if rows > asked.len() {
            let what = "read one row per locator";
            return Err(StoreError::new(StoreErrorKind::Bug, what).at(shape.name()));
        }
        if rows < asked.len() {
            if rows > 0 {
                let (first, rest) = asked.split_at(asked.len() / 2);
                open.extend([rest, first]);
            }
            continue;
        }
        let mut left = asked;
        for batch in &batches {
            let (here, rest) = left.split_at(batch.num_rows());
            each(here, batch)?;
            left = rest;
        }
    }
    Ok(())
}

/// Finds as many copies of each row as there are keys of it: the locator of each ledger key that has one. Keys
/// are ledger keys, each with the hash of its row.
pub(crate) async fn find_copies(
    readers: &mut Readers<'_>,
    shape: &Shape,
    hasher: &RowHasher,
    rows: &[(Key, Hash)],
) -> Result<HashMap<Key, Key>, StoreError> {
    let mut wanted: HashMap<Hash, Vec<&Key>> = HashMap::new();
    for (key, hash) in rows.iter().rev() {
        wanted.entry(*hash).or_default().push(key);
    }
    let mut found = HashMap::with_capacity(rows.len());
    for candidates in candidates_of(rows.iter().map(|(key, _)| key)) {
        let search = Search {
            shape,
            hasher,
            hints: &[],
        };
        let each = |one: Candidate<'_>| {
            if let Some(key) = wanted.get_mut(&one.whole).and_then(Vec::pop) {
                found.insert(key.clone(), one.locator.clone());
            }
        };
        search.each(readers, &candidates, each).await?;
    }
    Ok(found)
}

/// Where the rows of a ledger are looked for: by their references, a few thousand values at a time; everywhere as
/// soon as one of them has none, or they have different ones. No row is among the candidates of two.
pub(crate) fn candidates_of<'k>(keys: impl Iterator<Item = &'k Key>) -> Vec<Candidates> {
    let mut by_columns: BTreeMap<Vec<String>, HashSet<Key>> = BTreeMap::new();
    for key in keys {
        let (columns, values) = hint_of(key);
        by_columns.entry(columns).or_default().insert(values);
    }
    match by_columns.pop_first() {
        None => Vec::new(),
        Some((columns, values)) if !columns.is_empty() && by_columns.is_empty() => {
            let mut values: Vec<Key> = values.into_iter().collect();
            values.sort_unstable();
            values
                .chunks(CHUNK)
                .map(|keys| Candidates::With {
                    columns: columns.clone(),
                    keys: keys.to_vec(),
                })
                .collect()
        }
        Some(_) => vec![Candidates::All],
    }
}

#[cfg(test)]
mod tests {
    use crate::multiset::ledger_key;

    use super::*;

    #[test]
    fn rows_are_looked_for_by_their_reference_only_where_all_of_them_have_the_same_one() {
        let key = |column: &str, value: Option<&str>| {
            let hint = value.map(Key::of);
            ledger_key(&[1; 16], 0, &[column.to_owned()], hint.as_ref())
        };
        let found = |keys: &[Key]| candidates_of(keys.iter());
        assert_eq!(found(&[]), []);
        assert_eq!(
            found(&[
                key("a", Some("2")),
                key("a", Some("1")),
                key("a", Some("2"))
            ]),
            [Candidates::With {
                columns: vec!["a".into()],
                keys: vec![Key::of("1"), Key::of("2")]
            }]
        );
        for other in [key("a", None), key("b", Some("1"))] {
            assert_eq!(found(&[key("a", Some("1")), other]), [Candidates::All]);
        }
    }
}
