//! What surrounds a statement that writes: the search path, and whether triggers fire. Our path is empty but for the
//! server's own schema, so that the names in a text (`regclass`) are whole; triggers find what they find when the
//! application writes.

use redistrict_store::StoreError;
use tokio_postgres::Client;

use crate::error::failed;

const OF_TRIGGERS: &str = "select set_config('search_path', s.reset_val, true) \
                           from pg_settings as s where s.name = 'search_path'";
const OF_OURS: &str = "select set_config('search_path', 'pg_catalog', true)";
const SILENT: &str = "select set_config('session_replication_role', 'replica', true)";
const AS_BEFORE: &str = "select set_config('session_replication_role', s.reset_val, true) \
                         from pg_settings as s where s.name = 'session_replication_role'";

/// Which triggers a statement fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Firing {
    AsConfigured,
    /// None; nor does the server check foreign keys.
    Off,
}

/// The role's own search path, for statements that fire triggers.
pub(super) async fn of_triggers(client: &Client, firing: Firing) -> Result<(), StoreError> {
    if firing == Firing::Off {
        set(client, SILENT, "switch triggers off").await?;
    }
    set(client, OF_TRIGGERS, "set the search path").await
}

/// What the session began with.
pub(super) async fn of_ours(client: &Client, firing: Firing) -> Result<(), StoreError> {
    if firing == Firing::Off {
        set(client, AS_BEFORE, "switch triggers on").await?;
    }
    set(client, OF_OURS, "set the search path").await
}

async fn set(client: &Client, sql: &str, what: &str) -> Result<(), StoreError> {
    client
        .query_typed(sql, &[])
        .await
        .map(drop)
        .map_err(|error| failed(what, &error))
}
