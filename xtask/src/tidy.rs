//! The rules of the repository as code.

mod files;
mod law;

use std::process::ExitCode;

use anyhow::Result;

use crate::process::{result, say};

/// Runs every rule; prints what breaks one and the figures of the house style.
pub(crate) fn run() -> Result<ExitCode> {
    let mut broken = law::check()?;
    let (files_broken, figures) = files::check()?;
    broken.extend(files_broken);
    for line in &broken {
        say(&format!("tidy: {line}"));
    }
    result(&figures);
    if broken.is_empty() {
        result("tidy: the dependency law holds, every file has its header, none is too long");
        return Ok(ExitCode::SUCCESS);
    }
    result(&format!("tidy: {} broken rules", broken.len()));
    Ok(ExitCode::FAILURE)
}
