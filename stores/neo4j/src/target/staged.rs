//! What a merge knows of the staged rows of a table, and what is to be done with each.

use std::collections::HashMap;

use redistrict_model::{Key, RunId, TableRef};
use redistrict_store::{Action, StoreError, StoreErrorKind, staged_key};

use super::cells;
use super::stage::{self, Chunk, StagedTable};
use crate::bolt::Transaction;
use crate::error::bug;

/// The staged rows of a table with their actions.
#[derive(Debug)]
pub(super) struct Marked {
    pub(super) table: StagedTable,
    /// By key: every row. Keyless: those that are not inserted.
    actions: HashMap<Key, Action>,
}

impl Marked {
    /// Finds what is staged; every row starts as `Insert`. None if nothing is staged.
    ///
    /// # Errors
    /// `Constraint` if two staged rows have one key.
    pub(super) async fn load(
        transaction: &mut Transaction,
        run: &RunId,
        name: &TableRef,
    ) -> Result<Option<Self>, StoreError> {
        let Some(table) = stage::find(transaction, run, name).await? else {
            return Ok(None);
        };
        let mut actions = HashMap::new();
        let identity = table.identity_places();
        if !identity.is_empty() {
            for chunk in &table.chunks {
                let batch = stage::rows(transaction, run, name, *chunk).await?;
                for row in 0..batch.num_rows() {
                    let key = cells::key(&batch, &identity, row, name)?;
                    if actions.insert(key, Action::Insert).is_some() {
                        let what = "stage rows, each key once";
                        return Err(StoreError::new(StoreErrorKind::Constraint, what).at(name));
                    }
                }
            }
        }
        Ok(Some(Self { table, actions }))
    }

    pub(super) fn is_keyless(&self) -> bool {
        self.table.identity.is_empty()
    }

    /// The keys of rows with one of these actions, in order.
    pub(super) fn keys(&self, is_wanted: impl Fn(Action) -> bool) -> Vec<Key> {
        if self.is_keyless() {
            return Vec::new();
        }
        let wanted = self
            .actions
            .iter()
            .filter(|(_, action)| is_wanted(**action));
        let mut keys: Vec<Key> = wanted.map(|(key, _)| key.clone()).collect();
        keys.sort_unstable();
        keys
    }

    /// What is done with a row.
    pub(super) fn action(&self, key: &Key) -> Action {
        self.actions.get(key).copied().unwrap_or(Action::Insert)
    }

    /// Sets what is done with rows; every one has to be staged.
    pub(super) fn mark(
        &mut self,
        name: &TableRef,
        keys: &[Key],
        action: Action,
    ) -> Result<(), StoreError> {
        if self.is_keyless() && action == Action::Update {
            return Err(bug("update rows of a table without a key").at(name));
        }
        let is_staged = |key: &Key| {
            if self.is_keyless() {
                self.table.chunks.iter().any(|chunk| chunk.has(key))
            } else {
                self.actions.contains_key(key)
            }
        };
        if !keys.iter().all(is_staged) {
            return Err(bug("mark rows that are not staged").at(name));
        }
        for key in keys {
            self.actions.insert(key.clone(), action);
        }
        Ok(())
    }
}

impl StagedTable {
    /// The places of the identity among the columns.
    pub(super) fn identity_places(&self) -> Vec<usize> {
        let place = |name: &String| self.columns.iter().position(|one| one == name);
        self.identity.iter().filter_map(place).collect()
    }
}

impl Chunk {
    /// The name of a row of the chunk in a keyless table.
    pub(super) fn staged_key(self, row: usize) -> Key {
        staged_key(self.part, self.first + row as u64)
    }

    fn has(self, key: &Key) -> bool {
        let [part, row] = key.parts() else {
            return false;
        };
        let row: Option<u64> = row
            .parse()
            .ok()
            .filter(|number: &u64| number.to_string() == **row);
        let is_row = row.is_some_and(|row| (self.first..self.first + self.rows).contains(&row));
        **part == *self.part.to_string() && is_row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_of_a_chunk_are_staged() {
        let chunk = Chunk {
            part: 2,
            number: 9,
            first: 10,
            rows: 3,
        };
        let all = [(2, 10), (2, 12)].map(|(part, row)| staged_key(part, row));
        assert!(all.iter().all(|key| chunk.has(key)));
        assert_eq!(chunk.staged_key(2), staged_key(2, 12));
        for key in [
            staged_key(2, 9),
            staged_key(2, 13),
            staged_key(1, 10),
            Key::new(["2", "010"]),
            Key::new(["02", "10"]),
            Key::of("2"),
        ] {
            assert!(!chunk.has(&key));
        }
    }
}
