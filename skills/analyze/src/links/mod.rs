//! References that no catalog declares, proposed for the configuration: names say which column may refer to
//! which key, values say whether it does. Decides nothing: what is proposed stands in the file that `init`
//! writes, with its evidence, and a person may take it out.

mod candidates;
mod names;
mod propose;

pub use propose::{ProposedLink, ProposedLinks, propose_links};
