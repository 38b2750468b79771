//! What PROD is sent for the rows of one table, over a source that only tells it.

use std::sync::Arc;

use futures::StreamExt;
use redistrict_closure::{evaluable, identities};
use redistrict_model::{ColumnType, EdgeId, ExtractSection, ExtractTable, Key, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::{BatchStream, KeyRequest, RowRequest, RowsWhere, Selector, StoreError};

use crate::closure::{Cuts, cut_of, store_failed};
use crate::evaluation::{Mode, Nobody, closure};

/// Asks for rows of each table of the plan in the way in which an extraction does, with a made-up key: for cuts of
/// sources that note what they are sent and read no rows. The text of a statement does not depend on the
/// key. A locator cannot be made up: the first row of a table without a key is looked for, which is noted
/// before. `told` is called after each table whose rows were asked for: all but those without key and rows.
///
/// # Errors
/// A failing store.
pub async fn tell_rows(
    section: &ExtractSection,
    district: &Key,
    telling: &mut Cuts,
    mut told: impl FnMut(&TableRef) + Send,
) -> Result<(), SkillError> {
    let made = evaluable(&section.ownership, &identities(&section.catalogs));
    let closure = closure(section, &made, district, &Mode::Keep(Arc::new(Nobody)))?;
    for table in &section.tables {
        if tell_table(section, table, closure.streams_by(&table.table), telling).await? {
            told(&table.table);
        }
    }
    Ok(())
}

async fn tell_table(
    section: &ExtractSection,
    table: &ExtractTable,
    by: Option<EdgeId>,
    telling: &mut Cuts,
) -> Result<bool, SkillError> {
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
            let keys = if table.identity.is_empty() {
                let first = KeyRequest {
                    table: table.table.clone(),
                    columns: Vec::new(),
                    selector: Selector::Sample { limit: 1 },
                };
                let rows = cut.keys(&first).await;
                let rows = rows.map_err(|error| store_failed(&error))?;
                rows.into_iter().map(|row| row.id).collect()
            } else {
                vec![made_up(section, &table.table, &table.identity)]
            };
            if keys.is_empty() {
                return Ok(false);
            }
            let request = RowRequest {
                table: table.table.clone(),
                columns: table.columns.clone(),
                identity: table.identity.clone(),
                keys,
            };
            drain(cut.rows(&request).await).await
        }
    };
    told.map_err(|error| store_failed(&error))?;
    Ok(true)
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
    Key::new(columns.iter().map(value))
}
