//! Drives the closure over the cuts: it says which rows it has to see, the readers bring them. Rows of
//! tables that nothing refers to stream by: they are decided as they come, and where the extraction keeps
//! them, written at once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use async_trait::async_trait;
use futures::StreamExt;
use redistrict_artifact::{KeyTexts, has_key_text, texts_of};
use redistrict_closure::{
    Closure, Evaluable, Fate, Fetch, Items, Members, Passing, evaluable, identities,
};
use redistrict_model::{
    BoundaryPolicy, ErrorKind, ExtractSection, Key, KeyRow, Role, StoreName, TableRef,
};
use redistrict_skill::SkillError;
use redistrict_store::{KeyRequest, RowRequest, RowsWhere, Selector, SourceCut};

use crate::closure::{Cuts, closure_failed, left_out, store_failed, undecided};
use crate::items::{is_written_otherwise, item_requests, item_rows};
use crate::readers::{Readers, Work};
use crate::unfit::unfit;
use crate::write::catalog_table;

/// Takes whole rows that stream by, with what becomes of each.
pub(crate) trait Keep: Send + Sync {
    /// Keeps those of the batch that come.
    ///
    /// # Errors
    /// They cannot be written.
    fn keep(&self, table: &TableRef, batch: &RecordBatch, fates: &[Fate])
    -> Result<(), SkillError>;
}

/// Keeps nothing.
pub(crate) struct Nobody;

impl Keep for Nobody {
    fn keep(&self, _: &TableRef, _: &RecordBatch, _: &[Fate]) -> Result<(), SkillError> {
        Ok(())
    }
}

/// Is told how many rows have been seen, and may end the work.
pub(crate) type OnRows = Arc<dyn Fn(u64) -> Result<(), SkillError> + Send + Sync>;

/// What becomes of rows that may stream by.
#[derive(Clone)]
pub(crate) enum Mode {
    /// Every row is held: the keys of all members are known in the end.
    Hold,
    /// They are counted, and looked at for values that cannot travel.
    Count,
    /// Whole rows are kept as they come.
    Keep(Arc<dyn Keep>),
}

/// What an evaluation found.
pub(crate) struct Evaluated {
    pub(crate) members: Members,
    /// Some rows that were only counted, or others that were seen with them, hold values that cannot travel.
    pub(crate) is_suspicious: bool,
}

/// Which rows belong to the district.
///
/// # Errors
/// An unknown district (kind `Usage`), a failing store, what cannot be kept, and what `on_rows` ends it with.
pub(crate) async fn run(
    section: &Arc<ExtractSection>,
    district: &Key,
    mode: Mode,
    on_rows: OnRows,
    readers: &mut Readers,
) -> Result<Evaluated, SkillError> {
    let made = evaluable(&section.ownership, &identities(&section.catalogs));
    let seeing = Seeing {
        section: Arc::clone(section),
        closure: Arc::new(Mutex::new(closure(section, &made, district, &mode)?)),
        items: Arc::new(made.items),
        state: Arc::default(),
        mode,
        on_rows,
    };
    loop {
        let fetches = seeing.closure().step().map_err(|e| closure_failed(&e))?;
        if fetches.is_empty() {
            return seeing.finish();
        }
        let mut jobs: BTreeMap<StoreName, VecDeque<Fetch>> = BTreeMap::new();
        for fetch in fetches {
            jobs.entry(fetch.table.store.clone())
                .or_default()
                .push_back(fetch);
        }
        readers.spread(jobs, &seeing).await?;
    }
}

/// The closure of a section, of which `made` is what can be evaluated.
pub(crate) fn closure(
    section: &ExtractSection,
    made: &Evaluable,
    district: &Key,
    mode: &Mode,
) -> Result<Closure, SkillError> {
    let closure = Closure::new(&made.ownership, &made.identities, district);
    let closure = closure.map_err(|error| closure_failed(&error))?;
    let closure = closure.describing(&section.ownership.edges);
    let mode = match mode {
        Mode::Hold => return Ok(closure),
        Mode::Count => Passing::Counted,
        Mode::Keep(_) => Passing::Kept,
    };
    let is_items = |table: &TableRef| made.items.iter().any(|items| items.table == *table);
    let can_pass = can_pass(section);
    // Items are not written, and never read again. But what becomes NULL inside of a row's values is known
    // only after the row was seen.
    Ok(closure.letting_pass(mode, |table, columns| {
        is_items(table) || can_pass(table, columns) && !changes_inside(section, table)
    }))
}

/// Whether keys inside of values of the table's rows may have to become NULL.
fn changes_inside(section: &ExtractSection, table: &TableRef) -> bool {
    let ownership = &section.ownership;
    let is_left_out = |table: &TableRef| {
        let role = ownership.table(table).map(|role| role.role);
        role == Some(Role::Excluded)
    };
    let mut inside =
        (ownership.edges.iter()).filter(|edge| edge.child == *table && edge.inside.is_some());
    inside.any(|edge| edge.policy == Some(BoundaryPolicy::Null) || is_left_out(&edge.parent))
}

/// Rows of a table can be told apart as they stream by if what tells them has the text, as a batch has it,
/// by which stores find them.
fn can_pass(section: &ExtractSection) -> impl Fn(&TableRef, &[String]) -> bool + '_ {
    |table, columns| {
        let catalog = section.catalog_table(table);
        let moving = section.tables.iter().find(|one| one.table == *table);
        let (Some(catalog), Some(moving)) = (catalog, moving) else {
            return false;
        };
        let is_told = |name: &String| {
            let column = catalog.column(name);
            moving.columns.contains(name)
                && column.is_some_and(|column| has_key_text(column.column_type))
        };
        columns.iter().all(is_told)
    }
}

/// What tells rows of the fetch's table apart can be read off a batch.
pub(crate) fn can_be_told(section: &ExtractSection, fetch: &Fetch) -> bool {
    let table = section.catalog_table(&fetch.table);
    table.is_some_and(|table| table.identity().is_some())
        && can_pass(section)(&fetch.table, &fetch.columns)
}

/// How rows are brought to the closure.
#[derive(Clone)]
struct Seeing {
    section: Arc<ExtractSection>,
    closure: Arc<Mutex<Closure>>,
    items: Arc<Vec<Items>>,
    state: Arc<Mutex<Seen>>,
    mode: Mode,
    on_rows: OnRows,
}

#[derive(Default)]
struct Seen {
    rows: u64,
    is_suspicious: bool,
}

#[async_trait]
impl Work for Seeing {
    type Job = Fetch;

    async fn one(&self, fetch: Fetch, cut: &mut dyn SourceCut) -> Result<(), SkillError> {
        if let Some(items) = self.items.iter().find(|one| one.table == fetch.table) {
            return self.see_items(items, &fetch, cut).await;
        }
        let may_stream = cut.streams() && can_be_told(&self.section, &fetch);
        if fetch.is_passing() {
            let is_whole = self.closure().wants_whole(&fetch);
            if is_whole || may_stream {
                self.see_passing(&fetch, is_whole, cut).await
            } else {
                self.see_keys_pass(&fetch, cut).await
            }
        } else if fetch.is_divisible() && may_stream {
            self.see_pieces(&fetch, cut).await
        } else {
            self.see(&fetch, cut).await
        }
    }
}

impl Seeing {
    fn closure(&self) -> MutexGuard<'_, Closure> {
        self.closure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, Seen> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(self) -> Result<Evaluated, SkillError> {
        let is_suspicious = self.state().is_suspicious;
        let closure = Arc::into_inner(self.closure).ok_or_else(|| {
            let what = "end the closure: a reader still works for it";
            SkillError::new(ErrorKind::Bug, what)
        })?;
        let closure = closure.into_inner().unwrap_or_else(PoisonError::into_inner);
        let members = closure.into_members();
        let mut members = members.map_err(|error| closure_failed(&error))?;
        for items in self.items.iter() {
            members.rows.remove(&items.table);
            members.taken_out.remove(&items.table);
        }
        Ok(Evaluated {
            members,
            is_suspicious,
        })
    }

    fn count(&self, rows: usize) -> Result<(), SkillError> {
        let seen = {
            let mut state = self.state();
            state.rows += rows as u64;
            state.rows
        };
        (self.on_rows)(seen)
    }

    async fn see(&self, fetch: &Fetch, cut: &mut dyn SourceCut) -> Result<(), SkillError> {
        let rows = cut.keys(&key_request(fetch)).await;
        let rows = rows.map_err(|error| store_failed(&error))?;
        self.count(rows.len())?;
        let absorbed = self.closure().absorb(fetch, &rows);
        absorbed.map_err(|error| closure_failed(&error))
    }

    /// What stands in the values of rows, some rows at a time.
    async fn see_items(
        &self,
        items: &Items,
        fetch: &Fetch,
        cut: &mut dyn SourceCut,
    ) -> Result<(), SkillError> {
        let mut all = Vec::new();
        for request in item_requests(items, fetch) {
            let rows = cut.keys(&request).await;
            let rows = item_rows(items, fetch, &rows.map_err(|error| store_failed(&error))?);
            self.check_items(items, &rows)?;
            self.count(0)?;
            let mut closure = self.closure();
            let seen = if fetch.is_passing() {
                closure.pass(fetch, &rows).map(drop)
            } else if fetch.is_divisible() {
                closure.add(fetch, &rows)
            } else {
                all.extend(rows);
                Ok(())
            };
            seen.map_err(|error| closure_failed(&error))?;
        }
        let ended = self.closure().absorb(fetch, &all);
        ended.map_err(|error| closure_failed(&error))
    }

    /// Keys are compared by their texts: what is written in another form would find no row, and be left behind
    /// without a word.
    fn check_items(&self, items: &Items, rows: &[KeyRow]) -> Result<(), SkillError> {
        let edge = self.section.ownership.edge(items.edge);
        let parent = catalog_table(&self.section, &edge.parent)?;
        let column = edge.parent_columns.first();
        let column = column.and_then(|column| parent.column(column));
        let column = column.ok_or_else(|| {
            let what = format!("find the key of {} in the plan's catalogs", edge.parent);
            SkillError::new(ErrorKind::Bug, what)
        })?;
        let items = rows.iter().filter_map(|row| row.id.parts().last());
        let others = items.filter(|item| is_written_otherwise(column.column_type, item));
        match others.count() {
            0 => Ok(()),
            others => Err(SkillError::new(
                ErrorKind::Data,
                format!(
                    "follow {}: {others} or more keys inside of its values are written in another form than \
                     those of {}",
                    edge.describe(),
                    edge.parent
                ),
            )
            .with_hint(
                "a UUID is lower case with hyphens, a whole number has digits alone; write them so in the \
                 source, or take the link out",
            )),
        }
    }

    /// Rows piece by piece, of which only the keys are kept.
    async fn see_pieces(&self, fetch: &Fetch, cut: &mut dyn SourceCut) -> Result<(), SkillError> {
        let request = rows_where(&self.section, fetch, false)?;
        let batches = cut.rows_where(&request).await;
        let mut batches = batches.map_err(|error| store_failed(&error))?;
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(|error| store_failed(&error))?;
            self.count(batch.num_rows())?;
            let rows = key_rows(&batch, &request.identity, fetch)?;
            let added = self.closure().add(fetch, &rows);
            added.map_err(|error| closure_failed(&error))?;
        }
        let ended = self.closure().absorb(fetch, &[]);
        ended.map_err(|error| closure_failed(&error))
    }

    /// Keys of rows that pass, where a store does not stream them by itself.
    async fn see_keys_pass(
        &self,
        fetch: &Fetch,
        cut: &mut dyn SourceCut,
    ) -> Result<(), SkillError> {
        let rows = cut.keys(&key_request(fetch)).await;
        let rows = rows.map_err(|error| store_failed(&error))?;
        self.count(rows.len())?;
        let passed = self.closure().pass(fetch, &rows);
        passed.map_err(|error| closure_failed(&error))?;
        self.end_passing(fetch, cut).await
    }

    async fn end_passing(&self, fetch: &Fetch, cut: &mut dyn SourceCut) -> Result<(), SkillError> {
        if matches!(self.mode, Mode::Count) {
            self.look_for_unfit(fetch, cut).await?;
        }
        let ended = self.closure().absorb(fetch, &[]);
        ended.map_err(|error| closure_failed(&error))
    }

    async fn see_passing(
        &self,
        fetch: &Fetch,
        is_whole: bool,
        cut: &mut dyn SourceCut,
    ) -> Result<(), SkillError> {
        let request = rows_where(&self.section, fetch, is_whole)?;
        let mut batches = cut
            .rows_where(&request)
            .await
            .map_err(|error| store_failed(&error))?;
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(|error| store_failed(&error))?;
            self.count(batch.num_rows())?;
            let rows = key_rows(&batch, &request.identity, fetch)?;
            let fates = self.closure().pass(fetch, &rows);
            let fates = fates.map_err(|error| closure_failed(&error))?;
            if let (true, Mode::Keep(keep)) = (is_whole, &self.mode) {
                keep.keep(&fetch.table, &batch, &fates)?;
            }
        }
        drop(batches);
        self.end_passing(fetch, cut).await
    }
}

impl Seeing {
    /// Looks at all rows that came, members or not: it is told only that there is something.
    async fn look_for_unfit(
        &self,
        fetch: &Fetch,
        cut: &mut dyn SourceCut,
    ) -> Result<(), SkillError> {
        let whole = rows_where(&self.section, fetch, true)?;
        let request = RowRequest {
            table: whole.table,
            columns: whole.columns,
            identity: whole.by,
            keys: whole.keys,
        };
        let unfit = cut.unfit(&request).await;
        let unfit = unfit.map_err(|error| store_failed(&error))?;
        self.state().is_suspicious |= !unfit.is_empty();
        Ok(())
    }
}

/// The request for the keys that a fetch asks for.
pub(crate) fn key_request(fetch: &Fetch) -> KeyRequest {
    KeyRequest {
        table: fetch.table.clone(),
        columns: fetch.columns.clone(),
        selector: match fetch.by.is_empty() {
            true => Selector::All,
            false => Selector::Matching {
                columns: fetch.by.clone(),
                keys: fetch.keys.clone(),
            },
        },
    }
}

/// The request for the rows that are to stream by: whole, or what tells them and leads on from them.
///
/// # Errors
/// A table that the plan does not move (kind `Bug`).
pub(crate) fn rows_where(
    section: &ExtractSection,
    fetch: &Fetch,
    is_whole: bool,
) -> Result<RowsWhere, SkillError> {
    let table = section.tables.iter().find(|one| one.table == fetch.table);
    let table = table.ok_or_else(|| {
        let what = format!("find {} among the tables of the plan", fetch.table);
        SkillError::new(ErrorKind::Bug, what)
    })?;
    let columns = if is_whole {
        table.columns.clone()
    } else {
        let is_told =
            |name: &&String| table.identity.contains(name) || fetch.columns.contains(name);
        table.columns.iter().filter(is_told).cloned().collect()
    };
    Ok(RowsWhere {
        table: fetch.table.clone(),
        columns,
        identity: table.identity.clone(),
        by: fetch.by.clone(),
        keys: fetch.keys.clone(),
    })
}

/// The rows of a batch as the closure wants to see them.
fn key_rows(
    batch: &RecordBatch,
    identity: &[String],
    fetch: &Fetch,
) -> Result<Vec<KeyRow>, SkillError> {
    let text = |column: &String| {
        texts_of(batch, column).ok_or_else(|| {
            let what = format!("tell rows of {} by {column}", fetch.table);
            SkillError::new(ErrorKind::Bug, what)
        })
    };
    let mut ids: Vec<KeyTexts> = identity.iter().map(text).collect::<Result<_, _>>()?;
    let mut values: Vec<KeyTexts> = fetch.columns.iter().map(text).collect::<Result<_, _>>()?;
    let mut row = |at: usize| {
        let id: Option<Vec<Box<str>>> = ids.iter_mut().map(|texts| texts[at].take()).collect();
        id.map(|id| KeyRow {
            id: Key::new(id),
            values: values.iter_mut().map(|texts| texts[at].take()).collect(),
        })
    };
    let rows: Option<Vec<KeyRow>> = (0..batch.num_rows()).map(&mut row).collect();
    rows.ok_or_else(|| {
        let what = format!("tell rows of {}: a part of a key is NULL", fetch.table);
        SkillError::new(ErrorKind::Data, what)
    })
}

/// Evaluates which rows belong to the district, with the keys of all of them.
///
/// # Errors
/// An unknown district (kind `Usage`), tables that were empty and are not, a failing store, and what
/// `on_rows` ends it with, which is told the number of rows seen so far. After a failure the cuts are closed.
pub async fn evaluate(
    section: &ExtractSection,
    district: &Key,
    cuts: &mut Cuts,
    on_rows: impl Fn(u64) -> Result<(), SkillError> + Send + Sync + 'static,
) -> Result<Members, SkillError> {
    let evaluated = over_cuts(section, district, Mode::Hold, cuts, Arc::new(on_rows)).await?;
    Ok(evaluated.members)
}

/// Counts which rows belong to the district, and says what keeps it from being moved: what nobody decided,
/// or values that cannot travel (kind `Config`). The keys of rows of tables that nothing refers to are not
/// among the members: memory does not grow with them.
///
/// # Errors
/// As [`evaluate`].
pub async fn forecast(
    section: &ExtractSection,
    district: &Key,
    cuts: &mut Cuts,
    on_rows: impl Fn(u64) -> Result<(), SkillError> + Send + Sync + 'static,
) -> Result<(Members, Option<SkillError>), SkillError> {
    let on_rows: OnRows = Arc::new(on_rows);
    let counted = over_cuts(section, district, Mode::Count, cuts, Arc::clone(&on_rows)).await?;
    let members = counted.members;
    if let Some(error) = undecided(&members, &section.ownership) {
        return Ok((members, Some(error)));
    }
    let on_step = || on_rows(0);
    if !counted.is_suspicious {
        let refused = unfit(section, &members, cuts, on_step).await?;
        return Ok((members, refused));
    }
    let held = over_cuts(section, district, Mode::Hold, cuts, Arc::clone(&on_rows)).await?;
    let refused = unfit(section, &held.members, cuts, on_step).await?;
    Ok((members, refused))
}

async fn over_cuts(
    section: &ExtractSection,
    district: &Key,
    mode: Mode,
    cuts: &mut Cuts,
    on_rows: OnRows,
) -> Result<Evaluated, SkillError> {
    left_out(section, cuts).await?;
    let section = Arc::new(section.clone());
    let mut readers = Readers::of(std::mem::take(cuts));
    let evaluated = run(&section, district, mode, on_rows, &mut readers).await;
    *cuts = readers.into_cuts();
    evaluated
}
