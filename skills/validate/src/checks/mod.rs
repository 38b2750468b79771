//! The checks, one family per file. Each says what it looked at, also when that was nothing.

pub(crate) mod check_constraints;
pub(crate) mod counts;
pub(crate) mod enums;
pub(crate) mod foreign_keys;
pub(crate) mod isolation;
pub(crate) mod keys;
pub(crate) mod lengths;
pub(crate) mod links;
pub(crate) mod not_null;
pub(crate) mod privacy;
mod row_check;
mod tally;

pub(crate) use row_check::{RowCheck, TableView};
pub(crate) use tally::{Tally, could_not_run, locator};
