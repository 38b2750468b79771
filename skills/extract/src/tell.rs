//! Asks for the rows of a district as the extraction does and keeps none of them: over sources that only
//! tell what they would be sent.

use futures::StreamExt;
use redistrict_closure::{Closure, Fetch, Items, Members, evaluable, identities};
use redistrict_model::{Edge, ExtractSection, Key};
use redistrict_skill::SkillError;

use crate::closure::{Cuts, closure_failed, cut_of, left_out, store_failed, undecided};
use crate::evaluation::{Mode, Nobody, can_be_told, closure, key_request, rows_where};
use crate::items::{item_requests, item_rows};
use crate::left_behind::watched;
use crate::readers::Readers;
use crate::unfit::unfit;
use crate::write::requests;

/// Sends every request for rows that an extraction of the district sends in any case over `telling`, in its
/// order. Rows come of none of them; those that decide what is asked for next come as keys over `plain`, cuts
/// of the same sources that tell nothing. Gives the telling cuts back, for [`ask_closer`] and
/// [`ask_to_settle`].
///
/// # Errors
/// As the extraction: an unknown district, what nobody decided, values that cannot travel, a failing store;
/// and what `on_step` ends it with, which is called between two requests.
pub async fn ask_for_rows(
    section: &ExtractSection,
    district: &Key,
    mut telling: Cuts,
    mut plain: Cuts,
    mut on_step: impl FnMut() -> Result<(), SkillError> + Send,
) -> Result<Cuts, SkillError> {
    left_out(section, &mut telling).await?;
    let mut readers = Readers::of(telling);
    readers.add_all().await?;
    let mut telling = readers.into_cuts();
    let members = members(section, district, &mut telling, &mut plain, &mut on_step).await?;
    if let Some(error) = undecided(&members, &section.ownership) {
        return Err(error);
    }
    let refused = unfit(section, &members, &mut telling, &mut on_step).await?;
    if let Some(error) = refused {
        return Err(error);
    }
    for table in &section.tables {
        let Some(rows) = members.table(&table.table) else {
            continue;
        };
        let cut = cut_of(&mut telling, &table.table)?;
        for keys in [&rows.own, &rows.shared, &rows.stubs] {
            for request in requests(table, keys) {
                on_step()?;
                let mut batches = cut.rows(&request).await.map_err(|e| store_failed(&e))?;
                while let Some(batch) = batches.next().await {
                    batch.map_err(|error| store_failed(&error))?;
                }
            }
        }
    }
    for watched in watched(section) {
        on_step()?;
        let (table, keys) = (&watched.table.table, [any_key(watched.by)]);
        let cut = cut_of(&mut telling, table)?;
        let counted = cut.count_matching(table, &watched.by.child_columns, &keys);
        counted.await.map_err(|error| store_failed(&error))?;
    }
    Ok(telling)
}

/// Sends what an extraction sends only where PROD has more rows that refer to the district's than came, over what
/// [`ask_for_rows`] gave back.
///
/// # Errors
/// A failing store.
pub async fn ask_closer(section: &ExtractSection, telling: &mut Cuts) -> Result<(), SkillError> {
    for watched in watched(section) {
        let request = watched.closer(vec![any_key(watched.by)]);
        let rows = cut_of(telling, &request.table)?.keys(&request).await;
        rows.map_err(|error| store_failed(&error))?;
    }
    Ok(())
}

/// Sends what ends an extraction.
///
/// # Errors
/// A failing store.
pub async fn ask_to_settle(mut telling: Cuts) -> Result<(), SkillError> {
    for cut in telling.values_mut() {
        cut.settle().await.map_err(|error| store_failed(&error))?;
    }
    Ok(())
}

/// A key for a source that only tells: the statement is the same for each.
fn any_key(edge: &Edge) -> Key {
    Key::new(edge.child_columns.iter().map(|_| "0"))
}

async fn members(
    section: &ExtractSection,
    district: &Key,
    telling: &mut Cuts,
    plain: &mut Cuts,
    on_step: &mut (impl FnMut() -> Result<(), SkillError> + Send),
) -> Result<Members, SkillError> {
    let made = evaluable(&section.ownership, &identities(&section.catalogs));
    let keeping = Mode::Keep(std::sync::Arc::new(Nobody));
    let mut closure = closure(section, &made, district, &keeping)?;
    loop {
        let fetches = closure.step().map_err(|error| closure_failed(&error))?;
        if fetches.is_empty() {
            return closure.finish().map_err(|error| closure_failed(&error));
        }
        for fetch in fetches {
            on_step()?;
            if let Some(items) = made.items.iter().find(|one| one.table == fetch.table) {
                ask_for_items(&mut closure, items, &fetch, telling).await?;
                continue;
            }
            let cut = cut_of(telling, &fetch.table)?;
            let may_stream = cut.streams() && can_be_told(section, &fetch);
            let is_whole = closure.wants_whole(&fetch);
            let is_streamed =
                is_whole || may_stream && (fetch.is_passing() || fetch.is_divisible());
            if is_streamed {
                let request = rows_where(section, &fetch, is_whole)?;
                let mut batches = cut
                    .rows_where(&request)
                    .await
                    .map_err(|error| store_failed(&error))?;
                while let Some(batch) = batches.next().await {
                    batch.map_err(|error| store_failed(&error))?;
                }
                drop(batches);
            }
            let cut = cut_of(
                if is_streamed {
                    &mut *plain
                } else {
                    &mut *telling
                },
                &fetch.table,
            )?;
            let rows = cut.keys(&key_request(&fetch)).await;
            let rows = rows.map_err(|error| store_failed(&error))?;
            let absorbed = if fetch.is_passing() {
                closure
                    .pass(&fetch, &rows)
                    .map_err(|error| closure_failed(&error))?;
                closure.absorb(&fetch, &[])
            } else {
                closure.absorb(&fetch, &rows)
            };
            absorbed.map_err(|error| closure_failed(&error))?;
        }
    }
}

async fn ask_for_items(
    closure: &mut Closure,
    items: &Items,
    fetch: &Fetch,
    telling: &mut Cuts,
) -> Result<(), SkillError> {
    let mut all = Vec::new();
    for request in item_requests(items, fetch) {
        let rows = cut_of(telling, &items.host)?.keys(&request).await;
        let rows = rows.map_err(|error| store_failed(&error))?;
        all.extend(item_rows(items, fetch, &rows));
    }
    if fetch.is_passing() {
        let passed = closure.pass(fetch, &all);
        passed.map_err(|error| closure_failed(&error))?;
        all.clear();
    }
    let absorbed = closure.absorb(fetch, &all);
    absorbed.map_err(|error| closure_failed(&error))
}
