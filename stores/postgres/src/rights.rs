//! The least rights of the role that reads and of the role that writes, as SQL for the administrator. What is
//! needed follows from the statements of this crate; a test of the command takes away each right in turn.

mod compose;
mod text;

pub(crate) use text::{identifier, literal};

use async_trait::async_trait;
use redistrict_model::TableRef;
use redistrict_store::{
    LeastRights, Rights, RightsRequest, SourceStore as _, StoreError, StoreErrorKind,
    TargetStore as _,
};
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use crate::connect::Session;
use crate::error::{bug, failed};
use crate::source::PostgresSource;
use crate::statement::{self, ReadText};
use crate::target::PostgresTarget;
use compose::{Facts, Relation, TableFacts, of_loader, of_reader};

#[async_trait]
impl LeastRights for PostgresSource {
    async fn least_rights(&self, request: &RightsRequest) -> Result<Rights, StoreError> {
        refuse_reserved(&request.role)?;
        let looking = Looking {
            session: &self.session().await?,
        };
        let tables = pairs(request, &[self.name()]);
        let (database, tables) = looking.tables(&tables, OnlyKeys::Yes).await?;
        let facts = Facts {
            database,
            tables,
            ..Facts::default()
        };
        Ok(of_reader(&request.role, &facts))
    }
}

#[async_trait]
impl LeastRights for PostgresTarget {
    async fn least_rights(&self, request: &RightsRequest) -> Result<Rights, StoreError> {
        refuse_reserved(&request.role)?;
        let looking = Looking {
            session: &self.probing().await?,
        };
        let stores: Vec<_> = self.stores().iter().collect();
        let tables = pairs(request, &stores);
        let (database, granted) = looking.tables(&tables, OnlyKeys::No).await?;
        let tables: Vec<Relation> = granted.iter().map(|one| one.name.clone()).collect();
        let facts = Facts {
            database,
            referring: looking.referring(&tables).await?,
            sequences: looking.sequences(&tables).await?,
            of_others: looking.of_others(&request.role).await?,
            triggers: looking.triggers(&tables).await?,
            tables: granted,
        };
        Ok(of_loader(&request.role, &facts))
    }
}

/// Names that the server keeps for itself, and those that it would cut.
fn refuse_reserved(role: &str) -> Result<(), StoreError> {
    let is_odd = role.is_empty() || role.contains('\0') || role.len() > 63;
    if is_odd || role == "public" || role == "none" || role.starts_with("pg_") {
        let what = "grant rights: that is no name that a role can have";
        return Err(StoreError::new(StoreErrorKind::Config, what)
            .with_hint("1 to 63 bytes, not public, none or pg_…"));
    }
    Ok(())
}

/// The request's tables of these stores.
fn pairs(request: &RightsRequest, stores: &[&redistrict_model::StoreName]) -> Vec<Relation> {
    let ours = |one: &&TableRef| stores.contains(&&one.store);
    let tables = request.tables.iter().filter(ours);
    let relation = |one: &TableRef| Relation::new(&one.schema, &one.table);
    tables.map(relation).collect()
}

/// Of which columns the types count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnlyKeys {
    Yes,
    No,
}

/// Reads catalogs, which every role may.
struct Looking<'a, S> {
    session: &'a Session<S>,
}

impl<S> Looking<'_, S> {
    async fn rows(
        &self,
        text: &ReadText,
        parameters: statement::Parameters<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        let rows = self.session.read(text, parameters).await;
        rows.map_err(|error| failed("read what rights depend on", &error))
    }

    /// A statement whose first two parameters are the schemas and the names of tables.
    async fn on_tables(
        &self,
        text: &ReadText,
        tables: &[Relation],
        more: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, StoreError> {
        let schemas: Vec<&str> = tables.iter().map(|one| one.schema.as_str()).collect();
        let names: Vec<&str> = tables.iter().map(|one| one.name.as_str()).collect();
        let mut parameters: Vec<(&(dyn ToSql + Sync), Type)> =
            vec![(&schemas, Type::TEXT_ARRAY), (&names, Type::TEXT_ARRAY)];
        parameters.extend(more.iter().cloned());
        self.rows(text, &parameters).await
    }

    /// The database's name, and those of the tables that are there.
    async fn tables(
        &self,
        tables: &[Relation],
        only_keys: OnlyKeys,
    ) -> Result<(String, Vec<TableFacts>), StoreError> {
        let rows = self.rows(&statement::DATABASE, &[]).await?;
        let database = rows
            .first()
            .ok_or_else(|| bug("read the database's name"))?;
        let is_restricted = only_keys == OnlyKeys::Yes;
        let more: [(&(dyn ToSql + Sync), Type); 1] = [(&is_restricted, Type::BOOL)];
        let rows = self
            .on_tables(&statement::GRANTED_TABLES, tables, &more)
            .await?;
        let facts = |row: &Row| TableFacts {
            name: relation(row, "schema_name", "table_name"),
            has_row_security: row.get("has_row_security"),
            type_schemas: row.get("type_schemas"),
        };
        Ok((database.get(0), rows.iter().map(facts).collect()))
    }

    /// Tables whose rows may refer to a row that an undo deletes, those among the tables left out.
    async fn referring(&self, tables: &[Relation]) -> Result<Vec<Relation>, StoreError> {
        let rows = self
            .on_tables(&statement::REFERRING_KEYS, tables, &[])
            .await?;
        let referring = rows
            .iter()
            .map(|row| relation(row, "child_schema", "child_table"));
        Ok(distinct(referring.filter(|one| !tables.contains(one))))
    }

    async fn sequences(&self, tables: &[Relation]) -> Result<Vec<Relation>, StoreError> {
        let rows = self.on_tables(&statement::SEQUENCES, tables, &[]).await?;
        let all = rows.iter();
        Ok(distinct(all.map(|row| {
            relation(row, "sequence_schema", "sequence_name")
        })))
    }

    async fn of_others(&self, role: &str) -> Result<Vec<Relation>, StoreError> {
        let rows = self
            .rows(&statement::OWN_OBJECTS, &[(&role, Type::TEXT)])
            .await?;
        Ok(distinct(
            rows.iter()
                .map(|row| relation(row, "schema_name", "table_name")),
        ))
    }

    /// Triggers that fire for rows of the tables, by name.
    async fn triggers(&self, tables: &[Relation]) -> Result<Vec<String>, StoreError> {
        let every_schema: [String; 0] = [];
        let parameters: [(&(dyn ToSql + Sync), Type); 1] =
            [(&every_schema.as_slice(), Type::TEXT_ARRAY)];
        let rows = self.rows(&statement::TRIGGERS, &parameters).await?;
        let firing = rows.iter().filter(|row| {
            row.get("is_enabled") && tables.contains(&relation(row, "schema_name", "table_name"))
        });
        let named = firing.map(|row| {
            let (name, table) = (row.get::<_, &str>("name"), row.get::<_, &str>("table_name"));
            format!("{name} of {table}")
        });
        Ok(named.collect())
    }
}

fn relation(row: &Row, schema: &str, name: &str) -> Relation {
    Relation::new(row.get(schema), row.get(name))
}

fn distinct(relations: impl Iterator<Item = Relation>) -> Vec<Relation> {
    let all: std::collections::BTreeSet<Relation> = relations.collect();
    all.into_iter().collect()
}
