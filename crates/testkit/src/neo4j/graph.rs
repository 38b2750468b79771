//! The plain client of one database: the driver itself. Must not use anything of the product.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use neo4j::driver::auth::AuthToken;
use neo4j::driver::{ConnectionConfig, Driver, DriverConfig};
use neo4j::session::{Session, SessionConfig};
use neo4j::{ValueReceive, ValueSend};

use super::server::Neo4jError;

const OTHERS: &str = "show transactions yield transactionId, database, currentQuery \
     where database = 'neo4j' and not currentQuery starts with 'show transactions' \
     return transactionId";
const OTHERS_GONE: Duration = Duration::from_secs(20);

/// Values of a statement, by name (see [`value_map!`](super::value_map)).
pub type Parameters = HashMap<String, ValueSend>;

/// A client of one database. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Graph {
    url: String,
    driver: Arc<Driver>,
}

impl Graph {
    /// A client for `bolt://USER:PASSWORD@HOST:PORT`; nothing is connected yet.
    ///
    /// # Panics
    /// If the URL has another form.
    #[must_use]
    pub fn connect(url: &str) -> Self {
        let rest = url.strip_prefix("bolt://").unwrap_or_default();
        let parts = rest
            .rsplit_once('@')
            .and_then(|(login, address)| Some((login.split_once(':')?, address.rsplit_once(':')?)));
        let ((user, password), (host, port)) =
            parts.expect("the URL of a test server is bolt://USER:PASSWORD@HOST:PORT");
        let port: u16 = port.trim_end_matches('/').parse().expect("a port");
        let config = DriverConfig::new()
            .with_auth(Arc::new(AuthToken::new_basic_auth(user, password)))
            .with_connection_timeout(Duration::from_secs(10))
            // A server that was started again answers on connections that are looked at before use.
            .with_idle_time_before_connection_test(Duration::ZERO);
        Self {
            url: url.to_owned(),
            driver: Arc::new(Driver::new(
                ConnectionConfig::new((host, port).into()),
                config,
            )),
        }
    }

    /// The URL with user and password.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs one statement in a transaction of its own and gives all records.
    ///
    /// # Errors
    /// [`Neo4jError::Refused`] with the server's code and message.
    pub async fn try_query(
        &self,
        cypher: &str,
        parameters: Parameters,
    ) -> Result<Vec<Vec<ValueReceive>>, Neo4jError> {
        let (graph, cypher) = (self.clone(), cypher.to_owned());
        let work = move || graph.query_blocking(&cypher, parameters);
        tokio::task::spawn_blocking(work)
            .await
            .expect("the driver does not panic")
    }

    /// Runs one statement and gives all records.
    ///
    /// # Panics
    /// If the server refuses; with its whole message: test data is no person's.
    pub async fn query(&self, cypher: &str, parameters: Parameters) -> Vec<Vec<ValueReceive>> {
        self.try_query(cypher, parameters)
            .await
            .unwrap_or_else(|error| panic!("failed to {error}\n{cypher}"))
    }

    /// Runs one statement without parameters.
    ///
    /// # Errors
    /// [`Neo4jError::Refused`] with the server's code and message.
    pub async fn try_run(&self, cypher: &str) -> Result<(), Neo4jError> {
        self.try_query(cypher, Parameters::new()).await.map(|_| ())
    }

    /// Runs one statement without parameters that has to work.
    ///
    /// # Panics
    /// If the server refuses.
    pub async fn run(&self, cypher: &str) {
        self.query(cypher, Parameters::new()).await;
    }

    /// Runs statements in one transaction and commits it.
    ///
    /// # Errors
    /// [`Neo4jError::Refused`] with the server's code and message; then nothing was done.
    pub async fn try_transaction(
        &self,
        statements: Vec<(String, Parameters)>,
    ) -> Result<(), Neo4jError> {
        let graph = self.clone();
        let work = move || {
            let mut session = graph.session();
            let done = session.transaction().run(|transaction| {
                for (cypher, parameters) in &statements {
                    let query = transaction.query(cypher).with_parameters(parameters);
                    query.run()?.consume()?;
                }
                transaction.commit()
            });
            done.map_err(|error| Neo4jError::Refused(error.to_string()))
        };
        tokio::task::spawn_blocking(work)
            .await
            .expect("the driver does not panic")
    }

    /// The integer that a statement gives as its one value.
    ///
    /// # Panics
    /// If the server refuses, or there is no such value.
    pub async fn count(&self, cypher: &str) -> i64 {
        let rows = self.query(cypher, Parameters::new()).await;
        let value = rows.first().and_then(|row| row.first());
        value.and_then(ValueReceive::as_int).expect("one integer")
    }

    /// Takes everything out: sessions of others, nodes, relationships, constraints, indexes.
    ///
    /// # Panics
    /// If the server refuses.
    pub async fn empty(&self) {
        let graph = self.clone();
        let work = move || graph.empty_blocking();
        let done = tokio::task::spawn_blocking(work)
            .await
            .expect("the driver does not panic");
        done.unwrap_or_else(|error| panic!("failed to {error}"));
    }

    fn empty_blocking(&self) -> Result<(), Neo4jError> {
        let run = |cypher: &str| self.query_blocking(cypher, Parameters::new());
        // What was terminated holds memory and locks until its connection has noticed.
        let deadline = Instant::now() + OTHERS_GONE;
        loop {
            let others = texts(run(OTHERS)?);
            if others.is_empty() || Instant::now() > deadline {
                break;
            }
            for id in others {
                run(&format!("terminate transactions '{id}'"))?;
            }
        }
        for name in texts(run("show constraints yield name return name")?) {
            run(&format!("drop constraint {} if exists", quoted_name(&name)))?;
        }
        for name in texts(run(
            "show indexes yield name, type where type <> 'LOOKUP' return name",
        )?) {
            run(&format!("drop index {} if exists", quoted_name(&name)))?;
        }
        run("match (n) call (n) { detach delete n } in transactions of 5000 rows")?;
        Ok(())
    }

    fn session(&self) -> Session<'_> {
        let database = Arc::new("neo4j".to_owned());
        let config = SessionConfig::new().with_database(database);
        self.driver.session(config)
    }

    pub(super) fn query_blocking(
        &self,
        cypher: &str,
        parameters: Parameters,
    ) -> Result<Vec<Vec<ValueReceive>>, Neo4jError> {
        self.session()
            .auto_commit(cypher)
            .with_parameters(parameters)
            .with_receiver(|stream| {
                stream
                    .map(|record| Ok(record?.into_values().collect()))
                    .collect()
            })
            .run()
            .map_err(|error| Neo4jError::Refused(error.to_string()))
    }
}

/// The strings in the first column.
fn texts(rows: Vec<Vec<ValueReceive>>) -> Vec<String> {
    let first = |row: Vec<ValueReceive>| row.into_iter().next()?.try_into_string().ok();
    rows.into_iter().filter_map(first).collect()
}

/// A name in backticks. Backslash and `u` are a character's number in Cypher, before anything else is read,
/// unless another backslash stands before them: each backslash is written by its number.
#[must_use]
pub fn quoted_name(name: &str) -> String {
    let name = name.replace('\\', "\\u005c").replace('`', "``");
    format!("`{name}`")
}
