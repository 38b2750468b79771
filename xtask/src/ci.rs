//! What CI runs, in the order in which it fails fastest.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::process::{cargo, must, say};
use crate::{prove, test, tidy};

/// Tidy, formatting, lints.
pub(crate) fn check() -> Result<()> {
    if tidy::run()? != ExitCode::SUCCESS {
        bail!("tidy found something");
    }
    must(&mut cargo(&["fmt", "--all", "--check"]))?;
    must(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ]))
}

/// Everything; the test summary stands last.
pub(crate) fn run() -> Result<ExitCode> {
    check()?;
    for proof in prove::IN_CI {
        if prove::run(proof, true, None)? != ExitCode::SUCCESS {
            bail!("proof {proof} failed");
        }
    }
    say("checks and quick proofs passed; now the tests");
    test::run(&[])
}
