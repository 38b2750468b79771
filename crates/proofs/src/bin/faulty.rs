//! The product with a fault built in, for proofs only: the fault is named by `REDISTRICT_FAULT`
//! (see `redistrict_proofs::Fault`). Without it, it is the product.

use std::process::ExitCode;

use redistrict_proofs::{Fault, composition};

#[expect(
    clippy::print_stderr,
    reason = "a wrong fault is the proof's own mistake"
)]
#[expect(
    clippy::disallowed_methods,
    reason = "the fault is given by the environment"
)]
fn main() -> ExitCode {
    let fault = match std::env::var("REDISTRICT_FAULT")
        .ok()
        .map(|text| text.parse::<Fault>())
    {
        None => None,
        Some(Ok(fault)) => Some(fault),
        Some(Err(error)) => {
            eprintln!("faulty: {error}");
            return ExitCode::from(99);
        }
    };
    redistrict_cli::run(std::env::args_os(), composition(fault))
}
