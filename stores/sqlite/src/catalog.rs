//! The catalog of one SQLite file, by PRAGMAs and by the DDL that SQLite keeps. Must not read rows of
//! tables, except where a foreign key is checked for partners.

use std::collections::BTreeMap;

use redistrict_model::{
    Catalog, Check, Column, ForeignKey, Generated, StoreKind, StoreName, Table, TableKind,
    TableRef, Trigger, Unique,
};
use redistrict_store::StoreError;
use rusqlite::{Connection, OptionalExtension};

use crate::ddl::{self, Ddl};
use crate::error::Context;
use crate::names::{SCHEMA, is_own, quote, same};
use crate::types::declared;

/// Which side is described: our writing connections fire no trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Source,
    Target,
}

/// A foreign key with what the contract's type does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawForeignKey {
    pub(crate) child: String,
    pub(crate) columns: Vec<String>,
    /// The parent's name as the catalog has it.
    pub(crate) parent: String,
    pub(crate) parent_columns: Vec<String>,
    pub(crate) on_update: String,
    pub(crate) on_delete: String,
}

/// The version for people.
pub(crate) fn version() -> String {
    format!("SQLite {}", rusqlite::version())
}

/// Describes the file attached as `alias`.
pub(crate) fn read(
    connection: &Connection,
    alias: &str,
    store: &StoreName,
    side: Side,
) -> Result<Catalog, StoreError> {
    let shapes = shapes(connection, alias)?;
    let mut tables = Vec::with_capacity(shapes.len());
    for shape in &shapes {
        let name = TableRef::new(store, SCHEMA, &shape.name);
        let reader = TableReader {
            connection,
            alias,
            shapes: &shapes,
            shape,
            side,
        };
        tables.push(
            reader
                .read(name.clone())
                .doing_at("read the catalog", &name)?,
        );
    }
    Ok(Catalog {
        store: store.clone(),
        kind: StoreKind::Sqlite,
        version: version(),
        tables,
    })
}

/// Every foreign key of the file whose parent exists.
pub(crate) fn foreign_keys(
    connection: &Connection,
    alias: &str,
) -> Result<Vec<RawForeignKey>, StoreError> {
    let what = "read the foreign keys of a SQLite file";
    let shapes = shapes(connection, alias)?;
    let mut keys = Vec::new();
    for shape in &shapes {
        let found = raw_keys(connection, alias, &shapes, shape).doing(what)?;
        keys.extend(found.into_iter().map(|(_, key)| key));
    }
    Ok(keys)
}

/// Virtual tables, which are not read.
pub(crate) fn virtual_tables(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let what = "list the virtual tables of a SQLite file";
    let sql = "select name from pragma_table_list where schema = 'main' and type = 'virtual' order by name";
    let mut statement = connection.prepare(sql).doing(what)?;
    let names = statement.query_map([], |row| row.get(0)).doing(what)?;
    names.collect::<Result<_, _>>().doing(what)
}

/// Whether a table of the file attached as `alias` has an AUTOINCREMENT key.
pub(crate) fn has_autoincrement(
    connection: &Connection,
    alias: &str,
    table: &str,
) -> Result<bool, rusqlite::Error> {
    Ok(read_ddl(connection, alias, table)?.has_autoincrement)
}

/// What every other part of a table's description refers to.
struct Shape {
    name: String,
    is_without_rowid: bool,
    columns: Vec<RawColumn>,
    /// In key order.
    primary_key: Vec<String>,
}

struct RawColumn {
    name: String,
    declared_type: String,
    is_not_null: bool,
    has_default: bool,
    /// 0, or the position in the primary key.
    key_position: i64,
    is_generated: bool,
}

fn shapes(connection: &Connection, alias: &str) -> Result<Vec<Shape>, StoreError> {
    let what = "list the tables of a SQLite file";
    let mut statement = connection
        .prepare(include_str!("sql/tables.sql"))
        .doing(what)?;
    let listed = statement
        .query_map([alias], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))
        .doing(what)?;
    let mut shapes = Vec::new();
    for table in listed {
        let (name, is_without_rowid) = table.doing(what)?;
        if !is_own(&name) {
            let columns = raw_columns(connection, alias, &name).doing(what)?;
            shapes.push(Shape::new(name, is_without_rowid, columns));
        }
    }
    Ok(shapes)
}

impl Shape {
    fn new(name: String, is_without_rowid: bool, columns: Vec<RawColumn>) -> Self {
        let mut key: Vec<&RawColumn> = columns.iter().filter(|c| c.key_position > 0).collect();
        key.sort_by_key(|column| column.key_position);
        let primary_key = key.into_iter().map(|column| column.name.clone()).collect();
        Self {
            name,
            is_without_rowid,
            columns,
            primary_key,
        }
    }

    /// The column's name as the catalog has it.
    fn column(&self, name: &str) -> Option<String> {
        let found = self.columns.iter().find(|column| same(&column.name, name));
        found.map(|column| column.name.clone())
    }
}

fn raw_columns(
    connection: &Connection,
    alias: &str,
    table: &str,
) -> Result<Vec<RawColumn>, rusqlite::Error> {
    let mut statement = connection.prepare(include_str!("sql/columns.sql"))?;
    let columns = statement.query_map([table, alias], |row| {
        Ok(RawColumn {
            name: row.get(0)?,
            declared_type: row.get(1)?,
            is_not_null: row.get(2)?,
            has_default: row.get(3)?,
            key_position: row.get(4)?,
            is_generated: row.get::<_, i64>(5)? >= 2,
        })
    })?;
    columns.collect()
}

/// The foreign keys of a table with their ids; those whose parent, or a column of it, does not exist
/// are left out: no statement that would check them can run.
fn raw_keys(
    connection: &Connection,
    alias: &str,
    shapes: &[Shape],
    shape: &Shape,
) -> Result<Vec<(i64, RawForeignKey)>, rusqlite::Error> {
    type Row = (i64, String, String, Option<String>, String, String);
    let mut statement = connection.prepare(include_str!("sql/foreign_keys.sql"))?;
    let rows = statement.query_map([shape.name.as_str(), alias], |row| {
        Ok((
            row.get(0)?,
            row.get(1)?,
            row.get(2)?,
            row.get(3)?,
            row.get(4)?,
            row.get(5)?,
        ))
    })?;
    let mut grouped: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
    for row in rows {
        let row: Row = row?;
        grouped.entry(row.0).or_default().push(row);
    }
    let read_key = |(id, rows): (i64, Vec<Row>)| {
        let (_, parent, _, _, on_update, on_delete) = rows.first()?;
        let parent = shapes.iter().find(|shape| same(&shape.name, parent))?;
        let columns = rows
            .iter()
            .map(|row| shape.column(&row.2))
            .collect::<Option<_>>()?;
        let named = rows
            .iter()
            .map(|row| row.3.as_deref().and_then(|to| parent.column(to)));
        let parent_columns: Vec<String> = if rows.iter().all(|row| row.3.is_none()) {
            parent.primary_key.clone()
        } else {
            named.collect::<Option<_>>()?
        };
        (parent_columns.len() == rows.len()).then(|| {
            let key = RawForeignKey {
                child: shape.name.clone(),
                columns,
                parent: parent.name.clone(),
                parent_columns,
                on_update: on_update.clone(),
                on_delete: on_delete.clone(),
            };
            (id, key)
        })
    };
    Ok(grouped.into_iter().filter_map(read_key).collect())
}

fn read_ddl(connection: &Connection, alias: &str, table: &str) -> Result<Ddl, rusqlite::Error> {
    let sql = format!(
        "select sql from {}.sqlite_schema where type = 'table' and name = ?1",
        quote(alias)
    );
    let text: Option<String> = connection
        .query_row(&sql, [table], |row| row.get(0))
        .optional()?;
    Ok(text.map(|text| ddl::parse(&text)).unwrap_or_default())
}

/// Reads one table.
struct TableReader<'a> {
    connection: &'a Connection,
    alias: &'a str,
    shapes: &'a [Shape],
    shape: &'a Shape,
    side: Side,
}

impl TableReader<'_> {
    fn read(&self, name: TableRef) -> Result<Table, rusqlite::Error> {
        let ddl = read_ddl(self.connection, self.alias, &self.shape.name)?;
        let indexes = self.unique_indexes()?;
        let has_key_index = indexes.iter().any(|index| index.is_primary);
        let foreign_keys = self.foreign_keys(&name, &ddl)?;
        Ok(Table {
            kind: TableKind::Table,
            columns: self.columns(has_key_index),
            primary_key: Some(self.shape.primary_key.clone()).filter(|key| !key.is_empty()),
            uniques: self.uniques(&indexes, &ddl),
            foreign_keys,
            checks: self.checks(&ddl),
            exclusions: Vec::new(),
            triggers: self.triggers()?,
            row_security: false,
            inherits: None,
            estimated_rows: self.estimated_rows()?,
            name,
        })
    }

    /// A primary key column of a rowid table may hold NULL unless it is declared otherwise; the alias
    /// of the rowid, a single `INTEGER PRIMARY KEY` without an index of its own, may not.
    fn columns(&self, has_key_index: bool) -> Vec<Column> {
        let is_rowid_alias =
            !self.shape.is_without_rowid && !has_key_index && self.shape.primary_key.len() == 1;
        let column = |raw: &RawColumn| {
            let understood = declared(&raw.declared_type);
            let is_key = raw.key_position > 0;
            let is_never_null =
                raw.is_not_null || (is_key && (is_rowid_alias || self.shape.is_without_rowid));
            Column {
                name: raw.name.clone(),
                source_type: raw.declared_type.clone(),
                column_type: understood.column_type,
                nullable: !is_never_null,
                generated: if raw.is_generated {
                    Generated::Stored
                } else {
                    Generated::No
                },
                has_default: raw.has_default,
                max_length: understood.max_length,
                labels: Vec::new(),
                element: None,
            }
        };
        self.shape.columns.iter().map(column).collect()
    }

    fn unique_indexes(&self) -> Result<Vec<UniqueIndex>, rusqlite::Error> {
        let mut statement = self
            .connection
            .prepare(include_str!("sql/unique_indexes.sql"))?;
        let mut rows = statement.query([self.shape.name.as_str(), self.alias])?;
        let mut indexes: Vec<UniqueIndex> = Vec::new();
        while let Some(row) = rows.next()? {
            let (name, origin): (String, String) = (row.get(0)?, row.get(1)?);
            let column: String = row.get(2)?;
            match indexes.last_mut().filter(|index| index.name == name) {
                Some(index) => index.columns.push(column),
                None => indexes.push(UniqueIndex {
                    is_constraint: origin == "u",
                    is_primary: origin == "pk",
                    columns: vec![column],
                    name,
                }),
            }
        }
        Ok(indexes)
    }

    fn uniques(&self, indexes: &[UniqueIndex], ddl: &Ddl) -> Vec<Unique> {
        let is_same = |a: &[String], b: &[String]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        };
        let name = |index: &UniqueIndex| {
            if !index.is_constraint {
                return index.name.clone();
            }
            let declared = ddl
                .uniques
                .iter()
                .find(|one| is_same(&one.columns, &index.columns));
            declared
                .and_then(|one| one.name.clone())
                .unwrap_or_else(|| format!("{}_{}_key", self.shape.name, index.columns.join("_")))
        };
        let mut uniques: Vec<Unique> = indexes
            .iter()
            .filter(|index| !index.is_primary)
            .map(|index| Unique {
                name: name(index),
                columns: index.columns.clone(),
            })
            .collect();
        uniques.sort_by(|a, b| a.name.cmp(&b.name));
        uniques
    }

    fn foreign_keys(&self, name: &TableRef, ddl: &Ddl) -> Result<Vec<ForeignKey>, rusqlite::Error> {
        let violated = self.violated_keys();
        let mut keys = Vec::new();
        for (id, raw) in raw_keys(self.connection, self.alias, self.shapes, self.shape)? {
            let declared = ddl.foreign_keys.iter().find(|one| {
                same(&one.parent, &raw.parent)
                    && one.columns.len() == raw.columns.len()
                    && one
                        .columns
                        .iter()
                        .zip(&raw.columns)
                        .all(|(a, b)| same(a, b))
            });
            let given = declared.and_then(|one| one.name.clone());
            let made = || format!("{}_{}_fkey", raw.child, raw.columns.join("_"));
            keys.push(ForeignKey {
                name: given.unwrap_or_else(made),
                parent: TableRef::new(&name.store, SCHEMA, &raw.parent),
                on_delete_cascade: same(&raw.on_delete, "cascade"),
                deferrable: declared.is_some_and(|one| one.is_deferrable),
                validated: violated.as_ref().is_some_and(|ids| !ids.contains(&id)),
                when: Vec::new(),
                columns: raw.columns,
                parent_columns: raw.parent_columns,
            });
        }
        keys.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(keys)
    }

    /// The ids of keys with rows without a partner: SQLite enforces foreign keys only where a
    /// connection asks for it, so only the data can tell. None if they cannot be checked at all.
    fn violated_keys(&self) -> Option<Vec<i64>> {
        let sql = "select distinct fkid from pragma_foreign_key_check(?1, ?2)";
        let mut statement = self.connection.prepare(sql).ok()?;
        let ids = statement
            .query_map([self.shape.name.as_str(), self.alias], |row| row.get(0))
            .ok()?;
        ids.collect::<Result<_, _>>().ok()
    }

    fn checks(&self, ddl: &Ddl) -> Vec<Check> {
        let check = |(position, check): (usize, &ddl::DdlCheck)| {
            let is_named =
                |column: &&RawColumn| check.names.iter().any(|name| same(name, &column.name));
            let named = self.shape.columns.iter().filter(is_named);
            let made = || format!("{}_check_{}", self.shape.name, position + 1);
            Check {
                name: check.name.clone().unwrap_or_else(made),
                expression: check.expression.clone(),
                columns: named.map(|column| column.name.clone()).collect(),
            }
        };
        ddl.checks.iter().enumerate().map(check).collect()
    }

    fn triggers(&self) -> Result<Vec<Trigger>, rusqlite::Error> {
        let sql = format!(
            "select name from {}.sqlite_schema where type = 'trigger' and lower(tbl_name) = lower(?1) order by name",
            quote(self.alias)
        );
        let mut statement = self.connection.prepare(&sql)?;
        let enabled = self.side == Side::Source;
        let triggers = statement.query_map([&self.shape.name], |row| {
            Ok(Trigger {
                name: row.get(0)?,
                enabled,
                fills: Vec::new(),
            })
        })?;
        triggers.collect()
    }

    fn estimated_rows(&self) -> Result<Option<u64>, rusqlite::Error> {
        let alias = quote(self.alias);
        let has_statistics =
            format!("select count(*) from {alias}.sqlite_schema where name = 'sqlite_stat1'");
        let is_there: bool = self
            .connection
            .query_row(&has_statistics, [], |row| row.get(0))?;
        if !is_there {
            return Ok(None);
        }
        let sql = format!(
            "select stat from {alias}.sqlite_stat1 where tbl = ?1 and stat is not null limit 1"
        );
        let text: Option<String> = self
            .connection
            .query_row(&sql, [&self.shape.name], |row| row.get(0))
            .optional()?;
        Ok(text.and_then(|text| text.split(' ').next()?.parse().ok()))
    }
}

/// A unique index over plain columns.
struct UniqueIndex {
    name: String,
    /// Made by a UNIQUE constraint.
    is_constraint: bool,
    is_primary: bool,
    columns: Vec<String>,
}
