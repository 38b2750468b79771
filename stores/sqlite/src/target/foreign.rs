//! Foreign keys of rows that a merge writes, checked before COMMIT is sent, and of rows that an update
//! must not pull along. Must not change rows.

use redistrict_model::TableRef;
use redistrict_store::{StoreError, StoreErrorKind};
use rusqlite::Connection;

use super::stage::Staging;
use crate::catalog::RawForeignKey;
use crate::error::Context;
use crate::names::{quote, same, table_in};

/// A key that rows would break; named by its columns, never by a value.
pub(crate) fn broken(key: &RawForeignKey, table: &TableRef, rows: i64, how: &str) -> StoreError {
    let what = format!(
        "keep foreign key {}({}) to {}: {rows} rows {how}",
        key.child,
        key.columns.join(", "),
        key.parent
    );
    StoreError::new(StoreErrorKind::Constraint, what)
        .at(table)
        .with_code("SQLITE_CONSTRAINT_FOREIGNKEY")
}

/// Staged rows, written already, that refer to no row.
pub(crate) fn require_parents(
    connection: &Connection,
    alias: &str,
    keys: &[RawForeignKey],
    staging: &Staging,
    table: &TableRef,
) -> Result<(), StoreError> {
    for key in keys.iter().filter(|key| key.child == table.table) {
        let staged: Option<Vec<String>> = key
            .columns
            .iter()
            .map(|name| staging.staged(name))
            .collect();
        let Some(staged) = staged else { continue };
        let is_reference: Vec<String> = staged
            .iter()
            .map(|name| format!("s.{name} is not null"))
            .collect();
        let matches: Vec<String> = key
            .parent_columns
            .iter()
            .zip(&staged)
            .map(|(parent, staged)| format!("p.{} = s.{staged}", quote(parent)))
            .collect();
        let sql = format!(
            "select count(*) from {} as s where s.action <> 'leave' and {} \
             and not exists (select 1 from {} as p where {})",
            staging.sql_name(),
            is_reference.join(" and "),
            table_in(alias, &key.parent),
            matches.join(" and ")
        );
        let rows = count(connection, &sql, table)?;
        if rows > 0 {
            return Err(broken(key, table, rows, "have no partner"));
        }
    }
    Ok(())
}

/// Updates of a key that rows refer to: they would lose their partner, or be changed by the key's ON
/// UPDATE action.
pub(crate) fn require_referenced_keys_stay(
    connection: &Connection,
    alias: &str,
    keys: &[RawForeignKey],
    staging: &Staging,
    table: &TableRef,
) -> Result<(), StoreError> {
    if staging.is_keyless() {
        return Ok(());
    }
    for key in keys.iter().filter(|key| key.parent == table.table) {
        let changes: Vec<String> = key
            .parent_columns
            .iter()
            .filter(|name| !staging.identity.contains(name))
            .filter_map(|name| Some((name, staging.staged(name)?)))
            .map(|(name, staged)| format!("p.{} collate binary is not s.{staged}", quote(name)))
            .collect();
        if changes.is_empty() {
            continue;
        }
        let refers: Vec<String> = key
            .parent_columns
            .iter()
            .zip(&key.columns)
            .map(|(parent, child)| format!("p.{} = c.{}", quote(parent), quote(child)))
            .collect();
        let sql = format!(
            "select count(*) from {} as s join {} as p on {} \
             where s.action = 'update' and ({}) and exists (select 1 from {} as c where {})",
            staging.sql_name(),
            table_in(alias, &key.parent),
            staging.joined("p", "s"),
            changes.join(" or "),
            table_in(alias, &key.child),
            refers.join(" and ")
        );
        let rows = count(connection, &sql, table)?;
        let is_harmless = rows == 0;
        if !is_harmless {
            return Err(broken(
                key,
                table,
                rows,
                "are referred to by the key that would change",
            ));
        }
    }
    Ok(())
}

/// The key does something to rows that refer to a deleted one, or refuses at once.
pub(crate) fn has_delete_action(key: &RawForeignKey) -> bool {
    !same(&key.on_delete, "no action")
}

/// One number.
pub(crate) fn count(
    connection: &Connection,
    sql: &str,
    table: &TableRef,
) -> Result<i64, StoreError> {
    connection
        .query_row(sql, [], |row| row.get(0))
        .doing_at("check foreign keys", table)
}
