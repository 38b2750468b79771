//! Deletes rows: relationships first, then nodes, all of them or none. Never with what hangs on them:
//! relationships of others at a node that is to go are an error.

use redistrict_model::{Key, TableRef};
use redistrict_store::{StoreError, StoreErrorKind};

use super::merge::{finding_of, key_parameters, lock};
use super::pages::named;
use super::writes::{Finding, Writes};
use crate::bolt::Transaction;
use crate::error::{Context as _, bug};
use crate::live::{LiveTable, LiveTables, Shape};
use crate::record::one_count;
use crate::types::Form;

/// Deletes the rows; gives their number.
pub(super) async fn delete(
    transaction: &mut Transaction,
    tables: &LiveTables,
    requests: &[(TableRef, Vec<Key>)],
) -> Result<u64, StoreError> {
    for (place, (name, _)) in requests.iter().enumerate() {
        if requests[..place].iter().any(|(other, _)| other == name) {
            return Err(bug("delete rows: the table is named twice").at(name));
        }
    }
    let mut deleted = 0;
    for is_node in [false, true] {
        for (name, keys) in requests {
            let table = tables.table(name)?;
            if matches!(table.shape, Shape::Node { .. }) == is_node {
                deleted += delete_of(transaction, tables, table, keys).await?;
            }
        }
    }
    Ok(deleted)
}

async fn delete_of(
    transaction: &mut Transaction,
    tables: &LiveTables,
    table: &LiveTable,
    keys: &[Key],
) -> Result<u64, StoreError> {
    let name = &table.entry.name;
    let (finding, forms) = finding_of(table)?;
    // Locked, no relationship can be added any more.
    let there = lock(transaction, tables, table, keys).await?;
    let mut unique = keys.to_vec();
    unique.sort_unstable();
    unique.dedup();
    if unique.len() != keys.len() || there.len() != keys.len() {
        let missing = keys.len().saturating_sub(there.len());
        let what = format!(
            "delete rows: {missing} of {} are not there, or are named twice",
            keys.len()
        );
        return Err(StoreError::new(StoreErrorKind::Constraint, what).at(name));
    }
    let deleting = Deleting {
        table,
        keys: &there,
        forms: forms.as_deref(),
    };
    let writes = Writes {
        table,
        constraints: &tables.constraints,
    };
    if matches!(table.shape, Shape::Node { .. }) {
        let held = deleting
            .run(transaction, &held_text(&writes, &finding))
            .await?;
        if held > 0 {
            let what = format!(
                "delete rows: {held} of {} still have relationships",
                keys.len()
            );
            return Err(StoreError::new(StoreErrorKind::Constraint, what)
                .at(name)
                .with_hint("relationships that others made since would be left without an end"));
        }
    }
    let deleted = deleting.run(transaction, &writes.delete(&finding)).await?;
    if deleted == keys.len() as u64 {
        return Ok(deleted);
    }
    Err(bug("delete each row once").at(name))
}

fn held_text(writes: &Writes<'_>, finding: &Finding) -> String {
    writes.held(finding)
}

struct Deleting<'a> {
    table: &'a LiveTable,
    keys: &'a [Key],
    forms: Option<&'a [Form]>,
}

impl Deleting<'_> {
    /// Runs a statement that counts over all keys.
    async fn run(&self, transaction: &mut Transaction, text: &str) -> Result<u64, StoreError> {
        let what = "delete rows";
        let name = &self.table.entry.name;
        let mut total = 0;
        for rows in named(self.keys, self.forms, name)? {
            let mut values = key_parameters(self.table);
            values.insert("rows".to_owned(), rows.into());
            let records = transaction.all(text, values).await.doing_at(what, name)?;
            total += one_count(records).ok_or_else(|| bug(what).at(name))?;
        }
        Ok(total)
    }
}
