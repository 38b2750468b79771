//! The one transaction in which a commit group's rows are written: lock, compare again, mark, apply,
//! read back, ledger, check; then the commits of all groups. Decides nothing by itself.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use redistrict_artifact::{Artifact, RowHasher};
use redistrict_model::{ErrorKind, Finding, LoadGroup, StoreName, Table, TableRef, UnitKey};
use redistrict_skill::{SkillError, UnitContext, UnitOutcome};
use redistrict_store::{
    Applied, Merge, RaisedSequence, RunRecord, RunState, StoreError, TargetStore,
};

use crate::ending::{Ready, end_together, tell};
use crate::error::{bug, changed_by_cert, store_failed};
use crate::forecast;
use crate::held::Rows;
use crate::keyless::Keyless;
use crate::origin::origin_of;
use crate::our_writes::OurWrites;
use crate::preflight::{check_drift, check_marks, differing};
use crate::readers::{OpenMerge, Views, live_tables};
use crate::recording::firing_for;
use crate::report::{GroupReport, TableReport};
use crate::rows::Locators;
use crate::session::{Session, preflight_unit};
use crate::shape::{Shape, target_hasher};
use crate::skill::group_unit;
use crate::triggers::{changed_elsewhere, silence};
use crate::written::Decided;

/// The unit: merges a commit group, unless its rows are there already.
///
/// All groups that are still to be merged are: each is applied and checked in a transaction of its own, and
/// only when nothing more can be checked they commit together (`end_together`). Whichever unit comes first does it; the units of the other groups only tell. Behind the
/// last commit nothing is done that could fail; where all groups had committed before, or may have, what fails takes
/// nothing back.
pub(crate) async fn run(
    session: &Session,
    group: &LoadGroup,
    unit: &UnitKey,
    context: &UnitContext,
) -> Result<UnitOutcome, SkillError> {
    if let Some(outcome) = session.decided_outcome(unit) {
        return Ok(outcome);
    }
    // An earlier process was here, too: while a group cannot be asked, nobody knows whether the load stands.
    let is_in_doubt = context.is_resume && context.attempt > 1;
    let committed = match find_committed(session, context).await {
        Err(error) if session.may_stand(context, &preflight_unit()) => return Err(error.keeping()),
        Err(error) if is_in_doubt && error.kind.is_transient() => return Err(error.keeping()),
        found => found?,
    };
    session.set_may_stand(stands_whole(context, &committed));
    let done = merge_the_rest(session, context, &committed).await;
    done.map_err(|error| session.keeping_what_may_stand(error))?;
    let outcome = session.decided_outcome(unit);
    outcome.ok_or_else(|| bug(format!("find the outcome of {unit} of {}", group.name)))
}

/// Every group that is written has committed. A group without a table of the plan has a record and nothing else.
fn stands_whole(context: &UnitContext, committed: &[&LoadGroup]) -> bool {
    let groups = || context.plan.sections.load.groups.iter();
    let mut written = groups().filter(|group| !group.order.is_empty());
    !committed.is_empty() && written.all(|group| committed.contains(&group))
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
    let pending = prepared.iter().map(|(group, ..)| *group);
    let mode = session.mode(context, &preflight_unit(), pending);
    let ready = prepared.into_iter().zip(open);
    let ready = ready.map(|((group, record, outcome), one)| Ready {
        group,
        unit: group_unit("merge", group),
        merge: one.merge,
        record,
        outcome,
    });
    let mut ready: Vec<Ready<'_>> = ready.collect();
    if committed.is_empty() {
        tell(&mut ready, &mode)?;
    }
    end_together(session, context, ready, &mode).await?;
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

pub(crate) fn merge_failed(group: &LoadGroup, error: &StoreError) -> SkillError {
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
        let origin = origin_of(&self.session.setup.key, &self.context.plan.district);
        let writes = OurWrites::read(self.target, &self.live, &origin)
            .await
            .map_err(failed)?;
        let others: Vec<_> = open.iter().map(|one| one.stores.clone()).collect();
        let mut views = self.views_of_others(&others, known).await?;
        let begun = self.target.begin_merge(&lease, &self.live).await;
        open.push(OpenMerge {
            stores: self.group.stores.clone(),
            merge: begun.map_err(failed)?,
        });
        let silenced = silence(last(open)?, &self.context.plan, self.group).await;
        silenced.map_err(failed)?;
        let mut decided = self.decide(open, &mut views, &writes).await?;
        let forecast = forecast::of_preflight(self.context);
        if self.session.setup.is_approved {
            forecast::check_approved(&forecast, &decided)?;
        }
        if !forecast::brings_rows(&forecast, &decided) {
            decided.iter_mut().for_each(|table| table.relied.clear());
        }
        let applied = self.apply(last(open)?, &decided).await?;
        check_applied(&decided, &applied)?;
        let (mut findings, mut tables) = (Vec::new(), Vec::new());
        let triggers = firing_for(&decided);
        for table in &mut decided {
            findings.extend(differing(table.shape.name(), &table.counts));
            let (report, changed) = self.record(open, &mut views, table, &triggers).await?;
            findings.extend(changed);
            tables.push(report);
        }
        let merge = last(open)?;
        let sequences = merge.raise_sequences(&written_tables(&decided)).await;
        let sequences = self.session.raised(self.group, sequences.map_err(failed)?);
        merge.check_constraints().await.map_err(failed)?;
        let elsewhere = changed_elsewhere(merge, self.group).await;
        findings.extend(elsewhere.map_err(failed)?);
        let record = RunRecord {
            run: self.context.run.clone(),
            parent: None,
            epoch: lease.epoch,
            plan_digest: self.context.plan.digest.0.clone(),
            state: RunState::Committed,
            origin: Some(origin),
        };
        Ok((record, self.outcome(tables, sequences, findings)))
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
            commit: None,
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

    pub(crate) fn rows<'s>(&'s self, shape: &'s Shape) -> Rows<'s> {
        Rows {
            artifact: self.artifact,
            shape,
            target: self.target,
        }
    }

    pub(crate) fn keyless<'s>(&'s self, shape: &'s Shape) -> Keyless<'s> {
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
            decided
                .iter()
                .any(|table| table.shape.name() == *name && table.is_written())
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
}

/// The transaction that was begun last.
pub(crate) fn last(open: &mut [OpenMerge]) -> Result<&mut dyn Merge, SkillError> {
    match open.last_mut() {
        Some(one) => Ok(one.merge.as_mut()),
        None => Err(bug("find the open transaction")),
    }
}

/// The tables that rows were written into.
fn written_tables(decided: &[Decided]) -> Vec<TableRef> {
    let written = decided.iter().filter(|table| table.is_written());
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
