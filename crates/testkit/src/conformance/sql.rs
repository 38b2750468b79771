//! The suite's [words](super::words) in SQL, shared by the kinds that speak it. Pure functions render,
//! [`SqlDatabase`] runs. Must not know more of a kind than its [`Dialect`].

use async_trait::async_trait;

use super::harness::{Database, LogicalType};
use super::words::{Action, Change, NewForeignKey, NewTable, Row, ValueSource};

const ROWS_PER_STATEMENT: usize = 500;

/// The few words of SQL that differ.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// The name of a type.
    pub type_name: fn(LogicalType) -> &'static str,
    /// The literal of a canonical text (`true`, `\x00ff`, `2024-02-29`, `2024-02-29 23:59:59.000001`).
    pub literal: fn(LogicalType, &str) -> String,
    /// What stands after the name of a key column that a sequence fills.
    pub serial_key: &'static str,
    /// A trigger after insert on the first table that writes `fired` into column `what` of the second;
    /// both names come quoted.
    pub trigger: fn(&str, &str) -> String,
    /// Foreign keys to tables that come later are added when those are there, and not as the
    /// table is made.
    pub alters_tables: bool,
}

/// A plain client that speaks SQL.
#[async_trait]
pub trait SqlDatabase: Send + Sync {
    /// The words.
    fn dialect(&self) -> Dialect;

    /// Runs one or more statements. The error is the server's message.
    async fn try_run(&self, sql: &str) -> Result<(), String>;

    /// The rows of one query: each value as text that tells types and NULL apart as exactly as the
    /// kind can.
    async fn query(&self, sql: &str) -> Vec<Row>;

    /// The rows of one query whose columns are all texts.
    async fn texts(&self, sql: &str) -> Vec<Row>;
}

#[async_trait]
impl<T: SqlDatabase> Database for T {
    async fn create(&self, tables: &[NewTable]) {
        let sql = create_tables(&self.dialect(), tables);
        if let Err(message) = self.try_run(&sql).await {
            panic!("the plain client failed: {message}\n{sql}");
        }
    }

    async fn try_change(&self, changes: &[Change<'_>]) -> Result<(), String> {
        let dialect = self.dialect();
        let statements: String = changes
            .iter()
            .map(|change| change_rows(&dialect, change))
            .collect();
        self.try_run(&format!("begin; {statements} commit")).await
    }

    async fn dump(&self, table: &str) -> Vec<String> {
        let rows = self
            .query(&format!("select * from {}", quoted(table)))
            .await;
        let mut lines: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
        lines.sort();
        lines
    }

    async fn cells(&self, table: &str, columns: &[&str]) -> Vec<Row> {
        let columns: Vec<String> = columns
            .iter()
            .map(|column| format!("cast({} as text)", quoted(column)))
            .collect();
        let sql = format!("select {} from {}", columns.join(", "), quoted(table));
        let mut rows = self.texts(&sql).await;
        rows.sort();
        rows
    }

    async fn trigger(&self, on: &str, log: &str) {
        let sql = (self.dialect().trigger)(&quoted(on), &quoted(log));
        if let Err(message) = self.try_run(&sql).await {
            panic!("the plain client failed: {message}\n{sql}");
        }
    }
}

/// An identifier in double quotes.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in single quotes.
#[must_use]
pub fn text_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn list(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    names.join(", ")
}

/// The statements that make tables.
fn create_tables(dialect: &Dialect, tables: &[NewTable]) -> String {
    let (mut made, mut later) = (Vec::new(), Vec::new());
    for (at, table) in tables.iter().enumerate() {
        let name = quoted(&table.name);
        let mut parts: Vec<String> = columns(dialect, table);
        for foreign_key in &table.foreign_keys {
            let clause = references(foreign_key);
            let mut rest = tables[at + 1..].iter();
            if dialect.alters_tables && rest.any(|table| table.name == foreign_key.parent) {
                later.push(format!("alter table {name} add {clause};"));
            } else {
                parts.push(clause);
            }
        }
        made.push(format!("create table {name} ({});", parts.join(", ")));
    }
    made.concat() + &later.concat()
}

/// Columns, keys and the check.
fn columns(dialect: &Dialect, table: &NewTable) -> Vec<String> {
    let mut has_key = table.key.is_empty();
    let mut parts = Vec::new();
    for column in &table.columns {
        let mut part = format!("{} ", quoted(&column.name));
        if column.source == ValueSource::Sequence {
            parts.push(part + dialect.serial_key);
            has_key = true;
            continue;
        }
        part.push_str((dialect.type_name)(column.logical));
        if column.is_mandatory {
            part.push_str(" not null");
        }
        if let Some(value) = &column.default {
            part.push_str(" default ");
            part.push_str(&(dialect.literal)(column.logical, value));
        }
        if let ValueSource::Twice(of) = &column.source {
            let of = quoted(of);
            part = format!("{part} generated always as ({of} || {of}) stored");
        }
        parts.push(part);
    }
    if !has_key {
        parts.push(format!("primary key ({})", list(&table.key)));
    }
    for unique in &table.uniques {
        let (name, columns) = (quoted(&unique.name), list(&unique.columns));
        parts.push(format!("constraint {name} unique ({columns})"));
    }
    if let Some(check) = &table.check {
        parts.push(format!(
            "constraint {} check ({} >= 0 and {} <> 7)",
            quoted(&check.name),
            quoted(&check.not_negative),
            quoted(&check.not_seven)
        ));
    }
    parts
}

fn references(foreign_key: &NewForeignKey) -> String {
    let name = foreign_key.name.as_ref();
    let name = name.map_or_else(String::new, |name| format!("constraint {} ", quoted(name)));
    let action = match foreign_key.action {
        Action::None => "",
        Action::Restrict => " on delete restrict",
        Action::SetNull => " on delete set null",
        Action::Cascade => " on delete cascade",
        Action::CascadeAlways => " on delete cascade on update cascade",
    };
    format!(
        "{name}foreign key ({}) references {} ({}){action}",
        list(&foreign_key.columns),
        quoted(&foreign_key.parent),
        list(&foreign_key.parent_columns)
    )
}

/// The statements of one change.
fn change_rows(dialect: &Dialect, change: &Change<'_>) -> String {
    let is = |table: &NewTable, (column, value): (&str, &str)| {
        let literal = (dialect.literal)(table.column(column).logical, value);
        format!("{} = {literal}", quoted(column))
    };
    match change {
        Change::Insert {
            table,
            columns,
            rows,
        } => rows
            .chunks(ROWS_PER_STATEMENT)
            .map(|rows| insert(dialect, table, columns, rows))
            .collect(),
        Change::Update { table, set, of } => format!(
            "update {} set {} where {};",
            quoted(&table.name),
            is(table, *set),
            is(table, *of)
        ),
        Change::Delete { table, of } => {
            let condition = of.map_or_else(String::new, |of| format!(" where {}", is(table, of)));
            format!("delete from {}{condition};", quoted(&table.name))
        }
    }
}

fn insert(dialect: &Dialect, table: &NewTable, columns: &[&str], rows: &[Row]) -> String {
    let logical: Vec<LogicalType> = columns
        .iter()
        .map(|column| table.column(column).logical)
        .collect();
    let cell = |(logical, cell): (&LogicalType, &Option<String>)| {
        cell.as_ref().map_or_else(
            || "null".to_owned(),
            |text| (dialect.literal)(*logical, text),
        )
    };
    let tuple = |row: &Row| {
        let cells: Vec<String> = logical.iter().zip(row).map(cell).collect();
        format!("({})", cells.join(", "))
    };
    let tuples: Vec<String> = rows.iter().map(tuple).collect();
    let columns: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
    format!(
        "insert into {} ({}) values {};",
        quoted(&table.name),
        columns.join(", "),
        tuples.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::words::{NULL, rows};

    const DIALECT: Dialect = Dialect {
        type_name: |_| "int",
        literal: |_, text| text_literal(text),
        serial_key: "serial primary key",
        trigger: |_, _| String::new(),
        alters_tables: true,
    };

    #[test]
    fn a_foreign_key_to_a_later_table_is_added_when_that_is_there() {
        let ids = [("id", LogicalType::Int64), ("p", LogicalType::Int64)];
        let one = NewTable::new("one", &ids).key(&["id"]);
        let one = one.references(&["p"], "two", &["id"], Action::Cascade);
        let two = NewTable::new("two", &ids).key(&["id"]);
        let two = two
            .references(&["p"], "one", &["id"], Action::None)
            .called("back");
        assert_eq!(
            create_tables(&DIALECT, &[one, two]),
            "create table \"one\" (\"id\" int not null, \"p\" int, primary key (\"id\"));\
             create table \"two\" (\"id\" int not null, \"p\" int, primary key (\"id\"), \
             constraint \"back\" foreign key (\"p\") references \"one\" (\"id\"));\
             alter table \"one\" add foreign key (\"p\") references \"two\" (\"id\") on delete cascade;"
        );
    }

    #[test]
    fn names_and_values_are_quoted() {
        let table = NewTable::new("a\"b", &[("c'd", LogicalType::Text)]);
        let change = Change::Insert {
            table: &table,
            columns: table.written(),
            rows: rows(&[["o'brien"], [NULL]]),
        };
        assert_eq!(
            change_rows(&DIALECT, &change),
            "insert into \"a\"\"b\" (\"c'd\") values ('o''brien'), (null);"
        );
    }
}
