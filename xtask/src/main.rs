//! Automation of the repository: `cargo xtask ci | check | test | servers | tidy | docs | pictures | prove | bench | dist`.
//!
//! Light on purpose: it starts other programs and reads files, it links nothing of the product.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod bench;
mod ci;
mod client;
mod dist;
mod docs;
mod pictures;
mod process;
mod prove;
mod servers;
mod test;
mod tidy;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Automation of the repository")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What CI runs: tidy, fmt, clippy, tests, the quick proofs.
    Ci,
    /// Format, clippy and tidy, without tests.
    Check,
    /// All tests against real servers; installs them without asking only where CI is set.
    Test {
        /// Passed on to the test runner.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Say which servers the tests would use; start and stop some for a developer.
    Servers {
        #[command(subcommand)]
        action: Option<servers::Action>,
    },
    /// The rules of the repository as code: dependency law, sizes, headers.
    Tidy,
    /// Write the pages that are made from the code: commands, exit codes, manual, types.
    Docs,
    /// Take the pictures of the documents: the demo's report and decision sheet in a headless browser.
    Pictures,
    /// A release in `dist`: the binary, the archive, a container file, their digests. Tries them.
    Dist,
    /// A demonstration that ends in one line with PASS or FAIL.
    Prove {
        name: String,
        #[arg(long)]
        quick: bool,
        #[arg(long)]
        seed: Option<u64>,
    },
    /// What a migration costs beside a plain copy, and what the estate's generator costs.
    Bench {
        #[command(subcommand)]
        what: bench::What,
        #[command(flatten)]
        how: bench::How,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            process::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Ci => ci::run(),
        Command::Check => ci::check().map(|()| ExitCode::SUCCESS),
        Command::Test { rest } => test::run(&rest),
        Command::Servers { action } => servers::run(action).map(|()| ExitCode::SUCCESS),
        Command::Tidy => tidy::run(),
        Command::Docs => docs::run().map(|()| ExitCode::SUCCESS),
        Command::Pictures => pictures::run().map(|()| ExitCode::SUCCESS),
        Command::Dist => dist::run().map(|()| ExitCode::SUCCESS),
        Command::Prove { name, quick, seed } => prove::run(&name, quick, seed),
        Command::Bench { what, how } => bench::run(what, how),
    }
}
