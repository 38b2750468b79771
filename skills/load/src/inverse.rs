//! The inverse of a ledger: what taking a run back means, row by row. Pure.

use std::collections::HashMap;

use arrow::array::RecordBatch;
use redistrict_model::{Key, Plan, Table, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::{LedgerEntry, LedgerOperation};

use crate::error::{bug, config};
use crate::ledger::is_stub;
use crate::multiset::Hash;
use crate::rows::Place;
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
    /// The run inserted them, and they stay, because others rely on them.
    pub(crate) kept: Vec<InverseRow>,
    /// The run is an undo, left them standing for others, and its load takes them up again.
    pub(crate) taken_up: Vec<InverseRow>,
    /// The images of `restore` and `reinsert`, with the number they are staged under.
    pub(crate) images: Vec<(u32, RecordBatch)>,
}

/// Where the copies are that take the place of the rows a run inserted into keyless tables: the locator of each
/// ledger key.
pub(crate) type Located = HashMap<TableRef, HashMap<Key, Key>>;

impl TableInverse {
    /// Nothing.
    pub(crate) fn empty(shape: Shape) -> Self {
        Self {
            shape,
            delete: Vec::new(),
            restore: Vec::new(),
            reinsert: Vec::new(),
            kept: Vec::new(),
            taken_up: Vec::new(),
            images: Vec::new(),
        }
    }

    /// The rows that have to be as the run left them.
    pub(crate) fn as_left(&self) -> impl Iterator<Item = &InverseRow> {
        let stay = self.kept.iter().chain(&self.taken_up);
        self.delete.iter().chain(&self.restore).chain(stay)
    }

    /// The rows to be deleted with their hashes: what copies of a keyless table are looked for by.
    pub(crate) fn wanted(&self) -> Vec<(Key, Hash)> {
        let rows = self.delete.iter();
        rows.filter_map(|row| Some((row.key.clone(), row.after?)))
            .collect()
    }

    /// The keys of all rows.
    pub(crate) fn keys(&self) -> Vec<Key> {
        let rows = self.as_left().chain(&self.reinsert);
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
    ledger: &[LedgerEntry],
) -> Result<Vec<TableInverse>, SkillError> {
    let mut by_table: HashMap<&TableRef, Vec<&LedgerEntry>> = HashMap::new();
    let is_done = |entry: &&LedgerEntry| entry.operation != LedgerOperation::Relied;
    for entry in ledger.iter().filter(is_done) {
        by_table.entry(&entry.table).or_default().push(entry);
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

fn invert_table(shape: Shape, entries: Vec<&LedgerEntry>) -> Result<TableInverse, SkillError> {
    let mut inverse = TableInverse::empty(shape);
    for entry in entries {
        let name = inverse.shape.name().clone();
        let has_hashes = entry.operation != LedgerOperation::Deleted;
        let mut rows = Vec::with_capacity(entry.keys.len());
        for (at, key) in entry.keys.iter().cloned().enumerate() {
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
        match (entry.operation, entry.before.clone()) {
            (LedgerOperation::Inserted, _) => inverse.delete.extend(rows),
            (LedgerOperation::Retained, _) => inverse.taken_up.extend(rows),
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
