//! Relations between tables: edges, owner lists, roles, membership. The terms are docs/design/closure.md's.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::TableRef;
use crate::inside::Inside;

/// Index of an edge in [`Ownership::edges`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EdgeId(pub u32);

impl EdgeId {
    /// As an index into [`Ownership::edges`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where an edge comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeOrigin {
    /// A foreign key that the server enforces for every row.
    ForeignKey,
    /// A foreign key that was never validated: a row without partner is dangling, not wrong.
    NotValid,
    /// Declared in the configuration; dangling rows are possible.
    Link,
}

/// A reference from a child table to a parent table. NULL in any column means no reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    pub id: EdgeId,
    /// The constraint's name, or `(columns)` for a link.
    pub name: String,
    pub origin: EdgeOrigin,
    pub child: TableRef,
    pub child_columns: Vec<String>,
    pub parent: TableRef,
    /// In the order of `child_columns`; they are unique in the parent.
    pub parent_columns: Vec<String>,
    /// All child columns are NOT NULL.
    pub mandatory: bool,
    /// At least one child column may be set to NULL.
    pub nullable_columns: Vec<String>,
    pub on_delete_cascade: bool,
    /// The edge counts only for rows where each named column has one of the texts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<(String, Vec<String>)>,
    /// The references stand inside of the values of the one child column: each row may have many. Such a
    /// link is never mandatory and never an owner, and what of it does not come becomes NULL inside of the
    /// value, whether the column may be NULL or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<Inside>,
    /// Its columns may be NULL, and somebody says that they never are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub always: bool,
    /// What happens to a reference to a row that is elsewhere; none means the default of
    /// docs/design/closure.md §3 (`stop` towards another district, `stub` above all districts).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<BoundaryPolicy>,
}

impl Edge {
    /// Every row refers to something by it, as far as its condition holds: the catalog says so, or somebody does.
    /// Only the catalog's word holds for what is written.
    #[must_use]
    pub fn is_always(&self) -> bool {
        self.mandatory || self.always
    }

    /// `store.schema.table(columns)`, inside of values with the place, `store.schema.table(column[])`; with a condition also where it leads, ` -> store.schema.table`, because
    /// the same columns may then lead elsewhere under another.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut columns = self.child_columns.join(", ");
        if let Some(inside) = &self.inside {
            columns.push_str(&inside.to_string());
        }
        if self.when.is_empty() {
            format!("{}({columns})", self.child)
        } else {
            format!("{}({columns}) -> {}", self.child, self.parent)
        }
    }

    /// The reference leads from a table to itself.
    #[must_use]
    pub fn is_self(&self) -> bool {
        self.child == self.parent
    }
}

/// What is done with a reference to a row that does not belong here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoundaryPolicy {
    Stop,
    Exclude,
    Null,
    Stub,
}

/// How an entry of an owner list acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerKind {
    /// Carries the label of the parent to the row.
    Path,
    /// The row hangs on the parent where no path gives a label.
    Hang,
    /// The same, for rows that others look up: where the parent is known in several districts, the row goes with
    /// those of them that look it up.
    HangUnclaimed,
}

impl OwnerKind {
    /// Whether rows without label hang on the parent.
    #[must_use]
    pub fn hangs(self) -> bool {
        matches!(self, Self::Hang | Self::HangUnclaimed)
    }
}

/// One entry of a table's ordered owner list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Owner {
    pub edge: EdgeId,
    pub kind: OwnerKind,
    /// Why it is here and at this place.
    pub reason: String,
}

/// A table's place among the organisation tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrgPart {
    Root,
    /// Reached from the root by identity edges; labels flow up into it.
    Base,
    /// Has an identity edge to a base table.
    Sibling,
}

/// The derived label of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Root,
    Owned,
    Shared,
    Reference,
    Excluded,
    Unknown,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "root",
            Self::Owned => "owned",
            Self::Shared => "shared",
            Self::Reference => "reference",
            Self::Excluded => "excluded",
            Self::Unknown => "unknown",
        })
    }
}

/// What was measured to tell shared from reference (docs/design/closure.md §4.3). Percentages of a sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub rows: u64,
    /// Mean number of districts per referenced row.
    pub spread: f64,
    /// Share of the rows that a tier-0 row refers to by a mandatory edge.
    pub cover: f64,
}

/// A table's role with what it follows from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableRole {
    pub table: TableRef,
    pub role: Role,
    /// Ordered; path entries and hang entries stand in the order in which they are asked.
    pub owners: Vec<Owner>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<OrgPart>,
    /// 0, 1, or none outside the tiers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<u8>,
    /// The owner list was written by hand: rows that disagree are no question any more.
    #[serde(default)]
    pub decided: bool,
    /// Hangs only if every mandatory parent of the pair is a full member.
    #[serde(default)]
    pub pair: bool,
    /// A reference table that may be of persons all the same: that it is one is no reason to keep a column of
    /// it as it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_doubt: bool,
    /// A reference table of which every row comes, referred to or not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
    /// In words, for `plan` and `init`.
    pub reason: String,
}

/// Everything that decides which rows belong to a district: data, evaluated by `closure`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ownership {
    pub root: TableRef,
    /// The columns of the tenant's key in the root table.
    pub root_key: Vec<String>,
    /// In name order.
    pub tables: Vec<TableRole>,
    /// `edges[i].id == EdgeId(i)`.
    pub edges: Vec<Edge>,
}

impl Ownership {
    /// The role of a table.
    #[must_use]
    pub fn table(&self, table: &TableRef) -> Option<&TableRole> {
        self.tables.iter().find(|role| role.table == *table)
    }

    /// The edge of that id.
    ///
    /// # Panics
    /// If the id is not one of this ownership.
    #[must_use]
    pub fn edge(&self, id: EdgeId) -> &Edge {
        &self.edges[id.index()]
    }
}

/// Why a row of the artifact is in it; written beside each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Membership {
    /// A row whose label is the district.
    Own,
    /// Every other full row.
    Shared,
    /// A row that comes with its key and mandatory columns only.
    Stub,
}

impl Membership {
    /// The code in the artifact's membership column.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Own => 0,
            Self::Shared => 1,
            Self::Stub => 2,
        }
    }

    /// The membership of a code in the artifact's membership column.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::Own, Self::Shared, Self::Stub]
            .into_iter()
            .find(|one| one.code() == code)
    }
}
