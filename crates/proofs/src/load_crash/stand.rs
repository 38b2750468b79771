//! What the stores of CERT are, and the servers that hold them.

use std::path::Path;

use anyhow::{Context, Result};
use redistrict_estate::EstateKind;
use redistrict_testkit::neo4j::Neo4jServer;
use redistrict_testkit::postgres::{self, TestServer};
use tokio::runtime::Runtime;

use crate::Options;
use crate::micro::{self, Side, Urls};
use crate::servers::by_socket;

/// So many runs are disturbed at once, each in a CERT of its own.
pub(super) const SITES: usize = 2;

/// What the four stores of CERT are, and so how they commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// The last one decides.
    Postgres,
    /// The file decides.
    WithSqlite,
    /// The graph decides.
    WithGraph,
    /// The server has no places for prepared transactions: one after another.
    WithoutPlaces,
}

impl Shape {
    /// The quick form leaves out what takes servers of Java.
    pub(super) fn of(options: Options) -> Vec<Self> {
        let mut all = vec![Self::Postgres, Self::WithSqlite, Self::WithoutPlaces];
        if !options.quick {
            all.push(Self::WithGraph);
        }
        all
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "4 PostgreSQL",
            Self::WithSqlite => "3 PostgreSQL + SQLite",
            Self::WithGraph => "3 PostgreSQL + Neo4j",
            Self::WithoutPlaces => "4 PostgreSQL one after another",
        }
    }

    /// The last store.
    pub(super) fn notes(self) -> EstateKind {
        match self {
            Self::Postgres | Self::WithoutPlaces => EstateKind::Postgres,
            Self::WithSqlite => EstateKind::Sqlite,
            Self::WithGraph => EstateKind::Neo4j,
        }
    }
}

/// The servers: PROD's and CERT's.
pub(super) struct Stand {
    prod: TestServer,
    cert: TestServer,
    /// PROD's, then one for each site.
    graphs: Vec<Neo4jServer>,
}

impl Stand {
    pub(super) fn launch(options: Options) -> Result<Self> {
        let postgres = || TestServer::launch_private().context("start PostgreSQL");
        let count = if options.quick { 0 } else { 1 + SITES };
        let graphs = (0..count).map(|_| Neo4jServer::launch("").context("start Neo4j"));
        Ok(Self {
            prod: postgres()?,
            cert: postgres()?,
            graphs: graphs.collect::<Result<_>>()?,
        })
    }

    /// New databases for a PROD, filled.
    pub(super) fn prod(&self, shape: Shape, dir: &Path, runtime: &Runtime) -> Result<Urls> {
        let urls = self.urls(&self.prod, shape, 0, dir, runtime)?;
        runtime.block_on(micro::fill(Side::Prod, shape.notes(), &urls))?;
        Ok(urls)
    }

    /// New databases for the CERT of a site, with their rows.
    pub(super) fn cert(
        &self,
        shape: Shape,
        site: usize,
        dir: &Path,
        runtime: &Runtime,
    ) -> Result<Urls> {
        let urls = self.urls(&self.cert, shape, 1 + site, dir, runtime)?;
        runtime.block_on(micro::fill(Side::Cert, shape.notes(), &urls))?;
        Ok(urls)
    }

    fn urls(
        &self,
        server: &TestServer,
        shape: Shape,
        graph: usize,
        dir: &Path,
        runtime: &Runtime,
    ) -> Result<Urls> {
        let database = || {
            let url = runtime.block_on(server.create_database());
            by_socket(server, &url)
        };
        let last = match shape.notes() {
            EstateKind::Postgres => database()?,
            EstateKind::Sqlite => micro::file(&dir.join("notes.db"))?,
            EstateKind::Neo4j => {
                let graph = self.graphs.get(graph).context("a graph was started")?;
                runtime.block_on(graph.graph().empty());
                graph.url().to_owned()
            }
        };
        Ok([database()?, database()?, database()?, last])
    }

    /// Gives CERT's server its places, or takes them away.
    pub(super) fn serve(&mut self, shape: Shape, runtime: &Runtime) -> Result<()> {
        let places = match shape {
            Shape::WithoutPlaces => 0,
            Shape::Postgres | Shape::WithSqlite | Shape::WithGraph => 200,
        };
        let sql = format!("alter system set max_prepared_transactions = {places}");
        runtime.block_on(postgres::query(self.cert.url(), &sql))?;
        // A server without places does not start where its log still has a prepared commit to be done again.
        runtime.block_on(postgres::query(self.cert.url(), "checkpoint"))?;
        self.cert.kill().context("stop PostgreSQL")?;
        self.cert.start_again().context("start PostgreSQL again")
    }
}
