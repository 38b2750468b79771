//! Who sits at this terminal, and the run that they mean.

use redistrict_journal::{Journal, RunState, fold};
use redistrict_model::RunId;

use crate::failure::{CommandResult, Failure};
use crate::nearest;
use crate::secrets::environment;

/// The longest name that is taken.
const LONGEST: usize = 100;

/// The name of whoever decides: the one given, or the user of this session.
pub(crate) fn name(given: Option<&str>) -> CommandResult<String> {
    let of_session = || ["USER", "LOGNAME"].into_iter().find_map(environment);
    let name = given
        .map(ToOwned::to_owned)
        .or_else(of_session)
        .unwrap_or_default();
    let name = name.trim();
    let is_fit =
        !name.is_empty() && name.chars().count() <= LONGEST && !name.chars().any(char::is_control);
    if is_fit {
        return Ok(name.to_owned());
    }
    Err(
        Failure::usage("say who decides: a name of at most 100 characters on one line")
            .with_hint("--by \"your name\""),
    )
}

/// The state of a run.
pub(crate) fn state_of(journal: &dyn Journal, run: &RunId) -> CommandResult<RunState> {
    fold(&journal.read(run)?).ok_or_else(|| nearest::missing_run(journal, run))
}
