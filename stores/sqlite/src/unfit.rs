//! Values that cannot travel, counted before anything is moved. In SQLite these are large ones only: a
//! date or time outside of the years that its text can hold is refused where it is read.

use std::sync::Arc;

use redistrict_model::ColumnType;
use redistrict_store::{MAX_VALUE_BYTES, RowRequest, StoreError, Unfit, UnfitReason};
use rusqlite::{Connection, params_from_iter};

use crate::error::Context;
use crate::names::quote;
use crate::reader::{Reader, chunks};
use crate::tables::{Entry, Lookup};

/// So many keys go into one statement; composite ones bind several values each.
const VALUES_PER_STATEMENT: usize = 32_000;

/// See `SourceCut::unfit`.
pub(crate) async fn unfit(reader: &Reader, request: &RowRequest) -> Result<Vec<Unfit>, StoreError> {
    let entry = reader.tables().entry(&request.table)?;
    let request = request.clone();
    reader
        .read("counts the values that cannot travel", move |connection| {
            count(connection, &entry, &request)
        })
        .await
}

fn count(
    connection: &Connection,
    entry: &Arc<Entry>,
    request: &RowRequest,
) -> Result<Vec<Unfit>, StoreError> {
    let mut columns = Vec::new();
    for name in &request.columns {
        if can_be_large(entry.column(name)?.column_type) {
            columns.push(name.as_str());
        }
    }
    if columns.is_empty() || request.keys.is_empty() || is_small(connection)? {
        return Ok(Vec::new());
    }
    let lookup = if request.identity.is_empty() {
        Lookup::by_what_tells(entry)?
    } else {
        Lookup::by(entry, &request.identity)?
    };
    let counts: Vec<String> = columns
        .iter()
        .map(|name| {
            let column = quote(name);
            format!("coalesce(sum(octet_length(t.{column}) > {MAX_VALUE_BYTES}), 0)")
        })
        .collect();
    let counts = counts.join(", ");
    let mut rows = vec![0_u64; columns.len()];
    let size = lookup.keys_per_statement(VALUES_PER_STATEMENT);
    let what = "count values that cannot travel";
    let table = &entry.table.name;
    for (count, values) in chunks(&lookup, &request.keys, size)? {
        let sql = lookup.select(&counts, &entry.sql_name(), count);
        let mut statement = connection.prepare(&sql).doing_at(what, table)?;
        let found: Vec<i64> = statement
            .query_row(params_from_iter(values), |row| {
                (0..columns.len()).map(|place| row.get(place)).collect()
            })
            .doing_at(what, table)?;
        for (all, more) in rows.iter_mut().zip(found) {
            *all += u64::try_from(more).unwrap_or_default();
        }
    }
    let found = columns.into_iter().zip(rows).filter(|(_, rows)| *rows > 0);
    Ok(found
        .map(|(column, rows)| Unfit {
            column: column.to_owned(),
            reason: UnfitReason::TooLarge,
            rows,
        })
        .collect())
}

/// The types whose values have no length of their own.
fn can_be_large(column_type: ColumnType) -> bool {
    !matches!(
        column_type,
        ColumnType::Bool
            | ColumnType::Int64
            | ColumnType::Float64
            | ColumnType::Uuid
            | ColumnType::Date
            | ColumnType::Timestamp
    )
}

/// The whole file is smaller than a large value.
fn is_small(connection: &Connection) -> Result<bool, StoreError> {
    let what = "read the size of a SQLite file";
    let pragma = |name| -> Result<i64, StoreError> {
        connection
            .pragma_query_value(None, name, |row| row.get(0))
            .doing(what)
    };
    let bytes = pragma("page_count")?.saturating_mul(pragma("page_size")?);
    Ok(usize::try_from(bytes).is_ok_and(|bytes| bytes <= MAX_VALUE_BYTES))
}

#[cfg(test)]
mod tests {
    use redistrict_model::{Key, StoreName, Table};
    use redistrict_store::{RowRequest, SourceStore as _, UnfitReason};

    use super::*;
    use crate::SqliteSource;

    async fn found(sql: &str) -> Vec<Vec<Unfit>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("prod.db");
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let source = SqliteSource::new(StoreName::new("s"), path);
        let tables: Vec<Table> = source.catalog().await.unwrap().tables;
        let mut cut = source.open_cut(&tables).await.unwrap();
        let mut all = Vec::new();
        for table in tables {
            let request = RowRequest {
                table: table.name.clone(),
                columns: table.columns.iter().map(|one| one.name.clone()).collect(),
                identity: table.identity().unwrap_or_default().to_vec(),
                keys: ["1", "2", "3"].map(Key::of).to_vec(),
            };
            all.push(cut.unfit(&request).await.unwrap());
        }
        all
    }

    #[tokio::test]
    async fn values_over_the_limit_are_counted_in_the_requested_rows() {
        let all = found(
            "create table keyed (id integer primary key, b blob, \"te\"\"xt\" text, at timestamp);
             insert into keyed values (1, zeroblob(33554432), 'x', null);
             insert into keyed values (2, zeroblob(33554433), replace(hex(zeroblob(8500000)), '00', '\u{e4}\u{e4}'), null);
             insert into keyed values (3, null, null, '2024-01-01 00:00:00');
             insert into keyed values (4, zeroblob(33554433), null, null);
             create table keyless (b blob);
             insert into keyless values (zeroblob(33554433)), (x'00');",
        )
        .await;
        let large = |column: &str, rows| Unfit {
            column: column.into(),
            reason: UnfitReason::TooLarge,
            rows,
        };
        assert_eq!(
            all,
            [vec![large("b", 1), large("te\"xt", 1)], vec![large("b", 1)]]
        );
    }

    #[tokio::test]
    async fn a_small_file_holds_nothing_large() {
        let all = found("create table t (id integer primary key, v text)").await;
        assert_eq!(all, [vec![]]);
    }
}
