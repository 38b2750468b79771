//! The only module that prints: data to stdout, everything else to stderr.

use std::io::Write;

use redistrict_model::{Finding, Severity};

use crate::failure::Failure;

/// `--output`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    #[default]
    Text,
    /// One object at the end.
    Json,
    /// One object per line, as things happen.
    Jsonl,
}

/// Writes a line of data to stdout. A closed pipe is not an error of ours.
pub(crate) fn data(line: impl AsRef<str>) {
    let mut out = std::io::stdout().lock();
    let _closed_pipe = writeln!(out, "{}", line.as_ref());
}

/// Writes a line for the person to stderr.
pub(crate) fn note(line: impl AsRef<str>) {
    let mut err = std::io::stderr().lock();
    let _closed_pipe = writeln!(err, "{}", line.as_ref());
}

/// Writes a value as one line of JSON to stdout.
pub(crate) fn json(value: &serde_json::Value) {
    data(value.to_string());
}

/// Prints a failure: what, why, what to do.
pub(crate) fn failure(failure: &Failure, format: Format) {
    if format != Format::Text {
        json(&serde_json::json!({
            "error": failure.message,
            "causes": failure.causes,
            "hints": failure.hints,
            "exit": failure.exit as u8,
        }));
        return;
    }
    note(format!("error: failed to {}", failure.message));
    for cause in &failure.causes {
        note(format!("  because: could not {cause}"));
    }
    if !failure.hints.is_empty() {
        note("");
        for hint in &failure.hints {
            note(format!("  → {hint}"));
        }
    }
}

/// Prints findings, the heaviest first.
pub(crate) fn findings(findings: &[Finding]) {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    for finding in sorted {
        let label = match finding.severity {
            Severity::Info => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        note(format!("{label}: {}: {}", finding.subject, finding.message));
        for line in &finding.lines {
            note(format!("    {line}"));
        }
    }
}

/// A table with aligned columns, for text output.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells
            .zip(&widths)
            .map(|(cell, width)| {
                let is_number = !cell.is_empty()
                    && cell
                        .chars()
                        .all(|c| c.is_ascii_digit() || c == ',' || c == '.');
                if is_number {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:<width$}")
                }
            })
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&mut header.iter().copied())];
    lines.push(
        widths
            .iter()
            .map(|width| "-".repeat(*width))
            .collect::<Vec<_>>()
            .join("  "),
    );
    lines.extend(
        rows.iter()
            .map(|row| line(&mut row.iter().map(String::as_str))),
    );
    lines.join("\n")
}

/// 1234567 as 1,234,567.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!(thousands(7), "7");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(999), "999");
    }
}
