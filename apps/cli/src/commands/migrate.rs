//! `redistrict migrate`: the five phases.

use redistrict_artifact::Artifact;
use redistrict_journal::{RunKind, RunOptions};
use redistrict_model::{DistrictId, Phase, Plan, RunId, shell_argument};
use redistrict_orchestrator::RunSummary;

use crate::approvals::{Approvals, approvals};
use crate::args;
use crate::attempts::{Contact, attempts};
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::planned::{For, planned};
use crate::planning::{self, Source, Target};
use crate::prerequisites;
use crate::retention;
use crate::runner::{self, NewRun, Parts};
use crate::session::Session;
use crate::wire::Workspace;

/// Migrates a district.
pub(crate) async fn run(session: &Session, arguments: &args::Migrate) -> CommandResult<Exit> {
    if arguments.replace {
        return Err(Failure::not_available("--replace"));
    }
    let workspace = session.workspace()?;
    let ask = &arguments.ask;
    let prepared = prepare(session, &workspace, &arguments.district, ask).await?;
    let options = RunOptions {
        reuse: match arguments.skip_extraction {
            true => Some(newest_raw(&prepared, "migrate")?),
            false => None,
        },
        skip_load: arguments.skip_load,
        dry_run: arguments.dry_run,
        ..RunOptions::default()
    };
    let (parts, summary) = prepared.start(session, options).await?;
    runner::conclude(session, &parts, &summary)
}

/// A plan and what its run works with.
pub(crate) struct Prepared {
    pub(crate) plan: Plan,
    pub(crate) parts: Parts,
    /// What somebody has to approve.
    approvals: Approvals,
}

impl Prepared {
    /// Starts a migration with these options.
    pub(crate) async fn start(
        self,
        session: &Session,
        options: RunOptions,
    ) -> CommandResult<(Parts, RunSummary)> {
        let options = RunOptions {
            approvals: self.approvals.phases,
            hub_rows: self.approvals.hub_rows,
            ..options
        };
        let new = NewRun {
            kind: RunKind::Migration,
            district: self.plan.district.clone(),
            options,
            parent: None,
            plan: self.plan,
        };
        let summary = Box::pin(runner::start(session, &self.parts, new)).await?;
        Ok((self.parts, summary))
    }
}

/// Checks the prerequisites and plans.
pub(crate) async fn prepare(
    session: &Session,
    workspace: &Workspace,
    district: &str,
    ask: &args::AskBefore,
) -> CommandResult<Prepared> {
    // What is typed wrong is told at once, what is configured wrong with everything else that is missing.
    let configured = approvals(&workspace.config);
    if let Ok(approvals) = &configured {
        approvals.clone().and(ask)?;
    }
    retention::shred_overdue(session, workspace)?;
    session.notifications.open(workspace);
    attempts(Contact::None, async || {
        prerequisites::require(prerequisites::look(session, workspace).await)
    })
    .await?;
    let approvals = configured?.and(ask)?;
    let district = DistrictId::new(district);
    let made = planned(session, workspace, &district, For::Run).await;
    let (source, target, plan) = made?;
    let parts = parts(session, workspace, source, target)?;
    Ok(Prepared {
        plan,
        parts,
        approvals,
    })
}

fn parts(
    session: &Session,
    workspace: &Workspace,
    source: Source,
    target: Target,
) -> CommandResult<Parts> {
    Ok(Parts {
        layout: workspace.layout.clone(),
        key: workspace.root_key()?,
        journal: session.journal(workspace)?,
        source_fingerprints: source.fingerprints(),
        sources: source.stores,
        targets: target.groups,
        denied: planning::denied(workspace),
        owner: runner::owner()?,
    })
}

/// The run that made the newest sealed raw artifact of the plan's district. Where there is none, `command`
/// is what makes one.
pub(crate) fn newest_raw(prepared: &Prepared, command: &str) -> CommandResult<RunId> {
    let Prepared { plan, parts, .. } = prepared;
    let dir = parts.layout.raw_of(&plan.district, &parts.key);
    let newest = Artifact::newest(&dir).ok_or_else(|| {
        Failure::prerequisite(format!(
            "use the last extraction of district {}: there is no sealed one",
            plan.district
        ))
        .with_hint(format!(
            "redistrict {command} {}",
            shell_argument(plan.district.as_str())
        ))
    })?;
    let artifact = Artifact::open(&newest, &parts.key)?;
    artifact.verify()?;
    redistrict_anonymize::check_fits(artifact.manifest(), plan)?;
    Ok(artifact.run().clone())
}

/// Only one phase, and the report.
pub(crate) fn only(phase: Phase) -> RunOptions {
    RunOptions {
        only: vec![phase, Phase::Reporting],
        ..RunOptions::default()
    }
}
