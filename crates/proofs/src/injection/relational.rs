//! Worlds in SQLite and PostgreSQL: their definitions, rows, and what plain clients read of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use redistrict_testkit::postgres;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::names::Role;
use super::shape::{Batch, Built, CERT_KEY, Row, State, Table, sql_quoted, sql_text};

/// Rows of each district in each child table, at least.
const ROWS: usize = 3;

/// Statements for PROD and for CERT, and what they make.
pub(super) struct Script {
    pub(super) built: Built,
    pub(super) prod: String,
    pub(super) cert: String,
}

/// A column of the child tables beside its number and its reference.
struct Column {
    name: String,
    type_name: String,
    /// Literals to choose from.
    values: Vec<String>,
    is_masked: bool,
}

/// Schemas, types with labels, tables, columns and constraints of all names in the batch.
pub(super) fn postgres(batch: &mut Batch) -> Script {
    let mut schemas = batch.take_all(Role::Schema);
    let tables = batch.left(Role::Table).max(2);
    if schemas.is_empty() {
        schemas.push("plain".to_owned());
    }
    let mut ddl = String::new();
    for schema in &schemas {
        ddl.extend([format!(
            "create schema if not exists {};\n",
            sql_quoted(schema)
        )]);
    }
    let labels = batch.take_all(Role::EnumLabel);
    let literals: Vec<String> = labels.iter().map(|label| sql_text(label)).collect();
    let mut columns = Vec::new();
    for (number, name) in batch.take_all(Role::Type).into_iter().enumerate() {
        let schema = &schemas[number % schemas.len()];
        let full = format!("{}.{}", sql_quoted(schema), sql_quoted(&name));
        let values = if number % 2 == 0 && !labels.is_empty() {
            ddl.extend([format!(
                "create type {full} as enum ({});\n",
                literals.join(", ")
            )]);
            literals.clone()
        } else {
            let never = sql_text(&format!("{name} never"));
            let constraint = sql_quoted(&batch.take(Role::Constraint));
            ddl.extend([format!(
                "create domain {full} as text constraint {constraint} check (value <> {never});\n"
            )]);
            vec![sql_text(&name), "'plain'".to_owned()]
        };
        columns.push(Column {
            name: format!("typed {number}"),
            type_name: full,
            values,
            is_masked: false,
        });
    }
    let place = |number: usize| schemas[number % schemas.len()].clone();
    script(batch, ddl, columns, tables, &place, "bigint")
}

pub(super) fn sqlite(batch: &mut Batch) -> Script {
    let tables = batch.left(Role::Table).max(2);
    let main = |_: usize| "main".to_owned();
    script(batch, String::new(), Vec::new(), tables, &main, "integer")
}

fn script(
    batch: &mut Batch,
    mut ddl: String,
    mut columns: Vec<Column>,
    tables: usize,
    schema: &dyn Fn(usize) -> String,
    number_type: &str,
) -> Script {
    let root_key = batch.take(Role::Column);
    let reference = batch.take(Role::Column);
    let mut texts = batch.all_keys();
    texts.push("plain text".to_owned());
    let texts: Vec<String> = texts.iter().map(|text| sql_text(text)).collect();
    for (number, name) in batch.take_all(Role::Column).into_iter().enumerate() {
        columns.push(Column {
            name,
            type_name: "text".to_owned(),
            values: texts.clone(),
            is_masked: number % 2 == 1,
        });
    }
    let mut all: Vec<Table> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for number in 0..tables {
        let parts = [schema(number), batch.take(Role::Table)];
        let full = format!("{}.{}", sql_quoted(&parts[0]), sql_quoted(&parts[1]));
        let one = |kept: Vec<String>, masked: BTreeSet<String>, district: &str| Table {
            name: full.clone(),
            parts: parts.clone(),
            kept,
            masked,
            district: district.to_owned(),
        };
        if number == 0 {
            ddl.extend([format!(
                "create table {full} ({} text not null primary key);\n",
                sql_quoted(&root_key)
            )]);
            all.push(one(vec![root_key.clone()], BTreeSet::new(), &root_key));
        } else {
            // Names of tables that are referred to have no schema in SQLite.
            let root = if number_type == "integer" {
                sql_quoted(&all[0].parts[1])
            } else {
                names[0].clone()
            };
            ddl.push_str(&child(
                &full,
                &root,
                &root_key,
                &reference,
                &columns,
                batch,
                number_type,
            ));
            let kept = columns.iter().filter(|column| !column.is_masked);
            let mut kept: Vec<String> = kept.map(|column| column.name.clone()).collect();
            kept.extend(["row number".to_owned(), reference.clone()]);
            let masked = columns.iter().filter(|column| column.is_masked);
            let masked = masked.map(|column| column.name.clone()).collect();
            all.push(one(kept, masked, &reference));
        }
        names.push(full);
    }
    let canary = canary(if number_type == "integer" {
        "main"
    } else {
        "public"
    });
    let built = Built {
        tables: all,
        root_key,
        links: Vec::new(),
        canary: Some(canary),
    };
    let prod = fill(&names, &columns, &batch.all_keys(), 1);
    let cert = fill(&names, &columns, &[CERT_KEY.to_owned()], 1_000_001);
    Script {
        prod: format!("{CANARY}{ddl}{prod}"),
        cert: format!("{CANARY}{ddl}{cert}"),
        built,
    }
}

/// A table beside the others that payloads name and the product leaves alone.
const CANARY: &str = "create table injected (number integer not null primary key, word text);\n\
                      insert into injected values (1, 'sings'), (2, null);\n";

fn canary(schema: &str) -> Table {
    Table {
        name: format!("\"{schema}\".\"injected\""),
        parts: [schema.to_owned(), "injected".to_owned()],
        kept: Vec::new(),
        masked: BTreeSet::new(),
        district: String::new(),
    }
}

fn child(
    full: &str,
    root: &str,
    root_key: &str,
    reference: &str,
    columns: &[Column],
    batch: &mut Batch,
    number_type: &str,
) -> String {
    let mut lines = vec![
        format!("\"row number\" {number_type} not null primary key"),
        format!("{} text not null", sql_quoted(reference)),
    ];
    for column in columns {
        lines.push(format!(
            "{} {} not null",
            sql_quoted(&column.name),
            column.type_name
        ));
    }
    lines.push(format!(
        "constraint {} foreign key ({}) references {root} ({})",
        sql_quoted(&batch.take(Role::Constraint)),
        sql_quoted(reference),
        sql_quoted(root_key)
    ));
    let checked = batch.take(Role::Constraint);
    lines.push(format!(
        "constraint {} check ({} <> {})",
        sql_quoted(&checked),
        sql_quoted(reference),
        sql_text(&format!("{checked} never"))
    ));
    format!("create table {full} (\n{}\n);\n", lines.join(",\n"))
}

fn fill(names: &[String], columns: &[Column], keys: &[String], first: usize) -> String {
    let mut sql = String::new();
    let mut number = first;
    let per_key = columns
        .iter()
        .map(|column| column.values.len())
        .max()
        .unwrap_or(0)
        .max(ROWS);
    for key in keys {
        let key = sql_text(key);
        sql.extend([format!("insert into {} values ({key});\n", names[0])]);
        for name in &names[1..] {
            for at in 0..per_key {
                let mut cells = vec![number.to_string(), key.clone()];
                cells.extend(columns.iter().map(|column| {
                    let value = &column.values[at % column.values.len()];
                    if column.is_masked {
                        format!("'secret {number}'")
                    } else {
                        value.clone()
                    }
                }));
                sql.extend([format!(
                    "insert into {name} values ({});\n",
                    cells.join(", ")
                )]);
                number += 1;
            }
        }
    }
    sql
}

/// Makes a database file.
pub(super) fn make_sqlite(path: &Path, script: &str) -> Result<()> {
    let connection = Connection::open(path).context("make a database")?;
    connection
        .execute_batch(&format!("begin;\n{script}\ncommit;"))
        .with_context(|| format!("fill a database with\n{script}"))
}

/// Runs statements in a database file.
pub(super) fn run_sqlite(path: &Path, statements: &str) -> Result<()> {
    Ok(Connection::open(path)?.execute_batch(statements)?)
}

pub(super) fn sqlite_state(path: &Path, built: &Built) -> Result<State> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mut state = State::new();
    for table in built.tables.iter().chain(&built.canary) {
        let sql = format!("select * from {}", table.name);
        let mut statement = match connection.prepare(&sql) {
            Ok(statement) => statement,
            // A payload may have dropped it; then it has no rows.
            Err(error) if error.to_string().contains("no such table") => continue,
            Err(error) => return Err(error).context(sql),
        };
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let rows = statement.query_map([], |row| {
            let mut out = Row::new();
            for (at, name) in names.iter().enumerate() {
                let text = match row.get_ref(at)? {
                    ValueRef::Null => continue,
                    ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                    other => format!("{other:?}"),
                };
                out.insert(name.clone(), text);
            }
            Ok(out)
        })?;
        state.insert(table.name.clone(), rows.collect::<Result<_, _>>()?);
    }
    Ok(state)
}

/// Everything that has a name, and how it was made.
pub(super) fn sqlite_objects(path: &Path) -> Result<BTreeSet<String>> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mut statement = connection.prepare(
        "select type || ' ' || name, coalesce(sql, '') from sqlite_master \
         union all select 'pragma', user_version || ' ' || application_id \
         from pragma_user_version, pragma_application_id",
    )?;
    let found = statement.query_map([], |row| {
        Ok(format!(
            "{}\n{}",
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?
        ))
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) async fn postgres_state(url: &str, built: &Built) -> Result<State> {
    let mut state = State::new();
    for table in built.tables.iter().chain(&built.canary) {
        // A payload may have dropped it; then it has no rows.
        let is_there = format!("select to_regclass({})::text", sql_text(&table.name));
        if postgres::query(url, &is_there).await? == [[None]] {
            continue;
        }
        let rows = postgres::query(url, &format!("select * from {}", table.name)).await?;
        let columns = format!(
            "select attname from pg_attribute where attrelid = {}::regclass and attnum > 0 order by attnum",
            sql_text(&table.name)
        );
        let columns: Vec<String> = postgres::query(url, &columns)
            .await?
            .into_iter()
            .flatten()
            .flatten()
            .collect();
        let named = |cells: Vec<Option<String>>| -> Row {
            let pairs = columns.iter().cloned().zip(cells);
            pairs
                .filter_map(|(name, cell)| Some((name, cell?)))
                .collect()
        };
        state.insert(table.name.clone(), rows.into_iter().map(named).collect());
    }
    Ok(state)
}

const POSTGRES_OBJECTS: &str = "select nspname || ' ' || relname || ' ' || relkind::text from pg_class c \
     join pg_namespace n on n.oid = relnamespace where nspname not in ('pg_catalog', 'information_schema', 'pg_toast') \
     union all select nspname || ' ' || typname || ' type' from pg_type t join pg_namespace n on n.oid = typnamespace \
     where nspname not in ('pg_catalog', 'information_schema', 'pg_toast') \
     union all select nspname || ' ' || proname || ' routine' from pg_proc p join pg_namespace n on n.oid = pronamespace \
     where nspname not in ('pg_catalog', 'information_schema', 'pg_toast') \
     union all select nspname || ' ' || conname || ' constraint ' || pg_get_constraintdef(c.oid) from pg_constraint c \
     join pg_namespace n on n.oid = connamespace where nspname not in ('pg_catalog', 'information_schema', 'pg_toast') \
     union all select nspname || ' schema ' || coalesce(nspacl::text, '') from pg_namespace where nspname not like 'pg\\_t%' \
     union all select rolname || ' role ' || rolsuper::text || rolcanlogin::text from pg_roles \
     union all select datname || ' database ' || coalesce(datacl::text, '') from pg_database \
     union all select extname || ' extension' from pg_extension \
     union all select tgname || ' trigger' from pg_trigger where not tgisinternal \
     union all select rulename || ' rule' from pg_rewrite where oid >= 16384 \
     union all select polname || ' policy' from pg_policy \
     union all select evtname || ' event trigger' from pg_event_trigger \
     union all select oid::text || ' large object' from pg_largeobject_metadata \
     union all select setconfig::text || ' setting' from pg_db_role_setting";

pub(super) async fn postgres_objects(url: &str) -> Result<BTreeSet<String>> {
    let rows = postgres::query(url, POSTGRES_OBJECTS).await?;
    Ok(rows.into_iter().flatten().flatten().collect())
}

/// Rows of PROD, by table, of one district.
pub(super) fn of_district(state: &State, built: &Built, key: &str) -> BTreeMap<String, Vec<Row>> {
    let of = |table: &Table| {
        let rows = state.get(&table.name).into_iter().flatten();
        let is_its = |row: &&Row| row.get(&table.district).is_some_and(|found| found == key);
        (table.name.clone(), rows.filter(is_its).cloned().collect())
    };
    built.tables.iter().map(of).collect()
}
