//! Whether a target has room for what would be written in one transaction: its own answer, as a refusal.

use redistrict_model::LoadGroup;
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
    let error = config(format!(
        "write to {}: {} [{}]",
        finding.subject, finding.message, finding.code
    ));
    Err(finding.lines.into_iter().fold(error, SkillError::with_hint))
}
