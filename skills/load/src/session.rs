//! What all units of a load or an undo share: the targets, the leases they hold, the artifact.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redistrict_artifact::{Artifact, ArtifactKind, Layout, RootKey};
use redistrict_model::{ErrorKind, LoadGroup, Phase, Plan, StoreName, UnitKey};
use redistrict_skill::{SkillError, UnitContext, UnitOutcome};
use redistrict_store::{Epoch, Fingerprint, Lease, Owner, Preparing, RaisedSequence, TargetStore};

use crate::error::{artifact_failed, bug, config, store_failed};
use crate::mode::{Ability, CommitMode};

/// Whether CERT is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Apply,
    /// Only the preflight: CERT is read, nothing is written.
    DryRun,
}

/// What a load or an undo works with.
#[derive(Clone)]
pub struct LoadSetup {
    /// One per commit group.
    pub targets: Vec<Arc<dyn TargetStore>>,
    pub layout: Layout,
    pub key: RootKey,
    /// The fingerprints of all PROD databases: none of them may be a target.
    pub source_fingerprints: Vec<Fingerprint>,
    /// `deny` of the configuration: never a target either.
    pub denied_fingerprints: Vec<Fingerprint>,
    /// The masked artifact's directory; none means that of the run, else the district's newest.
    pub artifact: Option<PathBuf>,
    pub mode: Mode,
    /// This process, by a random name of its own: what it has taken nobody else may have taken since.
    pub owner: Owner,
    /// Somebody has approved what the preflight found: a load that would write anything else is refused.
    pub is_approved: bool,
}

/// The fact of a unit that looks before anything is written: a list of [`Ability`].
pub(crate) const ABILITIES: &str = "preparing";

/// The unit that looks before anything is written.
pub(crate) fn preflight_unit() -> UnitKey {
    UnitKey::new(Phase::Loading, "preflight")
}

pub(crate) struct Session {
    pub(crate) setup: LoadSetup,
    pub(crate) leases: Mutex<BTreeMap<StoreName, Lease>>,
    /// The newest epoch that this process held of each group, whether it still holds it or not; none of a group
    /// that it is done with.
    pub(crate) epochs: Mutex<BTreeMap<StoreName, Epoch>>,
    /// Sequences that this process has raised, by group: they stay raised when an attempt fails.
    sequences: Mutex<BTreeMap<StoreName, Vec<RaisedSequence>>>,
    /// Groups that turned out not to be able to prepare what they were to commit, and why.
    refusals: Mutex<BTreeMap<StoreName, String>>,
    /// The groups that are written may have committed, all of them.
    may_stand: AtomicBool,
    /// All groups have committed.
    is_decided: AtomicBool,
    /// Of units whose work was done together with that of another one.
    outcomes: Mutex<BTreeMap<UnitKey, UnitOutcome>>,
}

impl Session {
    pub(crate) fn new(setup: LoadSetup) -> Self {
        Self {
            setup,
            leases: Mutex::default(),
            epochs: Mutex::default(),
            sequences: Mutex::default(),
            refusals: Mutex::default(),
            may_stand: AtomicBool::new(false),
            is_decided: AtomicBool::new(false),
            outcomes: Mutex::default(),
        }
    }

    /// The target of a commit group.
    pub(crate) fn target(&self, group: &LoadGroup) -> Result<&dyn TargetStore, SkillError> {
        let found = self
            .setup
            .targets
            .iter()
            .find(|target| target.stores() == group.stores.as_slice());
        found.map(AsRef::as_ref).ok_or_else(|| {
            config(format!(
                "find the target of commit group {}: the stores of the plan are not those of the configuration",
                group.name
            ))
        })
    }

    /// Adds what an attempt has raised to what those before it have; gives all of it.
    pub(crate) fn raised(
        &self,
        group: &LoadGroup,
        raised: Vec<RaisedSequence>,
    ) -> Vec<RaisedSequence> {
        let mut sequences = lock(&self.sequences);
        let known = sequences.entry(group.name.clone()).or_default();
        for one in raised {
            match known
                .iter_mut()
                .find(|other| other.sequence == one.sequence)
            {
                Some(other) => other.to = one.to,
                None => known.push(one),
            }
        }
        known.clone()
    }

    /// Remembers that a group cannot prepare what it is to commit: the next attempt goes another way.
    pub(crate) fn refuse_to_prepare(&self, group: &LoadGroup, why: String) {
        lock(&self.refusals).insert(group.name.clone(), why);
    }

    /// How these groups end together, as far as they are written: by what the unit that looked before anything
    /// was written has found, and what turned out since.
    pub(crate) fn mode<'g>(
        &self,
        context: &UnitContext,
        looked: &UnitKey,
        groups: impl Iterator<Item = &'g LoadGroup>,
    ) -> CommitMode {
        let facts = context.outcome(looked).map(|done| &done.facts);
        let found = facts.and_then(|facts| facts.get(ABILITIES));
        let found: Vec<Ability> = found
            .and_then(|found| serde_json::from_value(found.clone()).ok())
            .unwrap_or_default();
        let refusals = lock(&self.refusals);
        let written = groups.filter(|group| !group.order.is_empty());
        let abilities: Vec<Ability> = written
            .map(|group| {
                let known = found.iter().find(|one| one.group == group.name);
                let refused = refusals.get(&group.name).cloned();
                let preparing = match (refused, known) {
                    (Some(why), _) => Preparing::No { why },
                    (None, Some(known)) => known.preparing.clone(),
                    (None, None) => Preparing::never("an earlier version"),
                };
                Ability {
                    group: group.name.clone(),
                    preparing,
                }
            })
            .collect();
        CommitMode::of(&abilities)
    }

    /// Asks every group that is written whether it can prepare a commit.
    pub(crate) async fn abilities(&self, plan: &Plan) -> Result<Vec<Ability>, SkillError> {
        let mut abilities = Vec::new();
        for group in &plan.sections.load.groups {
            if group.order.is_empty() {
                continue;
            }
            let preparing = self.target(group)?.preparing().await;
            let preparing = preparing.map_err(|error| {
                store_failed(format!("look at the target {}", group.name), &error)
            })?;
            abilities.push(Ability {
                group: group.name.clone(),
                preparing,
            });
        }
        Ok(abilities)
    }

    /// Says whether what was decided may be that the run stands. As long as it may, nothing that fails takes it
    /// back.
    pub(crate) fn set_may_stand(&self, may: bool) {
        self.may_stand.store(may, Ordering::SeqCst);
    }

    /// Whether the run may stand in all groups, by what this process did, or an earlier one may have done.
    pub(crate) fn may_stand(&self, context: &UnitContext, looked: &UnitKey) -> bool {
        let had_predecessor = context.is_resume && context.attempt > 1;
        let groups = context.plan.sections.load.groups.iter();
        let mode = || self.mode(context, looked, groups);
        self.may_stand.load(Ordering::SeqCst)
            || had_predecessor && matches!(mode(), CommitMode::TwoPhase { .. })
    }

    /// An error of a unit that decides: it keeps what may stand.
    pub(crate) fn keeping_what_may_stand(&self, error: SkillError) -> SkillError {
        match self.may_stand.load(Ordering::SeqCst) {
            true => error.keeping(),
            false => error,
        }
    }

    /// Says that all groups have committed: from now on the units that wait for that are done.
    pub(crate) fn decide(&self) {
        self.is_decided.store(true, Ordering::SeqCst);
    }

    /// The outcome of a unit that was done together with another one, once all groups have committed. Before
    /// that no unit is done, because each of them is the point of no return.
    pub(crate) fn decided_outcome(&self, unit: &UnitKey) -> Option<UnitOutcome> {
        let is_decided = self.is_decided.load(Ordering::SeqCst);
        is_decided.then(|| self.take_outcome(unit)).flatten()
    }

    /// Keeps the outcome of a unit that is still to be run.
    pub(crate) fn keep_outcome(&self, unit: UnitKey, outcome: UnitOutcome) {
        lock(&self.outcomes).insert(unit, outcome);
    }

    /// The outcome of a unit whose work is done.
    pub(crate) fn take_outcome(&self, unit: &UnitKey) -> Option<UnitOutcome> {
        lock(&self.outcomes).remove(unit)
    }

    /// Opens the masked artifact and checks that it is the one of this plan.
    pub(crate) fn artifact(&self, context: &UnitContext) -> Result<Artifact, SkillError> {
        let plan = &context.plan;
        let setup = &self.setup;
        let checked = context.outcome(&preflight_unit()).map(|done| &done.facts);
        let fact = |name: &str| checked.and_then(|facts| facts.get(name)?.as_str());
        let district = setup.layout.masked_of(&plan.district, &setup.key);
        let of_run = district.join(fact("artifact").unwrap_or(context.run.as_str()));
        let dir = match &setup.artifact {
            Some(dir) => dir.clone(),
            None if of_run.exists() => of_run,
            None => Artifact::newest(&district).unwrap_or(of_run),
        };
        let artifact = Artifact::open(&dir, &setup.key)
            .map_err(|error| artifact_failed("open the masked artifact", &error))?;
        check_fits(&artifact, plan)?;
        if fact("seal").is_some_and(|seal| seal != artifact.seal()) {
            let what = "load the artifact: it is not the one that the preflight looked at";
            return Err(SkillError::new(ErrorKind::Corrupt, what));
        }
        Ok(artifact)
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn check_fits(artifact: &Artifact, plan: &Plan) -> Result<(), SkillError> {
    let manifest = artifact.manifest();
    if manifest.kind != ArtifactKind::Masked {
        return Err(bug("load the artifact: it is not masked"));
    }
    if manifest.district != plan.district {
        return Err(bug("load the artifact: it is another district's"));
    }
    if manifest.plan_digest != plan.digest {
        return Err(
            config("load the artifact: it was made with another plan than today's")
                .with_hint("run the migration again without --skip-extraction"),
        );
    }
    for entry in manifest.tables.iter().filter(|entry| entry.rows > 0) {
        let planned = plan.sections.extract.table(&entry.table);
        let names = entry.columns.iter().map(|(name, _)| name);
        if planned.is_none_or(|planned| !names.eq(&planned.columns)) {
            let what = "its columns are not those of the plan";
            return Err(bug(format!("load {}: {what}", entry.table)));
        }
    }
    Ok(())
}
