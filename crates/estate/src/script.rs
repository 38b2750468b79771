//! An estate as a script for psql: DDL and COPY. Streams; needs no server.

use std::io::Write;

use crate::postgres::{PushLine, push_late, push_line};
use crate::rows::Rows;
use crate::schema::{EstateKind, StoreId, TABLES, TableSpec, schema_sql};

/// Writes a store as a script that makes its tables with all rows in an empty database of PostgreSQL,
/// in one transaction. Memory does not grow with the number of rows.
///
/// # Errors
/// When the text cannot be written.
pub fn write_copy_script<'a>(
    rows: impl Into<Rows<'a>>,
    store: StoreId,
    mut script: impl Write,
) -> std::io::Result<()> {
    let rows = rows.into();
    let tables = || TABLES.into_iter().filter(|table| table.store == store);
    writeln!(
        script,
        "begin;\n{}",
        schema_sql(EstateKind::Postgres, store)
    )?;
    for table in tables() {
        let target = format!("{} ({})", table.name, table.columns.join(", "));
        copy(&mut script, &target, &rows, table, push_line)?;
    }
    for table in tables() {
        let name = table.name;
        if let Some(late) = table.late {
            let (pairs, key) = (format!("late_{name}"), table.key[0]);
            writeln!(
                script,
                "create temp table {pairs} (key bigint, value bigint) on commit drop;"
            )?;
            copy(&mut script, &pairs, &rows, table, push_late)?;
            writeln!(
                script,
                "update {name} set {late} = late.value from {pairs} as late where {name}.{key} = late.key;"
            )?;
        }
        if table.is_serial {
            let key = table.key[0];
            writeln!(
                script,
                "select setval(pg_get_serial_sequence('{name}', '{key}'), max({key})) from {name};"
            )?;
        }
    }
    writeln!(script, "commit;")?;
    script.flush()
}

fn copy(
    script: &mut impl Write,
    target: &str,
    rows: &Rows<'_>,
    table: &'static TableSpec,
    push: PushLine,
) -> std::io::Result<()> {
    writeln!(script, "copy {target} from stdin;")?;
    let mut line = String::new();
    let mut written = Ok(());
    rows.each(table, &mut |row| {
        line.clear();
        push(&mut line, table, row);
        if written.is_ok() {
            written = script.write_all(line.as_bytes());
        }
    });
    written?;
    writeln!(script, "\\.")
}
