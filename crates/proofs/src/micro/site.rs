//! A CERT and a directory of the product's, that can be put back to where a load or its undo begins.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use redistrict_estate::EstateKind;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::effects::{Effect, effects};
use super::saved::Saved;
use crate::digest;
use crate::micro::{self, DISTRICT, Micro, STORES, Urls};
use crate::run_crash::points::read_points;

/// What is disturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    Load,
    Undo,
}

impl Job {
    pub(crate) const ALL: [Self; 2] = [Self::Load, Self::Undo];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Undo => "undo",
        }
    }
}

/// One place where runs are disturbed, one after the other.
pub(crate) struct Site<'a> {
    pub(crate) micro: Micro,
    pub(crate) runtime: &'a Runtime,
    home: TempDir,
}

/// Where a job begins, and what comes of it undisturbed.
pub(crate) struct Scene {
    /// The directory of the product as it was.
    kept: std::path::PathBuf,
    stores: Vec<Saved>,
    /// The command that does the job.
    pub(crate) command: Vec<String>,
    pub(crate) golden: Golden,
}

/// CERT before and after an undisturbed job, store by store, and what it did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Golden {
    pub(crate) before: Vec<String>,
    pub(crate) after: Vec<String>,
    pub(crate) effects: Vec<Effect>,
}

impl<'a> Site<'a> {
    /// A new one in an empty directory, beside a PROD and with a CERT that both have their rows. The last store is of
    /// that kind.
    pub(crate) fn make(
        home: TempDir,
        notes: EstateKind,
        sources: Urls,
        targets: Urls,
        runtime: &'a Runtime,
    ) -> Result<Self> {
        let dir = home.path().join("product");
        std::fs::create_dir_all(&dir).context("make a directory")?;
        let micro = Micro {
            dir,
            notes,
            sources,
            targets,
        };
        micro.configure()?;
        Ok(Self {
            micro,
            runtime,
            home,
        })
    }

    /// Does both jobs once, and keeps where each begins. A migration is killed right before it loads: the load is what
    /// `resume` then does.
    pub(crate) fn scenes(&self) -> Result<[Scene; 2]> {
        let start = self.keep("start", Vec::new())?;
        let trace = self.trace(&["migrate", DISTRICT])?;
        let loading = trace.lines().find_map(|line| {
            let (number, name) = line.split_once(' ')?;
            (name == "before journal phase-started Loading").then_some(number)
        });
        let fault = format!("kill:{}", loading.context("a migration loads")?);
        self.put_back(&start)?;
        let killed = self.micro.faulty(&fault)?.run(&["migrate", DISTRICT])?;
        ensure!(
            killed.status.code().is_none(),
            "the migration was not killed"
        );
        let mut load = self.keep("load", vec!["resume".to_owned()])?;
        let before = digest::rows_in(self.micro.targets(), self.runtime)?;
        load.golden = self.golden(&load)?;
        let after = digest::rows_in(self.micro.targets(), self.runtime)?;
        self.is_what_was_expected(&before, &after)?;
        let mut undo = self.keep("undo", vec!["rollback".to_owned(), self.newest_run()?])?;
        undo.golden = self.golden(&undo)?;
        ensure!(
            undo.golden.after == load.golden.before,
            "CERT after the undo is not as before the load"
        );
        Ok([load, undo])
    }

    /// Makes directory and CERT what they were where the job begins.
    pub(crate) fn put_back(&self, scene: &Scene) -> Result<()> {
        std::fs::remove_dir_all(&self.micro.dir).context("remove a directory")?;
        copy(&scene.kept, &self.micro.dir)?;
        for (saved, place) in scene.stores.iter().zip(self.micro.targets()) {
            self.runtime.block_on(saved.bring_back(place))?;
        }
        Ok(())
    }

    /// Another machine that has the same stores, and all that this one has of its runs.
    pub(crate) fn elsewhere(&self) -> Micro {
        Micro {
            dir: self.home.path().join("elsewhere"),
            ..self.micro.clone()
        }
    }

    /// Brings it what this one has now.
    pub(crate) fn copy_elsewhere(&self) -> Result<()> {
        let dir = self.elsewhere().dir;
        if dir.exists() {
            std::fs::remove_dir_all(&dir).context("remove a directory")?;
        }
        copy(&self.micro.dir, &dir)
    }

    fn digests(&self) -> Result<Vec<String>> {
        let rows = digest::rows_in(self.micro.targets(), self.runtime)?;
        Ok(digests(&rows))
    }

    /// The newest run and its status, as the product tells it.
    pub(crate) fn newest(&self) -> Result<(String, String)> {
        let listed = self.micro.product()?.must(&["runs", "--output", "json"])?;
        let listed: serde_json::Value =
            serde_json::from_str(&listed.out).context("read the runs")?;
        let runs = listed["runs"].as_array().and_then(|runs| runs.last());
        let newest = runs.context("there is a run")?;
        let text = |name: &str| newest[name].as_str().map(str::to_owned);
        Ok((
            text("run").context("a run has a name")?,
            text("status").context("a run has a status")?,
        ))
    }

    fn newest_run(&self) -> Result<String> {
        Ok(self.newest()?.0)
    }

    fn keep(&self, name: &str, command: Vec<String>) -> Result<Scene> {
        let kept = self.home.path().join(name);
        copy(&self.micro.dir, &kept)?;
        let places = self.micro.targets().into_iter();
        let stores = places.map(|place| self.runtime.block_on(Saved::of(place)));
        Ok(Scene {
            kept,
            stores: stores.collect::<Result<_>>()?,
            command,
            golden: Golden::default(),
        })
    }

    fn golden(&self, scene: &Scene) -> Result<Golden> {
        let before = self.digests()?;
        let command: Vec<&str> = scene.command.iter().map(String::as_str).collect();
        let trace = self.trace(&command)?;
        let after = self.digests()?;
        let is_changed = before
            .iter()
            .zip(&after)
            .all(|(before, after)| before != after);
        ensure!(
            is_changed,
            "the undisturbed {command:?} left a store as it was"
        );
        let points = read_points(&trace).into_iter();
        let points: Vec<_> = points.filter(|point| point.phase == "Loading").collect();
        Ok(Golden {
            before,
            after,
            effects: effects(&points)?,
        })
    }

    /// The points of an undisturbed command.
    fn trace(&self, command: &[&str]) -> Result<String> {
        let file = self.home.path().join("points.txt");
        if file.exists() {
            std::fs::remove_file(&file).context("remove the old points")?;
        }
        let fault = format!("trace:{}", file.display());
        self.micro.faulty(&fault)?.must(command)?;
        std::fs::read_to_string(&file).context("read the points")
    }

    /// The district's rows came, and of what was there only what is the district's has changed.
    fn is_what_was_expected(&self, before: &digest::Rows, after: &digest::Rows) -> Result<()> {
        let count = |rows: &digest::Rows| rows.values().map(Vec::len).sum::<usize>();
        for (store, (new, updated)) in STORES.into_iter().zip(micro::expected(self.micro.notes)) {
            let [before, after] = [before, after].map(|rows| digest::of_store(rows, store));
            let came = count(&after).saturating_sub(count(&before));
            let changed = digest::lost(&before, &after);
            if (came, changed) != (new, updated) {
                bail!("{store}: {came} rows came and {changed} changed, not {new} and {updated}");
            }
        }
        Ok(())
    }
}

/// One digest a store of CERT.
pub(crate) fn digests(rows: &digest::Rows) -> Vec<String> {
    let of_store = |store: &str| digest::digest(&digest::of_store(rows, store));
    STORES.into_iter().map(of_store).collect()
}

/// Copies a directory with all that is in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("make {}", to.display()))?;
    for entry in std::fs::read_dir(from).with_context(|| format!("read {}", from.display()))? {
        let entry = entry.context("read a directory")?;
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &place)?;
        } else {
            std::fs::copy(&path, &place).with_context(|| format!("copy {}", path.display()))?;
        }
    }
    Ok(())
}
