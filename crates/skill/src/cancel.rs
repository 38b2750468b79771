//! Cancellation: a flag that is looked at between batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::SkillError;
use redistrict_model::ErrorKind;

/// Shared by everybody who works on a run. Once set it stays set.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks everybody to stop at the next safe place.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// An error of kind `Interrupted` if somebody asked.
    ///
    /// # Errors
    /// As said.
    pub fn check(&self) -> Result<(), SkillError> {
        if self.is_cancelled() {
            return Err(SkillError::new(
                ErrorKind::Interrupted,
                "finish: the run was interrupted",
            ));
        }
        Ok(())
    }
}
