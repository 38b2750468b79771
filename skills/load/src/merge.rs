//! The one transaction in which a commit group's rows are written: lock, compare again, mark, apply,
//! read back, ledger, check; then the commits of all groups. Decides nothing by itself.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use arrow::array::RecordBatch;
use redistrict_artifact::{Artifact, MultisetDigest, RowHasher};
use redistrict_model::{ErrorKind, Finding, Key, LoadGroup, StoreName, Table, TableRef, UnitKey};
use redistrict_skill::{SkillError, UnitContext, UnitOutcome};
use redistrict_store::{
    Action, Applied, Merge, RaisedSequence, RunRecord, RunState, StoreError, TargetStore,
};

use crate::classify::{Compared, ComparedRow, Scope, classify};
use crate::commit::commit;
use crate::compare::RowDecision;
use crate::conflicts::Conflicts;
use crate::error::{bug, changed_by_cert, firing, store_failed};
use crate::held::Rows;
use crate::keyless::Keyless;
use crate::ledger::{OurWrites, WrittenRows, entries};
use crate::preflight::{check_drift, check_marks, differing};
use crate::readers::{OpenMerge, Readers, Views, live_tables};
use crate::report::{GroupReport, TableCounts, TableReport};
use crate::rows::{Locators, Place, pick, together};
use crate::session::{Session, preflight_unit};
use crate::shape::{Shape, target_hasher};
use crate::skill::group_unit;
use crate::written::{Decided, ledger_rows, read_back};

/// The unit: merges a commit group, unless its rows are there already.
///
/// All groups that are still to be merged are: each is applied and checked in a transaction of its own, and
/// only when nothing more can be checked the first one commits, and the others right after it, in the order
/// of the configuration. Whichever unit comes first does it; the units of the other groups only tell. Behind the
/// last commit nothing is done that could fail; where all groups had committed before, what fails takes nothing
/// back.
pub(crate) async fn run(
    session: &Session,
    group: &LoadGroup,
    unit: &UnitKey,
    context: &UnitContext,
) -> Result<UnitOutcome, SkillError> {
    if let Some(outcome) = session.decided_outcome(unit) {
        return Ok(outcome);
    }
    let groups = &context.plan.sections.load.groups;
    // An earlier process was here, too: while a group cannot be asked, nobody knows whether the load stands.
    let is_in_doubt = context.is_resume && context.attempt > 1;
    let committed = match find_committed(session, context).await {
        Err(error) if is_in_doubt && error.kind.is_transient() => return Err(error.keeping()),
        found => found?,
    };
    let done = merge_the_rest(session, context, &committed).await;
    match committed.len() == groups.len() {
        true => done.map_err(SkillError::keeping)?,
        false => done?,
    }
    let outcome = session.decided_outcome(unit);
    outcome.ok_or_else(|| bug(format!("find the outcome of {unit} of {}", group.name)))
}

/// Merges all groups but the committed ones, whose outcomes are told from what they hold.
async fn merge_the_rest(
    session: &Session,
    context: &UnitContext,
    committed: &[&LoadGroup],
) -> Result<(), SkillError> {
    let artifact = session.artifact(context)?;
    let mut open: Vec<OpenMerge> = Vec::new();
    let mut known = OtherTables::new();
    let mut prepared: Vec<(&LoadGroup, RunRecord, UnitOutcome)> = Vec::new();
    for pending in &context.plan.sections.load.groups {
        let merging = Merging::new(session, pending, context, &artifact).await?;
        if !committed.contains(&pending) {
            let (record, outcome) = merging.prepare(&mut open, &mut known).await?;
            prepared.push((pending, record, outcome));
            continue;
        }
        // By an earlier attempt, which knows more than can be told, or by an earlier process.
        let unit = group_unit("merge", pending);
        let outcome = match session.take_outcome(&unit) {
            Some(outcome) => outcome,
            None => merging.tell_committed().await?,
        };
        session.keep_outcome(unit, outcome);
    }
    for ((pending, record, outcome), one) in prepared.into_iter().zip(open) {
        commit(session, pending, context, one.merge, &record).await?;
        session.keep_outcome(group_unit("merge", pending), outcome);
    }
    session.decide();
    Ok(())
}

/// The groups in which the run's rows stand.
async fn find_committed<'c>(
    session: &Session,
    context: &'c UnitContext,
) -> Result<Vec<&'c LoadGroup>, SkillError> {
    let mut committed = Vec::new();
    for group in &context.plan.sections.load.groups {
        // Only under the lease: an earlier process's commit may be under way until that is ours.
        session.lease(group, context).await?;
        if is_committed(session, group, context).await? {
            committed.push(group);
        }
    }
    Ok(committed)
}

async fn is_committed(
    session: &Session,
    group: &LoadGroup,
    context: &UnitContext,
) -> Result<bool, SkillError> {
    let record = session.target(group)?.run_record(&context.run).await;
    match record.map_err(|error| merge_failed(group, &error))? {
        None => Ok(false),
        Some(record) if record.state == RunState::Committed => Ok(true),
        Some(_) => Err(SkillError::new(
            ErrorKind::Conflict,
            format!("load {}: this run was taken back", group.name),
        )
        .with_hint("start a new migration")),
    }
}

fn merge_failed(group: &LoadGroup, error: &StoreError) -> SkillError {
    store_failed(format!("load {}", group.name), error)
}

/// The tables of groups that are only read through, as they were when first asked for: a catalog costs
/// seconds where it is a survey of a whole graph.
type OtherTables = BTreeMap<StoreName, Vec<Table>>;

/// What a merge works with.
pub(crate) struct Merging<'a> {
    pub(crate) session: &'a Session,
    pub(crate) group: &'a LoadGroup,
    pub(crate) context: &'a UnitContext,
    pub(crate) target: &'a dyn TargetStore,
    pub(crate) artifact: &'a Artifact,
    pub(crate) live: Vec<Table>,
    pub(crate) hasher: RowHasher,
    pub(crate) locators: Locators,
}

impl<'a> Merging<'a> {
    async fn new(
        session: &'a Session,
        group: &'a LoadGroup,
        context: &'a UnitContext,
        artifact: &'a Artifact,
    ) -> Result<Self, SkillError> {
        let target = session.target(group)?;
        let live = live_tables(target, &context.plan).await;
        Ok(Self {
            session,
            group,
            context,
            target,
            artifact,
            live: live.map_err(|error| merge_failed(group, &error))?,
            hasher: target_hasher(&session.setup.key),
            locators: Locators::new(&session.setup.key),
        })
    }

    /// Writes and checks everything but the run's record, in a transaction that stays open at the end of
    /// `open`. What is open already is read through as well: it sees what it has written.
    async fn prepare(
        &self,
        open: &mut Vec<OpenMerge>,
        known: &mut OtherTables,
    ) -> Result<(RunRecord, UnitOutcome), SkillError> {
        let failed = |error: StoreError| merge_failed(self.group, &error);
        let lease = self.session.lease(self.group, self.context).await?;
        check_marks(&self.session.setup, self.group, self.target).await?;
        check_drift(&self.context.plan, self.group, self.target, &self.live)?;
        // Nobody else can write the ledger while we hold the lease.
        let writes = OurWrites::read(self.target, &self.live)
            .await
            .map_err(failed)?;
        let others: Vec<_> = open.iter().map(|one| one.stores.clone()).collect();
        let mut views = self.views_of_others(&others, known).await?;
        let begun = self.target.begin_merge(&lease, &self.live).await;
        open.push(OpenMerge {
            stores: self.group.stores.clone(),
            merge: begun.map_err(failed)?,
        });
        let mut decided = self.decide(open, &mut views, &writes).await?;
        self.check_approved(&decided)?;
        let applied = self.apply(last(open)?, &decided).await?;
        check_applied(&decided, &applied)?;
        let mut findings = Vec::new();
        let mut tables = Vec::new();
        for table in &mut decided {
            findings.extend(differing(table.shape.name(), &table.counts));
            let (report, changed) = self.record(open, &mut views, table).await?;
            findings.extend(changed);
            tables.push(report);
        }
        let merge = last(open)?;
        let sequences = merge.raise_sequences(&written_tables(&decided)).await;
        let sequences = self.session.raised(self.group, sequences.map_err(failed)?);
        merge.check_constraints().await.map_err(failed)?;
        let record = RunRecord {
            run: self.context.run.clone(),
            parent: None,
            epoch: lease.epoch,
            plan_digest: self.context.plan.digest.0.clone(),
            state: RunState::Committed,
        };
        Ok((record, self.outcome(tables, sequences, findings)))
    }

    /// No more is done than was approved, whatever happened in CERT since. Less may be left to do: another
    /// run has brought rows that both share.
    fn check_approved(&self, decided: &[Decided]) -> Result<(), SkillError> {
        if !self.session.setup.is_approved {
            return Ok(());
        }
        let preflight = self.context.outcome(&preflight_unit());
        let lines = preflight.and_then(|done| done.facts.get("forecast")?.as_array());
        for table in decided {
            let name = table.shape.name().to_string();
            let line =
                lines.and_then(|lines| lines.iter().find(|one| one["table"] == name.as_str()));
            let approved = |what: &str| line.and_then(|line| line.get(what)?.as_u64()).unwrap_or(0);
            let (inserted, updated) = (approved("insert"), approved("update"));
            let counts = &table.counts;
            if counts.inserted > inserted || counts.updated > updated {
                let what = format!(
                    "load {name} as approved: CERT has changed since; {} rows would be inserted and {} updated, \
                     approved were {inserted} and {updated}",
                    counts.inserted, counts.updated
                );
                return Err(SkillError::new(ErrorKind::Conflict, what)
                    .with_hint("a new migration asks for the approval of what would happen now"));
            }
        }
        Ok(())
    }

    pub(crate) fn outcome(
        &self,
        tables: Vec<TableReport>,
        sequences: Vec<RaisedSequence>,
        findings: Vec<Finding>,
    ) -> UnitOutcome {
        let report = GroupReport {
            group: self.group.name.clone(),
            stores: self.group.stores.clone(),
            tables,
            sequences,
        };
        UnitOutcome {
            rows: report.rows_written(),
            bytes: 0,
            facts: serde_json::to_value(&report).unwrap_or_default(),
            findings,
        }
    }

    /// The group's tables of which the artifact has rows, in write order.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &TableRef> {
        let has_rows = |table: &&TableRef| {
            let entry = self.artifact.manifest().table(table);
            entry.is_some_and(|entry| entry.rows > 0)
        };
        self.group.order.iter().flatten().filter(has_rows)
    }

    /// Views of the groups that are not open, through which labels may lead.
    async fn views_of_others(
        &self,
        open: &[Vec<StoreName>],
        known: &mut OtherTables,
    ) -> Result<Views, SkillError> {
        let catalogs = &self.context.plan.sections.extract.catalogs;
        let mut views = Views::default().with_source(catalogs);
        views.know(&self.live);
        for group in &self.context.plan.sections.load.groups {
            if group.name == self.group.name {
                continue;
            }
            let failed = |error: StoreError| merge_failed(group, &error);
            let target = self.session.target(group)?;
            let live = match known.entry(group.name.clone()) {
                Entry::Occupied(live) => live.into_mut(),
                Entry::Vacant(place) => {
                    let live = live_tables(target, &self.context.plan).await;
                    place.insert(live.map_err(failed)?)
                }
            };
            if open.contains(&group.stores) {
                views.know(live);
            } else {
                views.open(target, live).await.map_err(failed)?;
            }
        }
        Ok(views)
    }

    /// Compares every table again, now under locks, and marks the staged rows.
    async fn decide(
        &self,
        open: &mut [OpenMerge],
        views: &mut Views,
        writes: &OurWrites,
    ) -> Result<Vec<Decided>, SkillError> {
        let failed = |error: StoreError| merge_failed(self.group, &error);
        for table in self.tables() {
            last(open)?.lock_staged(table).await.map_err(failed)?;
        }
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
        let (mut inserted, mut updated, mut images) = (Vec::new(), Vec::new(), Vec::new());
        for batch in self.rows(&shape).each() {
            self.context.cancel.check()?;
            let (batch, membership) = batch?;
            let scope = Scope {
                plan: &self.context.plan,
                shape: &shape,
                writes,
                hasher: &self.hasher,
                locators: &self.locators,
            };
            let mut readers = Readers {
                open: &mut *open,
                views,
            };
            let compared = classify(&mut readers, &scope, &batch, &membership, conflicts).await?;
            counts.staged += batch.num_rows() as u64;
            compared.count(&mut counts);
            mark(last(open)?, &name, &compared).await.map_err(failed)?;
            images.extend(images_of_updated(&compared).map_err(failed)?);
            for row in compared.rows {
                match row.decision {
                    RowDecision::Insert => inserted.push(row),
                    RowDecision::Update => updated.push(row),
                    _ => {}
                }
            }
        }
        let before = together(&images).map_err(failed)?;
        Ok(Decided {
            shape,
            counts,
            inserted,
            updated,
            before,
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
        let copies = keyless.compare(&mut readers).await?;
        let collisions = keyless
            .find_collisions(&mut readers, &copies, conflicts)
            .await?;
        let mut counts = TableCounts::default();
        copies.count(collisions, &mut counts);
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
            before: None,
            copies: Some(copies),
        })
    }

    pub(crate) fn rows<'s>(&'s self, shape: &'s Shape) -> Rows<'s> {
        Rows {
            artifact: self.artifact,
            shape,
            target: self.target,
        }
    }

    fn keyless<'s>(&'s self, shape: &'s Shape) -> Keyless<'s> {
        Keyless {
            shape,
            rows: self.rows(shape),
            hasher: &self.hasher,
            locators: &self.locators,
            cancel: &self.context.cancel,
        }
    }

    /// Writes, sets in write order.
    async fn apply(
        &self,
        merge: &mut dyn Merge,
        decided: &[Decided],
    ) -> Result<Vec<Applied>, SkillError> {
        let failed = |error: StoreError| merge_failed(self.group, &error);
        let has_changes = |name: &&TableRef| {
            decided.iter().any(|table| {
                table.shape.name() == *name && table.counts.inserted + table.counts.updated > 0
            })
        };
        let mut applied = Vec::new();
        for set in &self.group.order {
            let tables: Vec<TableRef> = set.iter().filter(has_changes).cloned().collect();
            if !tables.is_empty() {
                applied.extend(merge.apply(&tables).await.map_err(failed)?);
            }
        }
        Ok(applied)
    }

    /// Reads back what was written into a table and writes the ledger of it.
    async fn record(
        &self,
        open: &mut [OpenMerge],
        views: &mut Views,
        table: &mut Decided,
    ) -> Result<(TableReport, Option<Finding>), SkillError> {
        let name = table.shape.name().clone();
        let mut readers = Readers {
            open: &mut *open,
            views,
        };
        let (written, changed) = match &mut table.copies {
            Some(copies) => {
                let keyless = self.keyless(&table.shape);
                let inserted = keyless.inserted(&mut readers, copies).await?;
                (vec![inserted.rows], inserted.changed)
            }
            None => self.written(&mut readers, table).await?,
        };
        let entries = entries(&self.context.run, &name, &written);
        let kept = last(open)?.write_ledger(&entries).await;
        kept.map_err(|error| store_failed(format!("load {name}"), &error))?;
        let mut digest = MultisetDigest::default();
        for entry in &entries {
            digest.add(&entry.after);
        }
        let report = TableReport {
            table: name.clone(),
            counts: table.counts.clone(),
            written: Some(digest.to_string()),
        };
        let finding = (changed > 0).then(|| {
            let what = format!(
                "CERT changed rows while they were written (triggers, rounding){}",
                firing(&table.shape.table)
            );
            Finding::warning("changed-by-target", name.to_string(), what, changed)
        });
        Ok((report, finding))
    }

    /// The rows of a table with a key as they stand now, and how many the target changed.
    async fn written(
        &self,
        readers: &mut Readers<'_>,
        table: &Decided,
    ) -> Result<(Vec<WrittenRows>, u64), SkillError> {
        let rows = table.inserted.iter().chain(&table.updated);
        let keys: Vec<Key> = rows.clone().map(|row| row.key.clone()).collect();
        let after = read_back(readers, &table.shape, &self.hasher, &keys).await?;
        let is_changed = |row: &&ComparedRow| {
            let there = after.get(&row.key);
            there.is_some_and(|(_, sent)| *sent != row.hash)
        };
        let changed = rows.filter(is_changed).count() as u64;
        Ok((ledger_rows(table, &after)?, changed))
    }
}

/// The transaction that was begun last.
fn last(open: &mut [OpenMerge]) -> Result<&mut dyn Merge, SkillError> {
    match open.last_mut() {
        Some(one) => Ok(one.merge.as_mut()),
        None => Err(bug("find the open transaction")),
    }
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

fn images_of_updated(compared: &Compared) -> Result<Option<RecordBatch>, StoreError> {
    let places: Vec<Place> = compared
        .rows
        .iter()
        .filter(|row| row.decision == RowDecision::Update)
        .filter_map(|row| row.current)
        .collect();
    if places.is_empty() {
        return Ok(None);
    }
    pick(&compared.current, &places).map(Some)
}

/// The tables that rows were written into.
fn written_tables(decided: &[Decided]) -> Vec<TableRef> {
    let written = decided
        .iter()
        .filter(|table| table.counts.inserted + table.counts.updated > 0);
    written.map(|table| table.shape.name().clone()).collect()
}

fn check_applied(decided: &[Decided], applied: &[Applied]) -> Result<(), SkillError> {
    for table in decided {
        let name = table.shape.name();
        let done = applied.iter().filter(|one| one.table == *name);
        let (inserted, updated) = done.fold((0, 0), |sum, one| {
            (sum.0 + one.inserted, sum.1 + one.updated)
        });
        if (inserted, updated) != (table.counts.inserted, table.counts.updated) {
            let what = format!(
                "load {name}: {inserted} rows were inserted and {updated} updated, {} and {} should have been",
                table.counts.inserted, table.counts.updated
            );
            return Err(changed_by_cert(what, &table.shape.table));
        }
    }
    Ok(())
}
