//! Staging tables that are there: what they hold, and how a statement gets a column's value out of a row
//! of one. They are made and filled in [`super::stage`].

use std::collections::HashMap;

use redistrict_model::{RunId, TableRef};
use redistrict_store::StoreError;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::layout::{Holder, Layout, StagedColumn, holders, values};
use super::lease::own_failed;
use crate::error::bug;
use crate::live::{LiveColumn, LiveTable, LiveTables};
use crate::statement::canonical;
use crate::types::{self, Rounding};

const STAGING: &str = include_str!("../../sql/staging.sql");

/// A staging table that is there.
#[derive(Clone, Debug)]
pub(super) struct StagingTable {
    id: i64,
    pub(super) columns: Vec<String>,
    pub(super) identity: Vec<String>,
    pub(super) holders: Vec<Holder>,
    /// Of each column, in a row `s`.
    values: Vec<String>,
}

/// The record of a staging table.
pub(super) struct Record {
    id: i64,
    table: TableRef,
    pub(super) columns: Vec<String>,
    pub(super) identity: Vec<String>,
    layout: Layout,
}

impl Record {
    pub(super) fn relation(&self) -> String {
        relation(self.id)
    }
}

/// Where a staged row of a keyless table stands: its part and its place in the part.
pub(super) const PLACE: [&str; 2] = ["redistrict_part", "redistrict_row"];

impl StagingTable {
    pub(super) fn new(record: Record, table: &LiveTable) -> Result<Self, StoreError> {
        let columns = table.columns(&record.columns)?;
        let holders = holders(record.layout, &staged_columns(&columns, &record.identity));
        Ok(Self {
            id: record.id,
            values: values(&holders, record.columns.len()),
            holders,
            columns: record.columns,
            identity: record.identity,
        })
    }

    /// The rows are told by their places: the table they go to has no key.
    pub(super) fn is_keyless(&self) -> bool {
        self.identity.is_empty()
    }

    /// The relation; our own name, nothing of the outside is in it.
    pub(super) fn relation(&self) -> String {
        relation(self.id)
    }

    /// The staged rows that meet a condition on `s`, as an item of a FROM clause called `s`, for statements
    /// that look at every column.
    ///
    /// A packed row is fetched once per row and not once per value: appending makes an array that the
    /// server holds taken apart, and `offset 0` keeps that from being done anew for each value.
    pub(super) fn rows(&self, condition: &str) -> String {
        let relation = self.relation();
        let arrays = self.holders.iter().filter(|one| one.is_array);
        let arrays: Vec<String> = arrays
            .map(|one| format!("pg_catalog.array_append(s.{0}, null) as {0}", one.name))
            .collect();
        if arrays.is_empty() {
            return format!("(select s.* from {relation} as s where {condition}) as s");
        }
        let plain = self.holders.iter().filter(|one| !one.is_array);
        let mut selected: Vec<String> = plain.map(|one| format!("s.{}", one.name)).collect();
        selected.extend(arrays);
        if self.is_keyless() {
            selected.extend(PLACE.map(|name| format!("s.{name}")));
        }
        format!(
            "(select {} from {relation} as s where {condition} offset 0) as s",
            selected.join(", ")
        )
    }

    /// The staged value (in row `s`) of a target column.
    fn value(&self, name: &str) -> Result<String, StoreError> {
        let place = self.columns.iter().position(|column| column == name);
        let value = place.and_then(|place| self.values.get(place));
        value.cloned().ok_or_else(|| bug("find a staged column"))
    }

    /// The staged value as it is assigned to the column. Texts are not cast: an explicit cast would
    /// cut them, an assignment refuses.
    pub(super) fn assigned(&self, column: &LiveColumn) -> Result<String, StoreError> {
        let value = self.value(&column.name)?;
        let is_text = types::staging_type(column.column_type) == "text";
        let is_string = column.is_string();
        Ok(if is_text && !is_string {
            column.read_back(&value)
        } else {
            value
        })
    }

    /// The staged value as the column's base type, for comparisons.
    pub(super) fn compared(&self, column: &LiveColumn) -> Result<String, StoreError> {
        Ok(column.read_back(&self.value(&column.name)?))
    }

    /// A test that is true where writing the staged value would drop digits; none where it cannot.
    pub(super) fn rounding(&self, column: &LiveColumn) -> Result<Option<String>, StoreError> {
        let value = self.compared(column)?;
        let (declared, base) = (&column.source_type, &column.key_type);
        Ok(match column.rounding {
            Rounding::Never => None,
            Rounding::ByValue => Some(format!("({value}::{declared})::{base} <> {value}")),
            Rounding::ByText => {
                let rounded = canonical(&format!("({value}::{declared})"), column.column_type);
                let exact = if declared == base {
                    self.value(&column.name)?
                } else {
                    canonical(&value, column.column_type)
                };
                Some(format!("({rounded}) <> ({exact})"))
            }
        })
    }

    /// The staged value's canonical text.
    pub(super) fn canonical(&self, column: &LiveColumn) -> Result<String, StoreError> {
        Ok(canonical(&self.compared(column)?, column.column_type))
    }
}

/// The staging table of that number.
pub(super) fn relation(id: i64) -> String {
    format!("redistrict_stage.s_{id}")
}

/// What the layout depends on.
pub(super) fn staged_columns(columns: &[&LiveColumn], identity: &[String]) -> Vec<StagedColumn> {
    let staged = columns.iter().map(|column| StagedColumn {
        column_type: column.column_type,
        is_key: identity.contains(&column.name),
    });
    staged.collect()
}

/// The staging tables of a run, as far as they belong to one of these tables.
pub(super) async fn of_run(
    client: &Client,
    run: &RunId,
    tables: &LiveTables,
) -> Result<HashMap<TableRef, StagingTable>, StoreError> {
    let mut staged = HashMap::new();
    for record in find(client, run, None).await? {
        let name = record.table.clone();
        if let Ok(table) = tables.table(&name) {
            staged.insert(name, StagingTable::new(record, table)?);
        }
    }
    Ok(staged)
}

/// The records of a run's staging tables, or that of one table.
pub(super) async fn find(
    client: &Client,
    run: &RunId,
    table: Option<&str>,
) -> Result<Vec<Record>, StoreError> {
    let rows = client
        .query_typed(
            STAGING,
            &[(&run.as_str(), Type::TEXT), (&table, Type::TEXT)],
        )
        .await
        .map_err(|error| own_failed("read the staging tables", &error))?;
    rows.iter()
        .map(|row| {
            let name: &str = row.get("table_name");
            let table = name
                .parse()
                .map_err(|_| bug("read the name of a staging table"))?;
            Ok(Record {
                id: row.get("id"),
                table,
                columns: row.get("columns"),
                identity: row.get("identity"),
                layout: match row.get("is_packed") {
                    true => Layout::Packed,
                    false => Layout::Columns,
                },
            })
        })
        .collect()
}
