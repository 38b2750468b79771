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
    /// Of `load-crash`: one of so many disturbed runs.
    #[arg(long, hide = true)]
    share: Option<std::num::NonZeroUsize>,
}

#[expect(clippy::print_stdout, reason = "the last line is the result")]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let options = Options {
        quick: arguments.quick,
        seed: arguments.seed,
        part: arguments.part,
        share: arguments.share,
    };
    let is_whole = options.part.is_none() && options.share.is_none();
    match redistrict_proofs::run(&arguments.name, options) {
        Ok(proof) => {
            let word = match (proof.passed, is_whole) {
                (true, true) => "PASS",
                // A part shows a part: its line must not be taken for the whole.
                (true, false) => "PART PASSED",
                (false, _) => "FAIL",
            };
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
