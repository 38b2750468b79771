//! Digests of whole tables of a target: the proof that others' rows are untouched and that an undo was
//! exact. Reads only.

use futures::TryStreamExt;
use redistrict_artifact::{MultisetDigest, RootKey, RowHasher};
use redistrict_model::{Key, Table, TableRef};
use redistrict_store::{
    KeyRequest, RowRequest, Selector, StoreError, StoreErrorKind, TargetStore, arrow_type,
};

const CHUNK: usize = 8192;

/// A digest of all rows of each table: equal digests mean equal multisets of rows, over every column
/// that moves, generated ones too. `tables` are entries of the target's catalogs. The digests of two
/// moments compare only under the same key.
///
/// # Errors
/// A failing store, or a table that others write meanwhile.
pub async fn table_digests(
    store: &dyn TargetStore,
    key: &RootKey,
    tables: &[Table],
) -> Result<Vec<(TableRef, MultisetDigest)>, StoreError> {
    let hasher = RowHasher::new(key, "table digest");
    let mut reader = store.read(tables).await?;
    let mut digests = Vec::with_capacity(tables.len());
    for table in tables {
        // The rows of a keyless table are told by locators.
        let identity = table.identity().unwrap_or_default();
        let all = KeyRequest {
            table: table.name.clone(),
            columns: Vec::new(),
            selector: Selector::All,
        };
        // Where columns come into being by being written, a table without rows has a key and no columns.
        let is_unwritten = identity.iter().any(|name| table.column(name).is_none());
        let found = match is_unwritten {
            true if reader.count(&table.name).await? > 0 => return Err(written(&table.name)),
            true => Vec::new(),
            false => reader.keys(&all).await?,
        };
        let mut keys: Vec<Key> = found.into_iter().map(|row| row.id).collect();
        keys.sort_unstable();
        let columns = table.columns.iter();
        let columns = columns.filter(|column| arrow_type(column.column_type).is_some());
        let columns: Vec<String> = columns.map(|column| column.name.clone()).collect();
        let mut digest = MultisetDigest::default();
        for keys in keys.chunks(CHUNK) {
            let request = RowRequest {
                table: table.name.clone(),
                columns: columns.clone(),
                identity: identity.to_vec(),
                keys: keys.to_vec(),
            };
            let mut batches = reader.rows(&request).await?;
            while let Some(batch) = batches.try_next().await? {
                digest.add(&hasher.rows(&batch));
            }
        }
        if digest.rows() != keys.len() as u64 {
            return Err(written(&table.name));
        }
        digests.push((table.name.clone(), digest));
    }
    Ok(digests)
}

fn written(table: &TableRef) -> StoreError {
    let what = "digest a table that is written meanwhile";
    StoreError::new(StoreErrorKind::Transient, what).at(table)
}
