//! The leases of a load or an undo: asked for, held, given back; and what an earlier process has prepared under
//! them is ended first.

use std::convert::Infallible;
use std::pin::pin;

use futures::future::{Either, select};
use redistrict_model::{ErrorKind, LoadGroup, RunId, StoreName};
use redistrict_skill::{SkillError, UnitContext};
use redistrict_store::{BEAT_EVERY, BEAT_FRESH, Lease, LeaseClaim, LeaseOutcome};

use crate::error::store_failed;
use crate::session::{Session, lock};
use crate::settle::take;
use crate::undo::compensation_of;

/// The answer to a claim, once what the run had prepared is ended.
pub(crate) enum Claimed {
    Held(Lease),
    Busy { holder: RunId },
    Superseded { holder: Option<RunId> },
}

impl Claimed {
    /// The lease. `run` is the run that goes no further without it.
    ///
    /// # Errors
    /// `Busy`, with who is in the way.
    pub(crate) fn require(self, group: &LoadGroup, run: &RunId) -> Result<Lease, SkillError> {
        match self {
            Self::Held(lease) => Ok(lease),
            Self::Busy { holder } => Err(busy(group, &holder)),
            Self::Superseded { .. } => Err(superseded(group, run)),
        }
    }
}

impl Session {
    /// The lease of a group: the one held, else a new one.
    pub(crate) async fn lease(
        &self,
        group: &LoadGroup,
        context: &UnitContext,
    ) -> Result<Lease, SkillError> {
        match self.ask(group, context).await? {
            Claimed::Busy { holder } if holder == context.run => {
                Err(still_connected(group, &holder))
            }
            claimed => claimed.require(group, &context.run),
        }
    }

    /// Asks for the lease of a group: the one held, else a new one, or who is in the way.
    pub(crate) async fn ask(
        &self,
        group: &LoadGroup,
        context: &UnitContext,
    ) -> Result<Claimed, SkillError> {
        if let Some(lease) = self.held(group) {
            return Ok(Claimed::Held(lease));
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
        let claimed = self.claim(group, run, true).await?;
        // A run that failed may have died while it took itself back.
        let holder = match &claimed {
            Claimed::Busy { holder } if holder == undone || *holder == compensation_of(undone) => {
                holder
            }
            _ => return claimed.require(group, undone),
        };
        let claimed = self.claim(group, holder, true).await?;
        let lease = claimed.require(group, undone)?;
        self.clear(group, &lease).await?;
        self.claim(group, run, true).await?.require(group, undone)
    }

    /// Claims the lease, and holds it if it is given. A resume takes over what an earlier process of the run left;
    /// what this process had itself it gets again, unless somebody else had it since.
    pub(crate) async fn claim(
        &self,
        group: &LoadGroup,
        run: &RunId,
        is_resume: bool,
    ) -> Result<Claimed, SkillError> {
        let claim = |group: &StoreName| self.claim_of(group, run, is_resume);
        let target = self.target(group)?;
        let taken = take(&self.setup.targets, target, &group.name, &claim).await;
        let taken = taken
            .map_err(|error| store_failed(format!("take the lease of {}", group.name), &error))?;
        for (group, lease) in taken.deciders {
            self.hold(group, lease);
        }
        Ok(match taken.outcome {
            LeaseOutcome::Held(lease) => {
                self.hold(group.name.clone(), lease.clone());
                Claimed::Held(lease)
            }
            LeaseOutcome::Busy { holder } => Claimed::Busy { holder },
            LeaseOutcome::Superseded { holder } => Claimed::Superseded { holder },
            LeaseOutcome::InDoubt { .. } => return Err(still_in_doubt(group)),
        })
    }

    fn claim_of(&self, group: &StoreName, run: &RunId, is_resume: bool) -> LeaseClaim {
        LeaseClaim {
            run: run.clone(),
            owner: self.setup.owner.clone(),
            after: lock(&self.epochs).get(group).copied(),
            is_resume,
        }
    }

    fn hold(&self, group: StoreName, lease: Lease) {
        lock(&self.epochs).insert(group.clone(), lease.epoch);
        lock(&self.leases).insert(group, lease);
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

    pub(crate) fn held(&self, group: &LoadGroup) -> Option<Lease> {
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

    /// Forgets a lease that may not be ours any more: the next unit asks again.
    pub(crate) fn forget(&self, group: &LoadGroup) {
        lock(&self.leases).remove(&group.name);
    }

    /// Forgets all leases.
    pub(crate) fn forget_all(&self) {
        lock(&self.leases).clear();
    }
}

/// What was ended is there again: somebody prepares at the same time.
fn still_in_doubt(group: &LoadGroup) -> SkillError {
    let what = format!(
        "take the lease of {}: transactions that an earlier process prepared are still there",
        group.name
    );
    SkillError::new(ErrorKind::Transient, what)
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
