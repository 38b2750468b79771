//! The state of CERT, read by plain clients: every row of every table as text, sorted, digested.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use redistrict_artifact::sha256_hex;
use redistrict_estate::{EstateKind, StoreId};
use redistrict_testkit::neo4j::{Graph, Parameters, ValueReceive};
use redistrict_testkit::postgres;
use rusqlite::{Connection, OpenFlags};
use tokio::runtime::Runtime;
use tokio_postgres::SimpleQueryMessage;

use crate::world::World;

/// A store that is looked at: its name, what it is and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: EstateKind,
    pub(crate) url: &'a str,
}

impl<'a> Place<'a> {
    fn of((store, kind, url): (StoreId, EstateKind, &'a str)) -> Self {
        let name = store.as_str();
        Self { name, kind, url }
    }

    /// The file of a store that is one.
    pub(crate) fn path(&self) -> &'a Path {
        Path::new(self.url.strip_prefix("sqlite:").unwrap_or(self.url))
    }
}

/// Table to its rows as text, sorted.
pub(crate) type Rows = BTreeMap<String, Vec<String>>;

const POSTGRES_TABLES: &str = "select format('%I.%I', schemaname, tablename) from pg_tables \
     where schemaname not in ('pg_catalog', 'information_schema') \
     and schemaname not like 'redistrict%' order by 1";

const POSTGRES_LEFT: &str = "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace \
     where n.nspname = 'redistrict_stage' and c.relkind = 'r' \
     union all select gid from pg_prepared_xacts where database = current_database()";

const GRAPH_STAGING: &str = "match (n:RedistrictPart) return count(n)";

/// Nodes with labels and properties, then relationships with their ends.
const GRAPH_ROWS: [(&str, &str); 2] = [
    (
        "node",
        "match (n) where none(l in labels(n) where l starts with 'Redistrict') \
         return labels(n), properties(n)",
    ),
    (
        "rel",
        "match (a)-[r]->(b) where none(l in labels(a) where l starts with 'Redistrict') \
         return type(r), properties(r), labels(a), properties(a), labels(b), properties(b)",
    ),
];

/// All rows of CERT's stores.
pub(crate) fn rows(world: &World, runtime: &Runtime) -> Result<Rows> {
    rows_in(world.stores().map(Place::of), runtime)
}

/// All rows of PROD's stores.
pub(crate) fn source_rows(world: &World, runtime: &Runtime) -> Result<Rows> {
    rows_in(world.sources().map(Place::of), runtime)
}

/// All rows of stores.
pub(crate) fn rows_in<'a>(
    places: impl IntoIterator<Item = Place<'a>>,
    runtime: &Runtime,
) -> Result<Rows> {
    let mut all = Rows::new();
    for place in places {
        let found = match place.kind {
            EstateKind::Sqlite => sqlite_rows(place.path())?,
            EstateKind::Postgres => runtime.block_on(postgres_rows(place.url))?,
            EstateKind::Neo4j => runtime.block_on(graph_rows(place.url))?,
        };
        let named = |(table, rows)| (format!("{}.{table}", place.name), rows);
        all.extend(found.into_iter().map(named));
    }
    Ok(all)
}

/// The rows of one store among those of several.
pub(crate) fn of_store(rows: &Rows, store: &str) -> Rows {
    let is_of = |table: &String| {
        table
            .strip_prefix(store)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    let found = rows.iter().filter(|(table, _)| is_of(table));
    found.map(|(t, r)| (t.clone(), r.clone())).collect()
}

/// One digest over everything.
pub(crate) fn digest(rows: &Rows) -> String {
    let text: Vec<String> = rows
        .iter()
        .map(|(table, rows)| format!("{table}\n{}", rows.join("\n")))
        .collect();
    sha256_hex(text.join("\n\n").as_bytes())
}

/// Rows of `before` that are not in `after`, as a number.
pub(crate) fn lost(before: &Rows, after: &Rows) -> usize {
    before
        .iter()
        .map(|(table, rows)| {
            let mut left: BTreeMap<&str, usize> = BTreeMap::new();
            for row in after.get(table).into_iter().flatten() {
                *left.entry(row).or_default() += 1;
            }
            rows.iter()
                .filter(|row| match left.get_mut(row.as_str()) {
                    Some(count) if *count > 0 => {
                        *count -= 1;
                        false
                    }
                    _ => true,
                })
                .count()
        })
        .sum()
}

/// Staging and prepared commits that were left in the stores of CERT.
pub(crate) fn leftovers(world: &World, runtime: &Runtime) -> Result<Vec<String>> {
    leftovers_in(world.stores().map(Place::of), runtime)
}

/// The same in any stores.
pub(crate) fn leftovers_in<'a>(
    places: impl IntoIterator<Item = Place<'a>>,
    runtime: &Runtime,
) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for place in places {
        match place.kind {
            EstateKind::Sqlite => {
                let path = place.path();
                found.extend(sqlite_tables(&open(path)?, "redistrict\\_stage%")?);
                let journal = format!("{}-journal", path.display());
                if Path::new(&journal).exists() {
                    found.push(journal);
                }
            }
            EstateKind::Postgres => {
                let rows = runtime.block_on(postgres::query(place.url, POSTGRES_LEFT))?;
                found.extend(rows.into_iter().flatten().flatten());
            }
            EstateKind::Neo4j => {
                let parts = runtime.block_on(Graph::connect(place.url).count(GRAPH_STAGING));
                if parts > 0 {
                    found.push(format!("{parts} staged parts in {}", place.name));
                }
            }
        }
    }
    Ok(found)
}

/// Temporary files below a directory.
pub(crate) fn temporary_files(dir: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("read {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(temporary_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "tmp") {
            found.push(path.display().to_string());
        }
    }
    Ok(found)
}

fn open(path: &Path) -> Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .with_context(|| format!("open {}", path.display()))
}

fn sqlite_tables(connection: &Connection, like: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare(
        "select name from sqlite_master where type = 'table' and name like ?1 escape '\\' order by 1",
    )?;
    let names = statement.query_map([like], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

fn sqlite_rows(path: &Path) -> Result<Rows> {
    let connection = open(path)?;
    let mut all = Rows::new();
    for table in sqlite_tables(&connection, "%")? {
        if table.starts_with("redistrict_") || table.starts_with("sqlite_") {
            continue;
        }
        let quoted = format!("\"{}\"", table.replace('"', "\"\""));
        let mut statement = connection.prepare(&format!("select * from {quoted}"))?;
        let width = statement.column_count();
        let mut rows: Vec<String> = statement
            .query_map([], |row| {
                (0..width)
                    .map(|at| Ok(format!("{:?}", row.get_ref(at)?)))
                    .collect::<Result<Vec<_>, _>>()
            })?
            .map(|cells| cells.map(|cells| cells.join("|")))
            .collect::<Result<_, _>>()?;
        rows.sort_unstable();
        all.insert(table, rows);
    }
    Ok(all)
}

async fn graph_rows(url: &str) -> Result<Rows> {
    let graph = Graph::connect(url);
    let mut all = Rows::new();
    for (table, cypher) in GRAPH_ROWS {
        let found = graph.try_query(cypher, Parameters::new()).await?;
        let text = |row: Vec<ValueReceive>| {
            let cells: Vec<String> = row.iter().map(value_text).collect();
            cells.join("|")
        };
        let mut rows: Vec<String> = found.into_iter().map(text).collect();
        rows.sort_unstable();
        all.insert(table.to_owned(), rows);
    }
    Ok(all)
}

/// The same value has the same text: maps and lists of labels have no order of their own.
fn value_text(value: &ValueReceive) -> String {
    match value {
        ValueReceive::Map(map) => {
            let sorted: BTreeMap<&String, String> = map
                .iter()
                .map(|(name, value)| (name, format!("{value:?}")))
                .collect();
            format!("{sorted:?}")
        }
        ValueReceive::List(labels) => {
            let mut sorted: Vec<String> = labels.iter().map(|one| format!("{one:?}")).collect();
            sorted.sort_unstable();
            sorted.join(",")
        }
        other => format!("{other:?}"),
    }
}

async fn postgres_rows(url: &str) -> Result<Rows> {
    let found = postgres::with_client(url, async |client| {
        let mut all = Rows::new();
        for table in texts(client.simple_query(POSTGRES_TABLES).await?) {
            let sql = format!("select t::text from {table} t");
            let mut rows = texts(client.simple_query(&sql).await?);
            rows.sort_unstable();
            all.insert(table, rows);
        }
        Ok(all)
    });
    Ok(found.await?)
}

/// The first column of what came back.
pub(crate) fn texts(messages: Vec<SimpleQueryMessage>) -> Vec<String> {
    let text = |message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    };
    messages.into_iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_gone_or_changed_is_lost_even_among_equal_ones() {
        let rows = |rows: &[&str]| {
            Rows::from([(
                "t".to_owned(),
                rows.iter().map(|row| (*row).to_owned()).collect(),
            )])
        };
        assert_eq!(lost(&rows(&["a", "a"]), &rows(&["a", "b"])), 1);
        assert_eq!(lost(&rows(&["a"]), &rows(&["a", "b"])), 0);
        assert_ne!(digest(&rows(&["a"])), digest(&rows(&["b"])));
    }
}
