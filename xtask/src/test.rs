//! All tests, with a summary that says how many ran against which server.

use std::io::{BufRead, BufReader};
use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result};

use crate::process::{cargo, result, say};
use crate::servers::{self, Installed};

/// Runs the tests of the whole workspace.
pub(crate) fn run(rest: &[String]) -> Result<ExitCode> {
    let installed = servers::require()?;
    let versions = versions(&installed);
    let neo4j = servers::Neo4jServers::start(&installed)?;
    say(&format!("testing against {versions}"));
    let mut arguments = vec!["test", "--workspace", "--locked", "--no-fail-fast"];
    arguments.extend(rest.iter().map(String::as_str));
    let mut child = cargo(&arguments)
        .env(servers::NEO4J_VARIABLE, &neo4j.urls)
        .stdout(Stdio::piped())
        .spawn()
        .context("start cargo test")?;
    let mut count = Count::default();
    let output = child.stdout.take().context("read what cargo test prints")?;
    for line in BufReader::new(output).lines() {
        let line = line.context("read what cargo test prints")?;
        count.add(&line);
        result(&line);
    }
    let status = child.wait().context("wait for cargo test")?;
    result(&format!(
        "\n{} tests ran against real stores: {versions}",
        count.passed + count.failed
    ));
    result(&format!("{} passed, {} failed", count.passed, count.failed));
    let is_good = status.success() && count.failed == 0 && count.passed > 0;
    Ok(if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn versions(installed: &Installed) -> String {
    let Installed {
        postgres,
        neo4j,
        java,
        ..
    } = installed;
    format!("{postgres}, {neo4j} ({java}), {}", servers::sqlite())
}

#[derive(Default)]
struct Count {
    passed: u64,
    failed: u64,
}

impl Count {
    /// Reads `test result: ok. 5 passed; 0 failed; …`.
    fn add(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test result: ") else {
            return;
        };
        let words: Vec<&str> = rest.split([' ', ';']).collect();
        for pair in words.windows(2) {
            if let [number, word] = pair {
                let number: u64 = number.parse().unwrap_or(0);
                match *word {
                    "passed" => self.passed += number,
                    "failed" => self.failed += number,
                    _ => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_line_of_the_runner_is_counted() {
        let mut count = Count::default();
        count.add("test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
        count.add("test result: FAILED. 3 passed; 2 failed; 0 ignored");
        count.add("running 4 tests");
        assert_eq!((count.passed, count.failed), (15, 2));
    }
}
