//! Servers for one run of the tests: started once, passed to all test binaries, gone with us.

use std::io::{BufRead, BufReader, Read as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use super::installed::Installed;
use crate::process::{root, say, variable};

/// The variable by which test binaries are told the servers.
pub(crate) const VARIABLE: &str = "REDISTRICT_TEST_NEO4J";

/// As for servers that tests start themselves: less compilation, and an odd time zone.
const JAVA_OPTIONS: &str = "-XX:TieredStopAtLevel=1";
const SETTINGS: &str = "db.temporal.timezone=Asia/Kolkata";

/// Two Neo4j servers, PROD and CERT. Dropping the value ends those that it started; if we are killed,
/// their supervisors see the end of the pipe and do the same.
pub(crate) struct Neo4jServers {
    /// What [`VARIABLE`] has to hold.
    pub(crate) urls: String,
    supervisors: Vec<Supervisor>,
}

struct Supervisor {
    child: Child,
    url: String,
}

impl Neo4jServers {
    /// Starts two, or takes those that the environment names.
    pub(crate) fn start(installed: &Installed) -> Result<Self> {
        if let Some(urls) = variable(VARIABLE) {
            say(&format!("using the Neo4j servers of {VARIABLE}"));
            return Ok(Self {
                urls,
                supervisors: Vec::new(),
            });
        }
        let home = installed.neo4j_home.as_path();
        let started = std::thread::scope(|scope| {
            let two = [(); 2].map(|()| scope.spawn(|| Supervisor::start(home)));
            two.map(|one| one.join().expect("a thread that starts a server"))
        });
        let supervisors = started.into_iter().collect::<Result<Vec<_>>>()?;
        let urls: Vec<&str> = supervisors.iter().map(|one| one.url.as_str()).collect();
        Ok(Self {
            urls: urls.join(","),
            supervisors,
        })
    }
}

impl Drop for Neo4jServers {
    fn drop(&mut self) {
        for supervisor in &mut self.supervisors {
            drop(supervisor.child.stdin.take());
        }
        for supervisor in &mut self.supervisors {
            let _ended = supervisor.child.wait();
        }
    }
}

impl Supervisor {
    fn start(home: &Path) -> Result<Self> {
        let scripts = root().join("crates/testkit/neo4j");
        let start = std::fs::read_to_string(scripts.join("start.sh")).context("read start.sh")?;
        // Somebody may take the port before the server does: then the run fails and says so.
        let port = free_port()?;
        let password = format!("tests-{port}");
        let mut child = Command::new("bash")
            .arg(scripts.join("supervise.sh"))
            .arg(start)
            .arg(home)
            .args([&port.to_string(), &password, SETTINGS])
            .env("NEO4J_JAVA_OPTS", JAVA_OPTIONS)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start the supervisor of a Neo4j server")?;
        let answers = child
            .stdout
            .take()
            .context("read what the supervisor says")?;
        let mut answers = BufReader::new(answers);
        let mut line = String::new();
        answers.read_line(&mut line)?;
        if !line.starts_with("ready ") {
            answers.read_to_string(&mut line)?;
            bail!("Neo4j did not start:\n{line}");
        }
        let url = format!("bolt://neo4j:{password}@127.0.0.1:{port}");
        Ok(Self { child, url })
    }
}

/// A port that nobody listens on now.
pub(super) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("find a free port")?;
    Ok(listener.local_addr().context("find a free port")?.port())
}
