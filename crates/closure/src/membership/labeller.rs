//! Labels alone, for given rows: does this row belong to the district? Used on CERT by load.

use std::collections::BTreeMap;

use redistrict_model::{Key, KeyRow, Ownership, TableRef};

use super::closure::open;
use super::facts::{Facts, Known};
use super::fetch::{ClosureError, Fetch};
use super::label::Labels;

/// Finds the label λ of rows, over the same protocol as [`Closure`](crate::Closure).
pub struct Labeller {
    facts: Facts,
    labels: Labels,
    district: u32,
    /// None for rows of tables the ownership does not know.
    targets: Vec<Option<u32>>,
    is_done: bool,
    outstanding: usize,
}

impl Labeller {
    /// Prepares to label `rows`, given by table and identity.
    ///
    /// `district` matters where the root has a `tree`: rows below it are then labelled with it.
    ///
    /// # Errors
    /// As [`Closure::new`](crate::Closure::new), and rows of a keyless table: a locator is no name that
    /// could be asked for.
    pub fn new(
        ownership: &Ownership,
        identity: &BTreeMap<TableRef, Vec<String>>,
        district: &Key,
        rows: &[(TableRef, Key)],
    ) -> Result<Self, ClosureError> {
        let (mut facts, district) = open(ownership, identity, district)?;
        let mut targets = Vec::with_capacity(rows.len());
        for (table, key) in rows {
            let Some(position) = facts.layout.position(table) else {
                targets.push(None);
                continue;
            };
            let index = facts.layout.identity_index(position)?;
            targets.push(Some(facts.target(index, key)));
        }
        Ok(Self {
            facts,
            labels: Labels::default(),
            district,
            targets,
            is_done: false,
            outstanding: 0,
        })
    }

    /// Goes as far as facts allow and says which rows have to be seen next; nothing means done.
    ///
    /// # Errors
    /// Answers of the last step that are missing.
    pub fn step(&mut self) -> Result<Vec<Fetch>, ClosureError> {
        if self.outstanding > 0 {
            return Err(ClosureError::OutOfOrder {
                what: "answers of the last step are missing",
            });
        }
        self.labels.begin_pass(&self.facts);
        for target in self.targets.iter().flatten() {
            if let Known::Row(row) = self.facts.look_up(*target) {
                self.labels.label(&mut self.facts, self.district, row);
            }
        }
        let fetches = self.facts.take_fetches();
        self.outstanding = fetches.len();
        self.is_done = fetches.is_empty();
        Ok(fetches)
    }

    /// Takes the answer to a fetch.
    ///
    /// # Errors
    /// As [`Closure::absorb`](crate::Closure::absorb).
    pub fn absorb(&mut self, fetch: &Fetch, rows: &[KeyRow]) -> Result<(), ClosureError> {
        self.outstanding = self.outstanding.saturating_sub(1);
        self.facts.absorb(fetch, rows).map(|_| ())
    }

    /// The label of each row, in the order in which they were given: the key of its district, with
    /// the parts in the order of the root's key, or none if it has no district or no such row is
    /// there.
    ///
    /// # Errors
    /// Before [`step`](Self::step) has returned nothing.
    pub fn finish(&self) -> Result<Vec<Option<Key>>, ClosureError> {
        if !self.is_done {
            return Err(ClosureError::OutOfOrder {
                what: "it has not ended",
            });
        }
        let label = |target: &Option<u32>| match self.facts.known((*target)?) {
            Known::Row(row) => Some(self.facts.district_key(self.labels.known(row)??)),
            Known::Absent | Known::NotYet => None,
        };
        Ok(self.targets.iter().map(label).collect())
    }
}
