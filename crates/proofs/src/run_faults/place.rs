//! The undisturbed run, and worlds that are as its world was.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use redistrict_estate::{Databases, Estate, EstateOptions, StoreId, StoreKinds};
use redistrict_testkit::postgres::{self, RoleKind, TestServer};
use tempfile::TempDir;

use super::DISTRICT;
use super::cases::Case;
use crate::digest;
use crate::servers::Servers;
use crate::world::{Urls, World, readers};

/// What the five stores are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kinds {
    Postgres,
    WithGraph,
}

/// Where they are.
#[derive(Clone, Copy)]
pub(super) enum Home<'a> {
    /// Several cases at once, with so many copies of the first store of PROD for those that lock it.
    Shared(&'a TestServer, usize),
    Own(&'a Servers),
}

/// The world of the undisturbed run, and CERT before and after it.
pub(super) struct Golden {
    kinds: Kinds,
    first: World,
    /// URLs of copies of the first store of PROD that nobody uses yet.
    copies: Mutex<Vec<String>>,
    _home: TempDir,
    pub(super) before: String,
    pub(super) after: String,
}

impl Golden {
    pub(super) fn of(
        home: Home<'_>,
        kinds: Kinds,
        estate: EstateOptions,
        runtime: &tokio::runtime::Runtime,
    ) -> Result<Self> {
        let dir = tempfile::tempdir().context("make a directory")?;
        let first = match home {
            Home::Shared(server, _) => on_postgres(dir.path(), server, estate, runtime)?,
            Home::Own(servers) => World::create_on(dir.path(), servers, estate, runtime)?,
        };
        write_key(&first)?;
        let before = digest_of(&first, runtime)?;
        first.product()?.must(&["migrate", DISTRICT])?;
        let after = digest_of(&first, runtime)?;
        if before == after {
            bail!("the undisturbed run changed nothing");
        }
        let copies = match home {
            Home::Shared(server, count) => (0..count)
                .map(|_| runtime.block_on(copy_of(server, &first.sources[0])))
                .collect::<Result<_>>()?,
            Home::Own(_) => Vec::new(),
        };
        Ok(Self {
            kinds,
            first,
            copies: Mutex::new(copies),
            _home: dir,
            before,
            after,
        })
    }

    /// The same PROD, with what was found out about it, and a CERT of its own.
    pub(super) fn beside(
        &self,
        dir: &Path,
        case: &Case,
        servers: Option<&Servers>,
        runtime: &tokio::runtime::Runtime,
    ) -> Result<World> {
        let world = match self.kinds {
            Kinds::WithGraph => self.first.beside(dir, servers, runtime)?,
            Kinds::Postgres => self.beside_on_postgres(dir, case, runtime)?,
        };
        write_key(&world)?;
        Ok(world)
    }

    fn beside_on_postgres(
        &self,
        dir: &Path,
        case: &Case,
        runtime: &tokio::runtime::Runtime,
    ) -> Result<World> {
        let targets = databases(TestServer::start(), runtime);
        let mut sources = self.first.sources.clone();
        if case.locks() {
            let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
            sources[case.store as usize] = copies.pop().context("take a copy of the store")?;
        }
        let estate = self.first.estate.clone();
        let world = World::bare(dir, estate, StoreKinds::postgres(), sources, targets);
        world.write_cert(runtime)?;
        let (known, place) = (
            self.first.dir.join("data/analysis"),
            dir.join("data/analysis"),
        );
        std::fs::create_dir_all(&place).context("make a directory")?;
        for file in std::fs::read_dir(known).context("read the analysis")? {
            let file = file?;
            std::fs::copy(file.path(), place.join(file.file_name()))
                .context("copy the analysis")?;
        }
        Ok(world)
    }
}

fn on_postgres(
    dir: &Path,
    server: &TestServer,
    options: EstateOptions,
    runtime: &tokio::runtime::Runtime,
) -> Result<World> {
    let estate = Estate::generate(options);
    let kinds = StoreKinds::postgres();
    let sources = databases(server, runtime);
    runtime.block_on(Databases::new(kinds, sources.clone()).write_estate(&estate))?;
    let mut reading = runtime.block_on(readers(server, &sources));
    // The helper leaves the store alone that is a graph elsewhere.
    let sp = StoreId::Sp as usize;
    reading[sp] = runtime.block_on(server.create_role(&sources[sp], RoleKind::Reader));
    let targets = databases(server, runtime);
    let world = World::bare(dir, estate, kinds, reading, targets);
    world.write_cert(runtime)?;
    Ok(world)
}

fn databases(server: &TestServer, runtime: &tokio::runtime::Runtime) -> Urls {
    StoreId::ALL.map(|_| runtime.block_on(server.create_database()))
}

/// The same login on a copy of the database, which nobody uses now.
async fn copy_of(server: &TestServer, url: &str) -> Result<String> {
    let (place, database) = url.rsplit_once('/').context("read a URL")?;
    let sql = "select 'c_' || replace(gen_random_uuid()::text, '-', '')";
    let name = server.scalar(server.url(), sql).await;
    let sql = format!("create database {name} template {database}");
    postgres::execute(server.url(), &sql).await?;
    Ok(format!("{place}/{name}"))
}

/// Pseudonyms depend on the key: all worlds have the same one.
fn write_key(world: &World) -> Result<()> {
    let key = world.dir.join(".redistrict/key");
    redistrict_artifact::write_atomic(&key, "5a".repeat(32).as_bytes())?;
    Ok(())
}

/// CERT now.
pub(super) fn digest_of(world: &World, runtime: &tokio::runtime::Runtime) -> Result<String> {
    Ok(digest::digest(&digest::rows(world, runtime)?))
}
