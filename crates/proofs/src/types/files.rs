//! The SQLite side. The oracle is what SQLite itself prints of a value: its storage class, its literal, its
//! bytes.

use anyhow::{Context, Result, ensure};
use futures::TryStreamExt as _;
use redistrict_model::{ColumnType, StoreName, Table, TableRef};
use redistrict_sqlite::{SqliteSource, SqliteTarget};
use redistrict_store::{KeyRequest, RowRequest, Selector, SourceStore as _, StoreErrorKind};
use redistrict_testkit::types::Random;
use redistrict_testkit::types::files::{self, FileType};
use rusqlite::{Connection, params};

use super::Shown;
use super::carry::{carry, enroll};
use crate::say;

pub(super) async fn prove(rows: u64, seed: u64) -> Result<Shown> {
    say(&format!("SQLite {}", rusqlite::version()));
    let dir = tempfile::tempdir().context("make a directory")?;
    let (prod_path, cert_path) = (dir.path().join("prod.db"), dir.path().join("cert.db"));
    let prod = Connection::open(&prod_path).context("make PROD")?;
    let cert = Connection::open(&cert_path).context("make CERT")?;
    fill_seeds(&prod, rows, seed)?;
    let entries: Vec<&FileType> = files::all().collect();
    for (place, one) in entries.iter().enumerate() {
        let statement = ddl(&values_table(place), one);
        prod.execute_batch(&statement)?;
        cert.execute_batch(&statement)?;
        fill(&prod, place, one)?;
    }
    let name = StoreName::new("types");
    let source = SqliteSource::new(name.clone(), prod_path);
    let target = SqliteTarget::new(vec![(name.clone(), cert_path)]);
    enroll(&target, &name).await?;
    let catalog = source.catalog().await?;
    let table = |table: String| {
        let found = catalog.table(&TableRef::new(&name, "main", table.as_str()));
        found.context("find a table in the catalog")
    };
    let mut shown = Shown {
        kind: "SQLite",
        ways: "",
        types: entries.iter().filter(|one| one.moves()).count(),
        values: 0,
        wrong: Vec::new(),
    };
    let mut refusals = 0_u64;
    for (place, one) in entries.iter().enumerate() {
        let values = table(values_table(place))?;
        let column = values.column("v").context("find the values' column")?;
        ensure!(
            column.column_type == one.column_type,
            "{:?} travels as {:?}, which the table of types does not say",
            one.declared,
            column.column_type
        );
        for number in 0..one.refused.len() {
            refusals += 1;
            if !is_refused(&source, table(refused_table(place, number))?).await? {
                let what = format!("{:?}: a value that is to be refused", one.declared);
                shown.wrong.push((what, 1));
            }
        }
        if column.column_type == ColumnType::Other {
            continue;
        }
        let to = dir.path().join(values_table(place));
        carry(&source, &target, std::slice::from_ref(values), &to, place).await?;
        let (sent, arrived) = (printed(&prod, place)?, printed(&cert, place)?);
        shown.values += sent.iter().filter(|row| row[1] != "null").count() as u64;
        let differ = sent.iter().zip(&arrived).filter(|(a, b)| a != b).count();
        let differ = differ + sent.len().abs_diff(arrived.len());
        if differ > 0 {
            shown.wrong.push((one.declared.to_owned(), differ as u64));
        }
    }
    say(&format!("{} types, {refusals} values refused", shown.types));
    Ok(shown)
}

fn values_table(place: usize) -> String {
    format!("v{place}")
}

fn refused_table(place: usize, number: usize) -> String {
    format!("r{place}_{number}")
}

fn ddl(table: &str, one: &FileType) -> String {
    format!(
        "create table {table} (id integer not null primary key, v {});",
        one.declared
    )
}

/// What random values are made of.
fn fill_seeds(prod: &Connection, rows: u64, seed: u64) -> Result<()> {
    let mut random = Random(seed);
    prod.execute_batch("create table seeds (id integer primary key, a, b, f, t, x, y); begin")?;
    let mut insert = prod.prepare("insert into seeds values (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for id in 1..=rows {
        let [a, b] = [random.number(), random.number()].map(u64::cast_signed);
        let uuid: Vec<u8> = [a, b].into_iter().flat_map(i64::to_be_bytes).collect();
        let (float, text, bytes) = (random.float(), random.text(), random.bytes());
        insert.execute(params![id.cast_signed(), a, b, float, text, bytes, uuid])?;
    }
    drop(insert);
    prod.execute_batch("commit")?;
    Ok(())
}

/// Random values from 1 on, then the edge values and a NULL; a table of its own for each value that is refused.
fn fill(prod: &Connection, place: usize, one: &FileType) -> Result<()> {
    let table = values_table(place);
    let mut sql = format!(
        "insert into {table} select id, {} from seeds; insert into {table} values (0, null);",
        one.random
    );
    for (at, edge) in one.edges.iter().enumerate() {
        let id = 1_000_000 + at;
        let row = format!("insert into {table} values ({id}, {edge});");
        sql.push_str(&row);
    }
    for (number, value) in one.refused.iter().enumerate() {
        let table = refused_table(place, number);
        let row = format!("insert into {table} values (1, {value});");
        sql.push_str(&ddl(&table, one));
        sql.push_str(&row);
    }
    let filled = prod.execute_batch(&format!("begin; {sql} commit;"));
    filled.with_context(|| format!("fill a column {:?}", one.declared))
}

/// Number, storage class, literal, bytes: the literal ends at a zero byte, the bytes do not.
fn printed(database: &Connection, place: usize) -> Result<Vec<[String; 4]>> {
    let sql = format!(
        "select cast(id as text), typeof(v), quote(v), coalesce(hex(v), '') from {} order by id",
        values_table(place)
    );
    let mut statement = database.prepare(&sql)?;
    let rows = statement.query_map([], |row| {
        Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The one row cannot be read, for what stands in it.
async fn is_refused(source: &SqliteSource, table: &Table) -> Result<bool> {
    let mut cut = source.open_cut(std::slice::from_ref(table)).await?;
    let all = KeyRequest {
        table: table.name.clone(),
        columns: Vec::new(),
        selector: Selector::All,
    };
    let keys = cut.keys(&all).await?;
    let request = RowRequest {
        table: table.name.clone(),
        columns: vec!["v".to_owned()],
        identity: vec!["id".to_owned()],
        keys: keys.into_iter().map(|row| row.id).collect(),
    };
    let read = cut.rows(&request).await?.try_collect::<Vec<_>>().await;
    Ok(read.is_err_and(|error| error.kind == StoreErrorKind::Data))
}
