//! Time, injected. Wall time is for display and names only; waiting and measuring are monotonic.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_trait::async_trait;

/// The clock of a process.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Seconds and nanoseconds since 1970 UTC, for display.
    fn wall(&self) -> Duration;

    /// Time since some fixed moment, never going back.
    fn monotonic(&self) -> Duration;

    /// Waits.
    async fn sleep(&self, duration: Duration);
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Starts its monotonic time at zero.
    #[must_use]
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn wall(&self) -> Duration {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that asks the machine"
        )]
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A clock that moves only when told to, or when somebody sleeps on it: for tests.
#[derive(Debug, Default)]
pub struct ManualClock(Mutex<Duration>);

impl ManualClock {
    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        *self.0.lock().expect("no holder panics") += by;
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn wall(&self) -> Duration {
        self.monotonic() + Duration::from_secs(1_767_225_600)
    }

    fn monotonic(&self) -> Duration {
        *self.0.lock().expect("no holder panics")
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
        tokio::task::yield_now().await;
    }
}
