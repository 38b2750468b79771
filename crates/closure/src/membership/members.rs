//! The result of an evaluation, as data. What follows from a stop is the caller's.

use std::collections::BTreeMap;

use redistrict_model::{BoundaryPolicy, EdgeId, Finding, Key, TableRef};

use super::key_list::KeyList;

/// Which rows belong to the district, and everything to be said or asked about them.
///
/// Keys are identities, in ascending order; those of keyless tables are locators, which name rows in the
/// cut that answered and nowhere else.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Members {
    /// Tables with at least one member.
    pub rows: BTreeMap<TableRef, TableMembers>,
    /// References of full members that must be set to NULL, by edge: all nullable columns of the
    /// edge. (Of a stub every nullable column is NULL; these are not listed.)
    pub nulled: Vec<Nulled>,
    /// References to rows that do not come, by edge, policy and where they lead.
    pub boundaries: Vec<Boundary>,
    /// References nobody decided about. The run must not go on while there are any.
    pub stops: Vec<Stop>,
    /// Tables whose rows' owners disagree. The run must not go on while there are any.
    pub undecided: Vec<Undecided>,
    /// Rows of tables of role unknown that members refer to, by table. The run must not go on.
    pub unknown: BTreeMap<TableRef, u64>,
    /// Rows that the policy `exclude` took out, by table.
    pub taken_out: BTreeMap<TableRef, u64>,
    /// References of members without a partner in the source.
    pub dangling: Vec<Dangling>,
    pub findings: Vec<Finding>,
}

impl Members {
    /// Nothing is left to decide.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        self.stops.is_empty() && self.undecided.is_empty() && self.unknown.is_empty()
    }

    /// The members of a table, if it has any.
    #[must_use]
    pub fn table(&self, table: &TableRef) -> Option<&TableMembers> {
        self.rows.get(table)
    }
}

/// The members of one table; a key is in one of the lists only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableMembers {
    /// Rows whose label is the district.
    pub own: KeyList,
    /// All other full rows.
    pub shared: KeyList,
    /// Rows that come with key and mandatory columns only.
    pub stubs: KeyList,
    /// Further rows whose label is the district: they streamed by ([`Closure::pass`](crate::Closure::pass)),
    /// and nobody holds their keys.
    pub own_passed: u64,
    /// Further other full rows that streamed by.
    pub shared_passed: u64,
}

impl TableMembers {
    /// All rows, stubs included.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.own_count() + self.shared_count() + self.stubs.len() as u64
    }

    /// Rows whose label is the district.
    #[must_use]
    pub fn own_count(&self) -> u64 {
        self.own.len() as u64 + self.own_passed
    }

    /// All other full rows.
    #[must_use]
    pub fn shared_count(&self) -> u64 {
        self.shared.len() as u64 + self.shared_passed
    }
}

/// References over one edge that become NULL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nulled {
    pub edge: EdgeId,
    /// Identities of the child rows.
    pub rows: Vec<Key>,
}

/// Where a reference leads that does not lead to a full member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leads {
    /// To a row of another district, or one known in other districts only.
    AnotherDistrict,
    /// To an organisation above all districts.
    AboveAllDistricts,
    /// Into an excluded table.
    ExcludedTable,
    /// To a row that the policy `exclude` took out.
    RowTakenOut,
    /// To no row at all, over a foreign key that was never validated and whose policy says what then.
    NoRow,
}

/// References over one edge to rows that do not come as full members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boundary {
    pub edge: EdgeId,
    /// What is done with them.
    pub policy: BoundaryPolicy,
    pub leads: Leads,
    /// The number of references.
    pub rows: u64,
}

/// References that need a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    pub edge: EdgeId,
    pub leads: Leads,
    pub rows: u64,
    /// Lines to paste into the configuration.
    pub lines: Vec<String>,
}

/// A table whose rows belong to different districts depending on the owner that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided {
    pub table: TableRef,
    /// In the order of the owner list.
    pub candidates: Vec<Candidate>,
    /// Rows for which at least one candidate leads to the district.
    pub any: u64,
    /// Rows for which every candidate that leads to a district leads to this one.
    pub all: u64,
    /// Lines to paste into the configuration.
    pub lines: Vec<String>,
}

/// A reference that may own the rows of an undecided table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub edge: EdgeId,
    /// Rows for which it leads to the district.
    pub rows: u64,
}

/// References without a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dangling {
    pub edge: EdgeId,
    pub rows: u64,
}
