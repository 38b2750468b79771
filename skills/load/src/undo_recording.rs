//! Checks, in the open transaction of an undo, that the rows are exactly as they were, and writes the ledger of it.

use arrow::array::RecordBatch;
use redistrict_model::{ErrorKind, Key, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::{LedgerOperation, StoreError, StoreErrorKind};

use crate::applying::{Applying, images_of};
use crate::error::{UNDO_REFUSED, bug};
use crate::inverse::{CurrentRows, InverseRow, TableInverse, keys};
use crate::ledger::{WrittenRows, entries};
use crate::multiset::{Hash, Tally};
use crate::rows::{Place, keys_of, pick};
use crate::written::{After, read_back};

impl Applying<'_> {
    /// Checks that the rows are exactly as they were, and writes the ledger of the undo.
    pub(crate) async fn record(&mut self) -> Result<(), SkillError> {
        let undoing = self.undoing;
        for (at, table) in self.inverse.iter().enumerate() {
            let after = if table.shape.is_keyless() {
                self.copied_back(table).await?
            } else {
                self.put_back(table).await?
            };
            let current = self.current.get(at);
            let current = current.ok_or_else(|| bug("find the rows as they stood"))?;
            let mut written = Vec::new();
            for is_stub in [false, true] {
                for (operation, rows) in [
                    (LedgerOperation::Retained, &table.kept),
                    (LedgerOperation::Inserted, &table.taken_up),
                ] {
                    let rows = rows.iter().filter(|row| row.is_stub == is_stub);
                    let rows: Vec<&InverseRow> = rows.collect();
                    written.push(left_rows(operation, is_stub, &rows));
                }
                for (operation, rows) in [
                    (LedgerOperation::Deleted, &table.delete),
                    (LedgerOperation::Updated, &table.restore),
                    (LedgerOperation::Inserted, &table.reinsert),
                ] {
                    let rows = rows.iter().filter(|row| row.is_stub == is_stub);
                    let rows: Vec<&InverseRow> = rows.collect();
                    if !rows.is_empty() {
                        let rows = written_rows(operation, is_stub, &rows, current, &after);
                        written.push(rows.map_err(|error| undoing.failed(&error))?);
                    }
                }
            }
            let entries = entries(undoing.run, table.shape.name(), &written);
            let kept = self.merge().write_ledger(&entries).await;
            kept.map_err(|error| undoing.failed(&error))?;
        }
        Ok(())
    }

    async fn put_back(&mut self, table: &TableInverse) -> Result<After, SkillError> {
        let undoing = self.undoing;
        let mut put_back = keys(&table.restore);
        put_back.extend(keys(&table.reinsert));
        let mut readers = self.readers();
        let after = read_back(&mut readers, &table.shape, &undoing.hasher, &put_back).await?;
        let shape = &table.shape;
        for (_, image) in &table.images {
            let keys = keys_of(image, &shape.identity, &shape.table)
                .map_err(|error| undoing.failed(&error))?;
            for (key, hash) in keys.into_iter().zip(undoing.hasher.rows(image)) {
                let there = key.and_then(|key| after.get(&key).copied());
                if there.is_none_or(|(there, _)| there != hash) {
                    return Err(not_exact(shape.name()));
                }
            }
        }
        Ok(after)
    }

    /// Of a keyless table, there are as many copies more as were inserted again.
    async fn copied_back(&mut self, table: &TableInverse) -> Result<After, SkillError> {
        let name = table.shape.name();
        let images = images_of(table, self.undoing);
        if images.is_empty() {
            return Ok(After::new());
        }
        let now = self.count(table).await?;
        let before = self.copies.remove(name).unwrap_or_default();
        let expected: Tally = images.iter().copied().collect();
        let is_exact = |hash: &Hash| now.of(hash) >= before.of(hash) + expected.of(hash);
        if !images.iter().all(is_exact) {
            return Err(not_exact(name));
        }
        let keys = table.reinsert.iter().map(|row| row.key.clone());
        Ok(keys
            .zip(images)
            .map(|(key, hash)| (key, (hash, hash)))
            .collect())
    }
}

/// Rows that stay as they are, and change hands.
fn left_rows(operation: LedgerOperation, is_stub: bool, rows: &[&InverseRow]) -> WrittenRows {
    WrittenRows {
        operation,
        is_stub,
        keys: rows.iter().map(|row| row.key.clone()).collect(),
        after: rows.iter().filter_map(|row| row.after).collect(),
        before: None,
    }
}

fn not_exact(table: &TableRef) -> SkillError {
    let what = format!(
        "put back the rows of {table}: CERT changed them while they were written (triggers)"
    );
    SkillError::new(ErrorKind::Conflict, what).with_hint(UNDO_REFUSED)
}

fn written_rows(
    operation: LedgerOperation,
    is_stub: bool,
    rows: &[&InverseRow],
    current: &CurrentRows,
    after: &After,
) -> Result<WrittenRows, StoreError> {
    let missing = || StoreError::new(StoreErrorKind::Bug, "find a row that was read before");
    let keys: Vec<Key> = rows.iter().map(|row| row.key.clone()).collect();
    let before: Option<RecordBatch> = match operation {
        LedgerOperation::Inserted => None,
        _ => {
            let places: Option<Vec<Place>> = keys
                .iter()
                .map(|key| current.places.get(key).copied())
                .collect();
            Some(pick(&current.batches, &places.ok_or_else(missing)?)?)
        }
    };
    let hashes: Option<Vec<[u8; 16]>> = match operation {
        LedgerOperation::Deleted => Some(Vec::new()),
        _ => keys
            .iter()
            .map(|key| after.get(key).map(|(whole, _)| *whole))
            .collect(),
    };
    Ok(WrittenRows {
        operation,
        is_stub,
        keys,
        after: hashes.ok_or_else(missing)?,
        before,
    })
}
