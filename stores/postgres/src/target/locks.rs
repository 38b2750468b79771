//! What is locked before staged rows are written: the rows that are updated, and the rows that ours will refer to.
//! Neither keeps others from referring to the same rows. Must not lock what is left as it is.

use redistrict_store::StoreError;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use super::apply::same_identity;
use super::staging::StagingTable;
use crate::error::failed_at;
use crate::live::LiveTable;
use crate::statement::{REFERENCES, canonical_list, key_order, quoted};

/// The staged rows that are written, as a condition on `s`.
const WRITTEN: &str = "s.redistrict_action <> 'leave'";

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
    let keys = client
        .query_typed(
            REFERENCES.as_str(),
            &[
                (&name.schema.as_str(), Type::TEXT),
                (&name.table.as_str(), Type::TEXT),
            ],
        )
        .await
        .map_err(failed)?;
    for key in &keys {
        if let Some(sql) = of_parents(live, staging, key)? {
            client.batch_execute(&sql).await.map_err(failed)?;
        }
    }
    Ok(())
}

/// None where a column of the key is not staged: the table gives it a value of its own.
fn of_parents(
    live: &LiveTable,
    staging: &StagingTable,
    key: &Row,
) -> Result<Option<String>, StoreError> {
    let columns: Vec<String> = key.get("columns");
    let parent_columns: Vec<String> = key.get("parent_columns");
    let operators: Vec<String> = key.get("operators");
    if !columns.iter().all(|name| staging.columns.contains(name)) {
        return Ok(None);
    }
    let mut tests = Vec::with_capacity(columns.len());
    for ((column, parent), operator) in live
        .columns(&columns)?
        .iter()
        .zip(&parent_columns)
        .zip(&operators)
    {
        let value = staging.compared(column)?;
        let parent = quoted(parent);
        tests.push(format!(
            "p.{parent} {operator} {value}::{}",
            column.source_type
        ));
    }
    let order: Vec<String> = parent_columns
        .iter()
        .map(|parent| format!("(p.{})::text collate \"C\"", quoted(parent)))
        .collect();
    let (schema, table): (&str, &str) = (key.get("parent_schema"), key.get("parent_table"));
    let only = if key.get("is_plain") { "only " } else { "" };
    // Counted, so that no row travels.
    Ok(Some(format!(
        "select count(*) from (select 1 from {only}{}.{} as p where exists (select from {} where {}) \
         order by {} for key share of p) as locked",
        quoted(schema),
        quoted(table),
        staging.rows(WRITTEN),
        tests.join(" and "),
        order.join(", "),
    )))
}
