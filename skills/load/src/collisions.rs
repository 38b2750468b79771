//! Rows to be written whose unique key another row of CERT holds. Reads only.

use std::collections::{BTreeSet, HashMap, HashSet};

use arrow::array::RecordBatch;
use redistrict_model::{Key, Unique};
use redistrict_store::{KeyRequest, Selector, StoreError};

use crate::classify::{Compared, ComparedRow, Scope};
use crate::compare::RowDecision;
use crate::conflicts::{Conflicts, Reason};
use crate::readers::Readers;
use crate::report::TableCounts;
use crate::rows::keys_of;

/// A row to be written, and the row that holds its value of a unique key.
pub(crate) struct Collision {
    key: Key,
    decision: RowDecision,
    holder: Key,
    constraint: String,
}

/// The collisions of a batch with what CERT holds. A key with a column that the artifact has not is left to the
/// server.
pub(crate) async fn find(
    readers: &mut Readers<'_>,
    scope: &Scope<'_>,
    unique: &Unique,
    batch: &RecordBatch,
    rows: &[ComparedRow],
) -> Result<Vec<Collision>, StoreError> {
    let shape = scope.shape;
    let can_be_asked = shape.has_key_texts(&unique.columns, &shape.columns);
    if unique.columns == shape.identity || !can_be_asked {
        return Ok(Vec::new());
    }
    let values = keys_of(batch, &unique.columns, &shape.table)?;
    let mut writers: HashMap<Key, &ComparedRow> = HashMap::new();
    for (row, value) in rows.iter().zip(values) {
        let is_written = matches!(row.decision, RowDecision::Insert | RowDecision::Update);
        if let (Some(value), true) = (value, is_written) {
            writers.insert(value, row);
        }
    }
    if writers.is_empty() {
        return Ok(Vec::new());
    }
    let request = KeyRequest {
        table: shape.name().clone(),
        columns: unique.columns.clone(),
        selector: Selector::Matching {
            columns: unique.columns.clone(),
            keys: writers.keys().cloned().collect(),
        },
    };
    let mut found = Vec::new();
    for holder in readers.keys(&request).await? {
        let value: Option<Vec<Box<str>>> = holder.values.into_iter().collect();
        let row = value.and_then(|value| writers.get(&Key::new(value)));
        found.extend(row.filter(|row| row.key != holder.id).map(|row| Collision {
            key: row.key.clone(),
            decision: row.decision,
            holder: holder.id,
            constraint: unique.name.clone(),
        }));
    }
    Ok(found)
}

/// The collisions of a whole table.
#[derive(Default)]
pub(crate) struct Collisions {
    found: Vec<Collision>,
    /// Rows that are updated.
    updated: HashSet<Key>,
}

impl Collisions {
    /// Adds those of a batch.
    pub(crate) fn add(&mut self, scope: &Scope<'_>, compared: &mut Compared) {
        self.found.append(&mut compared.collisions);
        if !scope.shape.table.uniques.is_empty() {
            let updated = compared.keys(|decision| decision == RowDecision::Update);
            self.updated.extend(updated);
        }
    }

    /// Makes conflicts of them. A holder that is updated as well gives the value up: it gets one of its own, since no
    /// two rows of the artifact have the same.
    pub(crate) fn settle(
        self,
        scope: &Scope<'_>,
        counts: &mut TableCounts,
        conflicts: &mut Conflicts,
    ) {
        let name = scope.shape.name();
        let mut held_back: BTreeSet<&Key> = BTreeSet::new();
        let stays = |one: &&Collision| !self.updated.contains(&one.holder);
        for one in self.found.iter().filter(stays) {
            let constraint = one.constraint.clone();
            let reason = match scope.writes.run(name, &one.holder) {
                None => Reason::UniqueKey { constraint },
                Some(_) => Reason::KeyOfAnEarlierLoad { constraint },
            };
            conflicts.add(name, reason, scope.locators.of(name, &one.key));
            if !held_back.insert(&one.key) {
                continue;
            }
            match one.decision {
                RowDecision::Insert => counts.inserted -= 1,
                _ => counts.updated -= 1,
            }
            counts.conflict += 1;
        }
    }
}
