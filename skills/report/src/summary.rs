//! The closing words of a run, exactly as DESIGN §3 has them, and what to do next.

use redistrict_model::{Phase, Severity};

use crate::data::{ReportData, ReportStatus};
use crate::format::{duration, recorded};

/// The block that ends a migration. What the run did not do is not claimed: a failed run has no check
/// mark, a run that wrote nothing to CERT does not call it ready.
#[must_use]
pub fn summary(data: &ReportData) -> String {
    let district = data
        .district_name
        .as_deref()
        .unwrap_or(data.district.as_str());
    let what = if data.is_undo {
        "Rollback"
    } else {
        "Migration"
    };
    let head = match data.status {
        ReportStatus::Success => format!("✅ {what} Complete: {district}"),
        ReportStatus::Failed => format!("❌ {what} Failed: {district}"),
        ReportStatus::Interrupted => format!("⏸ {what} Interrupted: {district}"),
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

pub(crate) fn status(status: ReportStatus) -> &'static str {
    match status {
        ReportStatus::Success => "SUCCESS",
        ReportStatus::Failed => "FAILED",
        ReportStatus::Interrupted => "INTERRUPTED",
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
    vec![
        format!("- Extracted: {}", counted(data.totals.extracted, "records")),
        format!(
            "- Anonymized: {}",
            counted(data.totals.anonymized_fields, "PII fields")
        ),
        format!("- Validated: {verdict}"),
        format!("- Loaded to CERT: {loaded}"),
    ]
}

fn taken_back(data: &ReportData) -> Vec<String> {
    let known: Vec<u64> = data
        .tables
        .iter()
        .filter_map(|table| table.taken_back)
        .collect();
    let rows = (!known.is_empty()).then(|| known.iter().sum());
    let parent = data
        .parent
        .as_ref()
        .map_or("not recorded", |run| run.as_str());
    vec![
        format!("- Taken back: {parent}"),
        format!("- Rows: {}", recorded(rows)),
    ]
}

fn is_without_load(data: &ReportData) -> bool {
    let is_skipped = data
        .phases
        .iter()
        .any(|phase| phase.phase == Phase::Loading && phase.state == "skipped");
    data.is_dry_run || data.skips_load || is_skipped
}

fn closing(data: &ReportData) -> String {
    match data.status {
        ReportStatus::Success if data.is_undo => "CERT is as it was before.".to_owned(),
        ReportStatus::Success if is_without_load(data) => "CERT was not written to.".to_owned(),
        ReportStatus::Success => "CERT is ready for testing!".to_owned(),
        _ => data
            .recommendation
            .first()
            .cloned()
            .unwrap_or_else(|| "CERT is not ready for testing.".to_owned()),
    }
}

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
        steps.push(format!("Read the report: {report}"));
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
