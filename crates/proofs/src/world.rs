//! An estate with its PROD, its CERT, its configuration and its product.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use redistrict_estate::{
    Databases, Estate, EstateKind, EstateOptions, SqliteFiles, StoreId, StoreKinds, StoreLocations,
    StoreSide, UrlPlace, config_toml, sqlite_url, write_url_file,
};
use redistrict_testkit::neo4j::Neo4jPair;
use redistrict_testkit::postgres::{RoleKind, TestServer};

use crate::child::Product;
use crate::faults::ONE_AFTER_ANOTHER;
use crate::servers::Servers;

/// What the five stores of an estate are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// Five files.
    Sqlite,
    /// Four PostgreSQL databases and a Neo4j graph.
    Servers,
}

impl Setting {
    pub(crate) const ALL: [Self; 2] = [Self::Sqlite, Self::Servers];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "5 SQLite stores",
            Self::Servers => "4 PostgreSQL + Neo4j",
        }
    }

    fn kinds(self) -> StoreKinds {
        match self {
            Self::Sqlite => StoreKinds::sqlite(),
            Self::Servers => StoreKinds::postgres_and_graph(),
        }
    }
}

/// The URLs of one side in the order of `StoreId::ALL`.
pub(crate) type Urls = [String; 5];

/// One estate in one setting.
pub(crate) struct World {
    pub(crate) dir: PathBuf,
    pub(crate) estate: Estate,
    pub(crate) kinds: StoreKinds,
    pub(crate) targets: Urls,
    pub(crate) sources: Urls,
    /// Nobody else uses these graphs while the world lives.
    _graphs: Option<Neo4jPair>,
}

/// Where the product keeps what it found out about PROD.
const ANALYSIS: &str = "data/analysis";

/// The district that CERT holds already.
pub(crate) const NEIGHBOUR: u32 = 3;

impl World {
    /// Makes it new in `dir`, with a neighbour district and hand-made rows in CERT, targets enrolled.
    /// On the servers that all proofs share; a world with a graph has to be dropped before the next
    /// one is made.
    pub(crate) fn create(
        dir: &Path,
        setting: Setting,
        options: EstateOptions,
        runtime: &tokio::runtime::Runtime,
    ) -> Result<Self> {
        match setting {
            Setting::Sqlite => {
                let (sources, targets) = sqlite(dir)?;
                Self::on(
                    dir,
                    setting,
                    options,
                    runtime,
                    (sources.clone(), sources),
                    targets,
                    None,
                )
            }
            Setting::Servers => {
                let server = TestServer::start();
                let graphs = runtime.block_on(Neo4jPair::take());
                let sides = [graphs.prod.url(), graphs.cert.url()];
                let [sources, targets] = sides.map(|graph| databases(server, graph, runtime));
                let readers = runtime.block_on(readers(server, &sources));
                let sources = (sources, readers);
                Self::on(
                    dir,
                    setting,
                    options,
                    runtime,
                    sources,
                    targets,
                    Some(graphs),
                )
            }
        }
    }

    /// The same on servers of its own, PROD and CERT apart, that can be killed.
    pub(crate) fn create_on(
        dir: &Path,
        servers: &Servers,
        options: EstateOptions,
        runtime: &tokio::runtime::Runtime,
    ) -> Result<Self> {
        runtime.block_on(servers.empty_graphs());
        let sources = databases(&servers.prod_postgres, servers.prod_graph.url(), runtime);
        let targets = databases(&servers.cert_postgres, servers.cert_graph.url(), runtime);
        let readers = runtime.block_on(readers(&servers.prod_postgres, &sources));
        let sources = (sources, readers);
        Self::on(
            dir,
            Setting::Servers,
            options,
            runtime,
            sources,
            targets,
            None,
        )
    }

    /// `sources` are the writer's URLs and the reader's.
    fn on(
        dir: &Path,
        setting: Setting,
        options: EstateOptions,
        runtime: &tokio::runtime::Runtime,
        sources: (Urls, Urls),
        targets: Urls,
        graphs: Option<Neo4jPair>,
    ) -> Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
        let (writers, readers) = sources;
        let filled = Self::filled(dir, setting.kinds(), options, (writers, targets), runtime)?;
        let world = Self {
            sources: readers,
            _graphs: graphs,
            ..filled
        };
        world.configure()?;
        Ok(world)
    }

    /// Databases that are there already, without a configuration: somebody else writes it.
    pub(crate) fn bare(
        dir: &Path,
        estate: Estate,
        kinds: StoreKinds,
        sources: Urls,
        targets: Urls,
    ) -> Self {
        Self {
            dir: dir.to_path_buf(),
            estate,
            kinds,
            targets,
            sources,
            _graphs: None,
        }
    }

    /// The same, with a new estate in PROD, and in CERT its schema and the neighbour district.
    pub(crate) fn filled(
        dir: &Path,
        kinds: StoreKinds,
        options: EstateOptions,
        (sources, targets): (Urls, Urls),
        runtime: &tokio::runtime::Runtime,
    ) -> Result<Self> {
        let world = Self::bare(dir, Estate::generate(options), kinds, sources, targets);
        let prod = Databases::new(kinds, world.sources.clone());
        runtime.block_on(prod.write_estate(&world.estate))?;
        world.fill_cert(runtime)?;
        Ok(world)
    }

    /// Another world: the same PROD, with what was found out about it, and a CERT of its own as this one's
    /// was in the beginning. On the same servers this one's graph is gone thereby.
    pub(crate) fn beside(
        &self,
        dir: &Path,
        servers: Option<&Servers>,
        runtime: &tokio::runtime::Runtime,
    ) -> Result<Self> {
        let targets = match servers {
            None => sqlite(dir)?.1,
            Some(servers) => {
                runtime.block_on(servers.cert_graph.graph().empty());
                databases(&servers.cert_postgres, servers.cert_graph.url(), runtime)
            }
        };
        self.beside_in(dir, targets, runtime)
    }

    /// The same with its CERT in databases that are there and empty.
    pub(crate) fn beside_in(
        &self,
        dir: &Path,
        targets: Urls,
        runtime: &tokio::runtime::Runtime,
    ) -> Result<Self> {
        let world = Self {
            dir: dir.to_path_buf(),
            estate: self.estate.clone(),
            kinds: self.kinds,
            targets,
            sources: self.sources.clone(),
            _graphs: None,
        };
        world.write_cert(runtime)?;
        let (known, place) = (self.dir.join(ANALYSIS), dir.join(ANALYSIS));
        std::fs::create_dir_all(&place).with_context(|| format!("make {}", place.display()))?;
        for file in
            std::fs::read_dir(&known).with_context(|| format!("read {}", known.display()))?
        {
            let file = file?;
            std::fs::copy(file.path(), place.join(file.file_name()))
                .context("copy the analysis")?;
        }
        Ok(world)
    }

    /// The schema of CERT, its neighbour district, the configuration and the enrolment.
    pub(crate) fn write_cert(&self, runtime: &tokio::runtime::Runtime) -> Result<()> {
        self.fill_cert(runtime)?;
        self.configure()
    }

    fn fill_cert(&self, runtime: &tokio::runtime::Runtime) -> Result<()> {
        let cert = Databases::new(self.kinds, self.targets.clone());
        runtime.block_on(async {
            cert.write_schema().await?;
            cert.write_cert_neighbours(&self.estate, NEIGHBOUR).await
        })?;
        Ok(())
    }

    fn configure(&self) -> Result<()> {
        self.write_config()?;
        self.product()?.must(&["enroll", "--name", "proof"])?;
        Ok(())
    }

    fn write_config(&self) -> Result<()> {
        let locations = StoreLocations::of_each(|store, side| -> Result<UrlPlace> {
            let urls = match side {
                StoreSide::Prod => &self.sources,
                StoreSide::Cert => &self.targets,
            };
            let name = format!("{}-{}.url", store.as_str(), side.as_str());
            write_url_file(&self.dir.join(&name), &urls[store as usize])?;
            Ok(UrlPlace::File(name))
        })?;
        let text = config_toml(&self.estate, &self.kinds, &locations);
        #[expect(clippy::disallowed_methods, reason = "the proof's own file")]
        std::fs::write(self.config(), text).context("write the configuration")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.join("redistrict.toml")
    }

    pub(crate) fn product(&self) -> Result<Product> {
        Product::real(&self.config())
    }

    /// The `faulty` twin, whose targets commit one after another.
    pub(crate) fn faulty(&self, fault: &str) -> Result<Product> {
        Ok(self.preparing(fault)?.with(ONE_AFTER_ANOTHER, "1"))
    }

    /// The `faulty` twin, whose targets prepare their commits where they can.
    pub(crate) fn preparing(&self, fault: &str) -> Result<Product> {
        Product::faulty(&self.config(), fault)
    }

    /// The stores of CERT: name, kind and URL.
    pub(crate) fn stores(&self) -> impl Iterator<Item = (StoreId, EstateKind, &str)> {
        let urls = self.targets.iter();
        let stores = StoreId::ALL.into_iter().zip(urls);
        stores.map(|(store, url)| (store, self.kinds.of(store), url.as_str()))
    }

    /// The stores of PROD, as the product reads them.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (StoreId, EstateKind, &str)> {
        let urls = self.sources.iter();
        let stores = StoreId::ALL.into_iter().zip(urls);
        stores.map(|(store, url)| (store, self.kinds.of(store), url.as_str()))
    }
}

pub(crate) fn sqlite(dir: &Path) -> Result<(Urls, Urls)> {
    let make = |name: &str| -> Result<Urls> {
        let directory = dir.join(name);
        std::fs::create_dir_all(&directory)?;
        let files = SqliteFiles::in_directory(&directory);
        Ok(StoreId::ALL.map(|store| sqlite_url(&files.of(store))))
    };
    Ok((make("prod")?, make("cert")?))
}

/// Four new databases and the graph.
pub(crate) fn databases(
    server: &TestServer,
    graph: &str,
    runtime: &tokio::runtime::Runtime,
) -> Urls {
    StoreId::ALL.map(|store| match store {
        StoreId::Sp => graph.to_owned(),
        _ => runtime.block_on(server.create_database()),
    })
}

/// The same with the least role that reads.
pub(crate) async fn readers(server: &TestServer, sources: &Urls) -> Urls {
    let mut readers = sources.clone();
    for (store, url) in StoreId::ALL.into_iter().zip(&mut readers) {
        if store != StoreId::Sp {
            *url = server.create_role(url, RoleKind::Reader).await;
        }
    }
    readers
}
