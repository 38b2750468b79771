//! A session with a Bolt server, in async words. The driver blocks, so each session has a thread of its
//! own that owns the driver; requests go to it and pages of records come back through bounded channels.
//! Must not retry anything: what failed is told.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use neo4j::driver::{Driver, RoutingControl};
use neo4j::session::{Session, SessionConfig};
use neo4j::transaction::{Transaction as DriverTransaction, TransactionTimeout};
use neo4j::{Neo4jError, ValueReceive, ValueSend};
use redistrict_store::{CommitOutcome, Listing, Secret, StoreError};
use tokio::sync::{mpsc, oneshot};

use crate::connect;
use crate::error::{Failure, bug};
use crate::statement::ReadText;
use crate::url;

/// Bound values by name.
pub(crate) type Parameters = HashMap<String, ValueSend>;

/// The values of one record, in the order of RETURN.
pub(crate) type Record = Vec<ValueReceive>;

/// A page goes out when it holds so many records, …
const PAGE_RECORDS: usize = 256;
/// … or about so many bytes.
const PAGE_BYTES: usize = 1 << 20;
/// Pages that wait for the reader.
const PAGES: usize = 2;

/// Whether the server lets the transaction write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// The server refuses every write with `Neo.ClientError.Statement.AccessMode`.
    Read,
    Write,
}

/// How a transaction is begun.
#[derive(Clone, Debug)]
pub(crate) struct Begin {
    pub(crate) access: Access,
    /// The server ends the transaction after so long.
    pub(crate) timeout: Duration,
    /// What `SHOW TRANSACTIONS` tells about it, besides `app: 'redistrict'`.
    pub(crate) metadata: Parameters,
}

impl Begin {
    /// A transaction without further metadata.
    pub(crate) fn new(access: Access, timeout: Duration) -> Self {
        let app = ("app".to_owned(), ValueSend::String("redistrict".to_owned()));
        Self {
            access,
            timeout,
            metadata: HashMap::from([app]),
        }
    }

    /// Adds metadata.
    pub(crate) fn with(mut self, name: &str, value: impl Into<ValueSend>) -> Self {
        self.metadata.insert(name.to_owned(), value.into());
        self
    }
}

/// One session. Dropping it closes the connection as soon as its transaction has ended.
#[derive(Clone)]
pub(crate) struct Bolt {
    requests: mpsc::Sender<Opening>,
    agent: Arc<str>,
    committed: Committed,
    /// Where statements are noted; rows are not read then.
    listing: Option<Arc<Listing>>,
}

/// The bookmark of the last transaction that was committed before the open one was begun.
type Committed = Arc<Mutex<Option<String>>>;

impl std::fmt::Debug for Bolt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bolt")
    }
}

/// A transaction that somebody waits for.
struct Opening {
    begin: Begin,
    steps: mpsc::Receiver<Step>,
    begun: oneshot::Sender<Result<(), Failure>>,
}

enum Step {
    Run {
        statement: Arc<str>,
        parameters: Parameters,
        pages: mpsc::Sender<Page>,
    },
    Commit {
        done: oneshot::Sender<Result<CommitOutcome, Failure>>,
    },
    Rollback {
        done: oneshot::Sender<Result<(), Failure>>,
    },
}

enum Page {
    Records(Vec<Record>),
    Failed(Failure),
    /// All records have been sent.
    End,
}

impl Bolt {
    /// Connects and logs in. Fails with `Unreachable`, `Auth` or `Config` (trust); never hangs.
    pub(crate) async fn open(url: &Secret) -> Result<Self, StoreError> {
        Self::open_telling(url, None).await
    }

    /// The same; with a listing every statement is noted in it, and no row is read.
    pub(crate) async fn open_telling(
        url: &Secret,
        listing: Option<Arc<Listing>>,
    ) -> Result<Self, StoreError> {
        let what = "connect to the graph";
        let address = url::parse(url)?;
        let driver = connect::driver(&address)?;
        let direct = connect::direct_driver(&address)?;
        let is_encrypted = address.tls != url::Tls::Off;
        let database = address.database.clone();
        let (requests, openings) = mpsc::channel(1);
        let (connected, answer) = oneshot::channel();
        let committed = Committed::default();
        let noted = Arc::clone(&committed);
        let thread = std::thread::Builder::new().name("bolt".to_owned());
        thread
            .spawn(move || {
                if greet(&driver, &direct, connected) {
                    serve(&driver, database, openings, &noted);
                }
            })
            .map_err(|_| bug("start the thread of a session"))?;
        let agent = match answer.await {
            Ok(Ok(agent)) => agent,
            Ok(Err(error)) => {
                // It asks the machine's resolver.
                let place = tokio::task::spawn_blocking(move || address.place())
                    .await
                    .map_err(|_| bug("name the place of a session"))?;
                return Err(Failure::of_connecting(&error, &place, is_encrypted).doing(what));
            }
            Err(_) => return Err(Failure::Protocol.doing(what)),
        };
        Ok(Self {
            requests,
            agent: agent.into(),
            committed,
            listing,
        })
    }

    /// What the server calls itself: `Neo4j/5.26.30`.
    pub(crate) fn agent(&self) -> &str {
        &self.agent
    }

    /// The server's bookmark of the last transaction that this session committed before it began the
    /// one that is open: the state of the database then.
    pub(crate) fn bookmark(&self) -> Option<String> {
        self.committed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Begins a transaction; waits until the one before has ended.
    pub(crate) async fn begin(&self, begin: Begin) -> Result<Transaction, Failure> {
        let (steps, requests) = mpsc::channel(1);
        let (begun, answer) = oneshot::channel();
        let opening = Opening {
            begin,
            steps: requests,
            begun,
        };
        self.requests
            .send(opening)
            .await
            .map_err(|_| Failure::Lost)?;
        answer.await.map_err(|_| Failure::Lost)??;
        Ok(Transaction {
            steps,
            listing: self.listing.clone(),
        })
    }
}

/// An open transaction. Dropping it rolls back.
pub(crate) struct Transaction {
    steps: mpsc::Sender<Step>,
    listing: Option<Arc<Listing>>,
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transaction")
    }
}

impl Transaction {
    /// Starts a statement and streams its records. The statement is under way even if nobody reads
    /// them; after a failure the transaction can do nothing but end.
    pub(crate) async fn run(
        &mut self,
        statement: impl Into<Arc<str>>,
        parameters: Parameters,
    ) -> Result<Records<'_>, Failure> {
        self.run_for(statement, parameters, "").await
    }

    /// The same for a statement of the closed set.
    pub(crate) async fn run_read(
        &mut self,
        text: &ReadText,
        parameters: Parameters,
    ) -> Result<Records<'_>, Failure> {
        self.run_for(text.as_str(), parameters, text.purpose())
            .await
    }

    async fn run_for(
        &mut self,
        statement: impl Into<Arc<str>>,
        parameters: Parameters,
        purpose: &'static str,
    ) -> Result<Records<'_>, Failure> {
        let statement = statement.into();
        if let Some(listing) = &self.listing {
            listing.note(&statement, purpose);
        }
        let (pages, records) = mpsc::channel(PAGES);
        let step = Step::Run {
            statement,
            parameters,
            pages,
        };
        self.steps.send(step).await.map_err(|_| Failure::Lost)?;
        Ok(Records {
            pages: records,
            is_done: false,
            transaction: PhantomData,
        })
    }

    /// The same for an owner that holds the transaction beside the records: it must not run another
    /// statement before they have ended or are dropped.
    pub(crate) async fn stream(
        &mut self,
        statement: impl Into<Arc<str>>,
        parameters: Parameters,
    ) -> Result<Records<'static>, Failure> {
        let Records { pages, is_done, .. } = self.run(statement, parameters).await?;
        Ok(Records {
            pages,
            is_done,
            transaction: PhantomData,
        })
    }

    /// Runs a statement to its end; gives all records.
    pub(crate) async fn all(
        &mut self,
        statement: impl Into<Arc<str>>,
        parameters: Parameters,
    ) -> Result<Vec<Record>, Failure> {
        let mut records = self.run(statement, parameters).await?;
        let mut all = Vec::new();
        while let Some(page) = records.page().await? {
            all.extend(page);
        }
        Ok(all)
    }

    /// Runs a statement of the closed set to its end; gives all records.
    pub(crate) async fn read(
        &mut self,
        text: &ReadText,
        parameters: Parameters,
    ) -> Result<Vec<Record>, Failure> {
        let mut records = self.run_read(text, parameters).await?;
        let mut all = Vec::new();
        while let Some(page) = records.page().await? {
            all.extend(page);
        }
        Ok(all)
    }

    /// As [`Self::stream`] for a statement of the closed set that reads rows; none where the session only
    /// tells.
    pub(crate) async fn read_rows(
        &mut self,
        text: &ReadText,
        parameters: Parameters,
    ) -> Result<Option<Records<'static>>, Failure> {
        if let Some(listing) = &self.listing {
            listing.note(text.as_str(), text.purpose());
            return Ok(None);
        }
        self.stream(text.as_str(), parameters).await.map(Some)
    }

    /// Commits. A lost reply is `Unknown`, and so is an answer that leaves open what happened; an
    /// error means that nothing was written.
    pub(crate) async fn commit(self) -> Result<CommitOutcome, Failure> {
        let (done, answer) = oneshot::channel();
        let step = Step::Commit { done };
        self.steps.send(step).await.map_err(|_| Failure::Lost)?;
        answer.await.unwrap_or(Ok(CommitOutcome::Unknown))
    }

    /// Rolls back and waits for the answer.
    pub(crate) async fn rollback(self) -> Result<(), Failure> {
        let (done, answer) = oneshot::channel();
        let step = Step::Rollback { done };
        self.steps.send(step).await.map_err(|_| Failure::Lost)?;
        answer.await.map_err(|_| Failure::Lost)?
    }
}

/// The records of a running statement. Dropping it discards the rest.
pub(crate) struct Records<'tx> {
    pages: mpsc::Receiver<Page>,
    is_done: bool,
    /// One statement at a time.
    transaction: PhantomData<&'tx mut Transaction>,
}

impl Records<'_> {
    /// The next records, at least one; none when all have been given.
    pub(crate) async fn page(&mut self) -> Result<Option<Vec<Record>>, Failure> {
        if self.is_done {
            return Ok(None);
        }
        match self.pages.recv().await {
            Some(Page::Records(records)) => Ok(Some(records)),
            Some(Page::End) => {
                self.is_done = true;
                Ok(None)
            }
            Some(Page::Failed(failure)) => {
                self.is_done = true;
                Err(failure)
            }
            None => {
                self.is_done = true;
                Err(Failure::Lost)
            }
        }
    }
}

/// Connects and tells what the server calls itself, or why not; whether the session can go on.
fn greet(
    driver: &Driver,
    direct: &Driver,
    connected: oneshot::Sender<Result<String, Neo4jError>>,
) -> bool {
    let agent = |driver: &Driver| {
        let info = driver.get_server_info();
        info.map(|info| info.server_agent.to_string())
    };
    let agent = agent(driver).map_err(|routed| match routed {
        Neo4jError::Disconnect { .. } => agent(direct).err().unwrap_or(routed),
        other => other,
    });
    let is_open = agent.is_ok();
    connected.send(agent).is_ok() && is_open
}

/// The thread of a session: one transaction after the other, until nobody can ask any more.
fn serve(
    driver: &Driver,
    database: Option<String>,
    mut openings: mpsc::Receiver<Opening>,
    committed: &Committed,
) {
    let mut config = SessionConfig::new();
    if let Some(name) = database {
        config = config.with_database(Arc::new(name));
    }
    let mut session = driver.session(config);
    while let Some(opening) = openings.blocking_recv() {
        transact(&mut session, opening);
        let bookmarks = session.last_bookmarks();
        let newest = bookmarks.raw().next().map(str::to_owned);
        *committed.lock().unwrap_or_else(PoisonError::into_inner) = newest;
    }
}

fn transact(session: &mut Session<'_>, opening: Opening) {
    let Opening {
        begin,
        mut steps,
        begun,
    } = opening;
    let mut begun = Some(begun);
    let mode = match begin.access {
        Access::Read => RoutingControl::Read,
        Access::Write => RoutingControl::Write,
    };
    let millis = i64::try_from(begin.timeout.as_millis()).unwrap_or(i64::MAX);
    let timeout = TransactionTimeout::from_millis(millis).unwrap_or_default();
    let ended = session
        .transaction()
        .with_routing_control(mode)
        .with_transaction_timeout(timeout)
        .with_transaction_meta(begin.metadata)
        .run(|transaction| {
            if let Some(begun) = begun.take()
                && begun.send(Ok(())).is_ok()
            {
                follow(transaction, &mut steps);
            }
            Ok(())
        });
    if let (Err(error), Some(begun)) = (ended, begun) {
        // Nobody listening means that the caller gave up; nothing was begun.
        drop(begun.send(Err(Failure::of(&error))));
    }
}

/// Does what it is told until the transaction ends; an owner that is gone means rollback.
fn follow(transaction: DriverTransaction<'_, '_>, steps: &mut mpsc::Receiver<Step>) {
    while let Some(step) = steps.blocking_recv() {
        match step {
            Step::Run {
                statement,
                parameters,
                pages,
            } => {
                let end = match stream(&transaction, &statement, &parameters, &pages) {
                    Ok(()) => Page::End,
                    Err(error) => Page::Failed(Failure::of(&error)),
                };
                // A reader that has gone wants no end.
                drop(pages.blocking_send(end));
            }
            Step::Commit { done } => {
                // Nobody to tell: the run's record tells.
                drop(done.send(commit_outcome(transaction.commit())));
                return;
            }
            Step::Rollback { done } => {
                let ended = transaction.rollback();
                drop(done.send(ended.map_err(|error| Failure::of(&error))));
                return;
            }
        }
    }
}

fn stream(
    transaction: &DriverTransaction<'_, '_>,
    statement: &str,
    parameters: &Parameters,
    pages: &mpsc::Sender<Page>,
) -> Result<(), Neo4jError> {
    let mut records = transaction
        .query(statement)
        .with_parameters(parameters)
        .run()?;
    let mut page = Vec::new();
    let mut bytes = 0;
    for record in records.by_ref() {
        let record: Record = record?.into_values().collect();
        bytes += record.iter().map(size).sum::<usize>();
        page.push(record);
        if page.len() >= PAGE_RECORDS || bytes >= PAGE_BYTES {
            bytes = 0;
            if send(pages, std::mem::take(&mut page)).is_break() {
                return records.consume().map(drop);
            }
        }
    }
    if !page.is_empty() && send(pages, page).is_break() {
        return records.consume().map(drop);
    }
    records.consume().map(drop)
}

fn send(pages: &mpsc::Sender<Page>, records: Vec<Record>) -> ControlFlow<()> {
    match pages.blocking_send(Page::Records(records)) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    }
}

/// About how many bytes a value holds.
fn size(value: &ValueReceive) -> usize {
    match value {
        ValueReceive::String(text) => text.len(),
        ValueReceive::Bytes(bytes) => bytes.len(),
        ValueReceive::List(values) => values.iter().map(size).sum(),
        ValueReceive::Map(entries) => entries
            .iter()
            .map(|(name, value)| name.len() + size(value))
            .sum(),
        ValueReceive::Node(node) => node.properties.values().map(size).sum(),
        ValueReceive::Relationship(one) => one.properties.values().map(size).sum(),
        _ => 16,
    }
}

fn commit_outcome(ended: Result<(), Neo4jError>) -> Result<CommitOutcome, Failure> {
    let error = match ended {
        Ok(()) => return Ok(CommitOutcome::Committed),
        Err(error) => error,
    };
    match Failure::of(&error) {
        refused if is_certain(refused.code()) => Err(refused),
        _ => Ok(CommitOutcome::Unknown),
    }
}

/// After an answer with this code nothing was committed. Everything else has to be looked up.
fn is_certain(code: &str) -> bool {
    code.starts_with("Neo.ClientError.")
        || code.starts_with("Neo.TransientError.Transaction.")
        || code.starts_with("Neo.TransientError.General.")
        || code.starts_with("Neo.TransientError.Schema.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_refusals_are_certain_not_to_have_committed() {
        assert!(is_certain(
            "Neo.ClientError.Schema.ConstraintValidationFailed"
        ));
        assert!(is_certain(
            "Neo.TransientError.General.MemoryPoolOutOfMemoryError"
        ));
        assert!(!is_certain("Neo.TransientError.Cluster.ReplicationFailure"));
        assert!(!is_certain(
            "Neo.DatabaseError.Transaction.TransactionCommitFailed"
        ));
        assert!(!is_certain(""));
    }
}
