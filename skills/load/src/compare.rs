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

/// What our ledger says about the row in CERT. What counts is the newest run that stands and wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// No run that stands wrote it.
    No,
    /// A run wrote it as a stub, and so it still is. For whatever district: a stub is nobody's row.
    Stub,
    /// A run of this district wrote it in full, and so it still is.
    Full,
    /// A run of this district wrote it, and somebody changed it since.
    Changed,
    /// A run of another district wrote it.
    ByAnother,
    /// A run wrote it whose ledger cannot be compared: another key, or an earlier version.
    Unknown,
}

impl Written {
    /// The row is as a run left it, and a row of this district may take its place.
    #[must_use]
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Stub | Self::Full)
    }
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
/// An own row overwrites only what is the district's by its label, or stands as a run left it that wrote it for this
/// district or as a stub; a shared row is inserted if it is not there and replaces nothing but such a stub; a stub
/// is inserted if nothing is there.
#[must_use]
pub fn decide(
    membership: Membership,
    presence: Presence,
    belongs: bool,
    written: Written,
) -> RowDecision {
    let is_ours = belongs || written.is_ours();
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

    const WRITTEN: [Written; 6] = [
        Written::No,
        Written::Stub,
        Written::Full,
        Written::Changed,
        Written::ByAnother,
        Written::Unknown,
    ];

    /// One line per cell: what is expected for each of [`WRITTEN`], where the row's label is another one and
    /// where it is the district's.
    #[test]
    fn every_cell_of_the_decision_table_is_as_written_down() {
        use RowDecision::{Conflict, Differs, Insert, Left, Unchanged, Update};
        let taken = |decision| [Conflict, decision, decision, Conflict, Conflict, Conflict];
        let differs = [Differs, Update, Differs, Differs, Differs, Differs];
        let table = [
            (Membership::Own, Presence::Absent, [[Insert; 6]; 2]),
            (
                Membership::Own,
                Presence::Equal,
                [taken(Unchanged), [Unchanged; 6]],
            ),
            (
                Membership::Own,
                Presence::Different,
                [taken(Update), [Update; 6]],
            ),
            (Membership::Shared, Presence::Absent, [[Insert; 6]; 2]),
            (Membership::Shared, Presence::Equal, [[Unchanged; 6]; 2]),
            (Membership::Shared, Presence::Different, [differs; 2]),
            (Membership::Stub, Presence::Absent, [[Insert; 6]; 2]),
            (Membership::Stub, Presence::Equal, [[Unchanged; 6]; 2]),
            (Membership::Stub, Presence::Different, [[Left; 6]; 2]),
        ];
        for (membership, presence, expected) in table {
            for (belongs, expected) in [false, true].into_iter().zip(expected) {
                for (written, expected) in WRITTEN.into_iter().zip(expected) {
                    assert_eq!(
                        decide(membership, presence, belongs, written),
                        expected,
                        "{membership:?} {presence:?} belongs {belongs} written {written:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_conflict_has_no_action() {
        assert_eq!(RowDecision::Conflict.action(), None);
        assert_eq!(RowDecision::Differs.action(), Some(Action::Leave));
    }
}
