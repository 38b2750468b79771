//! The inverse of a ledger, and whether it may be applied: nobody changed the rows, no later run wrote
//! them, nobody refers to what would go. Reads only.

use std::collections::{HashMap, HashSet};

use arrow::array::RecordBatch;
use redistrict_artifact::RowHasher;
use redistrict_model::{ForeignKey, Key, Plan, RunId, Table, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::{
    KeyRequest, Ledger, LedgerEntry, LedgerOperation, Selector, StoreError, StoreErrorKind,
};

use crate::conflicts::{Conflicts, Reason};
use crate::copies::read_located;
use crate::error::{bug, config};
use crate::ledger::is_stub;
use crate::multiset::Hash;
use crate::readers::Readers;
use crate::rows::{Locators, Place, keys_of};
use crate::shape::{Shape, image_columns};

/// A row to be taken back.
#[derive(Clone, Debug)]
pub(crate) struct InverseRow {
    pub(crate) key: Key,
    pub(crate) is_stub: bool,
    /// Its hash as the run left it; none for a row that the run deleted.
    pub(crate) after: Option<[u8; 16]>,
}

/// What taking back means for one table.
#[derive(Debug)]
pub(crate) struct TableInverse {
    pub(crate) shape: Shape,
    /// The run inserted them.
    pub(crate) delete: Vec<InverseRow>,
    /// The run updated them.
    pub(crate) restore: Vec<InverseRow>,
    /// The run deleted them.
    pub(crate) reinsert: Vec<InverseRow>,
    /// The images of `restore` and `reinsert`, with the number they are staged under.
    pub(crate) images: Vec<(u32, RecordBatch)>,
}

/// Where the copies are that take the place of the rows a run inserted into keyless tables: the locator of each
/// ledger key.
pub(crate) type Located = HashMap<TableRef, HashMap<Key, Key>>;

impl TableInverse {
    /// The rows to be deleted with their hashes: what copies of a keyless table are looked for by.
    pub(crate) fn wanted(&self) -> Vec<(Key, Hash)> {
        let rows = self.delete.iter();
        rows.filter_map(|row| Some((row.key.clone(), row.after?)))
            .collect()
    }

    /// The keys of all rows.
    pub(crate) fn keys(&self) -> Vec<Key> {
        let rows = self
            .delete
            .iter()
            .chain(&self.restore)
            .chain(&self.reinsert);
        rows.map(|row| row.key.clone()).collect()
    }
}

/// Keys of rows.
pub(crate) fn keys(rows: &[InverseRow]) -> Vec<Key> {
    rows.iter().map(|row| row.key.clone()).collect()
}

/// Turns a run's ledger around; tables in write order.
///
/// # Errors
/// The ledger has a table or columns that the plan has not.
pub(crate) fn invert(
    plan: &Plan,
    order: &[Vec<TableRef>],
    ledger: Ledger,
) -> Result<Vec<TableInverse>, SkillError> {
    let mut by_table: HashMap<TableRef, Vec<LedgerEntry>> = HashMap::new();
    for entry in ledger {
        by_table.entry(entry.table.clone()).or_default().push(entry);
    }
    let mut inverse = Vec::new();
    for name in order.iter().flatten() {
        if let Some(entries) = by_table.remove(name) {
            inverse.push(invert_table(Shape::of(plan, name)?, entries)?);
        }
    }
    match by_table.into_keys().next() {
        None => Ok(inverse),
        Some(table) => Err(config(format!(
            "take back rows of {table}: the plan does not write it"
        ))),
    }
}

fn invert_table(shape: Shape, entries: Vec<LedgerEntry>) -> Result<TableInverse, SkillError> {
    let mut inverse = TableInverse {
        shape,
        delete: Vec::new(),
        restore: Vec::new(),
        reinsert: Vec::new(),
        images: Vec::new(),
    };
    for entry in entries {
        let name = inverse.shape.name().clone();
        let has_hashes = entry.operation != LedgerOperation::Deleted;
        let mut rows = Vec::with_capacity(entry.keys.len());
        for (at, key) in entry.keys.into_iter().enumerate() {
            let after = entry.after.get(at).copied();
            if after.is_some() != has_hashes {
                return Err(bug(format!(
                    "read the ledger of {name}: hashes are missing"
                )));
            }
            rows.push(InverseRow {
                key,
                is_stub: is_stub(entry.part),
                after,
            });
        }
        match (entry.operation, entry.before) {
            (LedgerOperation::Inserted, _) => inverse.delete.extend(rows),
            (operation, Some(before)) if before.num_rows() == rows.len() => {
                check_columns(&inverse.shape, &before)?;
                inverse.images.push((entry.part, before));
                if operation == LedgerOperation::Updated {
                    if inverse.shape.is_keyless() {
                        return Err(bug(format!(
                            "read the ledger of {name}: rows without a key are never updated"
                        )));
                    }
                    inverse.restore.extend(rows);
                } else {
                    inverse.reinsert.extend(rows);
                }
            }
            _ => {
                return Err(bug(format!(
                    "read the ledger of {name}: images are missing"
                )));
            }
        }
    }
    Ok(inverse)
}

fn check_columns(shape: &Shape, image: &RecordBatch) -> Result<(), SkillError> {
    let schema = image.schema();
    let names = schema.fields().iter().map(|field| field.name());
    if names.eq(&shape.image) {
        return Ok(());
    }
    Err(config(format!(
        "take back rows of {}: its columns in CERT are not those the before-images have",
        shape.name()
    )))
}

/// CERT's tables may have changed since the load (an index, a trigger, a foreign key), but not the
/// columns that hashes and images are made of.
///
/// # Errors
/// Kind `Config`, naming the tables.
pub(crate) fn check_same_columns(
    inverse: &[TableInverse],
    live: &[Table],
    is_open: bool,
) -> Result<(), SkillError> {
    let types = |table: &Table| -> Vec<(String, String)> {
        let columns = image_columns(table).into_iter();
        let columns = columns.filter_map(|name| table.column(&name).cloned());
        columns
            .map(|column| (column.name, column.source_type))
            .collect()
    };
    let is_same = |then: &Table| {
        let now = live.iter().find(|table| table.name == then.name);
        now.is_some_and(|now| {
            // Where the schema is open only keys are more than what the rows happen to hold.
            let has_columns = is_open || types(now) == types(then);
            has_columns && now.identity() == then.identity()
        })
    };
    let changed: Vec<String> = inverse
        .iter()
        .filter(|one| !is_same(&one.shape.table))
        .map(|one| one.shape.name().to_string())
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    Err(config(format!(
        "take rows back exactly: the columns or keys of {} in CERT changed since the run",
        changed.join(", ")
    ))
    .with_hint("bring these tables of CERT back to the columns they had, or keep the load"))
}

/// The rows of one table as they stand.
#[derive(Debug, Default)]
pub(crate) struct CurrentRows {
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) places: HashMap<Key, Place>,
}

/// What checking needs to know.
pub(crate) struct Check<'a> {
    pub(crate) inverse: &'a [TableInverse],
    /// The newest run of each family that changed rows since, and what the family wrote.
    pub(crate) later: &'a [(RunId, Ledger)],
    pub(crate) live: &'a [Table],
    pub(crate) located: &'a Located,
    pub(crate) hasher: &'a RowHasher,
    pub(crate) locators: &'a Locators,
}

impl Check<'_> {
    /// Checks everything at once; gives the rows as they stand, per table of the inverse.
    pub(crate) async fn run(
        &self,
        readers: &mut Readers<'_>,
        conflicts: &mut Conflicts,
    ) -> Result<Vec<CurrentRows>, StoreError> {
        let mut current = Vec::with_capacity(self.inverse.len());
        for table in self.inverse {
            if table.shape.is_keyless() {
                // Copies that others wrote or took away only count by how many there are.
                current.push(self.unchanged_copies(readers, table, conflicts).await?);
                continue;
            }
            current.push(self.unchanged(readers, table, conflicts).await?);
            self.not_written_again(table, conflicts);
        }
        for child in self.live {
            for key in &child.foreign_keys {
                self.not_referred(readers, child, key, &current, conflicts)
                    .await?;
            }
        }
        Ok(current)
    }

    /// (a) for a keyless table: there are as many copies as the run left.
    async fn unchanged_copies(
        &self,
        readers: &mut Readers<'_>,
        table: &TableInverse,
        conflicts: &mut Conflicts,
    ) -> Result<CurrentRows, StoreError> {
        let name = table.shape.name();
        let located = self.located.get(name).into_iter().flatten();
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
            let rows = there.iter().zip(self.hasher.rows(batch)).enumerate();
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
        conflicts.add_keys(name, &Reason::Changed, changed, self.locators);
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
        let mut places = HashMap::new();
        let mut hashes = HashMap::new();
        for (at, batch) in batches.iter().enumerate() {
            let keys = keys_of(batch, &shape.identity, &shape.table)?;
            for (row, (key, hash)) in keys.into_iter().zip(self.hasher.rows(batch)).enumerate() {
                if let Some(key) = key {
                    hashes.insert(key.clone(), hash);
                    places.insert(key, Place { batch: at, row });
                }
            }
        }
        let changed = table.delete.iter().chain(&table.restore);
        let changed = changed.filter(|row| hashes.get(&row.key).copied() != row.after);
        let changed = changed.map(|row| &row.key);
        conflicts.add_keys(shape.name(), &Reason::Changed, changed, self.locators);
        let again = table.reinsert.iter().map(|row| &row.key);
        let again = again.filter(|key| hashes.contains_key(*key));
        conflicts.add_keys(shape.name(), &Reason::ThereAgain, again, self.locators);
        Ok(CurrentRows { batches, places })
    }

    /// (b) No later run wrote one of the rows.
    fn not_written_again(&self, table: &TableInverse, conflicts: &mut Conflicts) {
        let name = table.shape.name();
        let ours: HashSet<Key> = table.keys().into_iter().collect();
        for (run, ledger) in self.later {
            let entries = ledger.iter().filter(|entry| entry.table == *name);
            let written = entries.flat_map(|entry| &entry.keys);
            let written = written.filter(|key| ours.contains(*key));
            let reason = Reason::LaterRun { run: run.clone() };
            conflicts.add_keys(name, &reason, written, self.locators);
        }
    }

    /// (c) No row that stays refers to a row that would be deleted. Rows that are restored may: their
    /// images are checked by the server.
    async fn not_referred(
        &self,
        readers: &mut Readers<'_>,
        child: &Table,
        foreign_key: &ForeignKey,
        current: &[CurrentRows],
        conflicts: &mut Conflicts,
    ) -> Result<(), StoreError> {
        let find = |name: &TableRef| self.inverse.iter().find(|one| one.shape.name() == name);
        let parent = self.inverse.iter().zip(current);
        let mut parent = parent.filter(|(one, _)| !one.delete.is_empty());
        let parent = parent.find(|(one, _)| *one.shape.name() == foreign_key.parent);
        let Some((parent, current)) = parent else {
            return Ok(());
        };
        let parents = parent_values(readers, parent, current, foreign_key).await?;
        let conditions = foreign_key.when.iter().map(|(column, _)| column);
        let request = KeyRequest {
            table: child.name.clone(),
            columns: foreign_key
                .columns
                .iter()
                .chain(conditions)
                .cloned()
                .collect(),
            selector: Selector::Matching {
                columns: foreign_key.columns.clone(),
                keys: parents.keys().cloned().collect(),
            },
        };
        let ours: HashSet<Key> = match find(&child.name) {
            None => HashSet::new(),
            Some(one) if one.shape.is_keyless() => {
                let located = self.located.get(&child.name).into_iter().flatten();
                located.map(|(_, locator)| locator.clone()).collect()
            }
            Some(one) => {
                let rows = one.delete.iter().chain(&one.restore);
                rows.map(|row| row.key.clone()).collect()
            }
        };
        let mut referred: Vec<Key> = Vec::new();
        for mut row in readers.keys(&request).await? {
            let conditions = row.values.split_off(foreign_key.columns.len());
            if !counts(foreign_key, &conditions) {
                continue;
            }
            let value: Option<Vec<Box<str>>> = row.values.into_iter().collect();
            let parent = value.and_then(|value| parents.get(&Key::new(value)));
            if let (Some(parent), false) = (parent, ours.contains(&row.id)) {
                referred.push(parent.clone());
            }
        }
        referred.sort();
        referred.dedup();
        let reason = Reason::Referred {
            child: child.name.clone(),
            constraint: foreign_key.name.clone(),
        };
        conflicts.add_keys(&foreign_key.parent, &reason, &referred, self.locators);
        Ok(())
    }
}

/// A foreign key counts for a row with these values in the columns of its condition.
fn counts(foreign_key: &ForeignKey, conditions: &[Option<Box<str>>]) -> bool {
    let mut pairs = foreign_key.when.iter().zip(conditions);
    pairs.all(|((_, texts), value)| {
        value
            .as_ref()
            .is_some_and(|value| texts.iter().any(|text| **text == **value))
    })
}

/// The referenced values of the rows to be deleted, with the identity (or the ledger key) of each row.
async fn parent_values(
    readers: &mut Readers<'_>,
    parent: &TableInverse,
    current: &CurrentRows,
    foreign_key: &ForeignKey,
) -> Result<HashMap<Key, Key>, StoreError> {
    if parent.shape.is_keyless() {
        return copied_values(parent, current, foreign_key);
    }
    let deleted = keys(&parent.delete);
    if foreign_key.parent_columns == parent.shape.identity {
        return Ok(deleted.into_iter().map(|key| (key.clone(), key)).collect());
    }
    if foreign_key.parent_columns.is_empty() {
        let what = "read a foreign key without columns";
        return Err(StoreError::new(StoreErrorKind::Bug, what).at(parent.shape.name()));
    }
    let request = KeyRequest {
        table: parent.shape.name().clone(),
        columns: foreign_key.parent_columns.clone(),
        selector: Selector::Matching {
            columns: parent.shape.identity.clone(),
            keys: deleted,
        },
    };
    let rows = readers.keys(&request).await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let value: Option<Vec<Box<str>>> = row.values.into_iter().collect();
            Some((Key::new(value?), row.id))
        })
        .collect())
}

/// The referenced values of copies: a unique key with NULLs can be referred to although it tells no rows apart.
fn copied_values(
    parent: &TableInverse,
    current: &CurrentRows,
    foreign_key: &ForeignKey,
) -> Result<HashMap<Key, Key>, StoreError> {
    let shape = &parent.shape;
    let mut values = Vec::with_capacity(current.batches.len());
    for batch in &current.batches {
        let columns = &foreign_key.parent_columns;
        values.push(keys_of(batch, columns, &shape.table)?);
    }
    let rows = parent.delete.iter().filter_map(|row| {
        let place = current.places.get(&row.key)?;
        let value = values.get(place.batch)?.get(place.row)?.clone()?;
        Some((value, row.key.clone()))
    });
    Ok(rows.collect())
}

#[cfg(test)]
mod tests {
    use redistrict_model::StoreName;

    use super::*;

    #[test]
    fn a_conditional_key_counts_only_for_rows_that_meet_its_condition() {
        let mut key = ForeignKey {
            name: "start".into(),
            columns: vec![":start".into()],
            parent: TableRef::new(&StoreName::new("g"), "node", "A"),
            parent_columns: vec!["id".into()],
            on_delete_cascade: false,
            deferrable: false,
            validated: true,
            when: Vec::new(),
        };
        assert!(counts(&key, &[]));
        key.when = vec![(":start_label".into(), vec!["A".into(), "B".into()])];
        assert!(counts(&key, &[Some("B".into())]));
        assert!(!counts(&key, &[Some("C".into())]));
        assert!(!counts(&key, &[None]));
    }
}
