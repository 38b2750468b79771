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

/// Why nobody knows who decides, as a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nobody {
    /// The name that was given is none.
    Unfit,
    /// The session is the machine's, not a person's.
    Root,
    /// The session has no user.
    Unknown,
}

impl std::fmt::Display for Nobody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unfit => "--by is no name: it has 1 to 100 characters on one line",
            Self::Root => "the user of this session is root, which does not say who it is",
            Self::Unknown => {
                "nothing says who it is: this session has no user (neither USER nor LOGNAME is set)"
            }
        })
    }
}

/// The name of whoever decides: the one given, or the user of this session; behind `sudo` whoever called it.
pub(crate) fn name(given: Option<&str>) -> Result<String, Nobody> {
    name_of(given, environment)
}

fn name_of(
    given: Option<&str>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<String, Nobody> {
    const MACHINE: &str = "root";
    if let Some(given) = given {
        return fit(given).ok_or(Nobody::Unfit);
    }
    let users = ["USER", "LOGNAME", "SUDO_USER"].into_iter();
    let users: Vec<String> = users.filter_map(|name| fit(&variable(name)?)).collect();
    match users.iter().find(|user| *user != MACHINE) {
        Some(user) => Ok(user.clone()),
        None if users.is_empty() => Err(Nobody::Unknown),
        None => Err(Nobody::Root),
    }
}

fn fit(name: &str) -> Option<String> {
    let name = name.trim();
    let is_fit =
        !name.is_empty() && name.chars().count() <= LONGEST && !name.chars().any(char::is_control);
    is_fit.then(|| name.to_owned())
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
        RunStatus::Running
            | RunStatus::Waiting(Waiting::OtherRun(_) | Waiting::Resume(_))
            | RunStatus::Compensating
    );
    should_be && !is_worked_on(state_dir, &state.run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_nobody_and_whoever_called_sudo_is_somebody() {
        let of = |given: Option<&str>, session: &[(&str, &str)]| {
            name_of(given, |name| {
                let found = session.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let somebody = |name: &str| Ok(name.to_owned());
        assert_eq!(of(None, &[("USER", "anna")]), somebody("anna"));
        assert_eq!(of(None, &[("LOGNAME", "anna")]), somebody("anna"));
        let sudo = [("USER", "root"), ("LOGNAME", "root"), ("SUDO_USER", "anna")];
        assert_eq!(of(None, &sudo), somebody("anna"));
        assert_eq!(of(None, &sudo[..2]), Err(Nobody::Root));
        assert_eq!(of(None, &[]), Err(Nobody::Unknown));
        assert_eq!(of(None, &[("USER", " ")]), Err(Nobody::Unknown));
        assert_eq!(of(Some(" Data Owner "), &sudo[..2]), somebody("Data Owner"));
        for unfit in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert_eq!(of(Some(unfit), &sudo), Err(Nobody::Unfit));
        }
    }
}
