//! The end of a load or an undo: the open transactions of all groups commit together, as the mode says, or none
//! does. What is unknown is asked for, never guessed.

use redistrict_model::{ErrorKind, LoadGroup, StoreName, UnitKey};
use redistrict_skill::{SkillError, UnitContext, UnitOutcome};
use redistrict_store::{Decision, Merge, PrepareOutcome, PreparedId, RunRecord};

use crate::commit::{NotCommitted, commit};
use crate::error::{bug, store_failed};
use crate::mode::CommitMode;
use crate::session::Session;

/// A group whose rows are written and checked, but for the end of its transaction.
pub(crate) struct Ready<'a> {
    pub(crate) group: &'a LoadGroup,
    /// The unit that tells of it.
    pub(crate) unit: UnitKey,
    pub(crate) merge: Box<dyn Merge>,
    pub(crate) record: RunRecord,
    pub(crate) outcome: UnitOutcome,
}

/// A group that has prepared its commit, and what it tells.
struct Member<'a> {
    group: &'a LoadGroup,
    id: PreparedId,
    unit: UnitKey,
    outcome: UnitOutcome,
}

/// Writes down in the outcomes how the groups end. Only where these are all groups of the run: what an earlier
/// process ended, and how, nobody knows any more.
pub(crate) fn tell(ready: &mut [Ready<'_>], mode: &CommitMode) -> Result<(), SkillError> {
    let told = serde_json::to_value(mode).map_err(|_| bug("tell how the groups commit"))?;
    let facts = ready.iter_mut().map(|one| &mut one.outcome.facts);
    for facts in facts.filter_map(serde_json::Value::as_object_mut) {
        facts.insert("commit".to_owned(), told.clone());
    }
    Ok(())
}

/// Ends the transactions of all these groups. Each group's outcome is kept as soon as it is certain.
///
/// After an error every lease is asked for anew, and with it what became of the groups; `Session::may_stand` tells
/// whether they may have ended.
pub(crate) async fn end_together(
    session: &Session,
    context: &UnitContext,
    ready: Vec<Ready<'_>>,
    mode: &CommitMode,
) -> Result<(), SkillError> {
    // A group without a table of the plan has no more than the record of the run.
    let (written, others): (Vec<_>, Vec<_>) = ready
        .into_iter()
        .partition(|one| !one.group.order.is_empty());
    match mode {
        CommitMode::TwoPhase { decides, .. } => {
            let ended = in_two_phases(session, context, written, decides).await;
            if ended.is_err() {
                session.forget_all();
            }
            ended?;
        }
        CommitMode::OneTransaction | CommitMode::OneAfterAnother { .. } => {
            one_after_another(session, context, written).await?;
            session.set_may_stand(true);
        }
    }
    one_after_another(session, context, others).await
}

async fn one_after_another(
    session: &Session,
    context: &UnitContext,
    ready: Vec<Ready<'_>>,
) -> Result<(), SkillError> {
    for one in ready {
        commit(session, one.group, context, one.merge, &one.record)
            .await
            .map_err(NotCommitted::into_error)?;
        session.keep_outcome(one.unit, one.outcome);
    }
    Ok(())
}

/// Prepares everywhere, decides in one place, completes.
async fn in_two_phases(
    session: &Session,
    context: &UnitContext,
    ready: Vec<Ready<'_>>,
    decides: &StoreName,
) -> Result<(), SkillError> {
    let (deciders, members): (Vec<_>, Vec<_>) = ready
        .into_iter()
        .partition(|one| one.group.name == *decides);
    let [decider] = <[Ready<'_>; 1]>::try_from(deciders)
        .map_err(|_| bug(format!("find {decides}, which decides, among the groups")))?;
    let mut prepared = Vec::new();
    for one in members {
        let id = PreparedId {
            run: one.record.run.clone(),
            epoch: decider.record.epoch,
            group: one.group.name.clone(),
            decider: decides.clone(),
        };
        if let Err(error) = prepare(session, one, id, &mut prepared).await {
            // It holds locks that nobody should wait for.
            drop(decider);
            abandon(session, context, &prepared).await;
            return Err(error);
        }
    }
    let Ready {
        group,
        unit,
        merge,
        record,
        outcome,
    } = decider;
    // Nothing is taken back from here on, until somebody has asked.
    session.set_may_stand(true);
    match commit(session, group, context, merge, &record).await {
        Ok(()) => session.keep_outcome(unit, outcome),
        Err(NotCommitted::Certain(error)) => {
            session.set_may_stand(false);
            abandon(session, context, &prepared).await;
            return Err(error);
        }
        // It may stand: nothing is taken back until somebody has asked.
        Err(NotCommitted::Unknown(error)) => return Err(error.keeping()),
    }
    complete(session, &prepared)
        .await
        .map_err(SkillError::keeping)?;
    for member in prepared {
        session.keep_outcome(member.unit, member.outcome);
    }
    Ok(())
}

/// Prepares one group; it is added to `prepared` as soon as it may be.
async fn prepare<'a>(
    session: &Session,
    one: Ready<'a>,
    id: PreparedId,
    prepared: &mut Vec<Member<'a>>,
) -> Result<(), SkillError> {
    if !id.fits() {
        let why = "the names of the run and of the stores are too long for it".to_owned();
        return Err(refused(session, one.group, why));
    }
    let what = format!("prepare the commit of {}", one.group.name);
    let outcome = one.merge.prepare(&one.record, &id).await;
    let refuses = matches!(outcome, Ok(PrepareOutcome::Refused { .. }));
    if !refuses {
        prepared.push(Member {
            group: one.group,
            id,
            unit: one.unit,
            outcome: one.outcome,
        });
    }
    match outcome {
        Ok(PrepareOutcome::Prepared) => Ok(()),
        Ok(PrepareOutcome::Refused { why }) => Err(refused(session, one.group, why)),
        Ok(PrepareOutcome::Unknown) => {
            let what = format!("{what}: the connection was lost");
            Err(SkillError::new(ErrorKind::Transient, what))
        }
        Err(error) => Err(store_failed(what, &error)),
    }
}

/// The next attempt goes another way.
fn refused(session: &Session, group: &LoadGroup, why: String) -> SkillError {
    let what = format!("prepare the commit of {}: {why}", group.name);
    session.refuse_to_prepare(group, why);
    SkillError::new(ErrorKind::Transient, what)
}

/// Rolls back what is prepared, as far as it can be reached: what is left ends whoever takes the lease.
async fn abandon(session: &Session, context: &UnitContext, prepared: &[Member<'_>]) {
    for member in prepared {
        session.forget(member.group);
        let _left = session
            .claim(member.group, &member.id.run, context.is_resume)
            .await;
    }
}

/// Tells the decision to every group that has prepared.
async fn complete(session: &Session, prepared: &[Member<'_>]) -> Result<(), SkillError> {
    for Member { group, id, .. } in prepared {
        let what = format!("commit what {} has prepared", group.name);
        let target = session.target(group)?;
        let was_there = target.finish(id, Decision::Commit).await;
        if was_there.map_err(|error| store_failed(&what, &error))? {
            continue;
        }
        // By somebody else, or by a call whose reply was lost.
        let record = target.run_record(&id.run).await;
        if record
            .map_err(|error| store_failed(&what, &error))?
            .is_none()
        {
            let what = format!("{what}: somebody has rolled it back; it is loaded again");
            return Err(SkillError::new(ErrorKind::Transient, what));
        }
    }
    Ok(())
}
