//! `redistrict resume`: goes on with an unfinished run.

use redistrict_journal::{Journal, PhaseState, RunState, fold};
use redistrict_model::{Phase, RunId, shell_argument};

use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::output;
use crate::person;
use crate::planning;
use crate::retention;
use crate::runner::{self, Parts};
use crate::session::Session;
use crate::wire::Workspace;

/// Resumes the named run, or the newest unfinished one.
pub(crate) async fn run(session: &Session, run: Option<&str>) -> CommandResult<Exit> {
    let workspace = session.workspace()?;
    let parts = parts(session, &workspace, Prod::MustAnswer).await?;
    let run = match run {
        Some(run) => RunId::new(run),
        None => newest_unfinished(parts.journal.as_ref())?,
    };
    refuse_shredded(&parts, &person::state_of(parts.journal.as_ref(), &run)?)?;
    let summary = Box::pin(runner::resume(session, &parts, &run)).await?;
    runner::conclude(session, &parts, &summary)
}

/// A run that is still to anonymize needs what it extracted.
fn refuse_shredded(parts: &Parts, state: &RunState) -> CommandResult {
    let is_extracted = *state.phase(Phase::Extraction) == PhaseState::Completed;
    if !state.is_unfinished() || !is_extracted || state.phase(Phase::Anonymization).is_closed() {
        return Ok(());
    }
    let run = &state.run;
    let dir = parts
        .layout
        .raw_of(&state.district, &parts.key)
        .join(run.as_str());
    if dir.exists() {
        return Ok(());
    }
    let district = shell_argument(state.district.as_str());
    Err(Failure::prerequisite(format!(
        "go on with run {run}: what it extracted was shredded, after [retention] raw or by hand"
    ))
    .with_hint(format!("redistrict cancel {run}"))
    .with_hint(format!("then: redistrict migrate {district}")))
}

/// Whether PROD has to answer.
#[derive(Clone, Copy)]
pub(crate) enum Prod {
    MustAnswer,
    /// An undo reads nothing of PROD and must be possible without it.
    MayBeAway,
}

/// The parts of a run that has its plan already: nothing is analyzed again.
pub(crate) async fn parts(
    session: &Session,
    workspace: &Workspace,
    prod: Prod,
) -> CommandResult<Parts> {
    retention::shred_overdue(session, workspace)?;
    session.notifications.open(workspace);
    let sources = workspace.sources()?;
    let mut source_fingerprints = Vec::new();
    for source in &sources {
        match (source.probe().await, prod) {
            (Ok(probe), _) => source_fingerprints.push(probe.fingerprint),
            (Err(error), Prod::MayBeAway) => output::note(format!(
                "warning: PROD of store {} could not be looked at ({error}); the undo goes on: \
                 it writes only where this run's own ledger is",
                source.name()
            )),
            (Err(error), Prod::MustAnswer) => return Err(error.into()),
        }
    }
    let target = planning::target(session, workspace, &source_fingerprints, true).await?;
    Ok(Parts {
        layout: workspace.layout.clone(),
        key: workspace.root_key()?,
        journal: session.journal(workspace)?,
        sources,
        source_fingerprints,
        targets: target.groups,
        denied: planning::denied(workspace),
        owner: runner::owner()?,
    })
}

fn newest_unfinished(journal: &dyn Journal) -> CommandResult<RunId> {
    let mut newest = None;
    for run in journal.runs()?.into_iter().rev() {
        let Some(state) = fold(&journal.read(&run)?) else {
            continue;
        };
        if state.is_unfinished() {
            return Ok(run);
        }
        newest.get_or_insert(state);
    }
    let what = match newest {
        Some(state) => format!(
            "resume: no run is unfinished; the newest is {} ({})",
            state.run, state.status
        ),
        None => "resume: no run is unfinished".to_owned(),
    };
    Err(Failure::usage(what).with_hint("`redistrict runs` lists them"))
}
