//! What a report says, section by section: the same for Markdown and HTML. Pure.

mod facts;
mod rows;

use redistrict_model::{CheckOutcome, CheckResult, Finding};
use serde::Serialize;

use crate::data::ReportData;
use crate::document::{Block, Cells, Item, Section, Table};
use crate::format::{counted, recorded, short, thousands};
use crate::summary::{READ_THE_REPORT, next_steps};

/// All sections, in the order in which they are read.
pub(crate) fn sections(data: &ReportData) -> Vec<Section> {
    let mut all = vec![steps(data)];
    all.extend(failure(data));
    all.extend(recommendation(data));
    all.push(phases(data));
    all.push(timeline(data));
    if data.verdict.is_some() || !data.is_undo {
        all.push(validation(data));
    }
    if data.is_undo {
        // It reads no store and masks nothing.
        all.extend(rows::taken_back(data));
        all.push(findings(data));
    } else {
        all.push(rows::stores(data));
        all.push(rows::tables(data));
        all.extend(rows::forecast(data));
        all.push(rows::masks(data));
        all.push(findings(data));
        all.push(rows::boundaries(data));
        all.push(facts::cuts(data));
    }
    all.push(facts::retries(data));
    all.extend(facts::approvals(data));
    all.push(facts::artifacts(data));
    all.push(facts::about(data));
    all.retain(|section| !section.blocks.is_empty());
    all
}

/// The name of a value as its JSON has it: `full_name`, `in-format`.
pub(crate) fn name(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => "not recorded".to_owned(),
    }
}

fn list(section: Section, lines: Vec<String>) -> Section {
    if lines.is_empty() {
        return section;
    }
    section.block(Block::List(lines))
}

fn steps(data: &ReportData) -> Section {
    let mut steps = next_steps(data);
    // Who reads this has the report.
    steps.retain(|step| !step.starts_with(READ_THE_REPORT));
    list(Section::new("steps", "Next steps"), steps)
}

fn failure(data: &ReportData) -> Option<Section> {
    let failure = data.failure.as_ref()?;
    let section = Section::new("failure", "What failed").text(format!(
        "Phase {} of 5, {}: failed to {} (kind: {}).",
        failure.phase.number(),
        failure.phase,
        failure.message,
        name(failure.kind)
    ));
    Some(list(section, failure.causes.clone()))
}

fn recommendation(data: &ReportData) -> Option<Section> {
    let section = Section::new("recommendation", "Recommendation");
    let lines = data.recommendation.clone();
    (!lines.is_empty()).then(|| list(section, lines))
}

fn phases(data: &ReportData) -> Section {
    let rows = data.phases.iter().map(|phase| {
        vec![
            format!("Phase {} of 5", phase.phase.number()),
            phase.phase.to_string(),
            match &phase.reason {
                Some(reason) => format!("{}: {reason}", phase.state),
                None => phase.state.clone(),
            },
            if phase.millis > 0 {
                short(phase.millis)
            } else {
                "-".to_owned()
            },
        ]
    });
    let columns = [
        ("Step", Cells::Word),
        ("Phase", Cells::Word),
        ("State", Cells::State),
        ("Time", Cells::Word),
    ];
    Section::new("phases", "Phases").table(Table::new("The five phases", columns, rows))
}

fn timeline(data: &ReportData) -> Section {
    let section = Section::new("timeline", "Time line");
    let timeline = &data.timeline;
    if timeline.spans.is_empty() {
        return section.text("No unit has begun.");
    }
    let mut section = section.text(format!(
        "{} of units, from {} on.",
        counted(timeline.spans.len() as u64, "attempt"),
        data.started_at
    ));
    if !timeline.pauses.is_empty() {
        let pauses = timeline.pauses.iter();
        let paused: u64 = pauses
            .map(|pause| pause.to_millis.saturating_sub(pause.from_millis))
            .sum();
        let count = counted(timeline.pauses.len() as u64, "pause");
        section = section.text(format!(
            "{count} ({}) in which no process worked on the run, left out of the picture.",
            short(paused)
        ));
    }
    section.block(Block::Timeline)
}

fn validation(data: &ReportData) -> Section {
    let section = Section::new("validation", "Validation");
    let Some(verdict) = data.verdict else {
        return proof(section.text("Verdict: not recorded."), data);
    };
    let failed: Vec<&CheckResult> = data
        .checks
        .iter()
        .filter(|check| !check.is_passed())
        .collect();
    let examined: u64 = data.checks.iter().map(|check| check.examined).sum();
    let section = section.text(format!(
        "Verdict: {verdict}. {}, {} not passed, {} rows and keys examined.",
        counted(data.checks.len() as u64, "check"),
        failed.len(),
        thousands(examined)
    ));
    let mut section = proof(section, data);
    if !failed.is_empty() {
        let items = failed.into_iter().map(failed_check).collect();
        section = section.block(Block::Items(items));
    }
    section
        .table(kinds_of_checks(&data.checks))
        .table(checks(&data.checks))
}

/// How many checks there are of each kind, in the order in which they were made.
fn kinds_of_checks(checks: &[CheckResult]) -> Table {
    let mut kinds: Vec<(&str, [u64; 3])> = Vec::new();
    for check in checks {
        let at = kinds.iter().position(|(kind, _)| *kind == check.check);
        let at = at.unwrap_or_else(|| {
            kinds.push((&check.check, [0; 3]));
            kinds.len() - 1
        });
        let [all, not_passed, examined] = &mut kinds[at].1;
        *all += 1;
        *not_passed += u64::from(!check.is_passed());
        *examined += check.examined;
    }
    let rows = kinds.iter().map(|(kind, numbers)| {
        let mut row = vec![(*kind).to_owned()];
        row.extend(numbers.map(thousands));
        row
    });
    let columns = [
        ("Kind of check", Cells::Code),
        ("Checks", Cells::Number),
        ("Not passed", Cells::Number),
        ("Examined", Cells::Number),
    ];
    Table::new("Checks by kind", columns, rows)
}

fn proof(section: Section, data: &ReportData) -> Section {
    let Some(proof) = &data.proof else {
        return section;
    };
    section.text(format!(
        "Leak proof: {} survivors of {} values.",
        thousands(proof.survivors),
        recorded(proof.values)
    ))
}

fn failed_check(check: &CheckResult) -> Item {
    let mut notes = vec![format!("it says: {}", check.definition)];
    if !check.locators.is_empty() {
        notes.push(format!("first rows: {}", check.locators.join("; ")));
    }
    Item {
        label: name(check.severity),
        text: format!("{} {}: {}", check.check, check.subject, outcome(check)),
        notes,
        lines: Vec::new(),
    }
}

fn checks(checks: &[CheckResult]) -> Table {
    let rows = checks.iter().map(|check| {
        vec![
            check.check.clone(),
            check.subject.clone(),
            check.definition.clone(),
            name(check.severity),
            outcome(check),
            thousands(check.examined),
        ]
    });
    let columns = [
        ("Check", Cells::Code),
        ("Subject", Cells::Code),
        ("It holds that", Cells::Text),
        ("Severity", Cells::Word),
        ("Outcome", Cells::State),
        ("Examined", Cells::Number),
    ];
    Table::new("Every check with its definition", columns, rows)
}

fn outcome(check: &CheckResult) -> String {
    match &check.outcome {
        CheckOutcome::Passed => "passed".to_owned(),
        CheckOutcome::Failed { rows } => format!("failed: {}", thousands(*rows)),
        CheckOutcome::CouldNotRun { why } => format!("could not run: {why}"),
    }
}

fn findings(data: &ReportData) -> Section {
    let section = Section::new("findings", "Findings");
    let mut sorted: Vec<&Finding> = data.findings.iter().collect();
    sorted.sort_by_key(|one| std::cmp::Reverse(one.severity));
    if sorted.is_empty() {
        return section.text("None.");
    }
    section.block(Block::Items(sorted.into_iter().map(finding).collect()))
}

fn finding(finding: &Finding) -> Item {
    let count = match finding.count {
        0 => String::new(),
        count => format!(" ({})", thousands(count)),
    };
    Item {
        label: name(finding.severity),
        text: format!(
            "{} {}: {}{count}",
            finding.code, finding.subject, finding.message
        ),
        notes: Vec::new(),
        lines: finding.lines.clone(),
    }
}
