//! Demonstrations: commands that end in one line with figures and PASS or FAIL.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::client;
use crate::process::{cargo, status};
use crate::servers;

/// What there is; `docs/proofs.md` describes each.
const KNOWN: [&str; 15] = [
    "closure",
    "edfi",
    "estate",
    "injection",
    "leak",
    "links",
    "load-crash",
    "load-kill",
    "mcp",
    "neighbours",
    "newcomer",
    "run-crash",
    "run-faults",
    "snapshot",
    "types",
];

/// The quick forms that CI runs.
pub(crate) const IN_CI: [&str; 12] = [
    "closure",
    "estate",
    "leak",
    "links",
    "load-crash",
    "load-kill",
    "mcp",
    "newcomer",
    "run-crash",
    "run-faults",
    "snapshot",
    "types",
];

/// Runs a proof; its last line is the result.
pub(crate) fn run(name: &str, quick: bool, seed: Option<u64>) -> Result<ExitCode> {
    if !KNOWN.contains(&name) {
        bail!(
            "no proof is called {name:?}; there are: {}",
            KNOWN.join(", ")
        );
    }
    servers::require()?;
    let python = match name {
        "mcp" => Some(client::require()?),
        _ => None,
    };
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
    // The binary and its faulty twin are started by the proofs as child processes.
    let built = status(&mut cargo(&[
        "build",
        "--quiet",
        "--locked",
        "--package",
        "redistrict-proofs",
        "--package",
        "redistrict-cli",
    ]))?;
    if !built.success() {
        return Ok(ExitCode::FAILURE);
    }
    let mut prove = cargo(&arguments);
    if let Some(python) = python {
        prove.env("REDISTRICT_MCP_PYTHON", python);
    }
    let status = status(&mut prove)?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
