//! What PROD is sent for the rows of one table, over a source that only tells it.

use std::sync::Arc;

use futures::StreamExt;
use redistrict_model::{ColumnType, ExtractSection, ExtractTable, Key, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::{BatchStream, RowRequest, RowsWhere, StoreError};

use crate::closure::{Cuts, cut_of, store_failed};
use crate::evaluation::{Mode, Nobody, closure};

/// Asks for rows of a table in the way in which an extraction does, with a made-up key: for cuts of sources
/// that note what they are sent and read no rows. The text of the statement does not depend on the key.
///
/// # Errors
/// A failing store, or a table that the plan lacks.
pub async fn tell_rows(
    section: &ExtractSection,
    district: &Key,
    table: &ExtractTable,
    telling: &mut Cuts,
) -> Result<(), SkillError> {
    let by = closure(section, district, &Mode::Keep(Arc::new(Nobody)))?.streams_by(&table.table);
    let cut = cut_of(telling, &table.table)?;
    let told = match by {
        Some(edge) => {
            let by = section.ownership.edge(edge).child_columns.clone();
            let request = RowsWhere {
                table: table.table.clone(),
                columns: table.columns.clone(),
                identity: table.identity.clone(),
                keys: vec![made_up(section, &table.table, &by)],
                by,
            };
            drain(cut.rows_where(&request).await).await
        }
        None => {
            let request = RowRequest {
                table: table.table.clone(),
                columns: table.columns.clone(),
                identity: table.identity.clone(),
                keys: vec![made_up(section, &table.table, &table.identity)],
            };
            drain(cut.rows(&request).await).await
        }
    };
    told.map_err(|error| store_failed(&error))
}

/// Nothing is sent before the stream is asked for rows.
async fn drain(batches: Result<BatchStream<'_>, StoreError>) -> Result<(), StoreError> {
    let mut batches = batches?;
    while let Some(batch) = batches.next().await {
        batch?;
    }
    Ok(())
}

/// A key that can be one of these columns' by its form.
fn made_up(section: &ExtractSection, table: &TableRef, columns: &[String]) -> Key {
    let catalog = section.catalog_table(table);
    let value = |name: &String| {
        let column = catalog.and_then(|table| table.column(name));
        match column.map(|column| column.column_type) {
            Some(ColumnType::Bool) => "false",
            Some(ColumnType::Uuid) => "00000000-0000-0000-0000-000000000000",
            Some(ColumnType::Date) => "2000-01-01",
            Some(ColumnType::Timestamp) => "2000-01-01 00:00:00",
            Some(ColumnType::Bytes) => "\\x",
            _ => "0",
        }
    };
    match columns {
        // A locator.
        [] => Key::of("0"),
        columns => Key::new(columns.iter().map(value)),
    }
}
