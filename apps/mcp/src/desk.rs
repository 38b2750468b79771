//! Who answers.

use async_trait::async_trait;

use crate::answer::{Answer, Refusal};
use crate::question::Question;

/// Answers questions. Whoever stands behind it, an answer holds no value of a row, no secret, and nothing by
/// which a step could be approved.
#[async_trait]
pub trait Desk: Send + Sync + 'static {
    /// The answer to a question. Dropping the future gives up waiting: a run that was started goes on, what
    /// only looks is ended.
    ///
    /// # Errors
    /// What a terminal would have been told, as data.
    async fn answer(&self, question: Question) -> Result<Answer, Refusal>;
}
