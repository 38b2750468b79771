//! The steps as README shows them: the fenced blocks below one heading, line by line.

use anyhow::{Context, Result, bail, ensure};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
const HEADING: &str = "## A real migration";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Prod,
    Cert,
}

impl Side {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Prod => "prod",
            Self::Cert => "cert",
        }
    }

    /// The role that README gives it.
    pub(super) fn role(self) -> &'static str {
        match self {
            Self::Prod => "redistrict_reader",
            Self::Cert => "redistrict_loader",
        }
    }
}

/// One line of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A statement of the administrator of a side.
    Sql(Side, String),
    /// A variable and its URL.
    Url(Side, String, String),
    /// A file of grants that an administrator runs.
    Grants(String),
    /// A command of ours.
    Command(String),
}

impl Line {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Sql(_, text)
            | Self::Url(_, text, _)
            | Self::Grants(text)
            | Self::Command(text) => text,
        }
    }

    pub(super) fn is_dry_run(&self) -> bool {
        self.as_str().contains("--dry-run")
    }

    pub(super) fn is_command(&self, name: &str) -> bool {
        matches!(self, Self::Command(text) if text.split_whitespace().nth(1) == Some(name))
    }
}

/// The lines of the section, in order.
///
/// # Errors
/// README is not there, or a line is none that the proof can do.
pub(super) fn lines() -> Result<Vec<Line>> {
    let text = std::fs::read_to_string(README).context("read README.md")?;
    let lines = lines_of(&text)?;
    for needed in ["init", "plan", "migrate", "rollback"] {
        let is_there = lines.iter().any(|line| line.is_command(needed));
        ensure!(is_there, "README's steps have no redistrict {needed}");
    }
    Ok(lines)
}

fn lines_of(text: &str) -> Result<Vec<Line>> {
    let (_, section) = text
        .split_once(HEADING)
        .context("find the section of README")?;
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut lines = Vec::new();
    let mut fence = None;
    for line in section.lines() {
        match (line.strip_prefix("```"), fence) {
            (Some(language), None) => fence = Some(language),
            (Some(_), Some(_)) => fence = None,
            (None, Some("sql")) => lines.push(sql(line)?),
            (None, Some("sh")) => lines.extend(shell(line)?),
            _ => {}
        }
    }
    Ok(lines)
}

fn sql(line: &str) -> Result<Line> {
    let (statement, comment) = line
        .split_once("--")
        .context("find whose statement it is")?;
    let side = if comment.contains("PROD") {
        Side::Prod
    } else {
        Side::Cert
    };
    Ok(Line::Sql(side, statement.trim().to_owned()))
}

fn shell(line: &str) -> Result<Option<Line>> {
    let line = line.split(" #").next().unwrap_or_default().trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    if let Some(rest) = line.strip_prefix("export ") {
        let (name, url) = rest.split_once('=').context("find the variable")?;
        let side = if name.contains("_PROD_") {
            Side::Prod
        } else {
            Side::Cert
        };
        let url = url.trim_matches('\'').to_owned();
        return Ok(Some(Line::Url(side, name.to_owned(), url)));
    }
    if line.starts_with("psql ") {
        let file = line.split_whitespace().last().unwrap_or_default();
        return Ok(Some(Line::Grants(file.to_owned())));
    }
    if line.starts_with("redistrict ") {
        return Ok(Some(Line::Command(line.to_owned())));
    }
    bail!("README shows {line:?}, which this proof cannot do")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blocks_of_the_section_are_its_steps() {
        let text = "## Two\n```sh\nrm x\n```\n## A real migration\nText.\n```sql\ncreate role r;   -- on PROD\n```\n\
                    ```sh\nexport A_CERT_URL='x'  # one\npsql -d ids -f grants/prod-ids.sql\nredistrict plan 2 # rows\n```\n\
                    ```toml\nroot = 1\n```\n## More\n```sh\nrm y\n```\n";
        let expected = [
            Line::Sql(Side::Prod, "create role r;".to_owned()),
            Line::Url(Side::Cert, "A_CERT_URL".to_owned(), "x".to_owned()),
            Line::Grants("grants/prod-ids.sql".to_owned()),
            Line::Command("redistrict plan 2".to_owned()),
        ];
        assert_eq!(lines_of(text).unwrap(), expected);
        assert!(lines_of("## A real migration\n```sh\nrm x\n```\n").is_err());
    }
}
