//! `prove run-crash`: the migration of five stores is killed at effect points of every phase, or one of its
//! servers is; resumed, every store of CERT is as before or all are as after an undisturbed run, the report
//! says which, and nothing is left behind.

mod client;
pub(crate) mod points;
mod server;

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use redistrict_estate::{EstateOptions, StoreId};
use tempfile::TempDir;

use crate::digest;
use crate::servers::Servers;
use crate::standing::{Standing, standing};
use crate::world::{Setting, World};
use crate::{Options, Part, Proof, say};
use points::{Point, read_points};

const DISTRICT: &str = "2";

/// So many kills on files and on servers; the latter per kind of server.
struct Kills {
    client_of_files: usize,
    client_of_servers: usize,
    servers: server::Matter,
}

impl Kills {
    /// A kill on real servers takes seconds: the long form does what a long night allows.
    fn of(options: Options) -> Self {
        if options.quick {
            Self {
                client_of_files: 16,
                client_of_servers: 6,
                servers: server::Matter::OnePerServer,
            }
        } else {
            Self {
                client_of_files: usize::MAX,
                client_of_servers: 30,
                servers: server::Matter::All,
            }
        }
    }
}

pub(crate) fn prove(options: Options) -> Result<Proof> {
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    // Beside each other: a run on servers waits most of the time.
    let lines = std::thread::scope(|scope| {
        let files = scope.spawn(|| on_files(options, &runtime));
        let servers = on_servers(options, &runtime);
        let mut lines = match files.join() {
            Ok(lines) => lines?,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        lines.extend(servers?);
        anyhow::Ok(lines)
    })?;
    let (figures, passed): (Vec<String>, Vec<bool>) = lines.into_iter().unzip();
    Ok(Proof {
        figures: figures.join("; "),
        passed: !passed.is_empty() && passed.into_iter().all(|good| good),
    })
}

/// Figures, and whether all went well.
type Line = (String, bool);

fn on_files(options: Options, runtime: &tokio::runtime::Runtime) -> Result<Vec<Line>> {
    if !options.has(Part::Files) {
        return Ok(Vec::new());
    }
    let matrix = Matrix::new(Place::Files, options, runtime)?;
    let kills = Kills::of(options).client_of_files;
    Ok(vec![matrix.kill_client(kills)?])
}

fn on_servers(options: Options, runtime: &tokio::runtime::Runtime) -> Result<Vec<Line>> {
    if !options.has(Part::Client) && !options.has(Part::Servers) {
        return Ok(Vec::new());
    }
    let kills = Kills::of(options);
    let place = Place::Servers(Box::new(Servers::launch()?));
    let mut matrix = Matrix::new(place, options, runtime)?;
    let mut lines = Vec::new();
    if options.has(Part::Client) {
        lines.push(matrix.kill_client(kills.client_of_servers)?);
    }
    if options.has(Part::Servers) {
        lines.push(matrix.kill_servers(kills.servers)?);
    }
    Ok(lines)
}

/// Where the five stores are.
enum Place {
    Files,
    Servers(Box<Servers>),
}

struct Matrix<'a> {
    place: Place,
    runtime: &'a tokio::runtime::Runtime,
    /// The world of the undisturbed run; all others have its PROD.
    first: World,
    _home: TempDir,
    /// CERT before and after the undisturbed run, store by store.
    before: Vec<String>,
    after: Vec<String>,
    points: Vec<Point>,
}

impl<'a> Matrix<'a> {
    /// With the undisturbed run: CERT's digests, and every effect point it passes.
    fn new(place: Place, options: Options, runtime: &'a tokio::runtime::Runtime) -> Result<Self> {
        let start = Instant::now();
        let home = tempfile::tempdir().context("make a directory")?;
        let estate = EstateOptions {
            seed: options.seed,
            students_per_district: 8,
            ..EstateOptions::default()
        };
        let first = match &place {
            Place::Files => World::create(home.path(), Setting::Sqlite, estate, runtime)?,
            Place::Servers(servers) => World::create_on(home.path(), servers, estate, runtime)?,
        };
        write_key(&first)?;
        let before = digests(&first, runtime)?;
        let trace = home.path().join("points.txt");
        let fault = format!("trace:{}", trace.display());
        first.faulty(&fault)?.must(&["migrate", DISTRICT])?;
        let after = digests(&first, runtime)?;
        for (at, (before, after)) in before.iter().zip(&after).enumerate() {
            if before == after {
                bail!("the undisturbed run changed nothing in store {at}");
            }
        }
        let text = std::fs::read_to_string(&trace).context("read the points")?;
        let matrix = Self {
            place,
            runtime,
            first,
            _home: home,
            before,
            after,
            points: read_points(&text),
        };
        say(&format!(
            "{}: {} points, undisturbed after {} s",
            matrix.name(),
            matrix.points.len(),
            start.elapsed().as_secs()
        ));
        Ok(matrix)
    }

    fn name(&self) -> &'static str {
        match self.place {
            Place::Files => Setting::Sqlite.as_str(),
            Place::Servers(_) => Setting::Servers.as_str(),
        }
    }

    fn world(&self, dir: &Path) -> Result<World> {
        let servers = match &self.place {
            Place::Files => None,
            Place::Servers(servers) => Some(&**servers),
        };
        let world = self.first.beside(dir, servers, self.runtime)?;
        write_key(&world)?;
        Ok(world)
    }

    /// CERT as it is now, by the digests of the undisturbed run.
    fn standing(&self, world: &World) -> Result<Standing> {
        let now = digests(world, self.runtime)?;
        Ok(standing(&names(), &self.before, &self.after, &now))
    }

    /// CERT is that of the undisturbed run, the report says so, nothing is left behind.
    fn is_golden(&self, world: &World) -> Result<Option<String>> {
        if digests(world, self.runtime)? != self.after {
            return Ok(Some("CERT differs from the undisturbed run".to_owned()));
        }
        let reports = reports(&world.dir.join("data/reports"))?;
        if !reports.iter().any(|one| one["status"] == "SUCCESS") {
            return Ok(Some("no report says that the run succeeded".to_owned()));
        }
        self.leftovers(world)
    }

    /// What is left behind, if anything is.
    fn leftovers(&self, world: &World) -> Result<Option<String>> {
        let mut left = digest::leftovers(world, self.runtime)?;
        left.extend(digest::temporary_files(&world.dir)?);
        Ok((!left.is_empty()).then(|| format!("left behind: {}", left.join(", "))))
    }
}

/// Pseudonyms depend on the key: every run of the matrix has the same one.
fn write_key(world: &World) -> Result<()> {
    let key = world.dir.join(".redistrict/key");
    redistrict_artifact::write_atomic(&key, "5a".repeat(32).as_bytes())?;
    Ok(())
}

fn names() -> [&'static str; 5] {
    StoreId::ALL.map(StoreId::as_str)
}

/// One digest a store of CERT.
fn digests(world: &World, runtime: &tokio::runtime::Runtime) -> Result<Vec<String>> {
    let rows = digest::rows(world, runtime)?;
    let of_store = |name: &str| digest::digest(&digest::of_store(&rows, name));
    Ok(names().into_iter().map(of_store).collect())
}

/// The JSON reports of a directory.
fn reports(dir: &Path) -> Result<Vec<serde_json::Value>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("read {}", dir.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|one| one == "json") {
            let text = std::fs::read_to_string(&path).context("read a report")?;
            found.push(serde_json::from_str(&text).context("read a report")?);
        }
    }
    Ok(found)
}
