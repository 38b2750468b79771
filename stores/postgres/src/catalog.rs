//! The catalog, in one pass of a few statements. Values of rows are never read here.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{
    Catalog, Check, Column, Finding, ForeignKey, Generated, StoreKind, StoreName, Table, TableKind,
    TableRef, Trigger, Unique,
};
use redistrict_store::{Fingerprint, StoreError, StoreErrorKind};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::checks;
use crate::connect::Session;
use crate::error::{bug, failed};
use crate::inserts::inserted_tables;
use crate::live::live_column;
use crate::statement::{self, ReadText};
use crate::types::{self, KeyTrouble};

/// The fingerprint and the version of the connected database.
pub(crate) async fn fingerprint<S>(
    session: &Session<S>,
) -> Result<(Fingerprint, String), StoreError> {
    let rows = session
        .read(&statement::FINGERPRINT, &[])
        .await
        .map_err(|error| failed("read the database's fingerprint", &error))?;
    let row = rows
        .first()
        .ok_or_else(|| bug("read the database's fingerprint"))?;
    let version: String = row.get("version");
    let number = version.split(' ').next().unwrap_or_default();
    Ok((
        Fingerprint(row.get("fingerprint")),
        format!("PostgreSQL {number}"),
    ))
}

/// The catalog of the schemas; none named means every non-system schema.
pub(crate) async fn read<S>(
    session: &Session<S>,
    store: &StoreName,
    schemas: &[String],
) -> Result<Catalog, StoreError> {
    let reading = Reading {
        session,
        store,
        schemas,
    };
    let missing = reading.rows(&statement::MISSING_SCHEMAS).await?;
    if let Some(row) = missing.first() {
        let what = format!("find schema {}", statement::quoted(row.get(0)));
        return Err(StoreError::new(StoreErrorKind::Config, what)
            .with_hint(format!("see `schemas` of [store.{store}]")));
    }
    let (_, version) = fingerprint(session).await?;
    let mut tables = BTreeMap::new();
    reading.tables(&mut tables).await?;
    reading.columns(&mut tables).await?;
    reading.unique_keys(&mut tables).await?;
    reading.foreign_keys(&mut tables).await?;
    reading.constraints(&mut tables).await?;
    reading.domain_checks(&mut tables).await?;
    reading.triggers(&mut tables).await?;
    Ok(Catalog {
        store: store.clone(),
        kind: StoreKind::Postgres,
        version,
        tables: tables.into_values().collect(),
    })
}

/// Keys whose equal values may print differently, so that a reference to them could be missed: each is
/// refused by name.
pub(crate) async fn unusable_keys<S>(
    session: &Session<S>,
    store: &StoreName,
    schemas: &[String],
) -> Result<Vec<Finding>, StoreError> {
    let reading = Reading {
        session,
        store,
        schemas,
    };
    let columns = reading.column_rows().await?;
    let mut troubles = BTreeMap::new();
    for row in &columns {
        if let Some(trouble) = live_column(row).key_trouble {
            let column: String = row.get("column_name");
            troubles.insert((reading.name(row), column), trouble);
        }
    }
    if troubles.is_empty() {
        return Ok(Vec::new());
    }
    let mut findings = Vec::new();
    for row in reading.rows(&statement::KEY_COLUMNS).await? {
        let (table, column): (_, String) = (reading.name(&row), row.get("column_name"));
        if let Some(trouble) = troubles.get(&(table.clone(), column.clone())) {
            findings.push(unusable_key(&table, &column, *trouble));
        }
    }
    Ok(findings)
}

fn unusable_key(table: &TableRef, column: &str, trouble: KeyTrouble) -> Finding {
    let (code, why) = match trouble {
        KeyTrouble::Collation => (
            "key-collation",
            "compares letters by a collation, in which different texts are equal",
        ),
        KeyTrouble::Equality => (
            "key-equality",
            "is of a type in which values that print differently are equal",
        ),
    };
    let message = format!("its key column {column} {why}: that is not available yet");
    Finding::error(code, table.to_string(), message, 1)
}

type Tables = BTreeMap<TableRef, Table>;

struct Reading<'a, S> {
    session: &'a Session<S>,
    store: &'a StoreName,
    schemas: &'a [String],
}

impl<S> Reading<'_, S> {
    async fn rows(&self, text: &ReadText) -> Result<Vec<Row>, StoreError> {
        self.session
            .read(text, &[(&self.schemas, Type::TEXT_ARRAY)])
            .await
            .map_err(|error| failed("read the catalog", &error))
    }

    fn name(&self, row: &Row) -> TableRef {
        let (schema, table): (String, String) = (row.get("schema_name"), row.get("table_name"));
        TableRef::new(self.store, schema, table)
    }

    async fn tables(&self, tables: &mut Tables) -> Result<(), StoreError> {
        for row in self.rows(&statement::TABLES).await? {
            let name = self.name(&row);
            let table = Table {
                row_security: row.get("row_security"),
                inherits: row.get::<_, Option<String>>("inherits_table").map(|table| {
                    TableRef::new(self.store, row.get::<_, &str>("inherits_schema"), table)
                }),
                estimated_rows: row.get::<_, Option<f64>>("estimate").and_then(whole),
                ..Table::empty(name.clone())
            };
            tables.insert(name, table);
        }
        Ok(())
    }

    async fn column_rows(&self) -> Result<Vec<Row>, StoreError> {
        let no_names: Option<Vec<String>> = None;
        self.session
            .read(
                &statement::COLUMNS,
                &[
                    (&self.schemas, Type::TEXT_ARRAY),
                    (&no_names, Type::TEXT_ARRAY),
                ],
            )
            .await
            .map_err(|error| failed("read the catalog's columns", &error))
    }

    async fn columns(&self, tables: &mut Tables) -> Result<(), StoreError> {
        for row in &self.column_rows().await? {
            if let Some(table) = tables.get_mut(&self.name(row)) {
                if row.get::<_, &str>("kind") == "p" {
                    table.kind = TableKind::Partitioned;
                }
                table.columns.push(column(row));
            }
        }
        Ok(())
    }

    async fn unique_keys(&self, tables: &mut Tables) -> Result<(), StoreError> {
        for row in self.rows(&statement::UNIQUE_KEYS).await? {
            let Some(table) = tables.get_mut(&self.name(&row)) else {
                continue;
            };
            let columns = row.get("columns");
            if row.get("is_primary") {
                table.primary_key = Some(columns);
            } else {
                table.uniques.push(Unique {
                    name: row.get("name"),
                    columns,
                });
            }
        }
        Ok(())
    }

    async fn foreign_keys(&self, tables: &mut Tables) -> Result<(), StoreError> {
        for row in self.rows(&statement::FOREIGN_KEYS).await? {
            let Some(table) = tables.get_mut(&self.name(&row)) else {
                continue;
            };
            let (schema, parent): (String, String) =
                (row.get("parent_schema"), row.get("parent_table"));
            table.foreign_keys.push(ForeignKey {
                name: row.get("name"),
                columns: row.get("columns"),
                parent: TableRef::new(self.store, schema, parent),
                parent_columns: row.get("parent_columns"),
                on_delete_cascade: row.get("is_cascade"),
                deferrable: row.get("is_deferrable"),
                validated: row.get("is_validated"),
                when: Vec::new(),
            });
        }
        Ok(())
    }

    async fn constraints(&self, tables: &mut Tables) -> Result<(), StoreError> {
        for row in self.rows(&statement::CONSTRAINTS).await? {
            let Some(table) = tables.get_mut(&self.name(&row)) else {
                continue;
            };
            if row.get::<_, &str>("kind") == "x" {
                table.exclusions.push(row.get("name"));
            } else {
                table.checks.push(Check {
                    name: row.get("name"),
                    expression: row.get("expression"),
                    columns: row.get("columns"),
                });
            }
        }
        Ok(())
    }

    /// What a domain demands, its column's table demands.
    async fn domain_checks(&self, tables: &mut Tables) -> Result<(), StoreError> {
        for row in self.rows(&statement::DOMAIN_CHECKS).await? {
            let Some(table) = tables.get_mut(&self.name(&row)) else {
                continue;
            };
            let column: String = row.get("column_name");
            table.checks.push(Check {
                name: row.get("name"),
                expression: checks::of_column(row.get("expression"), &column),
                columns: vec![column],
            });
        }
        Ok(())
    }

    async fn triggers(&self, tables: &mut Tables) -> Result<(), StoreError> {
        for row in self.rows(&statement::TRIGGERS).await? {
            let Some(table) = tables.get_mut(&self.name(&row)) else {
                continue;
            };
            let bodies: Option<Vec<String>> = row.get("bodies");
            let named = bodies
                .iter()
                .flatten()
                .flat_map(|body| inserted_tables(body));
            let fills: BTreeSet<TableRef> = named
                .map(|(schema, name)| {
                    let schema = schema.unwrap_or_else(|| table.name.schema.clone());
                    TableRef::new(self.store, schema, name)
                })
                .collect();
            table.triggers.push(Trigger {
                name: row.get("name"),
                enabled: row.get("is_enabled"),
                fills: fills.into_iter().collect(),
            });
        }
        Ok(())
    }
}

fn column(row: &Row) -> Column {
    let live = live_column(row);
    let is_identity = !row.get::<_, &str>("identity").is_empty() || row.get("is_serial");
    let generated = match (live.is_stored, is_identity) {
        (true, _) => Generated::Stored,
        (_, true) => Generated::Identity,
        _ => Generated::No,
    };
    Column {
        name: live.name,
        source_type: live.source_type,
        column_type: live.column_type,
        nullable: !row.get::<_, bool>("is_mandatory"),
        generated,
        has_default: row.get::<_, bool>("has_default") && generated != Generated::Stored,
        max_length: types::max_length(row.get("base_name"), live.typmod),
        labels: live.labels,
        element: live.element,
    }
}

/// A planner's estimate as a number of rows.
fn whole(estimate: f64) -> Option<u64> {
    format!("{:.0}", estimate.max(0.0)).parse().ok()
}
