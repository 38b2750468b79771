//! What is done with every row of a group, inside its open transaction: compares without locks, locks what will be
//! written, and compares that again. Rows that are left as they are do not wait for us, nor others for them.

use std::collections::HashSet;

use redistrict_model::{ErrorKind, Key, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::{Action, Merge, StoreError};

use crate::classify::{Compared, Scope, classify, classify_again};
use crate::collisions::Collisions;
use crate::compare::RowDecision;
use crate::conflicts::Conflicts;
use crate::error::{bug, store_failed};
use crate::merge::{Merging, last, merge_failed};
use crate::our_writes::OurWrites;
use crate::readers::{OpenMerge, Readers, Views};
use crate::report::TableCounts;
use crate::rows::{Place, pick, together};
use crate::shape::Shape;
use crate::written::Decided;

/// Rows that are read again at once.
const CHUNK: usize = 8192;

impl Merging<'_> {
    /// Compares every table, marks the staged rows, locks what will be written, and compares that again.
    pub(crate) async fn decide(
        &self,
        open: &mut [OpenMerge],
        views: &mut Views,
        writes: &OurWrites,
    ) -> Result<Vec<Decided>, SkillError> {
        let mut conflicts = Conflicts::default();
        let mut decided = Vec::new();
        for table in self.tables() {
            let shape = Shape::of(&self.context.plan, table)?;
            decided.push(if shape.is_keyless() {
                self.decide_copies(open, views, shape, &mut conflicts)
                    .await?
            } else {
                self.decide_table(open, views, writes, shape, &mut conflicts)
                    .await?
            });
        }
        if !conflicts.is_empty() {
            return Err(conflicts.into_load_error());
        }
        self.lock(open, &decided).await?;
        for table in &mut decided {
            self.confirm(open, views, writes, table).await?;
        }
        for table in &decided {
            let name = table.shape.name();
            let expected = self.artifact.manifest().table(name).map(|entry| entry.rows);
            if Some(table.counts.staged) != expected || !table.counts.is_complete() {
                return Err(bug(format!(
                    "load {name}: the rows do not add up to the artifact's"
                )));
            }
        }
        Ok(decided)
    }

    async fn decide_table(
        &self,
        open: &mut [OpenMerge],
        views: &mut Views,
        writes: &OurWrites,
        shape: Shape,
        conflicts: &mut Conflicts,
    ) -> Result<Decided, SkillError> {
        let name = shape.name().clone();
        let failed = |error: StoreError| store_failed(format!("load {name}"), &error);
        let mut counts = TableCounts::default();
        let (mut inserted, mut updated, mut relied) = (Vec::new(), Vec::new(), Vec::new());
        let mut collisions = Collisions::default();
        let scope = self.scope(&shape, writes);
        for batch in self.rows(&shape).each() {
            self.context.cancel.check()?;
            let (batch, membership) = batch?;
            let mut readers = Readers {
                open: &mut *open,
                views,
            };
            let mut compared =
                classify(&mut readers, &scope, &batch, &membership, conflicts).await?;
            counts.staged += batch.num_rows() as u64;
            compared.count(&mut counts);
            mark(last(open)?, &name, &compared).await.map_err(failed)?;
            collisions.add(&scope, &mut compared);
            for row in compared.rows {
                match row.decision {
                    RowDecision::Insert => inserted.push(row),
                    RowDecision::Update => updated.push(row),
                    _ if row.is_relied_on => relied.push((row.key, row.is_stub)),
                    _ => {}
                }
            }
        }
        collisions.settle(&scope, &mut counts, conflicts);
        Ok(Decided {
            shape,
            counts,
            inserted,
            updated,
            relied,
            before: None,
            copies: None,
        })
    }

    /// A keyless table: copies that CERT lacks are inserted, the other ones are left out.
    async fn decide_copies(
        &self,
        open: &mut [OpenMerge],
        views: &mut Views,
        shape: Shape,
        conflicts: &mut Conflicts,
    ) -> Result<Decided, SkillError> {
        let keyless = self.keyless(&shape);
        let mut readers = Readers {
            open: &mut *open,
            views,
        };
        let (copies, counts) = keyless.decide(&mut readers, conflicts).await?;
        let left = copies.left(self.artifact, &shape);
        if !left.is_empty() {
            let marked = last(open)?.mark(shape.name(), &left, Action::Leave).await;
            marked.map_err(|error| merge_failed(self.group, &error))?;
        }
        Ok(Decided {
            shape,
            counts,
            inserted: Vec::new(),
            updated: Vec::new(),
            relied: Vec::new(),
            before: None,
            copies: Some(copies),
        })
    }

    fn scope<'s>(&'s self, shape: &'s Shape, writes: &'s OurWrites) -> Scope<'s> {
        Scope {
            plan: &self.context.plan,
            shape,
            writes,
            hasher: &self.hasher,
            locators: &self.locators,
        }
    }

    /// Locks the rows to be updated and what the written ones refer to, table by table.
    ///
    /// # Errors
    /// `Transient` where rows came or went since they were compared.
    async fn lock(&self, open: &mut [OpenMerge], decided: &[Decided]) -> Result<(), SkillError> {
        for table in decided.iter().filter(|one| one.is_written()) {
            let name = table.shape.name();
            let locked = last(open)?.lock_staged(name).await;
            let locked = locked.map_err(|error| merge_failed(self.group, &error))?;
            if table.shape.is_keyless() {
                continue;
            }
            let there: HashSet<&Key> = locked.iter().collect();
            let gone = table.updated.iter().filter(|row| !there.contains(&row.key));
            let gone = gone.count();
            let came = there.len() + gone - table.updated.len();
            if gone + came > 0 {
                return Err(meanwhile(&table.shape, gone + came));
            }
        }
        Ok(())
    }

    /// Compares the rows to be updated again, now that nobody else can change them, and keeps their images.
    ///
    /// # Errors
    /// `Transient` where a row is not to be updated any more for another reason than that it is equal.
    async fn confirm(
        &self,
        open: &mut [OpenMerge],
        views: &mut Views,
        writes: &OurWrites,
        table: &mut Decided,
    ) -> Result<(), SkillError> {
        let scope = self.scope(&table.shape, writes);
        let failed = |error| store_failed(format!("load {}", table.shape.name()), &error);
        let (mut updated, mut images) = (Vec::new(), Vec::new());
        let mut equal: Vec<Key> = Vec::new();
        let mut stale = 0;
        for rows in std::mem::take(&mut table.updated).chunks(CHUNK) {
            self.context.cancel.check()?;
            let mut readers = Readers {
                open: &mut *open,
                views,
            };
            let compared = classify_again(&mut readers, &scope, rows).await?;
            let kept = compared.rows.iter();
            let kept = kept.filter(|row| row.decision == RowDecision::Update);
            let places: Vec<Place> = kept.filter_map(|row| row.current).collect();
            if !places.is_empty() {
                images.push(pick(&compared.current, &places).map_err(failed)?);
            }
            for row in compared.rows {
                match row.decision {
                    RowDecision::Update => updated.push(row),
                    RowDecision::Unchanged => {
                        if row.is_relied_on {
                            table.relied.push((row.key.clone(), row.is_stub));
                        }
                        equal.push(row.key);
                    }
                    _ => stale += 1,
                }
            }
        }
        if stale > 0 {
            return Err(meanwhile(&table.shape, stale));
        }
        if !equal.is_empty() {
            let name = table.shape.name();
            let marked = last(open)?.mark(name, &equal, Action::Leave).await;
            marked.map_err(failed)?;
            table.counts.updated -= equal.len() as u64;
            table.counts.unchanged += equal.len() as u64;
        }
        let before = together(&images).map_err(failed)?;
        (table.updated, table.before) = (updated, before);
        Ok(())
    }
}

/// Others wrote between the comparison and the lock.
fn meanwhile(shape: &Shape, rows: usize) -> SkillError {
    let what = format!(
        "load {}: others inserted, changed or deleted {rows} of its rows after they were compared",
        shape.name()
    );
    SkillError::new(ErrorKind::Transient, what)
}

async fn mark(
    merge: &mut dyn Merge,
    table: &TableRef,
    compared: &Compared,
) -> Result<(), StoreError> {
    for action in [Action::Leave, Action::Update] {
        let keys = compared.keys(|decision| decision.action() == Some(action));
        if !keys.is_empty() {
            merge.mark(table, &keys, action).await?;
        }
    }
    Ok(())
}
