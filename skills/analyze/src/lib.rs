//! Skill analyze: catalogs into roles, owner lists, links and the extraction order.
//!
//! Reads catalogs, counts and samples of keys; decides nothing that a person did not write or the
//! rules of docs/design/closure.md do not infer, and says of each decision why.

mod artifacts;
mod driver;
mod links;
mod order;
mod section;
mod settings;

pub use artifacts::{Analysis, input_digest};
pub use driver::{Cuts, infer_ownership, sample_columns, tables_with_rows};
pub use links::{ProposedLink, ProposedLinks, propose_links};
pub use order::table_order;
pub use section::extract_section;
pub use settings::{Settings, resolve};
