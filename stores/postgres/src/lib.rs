//! Store kind postgres.
