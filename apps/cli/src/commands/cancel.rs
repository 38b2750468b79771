//! `redistrict cancel`: gives an unfinished run up. Whoever works on it is asked to stop first; what it
//! loaded is taken out again.

use std::path::Path;
use std::time::Duration;

use redistrict_journal::{Event, Journal, RunKind, RunState, fold};
use redistrict_model::RunId;
use redistrict_orchestrator::{OrchestratorError, RunLock, ask_to_stop, is_worked_on};

use crate::approvals::approvals;
use crate::args;
use crate::commands::{resume, rollback};
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::output::{self, Format};
use crate::person;
use crate::session::Session;
use crate::wire::Workspace;

/// How often it looks whether the run's process has stopped.
const LOOK: Duration = Duration::from_millis(200);

/// Cancels a run.
pub(crate) async fn run(session: &Session, arguments: &args::Cancel) -> CommandResult<Exit> {
    let workspace = session.workspace()?;
    let journal = session.journal(&workspace)?;
    approvals(&workspace.config)?.and(&arguments.ask)?;
    let run = RunId::new(arguments.run.clone());
    let state = person::state_of(journal.as_ref(), &run)?;
    refuse_ended(&state)?;
    refuse_begun_undo(&workspace, &state)?;
    let lock = stopped(session, &workspace, journal.as_ref(), &run).await?;
    let state = person::state_of(journal.as_ref(), &run)?;
    refuse_ended(&state)?;
    if has_begun_to_undo(&state) {
        // It began while it was asked to stop.
        drop(lock);
        output::note("an undo is not left half done: going on with it");
        return Box::pin(resume::run(session, Some(run.as_str()))).await;
    }
    if state.has_touched_cert() {
        drop(lock);
        let arguments = args::Rollback {
            run: run.to_string(),
            dry_run: false,
            wait: false,
            force: false,
            ask: arguments.ask.clone(),
            keep_foreign_changes: false,
            retain_shared: false,
        };
        let exit = Box::pin(rollback::run(session, &arguments)).await?;
        if exit == Exit::Done {
            let words = "was cancelled, and what it had loaded was taken back";
            let now = session.clock.wall();
            session.notifications.given_up(&state, words, now);
        }
        return Ok(exit);
    }
    let by = person::name(None).unwrap_or_else(|_| "a user without a name".to_owned());
    let now = u64::try_from(session.clock.wall().as_millis()).unwrap_or(u64::MAX);
    journal.append(&run, now, &[Event::RunCancelled { by }])?;
    session.notifications.open(&workspace);
    let words = "was cancelled; it had written nothing to CERT";
    let now = session.clock.wall();
    session.notifications.given_up(&state, words, now);
    if session.format() == Format::Text {
        output::note(format!(
            "run {run} is cancelled; it had written nothing to CERT"
        ));
    } else {
        output::json(&serde_json::json!({ "run": run, "status": "CANCELLED", "exit": 0 }));
    }
    Ok(Exit::Done)
}

fn has_begun_to_undo(state: &RunState) -> bool {
    state.kind == RunKind::Undo && state.has_touched_cert()
}

/// It is not even asked to stop.
fn refuse_begun_undo(workspace: &Workspace, state: &RunState) -> CommandResult {
    if !has_begun_to_undo(state) {
        return Ok(());
    }
    let run = &state.run;
    let what = format!("cancel run {run}: it has begun, and an undo is not left half done");
    let hint = match is_worked_on(&workspace.layout.state_dir, run) {
        true => format!("`redistrict watch {run}` tells when it has ended"),
        false => format!("redistrict resume {run}"),
    };
    Err(Failure::usage(what).with_hint(hint))
}

fn refuse_ended(state: &RunState) -> CommandResult {
    if state.is_unfinished() {
        return Ok(());
    }
    let run = &state.run;
    let failure = Failure::usage(format!("cancel run {run}: it has ended ({})", state.status));
    Err(match state.status {
        redistrict_journal::RunStatus::Succeeded => {
            failure.with_hint(format!("redistrict rollback {run}"))
        }
        _ => failure.with_hint(format!("`redistrict status {run}` shows where it is")),
    })
}

/// The lock of the run, once nobody works on it any more.
///
/// # Errors
/// `LEASE_HELD` where an undo of the run holds it.
async fn stopped(
    session: &Session,
    workspace: &Workspace,
    journal: &dyn Journal,
    run: &RunId,
) -> CommandResult<RunLock> {
    let state_dir = &workspace.layout.state_dir;
    let mut is_asked = false;
    loop {
        match RunLock::take(state_dir, run) {
            Ok(lock) => return Ok(lock),
            Err(OrchestratorError::Busy { .. }) => {}
            Err(error) => return Err(Failure::because(error.error_kind(), "cancel", &error)),
        }
        if let Some(undo) = undo_at_work(journal, state_dir, run)? {
            let what = format!("cancel run {run}: run {undo} is taking it back");
            return Err(Failure::new(Exit::LeaseHeld, what)
                .with_hint(format!("`redistrict status {undo}` shows where that is"))
                .with_hint(format!("to give that up first: redistrict cancel {undo}")));
        }
        // Again each time: whoever takes the lock in between takes the wish away.
        ask_to_stop(state_dir, run).map_err(|_| {
            Failure::prerequisite(format!(
                "ask the process of run {run} to stop: {} cannot be written",
                state_dir.display()
            ))
        })?;
        if !is_asked {
            output::note("asked the run to stop; it does at the next safe place");
            is_asked = true;
        }
        session.clock.sleep(LOOK).await;
    }
}

/// An undo holds the lock of the run that it takes back, and hears only of its own cancellation.
fn undo_at_work(
    journal: &dyn Journal,
    state_dir: &Path,
    run: &RunId,
) -> CommandResult<Option<RunId>> {
    for other in journal.runs()? {
        let state = fold(&journal.read(&other)?);
        let is_its_undo = state.is_some_and(|state| state.parent.as_ref() == Some(run));
        if is_its_undo && is_worked_on(state_dir, &other) {
            return Ok(Some(other));
        }
    }
    Ok(None)
}
