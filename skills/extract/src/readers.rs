//! The connections that read the cuts, and how work is spread over them: each reader of a store takes the
//! next job of that store when it has ended one.
//!
//! The first job that fails ends the others: what they read belongs to the same cuts, and is read again with
//! them. None of them goes on when the failure is told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use redistrict_closure::Members;
use redistrict_model::{ErrorKind, ExtractSection, Finding, StoreName, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::SourceCut;
use tokio::task::JoinSet;

use crate::closure::{Cuts, store_failed};
use crate::unfit::unfit;

/// Every reader of one cut per store; the first of each store took the cut.
pub(crate) struct Readers(BTreeMap<StoreName, Vec<Box<dyn SourceCut>>>);

/// What is done with jobs. Cheap to clone: every reader has one.
#[async_trait]
pub(crate) trait Work: Clone + Send + Sync + 'static {
    /// A piece of work on one store.
    type Job: Send + 'static;

    /// Does one job with one reader.
    async fn one(&self, job: Self::Job, cut: &mut dyn SourceCut) -> Result<(), SkillError>;
}

impl Readers {
    /// One reader per store.
    pub(crate) fn of(cuts: Cuts) -> Self {
        let readers = cuts.into_iter().map(|(store, cut)| (store, vec![cut]));
        Self(readers.collect())
    }

    /// Opens the further readers that the stores allow.
    ///
    /// # Errors
    /// A failing store.
    pub(crate) async fn add_all(&mut self) -> Result<(), SkillError> {
        for readers in self.0.values_mut() {
            while let Some(first) = readers.first_mut() {
                match first.beside().await.map_err(|error| store_failed(&error))? {
                    Some(reader) => readers.push(reader),
                    None => break,
                }
            }
        }
        Ok(())
    }

    /// The cut that the first reader of each store took; the others are closed.
    pub(crate) fn into_cuts(self) -> Cuts {
        let first = |(store, mut readers): (StoreName, Vec<_>)| {
            (!readers.is_empty()).then(|| (store, readers.swap_remove(0)))
        };
        self.0.into_iter().filter_map(first).collect()
    }

    /// Does all jobs, those of a store in their order as far as they begin; each store has its own.
    ///
    /// # Errors
    /// The first failure of a job; the readers are closed then. A job that panics is a failure of kind
    /// `Bug`; what it said is not taken over, because it may hold a value.
    pub(crate) async fn spread<W: Work>(
        &mut self,
        jobs: BTreeMap<StoreName, VecDeque<W::Job>>,
        work: &W,
    ) -> Result<(), SkillError> {
        let unread = jobs.keys().find(|store| !self.0.contains_key(*store));
        if let Some(store) = unread {
            return Err(no_cut(store));
        }
        let mut workers = JoinSet::new();
        for (store, jobs) in jobs {
            let queue = Arc::new(Mutex::new(jobs));
            for (place, reader) in self.0.remove(&store).into_iter().flatten().enumerate() {
                let (store, work, queue) = (store.clone(), work.clone(), Arc::clone(&queue));
                workers.spawn(async move {
                    let ended = work_off(&work, reader, &queue).await;
                    ended.map(|reader| (store, place, reader))
                });
            }
        }
        let mut back: BTreeMap<StoreName, BTreeMap<usize, Box<dyn SourceCut>>> = BTreeMap::new();
        while let Some(ended) = workers.join_next().await {
            let ended = ended.unwrap_or_else(|_panic| {
                let what = "read rows of a store: its worker panicked";
                Err(SkillError::new(ErrorKind::Bug, what))
            });
            match ended {
                Ok((store, place, reader)) => {
                    back.entry(store).or_default().insert(place, reader);
                }
                Err(error) => {
                    workers.shutdown().await;
                    self.0.clear();
                    return Err(error);
                }
            }
        }
        for (store, readers) in back {
            self.0.insert(store, readers.into_values().collect());
        }
        Ok(())
    }

    /// Values of these members that cannot travel, by the first reader of each store.
    ///
    /// # Errors
    /// As [`unfit`].
    pub(crate) async fn unfit(
        &mut self,
        section: &ExtractSection,
        members: &Members,
        on_step: impl FnMut() -> Result<(), SkillError> + Send,
    ) -> Result<Option<SkillError>, SkillError> {
        let mut others: BTreeMap<StoreName, Vec<Box<dyn SourceCut>>> = BTreeMap::new();
        let mut firsts = Cuts::new();
        for (store, mut readers) in std::mem::take(&mut self.0) {
            let rest = readers.split_off(1.min(readers.len()));
            firsts.extend(readers.pop().map(|first| (store.clone(), first)));
            others.insert(store, rest);
        }
        let found = unfit(section, members, &mut firsts, on_step).await;
        for (store, first) in firsts {
            let rest = others.remove(&store).unwrap_or_default();
            self.0
                .insert(store, std::iter::once(first).chain(rest).collect());
        }
        found
    }

    /// The reader of a store that took its cut.
    ///
    /// # Errors
    /// No cut of that store is open (kind `Bug`).
    pub(crate) fn first(&mut self, store: &StoreName) -> Result<&mut dyn SourceCut, SkillError> {
        let first = self
            .0
            .get_mut(store)
            .and_then(|readers| readers.first_mut());
        match first {
            Some(first) => Ok(first.as_mut()),
            None => Err(no_cut(store)),
        }
    }

    /// PROD's rows of these tables, by the first reader of each store.
    ///
    /// # Errors
    /// A failing store.
    pub(crate) async fn counts(
        &mut self,
        tables: Vec<TableRef>,
    ) -> Result<BTreeMap<TableRef, u64>, SkillError> {
        let mut counts = BTreeMap::new();
        for table in tables {
            let readers = self.0.get_mut(&table.store);
            let Some(first) = readers.and_then(|readers| readers.first_mut()) else {
                continue;
            };
            let rows = first.count(&table).await;
            counts.insert(table, rows.map_err(|error| store_failed(&error))?);
        }
        Ok(counts)
    }

    /// Ends the reading. Gives a warning for each store of which not everything read was one state.
    ///
    /// # Errors
    /// A failing store.
    pub(crate) async fn settle(&mut self) -> Result<Vec<Finding>, SkillError> {
        let mut warnings = Vec::new();
        for reader in self.0.values_mut().flatten() {
            let warning = reader.settle().await;
            warnings.extend(warning.map_err(|error| store_failed(&error))?);
        }
        Ok(warnings)
    }
}

fn no_cut(store: &StoreName) -> SkillError {
    SkillError::new(ErrorKind::Bug, format!("read {store}: no cut is open"))
}

async fn work_off<W: Work>(
    work: &W,
    mut reader: Box<dyn SourceCut>,
    queue: &Mutex<VecDeque<W::Job>>,
) -> Result<Box<dyn SourceCut>, SkillError> {
    loop {
        let job = queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        match job {
            Some(job) => work.one(job, reader.as_mut()).await?,
            None => return Ok(reader),
        }
    }
}
