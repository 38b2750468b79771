//! What stands in CERT about a run: the ledger of what it wrote, and its record, committed together
//! with the rows themselves.

use arrow::array::RecordBatch;
use redistrict_model::{Key, RunId, TableRef};
use serde::{Deserialize, Serialize};

use crate::error::{StoreError, StoreErrorKind};
use crate::lease::Epoch;

/// What a ledger entry tells about the rows it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerOperation {
    Inserted,
    Updated,
    Deleted,
    /// By a load: it found the rows there, written by another run, and needs them. It wrote nothing.
    Relied,
    /// By an undo: the rows that it left standing because other runs rely on them.
    Retained,
}

impl LedgerOperation {
    const ALL: [Self; 5] = [
        Self::Inserted,
        Self::Updated,
        Self::Deleted,
        Self::Relied,
        Self::Retained,
    ];

    /// The entry tells of rows that its run wrote.
    #[must_use]
    pub fn is_write(self) -> bool {
        matches!(self, Self::Inserted | Self::Updated | Self::Deleted)
    }

    /// As it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inserted => "inserted",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::Relied => "relied",
            Self::Retained => "retained",
        }
    }

    /// From how it is stored.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

/// One entry of the ledger: rows of one table that one run wrote (or relied on, or retained), packed, with what
/// is needed to take them back. Written in the transaction of the rows themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerEntry {
    pub run: RunId,
    pub table: TableRef,
    /// Position within (run, table).
    pub part: u32,
    pub operation: LedgerOperation,
    /// The identity of each row. For a keyless table whatever the skill tells its rows by; the
    /// store keeps it and makes nothing of it.
    pub keys: Vec<Key>,
    /// For `Inserted`, `Updated` and `Retained`: a keyed hash of each row as it stood in the target at commit,
    /// in the order of `keys`. Empty for the others.
    pub after: Vec<[u8; 16]>,
    /// For `Updated` and `Deleted`: the rows as they were, in the order of `keys`. None for the others.
    pub before: Option<RecordBatch>,
}

impl LedgerEntry {
    /// Keys, hashes and images go together as the operation asks for.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let rows = self.keys.len();
        let after = match self.operation {
            LedgerOperation::Inserted | LedgerOperation::Updated | LedgerOperation::Retained => {
                rows
            }
            LedgerOperation::Deleted | LedgerOperation::Relied => 0,
        };
        let before = match self.operation {
            LedgerOperation::Updated | LedgerOperation::Deleted => Some(rows),
            _ => None,
        };
        self.after.len() == after && self.before.as_ref().map(RecordBatch::num_rows) == before
    }

    /// For a store, before it writes an entry.
    ///
    /// # Errors
    /// `Bug` at the table where the entry is not [whole](Self::is_whole).
    pub fn require_whole(&self) -> Result<(), StoreError> {
        if self.is_whole() {
            return Ok(());
        }
        let what = "write an entry of the ledger: keys, hashes and images do not go together";
        Err(StoreError::new(StoreErrorKind::Bug, what).at(&self.table))
    }
}

/// All entries of a run, in the order in which they were written.
pub type Ledger = Vec<LedgerEntry>;

/// What became of a run in one commit group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Its rows stand.
    Committed,
    /// An undo took its rows back.
    Undone,
}

impl RunState {
    /// As it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Undone => "undone",
        }
    }

    /// From how it is stored.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Committed, Self::Undone]
            .into_iter()
            .find(|one| one.as_str() == text)
    }
}

/// For whom a run wrote, and what its ledger can be compared with. Both are keyed: no name of a district, and
/// nothing of a key, can be told from them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOrigin {
    /// A keyed hash of the district, hexadecimal. Districts of runs with the same key only can be compared.
    pub district: String,
    /// Names the key that the hashes of the ledger are made with, hexadecimal.
    pub key: String,
}

/// The row that is committed together with the data: it is there if and only if the data is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    pub run: RunId,
    /// For an undo (or a redo): the run it takes back.
    pub parent: Option<RunId>,
    pub epoch: Epoch,
    pub plan_digest: String,
    pub state: RunState,
    /// None in a record that an earlier version wrote.
    pub origin: Option<RunOrigin>,
}
