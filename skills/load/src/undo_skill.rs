//! The skill of an undo (or a redo): takes a run back in all groups, or refuses and changes nothing.

use async_trait::async_trait;
use redistrict_model::{Finding, LoadGroup, Phase, Plan, RunId, Severity, UnitKey};
use redistrict_skill::{Skill, SkillError, UnitContext, UnitOutcome};
use serde_json::json;

use crate::conflicts::Conflicts;
use crate::ending::{Ready, end_together, tell};
use crate::error::bug;
use crate::past::InGroup;
use crate::reliance::SharedRows;
use crate::report::{FORMAT_VERSION, LoadReport, RetainedRows, UndoReport};
use crate::session::{ABILITIES, LoadSetup, Mode, Session};
use crate::skill::{close_group, compensate, group_of, group_unit};
use crate::undecided::settle_undecided;
use crate::undo::{Sight, Standing, Undoing};

/// Takes a run back exactly, as a run of its own.
///
/// Units: `check` over all groups, then `lease`, `stage`, `undo` per group, last group first, and
/// `close`. The plan is the one of the run that is taken back; its artifact is not needed. The caller
/// has the local lock of that run: no process of it lives. A dry run only checks.
pub struct UndoSkill {
    session: Session,
    parent: RunId,
    shared: SharedRows,
}

impl UndoSkill {
    /// Takes back `parent`; refuses where other runs rely on its rows.
    #[must_use]
    pub fn new(setup: LoadSetup, parent: RunId) -> Self {
        Self {
            session: Session::new(setup),
            parent,
            shared: SharedRows::Refuse,
        }
    }

    /// What is done with rows that other runs rely on.
    #[must_use]
    pub fn sharing(self, shared: SharedRows) -> Self {
        Self { shared, ..self }
    }

    fn undoing<'a>(
        &'a self,
        context: &'a UnitContext,
        group: &'a LoadGroup,
    ) -> Result<Undoing<'a>, SkillError> {
        let undoing = Undoing::new(&self.session, context, group, &self.parent, &context.run)?;
        Ok(undoing.sharing(self.shared))
    }

    /// Of every group, the last one first.
    fn undoings<'a>(&'a self, context: &'a UnitContext) -> Result<Vec<Undoing<'a>>, SkillError> {
        let groups = context.plan.sections.load.groups.iter().rev();
        groups.map(|group| self.undoing(context, group)).collect()
    }

    async fn check(&self, context: &UnitContext) -> Result<UnitOutcome, SkillError> {
        let mut conflicts = Conflicts::default();
        let (mut facts, mut findings) = (Vec::new(), Vec::new());
        let undoings = self.undoings(context)?;
        settle_undecided(&undoings.iter().rev().collect::<Vec<_>>()).await?;
        let groups = in_groups(&undoings).await?;
        for (one, undoing) in groups.iter().zip(&undoings).rev() {
            let group = undoing.group;
            let state = match one.standing {
                Standing::NeverCommitted => "never committed",
                Standing::Undone => "undone already",
                Standing::Done => "undone",
                Standing::Stands => "stands",
            };
            let report = match &one.past {
                None => None,
                Some(past) => {
                    let beside = one.beside(&groups);
                    let checked = undoing.check(&one.live, past, &beside, &mut conflicts);
                    Some(checked.await?)
                }
            };
            let retained = report.iter().flat_map(|report| &report.retained);
            findings.extend(retained.map(RetainedRows::finding));
            if state == "undone already" || state == "never committed" {
                findings.push(nothing_to_do(group, state));
            }
            facts.push(json!({ "group": group.name, "state": state, "undo": report }));
        }
        if !conflicts.is_empty() {
            return Err(conflicts.into_undo_error());
        }
        Ok(UnitOutcome {
            facts: json!({
                "undoes": self.parent,
                "groups": facts,
                ABILITIES: self.session.abilities(&context.plan).await?,
            }),
            findings,
            ..UnitOutcome::default()
        })
    }

    async fn close(&self, context: &UnitContext) -> Result<UnitOutcome, SkillError> {
        let plan = &context.plan;
        let mut undone: Vec<UndoReport> = Vec::new();
        for group in plan.sections.load.groups.iter().rev() {
            close_group(&self.session, group, context).await?;
            let unit = group_unit("undo", group);
            let facts = context.outcome(&unit).map(|done| done.facts.clone());
            let facts = facts.ok_or_else(|| bug(format!("find the outcome of {unit}")))?;
            undone.extend(serde_json::from_value::<UndoReport>(facts).ok());
        }
        let sequences = undone
            .iter()
            .flat_map(|one| one.sequences.clone())
            .collect();
        let report = LoadReport {
            format_version: FORMAT_VERSION,
            run: context.run.clone(),
            undid: Some(self.parent.clone()),
            district: plan.district.clone(),
            commit: undone
                .iter_mut()
                .filter_map(|one| one.commit.take())
                .next_back(),
            groups: Vec::new(),
            undone,
            sequences,
        };
        let setup = &self.session.setup;
        report.write(&setup.layout.load(&plan.district, &setup.key, &context.run))?;
        Ok(UnitOutcome::default())
    }

    /// Takes the run back in every group in which it still stands: all of them are written and checked in open
    /// transactions before the first one commits. Behind the last commit nothing is done that could fail; where it
    /// stands nowhere any more, what fails puts nothing in again.
    async fn undo(
        &self,
        group: &LoadGroup,
        context: &UnitContext,
    ) -> Result<UnitOutcome, SkillError> {
        let unit = group_unit("undo", group);
        if let Some(outcome) = self.session.decided_outcome(&unit) {
            return Ok(outcome);
        }
        let stands = match self.stands(context).await {
            Err(error) if self.session.may_stand(context, &check_unit()) => {
                return Err(error.keeping());
            }
            found => found?,
        };
        self.session.set_may_stand(!stands);
        let done = self.undo_the_rest(context).await;
        done.map_err(|error| self.session.keeping_what_may_stand(error))?;
        let outcome = self.session.decided_outcome(&unit);
        outcome.ok_or_else(|| bug(format!("find the outcome of {unit}")))
    }

    /// Whether the run stands in a group that is written. Takes all leases: an earlier process's commit may be under
    /// way until they are ours.
    async fn stands(&self, context: &UnitContext) -> Result<bool, SkillError> {
        let mut stands = false;
        for pending in context.plan.sections.load.groups.iter().rev() {
            let undoing = self.undoing(context, pending)?;
            undoing.lease().await?;
            let is_written = !pending.order.is_empty();
            stands |= undoing.standing().await? == Standing::Stands && is_written;
        }
        Ok(stands)
    }

    /// Takes the run back where it stands, and tells what was done where it does not stand any more.
    async fn undo_the_rest(&self, context: &UnitContext) -> Result<(), SkillError> {
        let undoings = self.undoings(context)?;
        let groups = in_groups(&undoings).await?;
        let (mut prepared, mut open) = (Vec::new(), Vec::new());
        // No group was taken back by an earlier process.
        let mut is_whole = true;
        for (one, undoing) in groups.iter().zip(&undoings) {
            let lease = undoing.lease().await?;
            if let Some(past) = &one.past {
                let beside = one.beside(&groups);
                let sight = Sight {
                    live: &one.live,
                    beside: &beside,
                };
                let done = undoing.prepare(&lease, past, sight, &mut open).await?;
                prepared.push((undoing, done));
                continue;
            }
            let unit = group_unit("undo", undoing.group);
            let told = undoing.told().await?;
            is_whole &= told.is_none();
            let outcome = told.as_ref().map(undo_outcome).unwrap_or_default();
            self.session.keep_outcome(unit, outcome);
        }
        let pending = prepared.iter().map(|(undoing, _)| undoing.group);
        let mode = self.session.mode(context, &check_unit(), pending);
        let ready = prepared.into_iter().zip(open);
        let ready = ready.map(|((undoing, one), open)| {
            let mut outcome = undo_outcome(&one.report);
            outcome.findings.extend(one.elsewhere);
            Ready {
                group: undoing.group,
                unit: group_unit("undo", undoing.group),
                merge: open.merge,
                record: one.record,
                outcome,
            }
        });
        let mut ready: Vec<Ready<'_>> = ready.collect();
        if is_whole {
            tell(&mut ready, &mode)?;
        }
        end_together(&self.session, context, ready, &mode).await?;
        self.session.decide();
        Ok(())
    }

    async fn work(&self, unit: &UnitKey, context: &UnitContext) -> Result<UnitOutcome, SkillError> {
        if unit.step != "check" && self.session.setup.mode == Mode::DryRun {
            return Err(bug(format!("run unit {unit}: a dry run writes nothing")));
        }
        match unit.step.as_str() {
            "check" => self.check(context).await,
            "lease" => {
                let group = group_of(unit, &context.plan)?;
                let lease = self.undoing(context, group)?.lease().await?;
                Ok(UnitOutcome {
                    facts: json!({ "epoch": lease.epoch }),
                    ..UnitOutcome::default()
                })
            }
            "stage" => {
                let group = group_of(unit, &context.plan)?;
                let undoing = self.undoing(context, group)?;
                let rows = undoing.stage(&undoing.lease().await?).await?;
                Ok(UnitOutcome {
                    rows,
                    ..UnitOutcome::default()
                })
            }
            "undo" => self.undo(group_of(unit, &context.plan)?, context).await,
            "close" => self.close(context).await,
            _ => Err(bug(format!("run unit {unit}: there is no such unit"))),
        }
    }
}

/// The run in every group.
async fn in_groups<'u>(undoings: &'u [Undoing<'u>]) -> Result<Vec<InGroup<'u>>, SkillError> {
    let mut groups = Vec::with_capacity(undoings.len());
    for undoing in undoings {
        groups.push(InGroup::look(undoing).await?);
    }
    Ok(groups)
}

fn undo_outcome(report: &UndoReport) -> UnitOutcome {
    let counts = report.tables.iter().map(|(_, counts)| counts);
    let rows = counts.map(|counts| counts.deleted + counts.restored + counts.reinserted);
    UnitOutcome {
        rows: rows.sum(),
        facts: serde_json::to_value(report).unwrap_or_default(),
        findings: report.retained.iter().map(RetainedRows::finding).collect(),
        ..UnitOutcome::default()
    }
}

fn nothing_to_do(group: &LoadGroup, state: &str) -> Finding {
    Finding {
        severity: Severity::Info,
        ..Finding::warning(
            "nothing-to-undo",
            group.name.as_str(),
            format!("the run's rows do not stand here ({state}): nothing to do"),
            0,
        )
    }
}

fn check_unit() -> UnitKey {
    UnitKey::new(Phase::Loading, "check")
}

#[async_trait]
impl Skill for UndoSkill {
    fn phase(&self) -> Phase {
        Phase::Loading
    }

    fn units(&self, plan: &Plan) -> Vec<UnitKey> {
        let mut units = vec![check_unit()];
        if self.session.setup.mode == Mode::DryRun {
            return units;
        }
        // In the order of a load: of a load and an undo at once one gets all leases.
        let groups = &plan.sections.load.groups;
        units.extend(groups.iter().map(|group| group_unit("lease", group)));
        for step in ["stage", "undo"] {
            units.extend(groups.iter().rev().map(|group| group_unit(step, group)));
        }
        units.push(UnitKey::new(Phase::Loading, "close"));
        units
    }

    fn approved_unit(&self) -> Option<UnitKey> {
        Some(check_unit())
    }

    fn deciding_units(&self, plan: &Plan) -> Vec<UnitKey> {
        let groups = plan.sections.load.groups.iter();
        groups.map(|group| group_unit("undo", group)).collect()
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
