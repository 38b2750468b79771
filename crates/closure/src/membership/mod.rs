//! Which rows are members: an evaluator that asks for keys and never reads by itself.

mod closure;
mod facts;
mod fetch;
mod label;
mod labeller;
mod layout;
mod measure;
mod members;
mod outcome;
mod pool;
mod trim;
mod users;
mod why;

pub use closure::Closure;
pub use fetch::{ClosureError, Fetch};
pub use labeller::Labeller;
pub use measure::Measurer;
pub use members::{
    Boundary, Candidate, Dangling, Leads, Members, Nulled, Stop, TableMembers, Undecided,
};
pub use why::{How, Step};
