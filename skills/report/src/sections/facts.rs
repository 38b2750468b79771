//! Sections about the run itself: its cuts, failed attempts, files.

use super::name;
use crate::data::ReportData;
use crate::document::{Block, Cells, Fact, Section, Table};
use crate::format::{counted, recorded, short, thousands};

/// The moments at which the stores were read.
pub(super) fn cuts(data: &ReportData) -> Section {
    let section = Section::new("cuts", "Cuts of the stores");
    if data.stores.is_empty() {
        return section.text("Cuts: not recorded.");
    }
    let rows = data.stores.iter().map(|store| {
        vec![
            store.store.to_string(),
            store.kind.clone(),
            store.at.clone(),
            store.snapshot.clone(),
        ]
    });
    let columns = [
        ("Store", Cells::Code),
        ("Kind", Cells::Word),
        ("Cut at", Cells::Code),
        ("Snapshot", Cells::Code),
    ];
    let section = section.table(Table::new("When each store was read", columns, rows));
    let skew = data.skew_millis;
    let section = section.text(match (skew, data.stores.len()) {
        (Some(millis), _) => format!(
            "Skew: {} between the earliest and the latest cut, by the servers' clocks. Within a store \
             all rows are of one moment.",
            short(millis)
        ),
        (None, 0 | 1) => "Skew: none, there is one cut.".to_owned(),
        (None, _) => "Skew: not recorded.".to_owned(),
    });
    let section = left_behind(section, data);
    match data.unmatched_between_stores {
        Some(0) if data.stores.len() > 1 => {
            section.text("Between stores: every reference has its partner.".to_owned())
        }
        Some(rows) if rows > 0 => section.text(format!(
            "Between stores: {} had no partner. The skew may be why, where a row was written or removed between \
             two cuts; the warnings name the references.",
            counted(rows, "reference")
        )),
        _ => section,
    }
}

/// The check on the rows that stayed in PROD.
fn left_behind(section: Section, data: &ReportData) -> Section {
    let Some(left) = &data.left_behind else {
        return section;
    };
    let looked = format!(
        "{} of {} in PROD refer to rows that came",
        counted(left.examined, "row"),
        counted(left.tables, "table")
    );
    let rows = left.rows.values().sum();
    section.text(match rows {
        0 => format!("Left behind: nothing. {looked}: each came, or refers to something that does not come."),
        rows => format!(
            "Left behind: {} that refer to nothing but rows that came; the warnings name the tables. {looked}.",
            counted(rows, "row")
        ),
    })
}

/// Attempts that failed, with reasons and waits.
pub(super) fn retries(data: &ReportData) -> Section {
    let section = Section::new("retries", "Failed attempts");
    if data.retries.is_empty() {
        return section.text("None.");
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
    let columns = [
        ("At", Cells::Code),
        ("Phase", Cells::Word),
        ("Unit", Cells::Code),
        ("Attempt", Cells::Number),
        ("Reason", Cells::Text),
        ("Tried again", Cells::Text),
    ];
    section.table(Table::new("Attempts that failed", columns, rows))
}

/// Who approved what; nothing where no approval was needed.
pub(super) fn approvals(data: &ReportData) -> Option<Section> {
    if data.approvals.is_empty() {
        return None;
    }
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let rows = data.approvals.iter().map(|one| {
        let state = match (&one.approved_by, one.is_used) {
            (_, true) => "used",
            (Some(_), false) => "given",
            (None, false) => "waited for",
        };
        vec![
            one.phase.to_string(),
            state.to_owned(),
            text(&one.approved_by),
            one.requested_at.clone(),
            text(&one.approved_at),
            text(&one.expires_at),
            one.digest.clone(),
        ]
    });
    let columns = [
        ("Phase", Cells::Word),
        ("State", Cells::Word),
        ("Approved by", Cells::Text),
        ("Asked at", Cells::Code),
        ("Approved at", Cells::Code),
        ("Counts until", Cells::Code),
        ("Digest", Cells::Code),
    ];
    let table = Table::new("Approvals that were asked for", columns, rows);
    Some(Section::new("approvals", "Approvals").table(table))
}

/// What the run left on disk.
pub(super) fn artifacts(data: &ReportData) -> Section {
    let section = Section::new("artifacts", "Artifacts");
    if data.artifacts.is_empty() {
        return section.text("None is there any more.");
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
    let columns = [
        ("Kind", Cells::Word),
        ("Made by", Cells::Code),
        ("Path", Cells::Code),
        ("Files", Cells::Number),
        ("Rows", Cells::Number),
        ("Bytes", Cells::Number),
        ("Seal", Cells::Code),
    ];
    section
        .text("The seal is a keyed digest of the manifest, which holds the SHA-256 of every file.")
        .table(Table::new("Sealed artifacts on disk", columns, rows))
}

/// Everything else that identifies the run.
pub(super) fn about(data: &ReportData) -> Section {
    let mut facts = vec![
        Fact::new("Run", data.run.to_string()),
        Fact::new("District", data.district.to_string()),
        Fact::new("Started", data.started_at.clone()),
        Fact::code("Plan", data.plan_digest.clone()),
        Fact::code("Decision sheet", data.decisions_digest.clone()),
    ];
    if let Some(run) = &data.parent {
        facts.push(Fact::new("Takes back", run.to_string()));
    }
    if let Some(run) = &data.reused {
        facts.push(Fact::new("Extraction reused from", run.to_string()));
    }
    if let Some(leaks) = data.totals.leaks {
        facts.push(Fact::new("Leaks", recorded(Some(leaks))));
    }
    facts.push(Fact::new("Resumed", counted(data.resumes.into(), "time")));
    facts.push(Fact::new("Log", data.log.clone()));
    facts.push(Fact::new("Files of this report", data.reports.join(", ")));
    facts.push(match (&data.undone_by, &data.undo) {
        (Some(run), _) => Fact::new("Undo", format!("taken back by {run}")),
        (None, Some(command)) => Fact::code("Undo", command.clone()),
        (None, None) => Fact::new("Undo", "nothing to take back"),
    });
    Section::new("about", "About this run").block(Block::Facts(facts))
}
