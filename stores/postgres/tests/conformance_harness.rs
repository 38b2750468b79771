//! The conformance suite's view of PostgreSQL: fresh databases and plain clients.

use async_trait::async_trait;
use redistrict_model::StoreName;
use redistrict_postgres::{PostgresSource, PostgresTarget};
use redistrict_store::TargetStore;
use redistrict_testkit::conformance::sql::{Dialect, SqlDatabase, text_literal};
use redistrict_testkit::conformance::{Harness, LogicalType, Row, World};
use redistrict_testkit::postgres::{RoleKind, TestServer, TestServerError, execute};

pub(crate) struct PostgresHarness(&'static TestServer);

impl PostgresHarness {
    pub(crate) fn start() -> Self {
        Self(TestServer::start())
    }
}

#[async_trait]
impl Harness for PostgresHarness {
    async fn fresh(&self) -> World {
        let (prod, cert) = (
            self.0.create_database().await,
            self.0.create_database().await,
        );
        let reader = self.0.create_role(&prod, RoleKind::Reader).await;
        let store = StoreName::new("ids");
        let open = |url: &str| PostgresTarget::new(store.clone(), url.to_owned(), Vec::new());
        let source = PostgresSource::connect_lazy(store.clone(), reader, Vec::new());
        let mirror = PostgresSource::connect_lazy(store.clone(), cert.clone(), Vec::new());
        let reopened = open(&cert);
        World {
            schema: "public".into(),
            source: Box::new(source),
            target: Box::new(open(&cert)),
            mirror: Box::new(mirror),
            reopen: Box::new(move || {
                let target: Box<dyn TargetStore> = Box::new(reopened.clone());
                Box::pin(async { target })
            }),
            prod: Box::new(Psql {
                server: self.0,
                url: prod,
            }),
            cert: Box::new(Psql {
                server: self.0,
                url: cert,
            }),
            guard: Box::new(()),
            store,
        }
    }
}

fn type_name(logical: LogicalType) -> &'static str {
    match logical {
        LogicalType::Bool => "bool",
        LogicalType::Int64 => "int8",
        LogicalType::Float64 => "float8",
        LogicalType::Text => "text",
        LogicalType::Varchar40 => "varchar(40)",
        LogicalType::Bytes => "bytea",
        LogicalType::Date => "date",
        LogicalType::Timestamp => "timestamp",
        LogicalType::Uuid => "uuid",
        LogicalType::Json => "json",
    }
}

fn literal(logical: LogicalType, canonical: &str) -> String {
    match logical {
        LogicalType::Bool | LogicalType::Int64 | LogicalType::Float64 => canonical.to_owned(),
        _ => text_literal(canonical),
    }
}

fn trigger(on: &str, log: &str) -> String {
    format!(
        "create function note() returns trigger language plpgsql as \
         $$ begin insert into {log} (what) values ('fired'); return new; end $$; \
         create trigger note after insert on {on} for each row execute function note()"
    )
}

/// tokio-postgres, simple protocol, superuser.
struct Psql {
    server: &'static TestServer,
    url: String,
}

#[async_trait]
impl SqlDatabase for Psql {
    fn dialect(&self) -> Dialect {
        Dialect {
            type_name,
            literal,
            serial_key: "bigserial primary key",
            trigger,
            alters_tables: true,
        }
    }

    async fn try_run(&self, sql: &str) -> Result<(), String> {
        execute(&self.url, sql)
            .await
            .map_err(|error: TestServerError| error.to_string())
    }

    async fn query(&self, sql: &str) -> Vec<Row> {
        let sql = format!("set timezone = 'UTC'; set datestyle = 'ISO'; {sql}");
        self.server.query(&self.url, &sql).await
    }

    async fn texts(&self, sql: &str) -> Vec<Row> {
        self.query(sql).await
    }
}
