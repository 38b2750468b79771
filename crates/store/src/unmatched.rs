//! Counting references that lead to no row, where a store can do it by itself.

use redistrict_model::TableRef;

/// Asks how many rows of a table refer to no row of another table of the same store. Values are compared by
/// their canonical texts, as keys are; a row of which a column is NULL refers to nothing and is not counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmatchedRequest {
    pub child: TableRef,
    pub child_columns: Vec<String>,
    pub parent: TableRef,
    /// In the order of `child_columns`.
    pub parent_columns: Vec<String>,
    /// Only rows in which each of these columns has one of the texts.
    pub when: Vec<(String, Vec<String>)>,
}
