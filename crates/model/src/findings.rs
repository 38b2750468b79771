//! What a skill noticed, value-free, for the terminal, the log and the report.

use serde::{Deserialize, Serialize};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    Info,
    Warning,
    Error,
}

/// One thing noticed: where, what, how often, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub severity: Severity,
    /// A stable name of the kind of finding: `dangling-reference`, `shared-row-differs`.
    pub code: String,
    /// A table, column, reference or store.
    pub subject: String,
    pub message: String,
    #[serde(default)]
    pub count: u64,
    /// Lines to paste or a command to run; empty if there is nothing to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
}

impl Finding {
    /// A warning without lines.
    pub fn warning(
        code: &str,
        subject: impl Into<String>,
        message: impl Into<String>,
        count: u64,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            code: code.to_owned(),
            subject: subject.into(),
            message: message.into(),
            count,
            lines: Vec::new(),
        }
    }

    /// An error without lines.
    pub fn error(
        code: &str,
        subject: impl Into<String>,
        message: impl Into<String>,
        count: u64,
    ) -> Self {
        Self {
            severity: Severity::Error,
            ..Self::warning(code, subject, message, count)
        }
    }

    /// Adds the lines to paste or the command to run.
    #[must_use]
    pub fn with_lines(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.lines.extend(lines);
        self
    }
}
