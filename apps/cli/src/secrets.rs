//! Secrets are references: an environment variable, a file of mode 0600, a command. The only module
//! that reads the environment.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use redistrict_model::config::SecretRef;
use zeroize::Zeroizing;

use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};

/// Reads an environment variable.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that asks the environment"
)]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The prefixes of all variables called `…_PROD_URL`, in order.
pub(crate) fn environment_stores() -> Vec<String> {
    let mut prefixes: Vec<String> = std::env::vars_os()
        .filter_map(|(name, _)| name.to_str()?.strip_suffix("_PROD_URL").map(str::to_owned))
        .filter(|prefix| !prefix.is_empty())
        .collect();
    prefixes.sort();
    prefixes
}

/// Resolves a reference; `what` says what it is for. The secret is trimmed.
pub(crate) fn resolve(
    reference: &SecretRef,
    what: &str,
    base: &Path,
) -> CommandResult<Zeroizing<String>> {
    let text = match reference {
        SecretRef::Env(name) => environment(name).ok_or_else(|| {
            Failure::new(
                Exit::Credentials,
                format!("find {what}: the variable {name} is not set"),
            )
            .with_hint(format!("export {name}=…"))
        })?,
        SecretRef::File(file) => from_file(&base.join(file), what)?,
        SecretRef::Command(words) => from_command(words, what)?,
    };
    Ok(Zeroizing::new(text.trim().to_owned()))
}

fn from_file(path: &Path, what: &str) -> CommandResult<String> {
    let unreadable = |error: std::io::Error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            std::io::ErrorKind::InvalidData => "it is not text".to_owned(),
            other => other.to_string(),
        };
        Failure::new(
            Exit::Credentials,
            format!("read {what} from {}: {why}", path.display()),
        )
        .with_hint("relative paths start at the folder of the configuration")
    };
    let mode = std::fs::metadata(path)
        .map_err(unreadable)?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        return Err(Failure::new(
            Exit::Credentials,
            format!(
                "use {what} from {}: others can read the file",
                path.display()
            ),
        )
        .with_hint(format!("chmod 600 {}", path.display())));
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

fn from_command(words: &[String], what: &str) -> CommandResult<String> {
    let failed = || Failure::new(Exit::Credentials, format!("get {what} from its command"));
    let (program, arguments) = words.split_first().ok_or_else(failed)?;
    let output = std::process::Command::new(program)
        .args(arguments)
        .output()
        .map_err(|_| failed().with_hint(format!("`{program}` cannot be started: is it there?")))?;
    if !output.status.success() {
        return Err(failed().with_hint(format!("`{program}` ended with {}", output.status)));
    }
    let text = String::from_utf8(output.stdout).map_err(|_| failed())?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
