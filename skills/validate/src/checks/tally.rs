//! Counts what a check looked at and what offended, with the first offenders by place.

use redistrict_model::{CheckOutcome, CheckResult, Severity, TableRef};

const MAX_LOCATORS: usize = 20;

/// What a check has seen so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) examined: u64,
    pub(crate) failed: u64,
    locators: Vec<String>,
}

impl Tally {
    /// Nothing offended yet among so many.
    pub(crate) fn of(examined: u64) -> Self {
        Self {
            examined,
            ..Self::default()
        }
    }

    /// One more offender; its locator is made only for the first ones.
    pub(crate) fn fail(&mut self, locator: impl FnOnce() -> String) {
        self.failed += 1;
        if self.locators.len() < MAX_LOCATORS {
            self.locators.push(locator());
        }
    }

    /// The result of the check.
    pub(crate) fn result(
        self,
        check: &str,
        subject: impl Into<String>,
        definition: impl Into<String>,
        severity: Severity,
    ) -> CheckResult {
        let outcome = match self.failed {
            0 => CheckOutcome::Passed,
            rows => CheckOutcome::Failed { rows },
        };
        CheckResult {
            check: check.to_owned(),
            subject: subject.into(),
            definition: definition.into(),
            severity,
            outcome,
            examined: self.examined,
            locators: self.locators,
        }
    }
}

/// The result of a check that could not run; it counts as failed.
pub(crate) fn could_not_run(
    check: &str,
    subject: impl Into<String>,
    definition: impl Into<String>,
    why: impl Into<String>,
) -> CheckResult {
    let result = Tally::default().result(check, subject, definition, Severity::Error);
    CheckResult {
        outcome: CheckOutcome::CouldNotRun { why: why.into() },
        ..result
    }
}

/// Names a row by its table and its number (1 and up) in the order of the artifact.
pub(crate) fn locator(table: &TableRef, place: u64) -> String {
    format!("{table} row {}", place + 1)
}
