//! Inference of owner lists, tiers and roles from catalogs, measured numbers and decisions:
//! docs/design/closure.md §2 and §4. Pure; reads no rows.

mod attach;
mod check;
mod doubt;
mod fillers;
mod graph;
mod input;
mod owners;
mod reference;
mod seen;
mod tiers;

pub use fillers::fillers;
pub use input::{
    Decisions, Draft, InferError, InferInput, MeasureRequest, Measurements, Problem,
    tables_to_measure,
};
pub use owners::infer;
