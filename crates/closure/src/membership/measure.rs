//! Measures whether a table is shared or reference (docs/design/closure.md §4.3) on sampled rows.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{Key, KeyRow, Measured, Ownership, TableRef};

use super::facts::{Facts, Known, NONE};
use super::fetch::{ClosureError, Fetch};
use super::label::Labels;
use super::layout::Layout;
use super::users::Users;

/// Finds the users of sampled rows of one table, over the same protocol as
/// [`Closure`](crate::Closure).
///
/// The sample is of the table that is measured, not of those that refer to it: which of its rows
/// are used at all can be seen only this way.
pub struct Measurer {
    facts: Facts,
    labels: Labels,
    users: Users,
    targets: Vec<u32>,
    rows: u64,
    is_done: bool,
    outstanding: usize,
}

impl Measurer {
    /// Prepares to measure `table` on a sample of its rows, given by identity, with the ownership
    /// of the draft that asked for it. `rows` is the number of rows of the whole table.
    ///
    /// # Errors
    /// If the ownership does not know the table, or it is keyless: such a table is never measured.
    pub fn new(
        ownership: &Ownership,
        identity: &BTreeMap<TableRef, Vec<String>>,
        table: &TableRef,
        sample: &[Key],
        rows: u64,
    ) -> Result<Self, ClosureError> {
        let layout = Layout::new(ownership, identity)?;
        let position = layout.position(table);
        let position = position.ok_or_else(|| ClosureError::UnknownTable {
            table: table.clone(),
        })?;
        let index = layout.identity_index(position)?;
        let mut facts = Facts::new(layout);
        let targets = sample.iter().map(|key| facts.target(index, key)).collect();
        Ok(Self {
            facts,
            labels: Labels::default(),
            users: Users::exhaustive(),
            targets,
            rows,
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
        let mut rows = Vec::new();
        for target in &self.targets {
            if let Known::Row(row) = self.facts.look_up(*target) {
                rows.push(row);
            }
        }
        let (facts, labels) = (&mut self.facts, &mut self.labels);
        self.users.search(facts, labels, NONE, &rows);
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

    /// Spread and cover of the sample.
    ///
    /// # Errors
    /// Before [`step`](Self::step) has returned nothing.
    pub fn finish(&self) -> Result<Measured, ClosureError> {
        if !self.is_done {
            return Err(ClosureError::OutOfOrder {
                what: "it has not ended",
            });
        }
        let mut used = 0_u32;
        let mut districts = 0_u32;
        let mut seen = 0_u32;
        for target in &self.targets {
            if let Known::Row(row) = self.facts.known(*target) {
                let count = self.users.districts(row).map_or(0, BTreeSet::len);
                let count = u32::try_from(count).unwrap_or(u32::MAX);
                seen += 1;
                used += u32::from(count > 0);
                districts = districts.saturating_add(count);
            }
        }
        let share = |part: u32, whole: u32| {
            if whole == 0 {
                0.0
            } else {
                f64::from(part) / f64::from(whole)
            }
        };
        Ok(Measured {
            rows: self.rows,
            spread: share(districts, used),
            cover: share(used, seen),
        })
    }
}
