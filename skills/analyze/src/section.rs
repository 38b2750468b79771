//! The plan's extract section: which tables move, with which columns, in which order; and what
//! cannot move yet, by name.

use std::collections::BTreeSet;

use redistrict_closure::table_heading;
use redistrict_model::{
    Catalog, Column, ColumnType, ExtractSection, ExtractTable, Finding, Generated, Ownership, Role,
    Table, TableRef,
};

use crate::settings::Settings;

/// Builds the section. `has_rows` says which tables hold rows at all, `open` what inference could
/// not settle; what concerns a table without rows is no question yet. A table that could not move
/// and is empty has no entry: extract makes sure that it still is.
///
/// # Errors
/// Every table that would move and cannot, as findings of severity ERROR with the lines to paste.
pub fn extract_section(
    catalogs: &[Catalog],
    ownership: &Ownership,
    order: &[Vec<TableRef>],
    settings: &Settings,
    has_rows: &BTreeSet<TableRef>,
    open: &[Finding],
) -> Result<ExtractSection, Vec<Finding>> {
    let mut problems = Vec::new();
    let mut tables = Vec::new();
    for name in order.iter().flatten() {
        let Some(role) = ownership.table(name) else {
            continue;
        };
        let Some(table) = catalogs.iter().find_map(|catalog| catalog.table(name)) else {
            continue;
        };
        match role.role {
            Role::Excluded => {}
            Role::Unknown => {
                if has_rows.contains(name) {
                    problems.push(undecided(name));
                }
            }
            Role::Root | Role::Owned | Role::Shared | Role::Reference => {
                let refused = refuse(table);
                if has_rows.contains(name) {
                    problems.extend(refused);
                    tables.extend(moving(table, settings));
                } else if refused.is_empty() {
                    tables.extend(moving(table, settings));
                }
            }
        }
    }
    for finding in open {
        let is_known =
            |known: &Finding| (&known.code, &known.subject) == (&finding.code, &finding.subject);
        let is_asked = has_rows
            .iter()
            .any(|table| table.to_string() == finding.subject);
        if is_asked && !problems.iter().any(is_known) {
            problems.push(finding.clone());
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(ExtractSection {
        catalogs: catalogs.iter().map(without_estimates).collect(),
        ownership: ownership.clone(),
        tables,
    })
}

fn undecided(table: &TableRef) -> Finding {
    Finding::error(
        "undecided-table",
        table.to_string(),
        "this table holds rows and nothing says whether they belong to a district",
        0,
    )
    .with_lines([
        table_heading(table),
        "excluded = \"…the reason…\"     # or owner = [\"(column)\"], or a [[link]] with owns = true".to_owned(),
    ])
}

/// Why the table's rows cannot move; nothing if they can.
fn refuse(table: &Table) -> Vec<Finding> {
    let mut problems = Vec::new();
    for column in table.columns.iter().filter(|column| is_moved(column)) {
        if column.column_type == ColumnType::Other {
            problems.push(exclude_line(
                "type-not-available",
                table,
                match column.source_type.as_str() {
                    "" => format!(
                        "column {} has no declared type, which is not available yet",
                        column.name
                    ),
                    named => format!(
                        "column {} has the type {named}, which is not available yet",
                        column.name
                    ),
                },
            ));
        }
    }
    for key in &table.foreign_keys {
        let is_generated =
            |name: &&String| table.column(name).is_some_and(|column| !is_moved(column));
        if let Some(column) = key.columns.iter().find(is_generated) {
            problems.push(exclude_line(
                "generated-reference",
                table,
                format!(
                    "column {column} of its foreign key {} is generated, which is not available yet",
                    key.name
                ),
            ));
        }
    }
    match table.identity() {
        None => problems.push(exclude_line(
            "no-identity",
            table,
            "rows without a primary or NOT NULL unique key are not available yet".to_owned(),
        )),
        Some(identity) => {
            let is_inexact = |name: &&String| {
                table.column(name).is_some_and(|column| {
                    matches!(
                        column.column_type,
                        ColumnType::Float32 | ColumnType::Float64
                    )
                })
            };
            if let Some(column) = identity.iter().find(is_inexact) {
                problems.push(exclude_line(
                    "inexact-identity",
                    table,
                    format!("its key column {column} is a floating point number, which is not available yet"),
                ));
            }
            let is_generated =
                |name: &&String| table.column(name).is_some_and(|column| !is_moved(column));
            if let Some(column) = identity.iter().find(is_generated) {
                problems.push(exclude_line(
                    "generated-identity",
                    table,
                    format!("its key column {column} is generated, which is not available yet"),
                ));
            }
        }
    }
    if table
        .column(redistrict_artifact::MEMBERSHIP_COLUMN)
        .is_some()
    {
        problems.push(exclude_line(
            "reserved-name",
            table,
            format!(
                "its column {} has a name that artifacts use",
                redistrict_artifact::MEMBERSHIP_COLUMN
            ),
        ));
    }
    problems
}

fn exclude_line(code: &str, table: &Table, message: String) -> Finding {
    Finding::error(code, table.name.to_string(), message, 0).with_lines([
        table_heading(&table.name),
        "excluded = \"…the reason…\"".to_owned(),
    ])
}

fn is_moved(column: &Column) -> bool {
    column.generated != Generated::Stored
}

fn moving(table: &Table, settings: &Settings) -> Option<ExtractTable> {
    Some(ExtractTable {
        table: table.name.clone(),
        columns: table
            .columns
            .iter()
            .filter(|column| is_moved(column) && column.column_type != ColumnType::Other)
            .map(|column| column.name.clone())
            .collect(),
        identity: table.identity()?.to_vec(),
        max_rows: settings.max_rows.get(&table.name).copied(),
    })
}

/// Estimates change by themselves and must not change a digest.
fn without_estimates(catalog: &Catalog) -> Catalog {
    let mut catalog = catalog.clone();
    for table in &mut catalog.tables {
        table.estimated_rows = None;
    }
    catalog
}
