//! The one transaction in which a commit group's rows are written: lock, compare again, mark, apply,
//! read back, ledger, commit. Decides nothing by itself.

use arrow::array::RecordBatch;
use redistrict_artifact::{Artifact, MultisetDigest, RowHasher};
use redistrict_model::{ErrorKind, Finding, Key, LoadGroup, Table, TableRef};
use redistrict_skill::{SkillError, UnitContext, UnitOutcome};
use redistrict_store::{
    Action, Applied, Lease, Merge, RunRecord, RunState, StoreError, TargetStore,
};

use crate::classify::{Compared, Scope, classify};
use crate::commit::commit;
use crate::compare::RowDecision;
use crate::conflicts::Conflicts;
use crate::error::{artifact_failed, bug, store_failed};
use crate::ledger::{OurWrites, entries};
use crate::preflight::{check_drift, check_marks, differing};
use crate::readers::{Readers, Views, live_tables};
use crate::report::{GroupReport, TableCounts, TableReport};
use crate::rows::{Locators, Place, pick, together};
use crate::session::Session;
use crate::shape::{Shape, target_hasher};
use crate::written::{Decided, ledger_rows, read_back};

/// The unit: merges one commit group, unless its rows are there already.
pub(crate) async fn run(
    session: &Session,
    group: &LoadGroup,
    context: &UnitContext,
) -> Result<UnitOutcome, SkillError> {
    let artifact = session.artifact(context)?;
    let lease = session.lease(group, context).await?;
    let target = session.target(group)?;
    let failed = |error: StoreError| merge_failed(group, &error);
    let live = live_tables(target).await.map_err(failed)?;
    let merging = Merging {
        session,
        group,
        context,
        target,
        artifact: &artifact,
        live: &live,
        hasher: target_hasher(&session.setup.key),
        locators: Locators::new(&session.setup.key),
    };
    match target.run_record(&context.run).await.map_err(failed)? {
        None => merging.merge(&lease).await,
        Some(record) if record.state == RunState::Committed => merging.tell_committed().await,
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

/// What a merge works with.
pub(crate) struct Merging<'a> {
    pub(crate) session: &'a Session,
    pub(crate) group: &'a LoadGroup,
    pub(crate) context: &'a UnitContext,
    pub(crate) target: &'a dyn TargetStore,
    pub(crate) artifact: &'a Artifact,
    pub(crate) live: &'a [Table],
    pub(crate) hasher: RowHasher,
    pub(crate) locators: Locators,
}

impl Merging<'_> {
    async fn merge(&self, lease: &Lease) -> Result<UnitOutcome, SkillError> {
        let failed = |error: StoreError| merge_failed(self.group, &error);
        check_marks(&self.session.setup, self.group, self.target).await?;
        check_drift(&self.context.plan, self.group, self.live)?;
        // Nobody else can write the ledger while we hold the lease.
        let writes = OurWrites::read(self.target, self.live)
            .await
            .map_err(failed)?;
        let mut views = self.views_of_others().await?;
        let mut merge = self
            .target
            .begin_merge(lease, self.live)
            .await
            .map_err(failed)?;
        let decided = self.decide(merge.as_mut(), &mut views, &writes).await?;
        let applied = self.apply(merge.as_mut(), &decided).await?;
        check_applied(&decided, &applied)?;
        let mut findings = Vec::new();
        let mut tables = Vec::new();
        for table in &decided {
            findings.extend(differing(table.shape.name(), &table.counts));
            let (report, changed) = self.record(merge.as_mut(), table).await?;
            findings.extend(changed);
            tables.push(report);
        }
        merge.check_constraints().await.map_err(failed)?;
        let record = RunRecord {
            run: self.context.run.clone(),
            parent: None,
            epoch: lease.epoch,
            plan_digest: self.context.plan.digest.0.clone(),
            state: RunState::Committed,
        };
        commit(self.session, self.group, self.context, merge, &record).await?;
        Ok(self.outcome(tables, findings))
    }

    pub(crate) fn outcome(&self, tables: Vec<TableReport>, findings: Vec<Finding>) -> UnitOutcome {
        let report = GroupReport {
            group: self.group.name.clone(),
            stores: self.group.stores.clone(),
            tables,
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

    /// Views of the other groups, through which labels may lead.
    async fn views_of_others(&self) -> Result<Views, SkillError> {
        let catalogs = &self.context.plan.sections.extract.catalogs;
        let mut views = Views::default().with_source(catalogs);
        views.know(self.live);
        for group in &self.context.plan.sections.load.groups {
            if group.name == self.group.name {
                continue;
            }
            let failed = |error: StoreError| merge_failed(group, &error);
            let target = self.session.target(group)?;
            let live = live_tables(target).await.map_err(failed)?;
            views.open(target, &live).await.map_err(failed)?;
        }
        Ok(views)
    }

    /// Compares every table again, now under locks, and marks the staged rows.
    async fn decide(
        &self,
        merge: &mut dyn Merge,
        views: &mut Views,
        writes: &OurWrites,
    ) -> Result<Vec<Decided>, SkillError> {
        let failed = |error: StoreError| merge_failed(self.group, &error);
        for table in self.tables() {
            merge.lock_staged(table).await.map_err(failed)?;
        }
        let mut conflicts = Conflicts::default();
        let mut decided = Vec::new();
        for table in self.tables() {
            decided.push(
                self.decide_table(merge, views, writes, table, &mut conflicts)
                    .await?,
            );
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
        merge: &mut dyn Merge,
        views: &mut Views,
        writes: &OurWrites,
        name: &TableRef,
        conflicts: &mut Conflicts,
    ) -> Result<Decided, SkillError> {
        let failed = |error: StoreError| store_failed(format!("load {name}"), &error);
        let shape = Shape::of(&self.context.plan, name)?;
        let mut counts = TableCounts::default();
        let (mut inserted, mut updated, mut images) = (Vec::new(), Vec::new(), Vec::new());
        for batch in self.artifact.rows(name) {
            self.context.cancel.check()?;
            let (batch, membership) =
                batch.map_err(|error| artifact_failed("read the masked artifact", &error))?;
            let scope = Scope {
                plan: &self.context.plan,
                shape: &shape,
                writes,
                hasher: &self.hasher,
                locators: &self.locators,
            };
            let mut readers = Readers {
                merge: Some((&self.group.stores, &mut *merge)),
                views,
            };
            let compared = classify(&mut readers, &scope, &batch, &membership, conflicts).await?;
            counts.staged += batch.num_rows() as u64;
            compared.count(&mut counts);
            mark(merge, name, &compared).await.map_err(failed)?;
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
        })
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
        merge: &mut dyn Merge,
        table: &Decided,
    ) -> Result<(TableReport, Option<Finding>), SkillError> {
        let name = table.shape.name();
        let failed = |error: StoreError| store_failed(format!("load {name}"), &error);
        let rows = table.inserted.iter().chain(&table.updated);
        let keys: Vec<Key> = rows.clone().map(|row| row.key.clone()).collect();
        let mut views = Views::default();
        let mut readers = Readers {
            merge: Some((&self.group.stores, merge)),
            views: &mut views,
        };
        let after = read_back(&mut readers, &table.shape, &self.hasher, &keys).await?;
        let changed = rows
            .filter(|row| {
                after
                    .get(&row.key)
                    .is_some_and(|(_, sent)| *sent != row.hash)
            })
            .count();
        let written = ledger_rows(table, &after)?;
        let entries = entries(&self.context.run, name, &written);
        merge.write_ledger(&entries).await.map_err(failed)?;
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
            let what = "CERT changed rows while they were written (triggers, rounding)";
            Finding::warning("changed-by-target", name.to_string(), what, changed as u64)
        });
        Ok((report, finding))
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

fn check_applied(decided: &[Decided], applied: &[Applied]) -> Result<(), SkillError> {
    for table in decided {
        let name = table.shape.name();
        let done = applied.iter().filter(|one| one.table == *name);
        let (inserted, updated) = done.fold((0, 0), |sum, one| {
            (sum.0 + one.inserted, sum.1 + one.updated)
        });
        if (inserted, updated) != (table.counts.inserted, table.counts.updated) {
            return Err(bug(format!(
                "load {name}: {inserted} rows were inserted and {updated} updated, {} and {} should have been",
                table.counts.inserted, table.counts.updated
            )));
        }
    }
    Ok(())
}
