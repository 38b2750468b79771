//! From check results to the verdict, its file and the error of a failed run.

use std::path::Path;

use redistrict_artifact::{ArtifactError, read_bounded, write_atomic};
use redistrict_model::{
    CheckOutcome, CheckResult, ErrorKind, Finding, Severity, Verdict, VerdictReport,
};
use redistrict_skill::SkillError;

/// The file beside the masked manifest that holds the last [`VerdictReport`] as JSON.
pub const VERDICT_FILE: &str = "verdict.json";

const MAX_BYTES: u64 = 64 << 20;
/// What is never left out, whatever the plan says.
const ALWAYS: [&str; 4] = ["artifact", "counts", "isolation", "privacy"];

/// Reads the verdict that was written beside a masked manifest; none if there is none (or none that
/// this version reads).
#[must_use]
pub fn read_verdict(artifact: &Path) -> Option<VerdictReport> {
    let bytes = read_bounded(&artifact.join(VERDICT_FILE), MAX_BYTES).ok()?;
    serde_json::from_slice(&bytes).ok()
}

pub(crate) fn write_verdict(artifact: &Path, report: &VerdictReport) -> Result<(), ArtifactError> {
    let mut bytes = serde_json::to_vec_pretty(report).expect("a verdict is plain data");
    bytes.push(b'\n');
    write_atomic(&artifact.join(VERDICT_FILE), &bytes)
}

/// Draws the verdict. `skipped` are the plan's lines `CHECK SUBJECT: reason`: such a check stands in
/// the report as a warning, so that leaving it out is seen.
pub(crate) fn draw(checks: Vec<CheckResult>, skipped: &[String]) -> VerdictReport {
    VerdictReport::of(
        checks
            .into_iter()
            .map(|check| leave_out(check, skipped))
            .collect(),
    )
}

fn leave_out(check: CheckResult, skipped: &[String]) -> CheckResult {
    if ALWAYS.iter().any(|always| check.check.starts_with(always)) {
        return check;
    }
    let name = format!("{} {}:", check.check, check.subject);
    match skipped.iter().find_map(|line| line.strip_prefix(&name)) {
        None => check,
        Some(reason) => CheckResult {
            definition: format!(
                "left out by decision:{reason} (it says: {})",
                check.definition
            ),
            severity: Severity::Warning,
            outcome: CheckOutcome::Failed { rows: 0 },
            ..check
        },
    }
}

/// The failed checks as the error that ends the phase.
pub(crate) fn failed(report: &VerdictReport) -> Option<SkillError> {
    if report.verdict != Verdict::Failed {
        return None;
    }
    let counts: Vec<&CheckResult> = report
        .checks
        .iter()
        .filter(|check| is_fatal(check))
        .collect();
    let message = format!(
        "validate: {} of {} checks failed",
        counts.len(),
        report.checks.len()
    );
    let mut error = SkillError::new(ErrorKind::Validation, message);
    error.causes = counts
        .iter()
        .take(20)
        .map(|check| describe(check))
        .collect();
    if counts.len() > 20 {
        error.causes.push(format!("and {} more", counts.len() - 20));
    }
    Some(error.with_hint(
        "the report lists each failed check with its definition and rows; correct the source, the plan \
         or the masks and run again: a failed verdict cannot be approved",
    ))
}

fn is_fatal(check: &CheckResult) -> bool {
    match check.outcome {
        CheckOutcome::Passed => false,
        CheckOutcome::CouldNotRun { .. } => true,
        CheckOutcome::Failed { .. } => check.severity == Severity::Error,
    }
}

fn describe(check: &CheckResult) -> String {
    let name = format!("{} {}", check.check, check.subject);
    match &check.outcome {
        CheckOutcome::CouldNotRun { why } => format!("{name}: could not run: {why}"),
        CheckOutcome::Failed { rows } => format!("{name}: {rows} rows"),
        CheckOutcome::Passed => name,
    }
}

/// The warnings as findings of the unit.
pub(crate) fn findings(report: &VerdictReport) -> Vec<Finding> {
    report
        .checks
        .iter()
        .filter(|check| check.severity == Severity::Warning && !check.is_passed())
        .map(|check| {
            let count = match check.outcome {
                CheckOutcome::Failed { rows } => rows,
                _ => 0,
            };
            Finding::warning(
                &check.check,
                check.subject.clone(),
                check.definition.clone(),
                count,
            )
        })
        .collect()
}
