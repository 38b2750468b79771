//! `cargo xtask prove NAME`: ends in one line with figures and PASS or FAIL.

use std::process::ExitCode;

use clap::Parser;
use redistrict_proofs::{Options, Part};

#[derive(Parser)]
struct Arguments {
    name: String,
    #[arg(long)]
    quick: bool,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Of `run-crash`: this part alone.
    #[arg(long, hide = true)]
    part: Option<Part>,
}

#[expect(clippy::print_stdout, reason = "the last line is the result")]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let options = Options {
        quick: arguments.quick,
        seed: arguments.seed,
        part: arguments.part,
    };
    match redistrict_proofs::run(&arguments.name, options) {
        Ok(proof) => {
            let word = if proof.passed { "PASS" } else { "FAIL" };
            println!("prove {}: {} {word}", arguments.name, proof.figures);
            if proof.passed {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            println!("prove {}: could not run: {error:#} FAIL", arguments.name);
            ExitCode::FAILURE
        }
    }
}
