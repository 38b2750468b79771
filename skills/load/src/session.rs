//! What all units of a load or an undo share: the targets, the leases they hold, the artifact.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::{Either, select};
use redistrict_artifact::{Artifact, ArtifactKind, Layout, RootKey};
use redistrict_model::{ErrorKind, LoadGroup, Phase, Plan, RunId, StoreName, UnitKey};
use redistrict_skill::{SkillError, UnitContext, UnitOutcome};
use redistrict_store::{
    BEAT_EVERY, BEAT_FRESH, Epoch, Fingerprint, Lease, LeaseClaim, LeaseOutcome, Owner,
    RaisedSequence, TargetStore,
};

use crate::error::{artifact_failed, bug, config, store_failed};
use crate::undo::compensation_of;

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

/// The unit that looks before anything is written.
pub(crate) fn preflight_unit() -> UnitKey {
    UnitKey::new(Phase::Loading, "preflight")
}

pub(crate) struct Session {
    pub(crate) setup: LoadSetup,
    leases: Mutex<BTreeMap<StoreName, Lease>>,
    /// The newest epoch that this process held of each group, whether it still holds it or not; none of a group
    /// that it is done with.
    epochs: Mutex<BTreeMap<StoreName, Epoch>>,
    /// Sequences that this process has raised, by group: they stay raised when an attempt fails.
    sequences: Mutex<BTreeMap<StoreName, Vec<RaisedSequence>>>,
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

    /// The lease of a group: the one held, else a new one.
    pub(crate) async fn lease(
        &self,
        group: &LoadGroup,
        context: &UnitContext,
    ) -> Result<Lease, SkillError> {
        match self.ask(group, context).await? {
            LeaseOutcome::Held(lease) => Ok(lease),
            LeaseOutcome::Busy { holder } if holder == context.run => {
                Err(still_connected(group, &holder))
            }
            LeaseOutcome::Busy { holder } => Err(busy(group, &holder)),
            LeaseOutcome::Superseded { .. } => Err(superseded(group, &context.run)),
        }
    }

    /// Asks for the lease of a group: the one held, else a new one, or who is in the way.
    pub(crate) async fn ask(
        &self,
        group: &LoadGroup,
        context: &UnitContext,
    ) -> Result<LeaseOutcome, SkillError> {
        if let Some(lease) = self.held(group) {
            return Ok(LeaseOutcome::Held(lease));
        }
        self.claim(group, &context.run, context.is_resume).await
    }

    /// The lease of a group for a run that takes back another one, whose own lease and staging are
    /// cleared away first. The caller's local lock tells that no process of `undone` lives.
    pub(crate) async fn lease_over(
        &self,
        group: &LoadGroup,
        run: &RunId,
        undone: &RunId,
    ) -> Result<Lease, SkillError> {
        if let Some(lease) = self.held(group).filter(|lease| lease.run == *run) {
            return Ok(lease);
        }
        self.forget(group);
        let holder = match self.claim(group, run, true).await? {
            LeaseOutcome::Held(lease) => return Ok(lease),
            LeaseOutcome::Busy { holder } => holder,
            LeaseOutcome::Superseded { .. } => return Err(superseded(group, undone)),
        };
        // A run that failed may have died while it took itself back.
        if holder != *undone && holder != compensation_of(undone) {
            return Err(busy(group, &holder));
        }
        match self.claim(group, &holder, true).await? {
            LeaseOutcome::Held(lease) => self.clear(group, &lease).await?,
            LeaseOutcome::Busy { holder } => return Err(busy(group, &holder)),
            LeaseOutcome::Superseded { .. } => return Err(superseded(group, undone)),
        }
        match self.claim(group, run, true).await? {
            LeaseOutcome::Held(lease) => Ok(lease),
            LeaseOutcome::Busy { holder } => Err(busy(group, &holder)),
            LeaseOutcome::Superseded { .. } => Err(superseded(group, undone)),
        }
    }

    /// Claims the lease, and holds it if it is given. A resume takes over what an earlier process of the run left;
    /// what this process had itself it gets again, unless somebody else had it since.
    pub(crate) async fn claim(
        &self,
        group: &LoadGroup,
        run: &RunId,
        is_resume: bool,
    ) -> Result<LeaseOutcome, SkillError> {
        let after = lock(&self.epochs).get(&group.name).copied();
        let claim = LeaseClaim {
            run: run.clone(),
            owner: self.setup.owner.clone(),
            after,
            is_resume,
        };
        let outcome = self.target(group)?.acquire_lease(&claim).await;
        let outcome = outcome
            .map_err(|error| store_failed(format!("take the lease of {}", group.name), &error))?;
        if let LeaseOutcome::Held(lease) = &outcome {
            lock(&self.epochs).insert(group.name.clone(), lease.epoch);
            lock(&self.leases).insert(group.name.clone(), lease.clone());
        }
        Ok(outcome)
    }

    /// Clears the run's staging and gives the lease back: this process is done with the group.
    pub(crate) async fn clear_and_release(
        &self,
        group: &LoadGroup,
        lease: &Lease,
    ) -> Result<(), SkillError> {
        self.clear(group, lease).await?;
        lock(&self.epochs).remove(&group.name);
        Ok(())
    }

    /// Clears the run's staging and gives the lease back, to take it again.
    async fn clear(&self, group: &LoadGroup, lease: &Lease) -> Result<(), SkillError> {
        let target = self.target(group)?;
        let failed = |error| store_failed(format!("clear the staging of {}", group.name), &error);
        target.clear_staging(lease).await.map_err(failed)?;
        // Whatever the answer is, the lease may be gone from here on.
        self.forget(group);
        let failed = |error| store_failed(format!("release the lease of {}", group.name), &error);
        target.release_lease(lease).await.map_err(failed)
    }

    fn held(&self, group: &LoadGroup) -> Option<Lease> {
        lock(&self.leases).get(&group.name).cloned()
    }

    /// Does the work of a unit, and says meanwhile that the process still lives.
    pub(crate) async fn beating<T>(
        &self,
        context: &UnitContext,
        work: impl Future<Output = T>,
    ) -> T {
        match select(pin!(work), pin!(self.beat_on(context))).await {
            Either::Left((done, _)) => done,
            Either::Right((never, _)) => match never {},
        }
    }

    /// A beat that fails is no failure of the run: the next one may not.
    async fn beat_on(&self, context: &UnitContext) -> Infallible {
        loop {
            context.clock.sleep(BEAT_EVERY).await;
            let leases = lock(&self.leases).clone();
            for group in &context.plan.sections.load.groups {
                if let (Some(lease), Ok(target)) = (leases.get(&group.name), self.target(group)) {
                    let _missed = target.beat(lease).await;
                }
            }
        }
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

    /// Forgets a lease that may not be ours any more: the next unit asks again.
    pub(crate) fn forget(&self, group: &LoadGroup) {
        lock(&self.leases).remove(&group.name);
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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

fn still_connected(group: &LoadGroup, run: &RunId) -> SkillError {
    let name = &group.name;
    SkillError::new(
        ErrorKind::Busy,
        format!("take the lease of {name}: an earlier process of this run is still connected"),
    )
    .with_hint(format!("once it is gone: redistrict resume {run}"))
}

fn busy(group: &LoadGroup, holder: &RunId) -> SkillError {
    SkillError::new(
        ErrorKind::Busy,
        format!("take the lease of {}: run {holder} holds it", group.name),
    )
    .with_hint(format!(
        "`redistrict watch {holder}` tells when it has ended"
    ))
    .with_hint(format!(
        "if nobody works on it any more: `redistrict resume {holder}`, or `redistrict cancel {holder}`; \
         where its journal is lost or on another machine: `redistrict rollback {holder}` gives its lease back, \
         once nothing was heard of it for {} seconds",
        BEAT_FRESH.as_secs()
    ))
}

/// Another process works on what this one worked on: it must neither write nor take back.
pub(crate) fn superseded(group: &LoadGroup, run: &RunId) -> SkillError {
    SkillError::new(
        ErrorKind::Busy,
        format!(
            "go on with run {run} in {}: another process has taken it over",
            group.name
        ),
    )
    .with_hint("what that process makes of the run counts; this one has changed nothing since")
    .with_hint(format!(
        "if it has ended without finishing the run: redistrict resume {run}"
    ))
    .keeping()
}
