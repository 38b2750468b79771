//! `prove newcomer`: the steps of README's "A real migration", word by word, on two PostgreSQL servers and
//! nothing else: roles, grants, `init`, plan, migration, report, undo. What README shows is what is run.

mod readme;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use redistrict_estate::{EstateKind, EstateOptions, LINKS, StoreId, StoreKinds};
use redistrict_testkit::postgres::TestServer;

use crate::world::{Urls, World};
use crate::{Options, Proof, digest, estate, joins, say};
use readme::{Line, Side};

/// The district of README's commands.
const DISTRICT: u32 = 2;
/// What stands in README for what only the reader knows.
const OWN_WORDS: &str = "…";

pub(crate) fn prove(options: Options) -> Result<Proof> {
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let dir = tempfile::tempdir().context("make a directory")?;
    let students = if options.quick { 60 } else { 600 };
    let options = EstateOptions {
        seed: options.seed,
        districts: 3,
        students_per_district: students,
        with_transfers: false,
    };
    let servers = Servers::launch()?;
    let world = servers.world(dir.path(), options, &runtime)?;
    let mut newcomer = Newcomer {
        servers: &servers,
        world: &world,
        runtime: &runtime,
        run: None,
        commands: 0,
        problems: Vec::new(),
    };
    let figures = newcomer.walk()?;
    for problem in &newcomer.problems {
        say(problem);
    }
    Ok(Proof {
        figures,
        passed: newcomer.problems.is_empty(),
    })
}

/// Two servers, and nothing else.
struct Servers {
    prod: TestServer,
    cert: TestServer,
}

impl Servers {
    fn launch() -> Result<Self> {
        let launch = || TestServer::launch_private().context("start PostgreSQL");
        Ok(Self {
            prod: launch()?,
            cert: launch()?,
        })
    }

    fn of(&self, side: Side) -> &TestServer {
        match side {
            Side::Prod => &self.prod,
            Side::Cert => &self.cert,
        }
    }

    /// The estate in PROD; in CERT the same tables with another district's rows and some made by hand. The
    /// URLs are those of the administrators.
    fn world(
        &self,
        dir: &Path,
        options: EstateOptions,
        runtime: &tokio::runtime::Runtime,
    ) -> Result<World> {
        let kinds = StoreKinds::postgres();
        let databases = |server: &TestServer| -> Urls {
            StoreId::ALL.map(|_| runtime.block_on(server.create_database()))
        };
        let urls = (databases(&self.prod), databases(&self.cert));
        World::filled(dir, kinds, options, urls, runtime)
    }
}

struct Newcomer<'a> {
    servers: &'a Servers,
    world: &'a World,
    runtime: &'a tokio::runtime::Runtime,
    /// The run that `migrate` named, and the undo that it printed.
    run: Option<(String, String)>,
    commands: usize,
    problems: Vec<String>,
}

impl Newcomer<'_> {
    fn walk(&mut self) -> Result<String> {
        let lines = readme::lines()?;
        let prod = digest::source_rows(self.world, self.runtime)?;
        let before = digest::rows(self.world, self.runtime)?;
        let mut is_changed = false;
        let (mut rows, mut links) = (0, 0);
        for line in &lines {
            say(&format!("$ {}", line.as_str()));
            match line {
                Line::Sql(side, statement) => self.administrate(*side, statement)?,
                Line::Url(side, name, url) => check_url(*side, name, url)?,
                Line::Grants(file) => self.grant(file)?,
                Line::Command(command) => self.command(command)?,
            }
            if line.is_command("init") && !line.as_str().contains("--grants") {
                links = self.add_links()?;
            }
            if line.is_command("migrate") && line.is_dry_run() {
                if digest::rows(self.world, self.runtime)? != before {
                    self.problems.push("the dry run changed CERT".to_owned());
                }
            } else if line.is_command("migrate") {
                let after = digest::rows(self.world, self.runtime)?;
                is_changed = after != before;
                let lost = digest::lost(&before, &after);
                if lost > 0 {
                    self.problems.push(format!("{lost} rows of others changed"));
                }
                let wrong = estate::differences(self.world, DISTRICT, &mut rows)?;
                self.problems.extend(wrong);
            }
        }
        ensure!(is_changed, "README's steps brought no row into CERT");
        let joins = joins::check(self.world, DISTRICT, &mut self.problems)?;
        if digest::rows(self.world, self.runtime)? != before {
            self.problems.push("undo did not restore CERT".to_owned());
        }
        if digest::source_rows(self.world, self.runtime)? != prod {
            self.problems.push("PROD changed".to_owned());
        }
        Ok(format!(
            "{} lines of README, {} commands of ours, on two PostgreSQL {}: {rows} rows as the answer key says, \
             {joins} key joins kept, undo exact, 0 lines of redistrict.toml and {links} links written by hand",
            lines.len(),
            self.commands,
            self.servers.prod.version(),
        ))
    }

    /// A statement of an administrator, on the server as a whole.
    fn administrate(&self, side: Side, statement: &str) -> Result<()> {
        let server = self.servers.of(side);
        let statement = statement.replace(OWN_WORDS, PASSWORD);
        self.runtime.block_on(server.psql(server.url(), &statement));
        Ok(())
    }

    /// README shows one file; every one is run in its database.
    fn grant(&self, shown: &str) -> Result<()> {
        ensure!(
            self.world.dir.join(shown).exists(),
            "{shown}, which README names, is not there"
        );
        for side in [Side::Prod, Side::Cert] {
            let urls = match side {
                Side::Prod => &self.world.sources,
                Side::Cert => &self.world.targets,
            };
            for (store, url) in StoreId::ALL.into_iter().zip(urls) {
                let file = format!("grants/{}-{}.sql", side.as_str(), store.as_str());
                let path = self.world.dir.join(file);
                let script = std::fs::read_to_string(&path)
                    .with_context(|| format!("read {}", path.display()))?;
                self.runtime
                    .block_on(self.servers.of(side).psql(url, &script));
            }
        }
        Ok(())
    }

    /// A command of README in a shell, as it stands there; it has to end with exit 0.
    fn command(&mut self, command: &str) -> Result<()> {
        let mut command = command.to_owned();
        if let Some((run, undo)) = &self.run {
            command = command.replace("mig-…", run);
            if command.starts_with("redistrict rollback") {
                ensure!(
                    command == *undo,
                    "migrate printed {undo:?} as the undo, README says {command:?}"
                );
            }
        }
        let program = program()?;
        let output = Command::new("sh")
            .args(["-c", &command])
            .current_dir(&self.world.dir)
            .envs(self.urls())
            .env("PATH", path_with(&program)?)
            .output()
            .with_context(|| format!("run {command}"))?;
        let said =
            [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
        let said = said.join("\n");
        if !output.status.success() {
            bail!("{command} ended with {}:\n{said}", output.status);
        }
        self.commands += 1;
        if command.starts_with("redistrict migrate") && !command.contains("--dry-run") {
            self.run = Some(told(&said)?);
        }
        Ok(())
    }

    /// The links of the estate that `init` has not found, as a person adds them; gives how many there are. Each
    /// stands in the file as a column that is called like a reference.
    fn add_links(&self) -> Result<usize> {
        let path = self.world.config();
        let mut text = std::fs::read_to_string(&path).context("read redistrict.toml")?;
        let mut added = 0;
        for link in &LINKS {
            let name = |side: &redistrict_estate::Side| {
                let (store, rest) = (
                    side.table.store.as_str(),
                    side.name_in(EstateKind::Postgres),
                );
                rest.replacen(&format!("{store}."), &format!("{store}.public."), 1)
            };
            let (from, to) = (name(&link.from), name(&link.to));
            if text.contains(&format!("\nfrom = \"{from}\"")) {
                continue;
            }
            ensure!(
                text.contains(&format!("# from = \"{from}\"")),
                "init neither found the link from {from} nor named the column"
            );
            let lines = [
                "",
                "[[link]]",
                &format!("from = \"{from}\""),
                &format!("to = \"{to}\""),
                "",
            ];
            text.push_str(&lines.join("\n"));
            added += 1;
        }
        #[expect(clippy::disallowed_methods, reason = "the proof's own file")]
        std::fs::write(&path, text).context("write redistrict.toml")?;
        Ok(added)
    }

    /// As README's example has them, for every store.
    fn urls(&self) -> Vec<(String, String)> {
        let sides = [
            (Side::Prod, &self.world.sources),
            (Side::Cert, &self.world.targets),
        ];
        let each = sides.into_iter().flat_map(|(side, urls)| {
            StoreId::ALL.into_iter().zip(urls).map(move |(store, url)| {
                let name = format!("{}_{}_URL", store.as_str(), side.as_str()).to_uppercase();
                (name, login(url, side))
            })
        });
        each.collect()
    }
}

const PASSWORD: &str = "s3cret";

/// The administrator's URL with the role of that side instead.
fn login(url: &str, side: Side) -> String {
    let rest = url.split_once('@').map_or(url, |(_, rest)| rest);
    format!("postgres://{}:{PASSWORD}@{rest}", side.role())
}

fn check_url(side: Side, name: &str, url: &str) -> Result<()> {
    let begin = format!("postgres://{}:{OWN_WORDS}@", side.role());
    ensure!(
        name == format!("IDS_{}_URL", side.as_str().to_uppercase()) && url.starts_with(&begin),
        "{name}={url} in README is not what the steps need"
    );
    Ok(())
}

/// The run and the undo that a migration printed.
fn told(said: &str) -> Result<(String, String)> {
    let after = |mark: &str| {
        let line = said.lines().find_map(|line| line.split_once(mark));
        line.map(|(_, rest)| rest.trim().to_owned())
    };
    ensure!(
        after("Status:").as_deref() == Some("SUCCESS"),
        "the migration did not end with SUCCESS:\n{said}"
    );
    let run = after("Run ID:").context("find the run's name")?;
    let undo = said.find("redistrict rollback");
    let undo = undo.map(|at| said[at..].lines().next().unwrap_or_default().to_owned());
    Ok((run, undo.context("find the undo that was printed")?))
}

/// The binary beside the running one.
fn program() -> Result<PathBuf> {
    let mut dir = std::env::current_exe().context("find the running program")?;
    dir.pop();
    let program = dir.join("redistrict");
    ensure!(program.exists(), "{} is not built", program.display());
    Ok(program)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the shell of the proof finds its programs"
)]
fn path_with(program: &Path) -> Result<std::ffi::OsString> {
    let known = std::env::var_os("PATH").unwrap_or_default();
    let own = program.parent().map(Path::to_path_buf);
    Ok(std::env::join_paths(
        own.into_iter().chain(std::env::split_paths(&known)),
    )?)
}
