//! The composition root: the only place that names concrete stores.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use redistrict_artifact::{Layout, RootKey, create_private_dir, write_atomic};
use redistrict_journal::{Journal as _, SqliteJournal};
use redistrict_model::config::{Config, SecretRef, Store};
use redistrict_model::{StoreKind, StoreName, shell_word};
use redistrict_neo4j::{Neo4jSource, Neo4jTarget};
use redistrict_postgres::{PostgresSource, PostgresTarget};
use redistrict_sqlite::{SqliteSource, SqliteTarget};
use redistrict_store::{LeastRights, Listing, SourceStore, TargetStore};

use crate::config::{self, Loaded};
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::secrets;

/// Which database of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Prod,
    Cert,
}

impl Side {
    /// As people call it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Prod => "PROD",
            Self::Cert => "CERT",
        }
    }
}

/// One database of a store, which knows the rights that it needs.
pub(crate) struct SideOfStore {
    pub(crate) store: StoreName,
    pub(crate) side: Side,
    pub(crate) rights: Box<dyn LeastRights>,
}

/// A configuration with its directories, key and stores.
pub(crate) struct Workspace {
    pub(crate) config: Config,
    pub(crate) config_path: PathBuf,
    pub(crate) layout: Layout,
    base: PathBuf,
    listings: Option<Listings>,
}

/// Where the statements of each source are noted, in configuration order.
pub(crate) type Listings = Vec<(StoreName, Arc<Listing>)>;

impl Workspace {
    /// The workspace with sources that note what they send, and read no rows.
    pub(crate) fn telling(mut self) -> (Self, Listings) {
        let names = self.store_names().into_iter();
        let listings: Listings = names.map(|name| (name, Arc::default())).collect();
        self.listings = Some(listings.clone());
        (self, listings)
    }

    fn listing(&self, store: &StoreName) -> Option<Arc<Listing>> {
        let mut listings = self.listings.iter().flatten();
        let found = listings.find(|(name, _)| name == store);
        found.map(|(_, listing)| Arc::clone(listing))
    }

    /// Reads the configuration; nothing is connected yet.
    pub(crate) fn open(config_path: &Path, state_dir: &Path) -> CommandResult<Self> {
        let Loaded { config, base } = config::load(config_path)?;
        Ok(Self::of(config, base, config_path, state_dir))
    }

    fn of(config: Config, base: PathBuf, config_path: &Path, state_dir: &Path) -> Self {
        let dir = |set: &Option<String>, default: &str| {
            base.join(set.clone().unwrap_or_else(|| default.to_owned()))
        };
        let layout = Layout {
            data_dir: dir(&config.run.data_dir, "data"),
            log_dir: dir(&config.run.log_dir, "logs"),
            state_dir: base.join(state_dir),
        };
        Self {
            config,
            config_path: config_path.to_path_buf(),
            layout,
            base,
            listings: None,
        }
    }

    /// A workspace of a text that is not written yet.
    pub(crate) fn provisional(
        text: &str,
        config_path: &Path,
        state_dir: &Path,
    ) -> CommandResult<Self> {
        Ok(Self::of(
            config::parse(text)?,
            config::base_of(config_path),
            config_path,
            state_dir,
        ))
    }

    /// The root key: from its reference, or from `.redistrict/key`, which is made on first use.
    pub(crate) fn root_key(&self) -> CommandResult<RootKey> {
        if let Some(reference) = &self.config.masking.key {
            let secret = secrets::resolve(reference, "the masking key", &self.base)?;
            return root_key(secret.as_bytes());
        }
        let path = self.layout.state_dir.join("key");
        if path.exists() {
            let reference = SecretRef::File(path.to_string_lossy().into_owned());
            let secret = secrets::resolve(&reference, "the masking key", Path::new(""))?;
            return root_key(secret.as_bytes());
        }
        self.refuse_lost_key(&path)?;
        let (key, text) = RootKey::generate()?;
        create_private_dir(&self.layout.state_dir)?;
        // Linked into place, so that of two first uses at the same time one key wins for both.
        let drawn = self
            .layout
            .state_dir
            .join(format!("key.{}", std::process::id()));
        write_atomic(&drawn, text.as_bytes())?;
        let linked = std::fs::hard_link(&drawn, &path);
        let removed = std::fs::remove_file(&drawn);
        match linked.and(removed) {
            Ok(()) => Ok(key),
            Err(_) if path.exists() => self.root_key(),
            Err(error) => Err(Failure::prerequisite(format!(
                "write the masking key {}: {}",
                path.display(),
                error.kind()
            ))),
        }
    }

    /// What was made with a key is not readable with another one, pseudonyms of another one differ from those
    /// in CERT, and an undo cannot be proved: a key that is gone is not made anew in silence.
    fn refuse_lost_key(&self, path: &Path) -> CommandResult {
        let has_runs = self.layout.journal().exists() && !self.journal()?.runs()?.is_empty();
        let kept = ["staging", "anonymized"].map(|kind| self.layout.data_dir.join(kind));
        let made = match (has_runs, kept.iter().find(|dir| has_artifact(dir))) {
            (_, Some(dir)) => format!("the artifacts in {}", dir.display()),
            (true, None) => "the runs of the journal".to_owned(),
            (false, None) => return Ok(()),
        };
        let key = path.display();
        let place = shell_word(&path.to_string_lossy());
        Err(Failure::new(
            Exit::Credentials,
            format!("find the masking key {key}: it is gone, and {made} were made with it"),
        )
        .with_hint(format!("bring {key} back from a copy, with mode 0600"))
        .with_hint(
            "without it these artifacts cannot be opened, earlier loads cannot be undone, and new \
             pseudonyms differ from those that CERT has",
        )
        .with_hint(format!(
            "to begin anew all the same: (umask 077; openssl rand -hex 32 > {place})"
        )))
    }

    /// A secret of the configuration; `what` says what it is for.
    pub(crate) fn secret(
        &self,
        reference: &SecretRef,
        what: &str,
    ) -> CommandResult<zeroize::Zeroizing<String>> {
        secrets::resolve(reference, what, &self.base)
    }

    /// The journal.
    pub(crate) fn journal(&self) -> CommandResult<Arc<SqliteJournal>> {
        Ok(Arc::new(SqliteJournal::open(self.layout.journal())?))
    }

    /// The stores' names in configuration order.
    pub(crate) fn store_names(&self) -> Vec<StoreName> {
        self.config
            .store
            .0
            .iter()
            .map(|(name, _)| StoreName::new(name.clone()))
            .collect()
    }

    /// PROD's side of every store, in configuration order.
    pub(crate) fn sources(&self) -> CommandResult<Vec<Arc<dyn SourceStore>>> {
        self.config
            .store
            .0
            .iter()
            .map(|(name, store)| self.source(name, store))
            .collect()
    }

    /// PROD's side of one store.
    pub(crate) fn source(&self, name: &str, store: &Store) -> CommandResult<Arc<dyn SourceStore>> {
        let what = format!("the source of store {name}");
        let url = secrets::resolve(&store.source, &what, &self.base)?;
        let name = StoreName::new(name);
        let (text, schemas) = (url.as_str().to_owned(), store.schemas.clone());
        let listing = self.listing(&name);
        Ok(match store.kind {
            StoreKind::Postgres => {
                let mut source = PostgresSource::connect_lazy(name, text, schemas);
                if let Some(connections) = store.connections {
                    source = source.with_connections(connections);
                }
                Arc::new(match listing {
                    Some(listing) => source.telling(listing),
                    None => source,
                })
            }
            StoreKind::Sqlite => {
                let path = self.sqlite_path(&url, &what)?;
                let source = SqliteSource::new(name, path);
                Arc::new(match listing {
                    Some(listing) => source.telling(listing),
                    None => source,
                })
            }
            StoreKind::Neo4j => {
                let source = Neo4jSource::connect_lazy(name, text, schemas);
                Arc::new(match listing {
                    Some(listing) => source.telling(listing),
                    None => source,
                })
            }
            kind => return Err(Failure::not_available(&format!("kind = \"{kind}\""))),
        })
    }

    /// Both sides of every store, to be asked for the least rights that they need. Stores without a target
    /// have one side.
    pub(crate) fn rights(&self) -> CommandResult<Vec<SideOfStore>> {
        let mut sides = Vec::new();
        for (name, store) in &self.config.store.0 {
            let store_name = StoreName::new(name.clone());
            let both = [
                (Side::Prod, Some(&store.source)),
                (Side::Cert, store.target.as_ref()),
            ];
            for (side, reference) in both {
                let Some(reference) = reference else { continue };
                let what = format!("the {} URL of store {name}", side.as_str());
                let url = secrets::resolve(reference, &what, &self.base)?;
                sides.push(SideOfStore {
                    store: store_name.clone(),
                    side,
                    rights: self.rights_of(&store_name, store, side, &url)?,
                });
            }
        }
        Ok(sides)
    }

    fn rights_of(
        &self,
        name: &StoreName,
        store: &Store,
        side: Side,
        url: &str,
    ) -> CommandResult<Box<dyn LeastRights>> {
        let what = format!("the {} URL of store {name}", side.as_str());
        let (name, schemas) = (name.clone(), store.schemas.clone());
        let text = url.to_owned();
        let path = || self.sqlite_path(url, &what);
        Ok(match (store.kind, side) {
            (StoreKind::Postgres, Side::Prod) => {
                Box::new(PostgresSource::connect_lazy(name, text, schemas))
            }
            (StoreKind::Postgres, Side::Cert) => Box::new(PostgresTarget::new(name, text, schemas)),
            (StoreKind::Sqlite, Side::Prod) => Box::new(SqliteSource::new(name, path()?)),
            (StoreKind::Sqlite, Side::Cert) => Box::new(SqliteTarget::new(vec![(name, path()?)])),
            (StoreKind::Neo4j, Side::Prod) => {
                Box::new(Neo4jSource::connect_lazy(name, text, schemas))
            }
            (StoreKind::Neo4j, Side::Cert) => Box::new(Neo4jTarget::new(name, text, schemas)),
            (kind, _) => return Err(Failure::not_available(&format!("kind = \"{kind}\""))),
        })
    }

    /// CERT's side of one store, alone.
    pub(crate) fn target(&self, name: &str, store: &Store) -> CommandResult<Arc<dyn TargetStore>> {
        let url = self.target_url(name, store)?;
        let store_name = StoreName::new(name);
        let (text, schemas) = (url.as_str().to_owned(), store.schemas.clone());
        Ok(match store.kind {
            StoreKind::Postgres => Arc::new(PostgresTarget::new(store_name, text, schemas)),
            StoreKind::Neo4j => Arc::new(Neo4jTarget::new(store_name, text, schemas)),
            StoreKind::Sqlite => Arc::new(SqliteTarget::new(vec![(
                store_name,
                self.sqlite_path(&url, &format!("the target of store {name}"))?,
            )])),
            kind => return Err(Failure::not_available(&format!("kind = \"{kind}\""))),
        })
    }

    fn target_url(&self, name: &str, store: &Store) -> CommandResult<zeroize::Zeroizing<String>> {
        let what = format!("the target of store {name}");
        let reference = store.target.as_ref().ok_or_else(|| {
            Failure::prerequisite(format!("find {what}: [store.{name}] has no target"))
                .with_hint(format!("add to [store.{name}]: target = {{ env = \"…\" }}"))
        })?;
        secrets::resolve(reference, &what, &self.base)
    }

    /// CERT's side as commit groups: all SQLite files of a run are one, each PostgreSQL database and
    /// each graph is one; groups are in the order of their first store.
    pub(crate) fn targets(&self) -> CommandResult<Vec<Arc<dyn TargetStore>>> {
        let mut groups: Vec<Arc<dyn TargetStore>> = Vec::new();
        let mut files: Vec<(StoreName, PathBuf)> = Vec::new();
        let mut files_at = None;
        for (name, store) in &self.config.store.0 {
            if store.kind == StoreKind::Sqlite {
                files_at.get_or_insert(groups.len());
                let what = format!("the target of store {name}");
                let path = self.sqlite_path(&self.target_url(name, store)?, &what)?;
                files.push((StoreName::new(name.clone()), path));
            } else {
                groups.push(self.target(name, store)?);
            }
        }
        if let Some(at) = files_at {
            groups.insert(at, Arc::new(SqliteTarget::new(files)));
        }
        Ok(groups)
    }

    /// `sqlite:PATH` or a plain path, relative to the configuration. A path is told in errors, so that what
    /// is not there and does not look like one is none: it may be a secret, or another store's URL.
    fn sqlite_path(&self, url: &str, what: &str) -> CommandResult<PathBuf> {
        let path = url.strip_prefix("sqlite:").unwrap_or(url);
        let path = path.strip_prefix("//").unwrap_or(path);
        let place = self.base.join(path);
        if secrets::is_path(path) || place.exists() {
            return Ok(place);
        }
        Err(
            Failure::prerequisite(format!("use {what}: it names no SQLite file")).with_hint(
                "expected sqlite:PATH or a path, relative to the folder of the configuration; `kind` \
                 says what a URL belongs to",
            ),
        )
    }
}

/// Whether a directory of artifacts holds one: they lie in `DISTRICT/RUN`.
fn has_artifact(dir: &Path) -> bool {
    let entries = |dir: &Path| std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries(dir).any(|district| entries(&district.path()).next().is_some())
}

fn root_key(text: &[u8]) -> CommandResult<RootKey> {
    RootKey::new(text)
        .map_err(|error| Failure::from(error).with_hint("openssl rand -hex 32 makes a masking key"))
}

/// A command that ends in "not available yet".
pub(crate) fn not_available(what: &str) -> Failure {
    Failure::new(
        Exit::Usage,
        format!("run `redistrict {what}`: it is not available yet"),
    )
    .with_hint("CHANGELOG.md says what is there")
}
