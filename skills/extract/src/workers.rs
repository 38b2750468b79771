//! One worker per store copies that store's rows, table after table in the plan's order, beside those of
//! the other stores.
//!
//! The first that fails ends the others: what they read belongs to the same cuts, and is read again with
//! them. None of them writes any more when the failure is told.

use redistrict_artifact::ManifestTable;
use redistrict_model::{ErrorKind, StoreName};
use redistrict_skill::SkillError;
use redistrict_store::SourceCut;
use tokio::task::JoinSet;

use crate::closure::Cuts;
use crate::write::Writing;

/// What a worker brings back: its cut, and the entries of its tables with their places in the plan.
struct Copied {
    store: StoreName,
    cut: Box<dyn SourceCut>,
    entries: Vec<(usize, ManifestTable)>,
}

/// Writes every table of the plan. The entries come in the plan's order, whoever was first.
///
/// # Errors
/// The first failure of a worker; the cuts are closed then. A worker that panics is a failure of kind
/// `Bug`; what it said is not taken over, because it may hold a value.
pub(crate) async fn copy(
    cuts: &mut Cuts,
    writing: &Writing,
) -> Result<Vec<ManifestTable>, SkillError> {
    let tables = &writing.section().tables;
    if let Some(table) = tables
        .iter()
        .find(|one| !cuts.contains_key(&one.table.store))
    {
        let what = format!("read {}: no cut is open", table.table);
        return Err(SkillError::new(ErrorKind::Bug, what));
    }
    let mut workers = JoinSet::new();
    for (store, cut) in std::mem::take(cuts) {
        workers.spawn(work(store, cut, writing.clone()));
    }
    let mut entries = Vec::with_capacity(tables.len());
    while let Some(ended) = workers.join_next().await {
        let ended = ended.unwrap_or_else(|_panic| {
            let what = "copy the rows of a store: its worker panicked";
            Err(SkillError::new(ErrorKind::Bug, what))
        });
        match ended {
            Ok(copied) => {
                entries.extend(copied.entries);
                cuts.insert(copied.store, copied.cut);
            }
            Err(error) => {
                workers.shutdown().await;
                return Err(error);
            }
        }
    }
    entries.sort_by_key(|(place, _)| *place);
    Ok(entries.into_iter().map(|(_, entry)| entry).collect())
}

async fn work(
    store: StoreName,
    mut cut: Box<dyn SourceCut>,
    writing: Writing,
) -> Result<Copied, SkillError> {
    let mut entries = Vec::new();
    let tables = writing.section().tables.iter().enumerate();
    for (place, table) in tables.filter(|(_, table)| table.table.store == store) {
        entries.push((place, writing.one(table, cut.as_mut()).await?));
    }
    Ok(Copied {
        store,
        cut,
        entries,
    })
}
