//! Which store fails, when, how, and for how long.

use std::fmt;
use std::ops::RangeInclusive;

use redistrict_estate::{StoreId, StoreSide};
use redistrict_testkit::proxy::Weather;

/// How a store fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// By a proxy before it.
    Weather(Weather),
    /// Its sessions are ended by the server while they wait for a lock.
    Terminated,
    /// Its statements are cancelled while they wait for a lock: what a statement timeout does.
    Cancelled,
    /// The server is killed (SIGKILL), and started again when the fault is over.
    Killed,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) store: StoreId,
    pub(super) side: StoreSide,
    /// The effect point at which it begins, without the store.
    pub(super) point: &'static str,
    pub(super) fault: Fault,
    /// It does not pass; else it does after two attempts.
    pub(super) stays: bool,
}

impl Case {
    pub(super) fn is_of_prod(&self) -> bool {
        self.side == StoreSide::Prod
    }

    /// So many attempts fail. A server that was killed needs time to start: more than one wait, perhaps.
    pub(super) fn failures(&self) -> RangeInclusive<usize> {
        match (self.stays, self.fault) {
            (true, _) => 4..=4,
            (false, Fault::Killed) => 2..=3,
            (false, _) => 2..=2,
        }
    }

    /// It locks tables of the store: nobody else may use that database meanwhile.
    pub(super) fn locks(&self) -> bool {
        matches!(self.fault, Fault::Terminated | Fault::Cancelled)
    }

    /// The effect point's whole name.
    pub(super) fn point(&self) -> String {
        format!("{} {}", self.point, self.store.as_str())
    }

    /// The fault begins after the phases whose result is kept.
    pub(super) fn is_in_loading(&self) -> bool {
        self.point.contains(" cert ")
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.fault {
            Fault::Weather(Weather::Fair) => "is well",
            Fault::Weather(Weather::Away) => "is away",
            Fault::Weather(Weather::InCopyOut(_)) => {
                "is cut off in the middle of a copy of its rows"
            }
            Fault::Weather(Weather::InCopyIn(_)) => "is cut off in the middle of a copy to it",
            Fault::Weather(Weather::BeforeCommit) => "is cut off right before its commit",
            Fault::Weather(Weather::AfterCommit) => "is cut off before it answers to its commit",
            Fault::Terminated => "ends our sessions",
            Fault::Cancelled => "cancels our statements, as a time limit does",
            Fault::Killed => "is killed and started again",
        };
        let long = if self.stays {
            "for good"
        } else {
            "for two attempts"
        };
        let side = self.side.as_str().to_uppercase();
        write!(
            f,
            "{} of {side} {how} ({}), {long}",
            self.store.as_str(),
            self.point
        )
    }
}

/// How many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Quick,
    All,
}

fn prod(store: StoreId, point: &'static str, fault: Fault, stays: bool) -> Case {
    Case {
        store,
        side: StoreSide::Prod,
        point,
        fault,
        stays,
    }
}

fn cert(store: StoreId, point: &'static str, fault: Fault, stays: bool) -> Case {
    Case {
        side: StoreSide::Cert,
        ..prod(store, point, fault, stays)
    }
}

const AWAY: Fault = Fault::Weather(Weather::Away);
const IN_COPY_OUT: Fault = Fault::Weather(Weather::InCopyOut(100));
const IN_COPY_IN: Fault = Fault::Weather(Weather::InCopyIn(100));
const BEFORE_COMMIT: Fault = Fault::Weather(Weather::BeforeCommit);
const AFTER_COMMIT: Fault = Fault::Weather(Weather::AfterCommit);

const OPENING: &str = "before prod open";
const ROWS: &str = "before prod rows";
const STAGING: &str = "before cert stage";
const WRITTEN: &str = "after cert apply";
const COMMITTING: &str = "before cert commit";
const CLOSING: &str = "before cert clear-staging";

/// On databases of PostgreSQL.
pub(super) fn of_postgres(which: Which) -> Vec<Case> {
    use StoreId::{Adb, Hcp1, Hcp2, Ids, Sp};
    let mut cases = vec![
        cert(Ids, COMMITTING, AWAY, true),
        prod(Ids, ROWS, AWAY, true),
        prod(Hcp1, ROWS, IN_COPY_OUT, false),
        cert(Ids, STAGING, IN_COPY_IN, false),
        prod(Ids, OPENING, Fault::Cancelled, false),
        cert(Ids, COMMITTING, AFTER_COMMIT, false),
        cert(Hcp1, COMMITTING, BEFORE_COMMIT, false),
        prod(Ids, OPENING, AWAY, false),
    ];
    if which == Which::All {
        for store in [Hcp2, Adb, Sp] {
            cases.push(prod(store, OPENING, AWAY, false));
            cases.push(prod(store, ROWS, IN_COPY_OUT, true));
            cases.push(cert(store, STAGING, AWAY, false));
            cases.push(cert(store, COMMITTING, AWAY, true));
        }
        cases.extend([
            prod(Ids, OPENING, Fault::Terminated, false),
            prod(Ids, OPENING, Fault::Cancelled, true),
            prod(Ids, OPENING, Fault::Terminated, true),
            cert(Ids, STAGING, IN_COPY_IN, true),
            cert(Ids, WRITTEN, AWAY, false),
            cert(Ids, COMMITTING, BEFORE_COMMIT, true),
            cert(Ids, COMMITTING, AFTER_COMMIT, true),
            cert(Sp, COMMITTING, AFTER_COMMIT, false),
            cert(Hcp1, WRITTEN, AWAY, true),
            cert(Ids, CLOSING, AWAY, false),
        ]);
    }
    cases
}

/// On servers that can be killed, the last store being a graph.
pub(super) fn of_own_servers() -> Vec<Case> {
    use StoreId::{Ids, Sp};
    vec![
        prod(Ids, ROWS, Fault::Killed, false),
        cert(Ids, STAGING, Fault::Killed, false),
        cert(Ids, COMMITTING, Fault::Killed, false),
        prod(Sp, OPENING, AWAY, false),
        prod(Sp, ROWS, AWAY, true),
        cert(Sp, STAGING, AWAY, false),
        cert(Sp, COMMITTING, AWAY, true),
        cert(Sp, COMMITTING, AFTER_COMMIT, false),
        prod(Sp, ROWS, Fault::Killed, false),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_form_has_both_ends_of_both_sides() {
        let quick = of_postgres(Which::Quick);
        for is_prod in [true, false] {
            for stays in [true, false] {
                let is_it = |case: &&Case| case.is_of_prod() == is_prod && case.stays == stays;
                assert!(quick.iter().any(|case| is_it(&case)), "{is_prod} {stays}");
            }
        }
        assert!(of_postgres(Which::All).len() >= 25);
    }
}
