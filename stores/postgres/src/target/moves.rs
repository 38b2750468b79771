//! Values of unique keys that move from one row of the run to another. The server compares with every row as it
//! stands when one is written, so what gives a value up has to give it up first. Must not touch rows that the run does
//! not update.

use redistrict_model::Unique;
use redistrict_store::{StoreError, StoreErrorKind};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use super::apply::{Write, same_identity};
use super::path;
use super::refusal::refused;
use crate::error::failed_at;
use crate::live::LiveColumn;
use crate::statement::{UNIQUE_RULES, column_of, quoted};

const UPDATED: &str = "s.redistrict_action = 'update'";
const WRITTEN: &str = "s.redistrict_action <> 'leave'";

/// Lets rows that are updated give up the unique values that other staged rows get: by NULL where the key takes
/// one, else by their new values, those first whose new values are free. What is written afterwards finds every
/// value free that the run frees. For tables of which rows are updated.
///
/// # Errors
/// `Constraint` where rows exchange the values of a key in a ring and none of its columns may be NULL.
pub(super) async fn give_up_values(client: &Client, write: &Write<'_>) -> Result<(), StoreError> {
    let movable = movable_keys(write)?;
    if movable.is_empty() {
        return Ok(());
    }
    for rule in rules(client, write, &movable).await? {
        let name: &str = rule.get("name");
        let Some(unique) = movable.iter().find(|one| one.name == name) else {
            continue;
        };
        // What waits for the end of the statement finds every row with its new values.
        if rule.get("is_immediate") {
            give_up(client, write, unique, rule.get("is_null_a_value")).await?;
        }
    }
    Ok(())
}

async fn give_up(
    client: &Client,
    write: &Write<'_>,
    unique: &Unique,
    is_null_a_value: bool,
) -> Result<(), StoreError> {
    let moving = Moving::new(write, unique)?;
    let nullable = moving.changed.iter().find(|column| {
        let described = write.table.entry.column(&column.name);
        described.is_some_and(|one| one.nullable)
    });
    if let (Some(column), false) = (nullable, is_null_a_value) {
        moving.run(client, &moving.park(column)?).await?;
        return Ok(());
    }
    loop {
        let is_done = moving.run(client, &moving.move_on()?).await? == 0;
        if is_done {
            break;
        }
    }
    let sql = format!("select count(*) from ({}) as held", moving.givers()?);
    let name = &write.table.entry.name;
    let left = client.query_typed(&sql, &[]).await;
    let left = left.map_err(|error| failed_at("look for values that move", name, &error))?;
    let left: i64 = left.first().map_or(0, |row| row.get(0));
    let is_settled = left == 0;
    if is_settled {
        return Ok(());
    }
    let what = format!(
        "update rows: {left} of them hold values of unique key {} ({}) that others of them get, and none can be written first",
        unique.name,
        unique.columns.join(", ")
    );
    let refused = StoreError::new(StoreErrorKind::Constraint, what).at(name);
    Err(refused.with_code(unique.name.as_str()).with_hint(
        "where rows exchange the values of a key in a ring, one of its columns has to take NULL, or the constraint has to \
         be deferrable in CERT",
    ))
}

/// The keys whose values an update can change.
fn movable_keys(write: &Write<'_>) -> Result<Vec<Unique>, StoreError> {
    let mut movable = Vec::new();
    if write.staging.is_keyless() {
        return Ok(movable);
    }
    for unique in &write.table.entry.uniques {
        let is_staged = |name: &String| write.staging.columns.contains(name);
        if unique.columns.iter().all(is_staged) && !changed(write, unique)?.is_empty() {
            movable.push(unique.clone());
        }
    }
    Ok(movable)
}

/// The columns of a key that an update writes.
fn changed<'a>(write: &Write<'a>, unique: &Unique) -> Result<Vec<&'a LiveColumn>, StoreError> {
    let columns = write.table.columns(&unique.columns)?;
    let is_key = |column: &LiveColumn| write.staging.identity.contains(&column.name);
    let changed = columns.into_iter();
    Ok(changed
        .filter(|column| !is_key(column) && !column.is_fixed && !column.is_stored)
        .collect())
}

async fn rules(
    client: &Client,
    write: &Write<'_>,
    uniques: &[Unique],
) -> Result<Vec<Row>, StoreError> {
    let name = &write.table.entry.name;
    let indexes: Vec<&str> = uniques.iter().map(|one| one.name.as_str()).collect();
    client
        .query_typed(
            UNIQUE_RULES.as_str(),
            &[
                (&name.schema.as_str(), Type::TEXT),
                (&name.table.as_str(), Type::TEXT),
                (&indexes, Type::TEXT_ARRAY),
            ],
        )
        .await
        .map_err(|error| failed_at("look up unique keys", name, &error))
}

/// One unique key of one table.
struct Moving<'w, 'a> {
    write: &'w Write<'a>,
    /// All columns of the key.
    columns: Vec<&'a LiveColumn>,
    /// Those that an update writes.
    changed: Vec<&'a LiveColumn>,
}

impl<'w, 'a> Moving<'w, 'a> {
    fn new(write: &'w Write<'a>, unique: &Unique) -> Result<Self, StoreError> {
        Ok(Self {
            write,
            columns: write.table.columns(&unique.columns)?,
            changed: changed(write, unique)?,
        })
    }

    /// Row `alias` of the table holds the value that staged row `s` gets.
    fn holds(&self, alias: &str) -> Result<String, StoreError> {
        let tests: Vec<String> = self
            .columns
            .iter()
            .map(|column| {
                let held = column.comparable(&column_of(alias, column));
                let staged = column.comparable(&self.write.staging.compared(column)?);
                Ok(format!("{held} = {staged}"))
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(tests.join(" and "))
    }

    fn same_row(&self) -> Result<String, StoreError> {
        same_identity(self.write.table, self.write.staging)
    }

    /// Another staged row than `t` gets the value that row `t` holds.
    fn is_wanted(&self) -> Result<String, StoreError> {
        Ok(format!(
            "exists (select from {} where {} and not ({}))",
            self.write.staging.rows(WRITTEN),
            self.holds("t")?,
            self.same_row()?
        ))
    }

    /// Rows that are updated and hold a value that another row gets.
    fn givers(&self) -> Result<String, StoreError> {
        Ok(format!(
            "select 1 from {} as t where {} and exists (select from {} as s where {UPDATED} and {})",
            self.write.table.relation(),
            self.is_wanted()?,
            self.write.staging.relation(),
            self.same_row()?
        ))
    }

    fn park(&self, column: &LiveColumn) -> Result<String, StoreError> {
        Ok(format!(
            "update {} as t set {} = null from {} as s where {UPDATED} and {} and {}",
            self.write.table.relation(),
            quoted(&column.name),
            self.write.staging.relation(),
            self.same_row()?,
            self.is_wanted()?
        ))
    }

    /// Gives those of the rows their new values whose new values nobody holds.
    fn move_on(&self) -> Result<String, StoreError> {
        let staging = self.write.staging;
        let values: Vec<String> = self
            .changed
            .iter()
            .map(|column| {
                Ok(format!(
                    "{} = {}",
                    quoted(&column.name),
                    staging.assigned(column)?
                ))
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(format!(
            "update {} as t set {} from {} where {} and {} and not exists (select from {} as h where {})",
            self.write.table.relation(),
            values.join(", "),
            staging.rows(UPDATED),
            self.same_row()?,
            self.is_wanted()?,
            self.write.table.relation(),
            self.holds("h")?,
        ))
    }

    async fn run(&self, client: &Client, sql: &str) -> Result<u64, StoreError> {
        path::of_triggers(client, self.write.firing).await?;
        let done = client.execute_typed(sql, &[]).await;
        let entry = &self.write.table.entry;
        let done = done.map_err(|error| refused("move values of unique keys", &[entry], &error))?;
        path::of_ours(client, self.write.firing).await?;
        Ok(done)
    }
}
