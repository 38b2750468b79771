//! References that no catalog declares, proposed for the configuration: declared foreign keys and names say which
//! column may refer to which key, values say whether it does. Decides nothing: what is proposed stands in the
//! file that `init` writes, with its evidence, and a person may take it out; what names and values leave open
//! stands there as a question.

mod agreement;
mod candidates;
mod chance;
mod contradicted;
mod declared;
mod holders;
mod kinds;
mod known;
mod mutual;
mod names;
mod nested;
mod places;
mod propose;
mod questions;
mod tables;
mod telling;
mod values;
mod weak;

pub use agreement::Agreement;
pub use candidates::Rule;
pub use kinds::{UncoveredKinds, uncovered_kinds};
pub use nested::NestedReference;
pub use propose::{ProposedLink, ProposedLinks, propose_links};
pub use questions::{OpenReference, Suggestion};
pub use values::Evidence;
