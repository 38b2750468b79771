//! Skill extract: one district out of every source into a raw, encrypted artifact.
//!
//! Reads only. Which rows belong to the district is `redistrict_closure`'s business; that no other
//! row came is proved here by code that knows nothing of it (`isolation`).

mod closure;
mod evaluation;
mod isolation;
mod items;
mod left_behind;
mod parts;
mod readers;
mod rewrite;
mod safeguards;
mod skill;
mod statement;
mod tell;
mod unfit;
mod write;

pub use closure::{Cuts, district_key, leads, undecided};
pub use evaluation::{evaluate, forecast};
pub use isolation::IsolationProof;
pub use items::{item_requests, item_rows};
pub use safeguards::{Coming, Hub, coming, counted, hubs, tables_to_count};
pub use skill::{ExtractSkill, extract_digest, open_cuts};
pub use statement::tell_rows;
pub use tell::{ask_closer, ask_for_rows, ask_to_settle};
pub use unfit::unfit;
