//! `docs/reference/types.md`, from the table of types.

use redistrict_store::arrow_type;

use super::{KeyUse, TypeEntry, postgres};

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

Not generated yet; `stores/sqlite/src/types.rs` holds the rules.
";

const NEO4J: &str = "
## Neo4j

Not generated yet.
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
    text.push_str(NEO4J);
    text
}

/// One row of a table of types.
fn row(one: &TypeEntry) -> String {
    let column_type = match one.element {
        Some(element) => format!("{:?} of {element:?}", one.column_type),
        None => format!("{:?}", one.column_type),
    };
    let travels = match arrow_type(one.column_type).map(|arrow| arrow.to_string()) {
        Some(text) if text == "Utf8" => "exact text".to_owned(),
        Some(arrow) => arrow,
        None => "refused".to_owned(),
    };
    let key = match one.key {
        KeyUse::Yes => "yes",
        KeyUse::Refused => "refused by name",
        KeyUse::Impossible => "no order",
    };
    format!(
        "| `{}` | {column_type} | {travels} | {key} | {} |\n",
        one.name, one.note
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
        let mut names: Vec<&str> = postgres::all().map(|one| one.name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
