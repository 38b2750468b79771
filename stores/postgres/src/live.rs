//! Tables as the server has them now. Whatever a request names is looked up here by exact match: no
//! name and no type that came from outside gets into a statement.

use std::collections::HashMap;

use redistrict_model::{ColumnType, Table, TableRef};
use redistrict_store::{StoreError, StoreErrorKind};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::connect::Session;
use crate::encoding::Encoding;
use crate::error::{bug, failed};
use crate::statement::{self, quoted};
use crate::types::{self, Comparison, ElementFacts, KeyTrouble, Rounding, TypeFacts};

/// One column, from the server.
#[derive(Clone, Debug)]
pub(crate) struct LiveColumn {
    pub(crate) name: String,
    pub(crate) column_type: ColumnType,
    /// The declared type as the server prints it; valid SQL.
    pub(crate) source_type: String,
    /// The base type without modifier; valid SQL. `name`, `varchar` and `citext` are `text` here.
    pub(crate) key_type: String,
    pub(crate) typmod: i32,
    comparison: Comparison,
    /// How assigning may drop digits or characters without an error.
    pub(crate) rounding: Rounding,
    /// For arrays.
    pub(crate) element: Option<ColumnType>,
    /// Why it is no key, if it is none.
    pub(crate) key_trouble: Option<KeyTrouble>,
    pub(crate) is_stored: bool,
    /// `GENERATED ALWAYS AS IDENTITY`: may be given when a row is inserted, never changed.
    pub(crate) is_fixed: bool,
    /// The first column of an index over all rows: keys can be looked up one by one.
    pub(crate) is_leading: bool,
    pub(crate) labels: Vec<String>,
}

impl LiveColumn {
    /// Texts: assigned as they are, so that the server refuses what is too long.
    pub(crate) fn is_string(&self) -> bool {
        matches!(self.column_type, ColumnType::Text | ColumnType::Char)
    }

    /// A staged value as the column's base type.
    ///
    /// Printed types come by way of `bpchar`, which nobody has a cast from: so it is the input
    /// function that reads them.
    pub(crate) fn read_back(&self, staged: &str) -> String {
        if types::is_printed(self.column_type) {
            format!("{staged}::pg_catalog.bpchar::{}", self.key_type)
        } else {
            format!("{staged}::{}", self.key_type)
        }
    }

    /// What two values are compared by when they are keys.
    pub(crate) fn comparable(&self, value: &str) -> String {
        match self.comparison {
            Comparison::Value => value.to_owned(),
            Comparison::Base => format!("({value})::{}", self.key_type),
            Comparison::Text => statement::canonical(value, self.column_type),
            Comparison::Number => format!("({value})::oid"),
        }
    }

    /// A key's text as something to compare with [`Self::comparable`].
    pub(crate) fn key_value(&self, text: &str) -> String {
        match self.comparison {
            Comparison::Value | Comparison::Base => self.read_back(text),
            Comparison::Text => format!("{text}::text"),
            Comparison::Number => format!("({})::oid", self.read_back(text)),
        }
    }

    /// The type of [`Self::comparable`].
    pub(crate) fn comparable_type(&self) -> &str {
        match self.comparison {
            Comparison::Value | Comparison::Base => &self.key_type,
            Comparison::Text => "text",
            Comparison::Number => "oid",
        }
    }
}

/// One table, from the server, with the catalog entry that the caller plans with.
#[derive(Clone, Debug)]
pub(crate) struct LiveTable {
    pub(crate) entry: Table,
    /// Texts are bytes in this database: they need not be UTF-8.
    pub(crate) holds_bytes: bool,
    is_partitioned: bool,
    columns: Vec<LiveColumn>,
}

impl LiveTable {
    /// The relation for a FROM clause, quoted.
    pub(crate) fn relation(&self) -> String {
        if self.is_partitioned {
            self.qualified()
        } else {
            format!("only {}", self.qualified())
        }
    }

    pub(crate) fn is_partitioned(&self) -> bool {
        self.is_partitioned
    }

    /// `"schema"."table"`.
    pub(crate) fn qualified(&self) -> String {
        format!(
            "{}.{}",
            quoted(&self.entry.name.schema),
            quoted(&self.entry.name.table)
        )
    }

    pub(crate) fn column(&self, name: &str) -> Result<&LiveColumn, StoreError> {
        self.columns
            .iter()
            .find(|column| column.name == name)
            .ok_or_else(|| bug("find a column that was asked for").at(&self.entry.name))
    }

    pub(crate) fn columns(&self, names: &[String]) -> Result<Vec<&LiveColumn>, StoreError> {
        names.iter().map(|name| self.column(name)).collect()
    }

    /// The identity columns; none where the table is keyless, and its rows are told by locators.
    pub(crate) fn identity(&self) -> Result<Vec<&LiveColumn>, StoreError> {
        self.columns(self.entry.identity().unwrap_or_default())
    }
}

/// The tables that requests of a session may name.
#[derive(Clone, Debug, Default)]
pub(crate) struct LiveTables(HashMap<TableRef, LiveTable>);

impl LiveTables {
    pub(crate) fn table(&self, name: &TableRef) -> Result<&LiveTable, StoreError> {
        let unknown = || bug("find a table that was asked for").at(name);
        self.0.get(name).ok_or_else(unknown)
    }

    /// Looks the tables up; a table or column that is gone or of another type is drift.
    pub(crate) async fn look_up<S>(
        session: &Session<S>,
        tables: &[Table],
    ) -> Result<Self, StoreError> {
        let mut schemas: Vec<&str> = tables
            .iter()
            .map(|table| table.name.schema.as_str())
            .collect();
        schemas.sort_unstable();
        schemas.dedup();
        let names: Vec<&str> = tables
            .iter()
            .map(|table| table.name.table.as_str())
            .collect();
        if names.is_empty() {
            return Ok(Self::default());
        }
        let is_odd =
            |table: &&Table| table.name.schema.contains('\0') || table.name.table.contains('\0');
        if let Some(table) = tables.iter().find(is_odd) {
            return Err(drift(table));
        }
        let rows = session
            .read(
                &statement::COLUMNS,
                &[(&schemas, Type::TEXT_ARRAY), (&names, Type::TEXT_ARRAY)],
            )
            .await
            .map_err(|error| failed("look up columns", &error))?;
        let mut found: HashMap<(String, String), (bool, Vec<LiveColumn>)> = HashMap::new();
        for row in &rows {
            let key = (row.get("schema_name"), row.get("table_name"));
            let (is_partitioned, columns) = found.entry(key).or_default();
            *is_partitioned = row.get::<_, &str>("kind") == "p";
            columns.push(live_column(row));
        }
        let mut live = HashMap::new();
        for table in tables {
            let key = (table.name.schema.clone(), table.name.table.clone());
            let (is_partitioned, columns) = match found.get(&key) {
                Some(found) => found.clone(),
                None if table.columns.is_empty() => (false, Vec::new()),
                None => return Err(drift(table)),
            };
            let entry = LiveTable {
                entry: table.clone(),
                holds_bytes: *session.encoding() == Encoding::Bytes,
                is_partitioned,
                columns,
            };
            check_columns(&entry)?;
            live.insert(table.name.clone(), entry);
        }
        Ok(Self(live))
    }
}

fn check_columns(live: &LiveTable) -> Result<(), StoreError> {
    for column in &live.entry.columns {
        let now = live.columns.iter().find(|one| one.name == column.name);
        if now.is_none_or(|one| one.column_type != column.column_type) {
            return Err(drift(&live.entry));
        }
    }
    Ok(())
}

fn drift(table: &Table) -> StoreError {
    StoreError::new(StoreErrorKind::Config, "find the table as it was planned")
        .at(&table.name)
        .with_hint("the database's schema changed since the plan was made: analyze it again")
}

/// Reads one row of `columns.sql`.
pub(crate) fn live_column(row: &Row) -> LiveColumn {
    let facts = facts(row);
    let typmod = row.get("typmod");
    let is_text = matches!(facts.name, "name" | "varchar" | "text" | "citext.citext");
    LiveColumn {
        name: row.get("column_name"),
        column_type: types::column_type(&facts),
        rounding: types::rounding(&facts, typmod),
        element: types::element_type(&facts),
        key_trouble: types::key_trouble(&facts, row.get("is_deterministic")),
        source_type: row.get("source_type"),
        key_type: if is_text {
            "text".to_owned()
        } else {
            row.get("base_type")
        },
        typmod,
        comparison: types::comparison(&facts, row.get("is_domain")),
        is_stored: !row.get::<_, &str>("generated").is_empty(),
        is_fixed: row.get::<_, &str>("identity") == "a",
        is_leading: row.get("is_leading"),
        labels: row.get("labels"),
    }
}

fn facts(row: &Row) -> TypeFacts<'_> {
    let element = row
        .get::<_, Option<&str>>("element_kind")
        .map(|kind| ElementFacts {
            name: row.get("element_name"),
            kind,
            is_array: row.get("is_element_array"),
            delimiter: row.get("delimiter"),
        });
    TypeFacts {
        name: row.get("base_name"),
        kind: row.get("base_kind"),
        element,
        parts: row.get("parts"),
    }
}

#[cfg(test)]
mod tests {
    use redistrict_testkit::postgres::TestServer;

    use super::*;
    use crate::statement::{KeyColumn, KeySource, matches};

    fn column(name: &str, is_leading: bool) -> LiveColumn {
        LiveColumn {
            name: name.to_owned(),
            column_type: ColumnType::Int64,
            source_type: "bigint".to_owned(),
            key_type: "bigint".to_owned(),
            typmod: -1,
            comparison: Comparison::Value,
            rounding: Rounding::Never,
            element: None,
            key_trouble: None,
            is_stored: false,
            is_fixed: false,
            is_leading,
            labels: Vec::new(),
        }
    }

    /// Comparing each row with each key in turn takes the product of both: minutes in a district.
    #[tokio::test]
    async fn keys_are_looked_up_by_an_index_or_hashed() {
        let server = TestServer::start();
        let url = server.create_database().await;
        let sql = "create table t (id bigint primary key, other bigint); \
                   insert into t select i, i from generate_series(1, 50000) as i; analyze t";
        server.psql(&url, sql).await;
        for (name, is_leading, expected) in [("id", true, "Index Cond"), ("other", false, "Hash")] {
            let column = column(name, is_leading);
            let keys = [KeyColumn {
                column: &column,
                is_cast: true,
            }];
            let matching = matches("t", &keys, KeySource::Settings);
            let sql = format!(
                "set redistrict.k1 = '{{1,2,3}}'; explain select id from t as t where {matching}"
            );
            let plan: Vec<String> = server
                .query(&url, &sql)
                .await
                .into_iter()
                .flatten()
                .flatten()
                .collect();
            let plan = plan.join("\n");
            assert!(plan.contains(expected), "{plan}");
            assert!(!plan.contains("Filter: (other = ANY"), "{plan}");
        }
    }
}
