//! `redistrict completions`: what a shell needs to complete our command line. Only commands and
//! options that people see are in it.

use crate::args;
use crate::examples;
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::output::{self, Format};
use crate::session::Session;

/// Prints the script of a shell to stdout.
pub(crate) fn run(session: &Session, arguments: &args::Completions) -> CommandResult<Exit> {
    let script = script(arguments.shell)?;
    if session.format() == Format::Text {
        output::script(&script);
    } else {
        let shell = arguments.shell.to_string();
        output::json(&serde_json::json!({ "shell": shell, "script": script }));
    }
    Ok(Exit::Done)
}

fn script(shell: clap_complete::Shell) -> CommandResult<String> {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut examples::visible(), "redistrict", &mut bytes);
    String::from_utf8(bytes)
        .map_err(|_| Failure::new(Exit::Unexpected, "write the completions: no UTF-8"))
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_completes_what_is_shown_and_nothing_else() {
        for shell in clap_complete::Shell::value_variants() {
            let script = script(*shell).unwrap();
            for word in ["migrate", "dry-run", "artifacts", "overdue"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
            for word in ["state-dir", "prepare-only", "pages"] {
                assert!(!script.contains(word), "{shell}: {word}");
            }
        }
    }
}
