//! Counting how often values stand in columns, by the server.

use redistrict_store::{StoreError, Tallied, Tally, TallyRequest, UnmatchedRequest};
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use crate::connect::Session;
use crate::encoding::explained;
use crate::error::{bug, failed_at};
use crate::live::LiveTables;
use crate::statement;

/// The tally of one request.
///
/// # Errors
/// What the server refuses, by table; columns that the catalog does not have.
pub(crate) async fn tally<S>(
    session: &Session<S>,
    tables: &LiveTables,
    request: &TallyRequest,
) -> Result<Tally, StoreError> {
    let what = "count the values of columns";
    let table = tables.table(&request.table)?;
    let columns = table.columns(&request.columns)?;
    let present = table.columns(&request.present)?;
    let failed = |error| explained(failed_at(what, &request.table, &error), &columns);
    let text = statement::tally_text(table, &columns, &present);
    let limit = i64::from(request.limit);
    let rows = session.read(&text, &[(&limit, Type::INT8)]).await;
    let rows = rows.map_err(failed)?;
    let count = |row: &Row, place: usize| -> Result<u64, StoreError> {
        let count: i64 = row.try_get(columns.len() + place).map_err(failed)?;
        u64::try_from(count).map_err(|_| bug(what).at(&request.table))
    };
    let mut tally = Tally::default();
    for row in &rows {
        let mut values = Tallied::with_capacity(columns.len());
        for place in 0..columns.len() {
            let value: Option<&str> = row.try_get(place).map_err(failed)?;
            values.push(value.map(Into::into));
        }
        tally.values.push((values, count(row, 0)?));
        (tally.rows, tally.different) = (count(row, 1)?, count(row, 2)?);
    }
    // The server sorts texts as its language does.
    (tally.values).sort_by(|(a, rows), (b, more)| more.cmp(rows).then_with(|| a.cmp(b)));
    Ok(tally)
}

/// The rows of one request that refer to no row.
///
/// # Errors
/// As [`tally`].
pub(crate) async fn unmatched<S>(
    session: &Session<S>,
    tables: &LiveTables,
    request: &UnmatchedRequest,
) -> Result<u64, StoreError> {
    let what = "count references that lead to no row";
    let (child, parent) = (
        tables.table(&request.child)?,
        tables.table(&request.parent)?,
    );
    let columns = child.columns(&request.child_columns)?;
    let referred = parent.columns(&request.parent_columns)?;
    let says: Vec<String> = request.when.iter().map(|(name, _)| name.clone()).collect();
    let says = child.columns(&says)?;
    let references = statement::References {
        child,
        columns: &columns,
        says: &says,
        parent,
        referred: &referred,
    };
    let text = references.unmatched_text();
    let wanted = request.when.iter();
    let wanted: Vec<(&(dyn ToSql + Sync), Type)> = wanted
        .map(|(_, texts)| (texts as &(dyn ToSql + Sync), Type::TEXT_ARRAY))
        .collect();
    let rows = session.read(&text, &wanted).await;
    let rows = rows.map_err(|error| {
        let failed = failed_at(what, &request.child, &error);
        explained(failed, &columns)
    })?;
    let count = rows.first().map(|row| row.get::<_, i64>(0));
    count
        .and_then(|count| u64::try_from(count).ok())
        .ok_or_else(|| bug(what).at(&request.child))
}
