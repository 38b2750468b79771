//! The `redistrict` command: nothing but its library, so that proofs can start the same code with
//! faults built in.

use std::process::ExitCode;

/// Gives memory back when a phase ends; the system's allocator keeps it, and the next phase comes on top.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    redistrict_cli::run(std::env::args_os(), redistrict_cli::Composition::default())
}
