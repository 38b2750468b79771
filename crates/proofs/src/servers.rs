//! Servers of a proof's own, PROD and CERT apart, that can be killed and started again.

use anyhow::{Context, Result};
use redistrict_testkit::neo4j::Neo4jServer;
use redistrict_testkit::postgres::TestServer;

/// Two of each kind.
pub(crate) struct Servers {
    pub(crate) prod_postgres: TestServer,
    pub(crate) cert_postgres: TestServer,
    pub(crate) prod_graph: Neo4jServer,
    pub(crate) cert_graph: Neo4jServer,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    ProdPostgres,
    CertPostgres,
    ProdGraph,
    CertGraph,
}

impl Which {
    pub(crate) const ALL: [Self; 4] = [
        Self::ProdPostgres,
        Self::ProdGraph,
        Self::CertPostgres,
        Self::CertGraph,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ProdPostgres => "PostgreSQL of PROD",
            Self::CertPostgres => "PostgreSQL of CERT",
            Self::ProdGraph => "Neo4j of PROD",
            Self::CertGraph => "Neo4j of CERT",
        }
    }

    /// It is only read.
    pub(crate) fn is_prod(self) -> bool {
        matches!(self, Self::ProdPostgres | Self::ProdGraph)
    }
}

impl Servers {
    pub(crate) fn launch() -> Result<Self> {
        let graph = || Neo4jServer::launch("").context("start Neo4j");
        let postgres = || TestServer::launch_private().context("start PostgreSQL");
        Ok(Self {
            prod_postgres: postgres()?,
            cert_postgres: postgres()?,
            prod_graph: graph()?,
            cert_graph: graph()?,
        })
    }

    /// Takes everything out of both graphs: a server has one.
    pub(crate) async fn empty_graphs(&self) {
        self.prod_graph.graph().empty().await;
        self.cert_graph.graph().empty().await;
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self, which: Which) -> Result<()> {
        match which {
            Which::ProdPostgres => self.prod_postgres.kill().context("kill")?,
            Which::CertPostgres => self.cert_postgres.kill().context("kill")?,
            Which::ProdGraph => self.prod_graph.kill().context("kill")?,
            Which::CertGraph => self.cert_graph.kill().context("kill")?,
        }
        Ok(())
    }

    pub(crate) fn start_again(&mut self, which: Which) -> Result<()> {
        match which {
            Which::ProdPostgres => self.prod_postgres.start_again().context("start")?,
            Which::CertPostgres => self.cert_postgres.start_again().context("start")?,
            Which::ProdGraph => self.prod_graph.start_again().context("start")?,
            Which::CertGraph => self.cert_graph.start_again().context("start")?,
        }
        Ok(())
    }
}

/// The same database by the server's socket, where nobody is asked for a password: a run of a second makes a hundred
/// connections, and to work out the answer to that question takes longer than all else that they do.
pub(crate) fn by_socket(server: &TestServer, url: &str) -> Result<String> {
    let directory = server.socket_directory().context("the server is ours")?;
    let host = directory.display().to_string().replace('/', "%2F");
    let (_, rest) = url.rsplit_once('@').context("a URL with a login")?;
    let (_, rest) = rest.split_once(':').context("a URL with a port")?;
    Ok(format!("postgres://postgres@{host}:{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_database_is_the_same_one_by_the_socket() {
        let server = TestServer::launch_private().unwrap();
        let url = server.create_database().await;
        let name = "select current_database()";
        let by_socket = by_socket(&server, &url).unwrap();
        assert_eq!(
            server.scalar(&url, name).await,
            server.scalar(&by_socket, name).await
        );
    }
}
