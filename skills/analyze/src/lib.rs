//! Skill analyze: catalogs into roles, owner lists, links and the extraction order.
//!
//! Reads catalogs, counts and samples of keys; decides nothing that a person did not write or the
//! rules of docs/design/closure.md do not infer, and says of each decision why.

mod always;
mod artifacts;
mod dangling;
mod driver;
mod inherited;
mod inside;
mod links;
mod order;
mod picture;
mod section;
mod settings;
mod unowned;

pub use always::{AlwaysThere, always_there};
pub use artifacts::{Analysis, FORMAT as ANALYSIS_FORMAT, input_digest};
pub use dangling::{Dangling, LookedAt, dangling_references};
pub use driver::{Cuts, infer_ownership, sample_columns, tables_with_rows};
pub use inherited::ask_once;
pub use links::{
    Agreement, Evidence, NestedReference, OpenReference, ProposedLink, ProposedLinks, Rule,
    Suggestion, UncoveredKinds, propose_links, uncovered_kinds,
};
pub use order::table_order;
pub use section::extract_section;
pub use settings::{Settings, resolve};
pub use unowned::unowned_rows;
