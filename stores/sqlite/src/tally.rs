//! Counting how often values stand in columns.

use std::collections::BTreeMap;

use redistrict_store::{StoreError, Tallied, Tally, TallyRequest};
use rusqlite::Connection;

use crate::error::{Context, bad_value, bug};
use crate::names::{quote, quote_list};
use crate::tables::Entry;
use crate::values::key_text;

/// The tally of one request. Values that are stored in several ways and have one text are one.
///
/// # Errors
/// What SQLite refuses, by table; a value that has no text; columns that the catalog does not have.
pub(crate) fn tally(
    connection: &Connection,
    entry: &Entry,
    request: &TallyRequest,
) -> Result<Tally, StoreError> {
    let (table, what) = (&entry.table.name, "count the values of columns");
    let types = entry.types(&request.columns)?;
    entry.types(&request.present)?;
    let columns = quote_list("t.", &request.columns);
    let (select, group) = if types.is_empty() {
        (String::new(), String::new())
    } else {
        (format!("{columns}, "), format!(" group by {columns}"))
    };
    let is_present = |column: &String| format!("t.{} is not null", quote(column));
    let mut conditions: Vec<String> = request.present.iter().map(is_present).collect();
    conditions.push("true".to_owned());
    let sql = format!(
        "select {select}count(*) from {} as t where {}{group}",
        entry.sql_name(),
        conditions.join(" and "),
    );
    let mut statement = connection.prepare(&sql).doing_at(what, table)?;
    let mut rows = statement.query([]).doing_at(what, table)?;
    let mut counted: BTreeMap<Tallied, u64> = BTreeMap::new();
    while let Some(row) = rows.next().doing_at(what, table)? {
        let mut values = Tallied::with_capacity(types.len());
        for (place, column_type) in types.iter().enumerate() {
            let value = row.get_ref(place).doing_at(what, table)?;
            let text = key_text(value, *column_type);
            values.push(text.map_err(|why| bad_value(table, &request.columns[place], why))?);
        }
        let count: i64 = row.get(types.len()).doing_at(what, table)?;
        if count == 0 {
            continue;
        }
        *counted.entry(values).or_default() +=
            u64::try_from(count).map_err(|_| bug(what).at(table))?;
    }
    Ok(Tally::of(counted, request.limit))
}
