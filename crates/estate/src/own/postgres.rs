//! The demo's databases on a PostgreSQL server. Their mark is the comment of the database.

use crate::error::EstateError;
use crate::postgres::{Session, failed};

const SERVER: &str = "the PostgreSQL server";
/// The comment of a database that is the demo's.
const MARK: &str = "made by redistrict demo, which drops it";
/// Held by the session of a demo; the letters of `redistri`.
const LOCK: i64 = 0x7265_6469_7374_7269;

/// A session that may create databases. While it lasts no other demo works on the server.
pub(super) struct Admin(Session);

impl Admin {
    pub(super) async fn open(url: &str) -> Result<Self, EstateError> {
        let session = Session::open(SERVER, url).await?;
        let sql = "select rolsuper or rolcreatedb, pg_try_advisory_lock($1) \
                   from pg_roles where rolname = current_user";
        let row = session.client.query_one(sql, &[&LOCK]).await;
        let row = row.map_err(|error| failed("look at", SERVER, &error))?;
        match (row.get(0), row.get(1)) {
            (false, _) => Err(EstateError::MayNotCreate),
            (true, false) => Err(EstateError::Busy),
            (true, true) => Ok(Self(session)),
        }
    }

    /// Which of the databases an earlier demo has made; this role has to own them.
    pub(super) async fn existing(&self, names: &[String]) -> Result<Vec<String>, EstateError> {
        let sql = "select datname::text, shobj_description(oid, 'pg_database'), \
                          pg_has_role(datdba, 'usage') \
                   from pg_database where datname::text = any($1) order by 1";
        let rows = self.0.client.query(sql, &[&names]).await;
        let rows = rows.map_err(|error| failed("look at", SERVER, &error))?;
        let mut existing = Vec::new();
        for row in rows {
            let name: String = row.get(0);
            if row.get::<_, Option<&str>>(1) != Some(MARK) {
                return Err(EstateError::NotOurs(format!("database {name}")));
            }
            if !row.get::<_, bool>(2) {
                return Err(EstateError::OfAnotherRole(name));
            }
            existing.push(name);
        }
        Ok(existing)
    }

    pub(super) async fn drop(&self, name: &str) -> Result<(), EstateError> {
        let sql = format!("drop database if exists \"{name}\"");
        self.run("drop database", name, &sql).await
    }

    /// Makes and marks it. If we die in between it is nobody's, and the next demo says so.
    pub(super) async fn create(&self, name: &str) -> Result<(), EstateError> {
        let sql = format!("create database \"{name}\" template template0");
        self.run("create database", name, &sql).await?;
        let sql = format!("comment on database \"{name}\" is '{MARK}'");
        self.run("mark database", name, &sql).await
    }

    async fn run(&self, operation: &'static str, name: &str, sql: &str) -> Result<(), EstateError> {
        let done = self.0.client.batch_execute(sql).await;
        done.map_err(|error| failed(operation, name, &error))
    }
}
