//! The leak proof: V, the set of sensitive values as keyed digests; the scanner that searches texts
//! for them in every encoding; the proof over what was written. Keeps no value in clear.

mod canary;
mod decode;
mod form;
mod likeness;
mod members;
mod normal;
mod nothing;
mod own;
mod own_texts;
mod proof;
mod rows;
mod scan;
mod siphash;
mod statistics;
mod tally;
mod values;

pub(crate) use likeness::Likeness;
pub(crate) use members::{IntoValues, class_of, collect_row, data_name};
pub(crate) use normal::{Normal, is_invisible};
pub(crate) use own_texts::{own_texts, strong_hits_of_file};
pub(crate) use proof::{ProofSummary, Prover};
pub(crate) use rows::paired;
pub(crate) use scan::Scanner;
pub(crate) use values::{Builder, Digester, Values};
