//! Values of unique keys that an undo hands back from rows that go to rows that stay: the former have to be gone
//! before the latter are written. Pure.

use std::collections::{HashMap, HashSet};

use redistrict_model::{Key, Unique};
use redistrict_store::StoreError;

use crate::inverse::{CurrentRows, TableInverse};
use crate::rows::keys_of;

/// The rows to be put back that get a value which a row to be deleted holds, and those that get a value which one
/// of these holds, and so on: they are written after the deletes.
///
/// # Errors
/// Images that are not of the table.
pub(crate) fn written_late(
    table: &TableInverse,
    current: &CurrentRows,
) -> Result<HashSet<Key>, StoreError> {
    let shape = &table.shape;
    if shape.is_keyless() || table.delete.is_empty() || table.images.is_empty() {
        return Ok(HashSet::new());
    }
    let mut gets: Vec<(Key, Key)> = Vec::new();
    let uniques = shape.table.uniques.iter();
    for unique in uniques.filter(|one| shape.has_key_texts(&one.columns, &shape.image)) {
        gets.extend(getters(table, current, unique)?);
    }
    let mut gone: HashSet<&Key> = table.delete.iter().map(|row| &row.key).collect();
    let mut late: HashSet<Key> = HashSet::new();
    loop {
        let next = gets
            .iter()
            .filter(|(row, holder)| gone.contains(holder) && !late.contains(row));
        let next: Vec<&Key> = next.map(|(row, _)| row).collect();
        if next.is_empty() {
            return Ok(late);
        }
        late.extend(next.iter().map(|row| (*row).clone()));
        gone.extend(next);
    }
}

/// Rows to be put back, each with the other row that holds its value of the key now.
fn getters(
    table: &TableInverse,
    current: &CurrentRows,
    unique: &Unique,
) -> Result<Vec<(Key, Key)>, StoreError> {
    let shape = &table.shape;
    let mut holders: HashMap<Key, Key> = HashMap::new();
    for batch in &current.batches {
        let values = keys_of(batch, &unique.columns, &shape.table)?;
        let rows = keys_of(batch, &shape.identity, &shape.table)?;
        holders.extend(
            values
                .into_iter()
                .zip(rows)
                .filter_map(|(value, row)| Some((value?, row?))),
        );
    }
    let mut gets = Vec::new();
    for (_, image) in &table.images {
        let values = keys_of(image, &unique.columns, &shape.table)?;
        let rows = keys_of(image, &shape.identity, &shape.table)?;
        for (value, row) in values.into_iter().zip(rows) {
            let (Some(value), Some(row)) = (value, row) else {
                continue;
            };
            let holder = holders.get(&value).filter(|holder| **holder != row);
            gets.extend(holder.map(|holder| (row, holder.clone())));
        }
    }
    Ok(gets)
}
