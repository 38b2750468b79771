//! Digests of CERT, for the demonstration that a load touched nothing else and an undo was exact.

use std::sync::Arc;

use futures::TryStreamExt;
use redistrict_artifact::{MultisetDigest, RootKey, RowHasher, sha256_hex};
use redistrict_load::table_digests;
use redistrict_model::{Key, Table, TableRef};
use redistrict_store::{KeyRequest, RowRequest, Selector, TargetStore, arrow_type};

use crate::failure::CommandResult;

/// One digest over every table with a key, of every store.
pub(crate) async fn of_targets(
    groups: &[Arc<dyn TargetStore>],
    key: &RootKey,
) -> CommandResult<String> {
    let mut lines = Vec::new();
    for group in groups {
        let tables = tables_of(group.as_ref()).await?;
        for (table, digest) in table_digests(group.as_ref(), key, &tables).await? {
            lines.push(format!("{table} {digest}"));
        }
    }
    Ok(short(&lines))
}

/// The keys of every row of every table with a key.
pub(crate) async fn keys_of_targets(
    groups: &[Arc<dyn TargetStore>],
) -> CommandResult<Vec<(TableRef, Vec<Key>)>> {
    let mut all = Vec::new();
    for group in groups {
        let tables = tables_of(group.as_ref()).await?;
        let mut reader = group.read(&tables).await?;
        for table in &tables {
            let request = KeyRequest {
                table: table.name.clone(),
                columns: Vec::new(),
                selector: Selector::All,
            };
            let rows = reader.keys(&request).await?;
            all.push((
                table.name.clone(),
                rows.into_iter().map(|row| row.id).collect(),
            ));
        }
    }
    Ok(all)
}

/// One digest over these rows, read anew.
pub(crate) async fn of_rows(
    groups: &[Arc<dyn TargetStore>],
    key: &RootKey,
    rows: &[(TableRef, Vec<Key>)],
) -> CommandResult<String> {
    let hasher = RowHasher::new(key, "rows of others");
    let mut lines = Vec::new();
    for group in groups {
        let tables = tables_of(group.as_ref()).await?;
        let mut reader = group.read(&tables).await?;
        for table in &tables {
            let keys = rows.iter().find(|(name, _)| *name == table.name);
            let (Some((_, keys)), Some(identity)) = (keys, table.identity()) else {
                continue;
            };
            let mut digest = MultisetDigest::default();
            for keys in keys.chunks(8_192) {
                let request = RowRequest {
                    table: table.name.clone(),
                    columns: moving(table),
                    identity: identity.to_vec(),
                    keys: keys.to_vec(),
                };
                let mut batches = reader.rows(&request).await?;
                while let Some(batch) = batches.try_next().await? {
                    digest.add(&hasher.rows(&batch));
                }
            }
            lines.push(format!("{} {digest}", table.name));
        }
    }
    Ok(short(&lines))
}

fn moving(table: &Table) -> Vec<String> {
    let columns = table.columns.iter();
    columns
        .filter(|column| arrow_type(column.column_type).is_some())
        .map(|column| column.name.clone())
        .collect()
}

async fn tables_of(group: &dyn TargetStore) -> CommandResult<Vec<Table>> {
    let mut tables = Vec::new();
    for store in group.stores() {
        let catalog = group.catalog(store).await?;
        tables.extend(
            catalog
                .tables
                .into_iter()
                .filter(|table| table.identity().is_some()),
        );
    }
    Ok(tables)
}

fn short(lines: &[String]) -> String {
    sha256_hex(lines.join("\n").as_bytes())[..16].to_owned()
}
