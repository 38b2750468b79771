//! The long demonstrations. They drive the `redistrict` binary as a user would and judge what it left
//! behind with readers of their own; nothing of the planner, the masks or the scanner is used to
//! judge them.

mod bench;
mod child;
mod closure;
mod digest;
mod edfi;
mod estate;
mod faults;
mod injection;
mod joins;
mod leak;
mod links;
mod load_crash;
mod load_kill;
mod mcp;
mod micro;
mod neighbours;
mod newcomer;
mod run_crash;
mod run_faults;
mod search;
mod servers;
mod snapshot;
mod standing;
mod types;
mod world;

pub use bench::Bench;
pub use child::Product;
pub use faults::{Fault, composition};

use anyhow::{Result, bail};

/// How a demonstration is run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub quick: bool,
    pub seed: u64,
    /// Of `run-crash`: this part alone.
    pub part: Option<Part>,
    /// Of `load-crash`: one of so many disturbed runs.
    pub share: Option<std::num::NonZeroUsize>,
}

impl Options {
    pub(crate) fn has(self, part: Part) -> bool {
        self.part.is_none_or(|asked| asked == part)
    }
}

/// A part of `run-crash`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Kills of the client on SQLite files.
    Files,
    /// Kills of the client on PostgreSQL and Neo4j.
    Client,
    /// Kills of these servers.
    Servers,
}

/// The last line of a demonstration.
pub struct Proof {
    pub figures: String,
    pub passed: bool,
}

/// Runs a demonstration by its name.
///
/// # Errors
/// An unknown name, or the demonstration could not be run at all (which is a failure too).
pub fn run(name: &str, options: Options) -> Result<Proof> {
    match name {
        "closure" => closure::prove(options),
        "edfi" => edfi::prove(options),
        "estate" => estate::prove(options),
        "injection" => injection::prove(options),
        "leak" => leak::prove(options),
        "links" => links::prove(options),
        "load-crash" => load_crash::prove(options),
        "load-kill" => load_kill::prove(options),
        "mcp" => mcp::prove(options),
        "neighbours" => neighbours::prove(options),
        "newcomer" => newcomer::prove(options),
        "run-crash" => run_crash::prove(options),
        "run-faults" => run_faults::prove(options),
        "snapshot" => snapshot::prove(options),
        "types" => types::prove(options),
        other => bail!("no proof is called {other:?}"),
    }
}

/// Prints progress of a demonstration.
#[expect(
    clippy::print_stderr,
    reason = "a demonstration talks to the person who runs it"
)]
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}
