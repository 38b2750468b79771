//! The closing words of a run, exactly as DESIGN §3 has them, and what to do next.

use redistrict_model::{Phase, Severity, shown};

use crate::data::{ReportData, ReportStatus, UndoForecastReport};
use crate::format::{duration, recorded, thousands};

/// The block that ends a run. What the run did not do is not claimed: a failed run has no check mark,
/// a skill on its own is not called a migration, a run that wrote nothing to CERT does not call it
/// ready.
#[must_use]
pub fn summary(data: &ReportData) -> String {
    let district = data
        .district_name
        .clone()
        .unwrap_or_else(|| format!("district {}", data.district));
    let district = shown(&district);
    let what = what(data);
    let head = match data.status {
        ReportStatus::Success if data.is_undo && data.is_dry_run => {
            format!("✅ Rollback Possible: {district}")
        }
        ReportStatus::Success if is_told_without_load(data) => {
            format!("✅ {what} Complete Without Loading: {district}")
        }
        ReportStatus::Success => format!("✅ {what} Complete: {district}"),
        ReportStatus::Failed => format!("❌ {what} Failed: {district}"),
        ReportStatus::Interrupted => format!("⏸ {what} Interrupted: {district}"),
        ReportStatus::Waiting => format!("⏸ {what} Waiting: {district}"),
        ReportStatus::Cancelled => format!("🛑 {what} Cancelled: {district}"),
        ReportStatus::Unfinished => format!("⏳ {what} Unfinished: {district}"),
    };
    let mut lines = vec![
        head,
        String::new(),
        format!("Run ID: {}", data.run),
        format!("Duration: {}", duration(data.duration_millis)),
        format!("Status: {}", status(data.status)),
        String::new(),
        "Summary:".to_owned(),
    ];
    lines.extend(if data.is_undo {
        taken_back(data)
    } else {
        moved(data)
    });
    if let Some(report) = data.reports.first() {
        lines.extend([String::new(), format!("Reports: {report}")]);
    }
    lines.extend([String::new(), closing(data)]);
    lines.join("\n")
}

/// The headline: what was done with which district.
pub(crate) fn title(data: &ReportData) -> String {
    let district = data
        .district_name
        .as_deref()
        .unwrap_or(data.district.as_str());
    format!("{} of district {district}", what(data))
}

/// What kind of work the run was, as a headline has it.
fn what(data: &ReportData) -> String {
    match single(data) {
        _ if data.is_undo => "Rollback".to_owned(),
        Some(phase) => phase.to_string(),
        None if data.is_dry_run => "Dry Run".to_owned(),
        None => "Migration".to_owned(),
    }
}

/// The one phase of a skill that ran on its own; its report does not count.
fn single(data: &ReportData) -> Option<Phase> {
    let mut asked = data.only.iter().filter(|phase| **phase != Phase::Reporting);
    let first = asked.next().copied();
    first.filter(|_| asked.next().is_none())
}

fn is_told_without_load(data: &ReportData) -> bool {
    data.skips_load && !data.is_dry_run && single(data).is_none()
}

pub(crate) fn status(status: ReportStatus) -> &'static str {
    match status {
        ReportStatus::Success => "SUCCESS",
        ReportStatus::Failed => "FAILED",
        ReportStatus::Interrupted => "INTERRUPTED",
        ReportStatus::Waiting => "WAITING",
        ReportStatus::Cancelled => "CANCELLED",
        ReportStatus::Unfinished => "UNFINISHED",
    }
}

fn moved(data: &ReportData) -> Vec<String> {
    let counted = |number: Option<u64>, unit: &str| match number {
        Some(_) => format!("{} {unit}", recorded(number)),
        None => recorded(None),
    };
    let verdict = data
        .verdict
        .map_or_else(|| "not recorded".to_owned(), |one| one.to_string());
    let loaded = if is_without_load(data) {
        "0 records (nothing was written)".to_owned()
    } else {
        counted(data.totals.loaded, "records")
    };
    let lines = [
        (
            Phase::Extraction,
            format!("- Extracted: {}", counted(data.totals.extracted, "records")),
        ),
        (
            Phase::Anonymization,
            format!(
                "- Anonymized: {}",
                counted(data.totals.anonymized_fields, "PII fields")
            ),
        ),
        (Phase::Validation, format!("- Validated: {verdict}")),
        (Phase::Loading, format!("- Loaded to CERT: {loaded}")),
    ];
    let single = single(data);
    let told = |phase: Phase| single.is_none_or(|only| only == phase);
    let lines = lines.into_iter().filter(|(phase, _)| told(*phase));
    lines.map(|(_, line)| line).collect()
}

fn taken_back(data: &ReportData) -> Vec<String> {
    let known: Vec<u64> = data
        .tables
        .iter()
        .filter_map(|table| table.taken_back)
        .collect();
    // Where the rows of a run do not stand any more, nothing is told of tables and nothing was done.
    let rows =
        (!known.is_empty() || data.status == ReportStatus::Success).then(|| known.iter().sum());
    let parent = data
        .parent
        .as_ref()
        .map_or("not recorded", |run| run.as_str());
    let (what, rows) = if data.is_dry_run {
        (
            "Would take back",
            format!("{} (nothing was written)", recorded(rows)),
        )
    } else if is_taken_back(data) {
        ("Taken back", recorded(rows))
    } else if data.undo_forecast.is_empty() {
        ("To take back", recorded(rows))
    } else {
        let rows = data.undo_forecast.iter().map(UndoForecastReport::rows);
        (
            "To take back",
            format!("{} (not done)", thousands(rows.sum())),
        )
    };
    vec![format!("- {what}: {parent}"), format!("- Rows: {rows}")]
}

/// An undo has done what it is for, or a part of it: not one that waits, was stopped before, or refused.
pub(crate) fn is_taken_back(data: &ReportData) -> bool {
    let has_rows = data.tables.iter().any(|table| table.taken_back.is_some());
    data.status == ReportStatus::Success || has_rows
}

pub(crate) fn is_without_load(data: &ReportData) -> bool {
    let is_skipped = data
        .phases
        .iter()
        .any(|phase| phase.phase == Phase::Loading && phase.state == "skipped");
    data.is_dry_run || data.skips_load || is_skipped
}

fn closing(data: &ReportData) -> String {
    match data.status {
        ReportStatus::Success if is_without_load(data) => "CERT was not written to.".to_owned(),
        ReportStatus::Success if data.is_undo => "CERT is as it was before.".to_owned(),
        ReportStatus::Success => "CERT is ready for testing!".to_owned(),
        _ => data
            .recommendation
            .first()
            .cloned()
            .unwrap_or_else(|| "CERT is not ready for testing.".to_owned()),
    }
}

/// How the step begins that leads to this report.
pub(crate) const READ_THE_REPORT: &str = "Read the report: ";

/// What to do after the summary, one step a line.
#[must_use]
pub fn next_steps(data: &ReportData) -> Vec<String> {
    let mut steps = Vec::new();
    let warnings = warning_count(data);
    if warnings > 0 {
        let is_one = warnings == 1;
        let plural = if is_one { "" } else { "s" };
        steps.push(format!("Review {warnings} warning{plural} in the report"));
    }
    if let Some(report) = data.reports.first() {
        steps.push(format!("{READ_THE_REPORT}{report}"));
    }
    if let Some(undo) = &data.undo {
        steps.push(format!("Undo: {undo}"));
    }
    steps.extend(data.recommendation.iter().skip(1).cloned());
    steps
}

/// Findings and failed checks of severity WARNING; a check's warning that is a finding as well counts
/// once.
pub(crate) fn warning_count(data: &ReportData) -> usize {
    let findings = data
        .findings
        .iter()
        .filter(|one| one.severity == Severity::Warning);
    let is_finding = |check: &str, subject: &str| {
        data.findings
            .iter()
            .any(|one| one.code == check && one.subject == subject)
    };
    let checks = data.checks.iter().filter(|check| {
        check.severity == Severity::Warning
            && !check.is_passed()
            && !is_finding(&check.check, &check.subject)
    });
    findings.count() + checks.count()
}
