//! A real PostgreSQL for tests: a private cluster per test binary, one database per test.
//!
//! The cluster lives in a temporary directory and belongs to a supervising shell that waits for the
//! end of this process (its end of a pipe) and then stops the server and removes the directory:
//! nothing is left behind, not even after `kill -9`. Several test processes share one cluster when
//! [`SHARED_SERVER_VARIABLE`] holds a superuser's URL.
//!
//! Durability is off: this server is for semantics, not for power-loss tests.

use std::fmt::Write as _;
use std::future::Future;
use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// Holds a superuser's URL of a server that test processes share.
pub const SHARED_SERVER_VARIABLE: &str = "REDISTRICT_TEST_PG";

/// What to run where PostgreSQL is not installed.
pub const INSTALL_COMMAND: &str =
    "apt-get update && apt-get install --yes --no-install-recommends postgresql";

const SUPERVISOR: &str = include_str!("postgres_supervisor.sh");
const START_ATTEMPTS: usize = 5;

/// Why no server is there.
#[derive(Debug)]
#[non_exhaustive]
pub enum TestServerError {
    /// `initdb` was not found; the message names the command that installs it.
    NotInstalled,
    /// The server did not come up; what its log said.
    NotStarted(String),
    /// The server refused something.
    Refused(tokio_postgres::Error),
    /// The operating system refused something.
    Io(std::io::Error),
}

impl std::fmt::Display for TestServerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotInstalled => write!(
                f,
                "find PostgreSQL (initdb): these tests need a real server. Install it with\n    \
                 {INSTALL_COMMAND}\nor set {SHARED_SERVER_VARIABLE} to a superuser's URL"
            ),
            Self::NotStarted(log) => write!(f, "start PostgreSQL:\n{log}"),
            Self::Refused(error) => write!(
                f,
                "prepare the test server: {error}: {:?}",
                error.as_db_error()
            ),
            Self::Io(error) => write!(f, "start PostgreSQL: {error}"),
        }
    }
}

impl std::error::Error for TestServerError {}

impl From<tokio_postgres::Error> for TestServerError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Refused(error)
    }
}

impl From<std::io::Error> for TestServerError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// What a test role may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleKind {
    /// Connects and uses schema `public`; grants come from the test. The plain reader of PROD.
    Plain,
    /// Member of `pg_read_all_data`.
    Reader,
    /// Owns the database it is made for. The loader of CERT.
    Owner,
    Superuser,
}

/// A running server. Dropping it stops it, unless it is shared.
#[derive(Debug)]
pub struct TestServer {
    url: String,
    version: String,
    directory: Option<PathBuf>,
    supervisor: Option<Supervisor>,
}

/// The supervising shell; it ends the server when its standard input is closed.
#[derive(Debug)]
struct Supervisor {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl TestServer {
    /// The server of this process: the shared one if there is one, else a private cluster, started
    /// once. Prints the server's version once, to standard error.
    ///
    /// # Panics
    /// If no server can be had; the message says how to install one.
    pub fn start() -> &'static Self {
        static SERVER: OnceLock<TestServer> = OnceLock::new();
        SERVER.get_or_init(|| {
            let server = Self::launch().unwrap_or_else(|error| panic!("failed to {error}"));
            announce(&format!("tests run against PostgreSQL {}", server.version));
            server
        })
    }

    /// Uses the shared server, or starts a private one that ends when the value is dropped or the
    /// process ends. For tools that set [`SHARED_SERVER_VARIABLE`] for others.
    ///
    /// # Errors
    /// See [`TestServerError`].
    pub fn launch() -> Result<Self, TestServerError> {
        match environment(SHARED_SERVER_VARIABLE) {
            Some(url) => Self::attach(url),
            None => Self::launch_private(),
        }
    }

    /// Starts a private cluster, whatever the environment says.
    ///
    /// # Errors
    /// See [`TestServerError`].
    pub fn launch_private() -> Result<Self, TestServerError> {
        Self::launch_with(&[])
    }

    /// Starts a hot standby of this private server, with all its databases, on a port of its own. A vacuum
    /// here ends at once the snapshots there that would still see what it takes away: the standby tells
    /// nobody what it reads (`hot_standby_feedback = off`) and does not wait (`max_standby_streaming_delay = 0`).
    ///
    /// # Errors
    /// See [`TestServerError`]; a shared server has no directory of its own.
    pub fn launch_standby(&self) -> Result<Self, TestServerError> {
        let shared = || TestServerError::NotStarted("the server is not ours".to_owned());
        let directory = self.directory.as_ref().ok_or_else(shared)?;
        let port = self
            .url
            .rsplit(':')
            .next()
            .and_then(|rest| rest.split('/').next());
        Self::launch_with(&[&directory.to_string_lossy(), port.unwrap_or_default()])
    }

    /// `more` are the further arguments of the supervisor.
    fn launch_with(more: &[&str]) -> Result<Self, TestServerError> {
        let binaries = find_binaries().ok_or(TestServerError::NotInstalled)?;
        let mut last = String::new();
        for _ in 0..START_ATTEMPTS {
            let port = free_port()?;
            match supervise(&binaries, port, more)? {
                Ok((supervisor, directory)) => {
                    let url = format!("postgres://postgres:postgres@127.0.0.1:{port}/postgres");
                    let mut server = Self::attach(url)?;
                    server.supervisor = Some(supervisor);
                    server.directory = Some(directory);
                    return Ok(server);
                }
                Err(log) => last = log,
            }
        }
        Err(TestServerError::NotStarted(last))
    }

    fn attach(url: String) -> Result<Self, TestServerError> {
        let asked = url.clone();
        let version = block_on(async move {
            let rows = query(&asked, "show server_version").await?;
            Ok::<_, TestServerError>(rows[0][0].clone().unwrap_or_default())
        })?;
        Ok(Self {
            url,
            version,
            directory: None,
            supervisor: None,
        })
    }

    /// The superuser's URL (database `postgres`).
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The server's version as it prints it.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The directory with the unix socket; none for a shared server.
    #[must_use]
    pub fn socket_directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// Makes an empty database with a random name and gives a superuser's URL of it.
    ///
    /// # Panics
    /// If the server refuses.
    pub async fn create_database(&self) -> String {
        let name = format!("t_{}", self.random_name().await);
        self.psql(
            &self.url,
            &format!("create database {name} template template0"),
        )
        .await;
        self.url_of(&name)
    }

    /// Makes a role with a random name and a password for a database, and gives its URL.
    ///
    /// # Panics
    /// If the server refuses.
    pub async fn create_role(&self, database_url: &str, kind: RoleKind) -> String {
        let secret = self.random_name().await;
        let name = format!("r_{}", self.random_name().await);
        let database = database_of(database_url);
        let mut sql = format!("create role {name} login password '{secret}';");
        match kind {
            RoleKind::Plain => write!(sql, "grant usage on schema public to {name}"),
            RoleKind::Reader => write!(sql, "grant pg_read_all_data to {name}"),
            RoleKind::Owner => write!(sql, "alter database {database} owner to {name}"),
            RoleKind::Superuser => write!(sql, "alter role {name} superuser"),
        }
        .unwrap_or_default();
        self.psql(database_url, &sql).await;
        with_login(&self.url_of(database), &name, &secret)
    }

    /// Runs statements as they are (simple protocol) on a database.
    ///
    /// # Panics
    /// If the server refuses; with the server's whole message: test data is no person's.
    pub async fn psql(&self, url: &str, sql: &str) {
        if let Err(error) = execute(url, sql).await {
            panic!("failed to {error}");
        }
    }

    /// Runs one or more statements and gives the rows of the last that returned rows, as text.
    ///
    /// # Panics
    /// If the server refuses.
    pub async fn query(&self, url: &str, sql: &str) -> Vec<Vec<Option<String>>> {
        query(url, sql)
            .await
            .unwrap_or_else(|error| panic!("failed to {error}"))
    }

    /// The first column of the first row, as text.
    ///
    /// # Panics
    /// If the server refuses, or there is no such value.
    pub async fn scalar(&self, url: &str, sql: &str) -> String {
        let rows = self.query(url, sql).await;
        rows.first()
            .and_then(|row| row.first().cloned().flatten())
            .expect("one value")
    }

    /// Ends a private server with SIGKILL, all its processes, and waits until they are gone. Its data stay.
    ///
    /// # Errors
    /// A shared server, or the supervisor does not answer.
    pub fn kill(&mut self) -> Result<(), TestServerError> {
        self.order("kill", "killed")
    }

    /// Starts a killed server again on its port and its data; it answers when this returns.
    ///
    /// # Errors
    /// As [`kill`](Self::kill); the server's log where it does not come up.
    pub fn start_again(&mut self) -> Result<(), TestServerError> {
        self.order("start", "ready ")
    }

    fn order(&mut self, order: &str, expected: &str) -> Result<(), TestServerError> {
        let shared = || TestServerError::NotStarted("the server is not ours".to_owned());
        let supervisor = self.supervisor.as_mut().ok_or_else(shared)?;
        let closed = || TestServerError::NotStarted("the supervisor is gone".to_owned());
        writeln!(
            supervisor.child.stdin.as_mut().ok_or_else(closed)?,
            "{order}"
        )?;
        let mut said = String::new();
        loop {
            let mut line = String::new();
            if supervisor.answers.read_line(&mut line)? == 0 || line == "failed\n" {
                return Err(TestServerError::NotStarted(said));
            }
            if line.starts_with(expected) {
                return Ok(());
            }
            said.push_str(&line);
        }
    }

    /// Waits until this standby has done everything that the primary has written by now.
    ///
    /// # Panics
    /// If one of the servers refuses.
    pub async fn wait_for(&self, primary: &Self) {
        // A vacuum commits nothing, and what it wrote may not have left the primary's memory yet.
        primary.psql(&primary.url, "checkpoint").await;
        let written = primary.scalar(&primary.url, "select pg_current_wal_lsn()");
        let sql = format!(
            "select coalesce(pg_last_wal_replay_lsn() >= '{}', false)",
            written.await
        );
        while self.scalar(&self.url, &sql).await != "t" {}
    }

    async fn random_name(&self) -> String {
        let sql = "select replace(gen_random_uuid()::text, '-', '')";
        self.scalar(&self.url, sql).await
    }

    /// The superuser's URL of another database of this server.
    #[must_use]
    pub fn url_of(&self, database: &str) -> String {
        let base = self.url.rfind('/').map_or(self.url.len(), |at| at);
        format!("{}/{database}", &self.url[..base])
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some(mut supervisor) = self.supervisor.take() {
            drop(supervisor.child.stdin.take());
            let _stopped = supervisor.child.wait();
        }
    }
}

/// Runs statements on a database, simple protocol.
///
/// # Errors
/// What the server refused.
pub async fn execute(url: &str, sql: &str) -> Result<(), TestServerError> {
    with_client(url, async |client| client.batch_execute(sql).await).await
}

/// Runs statements and gives the rows of the last one that returned rows, as text.
///
/// # Errors
/// What the server refused.
pub async fn query(url: &str, sql: &str) -> Result<Vec<Vec<Option<String>>>, TestServerError> {
    let messages = with_client(url, async |client| client.simple_query(sql).await).await?;
    let mut rows = Vec::new();
    for message in messages {
        match message {
            SimpleQueryMessage::RowDescription(_) => rows.clear(),
            SimpleQueryMessage::Row(row) => {
                rows.push(
                    (0..row.len())
                        .map(|at| row.get(at).map(str::to_owned))
                        .collect(),
                );
            }
            _ => {}
        }
    }
    Ok(rows)
}

/// Connects without TLS and runs `work` with the client; the connection ends with it.
///
/// # Errors
/// Connecting, or what `work` failed with.
pub async fn with_client<T>(
    url: &str,
    work: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
) -> Result<T, TestServerError> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let result = async move {
        let result = work(&client).await;
        drop(client);
        result
    };
    let (result, _closed) = tokio::join!(result, connection);
    Ok(result?)
}

/// The same server and database with another login.
fn with_login(url: &str, user: &str, password: &str) -> String {
    let rest = url.rfind('@').map_or(url, |at| &url[at + 1..]);
    format!("postgres://{user}:{password}@{rest}")
}

fn database_of(url: &str) -> &str {
    url.rfind('/').map_or(url, |at| &url[at + 1..])
}

/// Starts the supervisor and waits until it says that the server is ready, or what went wrong.
fn supervise(
    binaries: &Path,
    port: u16,
    more: &[&str],
) -> Result<Result<(Supervisor, PathBuf), String>, TestServerError> {
    let mut command = as_server_user();
    command
        .args(["sh", "-c", SUPERVISOR, "redistrict-test-postgres"])
        .arg(binaries)
        .arg(port.to_string())
        .args(more)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let mut answers = BufReader::new(child.stdout.take().ok_or(TestServerError::NotInstalled)?);
    let mut line = String::new();
    answers.read_line(&mut line)?;
    if let Some(directory) = line.trim_end().strip_prefix("ready ") {
        let directory = PathBuf::from(directory);
        return Ok(Ok((Supervisor { child, answers }, directory)));
    }
    let mut log = line;
    std::io::Read::read_to_string(&mut answers, &mut log)?;
    child.wait()?;
    Ok(Err(log))
}

/// `sh` as ourselves, or, because the server refuses to run as root, as the user `postgres`.
fn as_server_user() -> Command {
    let is_root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    if !is_root {
        let mut command = Command::new("env");
        command.arg("--");
        return command;
    }
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid=postgres",
        "--regid=postgres",
        "--init-groups",
        "--",
    ]);
    command
}

/// The directory of `initdb`: on the path, else the newest of Debian's and Red Hat's places.
fn find_binaries() -> Option<PathBuf> {
    let path = environment("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).find(|place| place.join("initdb").is_file());
    let versions = |root: &str, inside: &str| -> Vec<(u32, PathBuf)> {
        let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                let version = name.trim_start_matches("pgsql-").parse().ok()?;
                Some((version, entry.path().join(inside)))
            })
            .filter(|(_, place)| place.join("initdb").is_file())
            .collect()
    };
    let mut installed = versions("/usr/lib/postgresql", "bin");
    installed.extend(versions("/usr", "bin"));
    on_path.or_else(|| installed.into_iter().max().map(|(_, place)| place))
}

/// A port that nobody listens on now. Somebody may take it before the server does: the caller tries
/// another one then.
fn free_port() -> Result<u16, std::io::Error> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Runs a future to its end on a thread of its own, so that it works inside and outside of a
/// runtime.
fn block_on<T: Send>(future: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime for the test server")
                .block_on(future)
        });
        worker.join().expect("the test server's thread")
    })
}

fn announce(line: &str) {
    let _written = writeln!(std::io::stderr(), "{line}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "the testkit reads the test's environment"
)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_test_has_a_database_of_its_own() {
        let server = TestServer::start();
        let (one, other) = (
            server.create_database().await,
            server.create_database().await,
        );
        server.psql(&one, "create table t (id int)").await;
        let sql = "select count(*) from pg_tables where tablename = 't'";
        assert_eq!(server.scalar(&one, sql).await, "1");
        assert_eq!(server.scalar(&other, sql).await, "0");
    }

    #[tokio::test]
    async fn a_plain_role_reads_only_what_it_was_granted() {
        let server = TestServer::start();
        let url = server.create_database().await;
        server.psql(&url, "create table t (id int)").await;
        let plain = server.create_role(&url, RoleKind::Plain).await;
        let refused = query(&plain, "select * from t").await.unwrap_err();
        let TestServerError::Refused(error) = refused else {
            panic!("{refused}")
        };
        assert_eq!(error.code().unwrap().code(), "42501");
    }

    #[tokio::test]
    async fn a_killed_server_comes_back_with_what_was_committed() {
        let mut server = TestServer::launch_private().unwrap();
        let url = server.create_database().await;
        server.psql(&url, "create table t as select 7 as x").await;
        server.kill().unwrap();
        assert!(query(&url, "select 1").await.is_err());
        server.start_again().unwrap();
        assert_eq!(server.scalar(&url, "select x from t").await, "7");
    }

    #[tokio::test]
    async fn a_standby_follows_and_cannot_be_written() {
        let server = TestServer::launch_private().unwrap();
        let url = server.create_database().await;
        server.psql(&url, "create table t as select 7 as x").await;
        let standby = server.launch_standby().unwrap();
        let there = standby.url_of(database_of(&url));
        assert_eq!(standby.scalar(&there, "select x from t").await, "7");
        server.psql(&url, "insert into t values (8)").await;
        standby.wait_for(&server).await;
        assert_eq!(standby.scalar(&there, "select max(x) from t").await, "8");
        assert!(query(&there, "insert into t values (9)").await.is_err());
    }

    #[tokio::test]
    async fn nothing_is_left_of_a_dropped_server() {
        let server = TestServer::launch_private().unwrap();
        let directory = server.socket_directory().unwrap().to_owned();
        let url = server.url().to_owned();
        assert!(directory.exists());
        drop(server);
        assert!(!directory.exists());
        assert!(query(&url, "select 1").await.is_err());
    }
}
