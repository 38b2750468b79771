//! Demonstrations: commands that end in one line with figures and PASS or FAIL.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::process::{cargo, status};
use crate::servers;

/// What there is; `docs/proofs.md` describes each.
const KNOWN: [&str; 3] = ["estate", "leak", "run-crash"];

/// The quick forms that CI runs.
pub(crate) const IN_CI: [&str; 3] = ["estate", "leak", "run-crash"];

/// Runs a proof; its last line is the result.
pub(crate) fn run(name: &str, quick: bool, seed: Option<u64>) -> Result<ExitCode> {
    if !KNOWN.contains(&name) {
        bail!(
            "no proof is called {name:?}; there are: {}",
            KNOWN.join(", ")
        );
    }
    servers::require_postgres()?;
    let seed_text = seed.map(|seed| seed.to_string());
    let mut arguments = vec![
        "run",
        "--quiet",
        "--locked",
        "--package",
        "redistrict-proofs",
        "--bin",
        "prove",
        "--",
        name,
    ];
    if quick {
        arguments.push("--quick");
    }
    if let Some(seed) = &seed_text {
        arguments.extend(["--seed", seed]);
    }
    // The faulty twin of the binary is started by the proofs as a child process.
    let built = status(&mut cargo(&[
        "build",
        "--quiet",
        "--locked",
        "--package",
        "redistrict-proofs",
    ]))?;
    if !built.success() {
        return Ok(ExitCode::FAILURE);
    }
    let status = status(&mut cargo(&arguments))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
