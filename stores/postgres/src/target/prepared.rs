//! Prepared transactions: whether there can be any, which there are, and their end (RELIABILITY §3.2).

use redistrict_model::RunId;
use redistrict_store::{
    Decision, PrepareOutcome, PreparedId, Preparing, StoreError, StoreErrorKind,
};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

use crate::error::{bug, failed};
use crate::rights::literal;

const PREPARING: &str = include_str!("../../sql/preparing.sql");
const PREPARED: &str = include_str!("../../sql/prepared.sql");

/// Part of the names of what is prepared in this database.
const DATABASE: &str =
    "select oid::text as database from pg_database where datname = current_database()";

const NO_PLACES: &str = "max_prepared_transactions of its server is 0";

/// See [`redistrict_store::TargetStore::preparing`].
pub(super) async fn preparing(client: &Client) -> Result<Preparing, StoreError> {
    let what = "ask for the places of prepared transactions";
    let rows = client.query_typed(PREPARING, &[]).await;
    let rows = rows.map_err(|error| failed(what, &error))?;
    let row = rows.first().ok_or_else(|| bug(what))?;
    let (places, taken): (i32, i32) = (row.get("places"), row.get("taken"));
    if places == 0 {
        let why = NO_PLACES.to_owned();
        return Ok(Preparing::No { why });
    }
    Ok(Preparing::Yes {
        server: row.get("server"),
        free: u32::try_from(places - taken).unwrap_or(0),
    })
}

/// What a run, or any run, has prepared in this database, by name.
pub(super) async fn list(
    client: &Client,
    run: Option<&RunId>,
) -> Result<Vec<PreparedId>, StoreError> {
    let prefix = PreparedId::prefix(run);
    let rows = client
        .query_typed(PREPARED, &[(&prefix, Type::TEXT)])
        .await
        .map_err(|error| failed("look for prepared transactions", &error))?;
    let names = rows.iter().map(|row| row.get::<_, &str>("gid"));
    Ok(names.filter_map(PreparedId::parse).collect())
}

/// Prepares the open transaction. Where the server refuses to, it has rolled back; `refused` tells why where it
/// is for another reason than that this transaction, or any, cannot be prepared.
pub(super) async fn prepare(
    client: &Client,
    id: &PreparedId,
    refused: impl FnOnce(&Error) -> StoreError,
) -> Result<PrepareOutcome, StoreError> {
    let name = name(client, id).await?;
    let sql = format!("prepare transaction {name}");
    let Err(error) = client.batch_execute(&sql).await else {
        return Ok(PrepareOutcome::Prepared);
    };
    let why = match error.code().map(|code| code.code()) {
        None => return Ok(PrepareOutcome::Unknown),
        Some("55000") => NO_PLACES,
        Some("53200") => "all places of its server for prepared transactions are taken",
        Some("0A000") => {
            "it has done what no prepared transaction may: a trigger there notifies, or uses a temporary table"
        }
        Some(state) if matches!(state.get(..2), Some("57" | "08")) => {
            return Ok(PrepareOutcome::Unknown);
        }
        Some(_) => return Err(refused(&error)),
    };
    let why = why.to_owned();
    Ok(PrepareOutcome::Refused { why })
}

/// See [`redistrict_store::TargetStore::finish`].
pub(super) async fn finish(
    client: &Client,
    id: &PreparedId,
    decision: Decision,
) -> Result<bool, StoreError> {
    let verb = match decision {
        Decision::Commit => "commit",
        Decision::Abort => "rollback",
    };
    let name = name(client, id).await?;
    let sql = format!("{verb} prepared {name}");
    match client.batch_execute(&sql).await {
        Ok(()) => Ok(true),
        // It is not there.
        Err(error) if error.code().is_some_and(|code| code.code() == "42704") => Ok(false),
        Err(error) => {
            let is_busy = error.code().is_some_and(|code| code.code() == "55000");
            let mut failed = failed(format!("{verb} the prepared transaction {id}"), &error);
            // A session that is still there ends it right now.
            if is_busy {
                failed.kind = StoreErrorKind::Transient;
            }
            Err(failed)
        }
    }
}

/// What the server calls it, as a literal: the statements take no parameters. The names of all its databases are in one
/// list, and runs of two machines can be called alike.
async fn name(client: &Client, id: &PreparedId) -> Result<String, StoreError> {
    let what = "name a prepared transaction";
    let rows = client.query_typed(DATABASE, &[]).await;
    let rows = rows.map_err(|error| failed(what, &error))?;
    let row = rows.first().ok_or_else(|| bug(what))?;
    let database: &str = row.get("database");
    Ok(literal(&format!("{id}@{database}")))
}
