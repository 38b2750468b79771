//! `docs/reference/types.md`, from the table of types.

use redistrict_model::ColumnType;
use redistrict_store::arrow_type;

use super::{KeyUse, TypeEntry, files, graph, postgres};

/// Where the page stands in the repository.
pub const PAGE_PATH: &str = "docs/reference/types.md";

const HEAD: &str = "# Types

Generated from the table that the value round trips use (`crates/testkit/src/types`); write it anew with
`cargo run -p redistrict-proofs --bin types-page`.

Every value moves exactly: what Arrow holds travels as itself, everything else as the exact text that the server
prints, and the type that the server names stays with it.

A single value over 32 MB is refused in the plan, with table, column and number of rows, and so is a time after
294247-01-10 04:00:54.775806.

As a key: whether rows are found and linked by the type. \"refused by name\": the server may find two values equal
that print differently, such as letters of another case, so that a reference could be missed. \"no order\": the
server itself allows no such key.
";

const POSTGRES: &str = "
## PostgreSQL

Types of your own and types of extensions stand here as examples. Refused, because the server does not read
back what it prints: `pg_node_tree`, `pg_ndistinct`, `pg_dependencies`, `pg_mcv_list`, `pg_brin_*_summary`,
`gtsvector`, `anyarray`, the inner types of index extensions (`gtrgm`, `ghstore`, `gbtreekey*`), and whatever is made
of them.

| PostgreSQL type | column type | travels as | as a key | note |
|---|---|---|---|---|
";

const SQLITE: &str = "
## SQLite

By the declared type, whatever its letters: first by name, then by SQLite's own rules of affinity. Any class of value may
stand in any column: a value that is not stored as its column's type says stops the extraction, with table and
column. A column of a type that is refused stops the plan.

| declared type | column type | travels as | note |
|---|---|---|---|
";

const NEO4J: &str = "
## Neo4j

A property has no declared type: its column has the types that its values have, of all rows. Keys that are
booleans, integers or texts are looked up by the index of their constraint, others by a pass over the label or
type.

| types of a property's values | column type | travels as | note |
|---|---|---|---|
";

/// The whole page.
#[must_use]
pub fn page() -> String {
    let mut text = String::from(HEAD);
    text.push_str(POSTGRES);
    for one in postgres::all() {
        text.push_str(&row(one));
    }
    text.push_str(SQLITE);
    for one in files::all() {
        let name = if one.declared.is_empty() {
            "(none)".to_owned()
        } else {
            format!("`{}`", one.declared)
        };
        text.push_str(&keyless_row(&name, (one.column_type, None), one.note));
    }
    text.push_str(NEO4J);
    for one in graph::all() {
        let name = format!("`{}`", one.name);
        text.push_str(&keyless_row(
            &name,
            (one.column_type, one.element),
            one.note,
        ));
    }
    text
}

fn keyless_row(name: &str, column_type: (ColumnType, Option<ColumnType>), note: &str) -> String {
    let (shown, travels) = (shown(column_type), travels(column_type.0));
    format!("| {name} | {shown} | {travels} | {note} |\n")
}

fn shown((column_type, element): (ColumnType, Option<ColumnType>)) -> String {
    match (column_type, element) {
        (_, Some(element)) => format!("{column_type:?} of {element:?}"),
        (ColumnType::Other, None) => "none".to_owned(),
        (_, None) => format!("{column_type:?}"),
    }
}

fn travels(column_type: ColumnType) -> String {
    match arrow_type(column_type).map(|arrow| arrow.to_string()) {
        Some(text) if text == "Utf8" => "exact text".to_owned(),
        Some(arrow) => arrow,
        None => "refused".to_owned(),
    }
}

/// One row of a table of types.
fn row(one: &TypeEntry) -> String {
    let key = match one.key {
        KeyUse::Yes => "yes",
        KeyUse::Refused => "refused by name",
        KeyUse::Impossible => "no order",
    };
    format!(
        "| `{}` | {} | {} | {key} | {} |\n",
        one.name,
        shown((one.column_type, one.element)),
        travels(one.column_type),
        one.note
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_the_repository_is_the_generated_one() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let stored = std::fs::read_to_string(root.join(PAGE_PATH)).unwrap_or_default();
        assert!(
            stored == page(),
            "{PAGE_PATH} is stale: cargo run -p redistrict-proofs --bin types-page"
        );
    }

    #[test]
    fn every_type_stands_in_the_table_once() {
        let of_postgres = postgres::all().map(|one| one.name);
        let of_files = files::all().map(|one| one.declared);
        let of_graphs = graph::all().map(|one| one.name);
        for mut names in [
            of_postgres.collect::<Vec<&str>>(),
            of_files.collect(),
            of_graphs.collect(),
        ] {
            names.sort_unstable();
            let all = names.len();
            names.dedup();
            assert_eq!(names.len(), all);
        }
    }
}
