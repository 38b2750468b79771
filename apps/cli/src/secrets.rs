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
        SecretRef::Env(name) => environment(name).ok_or_else(|| not_set(name, what))?,
        SecretRef::File(file) => from_file(&base.join(file), file, what)?,
        SecretRef::Command(words) => from_command(words, what)?,
    };
    Ok(Zeroizing::new(text.trim().to_owned()))
}

/// Whether a variable of the environment can be called so.
pub(crate) fn is_variable(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(is_letter)
}

/// A name is repeated where it has the form that such names have; else it may be the secret itself, written
/// where its name belongs.
fn not_set(name: &str, what: &str) -> Failure {
    let failed = |why: &str| Failure::new(Exit::Credentials, format!("find {what}: {why}"));
    if !is_variable(name) {
        return failed("what stands after `env =` is no name of a variable")
            .with_hint("the configuration names the variable, the variable holds the secret")
            .with_hint("{ env = \"NAME\" } and export NAME=…");
    }
    if name.contains(|c: char| c.is_ascii_lowercase()) {
        return failed("the variable that stands after `env =` is not set")
            .with_hint("set it (export NAME=…), or name another one: { env = \"NAME\" }");
    }
    failed(&format!("the variable {name} is not set")).with_hint(format!("export {name}=…"))
}

/// Whether a text has the form of a path, and not that of a URL, a login or a bare word, which a secret has.
pub(crate) fn is_path(text: &str) -> bool {
    text.contains(['/', '.']) && !text.contains("://") && !text.contains(['@', '=', ' '])
}

fn from_file(path: &Path, written: &str, what: &str) -> CommandResult<String> {
    let unreadable = |error: std::io::Error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound if !is_path(written) => {
                let why = "what stands after `file =` is no file";
                return Failure::new(Exit::Credentials, format!("read {what}: {why}")).with_hint(
                    "{ file = \"PATH\" } names a file of mode 0600 that holds the secret; relative \
                     paths start at the folder of the configuration",
                );
            }
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
    // The words may hold the secret: none of them is repeated.
    let failed = |why: &str| {
        Failure::new(
            Exit::Credentials,
            format!("get {what} from its command: {why}"),
        )
        .with_hint(
            "run the command of the configuration by hand: it prints the secret on its first line",
        )
    };
    let no_program = "its program cannot be started; is it there, and on the PATH?";
    let (program, arguments) = words.split_first().ok_or_else(|| failed("it is empty"))?;
    let output = std::process::Command::new(program)
        .args(arguments)
        .output()
        .map_err(|_| failed(no_program))?;
    if !output.status.success() {
        return Err(failed(&format!("it ended with {}", output.status)));
    }
    let text = String::from_utf8(output.stdout).map_err(|_| failed("it prints no text"))?;
    if text.trim().is_empty() {
        return Err(failed("it prints nothing"));
    }
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// The text without user and password of the URLs in it. What a person types is repeated to them; a URL that
/// they typed where something else belongs is not, as far as it is a login.
pub(crate) fn without_logins(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + "://".len());
        out.push_str(before);
        let is_end = |c: char| c.is_whitespace() || "'\"`<>".contains(c);
        let end = after.find(is_end).unwrap_or(after.len());
        let login = after[..end].rfind('@').map_or(0, |at| at + 1);
        // As hints of ours write it.
        if after[..login].eq_ignore_ascii_case("user:password@") {
            out.push_str(&after[..login]);
        } else if login > 0 {
            out.push_str("…@");
        }
        rest = &after[login..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_cut_out_of_a_url_and_nothing_else_is() {
        for (text, bare) in [
            ("find district 77", "find district 77"),
            (
                "district postgres://u:s3cret@h/d: none",
                "district postgres://…@h/d: none",
            ),
            ("'bolt://s3c@ret@h' and a@b", "'bolt://…@h' and a@b"),
            ("http://h/x?y=1 z@w", "http://h/x?y=1 z@w"),
            ("a://s3cret@b c://s3cret@d", "a://…@b c://…@d"),
            ("bolt://user:password@host", "bolt://user:password@host"),
            ("bolt://USER:PASSWORD@host", "bolt://USER:PASSWORD@host"),
        ] {
            assert_eq!(without_logins(text), bare);
        }
    }

    #[test]
    fn names_are_repeated_where_they_have_the_form_of_names() {
        let said = |name: &str| format!("{:?}", not_set(name, "the source of store s"));
        assert!(said("IDS_PROD_URL").contains("export IDS_PROD_URL=…"));
        for secret in [
            "postgres://u:p@h/d",
            "Zq7secret",
            "hunter2",
            "a b",
            "",
            "9X",
        ] {
            let said = said(secret);
            assert!(secret.is_empty() || !said.contains(secret), "{said}");
            assert!(said.contains("export NAME=…"), "{said}");
        }
        assert!(is_path("conf/ids.url") && is_path("ids.url") && is_path("/etc/x"));
        assert!(!is_path("hunter2") && !is_path("postgres://u:p@h/d") && !is_path("u:p@h.x"));
    }
}
