//! `redistrict rollback`: takes a run's rows out of CERT again, exactly, or refuses.

use std::sync::Arc;

use redistrict_journal::{RunKind, RunOptions, RunState as History, RunStatus, fold};
use redistrict_load::take;
use redistrict_model::{Phase, RunId};
use redistrict_store::{
    BEAT_FRESH, Lease, LeaseClaim, LeaseOutcome, RunState, TargetStore, Traces,
};

use crate::approvals::{Approvals, approvals};
use crate::args;
use crate::commands::resume;
use crate::digests;
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::nearest;
use crate::output::{self, Format};
use crate::runner::{self, NewRun, Parts};
use crate::session::Session;

/// Undoes a run; of an undo: redoes.
pub(crate) async fn run(session: &Session, arguments: &args::Rollback) -> CommandResult<Exit> {
    if arguments.keep_foreign_changes {
        return Err(Failure::not_available("--keep-foreign-changes"));
    }
    let workspace = session.workspace()?;
    let approvals = approvals(&workspace.config)?.and(&arguments.ask)?;
    let parts = resume::parts(session, &workspace, resume::Prod::MayBeAway).await?;
    let parent = RunId::new(arguments.run.clone());
    let Some(state) = fold(&parts.journal.read(&parent)?) else {
        return Err(unknown(&parts, &parent, arguments).await?);
    };
    // CERT's ledger knows better than the journal: CERT may have been restored from a backup since.
    let trace = trace_in_cert(&parts, &parent).await?;
    let stands = trace == Trace::Stands;
    if trace == Trace::None && state.kind == RunKind::Undo && state.status == RunStatus::Succeeded {
        return Err(replaced(&parent));
    }
    if let Some(line) = nothing_to_do(&state).filter(|_| !stands) {
        say(session, &line);
        if !arguments.dry_run && clear_everywhere(&parts, &parent).await? {
            say(session, "what it had left in CERT is cleared away");
        }
        if session.format() != Format::Text {
            output::json(&serde_json::json!({
                "run": state.run, "status": "NOTHING_TO_DO", "reason": line, "exit": 0,
            }));
        }
        return Ok(Exit::Done);
    }
    if state.is_unfinished() && state.kind == RunKind::Migration {
        say(
            session,
            "the run is unfinished: whatever it loaded is taken back",
        );
    }
    let new = NewRun {
        kind: RunKind::Undo,
        district: state.district.clone(),
        options: RunOptions {
            dry_run: arguments.dry_run,
            retain_shared: arguments.retain_shared,
            only: vec![Phase::Loading, Phase::Reporting],
            approvals: needs_approval(&approvals, state.kind)
                .then_some(Phase::Loading)
                .into_iter()
                .collect(),
            ..RunOptions::default()
        },
        parent: Some(parent),
        plan: state.plan.as_ref().clone(),
    };
    let summary = Box::pin(runner::start(session, &parts, new)).await?;
    let exit = runner::conclude(session, &parts, &summary)?;
    if exit == Exit::Done && !arguments.dry_run {
        let digest = digests::of_plan(&parts.targets, &parts.key, &state.plan).await?;
        say(session, &format!("CERT digest: {digest}"));
    }
    Ok(exit)
}

/// What takes an undo back puts rows into CERT again, as a load does.
fn needs_approval(approvals: &Approvals, of: RunKind) -> bool {
    match of {
        RunKind::Migration => approvals.undo,
        RunKind::Undo => approvals.undo || approvals.phases.contains(&Phase::Loading),
    }
}

/// What CERT's own records say of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trace {
    /// No target has a record of it.
    None,
    /// It was committed, and taken back since.
    Undone,
    /// Its rows stand in at least one target.
    Stands,
}

async fn trace_in_cert(parts: &Parts, run: &RunId) -> CommandResult<Trace> {
    let mut trace = Trace::None;
    for target in &parts.targets {
        match target.run_record(run).await? {
            Some(record) if record.state == RunState::Committed => return Ok(Trace::Stands),
            Some(_) => trace = Trace::Undone,
            None => {}
        }
    }
    Ok(trace)
}

/// The rows that an undo took out cannot come back where CERT never saw it.
fn replaced(undo: &RunId) -> Failure {
    Failure::prerequisite(format!(
        "take the undo {undo} back: CERT has no record of it, so it is not the CERT that it ran on, or was \
         restored from a backup since"
    ))
    .with_hint("migrate the district again")
}

/// The journal does not have the run: it is lost, or on another machine. Without the plan the run's
/// rows cannot be taken out; but what it left behind, a lease or staged rows, is cleared away, so that CERT is
/// usable. A run that was heard of lately works on another machine: it is left alone, unless somebody knows better.
async fn unknown(parts: &Parts, run: &RunId, arguments: &args::Rollback) -> CommandResult<Failure> {
    let stands = trace_in_cert(parts, run).await? == Trace::Stands;
    let mut left = Vec::new();
    for target in &parts.targets {
        let traces = target.traces().await?;
        if traces.holder.as_ref() == Some(run) && traces.is_alive() && !arguments.force {
            return Ok(alive(run, &traces));
        }
        left.push((target, traces));
    }
    let mut freed = false;
    for (target, traces) in left.iter().filter(|_| !arguments.dry_run) {
        freed |= clear_away(parts, target.as_ref(), traces, run).await?;
    }
    let failure = match stands {
        false => nearest::missing_run(parts.journal.as_ref(), run),
        true => Failure::prerequisite(format!(
            "take run {run} back: its rows stand in CERT, but the journal of this machine does not have its plan"
        ))
        .with_hint("roll it back where it was migrated, or bring .redistrict from there"),
    };
    Ok(if freed {
        failure.with_hint(format!(
            "run {run} had left its lease or staged rows behind: they are given back now, other runs can work"
        ))
    } else {
        failure
    })
}

fn alive(run: &RunId, traces: &Traces) -> Failure {
    let seconds = traces.quiet.unwrap_or_default().as_secs();
    Failure::new(
        Exit::LeaseHeld,
        format!(
            "give the lease of run {run} back: its process was heard of {seconds} seconds ago, so it works, perhaps on \
             another machine"
        ),
    )
    .with_hint(format!(
        "where it was started: `redistrict watch {run}`, `redistrict cancel {run}`"
    ))
    .with_hint(format!(
        "if it is dead: wait until nothing was heard of it for {} seconds, or, if you know it, `redistrict rollback \
         {run} --force`",
        BEAT_FRESH.as_secs()
    ))
}

/// Clears away what a run that has ended left, if anything.
async fn clear_everywhere(parts: &Parts, run: &RunId) -> CommandResult<bool> {
    let mut cleared = false;
    for target in &parts.targets {
        let traces = target.traces().await?;
        cleared |= clear_away(parts, target.as_ref(), &traces, run).await?;
    }
    Ok(cleared)
}

/// Clears away what the run left in a target; false if that is nothing.
async fn clear_away(
    parts: &Parts,
    target: &dyn TargetStore,
    traces: &Traces,
    run: &RunId,
) -> CommandResult<bool> {
    let holds = traces.holder.as_ref() == Some(run);
    if !holds && !traces.staged.contains(run) {
        return Ok(false);
    }
    let claim = LeaseClaim {
        run: run.clone(),
        owner: parts.owner.clone(),
        after: None,
        is_resume: holds,
    };
    let Some(group) = target.stores().first() else {
        return Ok(false);
    };
    let taken = take(&parts.targets, target, group, &|_| claim.clone()).await?;
    let LeaseOutcome::Held(lease) = taken.outcome else {
        return Ok(false);
    };
    clear(target, &lease).await?;
    for (group, lease) in taken.deciders {
        let is_meant = |target: &&Arc<dyn TargetStore>| target.stores().contains(&group);
        if let Some(decider) = parts.targets.iter().find(is_meant) {
            clear(decider.as_ref(), &lease).await?;
        }
    }
    Ok(true)
}

async fn clear(target: &dyn TargetStore, lease: &Lease) -> CommandResult {
    target.clear_staging(lease).await?;
    target.release_lease(lease).await?;
    Ok(())
}

fn nothing_to_do(state: &History) -> Option<String> {
    if state.status == RunStatus::Undone {
        return Some(format!(
            "run {} was taken back already: nothing to do",
            state.run
        ));
    }
    let loaded = state.phases.get(&Phase::Loading).is_some_and(|phase| {
        !matches!(phase.state, redistrict_journal::PhaseState::Skipped { .. })
    });
    (!loaded && !state.is_unfinished())
        .then(|| format!("run {} loaded nothing: nothing to do", state.run))
}

fn say(session: &Session, line: &str) {
    if session.format() == Format::Text {
        output::note(line);
    }
}
