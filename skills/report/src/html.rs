//! The report as one page of HTML: no script, nothing from elsewhere, readable on paper and on a phone.
//! Pure: the same data give the same bytes.

mod chart;
pub(crate) mod page;

use redistrict_model::{Phase, Verdict};

use crate::data::{ReportData, ReportStatus};
use crate::document::{Block, Cells, Fact, Item, Section, Table};
use crate::format::{duration, recorded, thousands};
use crate::sections::sections;
use crate::summary::{is_without_load, status, summary, title};
use page::Html;

/// A table with more rows scrolls within the page; on paper it does not.
const TALL: usize = 30;

/// Renders the report: what counts at a glance, the executive summary, then everything a reader may ask.
#[must_use]
pub fn render_html(data: &ReportData) -> String {
    let title = title(data);
    let sections = sections(data);
    Html::document(&format!("{title} - {}", data.run), |html| {
        html.within("header", &[], |html| {
            html.leaf("p", &[("class", "kicker")], "redistrict report");
            html.leaf("h1", &[], &title);
            badges(html, data);
            figures(html, data);
            contents(html, &sections);
        });
        html.within("main", &[], |html| {
            html.within("section", &[("aria-labelledby", "summary")], |html| {
                html.leaf("h2", &[("id", "summary")], "Executive summary");
                html.within("pre", &[], |html| html.lines(&summary(data)));
            });
            for one in &sections {
                section(html, one, data);
            }
        });
        footer(html);
    })
}

/// How something ended, by its first word: the mark, which is a sign and a colour beside the word.
pub(crate) fn mark(state: &str) -> (&'static str, &'static str) {
    let word = state.split([':', ' ']).next().unwrap_or_default();
    match word {
        "passed" | "completed" | "SUCCESS" | "PASSED" => ("good", "✔"),
        "failed" | "FAILED" | "could" | "ERROR" => ("bad", "✘"),
        "PASSED_WITH_WARNINGS"
        | "WARNING"
        | "INTERRUPTED"
        | "UNFINISHED"
        | "WAITING"
        | "in_progress" => ("warn", "▲"),
        _ => ("idle", "–"),
    }
}

pub(crate) fn badge(html: &mut Html, text: &str, state: &str) {
    let (class, sign) = mark(state);
    html.within("span", &[("class", &format!("mark {class}"))], |html| {
        html.leaf("span", &[("aria-hidden", "true")], sign);
        html.text(&format!(" {text}"));
    });
}

fn badges(html: &mut Html, data: &ReportData) {
    html.within("ul", &[("class", "badges")], |html| {
        let status = status(data.status);
        html.within("li", &[], |html| badge(html, status, status));
        if let Some(verdict) = data.verdict {
            let text = verdict.to_string();
            let words = match verdict {
                Verdict::Passed => "validation passed",
                Verdict::PassedWithWarnings => "validation passed with warnings",
                Verdict::Failed => "validation failed",
            };
            html.within("li", &[], |html| badge(html, words, &text));
        }
        if let Some(leaks) = data.totals.leaks {
            let state = if leaks == 0 { "passed" } else { "failed" };
            let text = format!("{} leaks", thousands(leaks));
            html.within("li", &[], |html| badge(html, &text, state));
        }
        for text in kinds(data) {
            html.within("li", &[], |html| badge(html, &text, ""));
        }
    });
}

/// What else should be known at a glance.
fn kinds(data: &ReportData) -> Vec<String> {
    let mut kinds = Vec::new();
    if data.is_dry_run {
        kinds.push("dry run".to_owned());
    }
    if data.skips_load && !data.is_dry_run {
        kinds.push("without loading".to_owned());
    }
    if data.undone_by.is_some() {
        kinds.push("taken back since".to_owned());
    }
    kinds
}

/// The numbers of the summary, large.
fn figures(html: &mut Html, data: &ReportData) {
    let loaded = match is_without_load(data) {
        true => "0".to_owned(),
        false => recorded(data.totals.loaded),
    };
    let fields = recorded(data.totals.anonymized_fields);
    let extracted = recorded(data.totals.extracted);
    let counts = |phase: Phase| data.only.is_empty() || data.only.contains(&phase);
    let all = [
        (counts(Phase::Extraction), "Extracted", extracted, "records"),
        (
            counts(Phase::Anonymization),
            "Anonymized",
            fields,
            "PII fields",
        ),
        (counts(Phase::Loading), "Loaded to CERT", loaded, "records"),
    ];
    html.within("dl", &[("class", "figures")], |html| {
        let mut figure = |label: &str, number: &str, unit: &str| {
            html.within("div", &[], |html| {
                html.leaf("dt", &[], label);
                html.within("dd", &[], |html| {
                    html.text(number);
                    html.leaf("small", &[], unit);
                });
            });
        };
        if data.is_undo {
            let rows: Vec<u64> = data
                .tables
                .iter()
                .filter_map(|table| table.taken_back)
                .collect();
            let label = match data.is_dry_run {
                true => "Would be taken back",
                false => "Taken back",
            };
            let known = data.status == ReportStatus::Success || !rows.is_empty();
            let number = recorded(known.then(|| rows.iter().sum()));
            figure(label, &number, "rows");
        } else {
            for (counts, label, number, unit) in &all {
                if *counts {
                    figure(label, number, unit);
                }
            }
        }
        figure("Duration", &duration(data.duration_millis), "worked");
        figure("District", data.district.as_str(), data.run.as_str());
    });
}

const READERS: [(&str, &[&str]); 4] = [
    (
        "In short",
        &["summary", "steps", "failure", "recommendation"],
    ),
    (
        "Privacy",
        &["masks", "validation", "boundaries", "findings"],
    ),
    (
        "Data",
        &[
            "rows-per-store",
            "rows-per-table",
            "forecast",
            "taken-back",
            "cuts",
        ],
    ),
    (
        "Operation",
        &[
            "phases",
            "timeline",
            "retries",
            "approvals",
            "artifacts",
            "about",
        ],
    ),
];

fn contents(html: &mut Html, sections: &[Section]) {
    html.within("nav", &[("aria-label", "Contents")], |html| {
        html.within("ul", &[], |html| {
            for (reader, ids) in READERS {
                html.within("li", &[], |html| {
                    html.leaf("b", &[], &format!("{reader}: "));
                    let mut separator = "";
                    for id in ids {
                        let known = sections.iter().find(|section| section.id == *id);
                        let title = match (known, *id) {
                            (Some(section), _) => section.title.as_str(),
                            (None, "summary") => "Executive summary",
                            (None, _) => continue,
                        };
                        html.text(separator);
                        separator = " · ";
                        html.leaf("a", &[("href", &format!("#{id}"))], title);
                    }
                });
            }
        });
    });
}

fn section(html: &mut Html, section: &Section, data: &ReportData) {
    html.within("section", &[("aria-labelledby", section.id)], |html| {
        html.leaf("h2", &[("id", section.id)], &section.title);
        for block in &section.blocks {
            match block {
                Block::Text(text) => html.leaf("p", &[], text),
                Block::List(lines) => list(html, lines),
                Block::Facts(all) => facts(html, all),
                Block::Items(all) => items(html, all),
                Block::Table(one) => table(html, one),
                Block::Timeline => {
                    let rows = data.timeline.spans.len();
                    let caption = "Units of each phase on one scale of time worked";
                    framed(html, caption, rows, |html| {
                        chart::timeline(html, &data.timeline);
                    });
                }
            }
        }
    });
}

fn list(html: &mut Html, lines: &[String]) {
    html.within("ul", &[], |html| {
        lines.iter().for_each(|line| html.leaf("li", &[], line));
    });
}

pub(crate) fn facts(html: &mut Html, facts: &[Fact]) {
    html.within("dl", &[("class", "facts")], |html| {
        for fact in facts {
            html.leaf("dt", &[], fact.label);
            html.within("dd", &[], |html| match fact.is_code {
                true => html.leaf("code", &[], &fact.value),
                false => html.text(&fact.value),
            });
        }
    });
}

fn items(html: &mut Html, items: &[Item]) {
    html.within("ul", &[("class", "items")], |html| {
        for item in items {
            html.within("li", &[], |html| {
                badge(html, &item.label, &item.label);
                html.text(&format!(" {}", item.text));
                if !item.notes.is_empty() {
                    list(html, &item.notes);
                }
                if !item.lines.is_empty() {
                    html.within("pre", &[], |html| html.lines(&item.lines.join("\n")));
                }
            });
        }
    });
}

/// A table in a frame of its own that scrolls, by keyboard too, where the page is too narrow for it.
pub(crate) fn framed(
    html: &mut Html,
    caption: &'static str,
    rows: usize,
    inside: impl FnOnce(&mut Html),
) {
    let class = if rows > TALL { "scroll tall" } else { "scroll" };
    let frame = [
        ("class", class),
        ("role", "region"),
        ("aria-label", caption),
        ("tabindex", "0"),
    ];
    html.within("div", &frame, |html| {
        html.within("table", &[], |html| {
            html.leaf("caption", &[], caption);
            inside(html);
        });
    });
}

/// A table: the first cell of a row is its heading.
pub(crate) fn table(html: &mut Html, table: &Table) {
    let largest = table.bars.iter().copied().max().unwrap_or(0);
    framed(html, table.caption, table.rows.len(), |html| {
        html.within("thead", &[], |html| {
            html.within("tr", &[], |html| {
                for (head, cells) in &table.columns {
                    html.leaf("th", &[("scope", "col"), ("class", class(*cells))], head);
                }
                if largest > 0 {
                    html.leaf("th", &[("scope", "col"), ("class", "bar")], "Share");
                }
            });
        });
        html.within("tbody", &[], |html| {
            for (at, row) in table.rows.iter().enumerate() {
                html.within("tr", &[], |html| {
                    for (place, (cell, (_, cells))) in row.iter().zip(&table.columns).enumerate() {
                        one_cell(html, place, cell, *cells);
                    }
                    if largest > 0 {
                        let number = table.bars.get(at).copied().unwrap_or(0);
                        html.within("td", &[("class", "bar")], |html| {
                            chart::bar(html, number, largest);
                        });
                    }
                });
            }
        });
    });
}

fn one_cell(html: &mut Html, place: usize, text: &str, cells: Cells) {
    let class = class(cells);
    if place == 0 {
        html.leaf("th", &[("scope", "row"), ("class", class)], text);
        return;
    }
    html.within("td", &[("class", class)], |html| match cells {
        Cells::State => badge_and_rest(html, text),
        Cells::Text | Cells::Word | Cells::Number | Cells::Code => html.text(text),
    });
}

/// `skipped: --dry-run`: the first word as a mark, the reason behind it.
fn badge_and_rest(html: &mut Html, text: &str) {
    match text.split_once(": ") {
        Some((state, rest)) => {
            badge(html, state, text);
            html.text(&format!(" {rest}"));
        }
        None => badge(html, text, text),
    }
}

fn class(cells: Cells) -> &'static str {
    match cells {
        Cells::Text | Cells::State => "text",
        Cells::Word => "word",
        Cells::Number => "number",
        Cells::Code => "code",
    }
}

fn footer(html: &mut Html) {
    html.leaf(
        "footer",
        &[],
        "This report holds names of tables, columns and counts, and no value of a row. Times are UTC. It \
         loads nothing and works without a network.",
    );
}
