//! Asks for the rows of a district as the extraction does and keeps none of them: over sources that only
//! tell what they would be sent.

use futures::StreamExt;
use redistrict_closure::Members;
use redistrict_model::ExtractSection;
use redistrict_skill::SkillError;

use crate::closure::{Cuts, cut_of, store_failed};
use crate::skill::settle;
use crate::write::requests;

/// Sends every request for rows that an extraction of these members sends, in its order, and ends the
/// cuts. Rows that come are dropped.
///
/// # Errors
/// A failing store, and what `on_step` ends it with; `on_step` is called between two requests.
pub async fn ask_for_rows(
    section: &ExtractSection,
    members: &Members,
    mut cuts: Cuts,
    mut on_step: impl FnMut() -> Result<(), SkillError> + Send,
) -> Result<(), SkillError> {
    for table in &section.tables {
        let Some(rows) = members.table(&table.table) else {
            continue;
        };
        let cut = cut_of(&mut cuts, &table.table)?;
        for keys in [&rows.own, &rows.shared, &rows.stubs] {
            for request in requests(table, keys) {
                on_step()?;
                let batches = cut.rows(&request).await;
                let mut batches = batches.map_err(|error| store_failed(&error))?;
                while let Some(batch) = batches.next().await {
                    batch.map_err(|error| store_failed(&error))?;
                }
            }
        }
    }
    settle(&mut cuts).await.map(drop)
}
