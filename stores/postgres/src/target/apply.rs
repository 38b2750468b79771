//! Staged rows into their tables: one statement for tables that refer to each other, so that foreign
//! keys that are neither deferrable nor nullable hold when they are checked (RELIABILITY §2.19).

use std::collections::HashMap;

use redistrict_model::{Table, TableRef};
use redistrict_store::{Applied, StoreError, StoreErrorKind};
use tokio_postgres::Client;

use super::path::{self, Firing};
use super::refusal::refused;
use super::staging::{PLACE, StagingTable};
use super::{foreign, moves};
use crate::error::{bug, data, failed, failed_at};
use crate::live::{LiveColumn, LiveTable, LiveTables};
use crate::statement::{column_of, quoted};

/// A table to write with its staged rows.
pub(super) struct Write<'a> {
    pub(super) table: &'a LiveTable,
    pub(super) staging: &'a StagingTable,
    pub(super) firing: Firing,
}

/// What has to be looked at, and given up, before rows are updated.
///
/// # Errors
/// `Constraint` where rows of others would be changed, or values cannot be given up.
pub(super) async fn make_way(
    client: &Client,
    tables: &LiveTables,
    staged: &HashMap<TableRef, StagingTable>,
    writes: &[Write<'_>],
) -> Result<(), StoreError> {
    let mut updates = Vec::new();
    for write in writes {
        if has_updates(client, write).await? {
            updates.push(write);
        }
    }
    if updates.is_empty() {
        return Ok(());
    }
    foreign::require_referenced_keys_stay(client, tables, staged, &updates).await?;
    for write in updates {
        moves::give_up_values(client, write).await?;
    }
    Ok(())
}

/// Inserts and updates the staged rows of all tables in one statement.
///
/// # Errors
/// `Transient` where others have inserted a row of ours meanwhile, which is found by its key.
pub(super) async fn apply(
    client: &Client,
    writes: &[Write<'_>],
) -> Result<Vec<Applied>, StoreError> {
    for write in writes {
        refuse_rounding(client, write).await?;
    }
    let tables: Vec<&Table> = writes.iter().map(|write| &write.table.entry).collect();
    let failed = |error| failed("write rows", &error);
    client.batch_execute(BEFORE).await.map_err(failed)?;
    match statement(client, writes).await {
        Ok(done) => {
            client.batch_execute(DONE).await.map_err(failed)?;
            Ok(done)
        }
        Err(Failure::Ours(error)) => Err(error),
        Err(Failure::Servers(error)) => {
            if is_taken_key(&error) && client.batch_execute(BACK).await.is_ok() {
                path::of_ours(client, Firing::AsConfigured).await?;
                refuse_newcomers(client, writes).await?;
            }
            Err(refused("write rows", &tables, &error))
        }
    }
}

/// Around the statement that writes, so that something can be asked after it was refused.
const BEFORE: &str = "savepoint redistrict_apply";
const DONE: &str = "release savepoint redistrict_apply";
const BACK: &str = "rollback to savepoint redistrict_apply";

enum Failure {
    Ours(StoreError),
    Servers(tokio_postgres::Error),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Ours(error)
    }
}

fn is_taken_key(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| code.code() == "23505")
}

/// Rows that were not there when they were decided to be inserted.
async fn refuse_newcomers(client: &Client, writes: &[Write<'_>]) -> Result<(), StoreError> {
    for write in writes.iter().filter(|write| !write.staging.is_keyless()) {
        let name = &write.table.entry.name;
        let sql = format!(
            "select count(*) from {} as t join {} as s on {} where s.redistrict_action = 'insert'",
            write.table.relation(),
            write.staging.relation(),
            same_identity(write.table, write.staging)?
        );
        let rows = client.query_typed(&sql, &[]).await;
        let rows = rows.map_err(|error| failed_at("look for rows of others", name, &error))?;
        let rows: i64 = rows.first().map_or(0, |row| row.get(0));
        if rows > 0 {
            let what = format!("write rows: others have inserted {rows} of them meanwhile");
            return Err(StoreError::new(StoreErrorKind::Transient, what).at(name));
        }
    }
    Ok(())
}

/// Whether rows of the table are updated.
async fn has_updates(client: &Client, write: &Write<'_>) -> Result<bool, StoreError> {
    let staging = write.staging.relation();
    let sql =
        format!("select exists (select from {staging} as s where s.redistrict_action = 'update')");
    let rows = client.query_typed(&sql, &[]).await;
    let name = &write.table.entry.name;
    let rows = rows.map_err(|error| failed_at("look for rows to update", name, &error))?;
    Ok(rows.first().is_some_and(|row| row.get(0)))
}

async fn statement(client: &Client, writes: &[Write<'_>]) -> Result<Vec<Applied>, Failure> {
    let mut parts = Vec::new();
    let mut counts = Vec::new();
    for (place, write) in writes.iter().enumerate() {
        parts.push(format!("i{place} as ({} returning 1)", write.insert()?));
        counts.push(format!("(select count(*) from i{place})"));
        match write.update()? {
            Some(update) => {
                parts.push(format!("u{place} as ({update} returning 1)"));
                counts.push(format!("(select count(*) from u{place})"));
            }
            None => counts.push("0::int8".to_owned()),
        }
    }
    let sql = format!("with {} select {}", parts.join(", "), counts.join(", "));
    let is_silent = writes.iter().any(|write| write.firing == Firing::Off);
    let firing = if is_silent {
        Firing::Off
    } else {
        Firing::AsConfigured
    };
    path::of_triggers(client, firing).await?;
    let rows = client
        .query_typed(&sql, &[])
        .await
        .map_err(Failure::Servers)?;
    path::of_ours(client, firing).await?;
    let row = rows.first().ok_or_else(|| bug("count the written rows"))?;
    let count = |place: usize| {
        u64::try_from(row.get::<_, i64>(place)).map_err(|_| bug("count the written rows"))
    };
    let counts = writes.iter().enumerate().map(|(place, write)| {
        Ok(Applied {
            table: write.table.entry.name.clone(),
            inserted: count(2 * place)?,
            updated: count(2 * place + 1)?,
        })
    });
    counts.collect()
}

/// A type modifier that rounds is no error for the server; here it is.
async fn refuse_rounding(client: &Client, write: &Write<'_>) -> Result<(), StoreError> {
    let name = &write.table.entry.name;
    let mut columns: Vec<&LiveColumn> = Vec::new();
    let mut tests: Vec<String> = Vec::new();
    for column in write.columns()? {
        if let Some(test) = write.staging.rounding(column)? {
            tests.push(format!("coalesce(bool_or({test}), false)"));
            columns.push(column);
        }
    }
    if columns.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "select {} from {}",
        tests.join(", "),
        write.staging.rows("s.redistrict_action <> 'leave'")
    );
    let rows = client
        .query_typed(&sql, &[])
        .await
        .map_err(|error| failed_at("check the precision of staged values", name, &error))?;
    for (place, column) in columns.iter().enumerate() {
        if rows.first().is_some_and(|row| row.get(place)) {
            return Err(data(
                name,
                &column.name,
                "write a value with more digits than fit",
            ));
        }
    }
    Ok(())
}

impl Write<'_> {
    /// The staged columns that can be written.
    fn columns(&self) -> Result<Vec<&LiveColumn>, StoreError> {
        let columns = self.table.columns(&self.staging.columns)?;
        Ok(columns
            .into_iter()
            .filter(|column| !column.is_stored)
            .collect())
    }

    fn insert(&self) -> Result<String, StoreError> {
        let columns = self.columns()?;
        let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
        let values: Vec<String> = columns
            .iter()
            .map(|column| self.staging.assigned(column))
            .collect::<Result<_, _>>()?;
        let identity = self.table.columns(&self.staging.identity)?;
        let mut order: Vec<String> = identity
            .iter()
            .map(|column| self.staging.compared(column))
            .collect::<Result<_, _>>()?;
        if self.staging.is_keyless() {
            order.extend(PLACE.map(|name| format!("s.{name}")));
        }
        Ok(format!(
            "insert into {} ({}) overriding system value select {} from {} order by {}",
            self.table.qualified(),
            names.join(", "),
            values.join(", "),
            self.staging.rows("s.redistrict_action = 'insert'"),
            order.join(", "),
        ))
    }

    /// None if the table has no columns beside its identity, or no identity: nothing is updated then. The
    /// server lets nobody change a column that is always generated as identity: a row that differs there is
    /// found when it is read back.
    fn update(&self) -> Result<Option<String>, StoreError> {
        if self.staging.is_keyless() {
            return Ok(None);
        }
        let columns = self.columns()?;
        let is_key = |column: &LiveColumn| self.staging.identity.contains(&column.name);
        let changes: Vec<String> = columns
            .iter()
            .filter(|column| !is_key(column) && !column.is_fixed)
            .map(|column| {
                Ok(format!(
                    "{} = {}",
                    quoted(&column.name),
                    self.staging.assigned(column)?
                ))
            })
            .collect::<Result<_, StoreError>>()?;
        if changes.is_empty() {
            return Ok(None);
        }
        Ok(Some(format!(
            "update {} as t set {} from {} where {}",
            self.table.relation(),
            changes.join(", "),
            self.staging.rows("s.redistrict_action = 'update'"),
            same_identity(self.table, self.staging)?,
        )))
    }
}

/// The condition that target row `t` and staged row `s` are the same row.
pub(super) fn same_identity(
    table: &LiveTable,
    staging: &StagingTable,
) -> Result<String, StoreError> {
    let identity = table.columns(&staging.identity)?;
    let tests: Vec<String> = identity
        .iter()
        .map(|column| {
            Ok(format!(
                "{} = {}",
                column.comparable(&column_of("t", column)),
                column.comparable(&staging.compared(column)?)
            ))
        })
        .collect::<Result<_, StoreError>>()?;
    Ok(tests.join(" and "))
}
