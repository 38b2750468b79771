//! SQLite for the conformance suite: two files in a folder, and rusqlite as the plain client.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use redistrict_model::StoreName;
use redistrict_sqlite::{SqliteSource, SqliteTarget};
use redistrict_store::TargetStore;
use redistrict_testkit::conformance::sql::{Dialect, SqlDatabase, text_literal};
use redistrict_testkit::conformance::{Abilities, Harness, LogicalType, Row, World};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// The kind under test.
pub(crate) struct Files;

/// A plain client that opens the file for each call.
pub(crate) struct Plain(pub(crate) PathBuf);

impl Plain {
    pub(crate) fn connection(&self) -> Connection {
        let connection = Connection::open(&self.0).unwrap();
        // Data come from anywhere; SQLite does not enforce foreign keys unless it is asked.
        connection
            .pragma_update(None, "foreign_keys", false)
            .unwrap();
        connection
    }

    /// Each value as its storage class and its bytes.
    pub(crate) fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let connection = self.connection();
        let mut statement = connection.prepare(sql).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let text = |n| exact(row.get_ref(n).unwrap());
            found.push((0..columns).map(text).collect());
        }
        found
    }
}

fn exact(value: ValueRef<'_>) -> Option<String> {
    Some(match value {
        ValueRef::Null => return None,
        ValueRef::Integer(number) => format!("integer {number}"),
        ValueRef::Real(number) => format!("real {:016x}", number.to_bits()),
        ValueRef::Text(bytes) => format!("text {bytes:02x?}"),
        ValueRef::Blob(bytes) => format!("blob {bytes:02x?}"),
    })
}

#[async_trait]
impl SqlDatabase for Plain {
    fn dialect(&self) -> Dialect {
        Dialect {
            type_name,
            literal,
            serial_key: "integer primary key autoincrement",
            trigger: |on, log| {
                format!(
                    "create trigger watch after insert on {on} begin insert into {log} (what) values ('fired'); end"
                )
            },
            alters_tables: false,
        }
    }

    async fn try_run(&self, sql: &str) -> Result<(), String> {
        self.connection()
            .execute_batch(sql)
            .map_err(|error| error.to_string())
    }

    async fn query(&self, sql: &str) -> Vec<Row> {
        self.rows(sql)
    }

    async fn texts(&self, sql: &str) -> Vec<Row> {
        let connection = self.connection();
        let mut statement = connection.prepare(sql).unwrap();
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| (0..columns).map(|n| row.get(n)).collect();
        let rows = statement.query_map([], row).unwrap();
        rows.map(Result::unwrap).collect()
    }
}

fn type_name(logical: LogicalType) -> &'static str {
    match logical {
        LogicalType::Bool => "boolean",
        LogicalType::Int64 => "bigint",
        LogicalType::Float64 => "double precision",
        LogicalType::Text => "text",
        LogicalType::Varchar40 => "varchar(40)",
        LogicalType::Bytes => "blob",
        LogicalType::Date => "date",
        LogicalType::Timestamp => "timestamp",
        LogicalType::Uuid => "uuid",
        LogicalType::Json => "json",
    }
}

fn literal(logical: LogicalType, canonical: &str) -> String {
    match logical {
        LogicalType::Bool | LogicalType::Int64 | LogicalType::Float64 => canonical.to_owned(),
        LogicalType::Bytes => format!("x'{}'", &canonical[2..]),
        _ => text_literal(canonical),
    }
}

/// An empty database.
pub(crate) fn empty(path: &Path, journal_mode: &str) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch("create table made (x); drop table made")
        .unwrap();
    connection
        .query_row(&format!("pragma journal_mode = {journal_mode}"), [], |_| {
            Ok(())
        })
        .unwrap();
}

#[async_trait]
impl Harness for Files {
    async fn fresh(&self) -> World {
        let folder = tempfile::tempdir().unwrap();
        let store = StoreName::new("ids");
        let prod = folder.path().join("prod é.db");
        let cert = folder.path().join("cert 'x'.db");
        empty(&prod, "wal");
        empty(&cert, "delete");
        let target = SqliteTarget::new(vec![(store.clone(), cert.clone())]);
        let (name, path) = (store.clone(), cert.clone());
        World {
            source: Box::new(SqliteSource::new(store.clone(), prod.clone())),
            target: Box::new(target),
            mirror: Box::new(SqliteSource::new(store.clone(), cert.clone())),
            reopen: Box::new(move || {
                let stores = vec![(name.clone(), path.clone())];
                Box::pin(async move { Box::new(SqliteTarget::new(stores)) as Box<dyn TargetStore> })
            }),
            prod: Box::new(Plain(prod)),
            cert: Box::new(Plain(cert)),
            schema: "main".to_owned(),
            store,
            guard: Box::new(folder),
        }
    }

    /// One file has one writer.
    fn abilities(&self) -> Abilities {
        Abilities {
            writes_beside_a_merge: false,
            ..Abilities::ALL
        }
    }
}
