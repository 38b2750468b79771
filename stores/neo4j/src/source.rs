//! PROD's side: probe, catalog, one cut. Every transaction has access mode READ, which the server
//! enforces; nothing reachable from here takes a statement's text.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redistrict_model::{Catalog, Finding, KeyRow, Severity, StoreKind, StoreName, Table, TableRef};
use redistrict_store::{
    BatchStream, Cut, Fingerprint, KeyReader, KeyRequest, Listing, Probe, RowReader, RowRequest,
    Secret, SourceCut, SourceStore, StoreError, StoreErrorKind, Unfit,
};

use crate::bolt::{Access, Begin, Bolt, Parameters, Record, Transaction};
use crate::bookmark;
use crate::catalog;
use crate::derive::Survey;
use crate::error::{Context as _, bug};
use crate::live::{LiveTables, NODE, Side};
use crate::reader;
use crate::statement::{self, ReadText};
use crate::unfit;

/// The server ends a cut after so long.
const CUT_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);
/// Roles that can only read.
const READING_ROLES: [&str; 2] = ["PUBLIC", "reader"];

/// A graph that is read.
#[derive(Clone, Debug)]
pub struct Neo4jSource {
    name: StoreName,
    url: Secret,
    schemas: Vec<String>,
    listing: Option<Arc<Listing>>,
}

impl Neo4jSource {
    /// Connects to nobody yet. `url` is `bolt://…` or `neo4j://…`; the schemas are `node` and `rel`, none
    /// means both.
    #[must_use]
    pub fn connect_lazy(name: StoreName, url: String, schemas: Vec<String>) -> Self {
        Self {
            name,
            url: Secret::new(url),
            schemas,
            listing: None,
        }
    }

    /// Notes every statement that is sent from now on. What would read rows is noted and not sent.
    #[must_use]
    pub fn telling(mut self, listing: Arc<Listing>) -> Self {
        self.listing = Some(listing);
        self
    }

    async fn session(&self) -> Result<Bolt, StoreError> {
        Bolt::open_telling(&self.url, self.listing.clone()).await
    }

    /// Where the graph is.
    pub(crate) fn url(&self) -> &Secret {
        &self.url
    }
}

async fn begin(bolt: &Bolt) -> Result<Transaction, StoreError> {
    let begun = bolt.begin(Begin::new(Access::Read, CUT_TIMEOUT)).await;
    begun.doing("begin a read-only transaction")
}

/// The records of a statement.
pub(crate) async fn read(
    transaction: &mut Transaction,
    text: &ReadText,
    what: &str,
) -> Result<Vec<Record>, StoreError> {
    transaction.read(text, Parameters::new()).await.doing(what)
}

/// The one text of the one record.
pub(crate) fn text(records: &[Record], place: usize, what: &str) -> Result<String, StoreError> {
    let value = records.first().and_then(|record| record.get(place));
    value
        .and_then(|value| value.as_string())
        .cloned()
        .ok_or_else(|| bug(what))
}

/// What tells the open database from others: the id of its place in the server, which a database loaded
/// into another server has not, and the id of its content, which another content in the same place has not.
pub(crate) async fn fingerprint(bolt: &Bolt) -> Result<Fingerprint, StoreError> {
    let what = "read the identity of the database";
    let mut transaction = begin(bolt).await?;
    let records = read(&mut transaction, &statement::DATABASE, what).await?;
    let content = text(&records, 0, what)?;
    transaction.commit().await.doing(what)?;
    begin(bolt).await?.rollback().await.doing(what)?;
    let place = bolt
        .bookmark()
        .and_then(|text| bookmark::read(&text))
        .map(|found| found.database);
    Ok(Fingerprint(format!(
        "neo4j:{}:{content}",
        place.unwrap_or_default()
    )))
}

/// Version and edition: `Neo4j 5.26.30 community`.
pub(crate) async fn version(transaction: &mut Transaction) -> Result<String, StoreError> {
    let what = "read the server's version";
    let records = read(transaction, &statement::COMPONENTS, what).await?;
    Ok(format!(
        "Neo4j {} {}",
        text(&records, 0, what)?,
        text(&records, 1, what)?
    ))
}

#[async_trait]
impl SourceStore for Neo4jSource {
    fn name(&self) -> &StoreName {
        &self.name
    }

    fn kind(&self) -> StoreKind {
        StoreKind::Neo4j
    }

    async fn probe(&self) -> Result<Probe, StoreError> {
        let bolt = self.session().await?;
        let fingerprint = fingerprint(&bolt).await?;
        let mut transaction = begin(&bolt).await?;
        let version = version(&mut transaction).await?;
        let mut findings: Vec<Finding> =
            version_finding(&self.name, &version).into_iter().collect();
        if findings.iter().all(|one| one.severity != Severity::Error) {
            let survey = catalog::survey(&mut transaction).await?;
            findings.extend(refusals(&self.name, &survey));
        }
        let end = "end a read-only transaction";
        transaction.rollback().await.doing(end)?;
        let mut transaction = begin(&bolt).await?;
        let roles = read(
            &mut transaction,
            &statement::ROLES,
            "read the roles of the user",
        )
        .await?;
        transaction.rollback().await.doing(end)?;
        let roles = roles
            .first()
            .and_then(|record| crate::live::texts(record.first()?));
        findings.extend(rights_finding(&self.name, roles.as_deref()));
        Ok(Probe {
            fingerprint,
            version,
            findings,
        })
    }

    async fn catalog(&self) -> Result<Catalog, StoreError> {
        let bolt = self.session().await?;
        let mut transaction = begin(&bolt).await?;
        let version = version(&mut transaction).await?;
        catalog::read(
            &mut transaction,
            &self.name,
            &version,
            &self.schemas,
            Side::Source,
        )
        .await
    }

    async fn open_cut(&self, tables: &[Table]) -> Result<Box<dyn SourceCut>, StoreError> {
        let what = "take a cut";
        let bolt = self.session().await?;
        let mut before = begin(&bolt).await?;
        let records = read(&mut before, &statement::CLOCK, what).await?;
        let at = text(&records, 0, what)?;
        before.commit().await.doing(what)?;
        let mut transaction = begin(&bolt).await?;
        let bookmark = bolt.bookmark();
        let tables = LiveTables::look_up(&mut transaction, tables, Side::Source).await?;
        Ok(Box::new(Neo4jCut {
            cut: Cut {
                store: self.name.clone(),
                snapshot: bookmark::snapshot(bookmark.as_deref()),
                at,
            },
            bolt,
            transaction: Some(transaction),
            bookmark,
            tables,
        }))
    }
}

/// One open read-only transaction. It is no snapshot: what others commit while it is open can be seen.
#[derive(Debug)]
struct Neo4jCut {
    bolt: Bolt,
    /// None after a failure, which ends the transaction, and at the end.
    transaction: Option<Transaction>,
    /// Of the last transaction that was committed before the cut.
    bookmark: Option<String>,
    cut: Cut,
    tables: LiveTables,
}

impl Neo4jCut {
    fn open(&mut self) -> Result<(&mut Transaction, &LiveTables), StoreError> {
        let lost = || {
            let what = "read on: the view of the source was lost";
            StoreError::new(StoreErrorKind::Transient, what)
                .with_hint("the store has to be read again from the start")
        };
        let transaction = self.transaction.as_mut().ok_or_else(lost)?;
        Ok((transaction, &self.tables))
    }

    /// A refused request (a name that is not in the catalog, a value that does not fit) leaves the view as
    /// it is; what the server refused ended the transaction.
    fn note<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        let ends =
            |error: &StoreError| error.code.is_some() || error.kind == StoreErrorKind::Transient;
        if result.as_ref().is_err_and(ends) {
            self.transaction = None;
        }
        result
    }
}

#[async_trait]
impl KeyReader for Neo4jCut {
    async fn keys(&mut self, request: &KeyRequest) -> Result<Vec<KeyRow>, StoreError> {
        let (transaction, tables) = self.open()?;
        let result = reader::keys(transaction, tables, request).await;
        self.note(result)
    }

    async fn count(&mut self, table: &TableRef) -> Result<u64, StoreError> {
        let (transaction, tables) = self.open()?;
        let result = reader::count(transaction, tables, table).await;
        self.note(result)
    }
}

#[async_trait]
impl RowReader for Neo4jCut {
    async fn rows<'a>(
        &'a mut self,
        request: &'a RowRequest,
    ) -> Result<BatchStream<'a>, StoreError> {
        let (transaction, tables) = self.open()?;
        reader::rows(transaction, tables, request)
    }
}

#[async_trait]
impl SourceCut for Neo4jCut {
    fn cut(&self) -> &Cut {
        &self.cut
    }

    async fn unfit(&mut self, request: &RowRequest) -> Result<Vec<Unfit>, StoreError> {
        let (transaction, tables) = self.open()?;
        let result = unfit::count(transaction, tables, request).await;
        self.note(result)
    }

    async fn settle(&mut self) -> Result<Option<Finding>, StoreError> {
        let what = "end the cut";
        self.open()?;
        let Some(transaction) = self.transaction.take() else {
            return Ok(None);
        };
        transaction.commit().await.doing(what)?;
        begin(&self.bolt).await?.rollback().await.doing(what)?;
        let now = self.bolt.bookmark();
        Ok(settled(
            &self.cut.store,
            self.bookmark.as_deref(),
            now.as_deref(),
        ))
    }
}

/// Whether anybody committed between two bookmarks, and how often. Pure.
fn settled(store: &StoreName, before: Option<&str>, after: Option<&str>) -> Option<Finding> {
    if before.is_some() && before == after {
        return None;
    }
    let number = |text: Option<&str>| text.and_then(bookmark::read).map(|found| found.transaction);
    let count = match (number(before), number(after)) {
        (Some(before), Some(after)) => u64::try_from(after - before).unwrap_or_default(),
        _ => 0,
    };
    let message = match count {
        0 => {
            "others may have written while the graph was read: the server does not tell".to_owned()
        }
        count => format!("others committed {count} transactions while the graph was read"),
    };
    let again = "Neo4j has no snapshots: extract again while nobody writes, or stop the writers";
    let finding = Finding::warning("source-changed-meanwhile", store.as_str(), message, count);
    Some(finding.with_lines([again.to_owned()]))
}

/// What stands against reading this version. Pure.
fn version_finding(store: &StoreName, version: &str) -> Option<Finding> {
    let number = version.strip_prefix("Neo4j ")?;
    let mut parts = number
        .split(['.', ' '])
        .map(|part| part.parse::<u32>().unwrap_or_default());
    let (major, minor) = (parts.next()?, parts.next()?);
    if (major, minor) < (5, 13) {
        let message =
            "this server is too old: Neo4j 5.13 is the first that tells the types of values";
        return Some(Finding::error("source-version", store.as_str(), message, 1));
    }
    let message = "Neo4j other than 5.26 is not tested";
    ((major, minor) != (5, 26))
        .then(|| Finding::warning("source-version", store.as_str(), message, 1))
}

/// What the user may do beyond reading. Pure.
fn rights_finding(store: &StoreName, roles: Option<&[String]>) -> Option<Finding> {
    let Some(roles) = roles else {
        let message = "this server has no roles (Community): the user may write. What keeps us from \
                       it is the access mode READ, which the server enforces";
        let mut finding = Finding::warning("source-without-roles", store.as_str(), message, 1);
        finding.severity = Severity::Info;
        return Some(finding);
    };
    let more: Vec<&str> = roles
        .iter()
        .map(String::as_str)
        .filter(|role| !READING_ROLES.contains(role))
        .collect();
    let message = format!("the user has roles beyond reading: {}", more.join(", "));
    let count = u64::try_from(more.len()).unwrap_or_default();
    (count > 0).then(|| Finding::warning("source-role-member", store.as_str(), message, count))
}

/// What cannot be moved, each under the name of its table so that it can be excluded. Pure.
fn refusals(store: &StoreName, survey: &Survey) -> Vec<Finding> {
    let mut found = Vec::new();
    let unlabelled = survey.unlabelled();
    if unlabelled > 0 {
        let message = "nodes without any label stand in no table: give them one, or delete them";
        let subject = TableRef::new(store, NODE, "").to_string();
        found.push(Finding::error(
            "node-without-label",
            subject,
            message,
            unlabelled,
        ));
    }
    for ((kind, label), number) in survey.ends_without_key() {
        let subject = TableRef::new(store, crate::live::RELATIONSHIP, &kind).to_string();
        let label_name = TableRef::new(store, NODE, &label).to_string();
        let message = format!(
            "relationships start or end at nodes without a key: {label_name} has no uniqueness \
             constraint whose properties all of its nodes have"
        );
        found.push(Finding::error("end-without-key", subject, message, number));
    }
    for (schema, table, property) in survey.reserved() {
        let subject = TableRef::new(store, schema, &table).to_string();
        let message = format!("the property {property:?} has the name of a column of ours");
        found.push(Finding::error("reserved-name", subject, message, 1));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_too_old_untested_or_fine() {
        let store = StoreName::new("sp");
        let severity = |version| version_finding(&store, version).map(|one| one.severity);
        assert_eq!(severity("Neo4j 5.26.30 community"), None);
        assert_eq!(
            severity("Neo4j 2026.01.0 enterprise"),
            Some(Severity::Warning)
        );
        assert_eq!(severity("Neo4j 5.20.0 community"), Some(Severity::Warning));
        assert_eq!(severity("Neo4j 5.12.0 community"), Some(Severity::Error));
        assert_eq!(severity("Neo4j 4.4.30 community"), Some(Severity::Error));
    }

    #[test]
    fn roles_beyond_reading_are_named() {
        let store = StoreName::new("sp");
        let roles = ["PUBLIC".to_owned(), "reader".to_owned()];
        assert_eq!(rights_finding(&store, Some(&roles)), None);
        let roles = ["PUBLIC".to_owned(), "editor".to_owned()];
        let finding = rights_finding(&store, Some(&roles)).unwrap();
        assert!(finding.message.ends_with(": editor"));
        assert_eq!(
            rights_finding(&store, None).unwrap().severity,
            Severity::Info
        );
    }
}
