//! The decision sheet as a page to read, print and sign.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{ColumnClass, MaskKind, Provenance};

use super::csv::yes_or_no;
use super::{DecisionSheet, SheetBasis, SheetColumn};
use crate::document::{Cells, Fact, Table};
use crate::format::{counted, thousands};
use crate::html::page::Html;
use crate::html::{badge, facts, table};
use crate::sections::name;

const EXPLAINED: [&str; 5] = [
    "Reserved: the value is replaced by one from a range that no real person can have.",
    "In-format: the value is replaced by another of its format, by a keyed permutation.",
    "Synthetic: the value is replaced by invented content of the same type.",
    "Kept: the value stays, for the reason that is given.",
    "Sensitive: the proof searches for each of the column's values in everything that was masked.",
];

/// Renders the sheet: the same rules as for a report, no script and nothing from elsewhere.
#[must_use]
pub fn render_sheet(sheet: &DecisionSheet) -> String {
    let title = match &sheet.plan {
        Some(plan) => format!("Decision sheet for district {}", plan.district),
        None => "Decision sheet of the estate".to_owned(),
    };
    Html::document(&title, |html| {
        // Ten columns want a sheet of paper on its side.
        html.within("div", &[("class", "wide")], |html| {
            page(html, sheet, &title);
        });
    })
}

fn page(html: &mut Html, sheet: &DecisionSheet, title: &str) {
    html.within("header", &[], |html| {
        html.leaf("p", &[("class", "kicker")], "redistrict");
        html.leaf("h1", &[], title);
        figures(html, sheet);
    });
    html.within("main", &[], |html| {
        section(html, "bound", "What this sheet is bound to", |html| {
            bound(html, sheet);
        });
        section(html, "classes", "Columns by class", |html| {
            table(html, &classes(&sheet.columns));
        });
        attention(html, sheet);
        section(html, "columns", "Every column", |html| {
            html.within("ul", &[], |html| {
                EXPLAINED.iter().for_each(|line| html.leaf("li", &[], line));
            });
            table(
                html,
                &columns("Every column's decision", sheet.columns.iter()),
            );
        });
        section(html, "signature", "Approval", |html| signature(html, sheet));
    });
    html.leaf(
        "footer",
        &[],
        "This sheet holds names and decisions, and no value of a row. It loads nothing and works \
             without a network.",
    );
}

fn section(html: &mut Html, id: &'static str, title: &str, inside: impl FnOnce(&mut Html)) {
    html.within("section", &[("aria-labelledby", id)], |html| {
        html.leaf("h2", &[("id", id)], title);
        inside(html);
    });
}

fn figures(html: &mut Html, sheet: &DecisionSheet) {
    let tables: BTreeSet<_> = sheet.columns.iter().map(|column| &column.table).collect();
    let sensitive = sheet.columns.iter().filter(|column| column.is_sensitive);
    let all = sheet.columns.len();
    html.within("dl", &[("class", "figures")], |html| {
        for (label, number, unit) in [
            (
                "Columns",
                all,
                format!("of {}", counted(tables.len() as u64, "table")),
            ),
            ("Masked", sheet.masked(), "columns".to_owned()),
            (
                "Kept",
                all - sheet.masked(),
                "columns, each with a reason".to_owned(),
            ),
            (
                "Sensitive",
                sensitive.count(),
                "columns searched for by the proof".to_owned(),
            ),
        ] {
            html.within("div", &[], |html| {
                html.leaf("dt", &[], label);
                html.within("dd", &[], |html| {
                    html.text(&thousands(number as u64));
                    html.leaf("small", &[], &unit);
                });
            });
        }
    });
}

fn bound(html: &mut Html, sheet: &DecisionSheet) {
    let mut all = vec![Fact::code("Decisions", sheet.decisions_digest.clone())];
    match &sheet.plan {
        Some(plan) => {
            all.push(Fact::new("District", plan.district.to_string()));
            all.push(Fact::code("Plan", plan.digest.0.clone()));
        }
        None => all.push(Fact::new("District", "every district of the estate")),
    }
    all.push(Fact::new("Made at", sheet.made_at.clone()));
    all.push(Fact::new("Key version", sheet.key_version.to_string()));
    facts(html, &all);
    html.leaf(
        "p",
        &[],
        "The digest of the decisions is SHA-256 of everything on this sheet that is decided. It stands in \
         the report of each run under \"Decision sheet\": a run went by these decisions if, and only if, \
         the two are equal.",
    );
    if sheet.basis == SheetBasis::ProdAlone {
        html.within("p", &[], |html| {
            badge(html, "PROVISIONAL", "WARNING");
            html.text(
                " Decided from PROD alone: a store has no target yet, and CERT's catalog may still change \
                 a mask. Make the sheet again before it is signed.",
            );
        });
    }
}

fn classes(columns: &[SheetColumn]) -> Table {
    let mut classes: BTreeMap<ColumnClass, [u64; 3]> = BTreeMap::new();
    for column in columns {
        let numbers = classes.entry(column.class).or_default();
        numbers[0] += 1;
        numbers[1] += u64::from(column.kind != MaskKind::Kept);
        numbers[2] += u64::from(column.kind == MaskKind::Kept);
    }
    let bars: Vec<u64> = classes.values().map(|numbers| numbers[0]).collect();
    let rows = classes.iter().map(|(class, numbers)| {
        let mut row = vec![name(class)];
        row.extend(numbers.map(thousands));
        row
    });
    let heads = [
        ("Class", Cells::Code),
        ("Columns", Cells::Number),
        ("Masked", Cells::Number),
        ("Kept", Cells::Number),
    ];
    Table::new("How many columns of each class", heads, rows).with_bars(bars)
}

/// What a reader should look at first: kept by a person's word, and recognised by nothing.
fn attention(html: &mut Html, sheet: &DecisionSheet) {
    let declared = |column: &&SheetColumn| {
        column.kind == MaskKind::Kept && column.provenance == Provenance::User
    };
    let unknown = |column: &&SheetColumn| {
        column.class == ColumnClass::Unknown && column.kind != MaskKind::Kept
    };
    section(html, "kept", "Kept by somebody's decision", |html| {
        listed(
            html,
            "Columns kept by decision",
            sheet.columns.iter().filter(declared),
        );
    });
    section(
        html,
        "unknown",
        "Recognised by nothing, so masked",
        |html| {
            listed(
                html,
                "Columns of no known class",
                sheet.columns.iter().filter(unknown),
            );
        },
    );
}

fn listed<'a>(
    html: &mut Html,
    caption: &'static str,
    found: impl Iterator<Item = &'a SheetColumn>,
) {
    let found: Vec<&SheetColumn> = found.collect();
    match found.is_empty() {
        true => html.leaf("p", &[], "None."),
        false => table(html, &columns(caption, found.into_iter())),
    }
}

fn columns<'a>(caption: &'static str, columns: impl Iterator<Item = &'a SheetColumn>) -> Table {
    let rows = columns.map(|column| {
        vec![
            column.table.column(&column.column).to_string(),
            name(column.class),
            name(column.mask),
            name(column.kind),
            yes_or_no(column.is_sensitive),
            name(column.provenance),
            column.source_type.clone(),
            yes_or_no(column.is_nullable),
            column.key_or_reference(),
            column.whole_reason(),
        ]
    });
    let heads = [
        ("Column", Cells::Code),
        ("Class", Cells::Word),
        ("Mask", Cells::Word),
        ("Kind", Cells::Word),
        ("Sensitive", Cells::Word),
        ("Decided by", Cells::Word),
        ("Type", Cells::Word),
        ("Nullable", Cells::Word),
        ("Key or reference", Cells::Code),
        ("Reason", Cells::Text),
    ];
    Table::new(caption, heads, rows)
}

fn signature(html: &mut Html, sheet: &DecisionSheet) {
    html.leaf(
        "p",
        &[],
        "I have read this sheet and approve what it decides about every column.",
    );
    html.within("p", &[], |html| {
        html.text("Decisions: ");
        html.leaf("code", &[], &sheet.decisions_digest);
    });
    if let Some(plan) = &sheet.plan {
        html.within("p", &[], |html| {
            html.text("Plan: ");
            html.leaf("code", &[], &plan.digest.0);
        });
    }
    for _signer in 0..2 {
        html.within("div", &[("class", "sign")], |html| {
            for line in ["Name", "Role", "Date", "Signature"] {
                html.leaf("div", &[], line);
            }
        });
    }
}
