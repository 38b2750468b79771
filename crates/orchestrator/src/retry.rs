//! The one policy table: what each kind of error leads to, and how long to wait.

use std::time::Duration;

use redistrict_model::ErrorKind;

/// How often the same work is tried again.
pub const MAX_RETRIES: u32 = 3;

const BASE: Duration = Duration::from_secs(1);
const FACTOR: u32 = 3;

/// What a failed attempt leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directive {
    /// Try again after the wait.
    Retry(Duration),
    /// A person has to do something; then `resume` tries again.
    AskHuman,
    /// Another run is in the way. A process that stays tries again after the wait, another one leaves and
    /// `resume` tries again.
    LetPass(Duration),
    /// The phase cannot be finished.
    Stop,
    /// Nobody failed: the run was asked to stop and can be resumed.
    Interrupt,
}

/// What an error leads to after so many retries of the same work in this process. `salt` makes the
/// jitter; the same salt gives the same waits.
#[must_use]
pub fn directive(kind: ErrorKind, retries: u32, salt: u64) -> Directive {
    match kind {
        ErrorKind::Transient | ErrorKind::Unreachable if retries < MAX_RETRIES => {
            Directive::Retry(backoff(retries, salt))
        }
        ErrorKind::Interrupted => Directive::Interrupt,
        ErrorKind::Auth => Directive::AskHuman,
        ErrorKind::Busy => Directive::LetPass(patience(retries, salt)),
        ErrorKind::Transient
        | ErrorKind::Unreachable
        | ErrorKind::Config
        | ErrorKind::Usage
        | ErrorKind::Data
        | ErrorKind::Conflict
        | ErrorKind::Corrupt
        | ErrorKind::Validation
        | ErrorKind::Leak
        | ErrorKind::Bug => Directive::Stop,
    }
}

/// The wait after so many retries: 1 s, 3 s, 9 s, each with up to half of it added as jitter, so
/// that every wait is longer than the one before.
#[must_use]
pub fn backoff(retries: u32, salt: u64) -> Duration {
    let base = BASE.saturating_mul(FACTOR.saturating_pow(retries));
    let jitter = mix(salt ^ u64::from(retries)) % 501;
    base + base.saturating_mul(u32::try_from(jitter).unwrap_or(0)) / 1000
}

/// The wait for another run after so many of them: 5 s, doubled up to 160 s, each with up to half of it
/// added as jitter. A load takes minutes; the waits of a night are some hundred events.
pub(crate) fn patience(waits: u32, salt: u64) -> Duration {
    let base = Duration::from_secs(5) * 2_u32.pow(waits.min(5));
    let jitter = mix(salt ^ u64::from(waits)) % 501;
    base + base.saturating_mul(u32::try_from(jitter).unwrap_or(0)) / 1000
}

/// A salt of a seed and the name of the work (FNV-1a).
pub(crate) fn salt(seed: u64, name: &str) -> u64 {
    name.bytes()
        .fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

/// The output function of SplitMix64 (Steele, Lea, Flood 2014).
fn mix(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_transient_kinds_are_tried_again_and_at_most_three_times() {
        for kind in [ErrorKind::Transient, ErrorKind::Unreachable] {
            assert!(kind.is_transient());
            for retries in 0..MAX_RETRIES {
                assert!(matches!(directive(kind, retries, 7), Directive::Retry(_)));
            }
            assert_eq!(directive(kind, MAX_RETRIES, 7), Directive::Stop);
        }
        for kind in [
            ErrorKind::Config,
            ErrorKind::Usage,
            ErrorKind::Data,
            ErrorKind::Conflict,
            ErrorKind::Corrupt,
            ErrorKind::Validation,
            ErrorKind::Leak,
            ErrorKind::Bug,
        ] {
            assert!(!kind.is_transient());
            assert_eq!(directive(kind, 0, 7), Directive::Stop, "{kind:?}");
        }
        assert_eq!(directive(ErrorKind::Auth, 0, 7), Directive::AskHuman);
        for waits in [0, 1, 100] {
            let Directive::LetPass(wait) = directive(ErrorKind::Busy, waits, 7) else {
                panic!("another run ends, sooner or later");
            };
            assert!((5..=240).contains(&wait.as_secs()), "{wait:?}");
        }
        assert_eq!(
            directive(ErrorKind::Interrupted, 0, 7),
            Directive::Interrupt
        );
    }

    #[test]
    fn waits_grow_stay_in_their_bounds_and_differ_by_salt() {
        for seed in 0..500 {
            let waits = [0, 1, 2].map(|retries| backoff(retries, seed).as_millis());
            assert!((1000..=1500).contains(&waits[0]), "{waits:?}");
            assert!((3000..=4500).contains(&waits[1]), "{waits:?}");
            assert!((9000..=13500).contains(&waits[2]), "{waits:?}");
        }
        assert_eq!(backoff(1, 5), backoff(1, 5));
        assert_ne!(backoff(1, salt(5, "a")), backoff(1, salt(5, "b")));
        assert!(backoff(u32::MAX, 1) > Duration::ZERO);
    }
}
