//! Whether a run may be taken back: nobody changed its rows, no later run wrote them, nobody relies on them or
//! refers to what would go. Reads only.

use std::collections::{HashMap, HashSet};

use redistrict_model::{Key, RunId, Table};
use redistrict_store::{KeyRequest, Selector, StoreError};

use crate::conflicts::{Conflicts, Reason};
use crate::copies::read_located;
use crate::inverse::{CurrentRows, TableInverse};
use crate::multiset::Hash;
use crate::past::ChangedRows;
use crate::readers::Readers;
use crate::referrers::Going;
use crate::reliance::Settled;
use crate::rows::{Place, places_of};

/// What checking needs to know.
pub(crate) struct Check<'a> {
    /// What goes, and where it is looked at.
    pub(crate) going: Going<'a>,
    /// The newest run of each family that changed rows since, and what the family wrote.
    pub(crate) later: &'a [(RunId, ChangedRows)],
    pub(crate) settled: &'a Settled,
}

impl Check<'_> {
    /// Checks everything at once; gives the rows as they stand, per table of the inverse.
    pub(crate) async fn run(
        &self,
        readers: &mut Readers<'_>,
        conflicts: &mut Conflicts,
    ) -> Result<Vec<CurrentRows>, StoreError> {
        let mut current = Vec::with_capacity(self.going.inverse.len());
        for table in self.going.inverse {
            if table.shape.is_keyless() {
                // Copies that others wrote or took away only count by how many there are.
                current.push(self.unchanged_copies(readers, table, conflicts).await?);
                continue;
            }
            current.push(self.unchanged(readers, table, conflicts).await?);
            self.not_written_again(table, conflicts);
        }
        self.not_relied_on(conflicts);
        self.needed_are_there(readers, conflicts).await?;
        self.going
            .find_referrers(readers, &current, conflicts)
            .await?;
        Ok(current)
    }

    /// No other run that stands found a row there and needs it.
    fn not_relied_on(&self, conflicts: &mut Conflicts) {
        for ((table, run), keys) in &self.settled.relied {
            let reason = Reason::Relied { run: run.clone() };
            conflicts.add_keys(table, &reason, keys, self.going.locators);
        }
    }

    /// What a run relied on is there, before it comes back.
    async fn needed_are_there(
        &self,
        readers: &mut Readers<'_>,
        conflicts: &mut Conflicts,
    ) -> Result<(), StoreError> {
        for (name, needed) in &self.settled.needed {
            let table = self.going.live.iter().find(|table| table.name == *name);
            let there = match table.and_then(Table::identity) {
                None => Vec::new(),
                Some(identity) => {
                    let request = KeyRequest {
                        table: name.clone(),
                        columns: Vec::new(),
                        selector: Selector::Matching {
                            columns: identity.to_vec(),
                            keys: needed.clone(),
                        },
                    };
                    readers.keys(&request).await?
                }
            };
            let there: HashSet<Key> = there.into_iter().map(|row| row.id).collect();
            let gone = needed.iter().filter(|key| !there.contains(*key));
            conflicts.add_keys(name, &Reason::Gone, gone, self.going.locators);
        }
        Ok(())
    }

    /// (a) for a keyless table: there are as many copies as the run left.
    async fn unchanged_copies(
        &self,
        readers: &mut Readers<'_>,
        table: &TableInverse,
        conflicts: &mut Conflicts,
    ) -> Result<CurrentRows, StoreError> {
        let name = table.shape.name();
        let located = self.going.located.get(name).into_iter().flatten();
        let by_locator: HashMap<&Key, &Key> =
            located.map(|(key, locator)| (locator, key)).collect();
        let mut locators: Vec<Key> = by_locator
            .keys()
            .map(|locator| (*locator).clone())
            .collect();
        locators.sort_unstable();
        let mut current = CurrentRows::default();
        let mut hashes: HashMap<&Key, Hash> = HashMap::new();
        read_located(readers, &table.shape, &locators, |there, batch| {
            let rows = there.iter().zip(self.going.hasher.rows(batch)).enumerate();
            for (row, (locator, hash)) in rows {
                if let Some(key) = by_locator.get(locator) {
                    hashes.insert(*key, hash);
                    let batch = current.batches.len();
                    current.places.insert((*key).clone(), Place { batch, row });
                }
            }
            current.batches.push(batch.clone());
            Ok(())
        })
        .await?;
        let changed = table.delete.iter();
        let changed = changed.filter(|row| hashes.get(&row.key).copied() != row.after);
        let changed = changed.map(|row| &row.key);
        conflicts.add_keys(name, &Reason::Changed, changed, self.going.locators);
        Ok(current)
    }

    /// (a) Each row is as the run left it.
    async fn unchanged(
        &self,
        readers: &mut Readers<'_>,
        table: &TableInverse,
        conflicts: &mut Conflicts,
    ) -> Result<CurrentRows, StoreError> {
        let shape = &table.shape;
        let batches = readers.rows(&shape.image_request(table.keys())).await?;
        let places = places_of(&batches, &shape.identity, &shape.table)?;
        let hashes = batches.iter().map(|batch| self.going.hasher.rows(batch));
        let hashes: Vec<Vec<Hash>> = hashes.collect();
        let hash_of = |key: &Key| {
            let place = places.get(key)?;
            hashes.get(place.batch)?.get(place.row).copied()
        };
        let changed = table.as_left();
        let changed = changed.filter(|row| hash_of(&row.key) != row.after);
        let changed = changed.map(|row| &row.key);
        conflicts.add_keys(shape.name(), &Reason::Changed, changed, self.going.locators);
        let again = table.reinsert.iter().map(|row| &row.key);
        let again = again.filter(|key| places.contains_key(*key));
        conflicts.add_keys(
            shape.name(),
            &Reason::ThereAgain,
            again,
            self.going.locators,
        );
        Ok(CurrentRows { batches, places })
    }

    /// (b) No later run wrote one of the rows.
    fn not_written_again(&self, table: &TableInverse, conflicts: &mut Conflicts) {
        let name = table.shape.name();
        let ours = table.keys();
        for (run, changed) in self.later {
            let Some(changed) = changed.get(name) else {
                continue;
            };
            let written = ours.iter().filter(|key| changed.contains(*key));
            let reason = Reason::LaterRun { run: run.clone() };
            conflicts.add_keys(name, &reason, written, self.going.locators);
        }
    }
}
