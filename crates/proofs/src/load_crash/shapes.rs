//! Which databases CERT is made of, and the servers that hold them.

use std::path::Path;

use anyhow::{Context, Result};
use redistrict_estate::{EstateKind, EstateOptions, StoreId, StoreKinds};
use redistrict_testkit::neo4j::Neo4jServer;
use redistrict_testkit::postgres::{self, TestServer};
use tokio::runtime::Runtime;

use crate::Options;
use crate::world::{Urls, World, databases_of, sqlite};

/// What the five stores of CERT are, and so how they commit.
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
    /// The quick form leaves out what takes another server to start.
    pub(super) fn of(options: Options) -> Vec<Self> {
        match options.quick {
            true => vec![Self::Postgres, Self::WithSqlite],
            false => vec![
                Self::Postgres,
                Self::WithSqlite,
                Self::WithGraph,
                Self::WithoutPlaces,
            ],
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "5 PostgreSQL",
            Self::WithSqlite => "4 PostgreSQL + SQLite",
            Self::WithGraph => "4 PostgreSQL + Neo4j",
            Self::WithoutPlaces => "5 PostgreSQL one after another",
        }
    }

    fn kinds(self) -> StoreKinds {
        match self {
            Self::Postgres | Self::WithoutPlaces => StoreKinds::postgres(),
            Self::WithSqlite => StoreKinds::postgres().with(StoreId::Sp, EstateKind::Sqlite),
            Self::WithGraph => StoreKinds::postgres_and_graph(),
        }
    }
}

/// The servers: PROD's and CERT's.
pub(super) struct Stand {
    prod: TestServer,
    cert: TestServer,
    graphs: Option<[Neo4jServer; 2]>,
}

impl Stand {
    pub(super) fn launch(options: Options) -> Result<Self> {
        let postgres = || TestServer::launch_private().context("start PostgreSQL");
        let graph = || Neo4jServer::launch("").context("start Neo4j");
        let graphs = match options.quick {
            true => None,
            false => Some([graph()?, graph()?]),
        };
        Ok(Self {
            prod: postgres()?,
            cert: postgres()?,
            graphs,
        })
    }

    /// A new estate of some rows, in PROD and in CERT.
    pub(super) fn first(
        &self,
        shape: Shape,
        dir: &Path,
        seed: u64,
        runtime: &Runtime,
    ) -> Result<World> {
        let options = EstateOptions {
            seed,
            students_per_district: 1,
            ..EstateOptions::default()
        };
        let graph = self.graphs.as_ref().map(|graphs| graphs[0].url());
        if let Some(graphs) = &self.graphs {
            runtime.block_on(graphs[0].graph().empty());
        }
        let prod = databases_of(&self.prod, shape.kinds(), graph, &sqlite(dir)?.0, runtime);
        let targets = self.targets(shape, dir, runtime)?;
        World::configured(dir, shape.kinds(), options, (prod, targets), runtime)
    }

    /// New and empty databases for a CERT. There is one graph: it is emptied.
    pub(super) fn targets(&self, shape: Shape, dir: &Path, runtime: &Runtime) -> Result<Urls> {
        let graph = self.graphs.as_ref().map(|graphs| graphs[1].url());
        if let Some(graphs) = &self.graphs {
            runtime.block_on(graphs[1].graph().empty());
        }
        let files = sqlite(dir)?.1;
        Ok(databases_of(
            &self.cert,
            shape.kinds(),
            graph,
            &files,
            runtime,
        ))
    }

    /// Gives CERT's server its places, or takes them away.
    pub(super) fn serve(&mut self, shape: Shape, runtime: &Runtime) -> Result<()> {
        let places = if shape == Shape::WithoutPlaces {
            0
        } else {
            200
        };
        let sql = format!("alter system set max_prepared_transactions = {places}");
        runtime.block_on(postgres::query(self.cert.url(), &sql))?;
        self.cert.kill().context("stop PostgreSQL")?;
        self.cert.start_again().context("start PostgreSQL again")
    }
}
