//! What the evaluator asks for and the errors it ends with. The driver turns a [`Fetch`] into one
//! statement; nothing here knows how.

use redistrict_model::{ErrorKind, Key, TableRef};

/// Asks for the rows of a table in which `by` has one of `keys`: exactly
/// `KeyRequest { table, columns, Selector::Matching { columns: by, keys } }`, or `Selector::All` if `by` is
/// empty. The rows of one evaluation are
/// told by their ids: all answers of a store have to come from one cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    pub table: TableRef,
    /// The columns of the answer's values, in order; the same for every fetch of a table.
    pub columns: Vec<String>,
    /// The columns that are compared with the keys.
    pub by: Vec<String>,
    /// Each key once, with one part per column of `by`.
    pub keys: Vec<Key>,
    pub(super) purpose: Purpose,
}

impl Fetch {
    /// Whether the rows of the answer are to be let [`pass`](crate::Closure::pass) as they come, in any number of
    /// calls, and not to be collected. Only after [`letting_pass`](crate::Closure::letting_pass).
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self.purpose, Purpose::Passing { .. })
    }

    /// Whether the rows of the answer may be [added](crate::Closure::add) piece by piece, before the last of
    /// them are absorbed.
    #[must_use]
    pub fn is_divisible(&self) -> bool {
        self.purpose == Purpose::Down && !self.by.is_empty()
    }
}

/// What the answer is used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Rows by an index: every key that is not answered has no row.
    Rows { targets: Vec<u32> },
    /// Children of rows that came: candidates.
    Down,
    /// Children of rows that came, of a trailing table, over one edge: decided while they pass.
    Passing { edge: u32 },
    /// Children of rows over one edge, all of them, to be listed.
    List { edge: u32, targets: Vec<u32> },
}

/// Why an evaluation cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClosureError {
    #[error("find the district: {root} has no row with that key")]
    UnknownDistrict { root: TableRef },
    #[error("find {table}, which the ownership names, among its tables")]
    UnknownTable { table: TableRef },
    #[error("name rows of {table}: it has neither a primary key nor a unique key without NULLs")]
    NoIdentity { table: TableRef },
    #[error("follow references to {table}({columns}): two rows have the same values there")]
    NotUnique { table: TableRef, columns: String },
    #[error("take an answer of {table}: it does not have the columns that were asked for")]
    WrongAnswer { table: TableRef },
    #[error("take a district key of {given} columns: {root} is known by {expected}")]
    WrongKey {
        root: TableRef,
        expected: usize,
        given: usize,
    },
    #[error("evaluate the closure: {what}")]
    OutOfOrder { what: &'static str },
}

impl ClosureError {
    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownDistrict { .. } | Self::WrongKey { .. } => ErrorKind::Usage,
            Self::NoIdentity { .. } => ErrorKind::Config,
            Self::NotUnique { .. } => ErrorKind::Data,
            Self::UnknownTable { .. } | Self::WrongAnswer { .. } | Self::OutOfOrder { .. } => {
                ErrorKind::Bug
            }
        }
    }
}
