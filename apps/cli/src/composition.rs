//! What proofs may replace: masks, the journal, targets.

use std::sync::Arc;

use redistrict_anonymize::MaskRegistry;
use redistrict_journal::Journal;
use redistrict_store::TargetStore;

/// Puts something around the journal.
pub type WrapJournal = Arc<dyn Fn(Arc<dyn Journal>) -> Arc<dyn Journal> + Send + Sync>;
/// Puts something around a commit group.
pub type WrapTarget = Arc<dyn Fn(Arc<dyn TargetStore>) -> Arc<dyn TargetStore> + Send + Sync>;

/// The parts a command is put together from. The default is the product.
#[derive(Default)]
pub struct Composition {
    pub masks: Option<MaskRegistry>,
    pub wrap_journal: Option<WrapJournal>,
    pub wrap_target: Option<WrapTarget>,
}
