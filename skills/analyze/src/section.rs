//! The plan's extract section: which tables move, with which columns, in which order; and what
//! cannot move yet, by name.

use std::collections::BTreeSet;

use redistrict_closure::{fillers, reference, table_heading};
use redistrict_model::{
    Catalog, Column, ColumnType, Edge, EdgeOrigin, ExtractSection, ExtractTable, Finding,
    Generated, Ownership, Role, Table, TableRef,
};

use crate::order::table_order;
use crate::settings::Settings;

const KEYLESS_RING: &str = "it has no primary or NOT NULL unique key and its foreign keys lead back to it: \
                            nothing would tell which of its rows refers to which";

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
    let rings = keyless_rings(catalogs);
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
                    problems.push(undecided(name, catalogs, ownership));
                }
            }
            Role::Root | Role::Owned | Role::Shared | Role::Reference => {
                let mut refused = refuse(table);
                refused.extend(unlike_keys(table, catalogs, ownership));
                if rings.contains(name) {
                    refused.push(exclude_line("keyless-ring", table, KEYLESS_RING.to_owned()));
                }
                if has_rows.contains(name) {
                    problems.extend(refused);
                    tables.push(moving(table, settings));
                } else if refused.is_empty() {
                    tables.push(moving(table, settings));
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

fn undecided(table: &TableRef, catalogs: &[Catalog], ownership: &Ownership) -> Finding {
    let mut message =
        "this table holds rows and nothing says whether they belong to a district".to_owned();
    let mut reason = "…the reason…";
    if let Some(fillers) = fillers(catalogs, table) {
        message = format!("{message}; {fillers} fill it");
        reason = "triggers fill it in the target";
    }
    let excluded = format!(
        "excluded = \"{reason}\"     # or {}",
        ways(table, ownership)
    );
    Finding::error("undecided-table", table.to_string(), message, 0)
        .with_lines([table_heading(table), excluded])
}

/// What else than leaving it out settles it: the references that it has may say whose its rows are. One to a reference
/// table does only if that one is of persons, and somebody says so.
fn ways(table: &TableRef, ownership: &Ownership) -> String {
    let edges = ownership.edges.iter();
    let mut edges = edges.filter(|edge| {
        edge.child == *table && !edge.is_self() && edge.inside.is_none() && edge.when.is_empty()
    });
    let Some(edge) = edges.next() else {
        return "owner = [\"(column)\"] after a [[link]] with owns = true".to_owned();
    };
    let owner = format!("owner = [{}]", reference(edge, &ownership.edges));
    let parent = ownership.table(&edge.parent);
    match parent.is_some_and(|parent| parent.role == Role::Reference) {
        true => format!(
            "{owner}, and shared = true for {} if its rows are somebody's",
            edge.parent
        ),
        false => format!("{owner}, or a [[link]] with owns = true"),
    }
}

/// References between types that print equal values differently: keys are compared by their texts, so the
/// rows would not find each other.
fn unlike_keys(table: &Table, catalogs: &[Catalog], ownership: &Ownership) -> Vec<Finding> {
    let moves =
        |name: &TableRef| (ownership.table(name)).is_some_and(|table| table.role != Role::Excluded);
    let edges = ownership.edges.iter();
    let mut problems = Vec::new();
    for edge in edges.filter(|edge| edge.child == table.name && moves(&edge.parent)) {
        let Some(parent) = catalogs.iter().find_map(|one| one.table(&edge.parent)) else {
            continue;
        };
        for (from, to) in edge.child_columns.iter().zip(&edge.parent_columns) {
            let (Some(from), Some(to)) = (table.column(from), parent.column(to)) else {
                continue;
            };
            let is_declared = edge.origin == EdgeOrigin::ForeignKey;
            if prints_otherwise(from, to) || is_declared && pads_otherwise(from, to) {
                let message = format!(
                    "its reference {} compares {} ({}) with {} of {} ({}): equal values of these types are \
                     written differently, which is not available yet",
                    edge.name, from.name, from.source_type, to.name, parent.name, to.source_type
                );
                problems.push(exclude_line("unlike-keys", table, message));
            }
        }
    }
    problems
}

/// `char(n)` compares without the blanks at the end, a text with them: a server that takes one for the other
/// finds rows that texts do not. The two sorts of hardware addresses are compared by their longer form.
fn pads_otherwise(a: &Column, b: &Column) -> bool {
    let is_char = |column: &Column| column.column_type == ColumnType::Char;
    let is_text = |column: &Column| column.column_type == ColumnType::Text;
    let is_hardware = |column: &Column| column.source_type.starts_with("macaddr");
    (is_char(a) && is_text(b) || is_text(a) && is_char(b))
        || is_hardware(a) && is_hardware(b) && a.source_type != b.source_type
}

/// Values of these columns can be equal and have different texts.
pub(crate) fn prints_otherwise(a: &Column, b: &Column) -> bool {
    let is_moment = |column: &Column| {
        matches!(
            column.column_type,
            ColumnType::Date
                | ColumnType::Time
                | ColumnType::Timestamp
                | ColumnType::TimestampTz
                | ColumnType::Interval
                | ColumnType::DateTimeText
        )
    };
    // `+01` and `+01:00`; a text can hold any form.
    let zone = |column: &Column| {
        let of_times = ["with time zone", "ZONED"].into_iter();
        let mut zones = of_times.filter(|zone| column.source_type.contains(zone));
        (column.column_type == ColumnType::Time).then(|| zones.next())
    };
    let is_text = |column: &Column| column.column_type == ColumnType::Text;
    let is_stamp = |column: &Column| column.column_type == ColumnType::Timestamp;
    // regclass, regtype and the like print names, oid prints their numbers.
    let is_alias = |column: &Column| column.source_type.starts_with("reg");
    (is_moment(a) && is_moment(b) && (a.column_type != b.column_type || zone(a) != zone(b)))
        || (is_text(a) && is_stamp(b) || is_stamp(a) && is_text(b))
        || is_alias(a) != is_alias(b)
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
    problems.extend(table.identity().and_then(|key| refused_key(table, key)));
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

fn refused_key(table: &Table, key: &[String]) -> Option<Finding> {
    let find = |is_meant: &dyn Fn(&Column) -> bool| {
        key.iter()
            .filter_map(|name| table.column(name))
            .find(|column| is_meant(column))
    };
    let is_inexact = |column: &Column| {
        matches!(
            column.column_type,
            ColumnType::Float32 | ColumnType::Float64
        )
    };
    if let Some(column) = find(&is_inexact) {
        return Some(exclude_line(
            "inexact-identity",
            table,
            format!(
                "its key column {} is a floating point number, which is not available yet",
                column.name
            ),
        ));
    }
    let column = find(&|column| !is_moved(column))?;
    Some(exclude_line(
        "generated-identity",
        table,
        format!(
            "its key column {} is generated, which is not available yet",
            column.name
        ),
    ))
}

/// Keyless tables in a ring of foreign keys, or with one to themselves: their rows would have to be
/// written in two steps, and the second could not say which of them it means.
fn keyless_rings(catalogs: &[Catalog]) -> BTreeSet<&TableRef> {
    let tables: Vec<&Table> = catalogs.iter().flat_map(|one| &one.tables).collect();
    let edges: Vec<Edge> = redistrict_closure::build_edges(catalogs, &[]);
    let names = tables.iter().map(|table| &table.name);
    let rings: BTreeSet<TableRef> = table_order(names, &edges)
        .into_iter()
        .filter(|set| set.len() > 1)
        .flatten()
        .collect();
    let is_in_ring = |table: &&&Table| {
        let is_self = edges
            .iter()
            .any(|edge| edge.is_self() && edge.child == table.name);
        table.identity().is_none() && (is_self || rings.contains(&table.name))
    };
    tables
        .iter()
        .filter(is_in_ring)
        .map(|table| &table.name)
        .collect()
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

fn moving(table: &Table, settings: &Settings) -> ExtractTable {
    ExtractTable {
        table: table.name.clone(),
        columns: table
            .columns
            .iter()
            .filter(|column| is_moved(column) && column.column_type != ColumnType::Other)
            .map(|column| column.name.clone())
            .collect(),
        identity: table.identity().unwrap_or_default().to_vec(),
        max_rows: settings.max_rows.get(&table.name).copied(),
    }
}

/// Estimates change by themselves and must not change a digest.
fn without_estimates(catalog: &Catalog) -> Catalog {
    let mut catalog = catalog.clone();
    for table in &mut catalog.tables {
        table.estimated_rows = None;
    }
    catalog
}

#[cfg(test)]
mod tests {
    use redistrict_model::{ForeignKey, StoreKind, StoreName, TableKind, TableRole, Unique};

    use super::*;

    fn name(table: &str) -> TableRef {
        TableRef::new(&StoreName::new("s"), "main", table)
    }

    fn table(called: &str, key: &[&str], references: &[(&str, &str)]) -> Table {
        let column = |called: &str| Column {
            name: called.to_owned(),
            source_type: "integer".into(),
            column_type: ColumnType::Int64,
            nullable: true,
            generated: Generated::No,
            has_default: false,
            max_length: None,
            labels: Vec::new(),
            element: None,
        };
        let strings = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let mut columns = vec![column("id")];
        columns.extend(references.iter().map(|(by, _)| column(by)));
        Table {
            name: name(called),
            kind: TableKind::Table,
            columns,
            primary_key: (!key.is_empty()).then(|| strings(key)),
            uniques: vec![Unique {
                name: "u".into(),
                columns: strings(&["id"]),
            }],
            foreign_keys: (references.iter())
                .map(|(by, parent)| ForeignKey {
                    name: format!("{by}_fk"),
                    columns: strings(&[by]),
                    parent: name(parent),
                    parent_columns: strings(&["id"]),
                    on_delete_cascade: false,
                    deferrable: false,
                    validated: true,
                    when: Vec::new(),
                })
                .collect(),
            checks: Vec::new(),
            exclusions: Vec::new(),
            triggers: Vec::new(),
            row_security: false,
            inherits: None,
            estimated_rows: None,
        }
    }

    fn section(tables: Vec<Table>) -> Result<ExtractSection, Vec<Finding>> {
        let names: Vec<TableRef> = tables.iter().map(|table| table.name.clone()).collect();
        let role = |table: &TableRef| TableRole {
            table: table.clone(),
            role: Role::Owned,
            owners: Vec::new(),
            org: None,
            tier: Some(0),
            decided: false,
            pair: false,
            in_doubt: false,
            whole: false,
            measured: None,
            reason: String::new(),
        };
        let ownership = Ownership {
            root: name("roots"),
            root_key: vec!["id".to_owned()],
            tables: names.iter().map(role).collect(),
            edges: Vec::new(),
        };
        let catalog = Catalog {
            store: StoreName::new("s"),
            kind: StoreKind::Sqlite,
            version: String::new(),
            tables,
        };
        let has_rows = names.iter().cloned().collect();
        let settings = Settings::default();
        extract_section(&[catalog], &ownership, &[names], &settings, &has_rows, &[])
    }

    #[test]
    fn only_equal_values_with_equal_texts_refer_to_each_other() {
        use ColumnType::{Date, Int32, Int64, Text, Time, Timestamp, TimestampTz, Verbatim};
        let zoned = (Time, "time(3) with time zone");
        let column = |(column_type, source_type): (ColumnType, &str)| Column {
            column_type,
            source_type: source_type.into(),
            ..table("t", &["id"], &[]).columns.remove(0)
        };
        for (a, b, expected) in [
            ((Date, "date"), (Timestamp, "timestamp"), true),
            ((Timestamp, "timestamp"), (TimestampTz, "timestamptz"), true),
            ((Verbatim, "regclass"), (Int64, "oid"), true),
            ((Time, "time without time zone"), zoned, true),
            ((Time, "ZONED TIME"), zoned, true),
            ((Time, "LOCAL TIME"), zoned, true),
            ((Time, "time with time zone"), zoned, false),
            ((Time, "LOCAL TIME"), (Time, "time"), false),
            ((Text, "TEXT"), (Timestamp, "DATETIME"), true),
            ((Text, "TEXT"), (Date, "DATE"), false),
            ((Date, "date"), (Date, "date"), false),
            ((Int32, "integer"), (Int64, "bigint"), false),
            ((Text, "text"), (Int64, "bigint"), false),
        ] {
            assert_eq!(prints_otherwise(&column(a), &column(b)), expected, "{a:?}");
            assert_eq!(prints_otherwise(&column(b), &column(a)), expected, "{b:?}");
        }
    }

    #[test]
    fn a_table_without_a_key_moves_and_has_no_identity() {
        let roots = table("roots", &["id"], &[]);
        let events = table("events", &[], &[("root", "roots")]);
        let visits = table("visits", &["id"], &[("event", "events")]);
        let section = section(vec![roots, events, visits]).unwrap();
        let identities: Vec<usize> = section
            .tables
            .iter()
            .map(|one| one.identity.len())
            .collect();
        assert_eq!(identities, [1, 0, 1]);
        assert_eq!(section.tables[1].columns, ["id", "root"]);
    }

    #[test]
    fn a_table_without_a_key_in_a_ring_is_refused_by_name() {
        let itself = table("itself", &[], &[("up", "itself")]);
        let here = table("here", &[], &[("x", "there")]);
        let there = table("there", &["id"], &[("x", "here")]);
        let keyed = table("keyed", &["id"], &[("up", "keyed")]);
        let findings = section(vec![itself, here, there, keyed]).unwrap_err();
        let found: Vec<(&str, &str)> = (findings.iter())
            .map(|finding| (finding.code.as_str(), finding.subject.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("keyless-ring", "s.main.itself"),
                ("keyless-ring", "s.main.here")
            ]
        );
    }
}
