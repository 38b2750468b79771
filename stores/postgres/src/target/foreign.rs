//! Foreign keys that refer to what an update changes: rows of others must not be changed by the key's ON UPDATE
//! action, nor lose their partner. Looked up before a row is written. Must not change rows.

use std::collections::HashMap;

use redistrict_model::TableRef;
use redistrict_store::{StoreError, StoreErrorKind};
use tokio_postgres::Client;

use super::apply::{Write, same_identity};
use super::path::Firing;
use super::referring::{ReferringKey, referring_keys};
use super::staging::StagingTable;
use crate::error::failed_at;
use crate::live::{LiveTable, LiveTables};
use crate::statement::{column_of, key_order, quoted};

/// Refuses updates of keys that rows refer to which the run does not update as well.
///
/// # Errors
/// `Constraint`, with the table that refers, the name of the foreign key and how many rows.
pub(super) async fn require_referenced_keys_stay(
    client: &Client,
    tables: &LiveTables,
    staged: &HashMap<TableRef, StagingTable>,
    updates: &[&Write<'_>],
) -> Result<(), StoreError> {
    let names: Vec<&TableRef> = updates.iter().map(|one| &one.table.entry.name).collect();
    for key in &referring_keys(client, &names).await? {
        let Some(update) = updates
            .iter()
            .find(|one| one.table.entry.name == key.parent)
        else {
            continue;
        };
        let (parent, staging) = (update.table, update.staging);
        let Some(changed) = changed_keys(parent, staging, key)? else {
            continue;
        };
        let child = staged.get(&key.root).zip(tables.table(&key.root).ok());
        let stays = match child {
            // With its triggers off the server would not see whether they follow.
            Some((staging, live))
                if update.firing == Firing::AsConfigured && !staging.is_keyless() =>
            {
                not_updated(live, staging)?
            }
            _ => "true".to_owned(),
        };
        changed.lock(client, parent).await?;
        refuse(client, parent, key, &changed.as_item(), &stays).await?;
    }
    Ok(())
}

/// Rows whose update changes a key that others refer to, by clauses of a query.
struct ChangedKeys {
    /// The referenced values as `k0` and up.
    values: String,
    /// The rows, called `t`.
    rows: String,
    /// The order in which all rows are locked.
    order: String,
}

impl ChangedKeys {
    /// As an item of a FROM clause called `p`.
    fn as_item(&self) -> String {
        format!("(select {} from {}) as p", self.values, self.rows)
    }

    /// The lock of an update leaves room for rows that come to refer to these. Whoever is about to insert one is waited
    /// for: the look that follows sees it.
    async fn lock(&self, client: &Client, parent: &LiveTable) -> Result<(), StoreError> {
        let Self { rows, order, .. } = self;
        let sql = format!("select from {rows} order by {order} for update of t");
        let locked = client.query_typed(&sql, &[]).await;
        let what = "lock rows whose key is to change";
        locked.map_err(|error| failed_at(what, &parent.entry.name, &error))?;
        Ok(())
    }
}

/// The rows whose update changes what `key` refers to; none where no update can.
fn changed_keys(
    parent: &LiveTable,
    staging: &StagingTable,
    key: &ReferringKey,
) -> Result<Option<ChangedKeys>, StoreError> {
    let columns = parent.columns(&key.parent_columns)?;
    let can_change = columns.iter().filter(|column| {
        staging.columns.contains(&column.name)
            && !staging.identity.contains(&column.name)
            && !column.is_stored
            && !column.is_fixed
    });
    // The server calls a key changed where its bytes are: 1.0 and 1.00 are two.
    let changes: Vec<String> = can_change
        .map(|column| {
            let (now, then) = (column_of("t", column), staging.compared(column)?);
            Ok(format!("({now})::text is distinct from ({then})::text"))
        })
        .collect::<Result<_, StoreError>>()?;
    if changes.is_empty() {
        return Ok(None);
    }
    let values: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(place, column)| format!("{} as k{place}", column_of("t", column)))
        .collect();
    let identity = parent.columns(&staging.identity)?;
    Ok(Some(ChangedKeys {
        values: values.join(", "),
        rows: format!(
            "{} as t join {} on {} where {}",
            parent.relation(),
            staging.rows("s.redistrict_action = 'update'"),
            same_identity(parent, staging)?,
            changes.join(" or "),
        ),
        order: key_order("t", &identity),
    }))
}

/// Row `t` of the table that refers is none that the run updates.
fn not_updated(live: &LiveTable, staging: &StagingTable) -> Result<String, StoreError> {
    Ok(format!(
        "not exists (select from {} as s where s.redistrict_action = 'update' and {})",
        staging.relation(),
        same_identity(live, staging)?,
    ))
}

async fn refuse(
    client: &Client,
    parent: &LiveTable,
    key: &ReferringKey,
    changed: &str,
    stays: &str,
) -> Result<(), StoreError> {
    let pairs: Vec<String> = key
        .columns
        .iter()
        .enumerate()
        .map(|(place, column)| format!("t.{} = p.k{place}", quoted(column)))
        .collect();
    let sql = format!(
        "select count(*) from {} as t join {changed} on {} where {stays}",
        key.child_rows(),
        pairs.join(" and "),
    );
    let what = "look for rows that refer to updated ones";
    let any = client
        .query_typed(&format!("select exists (select from {changed})"), &[])
        .await;
    let any = any.map_err(|error| failed_at(what, &parent.entry.name, &error))?;
    let is_changed = any.first().is_some_and(|row| row.get(0));
    if !is_changed {
        return Ok(());
    }
    let rows = client.query_typed(&sql, &[]).await;
    let rows = rows.map_err(|error| failed_at(what, &key.child, &error))?;
    let rows: i64 = rows.first().map_or(0, |row| row.get(0));
    let is_harmless = rows == 0;
    if is_harmless {
        return Ok(());
    }
    let what = format!(
        "update rows of {}: {rows} rows that are not updated with them refer to them by a key that would change ({}, {})",
        key.parent,
        key.name,
        action(&key.update_action),
    );
    let hint = format!(
        "the value of {} differs between PROD and CERT: put it right in CERT, or exclude the table",
        key.parent_columns.join(", ")
    );
    let refused = StoreError::new(StoreErrorKind::Constraint, what).at(&key.child);
    Err(refused.with_code(key.name.as_str()).with_hint(hint))
}

/// What the server would do with the rows that refer.
fn action(letter: &str) -> &'static str {
    match letter {
        "c" => "on update cascade",
        "n" => "on update set null",
        "d" => "on update set default",
        "r" => "on update restrict",
        _ => "on update no action",
    }
}
