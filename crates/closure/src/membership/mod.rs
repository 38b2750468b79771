//! Which rows are members: an evaluator that asks for keys and never reads by itself.

mod closure;
mod described;
mod facts;
mod fetch;
mod growth;
mod key_list;
mod label;
mod labeller;
mod layout;
mod measure;
mod members;
mod numbers;
mod outcome;
mod passes;
mod pool;
mod stand;
mod streaming;
mod trailing;
mod trim;
mod users;
mod why;
mod why_not;

pub use closure::Closure;
pub use fetch::{ClosureError, Fetch};
pub use key_list::KeyList;
pub use labeller::Labeller;
pub use measure::Measurer;
pub use members::{
    Boundary, Candidate, Dangling, Leads, Members, Nulled, Stop, TableMembers, Undecided,
};
pub use trailing::{Fate, Passing};
pub use why::{How, Step};
pub use why_not::{Answer, MissingStep, Reason, Referred, Tie, WhyNot};
