//! Reads back what was just written, and packs it for the ledger.

use std::collections::HashMap;

use arrow::array::RecordBatch;
use redistrict_artifact::RowHasher;
use redistrict_model::Key;
use redistrict_skill::SkillError;
use redistrict_store::{LedgerOperation, StoreError};

use crate::classify::{ComparedRow, artifact_columns};
use crate::error::{bug, changed_by_cert, store_failed};
use crate::keyless::Copies;
use crate::ledger::WrittenRows;
use crate::readers::Readers;
use crate::report::TableCounts;
use crate::rows::{Place, keys_of, pick};
use crate::shape::Shape;

/// Rows read at once.
const CHUNK: usize = 8192;

/// A table whose rows were decided and marked.
pub(crate) struct Decided {
    pub(crate) shape: Shape,
    pub(crate) counts: TableCounts,
    pub(crate) inserted: Vec<ComparedRow>,
    pub(crate) updated: Vec<ComparedRow>,
    /// Rows that other runs wrote and that this one needs as they are; whether as stubs only.
    pub(crate) relied: Vec<(Key, bool)>,
    /// Images of `updated`, in its order.
    pub(crate) before: Option<RecordBatch>,
    /// Instead of all these, where the table is keyless.
    pub(crate) copies: Option<Copies>,
}

impl Decided {
    /// Rows are inserted or updated.
    pub(crate) fn is_written(&self) -> bool {
        self.counts.inserted + self.counts.updated > 0
    }
}

/// Hashes of rows as CERT has them: over all columns of an image, and over those of the artifact.
pub(crate) type After = HashMap<Key, ([u8; 16], [u8; 16])>;

/// Reads rows that were just written.
///
/// # Errors
/// One of them is not there: a trigger or a rule swallowed it.
pub(crate) async fn read_back(
    readers: &mut Readers<'_>,
    shape: &Shape,
    hasher: &RowHasher,
    keys: &[Key],
) -> Result<After, SkillError> {
    let name = shape.name();
    let failed = |error: StoreError| store_failed(format!("read back {name}"), &error);
    let expected = keys.len();
    if expected == 0 {
        return Ok(After::new());
    }
    let mut after = After::with_capacity(expected);
    for keys in keys.chunks(CHUNK) {
        let request = shape.image_request(keys.to_vec());
        for batch in readers.rows(&request).await.map_err(failed)? {
            let keys = keys_of(&batch, &shape.identity, &shape.table);
            let sent = artifact_columns(shape, &batch).map_err(failed)?;
            let hashes = hasher.rows(&batch).into_iter().zip(hasher.rows(&sent));
            for (key, hashes) in keys.map_err(failed)?.into_iter().zip(hashes) {
                after.extend(key.map(|key| (key, hashes)));
            }
        }
    }
    if after.len() != expected {
        let what = format!(
            "read back {name}: {} of {expected} written rows are there",
            after.len()
        );
        return Err(changed_by_cert(what, &shape.table));
    }
    Ok(after)
}

/// What was written, in the order of the ledger.
pub(crate) fn ledger_rows(table: &Decided, after: &After) -> Result<Vec<WrittenRows>, SkillError> {
    let name = table.shape.name();
    let failed = |error: StoreError| store_failed(format!("write the ledger of {name}"), &error);
    let mut written = Vec::new();
    for is_stub in [false, true] {
        for (operation, rows) in [
            (LedgerOperation::Inserted, &table.inserted),
            (LedgerOperation::Updated, &table.updated),
        ] {
            let wanted = rows
                .iter()
                .enumerate()
                .filter(|(_, row)| row.is_stub == is_stub);
            let places: Vec<Place> = wanted.map(|(row, _)| Place { batch: 0, row }).collect();
            let keys: Vec<Key> = places.iter().map(|at| rows[at.row].key.clone()).collect();
            let hashes: Option<Vec<[u8; 16]>> = keys
                .iter()
                .map(|key| after.get(key).map(|(whole, _)| *whole))
                .collect();
            let before = match (&table.before, operation) {
                (Some(before), LedgerOperation::Updated) if !places.is_empty() => {
                    Some(pick(std::slice::from_ref(before), &places).map_err(failed)?)
                }
                _ => None,
            };
            written.push(WrittenRows {
                operation,
                is_stub,
                keys,
                after: hashes.ok_or_else(|| bug(format!("hash the written rows of {name}")))?,
                before,
            });
        }
        let relied = table.relied.iter().filter(|(_, stub)| *stub == is_stub);
        written.push(WrittenRows {
            operation: LedgerOperation::Relied,
            is_stub,
            keys: relied.map(|(key, _)| key.clone()).collect(),
            after: Vec::new(),
            before: None,
        });
    }
    Ok(written)
}
