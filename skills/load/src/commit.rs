//! Commits a merge or an undo and finds out what happened where the reply was lost. Never guesses.

use std::time::Duration;

use redistrict_model::{ErrorKind, LoadGroup};
use redistrict_skill::{SkillError, UnitContext};
use redistrict_store::{CommitOutcome, Merge, RunRecord, StoreError};

use crate::error::{bug, store_failed};
use crate::leases::{Claimed, superseded};
use crate::session::Session;

const RESOLVE_TRIES: u32 = 3;

/// Why a commit did not come to its end.
pub(crate) enum NotCommitted {
    /// The transaction was rolled back.
    Certain(SkillError),
    /// It may stand: whoever could tell cannot be asked.
    Unknown(SkillError),
}

impl NotCommitted {
    pub(crate) fn into_error(self) -> SkillError {
        let (Self::Certain(error) | Self::Unknown(error)) = self;
        error
    }
}

/// Commits, and finds out what happened where the reply was lost: by the run's record, after the old
/// sessions are gone. Never guesses.
///
/// The lease is the record's run's.
pub(crate) async fn commit(
    session: &Session,
    group: &LoadGroup,
    context: &UnitContext,
    merge: Box<dyn Merge>,
    record: &RunRecord,
) -> Result<(), NotCommitted> {
    match merge.commit(record).await {
        Ok(CommitOutcome::Committed) => return Ok(()),
        Ok(CommitOutcome::Unknown) => {}
        Err(error) if error.error_kind().is_transient() => {}
        Err(error) => return Err(NotCommitted::Certain(commit_failed(group, &error))),
    }
    session.forget(group);
    let mut last = None;
    for attempt in 1..=RESOLVE_TRIES {
        match resolve(session, group, record).await {
            Ok(true) => return Ok(()),
            Ok(false) => {
                let what = format!("commit {}: the connection was lost before it", group.name);
                return Err(NotCommitted::Certain(SkillError::new(
                    ErrorKind::Transient,
                    what,
                )));
            }
            Err(error) if error.kind.is_transient() => last = Some(error),
            Err(error) => return Err(NotCommitted::Unknown(error)),
        }
        context
            .clock
            .sleep(Duration::from_millis(200) * 2_u32.pow(attempt))
            .await;
    }
    let last = last.unwrap_or_else(|| bug("learn whether the commit happened"));
    Err(NotCommitted::Unknown(last))
}

async fn resolve(
    session: &Session,
    group: &LoadGroup,
    record: &RunRecord,
) -> Result<bool, SkillError> {
    match session.claim(group, &record.run, false).await? {
        Claimed::Held(_) => {}
        Claimed::Busy { holder } => {
            return Err(SkillError::new(
                ErrorKind::Busy,
                format!(
                    "learn whether {} was committed: run {holder} holds it now",
                    group.name
                ),
            ));
        }
        Claimed::Superseded { .. } => return Err(superseded(group, &record.run)),
    }
    let found = session.target(group)?.run_record(&record.run).await;
    let found = found.map_err(|error| commit_failed(group, &error))?;
    Ok(found.is_some())
}

fn commit_failed(group: &LoadGroup, error: &StoreError) -> SkillError {
    store_failed(format!("commit {}", group.name), error)
}
