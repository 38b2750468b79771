//! The pages that are made from the code. Tests of the crates that make them fail when one is stale.

use anyhow::Result;

use crate::process::{cargo, must};

/// Writes all of them into `docs`.
pub(crate) fn run() -> Result<()> {
    must(&mut cargo(&[
        "run",
        "--quiet",
        "--locked",
        "--package",
        "redistrict-cli",
        "--",
        "pages",
        ".",
    ]))?;
    must(&mut cargo(&[
        "run",
        "--quiet",
        "--locked",
        "--package",
        "redistrict-proofs",
        "--bin",
        "types-page",
    ]))
}
