//! Foreign keys that refer to what an update changes: rows of others must not be changed by the key's ON UPDATE
//! action, nor lose their partner. Looked up before a row is written. Must not change rows.

use std::collections::HashMap;

use redistrict_model::TableRef;
use redistrict_store::{StoreError, StoreErrorKind};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use super::apply::same_identity;
use super::staging::StagingTable;
use crate::error::{failed, failed_at};
use crate::live::{LiveTable, LiveTables};
use crate::statement::{REFERRING_KEYS, column_of, key_order, quoted};

/// Refuses updates of keys that rows refer to which the run does not update as well.
///
/// # Errors
/// `Constraint`, with the table that refers, the name of the foreign key and how many rows.
pub(super) async fn require_referenced_keys_stay(
    client: &Client,
    tables: &LiveTables,
    staged: &HashMap<TableRef, StagingTable>,
    parents: &[&LiveTable],
) -> Result<(), StoreError> {
    let schemas: Vec<&str> = parents
        .iter()
        .map(|one| one.entry.name.schema.as_str())
        .collect();
    let names: Vec<&str> = parents
        .iter()
        .map(|one| one.entry.name.table.as_str())
        .collect();
    let keys = client
        .query_typed(
            REFERRING_KEYS.as_str(),
            &[(&schemas, Type::TEXT_ARRAY), (&names, Type::TEXT_ARRAY)],
        )
        .await
        .map_err(|error| failed("find the foreign keys to updated rows", &error))?;
    for key in &keys {
        let (schema, table): (&str, &str) = (key.get("parent_schema"), key.get("parent_table"));
        let mut parents = parents.iter();
        let parent = parents.find(|one| {
            (
                one.entry.name.schema.as_str(),
                one.entry.name.table.as_str(),
            ) == (schema, table)
        });
        let parent = parent.and_then(|live| Some((*live, staged.get(&live.entry.name)?)));
        let Some((parent, staging)) = parent else {
            continue;
        };
        let Some(changed) = changed_keys(parent, staging, key)? else {
            continue;
        };
        let store = &parent.entry.name.store;
        let root = TableRef::new(
            store,
            key.get::<_, &str>("root_schema"),
            key.get::<_, &str>("root_table"),
        );
        let child = staged.get(&root).zip(tables.table(&root).ok());
        let stays = match child {
            Some((staging, live)) if !staging.is_keyless() => not_updated(live, staging)?,
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
    key: &Row,
) -> Result<Option<ChangedKeys>, StoreError> {
    let names: Vec<String> = key.get("parent_columns");
    let columns = parent.columns(&names)?;
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
    key: &Row,
    changed: &str,
    stays: &str,
) -> Result<(), StoreError> {
    let columns: Vec<String> = key.get("columns");
    let pairs: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(place, column)| format!("t.{} = p.k{place}", quoted(column)))
        .collect();
    let (schema, table): (&str, &str) = (key.get("child_schema"), key.get("child_table"));
    let only = if key.get("is_plain") { "only " } else { "" };
    let sql = format!(
        "select count(*) from {only}{}.{} as t join {changed} on {} where {stays}",
        quoted(schema),
        quoted(table),
        pairs.join(" and "),
    );
    let referring = TableRef::new(&parent.entry.name.store, schema, table);
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
    let rows = rows.map_err(|error| failed_at(what, &referring, &error))?;
    let rows: i64 = rows.first().map_or(0, |row| row.get(0));
    let is_harmless = rows == 0;
    if is_harmless {
        return Ok(());
    }
    let name: &str = key.get("name");
    let what = format!(
        "update rows of {}: {rows} rows that are not updated with them refer to them by a key that would change ({name}, {})",
        parent.entry.name,
        action(key.get("update_action")),
    );
    let hint = format!(
        "the value of {} differs between PROD and CERT: put it right in CERT, or exclude the table",
        key.get::<_, Vec<String>>("parent_columns").join(", ")
    );
    let refused = StoreError::new(StoreErrorKind::Constraint, what).at(&referring);
    Err(refused.with_code(name).with_hint(hint))
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
