//! What all units of a load or an undo share: the targets, the leases they hold, the artifact.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use redistrict_artifact::{Artifact, ArtifactKind, Layout, RootKey};
use redistrict_model::{ErrorKind, LoadGroup, Phase, Plan, RunId, StoreName, UnitKey};
use redistrict_skill::{SkillError, UnitContext, UnitOutcome};
use redistrict_store::{Fingerprint, Lease, LeaseClaim, LeaseOutcome, TargetStore};

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
    /// Of units whose work was done together with that of another one.
    outcomes: Mutex<BTreeMap<UnitKey, UnitOutcome>>,
}

impl Session {
    pub(crate) fn new(setup: LoadSetup) -> Self {
        Self {
            setup,
            leases: Mutex::default(),
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
        match self.lease_or_holder(group, context).await? {
            Ok(lease) => Ok(lease),
            Err(holder) if holder == context.run => Err(still_connected(group, &holder)),
            Err(holder) => Err(busy(group, &holder)),
        }
    }

    /// The lease of a group, or the run that has it.
    pub(crate) async fn lease_or_holder(
        &self,
        group: &LoadGroup,
        context: &UnitContext,
    ) -> Result<Result<Lease, RunId>, SkillError> {
        if let Some(lease) = self.held(group) {
            return Ok(Ok(lease));
        }
        // A second attempt may find a lease whose reply was lost, and a later unit one that was forgotten
        // because the answer to a commit was; the run's local lock is ours.
        let leased = UnitKey::new(Phase::Loading, "lease").of_store(&group.name);
        let was_held = context.outcome(&leased).is_some();
        let is_resume = context.is_resume || context.attempt > 1 || was_held;
        Ok(match self.claim(group, &context.run, is_resume).await? {
            LeaseOutcome::Held(lease) => Ok(self.hold(group, lease)),
            LeaseOutcome::Busy { holder } => Err(holder),
        })
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
            LeaseOutcome::Held(lease) => return Ok(self.hold(group, lease)),
            LeaseOutcome::Busy { holder } => holder,
        };
        // A run that failed may have died while it took itself back.
        if holder != *undone && holder != compensation_of(undone) {
            return Err(busy(group, &holder));
        }
        match self.claim(group, &holder, true).await? {
            LeaseOutcome::Busy { holder } => return Err(busy(group, &holder)),
            LeaseOutcome::Held(lease) => self.clear_and_release(group, &lease).await?,
        }
        match self.claim(group, run, true).await? {
            LeaseOutcome::Held(lease) => Ok(self.hold(group, lease)),
            LeaseOutcome::Busy { holder } => Err(busy(group, &holder)),
        }
    }

    pub(crate) async fn claim(
        &self,
        group: &LoadGroup,
        run: &RunId,
        is_resume: bool,
    ) -> Result<LeaseOutcome, SkillError> {
        let claim = LeaseClaim {
            run: run.clone(),
            is_resume,
        };
        let outcome = self.target(group)?.acquire_lease(&claim).await;
        outcome.map_err(|error| store_failed(format!("take the lease of {}", group.name), &error))
    }

    /// Clears the run's staging and gives the lease back.
    pub(crate) async fn clear_and_release(
        &self,
        group: &LoadGroup,
        lease: &Lease,
    ) -> Result<(), SkillError> {
        let target = self.target(group)?;
        let failed = |error| store_failed(format!("clear the staging of {}", group.name), &error);
        target.clear_staging(lease).await.map_err(failed)?;
        // Whatever the answer is, the lease may be gone from here on.
        self.forget(group);
        let failed = |error| store_failed(format!("release the lease of {}", group.name), &error);
        target.release_lease(lease).await.map_err(failed)
    }

    pub(crate) fn hold(&self, group: &LoadGroup, lease: Lease) -> Lease {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        leases.insert(group.name.clone(), lease.clone());
        lease
    }

    fn held(&self, group: &LoadGroup) -> Option<Lease> {
        let leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        leases.get(&group.name).cloned()
    }

    /// Keeps the outcome of a unit that is still to be run.
    pub(crate) fn keep_outcome(&self, unit: UnitKey, outcome: UnitOutcome) {
        let mut outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        outcomes.insert(unit, outcome);
    }

    /// The outcome of a unit whose work is done.
    pub(crate) fn take_outcome(&self, unit: &UnitKey) -> Option<UnitOutcome> {
        let mut outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        outcomes.remove(unit)
    }

    /// Forgets a lease that may not be ours any more: the next unit asks again.
    pub(crate) fn forget(&self, group: &LoadGroup) {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        leases.remove(&group.name);
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
         where its journal is lost: `redistrict rollback {holder}` gives its lease back"
    ))
}
