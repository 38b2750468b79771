//! A release: one binary, the archive with its pages, a container file, and their digests.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::process::{self, must, result, root, say};

/// The C library of the container file's base image (Debian 12).
const BASE_GLIBC: (u32, u32) = (2, 36);

/// Pages that go with the binary.
const PAGES: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"];

const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// Makes `dist` anew and tries what is in it: the archive is unpacked elsewhere, and its binary runs the
/// demo with an empty environment.
///
/// # Errors
/// A failing build, a binary that needs a newer C library than the container has, a demo that fails.
pub(crate) fn run() -> Result<()> {
    let dist = root().join("dist");
    if dist.exists() {
        std::fs::remove_dir_all(&dist).context("remove the old dist")?;
    }
    let built = process::built(true)?;
    let bytes = std::fs::read(&built).context("read the binary")?;
    let needed = newest_glibc(&bytes).context("find the C library that the binary needs")?;
    ensure!(
        needed <= BASE_GLIBC,
        "the binary needs glibc {}.{}, the container's base has {}.{}: build on an older system",
        needed.0,
        needed.1,
        BASE_GLIBC.0,
        BASE_GLIBC.1
    );
    let name = format!("redistrict-{}-{}", env!("CARGO_PKG_VERSION"), host()?);
    let inner = dist.join(&name);
    fill(&inner, &built)?;
    pack(&dist, &name)?;
    std::fs::remove_dir_all(&inner).context("remove the unpacked archive")?;
    std::fs::copy(&built, dist.join("redistrict")).context("copy the binary")?;
    process::write(&dist.join("Containerfile"), include_str!("Containerfile"))?;
    let archive = format!("{name}.tar.gz");
    digests(&dist, &["redistrict", &archive, "Containerfile"])?;
    try_it(&dist, &name)?;
    for file in ["redistrict", &archive, "Containerfile", "SHA256SUMS"] {
        let size = std::fs::metadata(dist.join(file))?.len();
        result(&format!("dist/{file}  {size} bytes"));
    }
    Ok(())
}

/// The target that the compiler builds for by itself.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output();
    let text = String::from_utf8_lossy(&output.context("start rustc")?.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("find the host of rustc")
}

/// The newest version of the C library that a symbol of the binary asks for (`GLIBC_2.34`).
fn newest_glibc(binary: &[u8]) -> Option<(u32, u32)> {
    const MARK: &[u8] = b"GLIBC_";
    let places = binary.windows(MARK.len()).enumerate();
    places
        .filter(|(_, window)| *window == MARK)
        .filter_map(|(at, _)| version(&binary[at + MARK.len()..]))
        .max()
}

fn version(bytes: &[u8]) -> Option<(u32, u32)> {
    let is_of_it = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let text: Vec<u8> = bytes
        .iter()
        .copied()
        .take(12)
        .take_while(is_of_it)
        .collect();
    let text = String::from_utf8(text).ok()?;
    let mut parts = text.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

fn fill(inner: &Path, binary: &Path) -> Result<()> {
    let man = inner.join("man");
    let completions = inner.join("completions");
    for folder in [&man, &completions] {
        std::fs::create_dir_all(folder).context("make the folders of dist")?;
    }
    std::fs::copy(binary, inner.join("redistrict")).context("copy the binary")?;
    for page in PAGES {
        std::fs::copy(root().join(page), inner.join(page))
            .with_context(|| format!("copy {page}"))?;
    }
    for page in std::fs::read_dir(root().join("docs/man")).context("read docs/man")? {
        let page = page?;
        std::fs::copy(page.path(), man.join(page.file_name())).context("copy a manual page")?;
    }
    for shell in SHELLS {
        let output = Command::new(binary).args(["completions", shell]).output();
        let output = output.context("start the binary")?;
        ensure!(output.status.success(), "no completions for {shell}");
        let text = String::from_utf8(output.stdout)?;
        process::write(&completions.join(format!("redistrict.{shell}")), &text)?;
    }
    Ok(())
}

/// The same commit gives the same archive.
fn pack(dist: &Path, name: &str) -> Result<()> {
    let time = Command::new("git")
        .args(["log", "-1", "--format=%ct"])
        .current_dir(root())
        .output()
        .context("start git")?;
    let time = String::from_utf8_lossy(&time.stdout).trim().to_owned();
    ensure!(!time.is_empty(), "find the time of the last commit");
    must(
        Command::new("tar")
            .args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
            .arg(format!("--mtime=@{time}"))
            .args(["--use-compress-program=gzip -9n", "-cf"])
            .arg(format!("{name}.tar.gz"))
            .arg(name)
            .current_dir(dist),
    )
}

fn digests(dist: &Path, files: &[&str]) -> Result<()> {
    let output = Command::new("sha256sum")
        .args(files)
        .current_dir(dist)
        .output()
        .context("start sha256sum")?;
    if !output.status.success() {
        bail!("sha256sum failed");
    }
    let text = String::from_utf8(output.stdout)?;
    process::write(&dist.join("SHA256SUMS"), &text)
}

/// As somebody who has the archive and nothing else.
fn try_it(dist: &Path, name: &str) -> Result<()> {
    let place = dist.join("try");
    std::fs::create_dir(&place).context("make a folder to try it in")?;
    must(
        Command::new("sha256sum")
            .args(["--check", "--quiet", "SHA256SUMS"])
            .current_dir(dist),
    )?;
    let archive = format!("../{name}.tar.gz");
    must(
        Command::new("tar")
            .args(["-xzf", &archive])
            .current_dir(&place),
    )?;
    let binary = place.join(name).join("redistrict");
    for words in [&["--version"][..], &["demo", "--students", "20"]] {
        let output = Command::new(&binary)
            .args(words)
            .env_clear()
            .current_dir(&place)
            .output()
            .context("start the packed binary")?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        say(said.lines().next().unwrap_or_default());
        if !output.status.success() {
            bail!(
                "redistrict {}: {}",
                words.join(" "),
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
    std::fs::remove_dir_all(&place).context("remove the folder it was tried in")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_c_library_that_a_binary_asks_for_is_found() {
        let binary = b"\0GLIBC_2.9\0x GLIBC_2.34\0GLIBC_2.2.5\0GLIBC_PRIVATE\0GLIBC_";
        assert_eq!(newest_glibc(binary), Some((2, 34)));
        assert_eq!(newest_glibc(b"static"), None);
    }

    #[test]
    fn the_container_is_based_on_the_system_that_the_binary_is_checked_against() {
        let file = include_str!("Containerfile");
        assert!(file.contains("FROM debian:12"), "Debian 12 has glibc 2.36");
        assert_eq!(BASE_GLIBC, (2, 36));
        assert!(file.contains("\nUSER 65532:65532\n"), "never as root");
    }
}
