//! What is locked before staged rows are written: the rows that are updated, and the rows that ours will refer to.
//! Neither keeps others from referring to the same rows. Must not lock what is left as it is.

use std::collections::HashSet;

use redistrict_model::{Key, TableRef};
use redistrict_store::StoreError;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::apply::same_identity;
use super::merge::KEYS_PER_STATEMENT;
use super::staging::StagingTable;
use crate::error::{bug, failed_at};
use crate::live::LiveTable;
use crate::locator::{locator, places};
use crate::statement::{REFERENCES, canonical_list, key_order, quoted};

/// The staged rows that are written, as a condition on `s`.
pub(super) const WRITTEN: &str = "s.redistrict_action <> 'leave'";

/// Locks the rows that have the identity of a staged row to write, in key order; gives their keys. Others may
/// still refer to them.
pub(super) fn of_written_rows(
    live: &LiveTable,
    staging: &StagingTable,
) -> Result<String, StoreError> {
    let identity = live.columns(&staging.identity)?;
    Ok(format!(
        "select {} from {} as t join {} as s on {} where {WRITTEN} order by {} for no key update of t",
        canonical_list("t", &identity),
        live.relation(),
        staging.relation(),
        same_identity(live, staging)?,
        key_order("t", &identity),
    ))
}

/// Locks the rows that staged rows to write will refer to, by key after key and in the order of their values, so
/// that nobody deletes them or changes what is referred to. The server would do it row by row while they are
/// written, in the order of the rows that refer. Where the role may not lock rows of a parent, the server does.
pub(super) async fn parents(
    client: &Client,
    live: &LiveTable,
    staging: &StagingTable,
) -> Result<(), StoreError> {
    let name = &live.entry.name;
    let failed = |error| failed_at("lock the rows that staged rows refer to", name, &error);
    for key in references(client, live).await? {
        // Where a column of the key is not staged, the table gives it a value of its own.
        if !(key.columns.iter()).all(|name| staging.columns.contains(name)) {
            continue;
        }
        let mut values = Vec::with_capacity(key.columns.len());
        for column in live.columns(&key.columns)? {
            let value = staging.compared(column)?;
            values.push(format!("{value}::{}", column.source_type));
        }
        let rows = staging.rows(WRITTEN);
        let sql = key.lock(&format!(
            "exists (select from {rows} where {})",
            key.is_partner(&values)
        ));
        client.batch_execute(&sql).await.map_err(failed)?;
    }
    Ok(())
}

/// Locks rows of a keyless table, table by table and place by place. A row that another transaction
/// changed has another locator by now: what is locked instead of it is not told.
pub(super) async fn located(
    client: &Client,
    live: &LiveTable,
    locators: &[Key],
) -> Result<Vec<Key>, StoreError> {
    let name = &live.entry.name;
    let broken = || bug("lock rows by what is no locator").at(name);
    let asked: HashSet<&Key> = locators.iter().collect();
    let sql = format!(
        "select {} from {} as t where t.tableoid = $1 \
         and t.ctid = any ((select $2::text[]::tid[])::tid[]) order by t.ctid for update of t",
        locator("t"),
        live.relation(),
    );
    let mut found = Vec::with_capacity(locators.len());
    for (table, places) in places(locators).ok_or_else(broken)? {
        for chunk in places.chunks(KEYS_PER_STATEMENT) {
            let parameters: [(&(dyn ToSql + Sync), Type); 2] =
                [(&table, Type::OID), (&chunk, Type::TEXT_ARRAY)];
            let rows = locked(client, &sql, &parameters, name).await?;
            found.extend(rows.into_iter().filter(|key| asked.contains(key)));
        }
    }
    Ok(found)
}

/// Runs a statement that locks rows; gives their keys.
pub(super) async fn locked(
    client: &Client,
    sql: &str,
    parameters: &[(&(dyn ToSql + Sync), Type)],
    table: &TableRef,
) -> Result<Vec<Key>, StoreError> {
    let refused = |error| failed_at("lock rows", table, &error);
    let rows = client.query_typed(sql, parameters).await.map_err(refused)?;
    let mut keys = Vec::with_capacity(rows.len());
    for row in &rows {
        let parts: Result<Vec<&str>, _> = (0..row.len()).map(|place| row.try_get(place)).collect();
        keys.push(Key::new(parts.map_err(refused)?));
    }
    Ok(keys)
}

/// A foreign key of a table, whose parent the role may read and lock.
pub(super) struct Reference {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    pub(super) parent: TableRef,
    parent_columns: Vec<String>,
    /// That compare the referenced columns (left) with the referring ones.
    operators: Vec<String>,
    /// MATCH FULL.
    pub(super) is_full: bool,
    is_plain: bool,
}

/// The foreign keys of a table.
pub(super) async fn references(
    client: &Client,
    live: &LiveTable,
) -> Result<Vec<Reference>, StoreError> {
    let name = &live.entry.name;
    let rows = client
        .query_typed(
            REFERENCES.as_str(),
            &[
                (&name.schema.as_str(), Type::TEXT),
                (&name.table.as_str(), Type::TEXT),
            ],
        )
        .await
        .map_err(|error| failed_at("find what a table refers to", name, &error))?;
    let references = rows.iter().map(|row| Reference {
        name: row.get("name"),
        columns: row.get("columns"),
        parent: TableRef::new(
            &name.store,
            row.get::<_, &str>("parent_schema"),
            row.get::<_, &str>("parent_table"),
        ),
        parent_columns: row.get("parent_columns"),
        operators: row.get("operators"),
        is_full: row.get("is_full"),
        is_plain: row.get("is_plain"),
    });
    Ok(references.collect())
}

impl Reference {
    /// The rows of the parent, for a FROM clause.
    pub(super) fn parent_rows(&self) -> String {
        let only = if self.is_plain { "only " } else { "" };
        let TableRef { schema, table, .. } = &self.parent;
        format!("{only}{}.{}", quoted(schema), quoted(table))
    }

    /// Row `p` of the parent has these values, which are in the order of the key.
    pub(super) fn is_partner(&self, values: &[String]) -> String {
        let parents = self.parent_columns.iter().zip(&self.operators);
        let tests = parents
            .zip(values)
            .map(|((parent, operator), value)| format!("p.{} {operator} {value}", quoted(parent)));
        tests.collect::<Vec<String>>().join(" and ")
    }

    /// Locks the rows `p` of the parent that meet a condition; they are counted, so that no row travels.
    pub(super) fn lock(&self, condition: &str) -> String {
        let order = self.parent_columns.iter();
        let order: Vec<String> = order
            .map(|parent| format!("(p.{})::text collate \"C\"", quoted(parent)))
            .collect();
        format!(
            "select count(*) from (select 1 from {} as p where {condition} order by {} for key share of p) as locked",
            self.parent_rows(),
            order.join(", "),
        )
    }
}
