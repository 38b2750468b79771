//! Which rows belong to a district: owner lists inferred, labels, homes and membership evaluated
//! over keys. The rules are those of docs/design/closure.md.
//!
//! Pure: no I/O, no async. Inference takes catalogs and measured numbers and gives an
//! [`Ownership`](redistrict_model::Ownership). Evaluation is a machine that says which keys it has
//! to see next ([`Fetch`]) and is given them; it reads the neighbourhood of one district only.

mod edges;
mod infer;
mod items;
mod lines;
mod membership;

pub use edges::{OutsideReference, ResolvedLink, build_edges, identities, outside_references};
pub use infer::{
    Decisions, Draft, InferError, InferInput, MeasureRequest, Measurements, Problem, fillers,
    infer, tables_to_measure,
};
pub use items::{Evaluable, Items, evaluable};
pub use lines::{
    column_heading, link_side, nested_link_side, owner_line, reference, references_meant,
    table_columns, table_heading,
};
pub use membership::{
    Answer, Boundary, Candidate, Closure, ClosureError, Dangling, Fate, Fetch, How, KeyList,
    Labeller, Leads, Measurer, Members, MissingStep, Nulled, Passing, Reason, Referred, Step, Stop,
    TableMembers, Tie, Undecided, WhyNot,
};
