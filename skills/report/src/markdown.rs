//! The report as Markdown. Pure: the same data give the same text.

use std::fmt::Display;

use redistrict_model::shown_lines;

use crate::data::ReportData;
use crate::document::{Block, Cells, Fact, Item, Section, Table};
use crate::format::plain;
use crate::gantt::gantt;
use crate::sections::sections;
use crate::summary::{summary, title};

/// Renders the report: the executive summary first, then everything a reader may ask.
#[must_use]
pub fn render_markdown(data: &ReportData) -> String {
    let mut page = Page::default();
    page.line(format!("# {}", plain(&title(data))));
    page.gap();
    page.block(&summary(data));
    for section in sections(data) {
        page.section(&section, data);
    }
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

    fn section(&mut self, section: &Section, data: &ReportData) {
        self.gap();
        self.line(format!("## {}", plain(&section.title)));
        for block in &section.blocks {
            self.gap();
            match block {
                Block::Text(text) => self.line(plain(text)),
                Block::List(lines) => self.list(lines),
                Block::Facts(facts) => self.facts(facts),
                Block::Items(items) => self.items(items),
                Block::Table(table) => self.table(table),
                Block::Timeline => self.fence("mermaid", &gantt(&data.timeline)),
            }
        }
    }

    /// Text as it is.
    fn block(&mut self, text: &str) {
        self.fence("text", &shown_lines(text));
    }

    /// In a fence that is longer than any run of backticks in it.
    fn fence(&mut self, language: &str, text: &str) {
        let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat((longest + 1).max(3));
        self.line(format!("{fence}{language}"));
        self.line(text);
        self.line(fence);
    }

    fn list(&mut self, lines: &[String]) {
        for line in lines {
            self.line(format!("- {}", plain(line)));
        }
    }

    fn facts(&mut self, facts: &[Fact]) {
        for fact in facts {
            let value = match fact.is_code && !fact.value.contains('`') {
                true => format!("`{}`", redistrict_model::shown(&fact.value)),
                false => plain(&fact.value),
            };
            self.line(format!("- {}: {value}", fact.label));
        }
    }

    fn items(&mut self, items: &[Item]) {
        for item in items {
            self.line(format!("- {} {}", item.label, plain(&item.text)));
            for note in &item.notes {
                self.line(format!("  - {}", plain(note)));
            }
            if !item.lines.is_empty() {
                self.gap();
                self.block(&item.lines.join("\n"));
                self.gap();
            }
        }
    }

    /// A table; cells are made plain here.
    fn table(&mut self, table: &Table) {
        let heads: Vec<&str> = table.columns.iter().map(|(head, _)| *head).collect();
        let marks: Vec<&str> = table
            .columns
            .iter()
            .map(|(_, cells)| match cells {
                Cells::Number => "---:|",
                Cells::Text | Cells::Word | Cells::Code | Cells::State => "---|",
            })
            .collect();
        self.line(format!("| {} |", heads.join(" | ")));
        self.line(format!("|{}", marks.concat()));
        for row in &table.rows {
            let cells: Vec<String> = row.iter().map(|cell| plain(cell)).collect();
            self.line(format!("| {} |", cells.join(" | ")));
        }
    }
}
