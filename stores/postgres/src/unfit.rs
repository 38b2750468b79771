//! Values that cannot travel, counted on the server before anything is moved: too large ones, times that
//! microseconds since 1970 do not reach, and texts of a database in SQL_ASCII that are no UTF-8.

use redistrict_model::{ColumnType, Key};
use redistrict_store::{MAX_VALUE_BYTES, RowRequest, StoreError, Unfit, UnfitReason};
use tokio_postgres::types::{ToSql, Type};

use crate::connect::Session;
use crate::encoding::{is_text, is_utf8};
use crate::error::{bug, failed_at};
use crate::live::{LiveColumn, LiveTable, LiveTables};
use crate::locator;
use crate::reader::BoundKeys;
use crate::statement::{self, ReadText, canonical, column_of};

/// So many keys go into one statement.
const KEYS_PER_STATEMENT: usize = 20_000;
/// So many conditions: the server takes 1,664 results.
const TESTS_PER_STATEMENT: usize = 1_000;
/// What is stored in fewer bytes than this is not printed to be measured: not even compressed does it
/// come near the limit.
const SURELY_SMALL: u32 = 2_000;
/// The latest time that travels.
const LATEST: &str = "294247-01-10 04:00:54.775806";

/// See `SourceCut::unfit`.
pub(crate) async fn unfit<S>(
    session: &Session<S>,
    tables: &LiveTables,
    request: &RowRequest,
) -> Result<Vec<Unfit>, StoreError> {
    let table = tables.table(&request.table)?;
    let columns = table.columns(&request.columns)?;
    let counting = Counting { session, table };
    let has_large = columns.iter().any(|column| size_test(column).is_some())
        && counting.can_hold_large_values().await?;
    let tests: Vec<Test<'_>> = columns
        .iter()
        .flat_map(|column| tests_of(column, has_large, table.holds_bytes))
        .collect();
    if tests.is_empty() || request.keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = vec![0_u64; tests.len()];
    for keys in request.keys.chunks(KEYS_PER_STATEMENT) {
        let counts = rows.chunks_mut(TESTS_PER_STATEMENT);
        for (rows, tests) in counts.zip(tests.chunks(TESTS_PER_STATEMENT)) {
            counting.add(rows, tests, request, keys).await?;
        }
    }
    let found = tests.into_iter().zip(rows).filter(|(_, rows)| *rows > 0);
    Ok(found
        .map(|(test, rows)| Unfit {
            column: test.column.name.clone(),
            reason: test.reason,
            rows,
        })
        .collect())
}

/// A condition that is true for a value that cannot travel.
struct Test<'a> {
    column: &'a LiveColumn,
    reason: UnfitReason,
    sql: String,
}

fn tests_of(
    column: &LiveColumn,
    has_large: bool,
    holds_bytes: bool,
) -> impl Iterator<Item = Test<'_>> {
    let size = size_test(column)
        .filter(|_| has_large)
        .map(|sql| (UnfitReason::TooLarge, sql));
    let range = range_test(column).map(|sql| (UnfitReason::OutOfRange, sql));
    let text = (holds_bytes && is_text(column)).then(|| {
        let text = canonical(&column_of("t", column), column.column_type);
        (UnfitReason::NotUtf8, format!("not ({})", is_utf8(&text)))
    });
    let all = size.into_iter().chain(range).chain(text);
    all.map(|(reason, sql)| Test {
        column,
        reason,
        sql,
    })
}

fn range_test(column: &LiveColumn) -> Option<String> {
    let value = column_of("t", column);
    match column.column_type {
        ColumnType::Timestamp => Some(format!(
            "{value} > timestamp '{LATEST}' and {value} < timestamp 'infinity'"
        )),
        ColumnType::TimestampTz => Some(format!(
            "{value} > timestamptz '{LATEST}+00' and {value} < timestamptz 'infinity'"
        )),
        _ => None,
    }
}

/// None for types whose values are never large. `octet_length` of a stored text looks at its head only.
fn size_test(column: &LiveColumn) -> Option<String> {
    let value = column_of("t", column);
    let is_long = |length: String| Some(format!("{length} > {MAX_VALUE_BYTES}"));
    match column.column_type {
        ColumnType::Text | ColumnType::Char if is_short(column) => None,
        ColumnType::Char => is_long(format!("octet_length({value}::pg_catalog.bpchar)")),
        ColumnType::Text | ColumnType::Xml => is_long(format!("octet_length({value}::text)")),
        ColumnType::Bytes => is_long(format!("octet_length({value})")),
        ColumnType::Json
        | ColumnType::Array
        | ColumnType::Range
        | ColumnType::Composite
        | ColumnType::Bits
        | ColumnType::Verbatim => {
            let text = canonical(&value, column.column_type);
            Some(format!(
                "case when pg_column_size({value}) > {SURELY_SMALL} \
                 then octet_length({text}) > {MAX_VALUE_BYTES} else false end"
            ))
        }
        _ => None,
    }
}

/// Its length in characters keeps it small; a character is at most four bytes.
fn is_short(column: &LiveColumn) -> bool {
    let length = usize::try_from(column.typmod.saturating_sub(4)).unwrap_or(0);
    column.typmod > 4 && length.saturating_mul(4) <= MAX_VALUE_BYTES
}

struct Counting<'a, S> {
    session: &'a Session<S>,
    table: &'a LiveTable,
}

impl<S> Counting<'_, S> {
    async fn can_hold_large_values(&self) -> Result<bool, StoreError> {
        let name = &self.table.entry.name;
        let parameters: [(&(dyn ToSql + Sync), Type); 2] =
            [(&name.schema, Type::TEXT), (&name.table, Type::TEXT)];
        let rows = self
            .session
            .read(&statement::LARGE_VALUES, &parameters)
            .await
            .map_err(|error| self.failed(&error))?;
        Ok(rows.first().is_some_and(|row| row.get(0)))
    }

    async fn add(
        &self,
        rows: &mut [u64],
        tests: &[Test<'_>],
        request: &RowRequest,
        keys: &[Key],
    ) -> Result<(), StoreError> {
        let name = &self.table.entry.name;
        let conditions: Vec<&str> = tests.iter().map(|test| test.sql.as_str()).collect();
        if request.identity.is_empty() {
            let places = locator::places(keys).ok_or_else(|| bug("read a locator").at(name))?;
            let text = statement::located_count_text(self.table, &conditions);
            for (relation, places) in places {
                let parameters: [(&(dyn ToSql + Sync), Type); 2] =
                    [(&places, Type::TEXT_ARRAY), (&relation, Type::OID)];
                self.count(rows, &text, &parameters).await?;
            }
            return Ok(());
        }
        let identity = self.table.columns(&request.identity)?;
        let bound = BoundKeys::look_up(self.session, &identity, keys).await;
        let Some(bound) = bound.map_err(|error| error.at(name))? else {
            return Ok(());
        };
        let text = statement::matching_count_text(self.table, &conditions, &bound.columns);
        self.count(rows, &text, &bound.parameters()).await
    }

    async fn count(
        &self,
        rows: &mut [u64],
        text: &ReadText,
        parameters: statement::Parameters<'_>,
    ) -> Result<(), StoreError> {
        let found = self
            .session
            .read(text, parameters)
            .await
            .map_err(|error| self.failed(&error))?;
        let found = found
            .first()
            .ok_or_else(|| bug("count values that cannot travel").at(&self.table.entry.name))?;
        for (place, count) in rows.iter_mut().enumerate() {
            *count += u64::try_from(found.get::<_, i64>(place)).unwrap_or_default();
        }
        Ok(())
    }

    fn failed(&self, error: &tokio_postgres::Error) -> StoreError {
        failed_at(
            "count values that cannot travel",
            &self.table.entry.name,
            error,
        )
    }
}
