//! What is done with one row of the artifact, given what stands in CERT. Pure: reads nothing, knows
//! no table.

use redistrict_model::Membership;
use redistrict_store::Action;

/// What CERT has under the row's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Absent,
    /// A row that is equal in every column of the artifact.
    Equal,
    Different,
}

/// What our ledger says about the row in CERT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// No run that stands wrote it.
    No,
    /// The last run that wrote it wrote it as a stub.
    Stub,
    /// As a full row.
    Full,
}

/// What is done with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowDecision {
    Insert,
    Update,
    /// It is there and equal.
    Unchanged,
    /// It is there and whatever it is, it is enough.
    Left,
    /// A shared row that differs: never updated, but told.
    Differs,
    /// CERT's row belongs to somebody else.
    Conflict,
}

impl RowDecision {
    /// The action of the staged row; none for a conflict, with which nothing is applied at all.
    #[must_use]
    pub fn action(self) -> Option<Action> {
        match self {
            Self::Insert => Some(Action::Insert),
            Self::Update => Some(Action::Update),
            Self::Unchanged | Self::Left | Self::Differs => Some(Action::Leave),
            Self::Conflict => None,
        }
    }
}

/// Decides a row by its membership (DESIGN §3, load). `belongs` says that the row in CERT has the
/// label of this district; it counts for own rows only.
///
/// An own row overwrites only what is the district's or ours; a shared row is inserted if it is not
/// there and replaces nothing but a stub of ours; a stub is inserted if nothing is there.
#[must_use]
pub fn decide(
    membership: Membership,
    presence: Presence,
    belongs: bool,
    written: Written,
) -> RowDecision {
    let is_ours = belongs || written != Written::No;
    match (membership, presence) {
        (_, Presence::Absent) => RowDecision::Insert,
        (Membership::Own, _) if !is_ours => RowDecision::Conflict,
        (_, Presence::Equal) => RowDecision::Unchanged,
        (Membership::Own, Presence::Different) => RowDecision::Update,
        (Membership::Shared, Presence::Different) if written == Written::Stub => {
            RowDecision::Update
        }
        (Membership::Shared, Presence::Different) => RowDecision::Differs,
        (Membership::Stub, Presence::Different) => RowDecision::Left,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO: Written = Written::No;
    const STUB: Written = Written::Stub;
    const FULL: Written = Written::Full;

    /// One line per cell: what is expected for (foreign, no), (foreign, stub), (foreign, full),
    /// (ours, no), (ours, stub), (ours, full).
    #[test]
    fn every_cell_of_the_decision_table_is_as_written_down() {
        use RowDecision::{Conflict, Differs, Insert, Left, Unchanged, Update};
        let table = [
            (Membership::Own, Presence::Absent, [Insert; 6]),
            (
                Membership::Own,
                Presence::Equal,
                [
                    Conflict, Unchanged, Unchanged, Unchanged, Unchanged, Unchanged,
                ],
            ),
            (
                Membership::Own,
                Presence::Different,
                [Conflict, Update, Update, Update, Update, Update],
            ),
            (Membership::Shared, Presence::Absent, [Insert; 6]),
            (Membership::Shared, Presence::Equal, [Unchanged; 6]),
            (
                Membership::Shared,
                Presence::Different,
                [Differs, Update, Differs, Differs, Update, Differs],
            ),
            (Membership::Stub, Presence::Absent, [Insert; 6]),
            (Membership::Stub, Presence::Equal, [Unchanged; 6]),
            (Membership::Stub, Presence::Different, [Left; 6]),
        ];
        let cells = [
            (false, NO),
            (false, STUB),
            (false, FULL),
            (true, NO),
            (true, STUB),
            (true, FULL),
        ];
        for (membership, presence, expected) in table {
            for ((belongs, written), expected) in cells.into_iter().zip(expected) {
                assert_eq!(
                    decide(membership, presence, belongs, written),
                    expected,
                    "{membership:?} {presence:?} belongs {belongs} written {written:?}"
                );
            }
        }
    }

    #[test]
    fn a_conflict_has_no_action() {
        assert_eq!(RowDecision::Conflict.action(), None);
        assert_eq!(RowDecision::Differs.action(), Some(Action::Leave));
    }
}
