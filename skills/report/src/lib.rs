//! The skill *report*: journal and manifests in, the report of a run out, as Markdown, HTML and JSON. And
//! the decision sheet of a plan's masks, as CSV and HTML.
//!
//! Value-free, and the same for the same journal: all times are the journal's, no clock is asked. A
//! fact that a phase did not record is printed as "not recorded", never made up.

mod collect;
mod data;
mod document;
mod facts;
mod format;
mod gantt;
mod history;
mod html;
mod markdown;
mod recommend;
mod sections;
mod sheet;
mod skill;
mod summary;
mod timeline;

pub use collect::{collect, decisions_digest};
pub use data::{
    ApprovalReport, ArtifactReport, BoundaryReport, ClassReport, FORMAT_VERSION, FailureReport,
    ForecastReport, LeftBehindReport, MaskReport, PauseReport, PhaseReport, ProofReport,
    ReportData, ReportStatus, RetryReport, SpanReport, SpanState, StoreReport, TableReport,
    TimelineReport, Totals, UndoForecastReport,
};
pub use format::{duration, thousands};
pub use html::render_html;
pub use markdown::render_markdown;
pub use sheet::{
    DecisionSheet, KeyPart, SHEET_VERSION, SheetBasis, SheetColumn, SheetPlan, render_csv,
    render_sheet,
};
pub use skill::ReportSkill;
pub use summary::{next_steps, summary};
pub use timeline::timeline;
