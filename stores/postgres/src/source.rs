//! PROD's side: probe, catalog, one consistent cut. Nothing reachable from here takes SQL text or
//! writes; every session is read-only and sees rows unfiltered or not at all.

use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _};
use redistrict_model::{
    Catalog, Finding, Key, KeyRow, Severity, StoreKind, StoreName, Table, TableRef,
};
use redistrict_store::{
    BatchStream, Cut, KeyReader, KeyRequest, Listing, Probe, RowReader, RowRequest, RowsWhere,
    Secret, SourceCut, SourceStore, StoreError, StoreErrorKind, Tally, TallyRequest, Unfit,
    UnmatchedRequest,
};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::catalog;
use crate::connect::{Session, Source, label};
use crate::encoding::Encoding;
use crate::error::{bug, failed};
use crate::live::LiveTables;
use crate::reader;
use crate::statement::ReadText;
use crate::{statement, tally, unfit};

/// A PostgreSQL database that is read.
#[derive(Clone, Debug)]
pub struct PostgresSource {
    name: StoreName,
    url: Secret,
    schemas: Vec<String>,
    connections: u32,
    listing: Option<Arc<Listing>>,
}

/// Connections that read a cut at once: one writes while the other reads; more gain little.
const CONNECTIONS: u32 = 2;

impl PostgresSource {
    /// Connects to nobody yet. `url` is `postgres://…` or a keyword string; no schemas mean every
    /// non-system schema.
    #[must_use]
    pub fn connect_lazy(name: StoreName, url: String, schemas: Vec<String>) -> Self {
        Self {
            name,
            url: Secret::new(url),
            schemas,
            connections: CONNECTIONS,
            listing: None,
        }
    }

    /// A cut is read over at most so many connections; 2 otherwise.
    #[must_use]
    pub fn with_connections(mut self, connections: u32) -> Self {
        self.connections = connections;
        self
    }

    /// Notes every statement that is sent from now on. What would read rows is noted and not sent.
    #[must_use]
    pub fn telling(mut self, listing: Arc<Listing>) -> Self {
        self.listing = Some(listing);
        self
    }

    /// A session outside of any transaction.
    pub(crate) async fn session(&self) -> Result<Session<Source>, StoreError> {
        Session::open_telling(&self.url, &label("probe", 0), self.listing.clone()).await
    }
}

#[async_trait]
impl SourceStore for PostgresSource {
    fn name(&self) -> &StoreName {
        &self.name
    }

    fn kind(&self) -> StoreKind {
        StoreKind::Postgres
    }

    async fn probe(&self) -> Result<Probe, StoreError> {
        let session = self.session().await?;
        let (fingerprint, version) = catalog::fingerprint(&session).await?;
        let rights = session
            .read(&statement::RIGHTS, &[(&self.schemas, Type::TEXT_ARRAY)])
            .await
            .map_err(|error| failed("read the role's rights", &error))?;
        let rights = rights
            .first()
            .ok_or_else(|| bug("read the role's rights"))?;
        let mut findings = findings(&self.name, rights);
        findings.extend(of_encoding(&self.name, session.encoding()));
        findings.extend(catalog::unusable_keys(&session, &self.name, &self.schemas).await?);
        Ok(Probe {
            fingerprint,
            version,
            findings,
        })
    }

    async fn catalog(&self) -> Result<Catalog, StoreError> {
        catalog::read(&self.session().await?, &self.name, &self.schemas).await
    }

    async fn open_cut(&self, tables: &[Table]) -> Result<Box<dyn SourceCut>, StoreError> {
        let session = self.session().await?;
        let (cut, is_exported) = begin(&session, &self.name).await?;
        let tables = reader::look_up(&session, tables).await?;
        Ok(Box::new(PostgresCut {
            source: self.clone(),
            session,
            cut,
            more: if is_exported {
                self.connections.saturating_sub(1)
            } else {
                0
            },
            tables,
            is_lost: false,
        }))
    }
}

/// Begins the transaction of a cut and names its snapshot; says whether others can take part in it.
async fn begin(session: &Session<Source>, store: &StoreName) -> Result<(Cut, bool), StoreError> {
    let failed = |error| failed("begin a read-only transaction", &error);
    session
        .read(&statement::BEGIN_READING, &[])
        .await
        .map_err(failed)?;
    let exported = session.read(&statement::CUT, &[]).await;
    let is_exported = exported.is_ok();
    let rows = match exported {
        Ok(rows) => rows,
        Err(error) if error.as_db_error().is_some() => {
            session
                .read(&statement::ROLLBACK, &[])
                .await
                .map_err(failed)?;
            session
                .read(&statement::BEGIN_READING, &[])
                .await
                .map_err(failed)?;
            session
                .read(&statement::CUT_UNEXPORTED, &[])
                .await
                .map_err(failed)?
        }
        Err(error) => return Err(failed(error)),
    };
    let row = rows.first().ok_or_else(|| bug("name the snapshot"))?;
    let cut = Cut {
        store: store.clone(),
        snapshot: row.get("snapshot"),
        at: row.get("at"),
    };
    Ok((cut, is_exported))
}

/// One open read-only transaction.
#[derive(Debug)]
struct PostgresCut {
    source: PostgresSource,
    session: Session<Source>,
    cut: Cut,
    /// So many connections more may take part in the snapshot while this transaction is open.
    more: u32,
    tables: Arc<LiveTables>,
    /// A statement failed, which ended the transaction's view.
    is_lost: bool,
}

impl PostgresCut {
    fn check(&self) -> Result<(), StoreError> {
        if self.is_lost {
            let what = "read on: the consistent view of the source was lost";
            return Err(StoreError::new(StoreErrorKind::Transient, what)
                .with_hint("the store has to be read again from the start"));
        }
        Ok(())
    }

    /// A refused request (a name that is not in the catalog) leaves the view as it is.
    fn note<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        let result = result.map_err(|error| self.session.explained(error));
        self.is_lost |= result.as_ref().is_err_and(|error| error.code.is_some())
            || result
                .as_ref()
                .is_err_and(|error| error.kind == StoreErrorKind::Transient);
        result
    }
}

#[async_trait]
impl KeyReader for PostgresCut {
    async fn keys(&mut self, request: &KeyRequest) -> Result<Vec<KeyRow>, StoreError> {
        self.check()?;
        let result = reader::keys(&self.session, &self.tables, request).await;
        self.note(result)
    }

    async fn count(&mut self, table: &TableRef) -> Result<u64, StoreError> {
        self.check()?;
        let result = reader::count(&self.session, &self.tables, table).await;
        self.note(result)
    }

    async fn count_matching(
        &mut self,
        table: &TableRef,
        columns: &[String],
        keys: &[Key],
    ) -> Result<u64, StoreError> {
        self.check()?;
        let result =
            reader::count_matching(&self.session, &self.tables, table, columns, keys).await;
        self.note(result)
    }

    async fn tally(&mut self, request: &TallyRequest) -> Result<Tally, StoreError> {
        self.check()?;
        let result = tally::tally(&self.session, &self.tables, request).await;
        self.note(result)
    }

    async fn unmatched(&mut self, request: &UnmatchedRequest) -> Result<Option<u64>, StoreError> {
        self.check()?;
        let result = tally::unmatched(&self.session, &self.tables, request).await;
        self.note(result).map(Some)
    }
}

#[async_trait]
impl RowReader for PostgresCut {
    async fn rows<'a>(
        &'a mut self,
        request: &'a RowRequest,
    ) -> Result<BatchStream<'a>, StoreError> {
        self.check()?;
        let rows = reader::rows(&self.session, &self.tables, request)?;
        Ok(rows.map_err(|error| self.session.explained(error)).boxed())
    }
}

impl PostgresCut {
    /// A view whose transaction is gone is no value of the caller's that is wrong, as the server says: it is
    /// lost, and taken again.
    fn unjoined(&self, mut error: StoreError) -> StoreError {
        let is_gone = |code: &String| code.starts_with("22023") || code.starts_with("55000");
        if error.code.as_ref().is_some_and(is_gone) {
            error.kind = StoreErrorKind::Transient;
            error.code = None;
        }
        self.session.explained(error)
    }

    /// A connection that reads the same view.
    async fn join(&self, snapshot: &ReadText) -> Result<Session<Source>, StoreError> {
        let failed = |error| failed("read the same view over a further connection", &error);
        let session = self.source.session().await?;
        for text in [&statement::BEGIN_READING, snapshot] {
            let read = session.read(text, &[]).await;
            read.map_err(|error| self.unjoined(failed(error)))?;
        }
        Ok(session)
    }
}

#[async_trait]
impl SourceCut for PostgresCut {
    fn cut(&self) -> &Cut {
        &self.cut
    }

    async fn rows_where<'a>(
        &'a mut self,
        request: &'a RowsWhere,
    ) -> Result<BatchStream<'a>, StoreError> {
        self.check()?;
        let rows = reader::rows_where(&self.session, &self.tables, request)?;
        Ok(rows.map_err(|error| self.session.explained(error)).boxed())
    }

    fn streams(&self) -> bool {
        true
    }

    async fn beside(&mut self) -> Result<Option<Box<dyn SourceCut>>, StoreError> {
        self.check()?;
        let snapshot = statement::snapshot_text(&self.cut.snapshot);
        let (1.., Some(snapshot)) = (self.more, snapshot) else {
            return Ok(None);
        };
        self.more -= 1;
        Ok(Some(Box::new(Self {
            source: self.source.clone(),
            session: self.join(&snapshot).await?,
            cut: self.cut.clone(),
            more: 0,
            tables: Arc::clone(&self.tables),
            is_lost: false,
        })))
    }

    async fn unfit(&mut self, request: &RowRequest) -> Result<Vec<Unfit>, StoreError> {
        self.check()?;
        let result = unfit::unfit(&self.session, &self.tables, request).await;
        self.note(result)
    }
}

/// What the role may do beyond reading, and settings that matter. Pure but for reading the row.
fn findings(store: &StoreName, rights: &Row) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut warn = |code: &str, message: String, count: i64| {
        let count = u64::try_from(count).unwrap_or_default();
        let finding = Finding::warning(code, store.as_str(), message, count);
        found.push(finding.with_lines([READER_HINT.to_owned()]));
    };
    if rights.get("is_superuser") {
        warn(
            "source-role-superuser",
            "the role is a superuser: it may do anything".into(),
            1,
        );
        found.extend(server_findings(store, rights));
        return found;
    }
    for (column, code, message) in [
        (
            "is_bypassing",
            "source-role-bypassrls",
            "the role bypasses row security",
        ),
        (
            "is_replication",
            "source-role-replication",
            "the role may replicate",
        ),
        (
            "is_creating_roles",
            "source-role-creates",
            "the role may create roles or databases",
        ),
        (
            "is_creating",
            "source-role-create",
            "the role may create objects",
        ),
    ] {
        if rights.get(column) {
            warn(code, format!("{message}: a plain reader is enough"), 1);
        }
    }
    let (owned, writable): (i64, i64) = (rights.get("owned"), rights.get("writable"));
    if owned > 0 {
        warn(
            "source-role-owner",
            format!("the role owns {owned} tables"),
            owned,
        );
    }
    if writable > 0 {
        warn(
            "source-role-writes",
            format!("the role may write {writable} tables"),
            writable,
        );
    }
    let memberships: Vec<String> = rights.get("memberships");
    if !memberships.is_empty() {
        let message = format!("the role is a member of {}", memberships.join(", "));
        warn("source-role-member", message, 1);
    }
    found.extend(server_findings(store, rights));
    found
}

fn of_encoding(store: &StoreName, encoding: &Encoding) -> Option<Finding> {
    let message = "the database has no encoding (SQL_ASCII): a text whose bytes are not UTF-8 stops the run of the district that it belongs to";
    let finding = Finding::warning("source-encoding", store.as_str(), message, 1);
    (*encoding == Encoding::Bytes).then_some(finding)
}

const READER_HINT: &str = "redistrict init --grants";

fn server_findings(store: &StoreName, rights: &Row) -> Vec<Finding> {
    let mut found = Vec::new();
    let version: i32 = rights.get("version_number");
    if version < 140_000 {
        let message = "PostgreSQL below 14 is not tested";
        found.push(Finding::warning(
            "source-version",
            store.as_str(),
            message,
            1,
        ));
    }
    if rights.get("is_standby") {
        let mut finding = Finding::warning(
            "source-standby",
            store.as_str(),
            "the source is a standby",
            1,
        );
        finding.severity = Severity::Info;
        if rights.get::<_, Option<&str>>("feedback") != Some("on") {
            finding.severity = Severity::Warning;
            "the source is a standby without hot_standby_feedback: a vacuum on the primary can end \
             the snapshot"
                .clone_into(&mut finding.message);
        }
        found.push(finding);
    }
    let parents: i64 = rights.get("inheritance_parents");
    if parents > 0 {
        let count = u64::try_from(parents).unwrap_or_default();
        let message = "tables with inheritance children: parents and children are read apart, each \
                       with its own rows only";
        found.push(Finding::warning(
            "source-inheritance",
            store.as_str(),
            message,
            count,
        ));
    }
    found
}
