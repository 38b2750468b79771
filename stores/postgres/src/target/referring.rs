//! Foreign keys that refer to tables of CERT, from anywhere. Reads the catalog only.

use redistrict_model::TableRef;
use redistrict_store::StoreError;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use crate::error::failed;
use crate::statement::{REFERRING_KEYS, quoted};

/// A foreign key to a table. One of a partition stands for that partition alone.
pub(super) struct ReferringKey {
    pub(super) name: String,
    /// The table that is referred to, a partitioned one as a whole.
    pub(super) parent: TableRef,
    pub(super) parent_columns: Vec<String>,
    /// The table that has the key.
    pub(super) child: TableRef,
    pub(super) columns: Vec<String>,
    /// The table that `child` is a partition of, or itself.
    pub(super) root: TableRef,
    /// As `pg_constraint.confupdtype`.
    pub(super) update_action: String,
    is_plain: bool,
}

impl ReferringKey {
    /// The rows of `child`, for a FROM clause: without those of tables that inherit from it.
    pub(super) fn child_rows(&self) -> String {
        let only = if self.is_plain { "only " } else { "" };
        let TableRef { schema, table, .. } = &self.child;
        format!("{only}{}.{}", quoted(schema), quoted(table))
    }

    fn of(row: &Row, tables: &[&TableRef]) -> Option<Self> {
        let is_parent = |one: &&&TableRef| {
            (one.schema.as_str(), one.table.as_str())
                == (row.get("parent_schema"), row.get("parent_table"))
        };
        let parent = *tables.iter().find(is_parent)?;
        let of_store = |schema: &str, table: &str| {
            TableRef::new(
                &parent.store,
                row.get::<_, &str>(schema),
                row.get::<_, &str>(table),
            )
        };
        Some(Self {
            name: row.get("name"),
            parent: parent.clone(),
            parent_columns: row.get("parent_columns"),
            child: of_store("child_schema", "child_table"),
            columns: row.get("columns"),
            root: of_store("root_schema", "root_table"),
            update_action: row.get("update_action"),
            is_plain: row.get("is_plain"),
        })
    }
}

/// The foreign keys to these tables, by name.
pub(super) async fn referring_keys(
    client: &Client,
    tables: &[&TableRef],
) -> Result<Vec<ReferringKey>, StoreError> {
    let schemas: Vec<&str> = tables.iter().map(|one| one.schema.as_str()).collect();
    let names: Vec<&str> = tables.iter().map(|one| one.table.as_str()).collect();
    let rows = client
        .query_typed(
            REFERRING_KEYS.as_str(),
            &[(&schemas, Type::TEXT_ARRAY), (&names, Type::TEXT_ARRAY)],
        )
        .await
        .map_err(|error| failed("find the foreign keys to tables that change", &error))?;
    let keys = rows.iter().filter_map(|row| ReferringKey::of(row, tables));
    Ok(keys.collect())
}
