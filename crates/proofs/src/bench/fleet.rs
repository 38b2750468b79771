//! Servers of a bench's own, with PROD filled by streaming and another district in CERT.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use redistrict_estate::{
    Databases, Estate, EstateOptions, StoreId, StoreKinds, StoreLocations, StoreSide, UrlPlace,
    config_toml, write_url_file,
};
use redistrict_testkit::neo4j::{Parameters, ValueReceive};
use redistrict_testkit::postgres::{TestServer, execute};

use super::children::{self, Cost};
use crate::child::Product;
use crate::servers::Servers;
use crate::world::{Urls, databases, readers};

/// What a real server has, unlike those of tests: the settings that the figures depend on.
pub(crate) const SETTINGS: [&str; 4] = [
    "fsync = on",
    "full_page_writes = on",
    "shared_buffers = '512MB'",
    "max_wal_size = '4GB'",
];

/// One working directory of the product.
#[derive(Clone, Debug)]
pub(crate) struct Workplace(PathBuf);

/// The servers, and the product's working directories.
pub(crate) struct Fleet {
    pub(crate) servers: Servers,
    /// With the writer's rights.
    pub(crate) sources: Urls,
    targets: Urls,
    /// All five stores.
    pub(crate) five: Workplace,
    /// Without the graph.
    pub(crate) four: Workplace,
    /// How long PROD took to fill.
    pub(crate) fill_seconds: f64,
    _dir: tempfile::TempDir,
}

impl Fleet {
    /// Starts and fills everything but the other district in CERT.
    ///
    /// # Errors
    /// A server cannot be started or refuses, or a target cannot be enrolled.
    pub(crate) fn create(
        options: EstateOptions,
        runtime: &tokio::runtime::Runtime,
    ) -> Result<Self> {
        let dir = tempfile::tempdir().context("make a directory")?;
        let mut servers = Servers::launch()?;
        for server in [&mut servers.prod_postgres, &mut servers.cert_postgres] {
            configure(server, runtime)?;
        }
        let sources = databases(&servers.prod_postgres, servers.prod_graph.url(), runtime);
        let targets = databases(&servers.cert_postgres, servers.cert_graph.url(), runtime);
        let begun = Instant::now();
        runtime.block_on(fill(options, &sources, &targets))?;
        let fill_seconds = begun.elapsed().as_secs_f64();
        let readers = runtime.block_on(readers(&servers.prod_postgres, &sources));
        let config = config(options, &dir.path().join("five"), &readers, &targets)?;
        let five = Workplace::create(&dir.path().join("five"), &config)?;
        five.product()?.must(&["enroll", "--name", "bench"])?;
        five.set_key()?;
        // The same stores and the same URLs, but for the graph; the same key gives the same masks.
        let place = dir.path().join("four");
        self::config(options, &place, &readers, &targets)?;
        let four = Workplace::create(&place, &without_graph(&config))?;
        four.set_key()?;
        let fleet = Self {
            servers,
            sources,
            targets,
            five,
            four,
            fill_seconds,
            _dir: dir,
        };
        fleet.settle(runtime)?;
        Ok(fleet)
    }

    /// Gives each run the same start: no dead rows, fresh statistics, no dirty pages. Neo4j Community has no
    /// command for it.
    ///
    /// # Errors
    /// A server refused.
    pub(crate) fn settle(&self, runtime: &tokio::runtime::Runtime) -> Result<()> {
        for (store, url) in self.relational() {
            let what = || format!("vacuum {}", store.as_str());
            runtime
                .block_on(execute(url, "vacuum analyze"))
                .with_context(what)?;
        }
        for server in [&self.servers.prod_postgres, &self.servers.cert_postgres] {
            let checkpoint = execute(server.url(), "checkpoint");
            runtime.block_on(checkpoint).context("make a checkpoint")?;
        }
        Ok(())
    }

    /// The versions of the servers.
    pub(crate) fn versions(&self, runtime: &tokio::runtime::Runtime) -> String {
        let asked = "call dbms.components() yield name, versions \
                     where name = 'Neo4j Kernel' return versions[0]";
        let graph = self.servers.cert_graph.graph();
        let rows = runtime.block_on(graph.query(asked, Parameters::new()));
        let neo4j = match rows.first().and_then(|row| row.first()) {
            Some(ValueReceive::String(version)) => version.clone(),
            _ => "of unknown version".to_owned(),
        };
        let postgres = self.servers.cert_postgres.version();
        format!("PostgreSQL {postgres}, Neo4j {neo4j}")
    }

    /// The limit that a migration of the graph has to fit into, as the server says it.
    pub(crate) fn transaction_memory(&self, runtime: &tokio::runtime::Runtime) -> String {
        let asked = "show settings yield name, value \
                     where name = 'dbms.memory.transaction.total.max' return value";
        let graph = self.servers.cert_graph.graph();
        let rows = runtime.block_on(graph.query(asked, Parameters::new()));
        match rows.first().and_then(|row| row.first()) {
            Some(ValueReceive::String(size)) => size.clone(),
            _ => "an unknown amount".to_owned(),
        }
    }

    fn relational(&self) -> impl Iterator<Item = (StoreId, &String)> {
        let side = |urls| StoreId::ALL.into_iter().zip(urls);
        let all = side(&self.sources).chain(side(&self.targets));
        all.filter(|(store, _)| *store != StoreId::Sp)
    }
}

impl Workplace {
    pub(crate) fn create(dir: &Path, config: &str) -> Result<Self> {
        let place = Self(dir.join("redistrict.toml"));
        #[expect(clippy::disallowed_methods, reason = "the bench's own file")]
        std::fs::write(&place.0, config).context("write the configuration")?;
        Ok(place)
    }

    /// Pseudonyms depend on the key.
    fn set_key(&self) -> Result<()> {
        use std::os::unix::fs::DirBuilderExt as _;
        let state = self.0.with_file_name(".redistrict");
        let mut private = std::fs::DirBuilder::new();
        private.recursive(true).mode(0o700).create(&state)?;
        let key = "5a".repeat(32);
        redistrict_artifact::write_atomic(&state.join("key"), key.as_bytes())?;
        Ok(())
    }

    pub(crate) fn product(&self) -> Result<Product> {
        Product::real(&self.0)
    }

    /// Runs the product and measures it.
    ///
    /// # Errors
    /// It fails.
    pub(crate) fn measure(&self, arguments: &[&str]) -> Result<Cost> {
        let mut command = Command::new(children::beside("redistrict")?);
        command.args(arguments).arg("--config").arg(&self.0);
        let what = || format!("run redistrict {}", arguments.join(" "));
        children::measure(&mut command).with_context(what)
    }
}

/// The settings of a real server, taken up by a new start.
pub(crate) fn configure(server: &mut TestServer, runtime: &tokio::runtime::Runtime) -> Result<()> {
    for setting in SETTINGS {
        let alter = format!("alter system set {setting}");
        runtime
            .block_on(execute(server.url(), &alter))
            .context("change a setting")?;
    }
    server.kill().context("stop PostgreSQL")?;
    server.start_again().context("start PostgreSQL")?;
    Ok(())
}

async fn fill(options: EstateOptions, sources: &Urls, targets: &Urls) -> Result<()> {
    let kinds = StoreKinds::postgres_and_graph();
    let prod = Databases::new(kinds, sources.clone());
    prod.write_schema().await?;
    prod.write_rows(options).await?;
    Databases::new(kinds, targets.clone())
        .write_schema()
        .await?;
    Ok(())
}

/// The configuration of the estate, whose URLs are in files of the directory. What a person would write
/// does not depend on the size, so a small estate is asked.
pub(crate) fn config(
    options: EstateOptions,
    dir: &Path,
    sources: &Urls,
    targets: &Urls,
) -> Result<String> {
    std::fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
    let locations = StoreLocations::of_each(|store, side| -> Result<UrlPlace> {
        let urls = match side {
            StoreSide::Prod => sources,
            StoreSide::Cert => targets,
        };
        let name = format!("{}-{}.url", store.as_str(), side.as_str());
        write_url_file(&dir.join(&name), &urls[store as usize])?;
        Ok(UrlPlace::File(name))
    })?;
    let small = Estate::generate(EstateOptions {
        students_per_district: options.students_per_district.min(40),
        ..options
    });
    Ok(config_toml(
        &small,
        &StoreKinds::postgres_and_graph(),
        &locations,
    ))
}

/// The same without what is said of the store `sp`.
pub(crate) fn without_graph(config: &str) -> String {
    let mut sections: Vec<String> = vec![String::new()];
    for line in config.lines() {
        if line.starts_with('[') {
            sections.push(String::new());
        }
        if let Some(section) = sections.last_mut() {
            section.push_str(line);
            section.push('\n');
        }
    }
    let is_kept =
        |section: &&String| !section.contains("\"sp.") && !section.starts_with("[store.sp]");
    sections
        .iter()
        .filter(is_kept)
        .map(String::as_str)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_loses_the_graph_and_nothing_else() {
        let config = "[tenant]\nroot = \"ids.districts\"\n\n[store.sp]\nkind = \"neo4j\"\n\n\
                      [[link]]\nfrom = \"sp.node.Person(x)\"\nto = \"ids.students(id)\"\n\n\
                      [[link]]\nfrom = \"hcp1.a(b)\"\nto = \"ids.students(id)\"\n";
        let expected = "[tenant]\nroot = \"ids.districts\"\n\n\
                        [[link]]\nfrom = \"hcp1.a(b)\"\nto = \"ids.students(id)\"\n";
        assert_eq!(without_graph(config), expected);
    }
}
