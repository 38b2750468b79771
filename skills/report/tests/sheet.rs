//! The decision sheet: what it is bound to, and that a spreadsheet and a browser only read it.

use redistrict_model::{ColumnClass, MaskKind};
use redistrict_report::{
    DecisionSheet, SheetBasis, decisions_digest, render_csv, render_markdown, render_sheet,
};
use scraper::{Html, Selector};

use crate::sample;
use crate::story::{Files, plan, success};

fn estate() -> DecisionSheet {
    let sections = plan().sections;
    let (basis, at) = (SheetBasis::ProdAndCert, "2026-01-01T00:00:00Z".to_owned());
    DecisionSheet::of(&sections.extract, &sections.anonymize, None, basis, at)
}

#[test]
fn the_report_of_a_run_names_the_sheet_that_it_went_by() {
    let sheet = estate();
    let data = Files::new().data(&success());
    assert_eq!(data.decisions_digest, sheet.decisions_digest);
    assert!(
        render_markdown(&data).contains(&format!("- Decision sheet: `{}`", sheet.decisions_digest))
    );
    let text = |html: &str| -> String {
        let page = Html::parse_document(html);
        page.root_element().text().collect()
    };
    // In its head, and above the place to sign.
    let page = text(&render_sheet(&sheet));
    assert_eq!(page.matches(&sheet.decisions_digest).count(), 2);
    for line in [
        "Name",
        "Role",
        "Date",
        "Signature",
        "every district of the estate",
    ] {
        assert!(page.contains(line), "{line}");
    }
    assert!(!page.contains("PROVISIONAL"));
    assert!(text(&render_sheet(&sample::sheet("x"))).contains("PROVISIONAL"));
}

#[test]
fn another_decision_has_another_digest() {
    let mut masks = plan().sections.anonymize;
    let before = decisions_digest(&masks);
    masks.columns[0].kind = MaskKind::Synthetic;
    assert_ne!(decisions_digest(&masks), before);
}

#[test]
fn every_column_has_a_row_with_what_was_decided() {
    let sheet = estate();
    assert_eq!((sheet.columns.len(), sheet.masked()), (4, 3));
    let page = Html::parse_document(&render_sheet(&sheet));
    let rows = Selector::parse("table[class], table").unwrap();
    let tables: Vec<Vec<String>> = page
        .select(&rows)
        .map(|table| {
            let cells = Selector::parse("tbody th").unwrap();
            table
                .select(&cells)
                .map(|cell| cell.text().collect())
                .collect()
        })
        .collect();
    let all = tables.last().unwrap();
    let names: Vec<String> = sheet
        .columns
        .iter()
        .map(|column| column.table.column(&column.column).to_string())
        .collect();
    assert_eq!(*all, names);
    let unknown = sheet
        .columns
        .iter()
        .filter(|column| column.class == ColumnClass::Unknown);
    assert_eq!(unknown.count(), 2);
}

/// Fields of a line as RFC 4180 has them.
fn fields(line: &str) -> Vec<String> {
    let inner = line
        .strip_prefix('"')
        .and_then(|line| line.strip_suffix('"'))
        .unwrap();
    inner
        .split("\",\"")
        .map(|field| field.replace("\"\"", "\""))
        .collect()
}

#[test]
fn a_csv_is_one_line_for_each_column_and_no_formula() {
    for text in [
        "=cmd|' /C calc'!A0",
        "@x",
        "+1",
        "-1",
        "\t=1",
        "\r\n=1",
        "a\"b",
        "ＡＢ",
        "＝1",
    ] {
        let sheet = sample::sheet(text);
        let csv = render_csv(&sheet);
        let lines: Vec<&str> = csv.split_terminator("\r\n").collect();
        assert_eq!(lines.len(), sheet.columns.len() + 1, "{csv}");
        for line in &lines[1..] {
            let fields = fields(line);
            assert_eq!(fields.len(), 17, "{line}");
            for field in &fields {
                let first = field.trim_start().chars().next();
                assert!(
                    !first.is_some_and(|c| "=+-@＝＋－＠".contains(c)),
                    "{field}"
                );
                assert!(!field.contains(|c: char| c.is_control()), "{field}");
            }
            assert_eq!(fields[13], sheet.decisions_digest);
        }
    }
}
