//! Skill anonymize: raw artifact into masked artifact, with the proof that nothing leaked.
//!
//! `plan` decides about every column before a row moves; the engine masks batch by batch; the proof
//! reads what was written and searches it for every sensitive value. Never sees a store. No original
//! is kept outside the encrypted raw artifact: pseudonyms are keyed, V is a set of keyed digests.

mod cells;
mod codes;
mod documents;
mod elements;
mod engine;
mod error;
mod key;
mod leak;
mod masks;
mod names;
mod parts;
mod plan;
mod pseudonym;
mod skill;
mod sweep;
mod words;

pub use error::MaskPlanError;
pub use masks::{
    Bounds, Field, FieldShape, Mask, MaskDefinition, MaskRegistry, Masked, Unmaskable, Value,
};
pub use plan::{MaskInputs, plan};
pub use pseudonym::{Pseudonymizer, Stream};
pub use skill::{AnonymizeSkill, check_fits};
pub use sweep::SweepSkill;
