//! The skill of the phase Loading: its units, and taking back what a failed run had committed.

use async_trait::async_trait;
use redistrict_model::{ErrorKind, LoadGroup, Phase, Plan, RunId, StoreName, UnitKey};
use redistrict_skill::{Skill, SkillError, UnitContext, UnitOutcome};
use redistrict_store::RunState;
use serde_json::json;

use crate::error::{bug, store_failed};
use crate::leases::{Claimed, superseded};
use crate::report::{FORMAT_VERSION, GroupReport, LoadReport, UndoReport};
use crate::session::{LoadSetup, Mode, Session, preflight_unit};
use crate::undo::{Standing, Undoing, compensation_of};
use crate::{merge, preflight, staging};

/// Loads the masked artifact into CERT.
///
/// Units: `preflight`; `lease` and `merge` per commit group, `stage` per table, `close`. All groups
/// are staged before the first one is merged; each is merged in one transaction. The first `merge` commits all
/// groups: once it is done, the load stands, and nothing is taken back any more. A dry run has the
/// preflight only.
pub struct LoadSkill {
    session: Session,
}

impl LoadSkill {
    /// A skill that knows nothing of earlier processes of its run.
    #[must_use]
    pub fn new(setup: LoadSetup) -> Self {
        Self {
            session: Session::new(setup),
        }
    }

    async fn close(&self, context: &UnitContext) -> Result<UnitOutcome, SkillError> {
        let plan = &context.plan;
        for group in &plan.sections.load.groups {
            close_group(&self.session, group, context).await?;
        }
        let mut groups: Vec<GroupReport> = Vec::new();
        for group in &plan.sections.load.groups {
            let unit = group_unit("merge", group);
            let facts = context.outcome(&unit).map(|done| done.facts.clone());
            let report = facts.and_then(|facts| serde_json::from_value(facts).ok());
            groups.push(report.ok_or_else(|| bug(format!("find the outcome of {unit}")))?);
        }
        let rows = groups.iter().map(GroupReport::rows_written).sum();
        let sequences: Vec<_> = groups
            .iter()
            .flat_map(|one| one.sequences.clone())
            .collect();
        let report = LoadReport {
            format_version: FORMAT_VERSION,
            run: context.run.clone(),
            undid: None,
            district: plan.district.clone(),
            commit: groups
                .iter_mut()
                .filter_map(|one| one.commit.take())
                .next_back(),
            groups,
            undone: Vec::new(),
            sequences: sequences.clone(),
        };
        let setup = &self.session.setup;
        report.write(&setup.layout.load(&plan.district, &setup.key, &context.run))?;
        Ok(UnitOutcome {
            rows,
            facts: json!({ "sequences": sequences }),
            ..UnitOutcome::default()
        })
    }
}

/// A unit of a commit group.
pub(crate) fn group_unit(step: &str, group: &LoadGroup) -> UnitKey {
    UnitKey::new(Phase::Loading, step).of_store(&group.name)
}

/// The group that a unit of one is about.
pub(crate) fn group_of<'p>(unit: &UnitKey, plan: &'p Plan) -> Result<&'p LoadGroup, SkillError> {
    let is_meant = |group: &&LoadGroup| match &unit.table {
        Some(table) => group.stores.contains(&table.store),
        None => unit.store.as_ref() == Some(&group.name),
    };
    let mut groups = plan.sections.load.groups.iter();
    groups
        .find(is_meant)
        .ok_or_else(|| bug(format!("run unit {unit}: the plan has no such group")))
}

/// Clears the run's staging, gives the lease back. Where another run has the lease, or somebody had it since, this
/// one had given it back before, as its last step; unless another process of the same run is at it, or the run was
/// taken back meanwhile.
pub(crate) async fn close_group(
    session: &Session,
    group: &LoadGroup,
    context: &UnitContext,
) -> Result<(), SkillError> {
    let run = &context.run;
    let lease = match session.ask(group, context).await? {
        Claimed::Held(lease) => lease,
        Claimed::Busy { holder } if holder != *run => return Ok(()),
        Claimed::Superseded { holder } if holder.as_ref() != Some(run) => {
            let record = session.target(group)?.run_record(run).await;
            let record =
                record.map_err(|error| store_failed(format!("close {}", group.name), &error))?;
            return match record {
                Some(record) if record.state == RunState::Undone => Err(superseded(group, run)),
                _ => Ok(()),
            };
        }
        Claimed::Busy { .. } | Claimed::Superseded { .. } => session.lease(group, context).await?,
    };
    session.clear_and_release(group, &lease).await
}

/// Takes back what the run of this context committed, in all groups, last one first. A dry run committed nothing.
pub(crate) async fn compensate(
    session: &Session,
    context: &UnitContext,
) -> Result<UnitOutcome, SkillError> {
    match session.setup.mode {
        Mode::DryRun => Ok(UnitOutcome::default()),
        Mode::Apply => {
            session
                .beating(context, take_back_all(session, context))
                .await
        }
    }
}

async fn take_back_all(
    session: &Session,
    context: &UnitContext,
) -> Result<UnitOutcome, SkillError> {
    let undone = &context.run;
    let undo = compensation_of(undone);
    let mut reports = Vec::new();
    let mut kept_by_others: Vec<StoreName> = Vec::new();
    let mut failed: Option<SkillError> = None;
    let (asked, never_asked) = split_by_lease(context);
    kept_by_others.extend(never_asked.iter().rev().map(|group| group.name.clone()));
    for group in asked.iter().rev() {
        let undoing = Undoing::new(session, context, group, undone, &undo)?;
        match take_back(session, group, &undoing).await {
            Ok(TakenBack::Report(report)) => reports.extend(*report),
            Ok(TakenBack::NeverLeased) => kept_by_others.push(group.name.clone()),
            // A group that is away does not keep the others from being as they were.
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    // Taken to ask for a decision, of a group that had been given back before.
    for group in &context.plan.sections.load.groups {
        if let Some(lease) = session.held(group) {
            session.clear_and_release(group, &lease).await?;
        }
    }
    Ok(UnitOutcome {
        rows: 0,
        bytes: 0,
        facts: json!({ "undone": reports, "never_leased": kept_by_others }),
        findings: Vec::new(),
    })
}

/// The groups whose lease the run has asked for, and those it never came to. Leases are taken in the
/// order of the groups, one after the other: the first one without an outcome may have been asked for,
/// the ones behind it were not. Whoever was never there must not ask for the lease to say so: another
/// run that is about to take it would find it held, and of many runs at once none would go on.
fn split_by_lease(context: &UnitContext) -> (&[LoadGroup], &[LoadGroup]) {
    let groups = context.plan.sections.load.groups.as_slice();
    let is_leased = |group: &LoadGroup| context.outcome(&group_unit("lease", group)).is_some();
    let leased = groups.iter().take_while(|group| is_leased(group)).count();
    groups.split_at(groups.len().min(leased + 1))
}

/// What taking a run back came to in one group.
enum TakenBack {
    Report(Box<Option<UndoReport>>),
    /// Nothing of ours was ever here.
    NeverLeased,
}

async fn take_back(
    session: &Session,
    group: &LoadGroup,
    undoing: &Undoing<'_>,
) -> Result<TakenBack, SkillError> {
    let context = undoing.context;
    let is_leased = context.outcome(&group_unit("lease", group)).is_some();
    match is_anothers(session, group, undoing, &context.run, undoing.run).await {
        Ok(false) => {}
        Ok(true) => return Ok(TakenBack::NeverLeased),
        // Who was never given the lease, and may not take it now, has written nothing.
        Err(error) if !is_leased && matches!(error.kind, ErrorKind::Auth | ErrorKind::Config) => {
            return Ok(TakenBack::NeverLeased);
        }
        Err(error) => return Err(error),
    }
    let lease = undoing.lease().await?;
    undoing.stage(&lease).await?;
    let report = undoing.undo(&lease).await?;
    session
        .clear_and_release(group, &undoing.lease().await?)
        .await?;
    Ok(TakenBack::Report(Box::new(report)))
}

/// Another run has the lease, and we never wrote here: there is nothing of ours.
async fn is_anothers(
    session: &Session,
    group: &LoadGroup,
    undoing: &Undoing<'_>,
    undone: &RunId,
    undo: &RunId,
) -> Result<bool, SkillError> {
    match session.claim(group, undo, true).await? {
        Claimed::Held(_) => Ok(false),
        Claimed::Busy { holder } if holder == *undone => Ok(false),
        Claimed::Busy { .. } => Ok(undoing.standing().await? == Standing::NeverCommitted),
        Claimed::Superseded { .. } => Err(superseded(group, undone)),
    }
}

#[async_trait]
impl Skill for LoadSkill {
    fn phase(&self) -> Phase {
        Phase::Loading
    }

    fn units(&self, plan: &Plan) -> Vec<UnitKey> {
        let mut units = vec![preflight_unit()];
        if self.session.setup.mode == Mode::DryRun {
            return units;
        }
        let groups = &plan.sections.load.groups;
        units.extend(groups.iter().map(|group| group_unit("lease", group)));
        let tables = groups.iter().flat_map(|group| group.order.iter().flatten());
        units.extend(tables.map(|table| UnitKey::new(Phase::Loading, "stage").of_table(table)));
        units.extend(groups.iter().map(|group| group_unit("merge", group)));
        units.push(UnitKey::new(Phase::Loading, "close"));
        units
    }

    fn approved_unit(&self) -> Option<UnitKey> {
        Some(preflight_unit())
    }

    fn deciding_units(&self, plan: &Plan) -> Vec<UnitKey> {
        let groups = plan.sections.load.groups.iter();
        groups.map(|group| group_unit("merge", group)).collect()
    }

    async fn run(&self, unit: &UnitKey, context: &UnitContext) -> Result<UnitOutcome, SkillError> {
        context.cancel.check()?;
        let work = self.work(unit, context);
        self.session.beating(context, work).await
    }

    async fn compensate(&self, context: &UnitContext) -> Result<UnitOutcome, SkillError> {
        compensate(&self.session, context).await
    }
}

impl LoadSkill {
    async fn work(&self, unit: &UnitKey, context: &UnitContext) -> Result<UnitOutcome, SkillError> {
        let session = &self.session;
        match (unit.step.as_str(), session.setup.mode) {
            ("preflight", _) => preflight::run(session, context).await,
            (_, Mode::DryRun) => Err(bug(format!("run unit {unit}: a dry run writes nothing"))),
            ("lease", _) => {
                let group = group_of(unit, &context.plan)?;
                let lease = session.lease(group, context).await?;
                Ok(UnitOutcome {
                    facts: json!({ "epoch": lease.epoch }),
                    ..UnitOutcome::default()
                })
            }
            ("stage", _) => {
                let table = unit.table.as_ref();
                let table = table.ok_or_else(|| bug(format!("run unit {unit}: no table")))?;
                let group = group_of(unit, &context.plan)?;
                staging::run(session, group, table, unit, context).await
            }
            ("merge", _) => {
                let group = group_of(unit, &context.plan)?;
                merge::run(session, group, unit, context).await
            }
            ("close", _) => self.close(context).await,
            _ => Err(bug(format!("run unit {unit}: there is no such unit"))),
        }
    }
}
