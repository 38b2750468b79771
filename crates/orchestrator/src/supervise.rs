//! Watches over a skill at work: heartbeats while it is silent, and a panic becomes an error.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use redistrict_model::{ErrorKind, Phase, UnitKey};
use redistrict_skill::{Cancel, Clock, SkillError};

use crate::events::{Feed, FeedEvent};

/// How often a wait looks whether it is cancelled.
const SLICE: Duration = Duration::from_millis(250);

/// Runs the work to its end and tells a heartbeat whenever the feed was silent for its time. It is
/// never given up: stopping is the skill's, which has the cancel flag.
pub(crate) async fn supervised<T>(
    work: impl Future<Output = Result<T, SkillError>>,
    phase: Phase,
    unit: Option<&UnitKey>,
    clock: &dyn Clock,
    feed: &Feed,
) -> Result<T, SkillError> {
    let start = clock.monotonic();
    feed.begin_work();
    let mut work = pin!(without_panic(work));
    loop {
        tokio::select! {
            biased;
            result = &mut work => return result,
            () = clock.sleep(feed.until_heartbeat()) => {
                if feed.until_heartbeat().is_zero() {
                    feed.tell(FeedEvent::Heartbeat {
                        phase,
                        unit: unit.cloned(),
                        elapsed: clock.monotonic().saturating_sub(start),
                        progress: feed.progress_so_far(),
                    });
                }
            }
        }
    }
}

/// Waits, at most until somebody asks to stop.
pub(crate) async fn wait(duration: Duration, clock: &dyn Clock, cancel: &Cancel) {
    let end = clock.monotonic() + duration;
    loop {
        let rest = end.saturating_sub(clock.monotonic());
        if rest.is_zero() || cancel.is_cancelled() {
            return;
        }
        clock.sleep(rest.min(SLICE)).await;
    }
}

/// A panic is a bug of a skill: the run fails with it and is taken back, as with any other error.
/// What the panic said is not taken over, because it may hold a value.
async fn without_panic<T>(
    work: impl Future<Output = Result<T, SkillError>>,
) -> Result<T, SkillError> {
    let mut work = pin!(work);
    poll_fn(
        |context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(poll) => poll,
            Err(_panic) => Poll::Ready(Err(SkillError::new(
                ErrorKind::Bug,
                "go on: the skill panicked",
            ))),
        },
    )
    .await
}
