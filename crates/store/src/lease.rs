//! Who may write a target: one run at a time, one process of it, and who that is can be seen. The rules are
//! here, pure, so that every kind of store answers a claim alike.

use std::fmt;
use std::time::Duration;

use redistrict_model::RunId;
use serde::{Deserialize, Serialize};

use crate::two_phase::PreparedId;

/// How often a process says that it still works ([`TargetStore::beat`](crate::TargetStore::beat)).
pub const BEAT_EVERY: Duration = Duration::from_secs(10);
/// Whoever was heard of within this time is alive, for everybody who has nothing better to tell by.
pub const BEAT_FRESH: Duration = Duration::from_secs(60);

/// Counts the owners of a target, upwards only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub i64);

/// A process, by a random name that no other one has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner(String);

impl Owner {
    /// From 128 random bits.
    #[must_use]
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(format!("{:032x}", u128::from_be_bytes(bytes)))
    }

    /// From how a store keeps it.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// As a store keeps it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who wants the lease of a commit group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseClaim {
    pub run: RunId,
    /// The process that asks.
    pub owner: Owner,
    /// The newest epoch that this process held: it gets the lease only if nobody else has had it since. None:
    /// it never held one.
    pub after: Option<Epoch>,
    /// An earlier process of the same run is known to be dead (its local lock is ours): fence it
    /// off and go on.
    pub is_resume: bool,
}

/// The right to write, bound to an epoch. A writer whose epoch is not the newest is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub run: RunId,
    pub epoch: Epoch,
}

/// The answer to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseOutcome {
    Held(Lease),
    /// Another run holds it, or a process of this run is still connected.
    Busy {
        holder: RunId,
    },
    /// Another process has had the lease since this one held it: whatever this one meant to do is another
    /// one's business now. Nothing was changed.
    Superseded {
        /// Who holds it now.
        holder: Option<RunId>,
    },
    /// The claim is right, and the sessions of earlier epochs are gone; but the run has prepared transactions here,
    /// which have to be ended as it was decided, before anybody gets the lease.
    InDoubt {
        prepared: Vec<PreparedId>,
    },
}

/// The lease as a store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseStanding {
    pub epoch: Epoch,
    /// None: it was given back, or never taken.
    pub holder: Option<RunId>,
    /// The process that has, or had, this epoch.
    pub owner: Option<Owner>,
}

impl LeaseStanding {
    /// What a claim gets: a compare-and-set of the epoch. What the asking process took itself, without having
    /// heard so, is no change.
    #[must_use]
    pub fn answer(&self, claim: &LeaseClaim) -> LeaseOutcome {
        let is_own = self.is_of(claim);
        if !is_own && claim.after.is_some_and(|epoch| epoch != self.epoch) {
            let holder = self.holder.clone();
            return LeaseOutcome::Superseded { holder };
        }
        match &self.holder {
            Some(holder) if *holder != claim.run || !(is_own || claim.is_resume) => {
                LeaseOutcome::Busy {
                    holder: holder.clone(),
                }
            }
            _ => LeaseOutcome::Held(Lease {
                run: claim.run.clone(),
                epoch: Epoch(self.epoch.0 + 1),
            }),
        }
    }

    /// The answer where a claim was looked at before ([`Self::answer`] of `earlier`) and somebody may have come
    /// in between: whoever took the lease then has it.
    #[must_use]
    pub fn answer_after(&self, earlier: &Self, claim: &LeaseClaim) -> LeaseOutcome {
        match &self.holder {
            Some(holder) if self.epoch != earlier.epoch && !self.is_of(claim) => {
                LeaseOutcome::Busy {
                    holder: holder.clone(),
                }
            }
            _ => self.answer(claim),
        }
    }

    /// Whether what earlier owners of the claim's run have open is ended before the lease is given.
    #[must_use]
    pub fn is_taken_over(&self, claim: &LeaseClaim) -> bool {
        claim.is_resume || self.is_of(claim)
    }

    fn is_of(&self, claim: &LeaseClaim) -> bool {
        self.owner.as_ref() == Some(&claim.owner)
    }
}

/// What runs have left in a commit group, or are at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traces {
    /// The run that has the lease.
    pub holder: Option<RunId>,
    /// How long ago its process was heard of last, by the server's clock.
    pub quiet: Option<Duration>,
    /// The runs that have staged rows here, in order.
    pub staged: Vec<RunId>,
    /// Transactions that are prepared and wait for their decision, in order.
    pub prepared: Vec<PreparedId>,
}

impl Traces {
    /// Whether a process of the holder was heard of lately.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.holder.is_some() && self.quiet.is_some_and(|quiet| quiet < BEAT_FRESH)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(number: u8) -> Owner {
        Owner::from_random([number; 16])
    }

    fn standing(holder: Option<&str>, number: u8) -> LeaseStanding {
        LeaseStanding {
            epoch: Epoch(3),
            holder: holder.map(RunId::new),
            owner: Some(owner(number)),
        }
    }

    fn claim(after: Option<i64>, is_resume: bool) -> LeaseClaim {
        LeaseClaim {
            run: RunId::new("a"),
            owner: owner(1),
            after: after.map(Epoch),
            is_resume,
        }
    }

    fn held() -> LeaseOutcome {
        LeaseOutcome::Held(Lease {
            run: RunId::new("a"),
            epoch: Epoch(4),
        })
    }

    fn busy(holder: &str) -> LeaseOutcome {
        let holder = RunId::new(holder);
        LeaseOutcome::Busy { holder }
    }

    fn superseded(holder: Option<&str>) -> LeaseOutcome {
        let holder = holder.map(RunId::new);
        LeaseOutcome::Superseded { holder }
    }

    #[test]
    fn only_a_resume_takes_over_what_its_own_run_holds() {
        assert_eq!(standing(None, 2).answer(&claim(None, false)), held());
        assert_eq!(standing(Some("a"), 2).answer(&claim(None, true)), held());
        for (holder, is_resume) in [("a", false), ("b", false), ("b", true)] {
            let answer = standing(Some(holder), 2).answer(&claim(None, is_resume));
            assert_eq!(answer, busy(holder));
        }
    }

    #[test]
    fn whoever_held_the_lease_gets_it_again_only_if_nobody_else_had_it_since() {
        for is_resume in [false, true] {
            for holder in [None, Some("a"), Some("b")] {
                let answer = standing(holder, 2).answer(&claim(Some(2), is_resume));
                assert_eq!(answer, superseded(holder), "{holder:?}");
            }
            // Taken by the process itself, whose answer was lost; still its own; given back by it.
            for after in [Some(2), Some(3), None] {
                for holder in [None, Some("a")] {
                    let answer = standing(holder, 1).answer(&claim(after, is_resume));
                    assert_eq!(answer, held(), "{after:?} {holder:?}");
                }
                let answer = standing(Some("b"), 1).answer(&claim(after, is_resume));
                assert_eq!(answer, busy("b"));
            }
        }
    }

    #[test]
    fn whoever_comes_between_the_look_and_the_lock_has_the_lease() {
        let earlier = LeaseStanding {
            epoch: Epoch(2),
            ..standing(Some("a"), 3)
        };
        let now = standing(Some("a"), 2);
        assert_eq!(now.answer_after(&earlier, &claim(None, true)), busy("a"));
        assert_eq!(now.answer_after(&now, &claim(None, true)), held());
        let own = standing(Some("a"), 1);
        assert_eq!(own.answer_after(&earlier, &claim(None, true)), held());
    }

    #[test]
    fn only_a_holder_that_was_heard_of_lately_is_alive() {
        let traces = |holder: Option<&str>, quiet: Option<Duration>| Traces {
            holder: holder.map(RunId::new),
            quiet,
            staged: Vec::new(),
            prepared: Vec::new(),
        };
        assert!(traces(Some("a"), Some(BEAT_EVERY)).is_alive());
        assert!(!traces(Some("a"), Some(BEAT_FRESH)).is_alive());
        assert!(!traces(Some("a"), None).is_alive());
        assert!(!traces(None, Some(BEAT_EVERY)).is_alive());
        assert!(BEAT_EVERY * 3 < BEAT_FRESH, "some beats may get lost");
    }
}
