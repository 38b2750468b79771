//! The skill *select*: ranks the districts of an estate and proposes pilots.
//!
//! It counts, it never copies: what is looked at is the tenant root, the keys of small tables below it, and a
//! bounded sample of the tables that refer to these. Values are used to count and are forgotten.

mod collect;
mod data;
mod dates;
mod output;
mod places;
mod rank;
mod tally;

pub use collect::{CollectInput, DEFAULT_SAMPLE_ROWS, collect};
pub use data::{
    CountedTable, DistrictFacts, FORMAT_VERSION, MeasuredRate, Measurement, Parts, Ranked,
    RowCount, Selection, SizeClass,
};
pub use output::{render_markdown, write};
pub use rank::rank;
