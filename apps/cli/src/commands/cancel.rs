//! `redistrict cancel`: gives an unfinished run up. Whoever works on it is asked to stop first; what it
//! loaded is taken out again.

use std::time::Duration;

use redistrict_journal::{Event, RunKind, RunState};
use redistrict_model::RunId;
use redistrict_orchestrator::{OrchestratorError, RunLock, ask_to_stop};

use crate::approvals::approvals;
use crate::args;
use crate::commands::rollback;
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
    refuse_ended(&person::state_of(journal.as_ref(), &run)?)?;
    let lock = stopped(session, &workspace, &run).await?;
    let state = person::state_of(journal.as_ref(), &run)?;
    refuse_ended(&state)?;
    if state.kind == RunKind::Undo && state.has_touched_cert() {
        return Err(Failure::usage(format!(
            "cancel run {run}: it has stopped, but an undo is not left half done"
        ))
        .with_hint(format!("redistrict resume {run}")));
    }
    if state.has_touched_cert() {
        drop(lock);
        let arguments = args::Rollback {
            run: run.to_string(),
            dry_run: false,
            wait: false,
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
async fn stopped(session: &Session, workspace: &Workspace, run: &RunId) -> CommandResult<RunLock> {
    let state_dir = &workspace.layout.state_dir;
    let mut is_asked = false;
    loop {
        match RunLock::take(state_dir, run) {
            Ok(lock) => return Ok(lock),
            Err(OrchestratorError::Busy { .. }) => {}
            Err(error) => return Err(Failure::because(error.error_kind(), "cancel", &error)),
        }
        if !is_asked {
            ask_to_stop(state_dir, run).map_err(|_| {
                Failure::prerequisite(format!(
                    "ask the process of run {run} to stop: {} cannot be written",
                    state_dir.display()
                ))
            })?;
            output::note("asked the run to stop; it does at the next safe place");
            is_asked = true;
        }
        session.clock.sleep(LOOK).await;
    }
}
