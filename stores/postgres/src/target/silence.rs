//! Triggers that are kept from firing, by `session_replication_role`, for the statements that write rows and for
//! nothing else. The server's own checks of foreign keys are triggers, too, so they are done here by queries: under the
//! same locks, before the commit. What cannot be checked in that way is not switched off.

use std::collections::{BTreeSet, HashMap, HashSet};

use redistrict_model::TableRef;
use redistrict_store::{FiresAnyway, StoreError, StoreErrorKind};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use super::apply::same_identity;
use super::locks::{self, Reference};
use super::path::Firing;
use super::staging::StagingTable;
use crate::error::{bug, failed, failed_at};
use crate::live::{LiveTable, LiveTables};
use crate::rights::identifier;
use crate::statement::column_of;

const FIRES_ANYWAY: &str = include_str!("../../sql/fires_anyway.sql");
const ROLE: &str = "select current_user::text as role, r.rolsuper as is_superuser, \
                    current_setting('server_version_num')::int4 >= 150000 as has_grants \
                    from pg_roles as r where r.rolname = current_user";
/// Before version 15 only a superuser may.
const MAY_SET: &str = "select has_parameter_privilege('session_replication_role', 'SET')";

/// See [`redistrict_store::TargetStore::fires_anyway`].
pub(super) async fn fires_anyway(
    client: &Client,
    tables: &[TableRef],
) -> Result<Vec<FiresAnyway>, StoreError> {
    if let Some((why, lines)) = missing_right(client).await? {
        let of_all = tables.iter().map(|table| FiresAnyway {
            table: table.clone(),
            why: why.clone(),
            lines: lines.clone(),
        });
        return Ok(of_all.collect());
    }
    let schemas: Vec<&str> = tables.iter().map(|one| one.schema.as_str()).collect();
    let names: Vec<&str> = tables.iter().map(|one| one.table.as_str()).collect();
    let parameters: [(&(dyn ToSql + Sync), Type); 2] =
        [(&schemas, Type::TEXT_ARRAY), (&names, Type::TEXT_ARRAY)];
    let rows = client.query_typed(FIRES_ANYWAY, &parameters).await;
    let rows = rows.map_err(|error| failed("ask which triggers can be switched off", &error))?;
    let found = rows.iter().filter_map(|row| hindrance(row, tables));
    Ok(found.collect())
}

/// What the role lacks, and the lines that give it.
async fn missing_right(client: &Client) -> Result<Option<(String, Vec<String>)>, StoreError> {
    let what = "ask for the right to switch triggers off";
    let asked = |rows: Result<Vec<Row>, tokio_postgres::Error>| {
        let rows = rows.map_err(|error| failed(what, &error))?;
        rows.into_iter().next().ok_or_else(|| bug(what))
    };
    let role = asked(client.query_typed(ROLE, &[]).await)?;
    let has_grants: bool = role.get("has_grants");
    let may: bool = match has_grants {
        true => asked(client.query_typed(MAY_SET, &[]).await)?.get(0),
        false => role.get("is_superuser"),
    };
    let name: &str = role.get("role");
    let missing = match has_grants {
        true => (
            format!("role {name} may not set session_replication_role"),
            vec![format!(
                "grant set on parameter session_replication_role to {};     -- in CERT, by a superuser",
                identifier(name)
            )],
        ),
        false => (
            "before PostgreSQL 15 only a superuser may set session_replication_role".to_owned(),
            Vec::new(),
        ),
    };
    Ok((!may).then_some(missing))
}

fn hindrance(row: &Row, tables: &[TableRef]) -> Option<FiresAnyway> {
    let named: (&str, &str) = (row.get("schema_name"), row.get("table_name"));
    let is_named = |one: &&TableRef| (one.schema.as_str(), one.table.as_str()) == named;
    let name: &str = row.get("name");
    let why = match row.get::<_, &str>("reason") {
        "always" => format!("trigger {name} is enabled to fire always, or for replicas"),
        "rule" => format!("rule {name} is enabled for replicas"),
        "deferrable" => {
            format!("{name} is deferrable: with the triggers off nobody would check it")
        }
        "partition" => format!("foreign key {name} is one of a partition alone"),
        _ => format!("the role may not read and lock rows of {name}, which it refers to"),
    };
    Some(FiresAnyway {
        table: tables.iter().find(is_named)?.clone(),
        why,
        lines: Vec::new(),
    })
}

/// Which tables are written without their triggers, and what is still to be checked for that.
#[derive(Default)]
pub(super) struct Silence {
    silenced: HashSet<TableRef>,
    unchecked: BTreeSet<TableRef>,
}

impl Silence {
    /// See [`redistrict_store::Merge::silence`].
    pub(super) async fn add(
        &mut self,
        client: &Client,
        tables: &[TableRef],
    ) -> Result<(), StoreError> {
        if let Some(one) = fires_anyway(client, tables).await?.into_iter().next() {
            let what = format!("switch its triggers off as planned: {}", one.why);
            let error = StoreError::new(StoreErrorKind::Config, what).at(&one.table);
            let hint = one.lines.into_iter().next();
            return Err(error.with_hint(
                hint.unwrap_or_else(|| "a new plan asks again what CERT's triggers do".to_owned()),
            ));
        }
        self.silenced.extend(tables.iter().cloned());
        Ok(())
    }

    /// What fires in a statement that deletes from these tables.
    pub(super) fn firing<'t>(&self, mut tables: impl Iterator<Item = &'t TableRef>) -> Firing {
        match tables.any(|table| self.silenced.contains(table)) {
            true => Firing::Off,
            false => Firing::AsConfigured,
        }
    }

    /// The same of a statement that inserts and updates: what it wrote will have to be checked.
    pub(super) fn firing_for_writes(&mut self, tables: &[TableRef]) -> Firing {
        let firing = self.firing(tables.iter());
        if firing == Firing::Off {
            self.unchecked.extend(tables.iter().cloned());
        }
        firing
    }

    /// Everything that was written without triggers has been checked.
    pub(super) fn is_checked(&self) -> bool {
        self.unchecked.is_empty()
    }

    /// Checks the foreign keys of what was written without triggers.
    ///
    /// # Errors
    /// `Constraint`, with the key and the number of rows without a partner.
    pub(super) async fn check(
        &mut self,
        client: &Client,
        tables: &LiveTables,
        staged: &HashMap<TableRef, StagingTable>,
    ) -> Result<(), StoreError> {
        for name in &self.unchecked {
            if let Some(staging) = staged.get(name) {
                check_references(client, tables.table(name)?, staging).await?;
            }
        }
        self.unchecked.clear();
        Ok(())
    }
}

async fn check_references(
    client: &Client,
    live: &LiveTable,
    staging: &StagingTable,
) -> Result<(), StoreError> {
    let name = &live.entry.name;
    if staging.is_keyless() {
        return Err(bug("switch off the triggers of a table without a key").at(name));
    }
    let failed = |error| failed_at("check foreign keys", name, &error);
    let written = format!(
        "{} as t join {} as s on {}",
        live.relation(),
        staging.relation(),
        same_identity(live, staging)?
    );
    for key in locks::references(client, live).await? {
        let values: Vec<String> = (live.columns(&key.columns)?.into_iter())
            .map(|column| column_of("t", column))
            .collect();
        let is_partner = key.is_partner(&values);
        let rows = format!("{written} where {}", locks::WRITTEN);
        let lock = key.lock(&format!("exists (select from {rows} and {is_partner})"));
        client.batch_execute(&lock).await.map_err(failed)?;
        let sql = format!(
            "select count(*) from {rows} and {} and not exists (select from {} as p where {is_partner})",
            present(&key, &values),
            key.parent_rows(),
        );
        let found = client.query_typed(&sql, &[]).await.map_err(failed)?;
        let orphans: i64 = found.first().map_or(0, |row| row.get(0));
        if orphans > 0 {
            let what = format!(
                "write rows: {orphans} of them refer to rows of {} that CERT does not have ({})",
                key.parent, key.name
            );
            let hint = format!(
                "bring the rows that {} refers to, or drop the key in CERT if PROD has none",
                key.columns.join(", ")
            );
            let refused = StoreError::new(StoreErrorKind::Constraint, what).at(name);
            return Err(refused.with_code(key.name.as_str()).with_hint(hint));
        }
    }
    Ok(())
}

/// The row refers to something: all of its values are there, or, where the key is MATCH FULL, any of them.
fn present(key: &Reference, values: &[String]) -> String {
    let tests: Vec<String> = values
        .iter()
        .map(|value| format!("{value} is not null"))
        .collect();
    let how = if key.is_full { " or " } else { " and " };
    format!("({})", tests.join(how))
}
