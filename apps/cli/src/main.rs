//! The `redistrict` command: nothing but its library, so that proofs can start the same code with
//! faults built in.

use std::process::ExitCode;

fn main() -> ExitCode {
    redistrict_cli::run(std::env::args_os(), redistrict_cli::Composition::default())
}
