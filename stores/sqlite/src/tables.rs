//! The tables that requests may name: where each lies and what its columns are. Must not run
//! statements.

use std::collections::HashMap;
use std::sync::Arc;

use redistrict_model::{Column, ColumnType, Key, Table, TableRef};
use redistrict_store::{StoreError, StoreErrorKind};
use rusqlite::types::Value;

use crate::error::bug;
use crate::names::{joined, quote, same, table_in};
use crate::values::{ColumnBuilder, key_value};

/// One table with the alias of its file.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) alias: String,
    pub(crate) table: Table,
}

impl Entry {
    /// The table in statements.
    pub(crate) fn sql_name(&self) -> String {
        table_in(&self.alias, &self.table.name.table)
    }

    /// The column of that name; requests name only columns of the catalog.
    pub(crate) fn column(&self, name: &str) -> Result<&Column, StoreError> {
        self.table
            .column(name)
            .ok_or_else(|| bug(format!("find column {name:?} in the catalog")).at(&self.table.name))
    }

    /// The types of columns, each of which has to move.
    pub(crate) fn types(&self, columns: &[String]) -> Result<Vec<ColumnType>, StoreError> {
        columns
            .iter()
            .map(|name| {
                let column = self.column(name)?;
                match ColumnBuilder::new(column.column_type) {
                    Some(_) => Ok(column.column_type),
                    None => Err(StoreError::new(
                        StoreErrorKind::Config,
                        format!(
                            "move column {name:?}: type {:?} is not available yet",
                            column.source_type
                        ),
                    )
                    .at(&self.table.name)),
                }
            })
            .collect()
    }
}

/// SQLite's names for the number of a row. A column may have taken one of them.
const ROW_NUMBERS: [&str; 3] = ["rowid", "_rowid_", "oid"];

impl Entry {
    /// The name under which the number of a row is read: what tells the rows of a keyless table. Such a
    /// table has one, because a table WITHOUT ROWID has a key.
    pub(crate) fn row_number(&self) -> Result<&'static str, StoreError> {
        let is_column = |name: &str| self.table.columns.iter().any(|one| same(&one.name, name));
        let free = ROW_NUMBERS.into_iter().find(|name| !is_column(name));
        free.ok_or_else(|| {
            let what = "tell rows apart: columns have all the names that SQLite has for a row's number, and there is no key";
            StoreError::new(StoreErrorKind::Config, what).at(&self.table.name)
        })
    }

    /// What tells the rows: the identity columns, or the row number where the table is keyless.
    pub(crate) fn told_by(&self) -> Result<Vec<String>, StoreError> {
        match self.table.identity() {
            Some(identity) => Ok(identity.to_vec()),
            None => Ok(vec![self.row_number()?.to_owned()]),
        }
    }

    /// The types of [`told_by`](Self::told_by).
    pub(crate) fn types_that_tell(&self) -> Result<Vec<ColumnType>, StoreError> {
        match self.table.identity() {
            Some(identity) => self.types(identity),
            None => Ok(vec![ColumnType::Int64]),
        }
    }
}

/// The catalog entries that requests may name.
#[derive(Clone, Debug)]
pub(crate) struct Tables(Arc<HashMap<TableRef, Arc<Entry>>>);

impl Tables {
    /// Takes entries with the alias of each.
    pub(crate) fn new(entries: impl IntoIterator<Item = (String, Table)>) -> Self {
        let entries = entries
            .into_iter()
            .map(|(alias, table)| (table.name.clone(), Arc::new(Entry { alias, table })));
        Self(Arc::new(entries.collect()))
    }

    /// The entry of a table.
    pub(crate) fn entry(&self, table: &TableRef) -> Result<Arc<Entry>, StoreError> {
        self.0
            .get(table)
            .map(Arc::clone)
            .ok_or_else(|| bug("find a table of the request in the catalog").at(table))
    }
}

/// Columns that rows are looked up by.
#[derive(Clone, Debug)]
pub(crate) struct Lookup {
    columns: Vec<String>,
    types: Vec<ColumnType>,
}

impl Lookup {
    /// By these columns of a table, in the order of the parts of each key.
    pub(crate) fn by(entry: &Entry, columns: &[String]) -> Result<Self, StoreError> {
        if columns.is_empty() {
            return Err(bug("look rows up by no column").at(&entry.table.name));
        }
        Ok(Self {
            types: entry.types(columns)?,
            columns: columns.to_vec(),
        })
    }

    /// By what tells the rows: see [`Entry::told_by`].
    pub(crate) fn by_what_tells(entry: &Entry) -> Result<Self, StoreError> {
        match entry.table.identity() {
            Some(identity) => Self::by(entry, identity),
            None => Ok(Self::of_numbers(entry.told_by()?)),
        }
    }

    /// By columns of our own, or of SQLite's, that hold numbers.
    pub(crate) fn of_numbers(columns: Vec<String>) -> Self {
        Self {
            types: vec![ColumnType::Int64; columns.len()],
            columns,
        }
    }

    /// The same values, in a table that holds them under other names.
    pub(crate) fn under_names(self, columns: Vec<String>) -> Self {
        Self { columns, ..self }
    }

    /// The values to bind for a key; none if the key cannot stand in these columns.
    pub(crate) fn values(&self, key: &Key) -> Result<Option<Vec<Value>>, StoreError> {
        if key.parts().len() != self.types.len() {
            return Err(bug("look up a key with another number of columns"));
        }
        let parts = key.parts().iter().zip(&self.types);
        Ok(parts.map(|(part, kind)| key_value(part, *kind)).collect())
    }

    /// How many keys one statement takes when it may bind that many values.
    pub(crate) fn keys_per_statement(&self, most_values: usize) -> usize {
        (most_values / self.columns.len()).max(1)
    }

    /// Selects columns of the rows (named `t`) with one of so many keys, whose values are bound in
    /// order.
    ///
    /// Texts are compared byte by byte, whatever collation a column was declared with: a key is its
    /// text, and `a` is not `A`. No form of it looks at all rows for each key.
    pub(crate) fn select(&self, selected: &str, table: &str, keys: usize) -> String {
        if let [column] = self.columns.as_slice() {
            let marks = vec!["?"; keys].join(", ");
            let column = quote(column);
            return format!(
                "select {selected} from {table} as t where t.{column} collate binary in ({marks})"
            );
        }
        let names: Vec<String> = (0..self.columns.len()).map(|n| format!("k{n}")).collect();
        let row = format!("({})", vec!["?"; names.len()].join(", "));
        format!(
            "with redistrict_keys ({}) as (values {}) select {selected} \
             from redistrict_keys as k join {table} as t on {}",
            names.join(", "),
            vec![row; keys].join(", "),
            joined("t", &self.columns, "k", &names)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redistrict_model::{Generated, StoreName};
    use rusqlite::{Connection, params_from_iter};

    fn entry(columns: &[&str]) -> Entry {
        let column = |name: &&str| Column {
            name: (*name).to_owned(),
            source_type: "text".into(),
            column_type: ColumnType::Text,
            nullable: false,
            generated: Generated::No,
            has_default: false,
            max_length: None,
            labels: Vec::new(),
            element: None,
        };
        let table = Table {
            columns: columns.iter().map(column).collect(),
            ..Table::empty(TableRef::new(&StoreName::new("s"), "main", "t"))
        };
        Entry {
            alias: "main".into(),
            table,
        }
    }

    const KEYS: usize = 3000;

    fn plan(connection: &Connection, columns: &[&str]) -> String {
        let names: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
        let lookup = Lookup::by(&entry(columns), &names).unwrap();
        let sql = lookup.select("t.rowid", "main.t", KEYS);
        let mut statement = connection
            .prepare(&format!("explain query plan {sql}"))
            .unwrap();
        let values = vec!["x"; KEYS * columns.len()];
        let lines = statement
            .query_map(params_from_iter(values), |row| row.get::<_, String>(3))
            .unwrap();
        lines.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn lookups_never_compare_every_key_with_every_row() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "create table t (a text primary key, b text, c text, d text collate nocase, e text);
                 create unique index bc on t (b, c); create unique index de on t (d, e)",
            )
            .unwrap();
        assert!(plan(&connection, &["a"]).contains("SEARCH t USING"));
        assert!(
            plan(&connection, &["b", "c"])
                .contains("SEARCH t USING COVERING INDEX bc (b=? AND c=?)")
        );
        for columns in [["d", "e"], ["c", "e"]] {
            let plan = plan(&connection, &columns);
            let scans = plan.contains("SCAN k") && plan.contains("SCAN t");
            assert!(!scans && plan.contains("SEARCH"), "{plan}");
        }
    }
}
