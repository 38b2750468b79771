//! What is tried again before there is a run: PROD and CERT are looked at, and a server may be lost on the way.
//! How often and after which waits is what the orchestrator says of work inside of runs.

use redistrict_model::ErrorKind;
use redistrict_orchestrator::{Directive, directive};
use redistrict_skill::{Clock, SystemClock};

use crate::failure::{CommandResult, Failure};
use crate::output;
use crate::secrets::without_logins;

/// What is known of the stores before the first attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contact {
    /// Nothing: where nobody answers the URL may be wrong, and that is told at once.
    None,
    /// They answered a moment ago.
    Made,
}

/// Does the work, and again where a connection was lost or a server is away for now: at most so often and after
/// such waits as a run does. Each failed attempt is told. The work has to begin anew each time.
///
/// # Errors
/// Those of the work; the last one where all attempts failed, with their number among its causes.
pub(crate) async fn attempts<T>(
    contact: Contact,
    work: impl AsyncFnMut() -> CommandResult<T>,
) -> CommandResult<T> {
    let salt = u64::from(std::process::id());
    attempts_by(&SystemClock::new(), salt, contact, work).await
}

async fn attempts_by<T>(
    clock: &dyn Clock,
    salt: u64,
    contact: Contact,
    mut work: impl AsyncFnMut() -> CommandResult<T>,
) -> CommandResult<T> {
    let mut retries = 0;
    loop {
        let mut failure = match work().await {
            Ok(done) => return Ok(done),
            Err(failure) => failure,
        };
        let Some(kind) = failure.kind.filter(|kind| is_passing(*kind)) else {
            return Err(failure);
        };
        if retries == 0 && contact == Contact::None && failure.is_first_contact {
            return Err(failure);
        }
        let Directive::Retry(wait) = directive(kind, retries, salt) else {
            let tried = format!("go on after {} attempts with growing waits", retries + 1);
            failure.causes.push(tried);
            return Err(failure);
        };
        retries += 1;
        told(&failure, retries, wait);
        clock.sleep(wait).await;
    }
}

fn is_passing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Transient | ErrorKind::Unreachable)
}

fn told(failure: &Failure, attempt: u32, wait: std::time::Duration) {
    let message = without_logins(&failure.message);
    output::note(format!(
        "attempt {attempt} failed: could not {message}; trying again in {:.1} s",
        wait.as_secs_f64()
    ));
}

#[cfg(test)]
mod tests {
    use redistrict_skill::ManualClock;
    use redistrict_store::{StoreError, StoreErrorKind};

    use super::*;

    fn lost(kind: StoreErrorKind) -> Failure {
        StoreError::new(kind, "read the catalog").into()
    }

    #[tokio::test]
    async fn what_was_lost_is_looked_at_again_and_what_is_wrong_is_told_at_once() {
        let clock = ManualClock::default();
        let mut left = 2;
        let done = attempts_by(&clock, 7, Contact::None, async || {
            left -= 1;
            if left >= 0 {
                return Err(lost(StoreErrorKind::Transient));
            }
            Ok(7)
        });
        assert_eq!(done.await.ok(), Some(7));
        assert!(
            (4..=6).contains(&clock.monotonic().as_secs()),
            "1 s and 3 s, and jitter"
        );
        for (kind, attempts_made) in [
            (StoreErrorKind::Transient, 4),
            (StoreErrorKind::Unreachable, 4),
            (StoreErrorKind::Auth, 1),
            (StoreErrorKind::Config, 1),
        ] {
            let mut made = 0;
            let failed = attempts_by::<()>(&clock, 7, Contact::None, async || {
                made += 1;
                Err(lost(kind))
            });
            let failure = failed.await.err().map(|failure| failure.causes.len());
            assert_eq!(
                (made, failure),
                (attempts_made, Some(usize::from(attempts_made > 1)))
            );
        }
    }

    #[tokio::test]
    async fn a_host_that_never_answered_is_told_at_once() {
        let clock = ManualClock::default();
        for (contact, expected) in [(Contact::None, 1), (Contact::Made, 4)] {
            let mut made = 0;
            let failed = attempts_by::<()>(&clock, 7, contact, async || {
                made += 1;
                Err(lost(StoreErrorKind::Unreachable).of_first_contact())
            });
            assert!(failed.await.is_err());
            assert_eq!(made, expected);
        }
    }
}
