//! Who sits at this terminal, and the run that they mean.

use std::io::{BufRead, IsTerminal};
use std::path::Path;

use redistrict_journal::{Journal, RunState, RunStatus, Waiting, fold};
use redistrict_model::RunId;
use redistrict_orchestrator::is_worked_on;

use crate::failure::{CommandResult, Failure};
use crate::nearest;
use crate::output;
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

/// What is typed on this terminal after a question, trimmed; none where nobody can type.
pub(crate) fn answer(question: &str) -> Option<String> {
    if !std::io::stdin().is_terminal() {
        return None;
    }
    output::note(question);
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).ok()?;
    Some(line.trim().to_owned())
}

/// The run that is named, or the newest; `doing` says what for.
pub(crate) fn named_or_newest(
    journal: &dyn Journal,
    run: Option<&str>,
    doing: &str,
) -> CommandResult<RunId> {
    match run {
        Some(run) => Ok(RunId::new(run)),
        None => journal.runs()?.pop().ok_or_else(|| {
            Failure::usage(format!("{doing} a run: there is none yet"))
                .with_hint("`redistrict migrate DISTRICT` starts one")
        }),
    }
}

/// The state of a run.
pub(crate) fn state_of(journal: &dyn Journal, run: &RunId) -> CommandResult<RunState> {
    fold(&journal.read(run)?).ok_or_else(|| nearest::missing_run(journal, run))
}

/// The run should be worked on, and nobody does: its process died, it was approved and not resumed, or it left
/// because another run was in the way. `state_dir` is where the locks of runs are.
pub(crate) fn is_left(state_dir: &Path, state: &RunState) -> bool {
    let should_be = matches!(
        state.status,
        RunStatus::Running | RunStatus::Waiting(Waiting::OtherRun(_)) | RunStatus::Compensating
    );
    should_be && !is_worked_on(state_dir, &state.run)
}
