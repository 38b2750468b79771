//! Starts other programs.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The root of the repository: of the one that is run, which need not be where it was compiled (a
/// target folder may serve several checkouts).
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place of xtask that asks the environment"
)]
pub(crate) fn root() -> PathBuf {
    let running = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let manifest = running.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    manifest
        .parent()
        .map_or_else(|| manifest.clone(), PathBuf::from)
}

/// Prints a line for the person.
#[expect(
    clippy::print_stderr,
    reason = "this is the one place of xtask that prints"
)]
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}

/// Prints a line of the result.
#[expect(
    clippy::print_stdout,
    reason = "this is the one place of xtask that prints results"
)]
pub(crate) fn result(line: &str) {
    println!("{line}");
}

/// An environment variable that is set to something.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place of xtask that asks"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether an environment variable is set.
pub(crate) fn is_set(name: &str) -> bool {
    variable(name).is_some()
}

/// Writes a file of a developer's servers.
#[expect(
    clippy::disallowed_methods,
    reason = "these are no files of a run of the product"
)]
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

/// 128 random bits as hexadecimal digits.
pub(crate) fn random_text() -> Result<String> {
    let mut bytes = [0; 16];
    let mut source = std::fs::File::open("/dev/urandom").context("open /dev/urandom")?;
    std::io::Read::read_exact(&mut source, &mut bytes).context("read /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The cargo that runs us, in the repository's root.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(root());
    command
}

/// Runs a program to its end.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    say(&format!("$ {}", describe(command)));
    command
        .status()
        .with_context(|| format!("start {}", describe(command)))
}

/// Runs a program that has to succeed.
pub(crate) fn must(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    if !status.success() {
        bail!("{} ended with {status}", describe(command));
    }
    Ok(())
}

/// Builds the product and tells where its program is; a release has no symbols.
pub(crate) fn built(is_release: bool) -> Result<PathBuf> {
    let mut command = cargo(&["build", "--locked", "--package", "redistrict-cli"]);
    command.args(["--bin", "redistrict"]);
    command.arg("--message-format=json-render-diagnostics");
    if is_release {
        command.args(["--release", "--config", "profile.release.strip=\"symbols\""]);
    }
    say(&format!("$ {}", describe(&command)));
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.context("start cargo")?;
    if !output.status.success() {
        bail!("the build ended with {}", output.status);
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut executables = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    executables.next_back().context("find the built program")
}

fn describe(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let name = program
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let arguments = command
        .get_args()
        .map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(name)
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}
