//! Writes the ranking: `district-manifest.json` for programs, `district-selection-report.md` for
//! people.

use std::path::PathBuf;

use redistrict_artifact::{Layout, write_atomic};
use redistrict_model::in_markdown;
use redistrict_skill::SkillError;

use crate::data::{FORMAT_VERSION, Measurement, Ranked, Selection};

impl Selection {
    /// The ranking of what was measured; the districts of the measurement are in `ranked` now.
    #[must_use]
    pub fn new(ranked: Vec<Ranked>, measurement: Measurement) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            districts: ranked,
            tables: measurement.tables,
            notes: measurement.notes,
        }
    }
}

/// Writes both files, each atomically, and gives their paths: the Markdown, then the JSON.
///
/// # Errors
/// A failing disk.
pub fn write(layout: &Layout, selection: &Selection) -> Result<[PathBuf; 2], SkillError> {
    let json = layout.manifests().join("district-manifest.json");
    let markdown = layout.manifests().join("district-selection-report.md");
    let mut bytes = serde_json::to_vec_pretty(selection).expect("a selection is plain data");
    bytes.push(b'\n');
    let text = render_markdown(selection);
    for (path, bytes) in [(&json, bytes.as_slice()), (&markdown, text.as_bytes())] {
        write_atomic(path, bytes).map_err(|error| {
            SkillError::because(error.error_kind(), "write the district selection", &error)
        })?;
    }
    Ok([markdown, json])
}

/// The ranking as Markdown. Pure.
#[must_use]
pub fn render_markdown(selection: &Selection) -> String {
    let mut lines = vec![
        "# District selection".to_owned(),
        String::new(),
        "Score = 40 % size + 30 % activity + 20 % completeness + 10 % business priority, each 0 to 100."
            .to_owned(),
        String::new(),
        "| Rank | District | Score | Size | Activity | Completeness | Priority | Rows | Class | Pilot | Estimated time |"
            .to_owned(),
        format!("|{}", "---|".repeat(11)),
    ];
    lines.extend(selection.districts.iter().map(row));
    lines.extend([String::new(), "## Pilots".to_owned(), String::new()]);
    let pilots: Vec<&Ranked> = selection
        .districts
        .iter()
        .filter(|one| one.is_pilot)
        .collect();
    lines.extend(pilots.iter().map(|one| {
        format!(
            "- {}: {} (score {:.1})",
            one.size_class.as_str(),
            title(one),
            one.score
        )
    }));
    if pilots.is_empty() {
        lines.push("The tenant root has no rows.".to_owned());
    }
    lines.extend([
        String::new(),
        "## How it was measured".to_owned(),
        String::new(),
    ]);
    lines.push(
        "Rows are counted, exactly, in the tables that refer to the tenant root, to another organisation, or to a \
         counted table of at most 10,000 rows; activity is the share \
         of rows in the newest quarter, relative to the most active district; completeness the share \
         of cells that are not NULL. What was not measured counts 50. A time is estimated only from \
         migrations that were measured, in proportion to the counted rows."
            .to_owned(),
    );
    lines.extend([
        String::new(),
        "| Table | Rows | Looked at | Dated by |".to_owned(),
        "|---|---|---|---|".to_owned(),
    ]);
    lines.extend(selection.tables.iter().map(|table| {
        format!(
            "| {} | {} | {} | {} |",
            plain(&table.table.to_string()),
            table.rows,
            table.sampled,
            plain(table.dated_by.as_deref().unwrap_or("-"))
        )
    }));
    if !selection.notes.is_empty() {
        lines.push(String::new());
        lines.extend(
            selection
                .notes
                .iter()
                .map(|note| format!("- {}", plain(note))),
        );
    }
    lines.push(String::new());
    lines.join("\n")
}

fn row(one: &Ranked) -> String {
    let measured = |part: f64, is_measured: bool| {
        let note = if is_measured { "" } else { " (not measured)" };
        format!("{part:.1}{note}")
    };
    let cells = [
        one.rank.to_string(),
        title(one),
        format!("{:.1}", one.score),
        format!("{:.1}", one.parts.size),
        measured(one.parts.activity, one.facts.activity.is_some()),
        measured(one.parts.completeness, one.facts.completeness.is_some()),
        format!("{:.1}", one.parts.priority),
        format!(
            "{}{}",
            if one.facts.is_estimated() {
                "about "
            } else {
                ""
            },
            one.size
        ),
        one.size_class.as_str().to_owned(),
        if one.is_pilot { "yes" } else { "" }.to_owned(),
        one.estimated_millis
            .map_or_else(|| "not measured yet".to_owned(), seconds),
    ];
    format!("| {} |", cells.join(" | "))
}

fn title(one: &Ranked) -> String {
    let key = plain(one.facts.district.as_str());
    match &one.facts.name {
        Some(name) => format!("{key} ({})", plain(name)),
        None => key,
    }
}

fn seconds(millis: u64) -> String {
    let seconds = millis.div_ceil(1_000);
    format!("{} min {} s", seconds / 60, seconds % 60)
}

/// Text that cannot end a cell or begin markup.
fn plain(text: &str) -> String {
    in_markdown(text)
}
