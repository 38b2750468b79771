//! The databases, files and directories of one world.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use redistrict_estate::write_url_file;
use redistrict_testkit::closed_set::{outside_of_cypher, outside_of_sql};
use redistrict_testkit::neo4j::{Graph, Neo4jPair};
use redistrict_testkit::postgres::{RoleKind, TestServer};
use redistrict_testkit::recorder::{Recorder, Sent};
use tokio::runtime::Runtime;

use super::names::Role;
use super::shape::{Batch, Built, State, config};
use super::{graph, relational};

/// The kinds of stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sqlite,
    Postgres,
    Neo4j,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::Neo4j];

    /// The roles that its names have; keys of districts it has too.
    pub(super) fn roles(self) -> &'static [Role] {
        match self {
            Self::Sqlite => &[Role::Table, Role::Column, Role::Constraint],
            Self::Postgres => &[
                Role::Schema,
                Role::Table,
                Role::Column,
                Role::EnumLabel,
                Role::Type,
                Role::Constraint,
            ],
            Self::Neo4j => &[
                Role::NodeLabel,
                Role::RelationshipType,
                Role::Property,
                Role::Constraint,
            ],
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Neo4j => "neo4j",
        }
    }
}

/// The real servers; the graphs are emptied for each world.
pub(super) struct Servers<'a> {
    pub(super) runtime: &'a Runtime,
    pub(super) postgres: &'static TestServer,
    pub(super) graphs: &'a Neo4jPair,
    /// Where the payloads write to; everybody may.
    pub(super) bait: &'a Path,
}

/// The name of the product's directory, which stands in every command that is printed.
const PROJECT: &str = "it's \"a\" $(touch x); `y` <b>|\u{1b}[31m project";

enum Client {
    Sqlite {
        prod: PathBuf,
        cert: PathBuf,
    },
    Postgres {
        prod: String,
        cert: String,
    },
    Neo4j {
        prod: Graph,
        cert: Graph,
        shape: Box<graph::Shape>,
    },
}

/// One world.
pub(super) struct Place<'a> {
    pub(super) kind: Kind,
    /// The product's directory: configuration, data, logs.
    pub(super) project: PathBuf,
    /// Where the product is started; nothing may appear there.
    pub(super) outside: PathBuf,
    pub(super) config: PathBuf,
    pub(super) source: String,
    pub(super) target: String,
    built: Built,
    client: Client,
    /// Before PROD's server, where there is one.
    recorder: Option<Recorder>,
    runtime: &'a Runtime,
    root: PathBuf,
    bait: PathBuf,
}

impl<'a> Place<'a> {
    /// Makes PROD and CERT in and for a directory, which is new; takes names out of the batch.
    pub(super) fn make(
        kind: Kind,
        names: &mut Batch,
        dir: &Path,
        servers: &Servers<'a>,
    ) -> Result<Self> {
        let [project, outside, prod, cert] =
            [PROJECT, "outside", "prod", "cert"].map(|name| dir.join(name));
        for one in [&project, &outside, &prod, &cert] {
            std::fs::create_dir_all(one).context("make a directory")?;
        }
        let runtime = servers.runtime;
        let (built, client, source, target) = match kind {
            Kind::Sqlite => {
                let script = relational::sqlite(names);
                let (prod, cert) = (prod.join("s.db"), cert.join("s.db"));
                relational::make_sqlite(&prod, &script.prod)?;
                relational::make_sqlite(&cert, &script.cert)?;
                let [source, target] =
                    [&prod, &cert].map(|path| format!("sqlite:{}", path.display()));
                (script.built, Client::Sqlite { prod, cert }, source, target)
            }
            Kind::Postgres => {
                let script = relational::postgres(names);
                let server = servers.postgres;
                let made = runtime.block_on(async {
                    let (prod, cert) = (
                        server.create_database().await,
                        server.create_database().await,
                    );
                    redistrict_testkit::postgres::execute(&prod, &script.prod).await?;
                    redistrict_testkit::postgres::execute(&cert, &script.cert).await?;
                    let reader = server.create_role(&prod, RoleKind::Reader).await;
                    anyhow::Ok((prod, cert, reader))
                });
                let (prod, cert, reader) = made.with_context(|| script.prod.clone())?;
                let target = cert.clone();
                (
                    script.built,
                    Client::Postgres { prod, cert },
                    reader,
                    target,
                )
            }
            Kind::Neo4j => {
                let shape = graph::shape(names);
                let (prod, cert) = (servers.graphs.prod.clone(), servers.graphs.cert.clone());
                runtime.block_on(async {
                    tokio::join!(prod.empty(), cert.empty());
                    shape.write_prod(&prod).await?;
                    shape.write_cert(&cert).await
                })?;
                let (source, target) = (prod.url().to_owned(), cert.url().to_owned());
                (
                    shape.built.clone(),
                    Client::Neo4j {
                        prod,
                        cert,
                        shape: Box::new(shape),
                    },
                    source,
                    target,
                )
            }
        };
        let (recorder, source) = recorded(kind, source)?;
        write_url_file(&project.join("prod.url"), &source)?;
        write_url_file(&project.join("cert.url"), &target)?;
        let text = config(&built, kind.as_str(), "prod.url", "cert.url");
        let path = project.join("redistrict.toml");
        #[expect(clippy::disallowed_methods, reason = "the proof's own file")]
        std::fs::write(&path, text).context("write the configuration")?;
        Ok(Self {
            kind,
            project,
            outside,
            config: path,
            source,
            target,
            built,
            client,
            recorder,
            runtime,
            root: dir.to_path_buf(),
            bait: servers.bait.to_path_buf(),
        })
    }

    pub(super) fn built(&self) -> &Built {
        &self.built
    }

    /// All rows of a side.
    pub(super) fn state(&self, is_cert: bool) -> Result<State> {
        match &self.client {
            Client::Sqlite { prod, cert } => {
                relational::sqlite_state(if is_cert { cert } else { prod }, &self.built)
            }
            Client::Postgres { prod, cert } => {
                let url = if is_cert { cert } else { prod };
                self.runtime
                    .block_on(relational::postgres_state(url, &self.built))
            }
            Client::Neo4j { prod, cert, shape } => {
                let graph = if is_cert { cert } else { prod };
                self.runtime.block_on(shape.state(graph, is_cert))
            }
        }
    }

    /// How many statements PROD was sent since this was asked last, and which of them are outside of the
    /// closed set.
    pub(super) fn sent_to_prod(&self) -> (usize, BTreeSet<String>) {
        let Some(recorder) = &self.recorder else {
            return (0, BTreeSet::new());
        };
        let (sent, outside): (_, fn(&Sent) -> Option<String>) = match self.kind {
            Kind::Neo4j => (recorder.take_bolt(), outside_of_cypher),
            Kind::Sqlite | Kind::Postgres => (recorder.take_postgres(), outside_of_sql),
        };
        (sent.len(), sent.iter().filter_map(outside).collect())
    }

    /// Everything with a name on a side.
    pub(super) fn objects(&self, is_cert: bool) -> Result<BTreeSet<String>> {
        match &self.client {
            Client::Sqlite { prod, cert } => {
                relational::sqlite_objects(if is_cert { cert } else { prod })
            }
            Client::Postgres { prod, cert } => {
                let url = if is_cert { cert } else { prod };
                self.runtime.block_on(relational::postgres_objects(url))
            }
            Client::Neo4j { prod, cert, .. } => {
                let graph = if is_cert { cert } else { prod };
                self.runtime.block_on(graph::objects(graph))
            }
        }
    }

    /// Runs a statement of the careless client; what becomes of it is seen in the state.
    pub(super) fn run_careless(&self, is_cert: bool, statement: &str) {
        let _whatever = match &self.client {
            Client::Sqlite { prod, cert } => {
                relational::run_sqlite(if is_cert { cert } else { prod }, statement)
            }
            Client::Postgres { prod, cert } => {
                let url = if is_cert { cert } else { prod };
                let done = redistrict_testkit::postgres::execute(url, statement);
                self.runtime.block_on(done).map_err(Into::into)
            }
            Client::Neo4j { prod, cert, .. } => {
                let graph = if is_cert { cert } else { prod };
                let done = graph.try_run(statement);
                self.runtime.block_on(done).map_err(Into::into)
            }
        };
    }

    /// Whether an object is named as those that enrolment or a run make in CERT.
    pub(super) fn is_ours(&self, object: &str) -> bool {
        let prefixes: &[&str] = match self.kind {
            Kind::Sqlite => &["table redistrict_", "index sqlite_autoindex_redistrict_"],
            Kind::Postgres => &["redistrict_meta ", "redistrict_stage "],
            // Tokens of properties are never taken out.
            Kind::Neo4j => &[
                "label Redistrict",
                "constraint Redistrict",
                "index Redistrict",
                "property ",
            ],
        };
        prefixes.iter().any(|prefix| object.starts_with(prefix))
    }

    /// All files of the world and where payloads write to, but for the project's and what a database keeps at its file.
    pub(super) fn files(&self) -> Result<BTreeSet<PathBuf>> {
        let mut found = BTreeSet::new();
        walk(&self.root, &mut found)?;
        walk(&self.bait, &mut found)?;
        let is_foreign = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            !path.starts_with(&self.project) && !name.starts_with("s.db-")
        };
        Ok(found.into_iter().filter(is_foreign).collect())
    }
}

/// A recorder before PROD's server, and the URL by way of it.
fn recorded(kind: Kind, source: String) -> Result<(Option<Recorder>, String)> {
    if kind == Kind::Sqlite {
        return Ok((None, source));
    }
    let recorder = Recorder::before(&source).context("record what PROD is sent")?;
    let source = recorder.url(&source);
    Ok((Some(recorder), source))
}

/// Files and directories.
pub(super) fn walk(dir: &Path, found: &mut BTreeSet<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(dir).with_context(|| format!("read {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, found)?;
        }
        found.insert(path);
    }
    Ok(())
}
