//! What proofs may replace: masks, the journal, what is extracted from, targets.

use std::sync::Arc;

use redistrict_anonymize::MaskRegistry;
use redistrict_journal::Journal;
use redistrict_store::{SourceStore, TargetStore};

/// Puts something around the journal.
pub type WrapJournal = Arc<dyn Fn(Arc<dyn Journal>) -> Arc<dyn Journal> + Send + Sync>;
/// Puts something around a store that a run extracts from.
pub type WrapSource = Arc<dyn Fn(Arc<dyn SourceStore>) -> Arc<dyn SourceStore> + Send + Sync>;
/// Puts something around a commit group.
pub type WrapTarget = Arc<dyn Fn(Arc<dyn TargetStore>) -> Arc<dyn TargetStore> + Send + Sync>;

/// The parts a command is put together from. The default is the product.
#[derive(Default)]
pub struct Composition {
    pub masks: Option<MaskRegistry>,
    pub wrap_journal: Option<WrapJournal>,
    pub wrap_source: Option<WrapSource>,
    pub wrap_target: Option<WrapTarget>,
}
