//! The skill *report*: journal and manifests in, the report of a run out.
//!
//! Value-free, and the same for the same journal: all times are the journal's, no clock is asked. A
//! fact that a phase did not record is printed as "not recorded", never made up.

mod collect;
mod data;
mod facts;
mod format;
mod recommend;
mod render;
mod skill;
mod summary;

pub use collect::collect;
pub use data::{
    ArtifactReport, BoundaryReport, FORMAT_VERSION, FailureReport, ForecastReport, MaskReport,
    PhaseReport, ProofReport, ReportData, ReportStatus, RetryReport, StoreReport, TableReport,
    Totals,
};
pub use format::{duration, thousands};
pub use render::render_markdown;
pub use skill::ReportSkill;
pub use summary::{next_steps, summary};
