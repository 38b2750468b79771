//! `redistrict rollback`: takes a run's rows out of CERT again, exactly, or refuses.

use redistrict_journal::{RunKind, RunOptions, RunState, RunStatus, fold};
use redistrict_model::{Phase, RunId};

use crate::args;
use crate::commands::resume;
use crate::digests;
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::output::{self, Format};
use crate::runner::{self, NewRun};
use crate::session::Session;

/// Undoes a run; of an undo: redoes.
pub(crate) async fn run(session: &Session, arguments: &args::Rollback) -> CommandResult<Exit> {
    if arguments.keep_foreign_changes {
        return Err(Failure::not_available("--keep-foreign-changes"));
    }
    if arguments.retain_shared {
        return Err(Failure::not_available("--retain-shared"));
    }
    let workspace = session.workspace()?;
    let parts = resume::parts(session, &workspace).await?;
    let parent = RunId::new(arguments.run.clone());
    let state = fold(&parts.journal.read(&parent)?).ok_or_else(|| {
        Failure::usage(format!("find run {parent}: the journal does not have it"))
            .with_hint("`redistrict runs` lists them")
    })?;
    if let Some(line) = nothing_to_do(&state) {
        say(session, &line);
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
            only: vec![Phase::Loading, Phase::Reporting],
            ..RunOptions::default()
        },
        parent: Some(parent),
        plan: state.plan.as_ref().clone(),
    };
    let summary = Box::pin(runner::start(session, &parts, new)).await?;
    let exit = runner::conclude(session, &workspace, &parts, &summary)?;
    if exit == Exit::Done && !arguments.dry_run {
        let digest = digests::of_targets(&parts.targets, &parts.key).await?;
        say(session, &format!("CERT digest: {digest}"));
    }
    Ok(exit)
}

fn nothing_to_do(state: &RunState) -> Option<String> {
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
