//! Skill extract: one district out of every source into a raw, encrypted artifact.
