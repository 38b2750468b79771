//! Counting how often values stand in columns, where a sample would not do.

use std::collections::BTreeMap;

use redistrict_model::{KeyRow, TableRef};

/// Asks how many rows of a table have which values in some columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TallyRequest {
    pub table: TableRef,
    /// What is told apart; without columns all rows are one.
    pub columns: Vec<String>,
    /// Rows in which one of these is NULL are not counted.
    pub present: Vec<String>,
    /// At most so many different values are named; all are counted.
    pub limit: u32,
}

/// The values of one row of a tally, in the order of the columns that were asked for.
pub type Tallied = Vec<Option<Box<str>>>;

/// How often values stand in some columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The most frequent first, then by their texts, with the number of rows that have them.
    pub values: Vec<(Tallied, u64)>,
    /// The rows that were counted, those of values that are not named among them.
    pub rows: u64,
    /// How many different values there are; more than `values` holds if the limit cut it.
    pub different: u64,
}

impl Tally {
    /// From counted values: sorted, and cut at the limit.
    #[must_use]
    pub fn of(counted: BTreeMap<Tallied, u64>, limit: u32) -> Self {
        let rows = counted.values().sum();
        let different = counted.len() as u64;
        let mut values: Vec<(Tallied, u64)> = counted.into_iter().collect();
        // Stable: equal counts stay in the order of their texts.
        values.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
        values.truncate(limit as usize);
        Self {
            values,
            rows,
            different,
        }
    }

    /// From rows that hold the columns of the request, and after them those that have to be present.
    pub(crate) fn of_rows(request: &TallyRequest, rows: Vec<KeyRow>) -> Self {
        let mut counted: BTreeMap<Tallied, u64> = BTreeMap::new();
        for row in rows {
            let mut values = row.values;
            let present = values.split_off(request.columns.len().min(values.len()));
            if present.iter().all(Option::is_some) {
                *counted.entry(values).or_default() += 1;
            }
        }
        Self::of(counted, request.limit)
    }
}
