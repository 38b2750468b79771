//! Digests of CERT, for the demonstration that a load touched nothing else and an undo was exact.

use std::collections::HashMap;
use std::sync::Arc;

use futures::TryStreamExt;
use redistrict_artifact::{MultisetDigest, RootKey, RowHasher, sha256_hex};
use redistrict_load::table_digests;
use redistrict_model::{Key, Plan, Table, TableRef};
use redistrict_store::{KeyRequest, RowRequest, Selector, TargetRead, TargetStore, arrow_type};

use crate::failure::CommandResult;

/// One digest over every table of every store.
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

/// The same over the tables of a plan: the role that loads need not be able to read others.
pub(crate) async fn of_plan(
    groups: &[Arc<dyn TargetStore>],
    key: &RootKey,
    plan: &Plan,
) -> CommandResult<String> {
    let load = &plan.sections.load;
    let mut lines = Vec::new();
    for group in groups {
        let tables = tables_of(group.as_ref()).await?.into_iter();
        let tables: Vec<Table> = tables
            .filter(|one| load.table(&one.name).is_some())
            .collect();
        for (table, digest) in table_digests(group.as_ref(), key, &tables).await? {
            lines.push(format!("{table} {digest}"));
        }
    }
    Ok(short(&lines))
}

/// The rows that stood in CERT at one moment.
pub(crate) struct Others(Vec<(TableRef, Rows)>);

/// The rows of one table.
enum Rows {
    Keys(Vec<Key>),
    /// Of a keyless table: how many copies of each row, by hash.
    Copies(Copies),
}

type Copies = HashMap<[u8; 16], u64>;

impl Others {
    /// The number of rows.
    pub(crate) fn count(&self) -> u64 {
        let rows = self.0.iter().map(|(_, rows)| match rows {
            Rows::Keys(keys) => keys.len() as u64,
            Rows::Copies(copies) => copies.values().sum(),
        });
        rows.sum()
    }
}

/// Every row of every table.
pub(crate) async fn others(
    groups: &[Arc<dyn TargetStore>],
    key: &RootKey,
) -> CommandResult<Others> {
    let hasher = hasher(key);
    let mut all = Vec::new();
    for group in groups {
        let tables = tables_of(group.as_ref()).await?;
        let mut reader = group.read(&tables).await?;
        for table in &tables {
            let keys = keys(reader.as_mut(), table).await?;
            let rows = if table.identity().is_some() {
                Rows::Keys(keys)
            } else {
                let mut copies = Copies::new();
                for hash in hashes(reader.as_mut(), table, &keys, &hasher).await? {
                    *copies.entry(hash).or_default() += 1;
                }
                Rows::Copies(copies)
            };
            all.push((table.name.clone(), rows));
        }
    }
    Ok(Others(all))
}

/// One digest over these rows, read anew. Of a keyless table it is over as many copies of each row as there
/// were, so far as they are still there: what came since is somebody else's.
pub(crate) async fn of_others(
    groups: &[Arc<dyn TargetStore>],
    key: &RootKey,
    others: &Others,
) -> CommandResult<String> {
    let hasher = hasher(key);
    let mut lines = Vec::new();
    for group in groups {
        let tables = tables_of(group.as_ref()).await?;
        let mut reader = group.read(&tables).await?;
        for table in &tables {
            let Some((_, rows)) = others.0.iter().find(|(name, _)| *name == table.name) else {
                continue;
            };
            let digest = match rows {
                Rows::Keys(keys) => {
                    let mut digest = MultisetDigest::default();
                    digest.add(&hashes(reader.as_mut(), table, keys, &hasher).await?);
                    digest
                }
                Rows::Copies(copies) => {
                    let keys = keys(reader.as_mut(), table).await?;
                    let now = hashes(reader.as_mut(), table, &keys, &hasher).await?;
                    still_there(copies, &now)
                }
            };
            lines.push(format!("{} {digest}", table.name));
        }
    }
    Ok(short(&lines))
}

/// The copies that were there, out of those that are.
fn still_there(before: &Copies, now: &[[u8; 16]]) -> MultisetDigest {
    let mut left = before.clone();
    let mut digest = MultisetDigest::default();
    for hash in now {
        if let Some(copies) = left.get_mut(hash).filter(|copies| **copies > 0) {
            *copies -= 1;
            digest.add(&[*hash]);
        }
    }
    digest
}

fn hasher(key: &RootKey) -> RowHasher {
    RowHasher::new(key, "rows of others")
}

/// The keys of all rows of a table, or their locators.
async fn keys(reader: &mut dyn TargetRead, table: &Table) -> CommandResult<Vec<Key>> {
    let identity = table.identity().unwrap_or_default();
    if identity.iter().any(|name| table.column(name).is_none()) {
        // Columns came into being by being written: this table has a key and no rows.
        return Ok(Vec::new());
    }
    let request = KeyRequest {
        table: table.name.clone(),
        columns: Vec::new(),
        selector: Selector::All,
    };
    let rows = reader.keys(&request).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// The hashes of rows, each over all columns that move.
async fn hashes(
    reader: &mut dyn TargetRead,
    table: &Table,
    keys: &[Key],
    hasher: &RowHasher,
) -> CommandResult<Vec<[u8; 16]>> {
    let mut hashes = Vec::with_capacity(keys.len());
    for keys in keys.chunks(8_192) {
        let request = RowRequest {
            table: table.name.clone(),
            columns: moving(table),
            identity: table.identity().unwrap_or_default().to_vec(),
            keys: keys.to_vec(),
        };
        let mut batches = reader.rows(&request).await?;
        while let Some(batch) = batches.try_next().await? {
            hashes.extend(hasher.rows(&batch));
        }
    }
    Ok(hashes)
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
        tables.extend(catalog.tables);
    }
    Ok(tables)
}

fn short(lines: &[String]) -> String {
    sha256_hex(lines.join("\n").as_bytes())[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_that_came_since_do_not_count_and_those_that_went_do() {
        let [a, b, c] = [[1; 16], [2; 16], [3; 16]];
        let before = Copies::from([(a, 2), (b, 1)]);
        let digest = |now: &[[u8; 16]]| still_there(&before, now);
        let whole = digest(&[a, b, a]);
        assert_eq!(whole.rows(), 3);
        assert_eq!(digest(&[c, a, a, a, b, b, c]), whole);
        assert_ne!(digest(&[a, b, c]), whole);
        assert_ne!(digest(&[a, a, c, c]), whole);
    }
}
