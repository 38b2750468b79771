//! Takes a run up from its journal, and tells the run that an undo is about. Decides nothing that
//! `decide` decides: the state is the fold, whatever process wrote it.

use std::collections::BTreeMap;

use redistrict_journal::{Event, Journal, RunKind, RunState, fold};
use redistrict_model::{RunId, UnitKey};
use redistrict_skill::UnitOutcome;

use crate::compose::plan_digest;
use crate::error::OrchestratorError;
use crate::summary::outcome_of;

/// The state of a run; none for an unknown run.
pub(crate) fn load(
    journal: &dyn Journal,
    run: &RunId,
) -> Result<Option<RunState>, OrchestratorError> {
    let records = journal
        .read(run)
        .map_err(|source| OrchestratorError::Journal {
            run: run.clone(),
            source: Box::new(source),
        })?;
    Ok(fold(&records))
}

/// The outcomes of the units that are done.
pub(crate) fn outcomes(
    state: &RunState,
) -> Result<BTreeMap<UnitKey, UnitOutcome>, OrchestratorError> {
    let done = state
        .units
        .iter()
        .filter_map(|(unit, known)| Some((unit, known.done.as_ref()?)));
    done.map(|(unit, journaled)| match outcome_of(journaled) {
        Ok(outcome) => Ok((unit.clone(), outcome)),
        Err(source) => Err(OrchestratorError::Outcome {
            run: state.run.clone(),
            unit: Box::new(unit.clone()),
            source,
        }),
    })
    .collect()
}

/// Refuses to go on by a plan that is not the one that was sealed.
pub(crate) fn check_plan(state: &RunState) -> Result<(), OrchestratorError> {
    if plan_digest(&state.plan) == state.plan.digest {
        return Ok(());
    }
    Err(OrchestratorError::PlanChanged {
        run: state.run.clone(),
    })
}

/// Whether a run can be taken back now. A migration that has not ended can: it is given up thereby. One
/// that is undone already can too, because CERT may have been restored since; CERT's ledger decides.
pub(crate) fn check_parent(
    journal: &dyn Journal,
    kind: RunKind,
    parent: Option<&RunId>,
) -> Result<(), OrchestratorError> {
    let (RunKind::Undo, Some(parent)) = (kind, parent) else {
        return Ok(());
    };
    let what = match load(journal, parent)? {
        None => "the journal does not know it",
        Some(state) if state.is_unfinished() && state.kind == RunKind::Undo => {
            "it has not ended, resume it first"
        }
        Some(state) if took_back_unfinished(journal, &state)? => {
            "it took back a run that had not ended: start a new migration"
        }
        Some(_) => return Ok(()),
    };
    let parent = parent.clone();
    Err(OrchestratorError::Parent { parent, what })
}

/// Such an undo cannot be taken back: what would stand again is half a load that nobody goes on with.
fn took_back_unfinished(
    journal: &dyn Journal,
    state: &RunState,
) -> Result<bool, OrchestratorError> {
    let Some(parent) = &state.parent else {
        return Ok(false);
    };
    Ok(load(journal, parent)?.is_some_and(|parent| parent.is_given_up()))
}

/// Notes in the parent that `run` undid it. The parent's parent, if that is what the parent undid,
/// is thereby done again, and so on upwards. Idempotent: what is noted already is left.
pub(crate) fn mark_parents(
    journal: &dyn Journal,
    run: &RunId,
    parent: Option<&RunId>,
    wall_millis: u64,
) -> Result<(), OrchestratorError> {
    let mut ancestor = parent.cloned();
    let mut is_undone_now = true;
    while let Some(current) = ancestor {
        let Some(state) = load(journal, &current)? else {
            return Ok(());
        };
        if state.undone_by.is_some() != is_undone_now {
            let by = run.clone();
            let event = if is_undone_now {
                Event::Undone { by }
            } else {
                Event::Redone { by }
            };
            journal
                .append(&current, wall_millis, &[event])
                .map_err(|source| OrchestratorError::Journal {
                    run: current.clone(),
                    source: Box::new(source),
                })?;
        }
        is_undone_now = !is_undone_now;
        ancestor = state.parent;
    }
    Ok(())
}
