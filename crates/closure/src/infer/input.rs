//! What inference takes and gives: decisions made by hand, measurements, drafts, problems.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{
    BoundaryPolicy, Catalog, Edge, EdgeId, ErrorKind, Finding, Measured, Ownership, Role, TableRef,
};

use crate::edges::ResolvedLink;
use crate::lines::table_heading;

/// What the configuration says by hand, with names resolved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decisions {
    /// Tables left out, with the reason.
    pub excluded: BTreeMap<TableRef, String>,
    /// Overrides what was measured; `false` means reference.
    pub shared: BTreeMap<TableRef, bool>,
    /// Ordered owner lists that replace the inferred ones.
    pub owner: BTreeMap<TableRef, Vec<EdgeId>>,
    /// Reference tables of which every row comes, referred to or not.
    pub whole: BTreeSet<TableRef>,
    /// Self references that own.
    pub tree: BTreeMap<TableRef, EdgeId>,
    pub boundary: BTreeMap<EdgeId, BoundaryPolicy>,
    /// References that every row has, whatever the catalog allows; of several over the same columns, under
    /// conditions, every row has one.
    pub always: BTreeSet<EdgeId>,
}

/// Everything inference looks at.
#[derive(Clone, Copy, Debug)]
pub struct InferInput<'a> {
    pub catalogs: &'a [Catalog],
    pub links: &'a [ResolvedLink],
    /// [`build_edges`](crate::build_edges) of the two above; decisions name edges by these ids.
    pub edges: &'a [Edge],
    pub root: &'a TableRef,
    pub root_key: &'a [String],
    pub decisions: &'a Decisions,
}

/// Tables that were measured, see [`MeasureRequest`].
pub type Measurements = BTreeMap<TableRef, Measured>;

/// A table whose nature depends on data: over the rows that refer to it by these edges, how many
/// districts use one row (spread), and how many of its rows are used at all (cover)?
///
/// [`Measurer`](crate::Measurer) computes the answer from sampled rows of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasureRequest {
    pub table: TableRef,
    /// Mandatory edges from tables whose rows show a district.
    pub edges: Vec<EdgeId>,
}

/// An ownership as far as it can be inferred from what was measured so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Final once `to_measure` is empty; before that, tables to be measured count as reference.
    pub ownership: Ownership,
    /// What has to be measured next; inferring again with the answers may ask for more.
    pub to_measure: Vec<MeasureRequest>,
    /// Contradictions that the configuration has to settle before rows move.
    pub problems: Vec<Problem>,
}

/// What has to be measured before the draft is final, round by round.
#[must_use]
pub fn tables_to_measure(draft: &Draft) -> &[MeasureRequest] {
    &draft.to_measure
}

/// A contradiction that a person has to settle; the text names what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A reference that cannot be NULL leads into an excluded table.
    #[error(
        "{reference} cannot be NULL and refers to {parent}, which is excluded: exclude {child} too or include {parent}"
    )]
    MandatoryIntoExcluded {
        reference: String,
        child: TableRef,
        parent: TableRef,
    },
    /// `boundary = null` on a reference without a nullable column.
    #[error("{reference} has the boundary policy null, but none of its columns can be NULL")]
    NullOnMandatory { child: TableRef, reference: String },
    /// A link to columns that identify no row.
    #[error("the link {reference} refers to {parent}({columns}), which are not a key of it")]
    LinkParentNotUnique {
        child: TableRef,
        reference: String,
        parent: TableRef,
        columns: String,
    },
    /// Two shared parents that a row always has, and nothing says which one owns it.
    #[error(
        "{table} always refers to several shared rows of equal rank: set owner to one of {references}"
    )]
    EqualSharedParents {
        table: TableRef,
        references: String,
        /// The references as they stand in an owner list.
        owners: Vec<String>,
    },
    /// Rows that others look up always refer to a row of a reference table that may be of persons: those that nobody
    /// looks up would stay behind.
    #[error(
        "{table} is looked up, and its rows always refer to {parent} by {reference}: too little is known to tell whether {parent} is of persons, and if it is, rows of {table} that nobody looks up are missing"
    )]
    LookedUpDetail {
        table: TableRef,
        parent: TableRef,
        reference: String,
        /// The reference as it stands in an owner list.
        owner: String,
    },
    /// `tree` on a base table of the root: its rows have the district of their subclass rows.
    #[error(
        "{reference} is the tree of {table}, whose rows have the district of the row with the same key in {root}: declare the tree there"
    )]
    TreeOfBase {
        table: TableRef,
        reference: String,
        root: TableRef,
    },
    /// `copy = "whole"` of a table whose rows belong to districts, or to persons who do.
    #[error(
        "{table} is copied whole, and is {role}: other districts' rows would come; only a table without owner can be, shared = false if it was measured as shared"
    )]
    WholeOfOwned { table: TableRef, role: Role },
    /// `copy = "whole"` of a table whose rows nothing tells apart.
    #[error("{table} is copied whole, and has no primary key and no unique key without NULLs")]
    WholeOfKeyless { table: TableRef },
    /// `boundary = stub` on a reference to rows that have no key to be left with.
    #[error(
        "{reference} has the boundary policy stub, but {parent} has no primary key and no unique key without NULLs: a stub of it would be nothing"
    )]
    StubOfKeyless {
        child: TableRef,
        reference: String,
        parent: TableRef,
    },
}

impl Problem {
    /// The table whose rows raise it. While that table is empty it is no question yet.
    #[must_use]
    pub fn table(&self) -> &TableRef {
        match self {
            Self::MandatoryIntoExcluded { child, .. }
            | Self::NullOnMandatory { child, .. }
            | Self::LinkParentNotUnique { child, .. }
            | Self::StubOfKeyless { child, .. } => child,
            Self::EqualSharedParents { table, .. }
            | Self::LookedUpDetail { table, .. }
            | Self::TreeOfBase { table, .. }
            | Self::WholeOfOwned { table, .. }
            | Self::WholeOfKeyless { table } => table,
        }
    }

    /// As a finding of severity ERROR about the table that raises it, with the lines that settle it
    /// where there are some.
    #[must_use]
    pub fn finding(&self) -> Finding {
        let heading = table_heading(self.table());
        let excluded = || vec![heading.clone(), "excluded = \"…the reason…\"".to_owned()];
        let (code, lines) = match self {
            Self::MandatoryIntoExcluded { .. } => ("mandatory-into-excluded", excluded()),
            Self::NullOnMandatory { .. } => ("null-on-mandatory", Vec::new()),
            Self::LinkParentNotUnique { .. } => ("link-parent-not-unique", Vec::new()),
            Self::EqualSharedParents { owners, .. } => {
                let first = owners.first().cloned().unwrap_or_default();
                let owner = format!("owner = [{first}] # one of {}", owners.join(", "));
                ("equal-shared-parents", vec![heading.clone(), owner])
            }
            Self::LookedUpDetail { owner, .. } => {
                let owner = format!(
                    "owner = [{owner}] # or shared = false: only rows that are looked up are needed"
                );
                ("looked-up-detail", vec![heading.clone(), owner])
            }
            Self::TreeOfBase { .. } => ("tree-of-base", Vec::new()),
            Self::WholeOfOwned { .. } => ("whole-of-owned", Vec::new()),
            Self::WholeOfKeyless { .. } => ("whole-of-keyless", Vec::new()),
            Self::StubOfKeyless { .. } => ("stub-of-keyless", Vec::new()),
        };
        Finding::error(code, self.table().to_string(), self.to_string(), 0).with_lines(lines)
    }
}

/// An input that fits no catalog.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InferError {
    #[error("find the tenant root {root} in a catalog")]
    NoRoot { root: TableRef },
    #[error("find the key column {column} in the tenant root {root}")]
    NoRootColumn { root: TableRef, column: String },
    #[error("take the tenant root's columns {columns} as a key of {root}: no key has exactly them")]
    RootKeyNotUnique { root: TableRef, columns: String },
    #[error("find {table}, which a decision names, in a catalog")]
    UnknownTable { table: TableRef },
    #[error("take reference {edge} as an owner of {table}: it is not a reference of that table")]
    NotAnOwner { table: TableRef, edge: String },
    #[error("take reference {edge} as the tree of {table}: it does not lead to the table itself")]
    NotATree { table: TableRef, edge: String },
    #[error("exclude the tenant root {root}")]
    RootExcluded { root: TableRef },
}

impl InferError {
    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Config
    }
}
