//! One server under its supervisor. Must not know what the database holds.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::graph::Graph;

/// The directory whose `lib` holds the server's jars; `~/.cache/neo4j-5.26` where it is not set.
pub const HOME_VARIABLE: &str = "NEO4J_HOME";

/// What to run where Java or the jars are missing; in the root of the repository, as root.
pub const INSTALL_COMMAND: &str = "apt-get update && apt-get install --yes --no-install-recommends \
     openjdk-17-jre-headless maven && crates/testkit/neo4j/fetch.sh";

const SUPERVISOR: &str = include_str!("../../neo4j/supervise.sh");
const START: &str = include_str!("../../neo4j/start.sh");
const START_ATTEMPTS: usize = 5;

/// A server of tests compiles less and thinks in a time zone of its own.
const JAVA_OPTIONS: &str = "-XX:TieredStopAtLevel=1";
const SETTINGS: &str = "db.temporal.timezone=Asia/Kolkata";

/// Why no server is there.
#[derive(Debug)]
#[non_exhaustive]
pub enum Neo4jError {
    /// Java or the jars were not found; the message names the command that installs them.
    NotInstalled,
    /// The server did not come up; what its logs said.
    NotStarted(String),
    /// The server refused a statement: code and message (these are test data).
    Refused(String),
    /// The operating system refused something.
    Io(std::io::Error),
}

impl std::fmt::Display for Neo4jError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotInstalled => write!(
                f,
                "find Java and the jars of Neo4j: these tests need a real server. Install them with\n    \
                 {INSTALL_COMMAND}\nor set {} to the URLs of two servers that tests may empty",
                super::SHARED_SERVERS_VARIABLE
            ),
            Self::NotStarted(log) => write!(f, "start Neo4j:\n{log}"),
            Self::Refused(message) => write!(f, "run a statement: {message}"),
            Self::Io(error) => write!(f, "start Neo4j: {error}"),
        }
    }
}

impl std::error::Error for Neo4jError {}

impl From<std::io::Error> for Neo4jError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// A running server of our own. Dropping it ends the server and removes its directory.
#[derive(Debug)]
pub struct Neo4jServer {
    url: String,
    directory: PathBuf,
    pid: u32,
    supervisor: Supervisor,
}

#[derive(Debug)]
struct Supervisor {
    child: Child,
    /// Closing it ends the server.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Neo4jServer {
    /// Starts a server on a free port in a new directory; it answers when this returns.
    /// `settings` are lines of `neo4j.conf`, empty for none. Memory: 512 MB of heap unless
    /// `NEO4J_HEAP` says otherwise.
    ///
    /// # Errors
    /// See [`Neo4jError`].
    pub fn launch(settings: &str) -> Result<Self, Neo4jError> {
        Self::launch_as(settings, "DISABLED")
    }

    /// Like [`launch`](Self::launch), with TLS where a client asks for it. The certificate is
    /// `certificates/bolt/public.crt` in the directory, for localhost and 127.0.0.1, signed by itself.
    ///
    /// # Errors
    /// See [`Neo4jError`].
    pub fn launch_with_tls(settings: &str) -> Result<Self, Neo4jError> {
        Self::launch_as(settings, "OPTIONAL")
    }

    fn launch_as(settings: &str, tls: &str) -> Result<Self, Neo4jError> {
        let home = home().ok_or(Neo4jError::NotInstalled)?;
        let settings = format!("{SETTINGS}\n{settings}");
        let mut last = String::new();
        for _ in 0..START_ATTEMPTS {
            // Somebody may take the port before the server does: then another one is tried.
            let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
            match Self::try_launch(&home, port, &settings, tls)? {
                Ok(server) => return Ok(server),
                Err(log) => last = log,
            }
        }
        Err(Neo4jError::NotStarted(last))
    }

    fn try_launch(
        home: &Path,
        port: u16,
        settings: &str,
        tls: &str,
    ) -> Result<Result<Self, String>, Neo4jError> {
        let password = password();
        let mut child = Command::new("bash")
            .args(["-c", SUPERVISOR, "redistrict-test-neo4j", START])
            .arg(home)
            .args([&port.to_string(), &password, settings])
            .env("NEO4J_JAVA_OPTS", JAVA_OPTIONS)
            .env("NEO4J_TLS", tls)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take();
        let answers = child.stdout.take().ok_or(Neo4jError::NotInstalled)?;
        let mut supervisor = Supervisor {
            child,
            orders,
            answers: BufReader::new(answers),
        };
        Ok(match supervisor.ready()? {
            Ok((directory, pid)) => Ok(Self {
                url: format!("bolt://neo4j:{password}@127.0.0.1:{port}"),
                directory,
                pid,
                supervisor,
            }),
            Err(log) => Err(log),
        })
    }

    /// The URL with user and password; that user may do everything.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A plain client.
    #[must_use]
    pub fn graph(&self) -> Graph {
        Graph::connect(&self.url)
    }

    /// The process id of the server; another one after [`start_again`](Self::start_again).
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The directory with configuration, data and logs.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Ends the server with SIGKILL and waits until it is gone. Its data stay.
    ///
    /// # Errors
    /// If the supervisor does not answer.
    pub fn kill(&mut self) -> Result<(), Neo4jError> {
        let answer = self.supervisor.order("kill")?;
        if answer == "killed" {
            Ok(())
        } else {
            Err(Neo4jError::NotStarted(answer))
        }
    }

    /// Starts a killed server again on its port and its data; it answers when this returns.
    ///
    /// # Errors
    /// [`Neo4jError::NotStarted`] with the end of its logs.
    pub fn start_again(&mut self) -> Result<(), Neo4jError> {
        self.supervisor.send("start")?;
        let (_, pid) = self.supervisor.ready()?.map_err(Neo4jError::NotStarted)?;
        self.pid = pid;
        Ok(())
    }
}

impl Supervisor {
    fn send(&mut self, order: &str) -> Result<(), Neo4jError> {
        let closed = || Neo4jError::NotStarted("the supervisor is gone".to_owned());
        writeln!(self.orders.as_mut().ok_or_else(closed)?, "{order}")?;
        Ok(())
    }

    fn order(&mut self, order: &str) -> Result<String, Neo4jError> {
        self.send(order)?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    /// Waits for `ready DIRECTORY PID`; else gives what was said instead.
    fn ready(&mut self) -> Result<Result<(PathBuf, u32), String>, Neo4jError> {
        let mut said = String::new();
        loop {
            let mut line = String::new();
            if self.answers.read_line(&mut line)? == 0 || line == "failed\n" {
                return Ok(Err(said));
            }
            let ready = line.trim_end().strip_prefix("ready ");
            if let Some((directory, pid)) = ready.and_then(|rest| rest.rsplit_once(' '))
                && let Ok(pid) = pid.parse()
            {
                return Ok(Ok((PathBuf::from(directory), pid)));
            }
            said.push_str(&line);
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(self.orders.take());
        let mut rest = Vec::new();
        let _read = self.answers.read_to_end(&mut rest);
        let _ended = self.child.wait();
    }
}

/// The directory with the jars, if they and Java are there.
fn home() -> Option<PathBuf> {
    let home = environment(HOME_VARIABLE).map(PathBuf::from);
    let home = home.or_else(|| Some(Path::new(&environment("HOME")?).join(".cache/neo4j-5.26")))?;
    let java = environment("JAVA_HOME").map_or_else(
        || "java".into(),
        |java_home| Path::new(&java_home).join("bin/java"),
    );
    let has_java = Command::new(java)
        .arg("-version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    (has_java && home.join("lib").is_dir()).then_some(home)
}

/// A password of this server; only this machine reaches it.
fn password() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    format!("{:016x}", RandomState::new().hash_one(0))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the testkit reads the test's environment"
)]
pub(super) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_killed_server_comes_back_with_its_data_and_leaves_nothing_in_the_end() {
        let mut server = Neo4jServer::launch("").unwrap();
        let directory = server.directory().to_owned();
        let graph = server.graph();
        graph.run("create (:T {id: 1})").await;
        let first = server.pid();
        server.kill().unwrap();
        assert!(graph.try_run("return 1").await.is_err());
        server.start_again().unwrap();
        assert_ne!(server.pid(), first);
        assert_eq!(graph.count("match (n:T) return count(n)").await, 1);
        assert!(directory.exists());
        drop(server);
        assert!(!directory.exists());
        assert!(graph.try_run("return 1").await.is_err());
    }

    #[test]
    fn a_server_that_cannot_start_says_why() {
        let refused = Neo4jServer::launch("no.such.setting=1").unwrap_err();
        assert!(refused.to_string().contains("no.such.setting"), "{refused}");
    }
}
