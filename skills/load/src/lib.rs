//! Skill load: the masked artifact into CERT, with before-images; and out again.
//!
//! Decisions are pure ([`plan`], [`decide`]); what is done follows `docs/design/load.md`: preflight,
//! lease, staging, one guarded transaction per commit group with the ledger in it, exact undo by the
//! inverse of the ledger. Knows stores only by their contract and PROD not at all.

mod applying;
mod check;
mod classify;
mod collisions;
mod commit;
mod compare;
mod conflicts;
mod copies;
mod deciding;
mod digests;
mod ending;
mod error;
#[cfg(test)]
mod fixtures;
mod forecast;
mod handing_back;
mod held;
mod inverse;
mod keyless;
mod labels;
mod leases;
mod ledger;
mod merge;
mod mode;
mod multiset;
mod open_schema;
mod order;
mod origin;
mod our_writes;
mod past;
mod plan;
mod preflight;
mod readers;
mod recording;
mod recount;
mod referrers;
mod reliance;
mod report;
mod room;
mod rows;
mod session;
mod settle;
mod shape;
mod skill;
mod staging;
mod triggers;
mod undecided;
mod undo;
mod undo_recording;
mod undo_report;
mod undo_skill;
mod written;

pub use compare::{Presence, RowDecision, Written, decide};
pub use digests::table_digests;
pub use error::{LoadPlanError, UNDO_REFUSED, is_undo_refused};
pub use mode::{Ability, CommitMode, Hindrance};
pub use plan::{GroupInput, LoadInputs, plan};
pub use reliance::SharedRows;
pub use report::{
    GroupReport, LoadReport, RetainedRows, TableCounts, TableReport, UndoCounts, UndoReport,
};
pub use session::{LoadSetup, Mode};
pub use settle::{Taken, take};
pub use skill::LoadSkill;
pub use undo_skill::UndoSkill;
