//! Store kind sqlite.
