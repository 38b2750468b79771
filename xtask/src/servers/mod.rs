//! The real servers of tests and developers: what is installed, those of one test run, and those that a
//! developer keeps (`cargo xtask servers up | down`).

mod developer;
mod installed;
mod supervised;

use anyhow::Result;
use clap::Subcommand;

use crate::process::result;

pub(crate) use installed::{Installed, require, sqlite};
pub(crate) use supervised::{Neo4jServers, VARIABLE as NEO4J_VARIABLE};

/// What to do with a developer's servers.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Action {
    /// Start one PostgreSQL and two Neo4j, with databases for the five stores of the estate on both sides,
    /// and print their URLs as lines to paste, those of `redistrict demo --servers` among them. Again:
    /// print the lines again.
    Up,
    /// Stop them. With `--remove` their data go, too.
    Down {
        #[arg(long)]
        remove: bool,
    },
}

/// Says what the tests would use, or starts and stops a developer's servers.
pub(crate) fn run(action: Option<Action>) -> Result<()> {
    match action {
        None => installed::report().iter().for_each(|line| result(line)),
        Some(Action::Up) => {
            developer::up(&require()?)?
                .iter()
                .for_each(|line| result(line));
            developer::say_next();
        }
        Some(Action::Down { remove }) => developer::down(remove)?,
    }
    Ok(())
}
