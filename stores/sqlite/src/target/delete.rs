//! Deleting rows by key: all of them or none, and never a row of anybody else, whatever the foreign
//! keys would do on their own.

use redistrict_model::{Key, TableRef};
use redistrict_store::{StoreError, StoreErrorKind};
use rusqlite::{Connection, params_from_iter};

use super::foreign::{broken, count, has_delete_action};
use crate::catalog::{RawForeignKey, foreign_keys};
use crate::error::{Context, bug};
use crate::names::{joined, quote, quote_list, same, table_in};
use crate::reader::chunks;
use crate::tables::{Entry, Lookup, Tables};

/// The keys of one table that are to go, in a temporary table of the connection.
struct Doomed {
    table: TableRef,
    alias: String,
    /// The identity columns, or the row number of a keyless table.
    identity: Vec<String>,
    temporary: String,
    rows: i64,
}

impl Doomed {
    fn sql_name(&self) -> String {
        table_in(&self.alias, &self.table.table)
    }

    /// Joins a row of the table to its key.
    fn joined(&self, row: &str, key: &str) -> String {
        joined(row, &self.identity, key, &key_names(&self.identity))
    }
}

fn key_names(identity: &[String]) -> Vec<String> {
    (0..identity.len()).map(|n| format!("k{n}")).collect()
}

/// Deletes the rows, inside a savepoint of the open transaction; gives their number.
pub(crate) fn delete(
    connection: &Connection,
    tables: &Tables,
    requests: &[(TableRef, Vec<Key>)],
) -> Result<u64, StoreError> {
    let mut doomed: Vec<Doomed> = Vec::new();
    for (table, keys) in requests {
        let entry = tables.entry(table)?;
        if doomed.iter().any(|one| one.table == *table) {
            return Err(bug("delete rows: the table is named twice").at(table));
        }
        doomed.push(collect(connection, &entry, keys, doomed.len())?);
    }
    for one in &doomed {
        require_there(connection, one)?;
    }
    let mut keys: Vec<(String, Vec<RawForeignKey>)> = Vec::new();
    for one in &doomed {
        if !keys.iter().any(|(alias, _)| *alias == one.alias) {
            keys.push((one.alias.clone(), foreign_keys(connection, &one.alias)?));
        }
    }
    for (alias, keys) in &keys {
        require_no_foreign_children(connection, alias, keys, &doomed)?;
    }
    for (alias, keys) in &keys {
        let here: Vec<&Doomed> = doomed.iter().filter(|one| one.alias == *alias).collect();
        delete_file(connection, keys, &here)?;
    }
    for one in &doomed {
        let drop = format!("drop table temp.{}", one.temporary);
        connection
            .execute_batch(&drop)
            .doing_at("delete rows", &one.table)?;
    }
    let rows: i64 = doomed.iter().map(|one| one.rows).sum();
    u64::try_from(rows).map_err(|_| bug("count deleted rows"))
}

fn collect(
    connection: &Connection,
    entry: &Entry,
    keys: &[Key],
    number: usize,
) -> Result<Doomed, StoreError> {
    let what = "collect the keys of rows to delete";
    let table = &entry.table.name;
    let identity = entry.told_by()?;
    let lookup = Lookup::by_what_tells(entry)?;
    let temporary = format!("redistrict_delete_{number}");
    let names = key_names(&identity);
    let list = names.join(", ");
    let create = format!("create temp table {temporary} ({list}, unique ({list}))");
    connection.execute_batch(&create).doing_at(what, table)?;
    let marks = vec!["?"; names.len()].join(", ");
    let sql = format!("insert into temp.{temporary} values ({marks})");
    let mut insert = connection.prepare(&sql).doing_at(what, table)?;
    let mut rows = 0_i64;
    for (_, values) in chunks(&lookup, keys, 1)? {
        insert
            .execute(params_from_iter(values))
            .doing_at(what, table)?;
        rows += 1;
    }
    if usize::try_from(rows) != Ok(keys.len()) {
        return Err(missing(
            table,
            "a key is named twice or cannot be one of the table",
        ));
    }
    Ok(Doomed {
        table: table.clone(),
        alias: entry.alias.clone(),
        identity,
        temporary,
        rows,
    })
}

fn missing(table: &TableRef, why: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Constraint, format!("delete rows: {why}")).at(table)
}

fn require_there(connection: &Connection, one: &Doomed) -> Result<(), StoreError> {
    let sql = format!(
        "select count(*) from temp.{} as k join {} as t on {}",
        one.temporary,
        one.sql_name(),
        one.joined("t", "k")
    );
    let found = count(connection, &sql, &one.table)?;
    if found == one.rows {
        return Ok(());
    }
    let why = format!("{} of {} are not there", one.rows - found, one.rows);
    Err(missing(&one.table, &why))
}

/// Rows that refer to a doomed row and are not doomed themselves: they would be orphaned, or the key's
/// ON DELETE action would change or delete them.
fn require_no_foreign_children(
    connection: &Connection,
    alias: &str,
    keys: &[RawForeignKey],
    doomed: &[Doomed],
) -> Result<(), StoreError> {
    let here = |name: &str| {
        doomed
            .iter()
            .find(|one| one.alias == alias && one.table.table == name)
    };
    for key in keys {
        let Some(parent) = here(&key.parent) else {
            continue;
        };
        let survives = here(&key.child).map_or_else(String::new, |child| {
            format!(
                " and not exists (select 1 from temp.{} as x where {})",
                child.temporary,
                child.joined("c", "x")
            )
        });
        let sql = format!(
            "select count(*) from temp.{} as k join {} as p on {} join {} as c on {} where true{survives}",
            parent.temporary,
            parent.sql_name(),
            parent.joined("p", "k"),
            table_in(alias, &key.child),
            refers(key, "p", "c"),
        );
        let rows = count(connection, &sql, &parent.table)?;
        if rows > 0 {
            return Err(broken(
                key,
                &parent.table,
                rows,
                "of others refer to rows to delete",
            ));
        }
    }
    Ok(())
}

fn refers(key: &RawForeignKey, parent: &str, child: &str) -> String {
    let equal: Vec<String> = key
        .parent_columns
        .iter()
        .zip(&key.columns)
        .map(|(to, from)| format!("{parent}.{} = {child}.{}", quote(to), quote(from)))
        .collect();
    equal.join(" and ")
}

/// Deletes in rounds, leaves first: RESTRICT refuses, and SET NULL changes, even a row that is to go
/// with the same statement. Where no leaf is left, the rest goes as it is (rows that cascade in a
/// cycle); SQLite refuses it if it is RESTRICT that closes the cycle.
fn delete_file(
    connection: &Connection,
    keys: &[RawForeignKey],
    doomed: &[&Doomed],
) -> Result<(), StoreError> {
    let mut left: i64 = doomed.iter().map(|one| one.rows).sum();
    while left > 0 {
        for one in doomed {
            let blocked: String = keys
                .iter()
                .filter(|key| key.parent == one.table.table && has_delete_action(key))
                .filter(|key| doomed.iter().any(|child| child.table.table == key.child))
                .map(|key| not_referred(key, one))
                .collect();
            run(connection, one, &blocked)?;
        }
        let still = remaining(connection, doomed)?;
        if still == left {
            for one in doomed {
                run(connection, one, "")?;
            }
            return Ok(());
        }
        left = still;
    }
    Ok(())
}

/// A row may refer to itself.
fn not_referred(key: &RawForeignKey, one: &Doomed) -> String {
    let is_other = if same(&key.child, &key.parent) {
        let equal: Vec<String> = one
            .identity
            .iter()
            .map(|name| format!("c.{0} is t.{0}", quote(name)))
            .collect();
        format!(" and not ({})", equal.join(" and "))
    } else {
        String::new()
    };
    format!(
        " and not exists (select 1 from {} as c where {}{is_other})",
        table_in(&one.alias, &key.child),
        refers(key, "t", "c")
    )
}

fn run(connection: &Connection, one: &Doomed, condition: &str) -> Result<(), StoreError> {
    let (table, keys) = (one.sql_name(), &one.temporary);
    let sql = format!(
        "delete from {table} as t where ({}) in (select {} from temp.{keys} as k join {table} as r on {}) \
         and exists (select 1 from temp.{keys} as k where {}){condition}",
        quote_list("t.", &one.identity),
        quote_list("r.", &one.identity),
        one.joined("r", "k"),
        one.joined("t", "k"),
    );
    connection
        .execute(&sql, [])
        .doing_at("delete rows", &one.table)
        .map(drop)
}

fn remaining(connection: &Connection, doomed: &[&Doomed]) -> Result<i64, StoreError> {
    let mut rows = 0;
    for one in doomed {
        let sql = format!(
            "select count(*) from temp.{} as k join {} as t on {}",
            one.temporary,
            one.sql_name(),
            one.joined("t", "k")
        );
        rows += count(connection, &sql, &one.table)?;
    }
    Ok(rows)
}
