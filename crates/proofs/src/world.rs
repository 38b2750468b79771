//! An estate with its PROD, its CERT, its configuration and its product.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use redistrict_estate::{
    Estate, EstateKind, EstateOptions, SqliteFiles, StoreLocations, UrlPlace, config_toml,
    sqlite_url, write_cert_neighbours_postgres, write_cert_neighbours_sqlite, write_postgres,
    write_schema_postgres, write_schema_sqlite, write_sqlite, write_url_file,
};
use redistrict_testkit::postgres::{RoleKind, TestServer};

use crate::child::Product;

/// One estate on one kind of store.
pub(crate) struct World {
    pub(crate) dir: PathBuf,
    pub(crate) estate: Estate,
    pub(crate) kind: EstateKind,
    /// Targets: SQLite paths or PostgreSQL URLs of IDS and HCP1.
    pub(crate) targets: [String; 2],
    pub(crate) sources: [String; 2],
}

/// The district that CERT holds already.
pub(crate) const NEIGHBOUR: u32 = 3;

impl World {
    /// Makes it new in `dir`, with a neighbour district in CERT, targets enrolled.
    pub(crate) fn create(
        dir: &Path,
        kind: EstateKind,
        options: EstateOptions,
        runtime: &tokio::runtime::Runtime,
    ) -> Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
        let estate = Estate::generate(options);
        let (sources, targets) = match kind {
            EstateKind::Sqlite => Self::sqlite(dir, &estate)?,
            EstateKind::Postgres => runtime.block_on(Self::postgres(&estate))?,
        };
        let world = Self {
            dir: dir.to_path_buf(),
            estate,
            kind,
            targets,
            sources,
        };
        world.write_config()?;
        world.product()?.must(&["enroll", "--name", "proof"])?;
        Ok(world)
    }

    fn sqlite(dir: &Path, estate: &Estate) -> Result<([String; 2], [String; 2])> {
        let paths = |files: &SqliteFiles| [&files.ids, &files.hcp1].map(|path| sqlite_url(path));
        let (prod, cert) = (dir.join("prod"), dir.join("cert"));
        std::fs::create_dir_all(&prod)?;
        std::fs::create_dir_all(&cert)?;
        let sources = write_sqlite(estate, &prod)?;
        let targets = write_schema_sqlite(&cert)?;
        write_cert_neighbours_sqlite(estate, &targets, NEIGHBOUR)?;
        Ok((paths(&sources), paths(&targets)))
    }

    async fn postgres(estate: &Estate) -> Result<([String; 2], [String; 2])> {
        let server = TestServer::start();
        let mut urls = Vec::new();
        for _ in 0..4 {
            urls.push(server.create_database().await);
        }
        let [ids, hcp1, cert_ids, cert_hcp1] = <[String; 4]>::try_from(urls)
            .ok()
            .context("four databases were made")?;
        write_postgres(estate, &ids, &hcp1).await?;
        write_schema_postgres(&cert_ids, &cert_hcp1).await?;
        write_cert_neighbours_postgres(estate, &cert_ids, &cert_hcp1, NEIGHBOUR).await?;
        let sources = [
            server.create_role(&ids, RoleKind::Reader).await,
            server.create_role(&hcp1, RoleKind::Reader).await,
        ];
        Ok((sources, [cert_ids, cert_hcp1]))
    }

    fn write_config(&self) -> Result<()> {
        let file = |name: &str, url: &str| -> Result<UrlPlace> {
            let path = self.dir.join(name);
            write_url_file(&path, url)?;
            Ok(UrlPlace::File(name.to_owned()))
        };
        let locations = StoreLocations {
            ids_source: file("ids-prod.url", &self.sources[0])?,
            ids_target: file("ids-cert.url", &self.targets[0])?,
            hcp1_source: file("hcp1-prod.url", &self.sources[1])?,
            hcp1_target: file("hcp1-cert.url", &self.targets[1])?,
        };
        let text = config_toml(&self.estate, self.kind, &locations);
        #[expect(clippy::disallowed_methods, reason = "the proof's own file")]
        std::fs::write(self.config(), text).context("write the configuration")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.join("redistrict.toml")
    }

    pub(crate) fn product(&self) -> Result<Product> {
        Product::real(&self.config())
    }

    pub(crate) fn faulty(&self, fault: &str) -> Result<Product> {
        Product::faulty(&self.config(), fault)
    }

    /// The path of a SQLite target.
    pub(crate) fn sqlite_path(url: &str) -> &str {
        url.strip_prefix("sqlite:").unwrap_or(url)
    }
}
