//! Rows that the transaction has locked, and where they are: their element ids, which stay as they are
//! while it is open. A row is sought by its key once. After the first deletion each seek in an index costs
//! the server a copy of the list of all it has deleted: what follows goes by element id.

use std::collections::HashMap;

use neo4j::ValueSend;
use redistrict_model::{Key, TableRef};
use redistrict_store::StoreError;

use super::merge::{finding_of, key_parameters};
use super::pages::named;
use super::writes::Writes;
use crate::bolt::Transaction;
use crate::error::{Context as _, bug};
use crate::live::{LiveTable, LiveTables};
use crate::record::Fields;

/// The locked rows of one transaction by table and key.
#[derive(Debug, Default)]
pub(super) struct LockedRows(HashMap<TableRef, HashMap<Key, String>>);

impl LockedRows {
    /// Write-locks rows in the order of their keys; gives the keys of those that are there, in order.
    pub(super) async fn lock(
        &mut self,
        transaction: &mut Transaction,
        tables: &LiveTables,
        table: &LiveTable,
        keys: &[Key],
    ) -> Result<Vec<Key>, StoreError> {
        let what = "lock rows";
        let name = &table.entry.name;
        let (finding, forms) = finding_of(table)?;
        let writes = Writes {
            table,
            constraints: &tables.constraints,
        };
        let text = writes.lock(&finding);
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        keys.dedup();
        let places = self.0.entry(name.clone()).or_default();
        let mut there = Vec::new();
        for rows in named(&keys, forms.as_deref(), name)? {
            let mut values = key_parameters(table);
            values.insert("rows".to_owned(), ValueSend::List(rows));
            let records = transaction
                .all(text.as_str(), values)
                .await
                .doing_at(what, name)?;
            for record in records {
                let mut fields = Fields::of(record);
                let number = fields.count().and_then(|at| usize::try_from(at).ok());
                let key = number.and_then(|number| keys.get(number));
                let (Some(key), Some(place)) = (key, fields.text()) else {
                    return Err(bug(what).at(name));
                };
                places.insert(key.clone(), place);
                there.push(key.clone());
            }
        }
        there.sort_unstable();
        Ok(there)
    }

    /// Locks those of the rows that are not locked yet; gives the element ids of those that are there,
    /// in the order of the keys.
    pub(super) async fn places(
        &mut self,
        transaction: &mut Transaction,
        tables: &LiveTables,
        table: &LiveTable,
        keys: &[Key],
    ) -> Result<Vec<String>, StoreError> {
        let name = &table.entry.name;
        let is_new = |key: &&Key| !self.0.get(name).is_some_and(|rows| rows.contains_key(*key));
        let new: Vec<Key> = keys.iter().filter(is_new).cloned().collect();
        if !new.is_empty() {
            self.lock(transaction, tables, table, &new).await?;
        }
        let rows = self.0.get(name);
        let place = |key: &Key| rows.and_then(|rows| rows.get(key)).cloned();
        Ok(keys.iter().filter_map(place).collect())
    }

    /// Where rows of the table are is not known any more: some were deleted, or made anew elsewhere.
    pub(super) fn forget(&mut self, table: &TableRef) {
        self.0.remove(table);
    }
}
