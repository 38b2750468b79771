//! The reference K-12 estate: a deterministic generator with its own answer key.
