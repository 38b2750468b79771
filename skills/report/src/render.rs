//! The report as Markdown. Pure: the same data give the same text.

use std::fmt::Display;

use redistrict_model::{CheckOutcome, CheckResult, Severity, shown_lines};
use serde::Serialize;

use crate::data::ReportData;
use crate::format::{duration, plain, recorded, thousands};
use crate::summary::{next_steps, summary, what};

/// Renders the report: the executive summary first, then everything a reader may ask.
#[must_use]
pub fn render_markdown(data: &ReportData) -> String {
    let mut page = Page::default();
    let district = data
        .district_name
        .as_deref()
        .unwrap_or(data.district.as_str());
    let what = what(data);
    page.line(format!("# {what} of district {}", plain(district)));
    page.gap();
    page.block(&summary(data));
    page.bullets(
        "Next steps",
        &next_steps(data)
            .iter()
            .map(|step| plain(step))
            .collect::<Vec<_>>(),
    );
    failure(&mut page, data);
    checklist(&mut page, data);
    validation(&mut page, data);
    stores(&mut page, data);
    tables(&mut page, data);
    masks(&mut page, data);
    findings(&mut page, data);
    boundaries(&mut page, data);
    retries(&mut page, data);
    artifacts(&mut page, data);
    about(&mut page, data);
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, text: impl Display) {
        self.0.push_str(&text.to_string());
        self.0.push('\n');
    }

    fn gap(&mut self) {
        self.0.push('\n');
    }

    fn section(&mut self, title: &str) {
        self.gap();
        self.line(format!("## {title}"));
        self.gap();
    }

    /// Text as it is, in a fence that is longer than any run of backticks in it.
    fn block(&mut self, text: &str) {
        let text = shown_lines(text);
        let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat((longest + 1).max(3));
        self.line(format!("{fence}text"));
        self.line(text);
        self.line(fence);
    }

    fn bullets(&mut self, title: &str, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        self.section(title);
        for line in lines {
            self.line(format!("- {line}"));
        }
    }

    /// A table; cells are made plain here.
    fn table(&mut self, heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        self.line(format!("| {} |", heads.join(" | ")));
        self.line(format!("|{}", "---|".repeat(heads.len())));
        for row in rows {
            let cells: Vec<String> = row.iter().map(|cell| plain(cell)).collect();
            self.line(format!("| {} |", cells.join(" | ")));
        }
    }
}

/// The name of a value as its JSON has it: `full_name`, `in-format`.
fn name(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => "not recorded".to_owned(),
    }
}

fn failure(page: &mut Page, data: &ReportData) {
    if let Some(failure) = &data.failure {
        page.section("What failed");
        page.line(format!(
            "Phase {} of 5, {}: failed to {} (kind: {}).",
            failure.phase.number(),
            failure.phase,
            plain(&failure.message),
            name(failure.kind)
        ));
        if !failure.causes.is_empty() {
            page.gap();
        }
        for cause in &failure.causes {
            page.line(format!("- {}", plain(cause)));
        }
    }
    let steps: Vec<String> = data.recommendation.iter().map(|step| plain(step)).collect();
    page.bullets("Recommendation", &steps);
}

fn checklist(page: &mut Page, data: &ReportData) {
    page.section("Phases");
    let rows = data.phases.iter().map(|phase| {
        vec![
            format!("Phase {} of 5", phase.phase.number()),
            phase.phase.to_string(),
            match &phase.reason {
                Some(reason) => format!("{}: {reason}", phase.state),
                None => phase.state.clone(),
            },
            if phase.millis > 0 {
                duration(phase.millis)
            } else {
                "-".to_owned()
            },
        ]
    });
    page.table(&["", "Phase", "State", "Time"], rows);
}

fn validation(page: &mut Page, data: &ReportData) {
    page.section("Validation");
    let Some(verdict) = data.verdict else {
        page.line("Verdict: not recorded.");
        return;
    };
    let failed: Vec<&CheckResult> = data
        .checks
        .iter()
        .filter(|check| !check.is_passed())
        .collect();
    let examined: u64 = data.checks.iter().map(|check| check.examined).sum();
    page.line(format!(
        "Verdict: **{verdict}**. {} checks, {} not passed, {} rows and keys examined.",
        data.checks.len(),
        failed.len(),
        thousands(examined)
    ));
    if let Some(proof) = &data.proof {
        page.gap();
        let values = recorded(proof.values);
        page.line(format!(
            "Leak proof: {} survivors of {values} values.",
            proof.survivors
        ));
    }
    for check in failed {
        page.gap();
        page.line(format!(
            "- {} {} {}: {}",
            name(check.severity),
            plain(&check.check),
            plain(&check.subject),
            outcome(check)
        ));
        page.line(format!("  - it says: {}", plain(&check.definition)));
        if !check.locators.is_empty() {
            let locators: Vec<String> = check.locators.iter().map(|one| plain(one)).collect();
            page.line(format!("  - first rows: {}", locators.join("; ")));
        }
    }
    page.gap();
    let rows = data.checks.iter().map(|check| {
        vec![
            check.check.clone(),
            check.subject.clone(),
            check.definition.clone(),
            name(check.severity),
            outcome(check),
            thousands(check.examined),
        ]
    });
    page.table(
        &[
            "Check",
            "Subject",
            "It holds that",
            "Severity",
            "Outcome",
            "Examined",
        ],
        rows,
    );
}

fn outcome(check: &CheckResult) -> String {
    match &check.outcome {
        CheckOutcome::Passed => "passed".to_owned(),
        CheckOutcome::Failed { rows } => format!("failed: {}", thousands(*rows)),
        CheckOutcome::CouldNotRun { why } => format!("could not run: {}", plain(why)),
    }
}

fn stores(page: &mut Page, data: &ReportData) {
    page.section("Stores");
    if data.stores.is_empty() {
        page.line("Cuts: not recorded.");
        return;
    }
    let rows = data.stores.iter().map(|store| {
        vec![
            store.store.to_string(),
            store.kind.clone(),
            store.at.clone(),
            store.snapshot.clone(),
        ]
    });
    page.table(&["Store", "Kind", "Cut at", "Snapshot"], rows);
}

fn tables(page: &mut Page, data: &ReportData) {
    page.section("Rows per table");
    let heads = [
        "Table",
        "Role",
        "Own",
        "Shared",
        "Stubs",
        "Masked fields",
        "Inserted",
        "Updated",
        "Unchanged",
        "Left",
    ];
    let rows = data.tables.iter().map(|table| {
        let numbers = [
            table.own,
            table.shared,
            table.stubs,
            table.masked,
            table.inserted,
            table.updated,
            table.unchanged,
            table.left,
        ];
        let mut row = vec![table.table.to_string(), table.role.clone()];
        row.extend(numbers.map(recorded));
        row
    });
    page.table(&heads, rows);
    if data
        .failure
        .as_ref()
        .is_some_and(|failure| failure.is_taken_back == Some(true))
    {
        page.gap();
        page.line("What had been loaded was taken back.");
    }
    if data.is_dry_run {
        forecast(page, data);
    }
    if data.is_undo {
        page.gap();
        let rows = data
            .tables
            .iter()
            .map(|table| vec![table.table.to_string(), recorded(table.taken_back)]);
        page.table(&["Table", "Taken back"], rows);
    }
}

fn forecast(page: &mut Page, data: &ReportData) {
    page.section("Forecast for CERT (dry run: nothing was written)");
    let rows = data.forecast.iter().map(|one| {
        let numbers = [one.rows, one.insert, one.update, one.leave, one.conflict];
        let mut row = vec![one.table.to_string()];
        row.extend(numbers.map(thousands));
        row
    });
    page.table(
        &["Table", "Rows", "Insert", "Update", "Leave", "Conflict"],
        rows,
    );
}

fn masks(page: &mut Page, data: &ReportData) {
    page.section("Masked fields");
    if data.masks.is_empty() {
        page.line("The plan masks no column.");
        return;
    }
    let rows = data.masks.iter().map(|mask| {
        vec![
            name(mask.class),
            name(mask.kind),
            thousands(mask.columns),
            recorded(mask.cells),
        ]
    });
    page.table(&["Class", "Kind of mask", "Columns", "Fields"], rows);
}

fn findings(page: &mut Page, data: &ReportData) {
    page.section("Findings");
    if data.findings.is_empty() {
        page.line("None.");
        return;
    }
    for severity in [Severity::Error, Severity::Warning, Severity::Info] {
        for finding in data.findings.iter().filter(|one| one.severity == severity) {
            page.line(format!(
                "- {} {} {}: {} ({})",
                name(severity),
                plain(&finding.code),
                plain(&finding.subject),
                plain(&finding.message),
                thousands(finding.count)
            ));
            if !finding.lines.is_empty() {
                page.gap();
                page.block(&finding.lines.join("\n"));
                page.gap();
            }
        }
    }
}

fn boundaries(page: &mut Page, data: &ReportData) {
    page.section("Boundaries");
    if data.boundaries.is_empty() {
        page.line("No reference leads out of the district.");
        return;
    }
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "not recorded".to_owned());
    let rows = data.boundaries.iter().map(|one| {
        vec![
            one.reference.clone(),
            text(&one.leads),
            text(&one.policy),
            thousands(one.rows),
        ]
    });
    page.table(&["Reference", "Leads to", "Policy", "Rows"], rows);
}

fn retries(page: &mut Page, data: &ReportData) {
    page.section("Failed attempts");
    if data.retries.is_empty() {
        page.line("None.");
        return;
    }
    let rows = data.retries.iter().map(|one| {
        vec![
            one.at.clone(),
            one.phase.to_string(),
            one.unit.clone(),
            one.attempt.to_string(),
            format!("{}: {}", name(one.kind), one.reason),
            one.retry_after_millis.map_or_else(
                || "no further attempt".to_owned(),
                |wait| format!("after {wait} ms"),
            ),
        ]
    });
    page.table(
        &["At", "Phase", "Unit", "Attempt", "Reason", "Tried again"],
        rows,
    );
}

fn artifacts(page: &mut Page, data: &ReportData) {
    page.section("Artifacts");
    if data.artifacts.is_empty() {
        page.line("None is there any more.");
        return;
    }
    let rows = data.artifacts.iter().map(|one| {
        vec![
            one.kind.clone(),
            one.run.to_string(),
            one.path.clone(),
            thousands(one.files),
            thousands(one.rows),
            thousands(one.bytes),
            one.seal.clone(),
        ]
    });
    page.table(
        &["Kind", "Made by", "Path", "Files", "Rows", "Bytes", "Seal"],
        rows,
    );
}

fn about(page: &mut Page, data: &ReportData) {
    page.section("About this run");
    page.line(format!("- Started: {}", data.started_at));
    page.line(format!("- Plan: {}", data.plan_digest));
    if let Some(run) = &data.reused {
        page.line(format!("- Extraction reused from: {run}"));
    }
    page.line(format!("- Resumed: {} times", data.resumes));
    page.line(format!("- Log: {}", plain(&data.log)));
    match (&data.undone_by, &data.undo) {
        (Some(run), _) => page.line(format!("- Undo: taken back by {run}")),
        (None, Some(command)) => page.line(format!("- Undo: `{command}`")),
        (None, None) => page.line("- Undo: nothing to take back"),
    }
}
