//! The error of a skill, as it is journaled, printed and acted on.

use redistrict_model::ErrorKind;
use serde::{Deserialize, Serialize};

/// What went wrong, where, of what kind, and what to do: a value, so that it can be journaled.
///
/// `message` is a sentence part that fits after "failed to"; the whole chain of causes is in
/// `causes`, outermost first. None of them holds a value of a person, a secret or a server's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct SkillError {
    pub kind: ErrorKind,
    pub message: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What to do about it; lines to paste, a command to run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    /// Whatever it comes to, what the run did outside stays as it is: it is past the point of no return, or
    /// another process's business now. The run waits, and `resume` goes on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps: bool,
}

impl SkillError {
    /// An error of that kind; the message fits after "failed to".
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            keeps: false,
        }
    }

    /// Takes an error as the cause, with its whole chain.
    pub fn because(
        kind: ErrorKind,
        message: impl Into<String>,
        cause: &(dyn std::error::Error + 'static),
    ) -> Self {
        let mut error = Self::new(kind, message);
        let mut next = Some(cause);
        while let Some(cause) = next {
            error.causes.push(told(cause));
            next = cause.source();
        }
        error
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Says that nothing is taken back because of it.
    #[must_use]
    pub fn keeping(mut self) -> Self {
        self.keeps = true;
        self
    }

    /// The message and its causes in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        std::iter::once(&self.message)
            .chain(&self.causes)
            .cloned()
            .collect::<Vec<_>>()
            .join(": ")
    }
}

/// What an error says. The reader of JSON quotes what it has read: of its errors only the place is kept.
fn told(cause: &(dyn std::error::Error + 'static)) -> String {
    match cause.downcast_ref::<serde_json::Error>() {
        Some(json) => format!(
            "What stands there is not of the form that is expected (line {}, column {})",
            json.line(),
            json.column()
        ),
        None => cause.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_holds_is_not_told() {
        let wrong = serde_json::from_str::<ErrorKind>("\"s3cret\"").unwrap_err();
        assert!(wrong.to_string().contains("s3cret"));
        let error = SkillError::because(ErrorKind::Corrupt, "read the journal", &wrong);
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}
