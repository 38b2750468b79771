//! The verdict of validation.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::findings::Severity;

/// The three verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    Passed,
    PassedWithWarnings,
    Failed,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passed => "PASSED",
            Self::PassedWithWarnings => "PASSED_WITH_WARNINGS",
            Self::Failed => "FAILED",
        })
    }
}

/// How one check ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum CheckOutcome {
    Passed,
    /// `rows` offend.
    Failed {
        rows: u64,
    },
    /// The check could not run: it counts as failed.
    CouldNotRun {
        why: String,
    },
}

/// One check with its definition and up to 20 offending rows, by locator, never by value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// A stable name: `foreign-key`, `not-null`.
    pub check: String,
    /// The table, column or reference that was checked.
    pub subject: String,
    /// What holds if the check passes, in words or as SQL.
    pub definition: String,
    pub severity: Severity,
    #[serde(flatten)]
    pub outcome: CheckOutcome,
    /// How many rows or keys were looked at; 0 looked-at rows is said, not hidden.
    pub examined: u64,
    /// Table and row number within the artifact, or a keyed hash of the key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locators: Vec<String>,
}

impl CheckResult {
    /// The check holds.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        self.outcome == CheckOutcome::Passed
    }
}

/// All checks and what follows from them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictReport {
    pub verdict: Verdict,
    pub checks: Vec<CheckResult>,
}

impl VerdictReport {
    /// Draws the verdict: a check of severity ERROR that failed, any check that could not run, or no
    /// check at all is FAILED; a failed WARNING is PASSED_WITH_WARNINGS.
    #[must_use]
    pub fn of(checks: Vec<CheckResult>) -> Self {
        let could_not_run =
            |check: &CheckResult| matches!(check.outcome, CheckOutcome::CouldNotRun { .. });
        let is_error =
            |check: &CheckResult| check.severity == Severity::Error && !check.is_passed();
        let is_warning = |check: &CheckResult| !check.is_passed();
        let verdict = if checks.is_empty()
            || checks
                .iter()
                .any(|check| could_not_run(check) || is_error(check))
        {
            Verdict::Failed
        } else if checks.iter().any(is_warning) {
            Verdict::PassedWithWarnings
        } else {
            Verdict::Passed
        };
        Self { verdict, checks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(severity: Severity, outcome: CheckOutcome) -> CheckResult {
        CheckResult {
            check: "counts".into(),
            subject: "ids.main.students".into(),
            definition: "as many rows as the manifest says".into(),
            severity,
            outcome,
            examined: 1,
            locators: Vec::new(),
        }
    }

    #[test]
    fn a_check_that_could_not_run_fails_the_verdict_whatever_its_severity() {
        let report = VerdictReport::of(vec![check(
            Severity::Warning,
            CheckOutcome::CouldNotRun {
                why: "no catalog".into(),
            },
        )]);
        assert_eq!(report.verdict, Verdict::Failed);
    }

    #[test]
    fn no_checks_are_not_a_pass() {
        assert_eq!(VerdictReport::of(Vec::new()).verdict, Verdict::Failed);
    }

    #[test]
    fn failed_warnings_are_warnings_and_failed_errors_fail() {
        let failed = CheckOutcome::Failed { rows: 1 };
        let warned = VerdictReport::of(vec![
            check(Severity::Error, CheckOutcome::Passed),
            check(Severity::Warning, failed.clone()),
        ]);
        assert_eq!(warned.verdict, Verdict::PassedWithWarnings);
        let report = VerdictReport::of(vec![check(Severity::Error, failed)]);
        assert_eq!(report.verdict, Verdict::Failed);
    }
}
