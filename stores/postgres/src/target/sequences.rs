//! Sequences that feed columns: raised, never lowered.

use redistrict_model::TableRef;
use redistrict_store::{Lease, StoreError};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use super::lease::{begin_holding, commit};
use crate::error::{failed, failed_at};
use crate::live::LiveTables;
use crate::statement::{SEQUENCES, column_of, quoted};

/// Raises each sequence to the largest value in its column; gives the names of those raised.
pub(super) async fn raise(
    client: &Client,
    lease: &Lease,
    tables: &LiveTables,
    names: &[TableRef],
) -> Result<Vec<String>, StoreError> {
    begin_holding(client, lease).await?;
    let schemas: Vec<&str> = names.iter().map(|name| name.schema.as_str()).collect();
    let relations: Vec<&str> = names.iter().map(|name| name.table.as_str()).collect();
    let rows = client
        .query_typed(
            SEQUENCES.as_str(),
            &[(&schemas, Type::TEXT_ARRAY), (&relations, Type::TEXT_ARRAY)],
        )
        .await
        .map_err(|error| failed("find the sequences", &error))?;
    let mut raised = Vec::new();
    for row in &rows {
        let (schema, relation): (&str, &str) = (row.get("schema_name"), row.get("table_name"));
        let name = names
            .iter()
            .find(|name| name.schema == schema && name.table == relation);
        let Some(name) = name else { continue };
        if let Some(sequence) = raise_one(client, tables, name, row).await? {
            raised.push(sequence);
        }
    }
    commit(client, "raise the sequences").await?;
    raised.dedup();
    Ok(raised)
}

async fn raise_one(
    client: &Client,
    tables: &LiveTables,
    name: &TableRef,
    row: &Row,
) -> Result<Option<String>, StoreError> {
    let (schema, sequence): (&str, &str) = (row.get("sequence_schema"), row.get("sequence_name"));
    let qualified = format!("{}.{}", quoted(schema), quoted(sequence));
    let table = tables.table(name)?;
    let value = column_of("t", table.column(row.get("column_name"))?);
    let sql = format!(
        "select setval($1::text::regclass, greatest(used.value, q.last_value)) \
         from (select max({value})::int8 as value from {} as t where {value} <= $2) as used, {qualified} as q \
         where used.value > q.last_value or (used.value = q.last_value and not q.is_called)",
        table.relation()
    );
    // A value above its end, an infinity, NaN: the sequence will never come to it.
    let highest: i64 = row.get("highest");
    let what = format!("raise sequence {qualified}");
    let changed = client
        .query_typed(&sql, &[(&qualified, Type::TEXT), (&highest, Type::INT8)])
        .await
        .map_err(|error| failed_at(&what, name, &error))?;
    Ok((!changed.is_empty()).then_some(qualified))
}
