//! Rows that CERT's server refuses: which table, constraint or trigger it was, by name, and what to do. The
//! server's message is not passed on: it quotes rows.

use redistrict_model::{Table, TableKind, TableRef};
use redistrict_store::StoreError;
use tokio_postgres::error::DbError;

use crate::error::{failed, failed_at};

/// Maps a refused write of rows of these tables; `what` fits after "failed to".
pub(super) fn refused(what: &str, tables: &[&Table], error: &tokio_postgres::Error) -> StoreError {
    let Some(server) = error.as_db_error() else {
        return match tables {
            [one] => failed_at(what, &one.name, error),
            _ => failed(what, error),
        };
    };
    let named = tables
        .iter()
        .find(|one| is_named(server, &one.name))
        .copied();
    let at = match (named, tables) {
        (Some(table), _) => Some(table),
        (None, [one]) => Some(*one),
        _ => None,
    };
    let mapped = match at {
        Some(table) => failed_at(what, &table.name, error),
        None => failed(what, error),
    };
    let of = at.map_or_else(|| tables.to_vec(), |table| vec![table]);
    let refusal = Refusal {
        state: server.code().code(),
        constraint: server.constraint(),
        column: server.column(),
        table: server.schema().zip(server.table()),
        is_ours: named.is_some() || of.iter().any(|one| one.kind == TableKind::Partitioned),
    };
    match hint(&refusal, &of) {
        Some(hint) => mapped.with_hint(hint),
        None => mapped,
    }
}

fn is_named(server: &DbError, table: &TableRef) -> bool {
    let named = server.schema().zip(server.table());
    named == Some((&table.schema, &table.table))
}

/// What the server tells, without its message.
#[derive(Clone, Copy, Debug)]
struct Refusal<'a> {
    state: &'a str,
    constraint: Option<&'a str>,
    column: Option<&'a str>,
    /// The server names it where it refuses by itself, and a function that refuses seldom does.
    table: Option<(&'a str, &'a str)>,
    /// The table is one of those that are written, or may be a partition of one.
    is_ours: bool,
}

/// What to do about it; none where the state says enough. `tables` are those that it may be about.
fn hint(refusal: &Refusal<'_>, tables: &[&Table]) -> Option<String> {
    let constraint = refusal.constraint.unwrap_or_default();
    let elsewhere = refusal.table.filter(|_| !refusal.is_ours);
    if let (Some((schema, table)), false) = (elsewhere, constraint.is_empty()) {
        return Some(match refusal.state {
            "23503" => format!(
                "foreign key {constraint} of {schema}.{table} in CERT: its rows refer to a row whose key is changed, or a trigger writes rows without a partner{}",
                triggers_of(tables)
            ),
            _ => format!(
                "{constraint} is a constraint of {schema}.{table}, which a trigger of CERT writes{}: put it right there, or disable the trigger",
                triggers_of(tables)
            ),
        });
    }
    Some(match (refusal.state, constraint) {
        ("23505", name) if !name.is_empty() => format!(
            "unique key {name} in CERT: two of the rows, or one of them and a row of CERT, have the same values; look at its definition there (one over expressions or over some of the rows is checked by the server only)"
        ),
        ("23514", name) if !name.is_empty() => format!(
            "CHECK {name} in CERT does not allow what PROD or a mask gives: change the mask of its columns, or the constraint in CERT"
        ),
        ("23503", name) if !name.is_empty() => format!(
            "foreign key {name} in CERT: a row refers to one that CERT does not have; bring the rows it refers to, or drop the key in CERT if PROD has none"
        ),
        ("23P01", name) if !name.is_empty() => format!(
            "exclusion constraint {name} in CERT: two of the rows, or one of them and a row of CERT, exclude each other; change the mask of its columns, or the constraint in CERT"
        ),
        ("23502", _) => format!(
            "column {} is NOT NULL in CERT and got no value: give it a default there, or let it be NULL",
            refusal.column.unwrap_or_default()
        ),
        ("22001", _) => "a text is longer than its column in CERT: make the column as long as PROD's (in SQL_ASCII lengths count bytes)".to_owned(),
        ("54000", _) => "a row or an entry of an index is longer than the server can store: exclude the table, or change the masks that make its texts longer".to_owned(),
        ("0A000", _) => "where the table has a rule in CERT: drop it there, or disable it (alter table … disable rule …)".to_owned(),
        ("23514", "") if refusal.table.is_some() => "no partition of the table in CERT takes a row: add one there (a default partition takes every row)".to_owned(),
        (state, "") if is_raised(state) => format!(
            "a trigger or a function of CERT refused a row{}: disable it there, or change the mask of what it looks at",
            triggers_of(tables)
        ),
        _ => return None,
    })
}

/// States that functions raise themselves.
fn is_raised(state: &str) -> bool {
    state.starts_with("P0") || state.starts_with("23")
}

/// The triggers that fire for rows of these tables, in parentheses.
pub(super) fn triggers_of(tables: &[&Table]) -> String {
    let named = tables.iter().filter_map(|table| {
        let names = table.firing_triggers();
        (!names.is_empty()).then(|| format!("{}: {}", table.name, names.join(", ")))
    });
    let named: Vec<String> = named.collect();
    match named.is_empty() {
        true => String::new(),
        false => format!(" (triggers of {})", named.join("; ")),
    }
}
