//! Benchmarks: what docs/benchmarks.md shows. Built for release, on servers of their own.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Subcommand;

use crate::process::{cargo, status, variable};
use crate::servers;

/// Two servers are started, each with this heap. A migration of the graph is one transaction, and its
/// memory is a part of the heap.
const NEO4J_HEAP: &str = "3g";

/// What is measured.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum What {
    /// A migration of five stores and its undo, beside an unmasked COPY of the same rows.
    Migrate {
        /// Students of the district; PROD has two such districts.
        #[arg(long, default_value_t = 20_000)]
        students: u32,
        #[arg(long, default_value_t = 3)]
        rounds: u32,
    },
    /// An extraction beside a plain reading of the same rows.
    Extract {
        /// Students of the district; PROD has two such districts.
        #[arg(long, default_value_t = 170_000)]
        students: u32,
        #[arg(long, default_value_t = 3)]
        rounds: u32,
    },
    /// The generator of the estate: time and memory for so many students.
    Estate {
        #[arg(long, default_value_t = 1_000_000)]
        students: u32,
    },
}

/// How it is built and what becomes of the figures.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct How {
    /// Put the figures into docs/benchmarks.md.
    #[arg(long, global = true)]
    write: bool,
    /// Without optimisation, to try the bench itself.
    #[arg(long, global = true)]
    debug: bool,
}

/// Builds and measures; the figures are printed.
pub(crate) fn run(what: What, how: How) -> Result<ExitCode> {
    if how.write && how.debug {
        bail!("figures of a debug build are not for the page: leave --debug or --write away");
    }
    let words = words(what, how);
    if matches!(what, What::Migrate { .. }) {
        servers::require()?;
    }
    if !status(&mut cargo(&build(how)))?.success() {
        return Ok(ExitCode::FAILURE);
    }
    let mut arguments = vec![
        "run",
        "--quiet",
        "--locked",
        "--package",
        "redistrict-proofs",
    ];
    arguments.extend(["--bin", "bench"]);
    arguments.extend(release(how));
    arguments.push("--");
    arguments.extend(words.iter().map(String::as_str));
    let mut command = cargo(&arguments);
    if variable("NEO4J_HEAP").is_none() {
        command.env("NEO4J_HEAP", NEO4J_HEAP);
    }
    Ok(match status(&mut command)?.success() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// The bench starts the others as child processes.
fn build(how: How) -> Vec<&'static str> {
    let mut arguments = vec!["build", "--quiet", "--locked"];
    for (package, program) in [
        ("redistrict-cli", "redistrict"),
        ("redistrict-estate", "estate"),
        ("redistrict-proofs", "bench"),
    ] {
        arguments.extend(["--package", package, "--bin", program]);
    }
    arguments.extend(release(how));
    arguments
}

fn release(how: How) -> Option<&'static str> {
    (!how.debug).then_some("--release")
}

fn words(what: What, how: How) -> Vec<String> {
    let number = |name: &str, value: u32| [name.to_owned(), value.to_string()];
    let mut words = Vec::new();
    match what {
        What::Migrate { students, rounds } => {
            words.push("migrate".to_owned());
            words.extend(number("--students", students));
            words.extend(number("--rounds", rounds));
        }
        What::Extract { students, rounds } => {
            words.push("extract".to_owned());
            words.extend(number("--students", students));
            words.extend(number("--rounds", rounds));
        }
        What::Estate { students } => {
            words.push("estate".to_owned());
            words.extend(number("--students", students));
        }
    }
    if how.write {
        words.push("--write".to_owned());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_reaches_the_bench() {
        let how = How {
            write: true,
            debug: false,
        };
        let what = What::Migrate {
            students: 7,
            rounds: 2,
        };
        let expected = ["migrate", "--students", "7", "--rounds", "2", "--write"];
        assert_eq!(words(what, how), expected);
        assert!(build(how).contains(&"--release"));
    }

    #[test]
    fn figures_of_a_debug_build_are_never_written() {
        let how = How {
            write: true,
            debug: true,
        };
        let refused = run(What::Estate { students: 1 }, how).unwrap_err();
        assert!(refused.to_string().contains("--debug"), "{refused}");
    }
}
