//! The state of CERT, read by plain clients: every row of every table as text, sorted, digested.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use redistrict_artifact::sha256_hex;
use redistrict_estate::EstateKind;
use redistrict_testkit::postgres;
use rusqlite::{Connection, OpenFlags};

use crate::world::World;

/// Table to its rows as text, sorted.
pub(crate) type Rows = BTreeMap<String, Vec<String>>;

const POSTGRES_TABLES: &str = "select format('%I.%I', schemaname, tablename) from pg_tables \
     where schemaname not in ('pg_catalog', 'information_schema') \
     and schemaname not like 'redistrict%' order by 1";

const POSTGRES_STAGING: &str = "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace \
     where n.nspname = 'redistrict_stage' and c.relkind = 'r'";

/// All rows of both stores.
pub(crate) fn rows(
    kind: EstateKind,
    urls: &[String],
    runtime: &tokio::runtime::Runtime,
) -> Result<Rows> {
    let mut all = Rows::new();
    for (number, url) in urls.iter().enumerate() {
        let store = match kind {
            EstateKind::Sqlite => sqlite_rows(Path::new(World::sqlite_path(url)))?,
            EstateKind::Postgres => runtime.block_on(postgres_rows(url))?,
        };
        all.extend(
            store
                .into_iter()
                .map(|(table, rows)| (format!("{number}.{table}"), rows)),
        );
    }
    Ok(all)
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

/// Staging tables that were left in a target.
pub(crate) fn leftovers(
    kind: EstateKind,
    urls: &[String],
    runtime: &tokio::runtime::Runtime,
) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for url in urls {
        match kind {
            EstateKind::Sqlite => {
                let path = World::sqlite_path(url);
                found.extend(sqlite_tables(
                    &open(Path::new(path))?,
                    "redistrict\\_stage%",
                )?);
                let journal = format!("{path}-journal");
                if Path::new(&journal).exists() {
                    found.push(journal);
                }
            }
            EstateKind::Postgres => {
                let rows = runtime.block_on(postgres::query(url, POSTGRES_STAGING))?;
                found.extend(rows.into_iter().flatten().flatten());
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

async fn postgres_rows(url: &str) -> Result<Rows> {
    let mut all = Rows::new();
    for table in postgres::query(url, POSTGRES_TABLES)
        .await?
        .into_iter()
        .flatten()
        .flatten()
    {
        let found = postgres::query(url, &format!("select t::text from {table} t")).await?;
        let mut rows: Vec<String> = found.into_iter().flatten().flatten().collect();
        rows.sort_unstable();
        all.insert(table, rows);
    }
    Ok(all)
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
