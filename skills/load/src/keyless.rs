//! The rows of a keyless table: which copies CERT lacks, and which rows came into being by inserting them
//! (docs/design/keyless.md). Nothing is ever updated. Memory grows with the hashes of rows, not with rows.

use std::collections::HashSet;

use arrow::array::RecordBatch;
use redistrict_artifact::{Artifact, RowHasher};
use redistrict_model::{ErrorKind, Key};
use redistrict_skill::{Cancel, SkillError};
use redistrict_store::{KeyRequest, LedgerOperation, Selector, StoreError, staged_key};

use crate::conflicts::{Conflicts, Reason};
use crate::copies::{Candidate, Candidates, Search};
use crate::error::{bug, firing, store_failed};
use crate::held::Rows;
use crate::ledger::WrittenRows;
use crate::multiset::{Appeared, Hash, Tally, Unclear, ledger_key, missing, ordinals, ours};
use crate::readers::Readers;
use crate::report::TableCounts;
use crate::rows::{Locators, keys_of};
use crate::shape::Shape;

/// One keyless table of the artifact.
#[derive(Clone, Copy)]
pub(crate) struct Keyless<'a> {
    pub(crate) shape: &'a Shape,
    pub(crate) rows: Rows<'a>,
    pub(crate) hasher: &'a RowHasher,
    pub(crate) locators: &'a Locators,
    pub(crate) cancel: &'a Cancel,
}

/// What is to be done with the rows, and what CERT had before.
#[derive(Debug)]
pub(crate) struct Copies {
    /// The columns that candidates are told with.
    reference: Vec<String>,
    /// All rows of the table are candidates, not only those with the same reference.
    is_everywhere: bool,
    /// Whether each row of the artifact has to be inserted, in its order.
    is_missing: Vec<bool>,
    /// The rows to insert.
    inserted: Tally,
    /// The candidates that were there, by their hashes over all columns.
    before: Tally,
}

/// What went into a table.
pub(crate) struct Inserted {
    pub(crate) rows: WrittenRows,
    /// Rows that CERT changed while they were inserted.
    pub(crate) changed: u64,
}

impl Keyless<'_> {
    /// What is to be done with the rows, with the counts of it; what stands in the way is added to `conflicts`.
    ///
    /// # Errors
    /// As [`compare`](Self::compare).
    pub(crate) async fn decide(
        &self,
        readers: &mut Readers<'_>,
        conflicts: &mut Conflicts,
    ) -> Result<(Copies, TableCounts), SkillError> {
        let copies = self.compare(readers).await?;
        let collisions = self.find_collisions(readers, &copies, conflicts).await?;
        let mut counts = TableCounts::default();
        copies.count(collisions, &mut counts);
        Ok((copies, counts))
    }

    /// Compares the artifact with what CERT has: hashes of all rows, and of the candidates.
    ///
    /// # Errors
    /// A failing store, or an artifact that cannot be read.
    async fn compare(&self, readers: &mut Readers<'_>) -> Result<Copies, SkillError> {
        let survey = self.survey()?;
        let wanted: Tally = survey.hashes.iter().copied().collect();
        // What a trigger does to the reference of a row is seen only where all rows are looked at.
        let is_triggered = !self.shape.table.firing_triggers().is_empty();
        let mut copies = Copies {
            is_everywhere: survey.reference.is_none() || is_triggered,
            reference: survey.reference.unwrap_or_default(),
            is_missing: Vec::new(),
            inserted: Tally::default(),
            before: Tally::default(),
        };
        let (mut there, mut before) = (Tally::default(), Tally::default());
        self.each_candidate(readers, &copies, |one| {
            before.add(one.whole);
            if wanted.has(&one.sent) {
                there.add(one.sent);
            }
        })
        .await?;
        copies.before = before;
        copies.is_missing = missing(&survey.hashes, there);
        let hashes = survey.hashes.iter().zip(&copies.is_missing);
        copies.inserted = hashes
            .filter(|(_, is_missing)| **is_missing)
            .map(|(hash, _)| *hash)
            .collect();
        Ok(copies)
    }

    /// Hashes all rows, and chooses the reference that tells most of them apart, of those that no row lacks.
    fn survey(&self) -> Result<Survey, SkillError> {
        let references = &self.shape.references;
        let mut values: Vec<Option<HashSet<Hash>>> = vec![Some(HashSet::new()); references.len()];
        let mut hashes = Vec::new();
        for batch in self.rows.each() {
            self.cancel.check()?;
            let (batch, _) = batch?;
            hashes.extend(self.hasher.rows(&batch));
            for (columns, values) in references.iter().zip(&mut values) {
                let Some(seen) = values else { continue };
                let part = project(&batch, columns, self.shape)?;
                if part.columns().iter().any(|one| one.null_count() > 0) {
                    *values = None;
                } else {
                    seen.extend(self.hasher.rows(&part));
                }
            }
        }
        let sizes = values.into_iter().zip(references);
        let usable = sizes.filter_map(|(values, columns)| Some((values?.len(), columns)));
        // The first one of those that tell most apart.
        let best = usable.rev().max_by_key(|(distinct, _)| *distinct);
        Ok(Survey {
            hashes,
            reference: best.map(|(_, columns)| columns.clone()),
        })
    }

    /// Gives every row of CERT that may be a copy to `each`, once.
    async fn each_candidate(
        &self,
        readers: &mut Readers<'_>,
        copies: &Copies,
        mut each: impl FnMut(Candidate<'_>) + Send,
    ) -> Result<(), SkillError> {
        let failed = |error: StoreError| self.failed(&error);
        let search = Search {
            shape: self.shape,
            hasher: self.hasher,
            hints: &copies.reference,
        };
        if copies.is_everywhere {
            let found = search.each(readers, &Candidates::All, each).await;
            return found.map_err(failed);
        }
        let mut seen: HashSet<Hash> = HashSet::new();
        for batch in self.rows.each() {
            self.cancel.check()?;
            let (batch, _) = batch?;
            let hashes = self
                .hasher
                .rows(&project(&batch, &copies.reference, self.shape)?);
            let keys = keys_of(&batch, &copies.reference, &self.shape.table);
            let new = keys.map_err(failed)?.into_iter().zip(hashes);
            let new = new.filter_map(|(key, hash)| key.filter(|_| seen.insert(hash)));
            let candidates = Candidates::With {
                columns: copies.reference.clone(),
                keys: new.collect(),
            };
            search
                .each(readers, &candidates, &mut each)
                .await
                .map_err(failed)?;
        }
        Ok(())
    }

    fn failed(&self, error: &StoreError) -> SkillError {
        store_failed(format!("compare {} with CERT", self.shape.name()), error)
    }

    /// Adds the rows to be inserted whose unique key a row of CERT holds.
    async fn find_collisions(
        &self,
        readers: &mut Readers<'_>,
        copies: &Copies,
        conflicts: &mut Conflicts,
    ) -> Result<u64, SkillError> {
        let mut collisions = 0;
        for unique in &self.shape.table.uniques {
            if !(self.shape).has_key_texts(&unique.columns, &self.shape.columns) {
                continue;
            }
            let reason = Reason::UniqueKey {
                constraint: unique.name.clone(),
            };
            let mut is_missing = copies.is_missing.iter();
            for batch in self.rows.each() {
                let (batch, _) = batch?;
                for hash in self
                    .held_by_others(readers, &unique.columns, &batch, &mut is_missing)
                    .await?
                {
                    let key = ledger_key(&hash, 0, &[], None);
                    let name = self.shape.name();
                    conflicts.add(name, reason.clone(), self.locators.of(name, &key));
                    collisions += 1;
                }
            }
        }
        Ok(collisions)
    }

    /// Of the rows of a batch that are to be inserted, those whose values of a unique key are there.
    async fn held_by_others(
        &self,
        readers: &mut Readers<'_>,
        columns: &[String],
        batch: &RecordBatch,
        is_missing: &mut (impl Iterator<Item = &bool> + Send),
    ) -> Result<Vec<Hash>, SkillError> {
        let shape = self.shape;
        let values = keys_of(batch, columns, &shape.table);
        let values = values.map_err(|error| self.failed(&error))?;
        let hashes = self.hasher.rows(batch).into_iter().zip(is_missing);
        let written = values.into_iter().zip(hashes);
        let written: Vec<(Key, Hash)> = written
            .filter_map(|(value, (hash, is_missing))| Some((value.filter(|_| *is_missing)?, hash)))
            .collect();
        if written.is_empty() {
            return Ok(Vec::new());
        }
        let request = KeyRequest {
            table: shape.name().clone(),
            columns: columns.to_vec(),
            selector: Selector::Matching {
                columns: columns.to_vec(),
                keys: written.iter().map(|(value, _)| value.clone()).collect(),
            },
        };
        let holders = readers.keys(&request).await;
        let holders = holders.map_err(|error| self.failed(&error))?.into_iter();
        let held: HashSet<Key> = holders
            .filter_map(|row| {
                let value: Option<Vec<Box<str>>> = row.values.into_iter().collect();
                value.map(Key::new)
            })
            .collect();
        let collisions = written
            .into_iter()
            .filter(|(value, _)| held.contains(value));
        Ok(collisions.map(|(_, hash)| hash).collect())
    }

    /// Finds the rows that were inserted: what CERT has now and had not before. To be asked in the transaction
    /// that inserted them.
    ///
    /// # Errors
    /// Rows that are not there, or that are not told from those of others.
    pub(crate) async fn inserted(
        &self,
        readers: &mut Readers<'_>,
        copies: &mut Copies,
    ) -> Result<Inserted, SkillError> {
        let mut before = std::mem::take(&mut copies.before);
        let mut appeared = Vec::new();
        self.each_candidate(readers, copies, |one| {
            if !before.take(&one.whole) {
                appeared.push(Appeared {
                    sent: one.sent,
                    whole: one.whole,
                    hint: one.hint,
                });
            }
        })
        .await?;
        let found = ours(&copies.inserted, appeared).map_err(|why| unclear(self.shape, why))?;
        let after: Vec<Hash> = found.rows.iter().map(|row| row.whole).collect();
        let has_hints = found.rows.iter().all(|row| row.hint.is_some());
        let reference: &[String] = if has_hints { &copies.reference } else { &[] };
        let keys = found.rows.iter().zip(ordinals(&after));
        let keys = keys
            .map(|(row, ordinal)| ledger_key(&row.whole, ordinal, reference, row.hint.as_ref()));
        Ok(Inserted {
            rows: WrittenRows {
                operation: LedgerOperation::Inserted,
                is_stub: false,
                keys: keys.collect(),
                after,
                before: None,
            },
            changed: found.changed,
        })
    }
}

struct Survey {
    /// Of each row of the artifact, in its order.
    hashes: Vec<Hash>,
    reference: Option<Vec<String>>,
}

fn project(
    batch: &RecordBatch,
    columns: &[String],
    shape: &Shape,
) -> Result<RecordBatch, SkillError> {
    let schema = batch.schema();
    let places: Result<Vec<usize>, _> = columns.iter().map(|name| schema.index_of(name)).collect();
    places
        .and_then(|places| batch.project(&places))
        .map_err(|_| bug(format!("find the references of {}", shape.name())))
}

fn unclear(shape: &Shape, why: Unclear) -> SkillError {
    let name = shape.name();
    match why {
        Unclear::Lost(rows) => SkillError::new(
            ErrorKind::Conflict,
            format!("load {name}: {rows} rows are not there after they were inserted"),
        )
        .with_hint(format!(
            "look at the triggers and rules of this table in CERT{}; nothing was changed",
            firing(&shape.table)
        )),
        Unclear::Others => SkillError::new(
            ErrorKind::Transient,
            format!(
                "load {name}: others inserted rows at the same time, and which ones are ours cannot be told"
            ),
        ),
    }
}

impl Copies {
    /// Adds the rows to the counts of their table.
    fn count(&self, collisions: u64, counts: &mut TableCounts) {
        let rows = self.is_missing.len() as u64;
        let missing = self.is_missing.iter().filter(|one| **one).count() as u64;
        counts.staged += rows;
        counts.inserted += missing.saturating_sub(collisions);
        counts.conflict += collisions.min(missing);
        counts.unchanged += rows - missing;
    }

    /// The staged rows that are left out, told by their places.
    pub(crate) fn left(&self, artifact: &Artifact, shape: &Shape) -> Vec<Key> {
        let entry = artifact.manifest().table(shape.name());
        let parts = entry
            .map(|entry| entry.parts.as_slice())
            .unwrap_or_default();
        let places = (0_u32..).zip(parts);
        let places = places.flat_map(|(part, entry)| (0..entry.rows).map(move |row| (part, row)));
        places
            .zip(&self.is_missing)
            .filter(|(_, is_missing)| !**is_missing)
            .map(|((part, row), _)| staged_key(part, row))
            .collect()
    }
}
