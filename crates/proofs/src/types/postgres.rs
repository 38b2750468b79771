//! The PostgreSQL side. The oracle is what each server prints of a value inside of a row: the type's
//! output function, never a cast.

use anyhow::{Context, Result};
use redistrict_model::{StoreName, TableRef};
use redistrict_postgres::{PostgresSource, PostgresTarget};
use redistrict_store::SourceStore as _;
use redistrict_testkit::postgres::{RoleKind, TestServer};
use redistrict_testkit::types::{self, TypeEntry};

use super::Shown;
use super::carry::{carry, enroll};
use crate::say;

/// Types per table: a row of all of them would be near the size of a page.
const TYPES_PER_TABLE: usize = 40;

pub(super) async fn prove(rows: u64, seed: u64) -> Result<Shown> {
    let server = TestServer::start();
    say(&format!("PostgreSQL {}", server.version()));
    let (prod, cert) = (
        server.create_database().await,
        server.create_database().await,
    );
    let reader = server.create_role(&prod, RoleKind::Reader).await;
    let name = StoreName::new("types");
    let source = PostgresSource::connect_lazy(name.clone(), reader, Vec::new());
    let target = PostgresTarget::new(name.clone(), cert.clone(), Vec::new());
    enroll(&target, &name).await?;
    let entries: Vec<&TypeEntry> = types::all().collect();
    for url in [&prod, &cert] {
        server.psql(url, types::DEFINITIONS).await;
    }
    let mut shown = Shown {
        kind: "PostgreSQL",
        ways: "",
        types: entries.len(),
        values: 0,
        wrong: Vec::new(),
    };
    for (number, entries) in entries.chunks(TYPES_PER_TABLE).enumerate() {
        let table = format!("v{number}");
        let ddl = ddl(&table, entries);
        server.psql(&prod, &ddl).await;
        server.psql(&cert, &ddl).await;
        server.psql(&prod, &fill(&table, entries, rows, seed)).await;
        let catalog = source.catalog().await?;
        let entry = catalog.table(&TableRef::new(&name, "public", table.as_str()));
        let entry = entry.context("find the table in the catalog")?;
        let dir = tempfile::tempdir().context("make a directory")?;
        let dir = dir.path().join("raw");
        carry(
            &source,
            &target,
            std::slice::from_ref(entry),
            &dir,
            number + 1,
        )
        .await?;
        for (place, one) in entries.iter().enumerate() {
            let sql = format!(
                "select id::text, row(c{place})::text, c{place} is distinct from null
                 from {table} order by id"
            );
            let sent = server.query(&prod, &sql).await;
            let arrived = server.query(&cert, &sql).await;
            let is_value = |row: &&Vec<Option<String>>| row[2].as_deref() == Some("t");
            shown.values += sent.iter().filter(is_value).count() as u64;
            let differ = sent.iter().zip(&arrived).filter(|(a, b)| a != b).count();
            let differ = differ + sent.len().abs_diff(arrived.len());
            if differ > 0 {
                shown.wrong.push((one.name.to_owned(), differ as u64));
            }
        }
        let done = (number * TYPES_PER_TABLE + entries.len()).min(shown.types);
        say(&format!("{done} of {} types", shown.types));
    }
    Ok(shown)
}

fn ddl(table: &str, entries: &[&TypeEntry]) -> String {
    let columns: Vec<String> = entries
        .iter()
        .enumerate()
        .map(|(place, one)| format!("c{place} {}", one.name))
        .collect();
    format!(
        "create table {table} (id int8 primary key, {})",
        columns.join(", ")
    )
}

/// Random values in rows from 1 on, each edge value in a row of its own, a row of NULLs.
fn fill(table: &str, entries: &[&TypeEntry], rows: u64, seed: u64) -> String {
    let random: Vec<String> = entries
        .iter()
        .map(|one| format!("({})::{}", one.random, one.name))
        .collect();
    // The server takes a seed between -1 and 1.
    let mut sql = format!(
        "select setseed({}::float8 / 1000003);
         insert into {table} select g, {} from generate_series(1, {rows}) as g;
         insert into {table} (id) values (0);",
        seed % 1_000_003,
        random.join(", ")
    );
    for (place, one) in entries.iter().enumerate() {
        for (at, edge) in one.edges.iter().enumerate() {
            let id = 1_000_000 + place * 100 + at;
            let name = one.name;
            let row =
                format!("insert into {table} (id, c{place}) values ({id}, ({edge})::{name});");
            sql.push_str(&row);
        }
    }
    sql
}
