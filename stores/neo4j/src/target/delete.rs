//! Deletes rows: relationships first, then nodes, all of them or none. Never with what hangs on them:
//! relationships of others at a node that is to go are an error.

use redistrict_model::{Key, TableRef};
use redistrict_store::{StoreError, StoreErrorKind};

use super::locked::LockedRows;
use super::merge::key_parameters;
use super::pages::named;
use super::writes::Writes;
use crate::bolt::Transaction;
use crate::error::{Context as _, bug};
use crate::live::{LiveTable, LiveTables, Shape};
use crate::record::one_count;

/// Deletes the rows; gives their number.
pub(super) async fn delete(
    transaction: &mut Transaction,
    tables: &LiveTables,
    locked: &mut LockedRows,
    requests: &[(TableRef, Vec<Key>)],
) -> Result<u64, StoreError> {
    for (place, (name, _)) in requests.iter().enumerate() {
        if requests[..place].iter().any(|(other, _)| other == name) {
            return Err(bug("delete rows: the table is named twice").at(name));
        }
    }
    let mut all = Vec::with_capacity(requests.len());
    for (name, keys) in requests {
        let table = tables.table(name)?;
        // Locked, no relationship can be added any more.
        let places = locked.places(transaction, tables, table, keys).await?;
        let mut unique: Vec<&Key> = keys.iter().collect();
        unique.sort_unstable();
        unique.dedup();
        if unique.len() != keys.len() || places.len() != keys.len() {
            let missing = keys.len().saturating_sub(places.len());
            let what = format!(
                "delete rows: {missing} of {} are not there, or are named twice",
                keys.len()
            );
            return Err(StoreError::new(StoreErrorKind::Constraint, what).at(name));
        }
        all.push(Deleting {
            table,
            writes: Writes {
                table,
                constraints: &tables.constraints,
            },
            places: places.into_iter().map(Key::of).collect(),
        });
    }
    let mut deleted = 0;
    for is_node in [false, true] {
        for one in &all {
            if matches!(one.table.shape, Shape::Node { .. }) == is_node {
                locked.forget(&one.table.entry.name);
                deleted += one.delete(transaction).await?;
            }
        }
    }
    Ok(deleted)
}

/// Rows of one table that go.
struct Deleting<'a> {
    table: &'a LiveTable,
    writes: Writes<'a>,
    /// Their element ids.
    places: Vec<Key>,
}

impl Deleting<'_> {
    async fn delete(&self, transaction: &mut Transaction) -> Result<u64, StoreError> {
        let name = &self.table.entry.name;
        let count = self.places.len();
        if matches!(self.table.shape, Shape::Node { .. }) {
            let held = self.run(transaction, &self.writes.held()).await?;
            if held > 0 {
                let what = format!("delete rows: {held} of {count} still have relationships");
                return Err(StoreError::new(StoreErrorKind::Constraint, what)
                    .at(name)
                    .with_hint(
                        "relationships that others made since would be left without an end",
                    ));
            }
        }
        let deleted = self.run(transaction, &self.writes.delete()).await?;
        if deleted == count as u64 {
            return Ok(deleted);
        }
        Err(bug("delete each row once").at(name))
    }

    /// Runs a statement that counts over all rows.
    async fn run(&self, transaction: &mut Transaction, text: &str) -> Result<u64, StoreError> {
        let what = "delete rows";
        let name = &self.table.entry.name;
        let mut total = 0;
        for rows in named(&self.places, None, name)? {
            let mut values = key_parameters(self.table);
            values.insert("rows".to_owned(), rows.into());
            let records = transaction.all(text, values).await.doing_at(what, name)?;
            total += one_count(records).ok_or_else(|| bug(what).at(name))?;
        }
        Ok(total)
    }
}
