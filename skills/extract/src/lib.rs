//! Skill extract: one district out of every source into a raw, encrypted artifact.
//!
//! Reads only. Which rows belong to the district is `redistrict_closure`'s business; that no other
//! row came is proved here by code that knows nothing of it (`isolation`).

mod closure;
mod isolation;
mod rewrite;
mod skill;
mod tell;
mod unfit;
mod workers;
mod write;

pub use closure::{Cuts, district_key, evaluate, leads, undecided};
pub use isolation::IsolationProof;
pub use skill::{ExtractSkill, extract_digest, open_cuts};
pub use tell::ask_for_rows;
pub use unfit::unfit;
