//! The desk behind `redistrict mcp`: it answers by starting this very program as a child with
//! `--output json`, or by reading the journal, and passes on only what an answer has a place for.

mod child;
mod desk;
mod documents;
mod estate;
mod runs;

pub(crate) use desk::OwnDesk;

use redistrict_mcp::Refusal;

use crate::failure::Failure;
use crate::output;

/// What a terminal would have been told.
fn refused(failure: &Failure) -> Refusal {
    Refusal {
        error: (&failure.message).into(),
        causes: failure.causes.iter().map(Into::into).collect(),
        hints: failure
            .hints
            .iter()
            .map(|hint| output::typed(hint).into())
            .collect(),
        exit: failure.exit as u8,
    }
}
