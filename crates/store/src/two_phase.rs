//! Two-phase commit: whether a group can take part, and how what it has prepared is called. The group that
//! decides commits its own rows with the run's record; that record is the decision (`docs/design/load.md`).

use std::fmt;

use redistrict_model::{RunId, StoreName};
use serde::{Deserialize, Serialize};

use crate::lease::Epoch;

/// The longest name that a prepared transaction may have, in bytes: PostgreSQL's limit is 199, and a server adds up to 11
/// that tell one of its databases from the others.
const LONGEST_NAME: usize = 188;
/// What the names of all prepared transactions of ours begin with.
const PREFIX: &str = "redistrict";

/// Whether a group could prepare a commit now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "prepares", rename_all = "snake_case")]
pub enum Preparing {
    No {
        /// Fits after "because".
        why: String,
    },
    Yes {
        /// Groups of one server share its places for prepared transactions.
        server: String,
        /// So many of them are free.
        free: u32,
    },
}

impl Preparing {
    /// Of a kind that has no prepared transactions at all.
    #[must_use]
    pub fn never(kind: &str) -> Self {
        let why = format!("{kind} has no prepared transactions");
        Self::No { why }
    }
}

/// The name of a prepared transaction. It says all that is needed to end it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PreparedId {
    pub run: RunId,
    /// The epoch of the decider's lease: each attempt has another one.
    pub epoch: Epoch,
    /// The group in which it is.
    pub group: StoreName,
    /// The group whose record of the run is the decision.
    pub decider: StoreName,
}

impl PreparedId {
    /// What the names of a run's prepared transactions begin with, or those of all runs.
    #[must_use]
    pub fn prefix(run: Option<&RunId>) -> String {
        match run {
            Some(run) => format!("{PREFIX}:{run}:"),
            None => format!("{PREFIX}:"),
        }
    }

    /// Whether a server takes the name, and it can be read again.
    #[must_use]
    pub fn fits(&self) -> bool {
        let name = self.to_string();
        name.len() <= LONGEST_NAME && Self::parse(&name).as_ref() == Some(self)
    }

    /// From a server's list; none if it is no name of ours.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split(':');
        let mut next = || parts.next();
        if next()? != PREFIX {
            return None;
        }
        let run = RunId::new(next()?);
        let epoch = Epoch(next()?.parse().ok()?);
        let group = StoreName::new(next()?);
        let decider = StoreName::new(next()?);
        next().is_none().then_some(Self {
            run,
            epoch,
            group,
            decider,
        })
    }
}

impl fmt::Display for PreparedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            run,
            epoch,
            group,
            decider,
        } = self;
        write!(f, "{PREFIX}:{run}:{epoch}:{group}:{decider}")
    }
}

/// How an attempt to prepare ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrepareOutcome {
    Prepared,
    /// This transaction cannot be prepared, and was rolled back: why, to fit after "because".
    Refused {
        why: String,
    },
    /// The reply was lost.
    Unknown,
}

/// What becomes of what is prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Commit,
    Abort,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> PreparedId {
        PreparedId {
            run: RunId::new("rb-2026"),
            epoch: Epoch(7),
            group: StoreName::new("hcp1"),
            decider: StoreName::new("graph"),
        }
    }

    #[test]
    fn a_name_is_read_as_it_was_written() {
        let name = id().to_string();
        assert_eq!(name, "redistrict:rb-2026:7:hcp1:graph");
        assert_eq!(PreparedId::parse(&name), Some(id()));
        assert!(name.starts_with(&PreparedId::prefix(Some(&id().run))));
        assert!(name.starts_with(&PreparedId::prefix(None)));
    }

    #[test]
    fn a_name_of_others_is_none_of_ours() {
        for name in [
            "",
            "redistrict",
            "redistrict:a:1:b",
            "redistrict:a:x:b:c",
            "redistrict:a:1:b:c:d",
            "backup:a:1:b:c",
        ] {
            assert_eq!(PreparedId::parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_name_that_no_server_takes_or_nobody_could_read_does_not_fit() {
        assert!(id().fits());
        let run = RunId::new("r".repeat(180));
        assert!(!PreparedId { run, ..id() }.fits());
        let group = StoreName::new("a:b");
        assert!(!PreparedId { group, ..id() }.fits());
    }
}
