//! Staging: rows of a run in private tables beside the data, each part exactly once. Staged values
//! keep their storage class, because staging columns have no type that could change it.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use redistrict_model::{RunId, TableRef};
use redistrict_store::{StagePart, StoreError};
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::{Context, bad_value, bug, config};
use crate::names::{joined, quote, stage_table, table_in};
use crate::reader::still_open;
use crate::tables::Entry;
use crate::values::ColumnValues;

/// Where the rows of a table are staged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Staging {
    alias: String,
    number: i64,
    /// Staged as `v0`, `v1`, … in this order.
    pub(crate) columns: Vec<String>,
    pub(crate) identity: Vec<String>,
}

/// Where a staged row stands: its part and its place in the part.
pub(crate) const PLACE: [&str; 2] = ["part", "place"];

impl Staging {
    /// The rows are told by their places: the table they go to has no key.
    pub(crate) fn is_keyless(&self) -> bool {
        self.identity.is_empty()
    }

    /// The staging table in statements.
    pub(crate) fn sql_name(&self) -> String {
        table_in(&self.alias, &stage_table(self.number))
    }

    /// The staged name of a column.
    pub(crate) fn staged(&self, column: &str) -> Option<String> {
        let position = self.columns.iter().position(|name| name == column)?;
        Some(format!("v{position}"))
    }

    /// The staged names of all columns.
    pub(crate) fn staged_columns(&self) -> Vec<String> {
        (0..self.columns.len())
            .map(|position| format!("v{position}"))
            .collect()
    }

    /// The staged names of the identity.
    pub(crate) fn staged_identity(&self) -> Vec<String> {
        self.identity
            .iter()
            .filter_map(|name| self.staged(name))
            .collect()
    }

    /// A condition that joins a row of the table to its staged row.
    pub(crate) fn joined(&self, table: &str, stage: &str) -> String {
        joined(table, &self.identity, stage, &self.staged_identity())
    }
}

/// The staging of a table in a run, if there is one.
pub(crate) fn find(
    connection: &Connection,
    alias: &str,
    run: &RunId,
    table: &TableRef,
) -> Result<Option<Staging>, StoreError> {
    let what = "find the staging table";
    let sql = format!(
        "select number, columns, identity from {}.redistrict_staging where run_id = ?1 and table_name = ?2",
        quote(alias)
    );
    let found: Option<(i64, String, String)> = connection
        .query_row(&sql, [run.as_str(), &table.table], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()
        .doing_at(what, table)?;
    let Some((number, columns, identity)) = found else {
        return Ok(None);
    };
    let names = |text: &str| serde_json::from_str(text).map_err(|_| bug(what).at(table));
    Ok(Some(Staging {
        alias: alias.to_owned(),
        number,
        columns: names(&columns)?,
        identity: names(&identity)?,
    }))
}

/// The number of rows of a part that is staged already.
pub(crate) fn part_rows(
    connection: &Connection,
    alias: &str,
    run: &RunId,
    part: &StagePart,
) -> Result<Option<u64>, StoreError> {
    let sql = format!(
        "select row_count from {}.redistrict_part where run_id = ?1 and table_name = ?2 and part = ?3",
        quote(alias)
    );
    let rows: Option<i64> = connection
        .query_row(
            &sql,
            params![run.as_str(), part.table.table, part.part],
            |row| row.get(0),
        )
        .optional()
        .doing_at("look for a staged part", &part.table)?;
    Ok(rows.and_then(|rows| u64::try_from(rows).ok()))
}

/// Records a part as staged.
pub(crate) fn write_part(
    connection: &Connection,
    alias: &str,
    run: &RunId,
    part: &StagePart,
    rows: u64,
) -> Result<(), StoreError> {
    let sql = format!(
        "insert into {}.redistrict_part (run_id, table_name, part, row_count) values (?1, ?2, ?3, ?4)",
        quote(alias)
    );
    let rows = i64::try_from(rows).map_err(|_| bug("count staged rows").at(&part.table))?;
    let values = params![run.as_str(), part.table.table, part.part, rows];
    connection
        .execute(&sql, values)
        .doing_at("record a staged part", &part.table)
        .map(drop)
}

/// The staging table of a part's table, made where it is not there.
pub(crate) fn find_or_make(
    connection: &Connection,
    entry: &Entry,
    run: &RunId,
    part: &StagePart,
) -> Result<Staging, StoreError> {
    let alias = entry.alias.as_str();
    if let Some(staging) = find(connection, alias, run, &part.table)? {
        if staging.columns != part.columns || staging.identity != part.identity {
            return Err(
                bug("stage a part with other columns than the parts before").at(&part.table)
            );
        }
        return Ok(staging);
    }
    let what = "make a staging table";
    let number = register(connection, alias, run, part)?;
    let staging = Staging {
        alias: alias.to_owned(),
        number,
        columns: part.columns.clone(),
        identity: part.identity.clone(),
    };
    let columns: String = staging
        .staged_columns()
        .iter()
        .map(|name| format!(", {name}"))
        .collect();
    let unique = match staging.staged_identity() {
        names if names.is_empty() => PLACE.join(", "),
        names => names.join(", "),
    };
    let sql = format!(
        "create table {} (ordinal integer primary key, part integer not null, place integer not null, \
         action text not null default 'insert'{columns}, unique ({unique}))",
        staging.sql_name()
    );
    connection.execute_batch(&sql).doing_at(what, &part.table)?;
    Ok(staging)
}

fn register(
    connection: &Connection,
    alias: &str,
    run: &RunId,
    part: &StagePart,
) -> Result<i64, StoreError> {
    let what = "register a staging table";
    let json =
        |names: &[String]| serde_json::to_string(names).map_err(|_| bug(what).at(&part.table));
    let sql = format!(
        "insert into {}.redistrict_staging (run_id, table_name, columns, identity) values (?1, ?2, ?3, ?4)",
        quote(alias)
    );
    let values = params![
        run.as_str(),
        part.table.table,
        json(&part.columns)?,
        json(&part.identity)?
    ];
    connection
        .execute(&sql, values)
        .doing_at(what, &part.table)?;
    Ok(connection.last_insert_rowid())
}

/// Refuses parts that cannot be staged: columns that are not the table's, that do not move, or that
/// nothing can be written into; an identity that is not staged.
pub(crate) fn require_columns(entry: &Entry, part: &StagePart) -> Result<(), StoreError> {
    entry.types(&part.columns)?;
    let unique: BTreeSet<&String> = part.columns.iter().collect();
    if unique.len() != part.columns.len() || part.columns.is_empty() {
        return Err(bug("stage a part: a column is named twice, or none is").at(&part.table));
    }
    for name in &part.columns {
        if entry.column(name)?.generated == redistrict_model::Generated::Stored {
            let what = format!("write column {name:?}: the target computes it");
            return Err(config(what).at(&part.table));
        }
    }
    if part.identity.iter().any(|name| !unique.contains(name)) {
        return Err(bug("stage a part without its identity").at(&part.table));
    }
    Ok(())
}

/// Writes a batch into a staging table, inside the open transaction. `first` is the place of its first
/// row in the part.
pub(crate) fn insert(
    connection: &Connection,
    entry: &Entry,
    staging: &Staging,
    part: &StagePart,
    batch: &RecordBatch,
    first: u64,
) -> Result<u64, StoreError> {
    still_open(connection)?;
    let what = "stage rows, each identity once";
    let columns = columns(entry, part, batch)?;
    let marks: Vec<String> = (0..columns.len()).map(|n| format!("?{}", n + 3)).collect();
    let sql = format!(
        "insert into {} (part, place, {}) values (?1, ?2, {})",
        staging.sql_name(),
        staging.staged_columns().join(", "),
        marks.join(", ")
    );
    let mut statement = connection.prepare(&sql).doing_at(what, &part.table)?;
    let first = i64::try_from(first).map_err(|_| bug(what).at(&part.table))?;
    for (row, place) in (0..batch.num_rows()).zip(first..) {
        statement
            .raw_bind_parameter(1, part.part)
            .doing_at(what, &part.table)?;
        statement
            .raw_bind_parameter(2, place)
            .doing_at(what, &part.table)?;
        for (position, column) in columns.iter().enumerate() {
            let name = &part.columns[position];
            let value = column
                .value(row)
                .map_err(|why| bad_value(&part.table, name, why))?;
            if column.is_null(row) && part.identity.contains(name) {
                return Err(bad_value(&part.table, name, "the key of a row is NULL"));
            }
            statement
                .raw_bind_parameter(position + 3, value)
                .doing_at(what, &part.table)?;
        }
        statement.raw_execute().doing_at(what, &part.table)?;
    }
    u64::try_from(batch.num_rows()).map_err(|_| bug(what).at(&part.table))
}

fn columns<'a>(
    entry: &Entry,
    part: &StagePart,
    batch: &'a RecordBatch,
) -> Result<Vec<ColumnValues<'a>>, StoreError> {
    if batch.num_columns() != part.columns.len() {
        return Err(bug("stage a batch with other columns than its part").at(&part.table));
    }
    let names = part.columns.iter().zip(batch.columns());
    names
        .map(|(name, array)| {
            let column_type = entry.column(name)?.column_type;
            ColumnValues::new(array.as_ref(), column_type).ok_or_else(|| {
                let what = format!("write column {name:?}: the batch holds another type");
                config(what).at(&part.table)
            })
        })
        .collect()
}

/// Drops the staging tables and part records of a run in one file, inside the open transaction.
pub(crate) fn clear(connection: &Connection, alias: &str, run: &RunId) -> Result<(), StoreError> {
    let what = "drop the staging tables of a run";
    let quoted = quote(alias);
    let sql = format!("select number from {quoted}.redistrict_staging where run_id = ?1");
    let mut statement = connection.prepare(&sql).doing(what)?;
    let numbers: Result<Vec<i64>, rusqlite::Error> = statement
        .query_map([run.as_str()], |row| row.get(0))
        .doing(what)?
        .collect();
    for number in numbers.doing(what)? {
        let table = table_in(alias, &stage_table(number));
        connection
            .execute_batch(&format!("drop table if exists {table}"))
            .doing(what)?;
    }
    for own in ["redistrict_staging", "redistrict_part"] {
        let sql = format!("delete from {quoted}.{own} where run_id = ?1");
        connection.execute(&sql, [run.as_str()]).doing(what)?;
    }
    Ok(())
}
