//! The search path of a merge. Ours is empty but for the server's own schema, so that the names in a text
//! (`regclass`) are whole; triggers find what they find when the application writes.

use redistrict_store::StoreError;
use tokio_postgres::Client;

use crate::error::failed;

const OF_TRIGGERS: &str = "select set_config('search_path', s.reset_val, true) \
                           from pg_settings as s where s.name = 'search_path'";
const OF_OURS: &str = "select set_config('search_path', 'pg_catalog', true)";

/// The role's own search path, for statements that fire triggers.
pub(super) async fn of_triggers(client: &Client) -> Result<(), StoreError> {
    set(client, OF_TRIGGERS).await
}

/// The search path that the session began with.
pub(super) async fn of_ours(client: &Client) -> Result<(), StoreError> {
    set(client, OF_OURS).await
}

async fn set(client: &Client, sql: &str) -> Result<(), StoreError> {
    client
        .query_typed(sql, &[])
        .await
        .map(drop)
        .map_err(|error| failed("set the search path", &error))
}
