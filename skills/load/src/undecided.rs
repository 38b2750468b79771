//! Commits that are prepared where an undo looks: until they are ended, nobody knows what stands there.

use redistrict_model::{ErrorKind, LoadGroup, RunId};
use redistrict_skill::SkillError;

use crate::session::Mode;
use crate::undo::{Undoing, compensation_of};

/// Ends what the run that is taken back, or this undo, has prepared, as it was decided, so that what follows sees it.
/// `undoings` are in the order of the leases. A dry run writes nothing, so it refuses.
///
/// # Errors
/// `Busy`, with the run, where another run has prepared something, or where a dry run would have to end it.
pub(crate) async fn settle_undecided(undoings: &[&Undoing<'_>]) -> Result<(), SkillError> {
    for undoing in undoings {
        let traces = undoing.target.traces().await;
        let traces = traces.map_err(|error| undoing.failed(&error))?;
        let Some(first) = traces.prepared.first() else {
            continue;
        };
        let undone = undoing.undone;
        let ours = [undone, undoing.run, &compensation_of(undone)];
        let others = traces.prepared.iter().find(|one| !ours.contains(&&one.run));
        if let Some(other) = others {
            return Err(undecided(undoing.group, &other.run).with_hint(format!(
                "`redistrict resume {run}` or `redistrict cancel {run}` ends it; `redistrict doctor` tells who works on it",
                run = other.run
            )));
        }
        if undoing.session.setup.mode == Mode::DryRun {
            return Err(undecided(undoing.group, &first.run).with_hint(format!(
                "without --dry-run the undo ends it first, as it was decided; so does `redistrict resume {}`",
                first.run
            )));
        }
        undoing.lease().await?;
    }
    Ok(())
}

fn undecided(group: &LoadGroup, run: &RunId) -> SkillError {
    let what = format!(
        "tell what stands in {}: run {run} has prepared a commit there that is not ended yet",
        group.name
    );
    SkillError::new(ErrorKind::Busy, what)
}
