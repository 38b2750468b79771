//! The append-only run journal and the state folded from it.
