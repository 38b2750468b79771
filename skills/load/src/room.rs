//! What a target itself says against what would be written: too much for one transaction, a table that cannot be
//! written. Its own answers, as refusals.

use redistrict_model::{Finding, LoadGroup, Severity, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::{StoreError, TableSize, TargetStore};

use crate::error::{config, store_failed};

/// Asks the target. Nothing was written yet.
///
/// # Errors
/// What stands against it, of kind `Config` with the target's lines as hints; or a failing store.
pub(crate) async fn check_room(
    target: &dyn TargetStore,
    group: &LoadGroup,
    sizes: &[TableSize],
) -> Result<(), SkillError> {
    let failed = |error: StoreError| {
        store_failed(format!("ask {} how much it can take", group.name), &error)
    };
    let Some(finding) = target.fits(sizes).await.map_err(failed)? else {
        return Ok(());
    };
    Err(refusal(finding))
}

/// Asks the target what stands against writing the group's tables now: the plan asked before, and rights may have
/// been taken away since.
///
/// # Errors
/// The first thing that stands against it, as of [`check_room`].
pub(crate) async fn check_obstacles(
    group: &LoadGroup,
    target: &dyn TargetStore,
) -> Result<(), SkillError> {
    let tables: Vec<TableRef> = group.order.iter().flatten().cloned().collect();
    let failed = |error: StoreError| {
        let doing = format!("ask {} what stands against writing it", group.name);
        store_failed(doing, &error)
    };
    let findings = target.obstacles(&tables).await.map_err(failed)?;
    let is_error = |finding: &Finding| finding.severity == Severity::Error;
    match findings.into_iter().find(is_error) {
        Some(finding) => Err(refusal(finding)),
        None => Ok(()),
    }
}

fn refusal(finding: Finding) -> SkillError {
    let error = config(format!(
        "write to {}: {} [{}]",
        finding.subject, finding.message, finding.code
    ));
    finding.lines.into_iter().fold(error, SkillError::with_hint)
}
