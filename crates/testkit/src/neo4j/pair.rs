//! Two servers for a test, PROD and CERT, emptied, and locked against other tests and processes.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::graph::{Graph, Parameters};
use super::server::{Neo4jError, Neo4jServer, environment};

/// Holds the URLs of servers that test processes share, separated by commas: an even number, each two
/// of them a pair. All that is in them is lost.
pub const SHARED_SERVERS_VARIABLE: &str = "REDISTRICT_TEST_NEO4J";

/// Two empty databases. Nobody else who asks for a pair gets this one while the value lives.
#[derive(Debug)]
pub struct Neo4jPair {
    pub prod: Graph,
    pub cert: Graph,
    _lock: File,
}

impl Neo4jPair {
    /// Waits for a free pair and empties it. Starts the servers of this process where none are shared,
    /// once, and says their version on standard error.
    ///
    /// # Panics
    /// If no server can be had; the message says how to install one.
    pub async fn take() -> Self {
        let lock = |pool: &'static Pool| pool.lock();
        let locked = tokio::task::spawn_blocking(move || lock(pool())).await;
        let (prod, cert, lock) = locked.expect("the pool of servers");
        tokio::join!(prod.empty(), cert.empty());
        Self {
            prod,
            cert,
            _lock: lock,
        }
    }

    /// The version of the servers, as they print it.
    ///
    /// # Panics
    /// See [`take`](Self::take).
    #[must_use]
    pub fn version() -> &'static str {
        &pool().version
    }
}

struct Pool {
    version: String,
    pairs: Vec<(Graph, Graph, PathBuf)>,
    /// Kept until the process ends.
    _servers: Vec<Neo4jServer>,
}

fn pool() -> &'static Pool {
    static POOL: OnceLock<Pool> = OnceLock::new();
    POOL.get_or_init(|| {
        let pool = Pool::open().unwrap_or_else(|error| panic!("failed to {error}"));
        let line = format!("tests run against Neo4j {}", pool.version);
        let _written = writeln!(std::io::stderr(), "{line}");
        pool
    })
}

impl Pool {
    fn open() -> Result<Self, Neo4jError> {
        let shared = environment(SHARED_SERVERS_VARIABLE);
        let servers = match &shared {
            Some(_) => Vec::new(),
            None => launch_two()?,
        };
        let graphs: Vec<Graph> = match &shared {
            Some(urls) => urls
                .split(',')
                .map(|url| Graph::connect(url.trim()))
                .collect(),
            None => servers.iter().map(Neo4jServer::graph).collect(),
        };
        let mut pairs = Vec::new();
        for two in graphs.chunks(2) {
            let [prod, cert] = two else {
                return Err(Neo4jError::NotStarted(format!(
                    "{SHARED_SERVERS_VARIABLE} names an odd number of servers"
                )));
            };
            pairs.push((prod.clone(), cert.clone(), lock_file(prod)?));
        }
        let components = "call dbms.components() yield versions return versions[0]";
        Ok(Self {
            version: text(&graphs[0], components)?,
            pairs,
            _servers: servers,
        })
    }

    /// The first free pair, or the first one when it gets free.
    fn lock(&self) -> (Graph, Graph, File) {
        let open = |path: &Path| {
            let mut options = File::options();
            let file = options.create(true).append(true).open(path);
            file.unwrap_or_else(|error| panic!("failed to open the lock {path:?}: {error}"))
        };
        let all = || self.pairs.iter();
        let free = all().find_map(|(prod, cert, path)| {
            let file = open(path);
            file.try_lock().is_ok().then_some((prod, cert, file))
        });
        let (prod, cert, file) = free.unwrap_or_else(|| {
            let (prod, cert, path) = &self.pairs[0];
            let file = open(path);
            file.lock().expect("a lock that can be waited for");
            (prod, cert, file)
        });
        (prod.clone(), cert.clone(), file)
    }
}

/// Both at once: most of the time is the start of two Java machines.
fn launch_two() -> Result<Vec<Neo4jServer>, Neo4jError> {
    std::thread::scope(|scope| {
        let two = [(); 2].map(|()| scope.spawn(|| Neo4jServer::launch("")));
        let joined = two.map(|one| one.join().expect("the thread of a server's start"));
        joined.into_iter().collect()
    })
}

/// In the directory of the first server, which goes with it; in that for temporary files where the
/// server is on another machine.
fn lock_file(graph: &Graph) -> Result<PathBuf, Neo4jError> {
    let home = "show settings 'server.directories.neo4j_home' yield value return value";
    let home = PathBuf::from(text(graph, home)?);
    if home.is_dir() {
        return Ok(home.join("tests.lock"));
    }
    let port = graph.url().rsplit_once(':').map_or("", |(_, port)| port);
    Ok(std::env::temp_dir().join(format!("redistrict-neo4j-{port}.lock")))
}

fn text(graph: &Graph, cypher: &str) -> Result<String, Neo4jError> {
    let rows = graph.query_blocking(cypher, Parameters::new())?;
    let value = rows.into_iter().flatten().next();
    let text = value.and_then(|value| value.try_into_string().ok());
    text.ok_or_else(|| Neo4jError::Refused(format!("no text came back for {cypher}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_pair_is_two_databases_and_empty_for_everybody_who_takes_it() {
        for round in 0..2 {
            let pair = Neo4jPair::take().await;
            let everything = "match (n) return count(n)";
            assert_eq!(pair.prod.count(everything).await, 0, "{round}");
            let schema = "show constraints yield name return count(name)";
            assert_eq!(pair.prod.count(schema).await, 0, "{round}");
            let indexes = "show indexes yield type where type <> 'LOOKUP' return count(type)";
            assert_eq!(pair.prod.count(indexes).await, 0, "{round}");
            for statement in [
                "create constraint `a``b` for (n:`T x`) require n.id is unique",
                "create index for (n:T) on (n.x)",
                "create fulltext index words for (n:T) on each [n.x]",
                "create (a:`T x` {id: 1})-[:R]->(:T)-[:R]->(a)",
            ] {
                pair.prod.run(statement).await;
            }
            assert_eq!(pair.prod.count(everything).await, 2);
            assert_eq!(pair.cert.count(everything).await, 0);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_pair_has_one_user_at_a_time() {
        let pair = Neo4jPair::take().await;
        let pool = pool();
        let path = &pool.pairs[0].2;
        let other = File::options().append(true).open(path).unwrap();
        if pool.pairs.len() == 1 {
            assert!(other.try_lock().is_err());
            drop(pair);
        }
        let again = Neo4jPair::take().await;
        again.prod.run("create (:T)").await;
    }
}
