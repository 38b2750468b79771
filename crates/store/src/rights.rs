//! What a database's administrator grants so that a store can be read, or written, and no more. The code
//! that sends the statements says what they need; it grants nothing itself.

use async_trait::async_trait;
use redistrict_model::TableRef;
use serde::Serialize;

use crate::error::StoreError;

/// Whom the rights are for, and on what.
#[derive(Clone, Debug, Default)]
pub struct RightsRequest {
    /// The name of the role; any text.
    pub role: String,
    /// The tables that are read or written; those of other stores, and those that are not there, are passed
    /// over.
    pub tables: Vec<TableRef>,
}

/// When a right is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Without it a run fails.
    Always,
    /// Only in the case that the reason tells: for the administrator to decide.
    Sometimes,
}

/// One statement for the administrator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Right {
    /// Whole, without the semicolon at its end. One line: names in it are quoted, and what would end a line
    /// or move a cursor stands in it by its number.
    pub statement: String,
    /// What it is for. May hold names as they are.
    pub reason: String,
    pub need: Need,
}

impl Right {
    /// A statement without which a run fails.
    pub fn always(statement: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            statement: statement.into(),
            reason: reason.into(),
            need: Need::Always,
        }
    }

    /// A statement for the case that `reason` tells.
    pub fn sometimes(statement: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            need: Need::Sometimes,
            ..Self::always(statement, reason)
        }
    }
}

/// The least rights for one side of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rights {
    /// Where the statements are to be run: for people.
    pub place: String,
    /// What begins a comment in the language of the statements.
    pub comment: &'static str,
    /// What to know before: each one sentence or more. May hold names as they are.
    pub remarks: Vec<String>,
    /// In the order in which they are to be run; running them again changes nothing.
    pub statements: Vec<Right>,
}

/// A side of a store that knows what it needs.
#[async_trait]
pub trait LeastRights: Send + Sync {
    /// Looks at the catalogs, which every role may read, and says what the role needs.
    ///
    /// # Errors
    /// The store cannot be reached or looked at.
    async fn least_rights(&self, request: &RightsRequest) -> Result<Rights, StoreError>;
}
