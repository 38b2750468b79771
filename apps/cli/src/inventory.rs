//! Which artifacts there are: what lies in the folders, and what the journal knows of those that were
//! shredded. Reads; changes nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use redistrict_artifact::{ArtifactKind, DataKey, Manifest, RootKey};
use redistrict_journal::{Journal, PhaseState, RunKind, RunState, fold};
use redistrict_model::{DistrictId, Phase, RunId};

use crate::failure::{CommandResult, Failure};
use crate::retention;
use crate::session::Session;
use crate::wire::Workspace;

/// How an artifact is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Sealed,
    /// It has no manifest: being written, or left by a run that did not end its phase.
    Unfinished,
    /// Its key is destroyed; its files may still be there.
    Shredded,
    /// Why its manifest cannot be trusted.
    Damaged(String),
}

impl State {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Unfinished => "unfinished",
            Self::Shredded => "shredded",
            Self::Damaged(_) => "damaged",
        }
    }
}

/// An artifact.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) kind: ArtifactKind,
    /// The run that made it.
    pub(crate) run: RunId,
    /// From its manifest or the journal; none if neither tells.
    pub(crate) district: Option<DistrictId>,
    /// None if its files are gone.
    pub(crate) dir: Option<PathBuf>,
    pub(crate) state: State,
    /// Of a manifest that can be read.
    pub(crate) rows: Option<u64>,
    pub(crate) bytes: Option<u64>,
    /// Since 1970 UTC.
    pub(crate) sealed_at: Option<Duration>,
    /// Of a raw artifact with a key: from then on every command shreds it.
    pub(crate) kept_until: Option<Duration>,
    /// Unfinished runs that go on with it.
    pub(crate) needed_by: Vec<RunId>,
}

impl Item {
    pub(crate) fn is_overdue(&self, now: Duration) -> bool {
        self.kept_until.is_some_and(|until| now > until)
    }

    /// The district, or the folder's name: a slug with a keyed hash.
    pub(crate) fn place(&self) -> String {
        let folder = || Some(self.dir.as_ref()?.parent()?.file_name()?.to_string_lossy());
        let district = self.district.as_ref().map(ToString::to_string);
        district.unwrap_or_else(|| folder().unwrap_or_default().into_owned())
    }
}

/// Everything there is.
pub(crate) struct Inventory {
    /// By run, the raw artifact before the masked one.
    pub(crate) items: Vec<Item>,
    /// Of every run that the journal has.
    pub(crate) runs: Vec<RunState>,
}

/// Looks into folders and journal.
pub(crate) fn inventory(session: &Session, workspace: &Workspace) -> CommandResult<Inventory> {
    let journal = session.journal(workspace)?;
    let runs = histories(journal.as_ref())?;
    let layout = &workspace.layout;
    let (raw, masked) = (
        retention::raw_artifacts(layout),
        retention::masked_artifacts(layout),
    );
    let mut items = Vec::new();
    // An empty workspace needs no key, and none is made for it.
    if !raw.is_empty() || !masked.is_empty() {
        let key = workspace.root_key()?;
        let keep = retention::keep(workspace)?;
        items.extend(raw.iter().map(|dir| raw_item(dir, &key, keep, &runs)));
        items.extend(masked.iter().map(|dir| masked_item(dir, &key, &runs)));
    }
    let gone: Vec<Item> = runs
        .iter()
        .filter(|run| has_extracted(run) && !items.iter().any(|item| is_raw_of(item, &run.run)))
        .map(gone)
        .collect();
    items.extend(gone);
    items.sort_by(|a, b| {
        let key = |item: &Item| (item.run.clone(), item.kind != ArtifactKind::Raw);
        key(a).cmp(&key(b))
    });
    Ok(Inventory { items, runs })
}

/// Whether it is the raw artifact of a run.
pub(crate) fn is_raw_of(item: &Item, run: &RunId) -> bool {
    item.kind == ArtifactKind::Raw && item.run == *run
}

fn histories(journal: &dyn Journal) -> CommandResult<Vec<RunState>> {
    let mut states = Vec::new();
    for run in journal.runs()? {
        states.extend(fold(&journal.read(&run)?));
    }
    Ok(states)
}

fn has_extracted(run: &RunState) -> bool {
    let phase = run.phases.get(&Phase::Extraction);
    run.kind == RunKind::Migration
        && phase.is_some_and(|phase| phase.state == PhaseState::Completed)
}

/// Unfinished migrations that read the raw artifact of a run: their own, or the one they reuse.
fn needed_by(run: &RunId, runs: &[RunState]) -> Vec<RunId> {
    let reads = |one: &&RunState| one.run == *run || one.options.reuse.as_ref() == Some(run);
    runs.iter()
        .filter(|one| one.kind == RunKind::Migration && one.is_unfinished())
        .filter(reads)
        .map(|one| one.run.clone())
        .collect()
}

fn item(dir: &Path, kind: ArtifactKind, key: &RootKey, runs: &[RunState]) -> Item {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let run = RunId::new(name.into_owned());
    let known = runs.iter().find(|state| state.run == run);
    let mut item = Item {
        kind,
        district: known.map(|state| state.district.clone()),
        run,
        dir: Some(dir.to_path_buf()),
        state: State::Unfinished,
        rows: None,
        bytes: None,
        sealed_at: None,
        kept_until: None,
        needed_by: Vec::new(),
    };
    if !Manifest::exists(dir) {
        return item;
    }
    match Manifest::read(dir, key) {
        Ok(manifest) if manifest.kind == kind && manifest.run == item.run => {
            let parts = manifest.tables.iter().flat_map(|table| &table.parts);
            item.bytes = Some(parts.map(|part| part.bytes).sum());
            item.rows = Some(manifest.total_rows());
            item.sealed_at = retention::modified(&dir.join("manifest.json"));
            item.district = Some(manifest.district);
            item.state = State::Sealed;
        }
        Ok(_) => item.state = State::Damaged("its manifest is of another artifact".to_owned()),
        Err(error) => item.state = State::Damaged(Failure::from(error).message),
    }
    item
}

fn raw_item(dir: &Path, key: &RootKey, keep: Duration, runs: &[RunState]) -> Item {
    let item = item(dir, ArtifactKind::Raw, key, runs);
    let has_key = DataKey::exists(dir);
    Item {
        kept_until: retention::made(dir).map(|made| made + keep),
        needed_by: match has_key {
            true => needed_by(&item.run, runs),
            false => Vec::new(),
        },
        state: match (&item.state, has_key) {
            (State::Sealed | State::Unfinished, false) => State::Shredded,
            (state, _) => state.clone(),
        },
        ..item
    }
}

fn masked_item(dir: &Path, key: &RootKey, runs: &[RunState]) -> Item {
    item(dir, ArtifactKind::Masked, key, runs)
}

/// The journal says that it was sealed, and nothing of it is left.
fn gone(run: &RunState) -> Item {
    Item {
        kind: ArtifactKind::Raw,
        run: run.run.clone(),
        district: Some(run.district.clone()),
        dir: None,
        state: State::Shredded,
        rows: None,
        bytes: None,
        sealed_at: None,
        kept_until: None,
        needed_by: Vec::new(),
    }
}
