//! Skill validate: masked artifact into a verdict.
