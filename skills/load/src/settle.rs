//! Takes a lease, and ends first what the run has prepared and left: fences the run where it decides, asks there, and
//! does what was decided.

use std::collections::BTreeMap;
use std::sync::Arc;

use redistrict_model::StoreName;
use redistrict_store::{
    Decision, Lease, LeaseClaim, LeaseOutcome, PreparedId, StoreError, StoreErrorKind, TargetStore,
};

/// What a claim came to.
#[derive(Debug)]
pub struct Taken {
    /// `InDoubt` only where somebody prepares at the same time.
    pub outcome: LeaseOutcome,
    /// Leases that were taken on the way, of groups that decide.
    pub deciders: BTreeMap<StoreName, Lease>,
}

/// Claims the lease of `target`, whose group is `group`. Where the run has prepared something there, that is ended
/// first. `claim` makes the claim on a group's lease. May be called again.
///
/// # Errors
/// A group that is away; `Config` where the group that decides is none of `targets`.
pub async fn take(
    targets: &[Arc<dyn TargetStore>],
    target: &dyn TargetStore,
    group: &StoreName,
    claim: &(dyn Fn(&StoreName) -> LeaseClaim + Sync),
) -> Result<Taken, StoreError> {
    let mut taken = Taken {
        outcome: target.acquire_lease(&claim(group)).await?,
        deciders: BTreeMap::new(),
    };
    if let LeaseOutcome::InDoubt { prepared } = &taken.outcome {
        let settled = settle(targets, target, prepared, claim).await?;
        taken.deciders = settled.leases;
        taken.outcome = match settled.in_the_way {
            Some(outcome) => outcome,
            None => target.acquire_lease(&claim(group)).await?,
        };
    }
    Ok(taken)
}

#[derive(Debug, Default)]
struct Settled {
    /// Leases that were taken on the way, by group.
    leases: BTreeMap<StoreName, Lease>,
    /// The decider's lease is another process's of the same run: it ends what is prepared, and nothing was done.
    in_the_way: Option<LeaseOutcome>,
}

/// Ends the prepared transactions of one run in the group `at`: committed if the group that decides has the run's
/// record, else rolled back. Taking the decider's lease is what makes its answer final: no process of an earlier
/// epoch commits there any more.
async fn settle(
    targets: &[Arc<dyn TargetStore>],
    at: &dyn TargetStore,
    prepared: &[PreparedId],
    claim: &(dyn Fn(&StoreName) -> LeaseClaim + Sync),
) -> Result<Settled, StoreError> {
    let mut settled = Settled::default();
    let mut decisions: BTreeMap<&StoreName, Decision> = BTreeMap::new();
    for one in prepared {
        let decision = match decisions.get(&one.decider) {
            Some(known) => *known,
            None => {
                let decider = find(targets, one)?;
                match decider.acquire_lease(&claim(&one.decider)).await? {
                    LeaseOutcome::Held(lease) => {
                        settled.leases.insert(one.decider.clone(), lease);
                    }
                    // Its lease was given away behind the run's back: nothing of the run commits there either.
                    LeaseOutcome::Busy { holder } if holder != one.run => {}
                    LeaseOutcome::InDoubt { .. } => return Err(no_decider(one)),
                    in_the_way => {
                        settled.in_the_way = Some(in_the_way);
                        return Ok(settled);
                    }
                }
                decide(decider, one).await?
            }
        };
        decisions.insert(&one.decider, decision);
        at.finish(one, decision).await?;
    }
    Ok(settled)
}

async fn decide(decider: &dyn TargetStore, one: &PreparedId) -> Result<Decision, StoreError> {
    Ok(match decider.run_record(&one.run).await? {
        Some(_) => Decision::Commit,
        None => Decision::Abort,
    })
}

fn find<'t>(
    targets: &'t [Arc<dyn TargetStore>],
    one: &PreparedId,
) -> Result<&'t dyn TargetStore, StoreError> {
    let is_meant = |target: &&Arc<dyn TargetStore>| target.stores().contains(&one.decider);
    let found = targets.iter().find(is_meant).map(AsRef::as_ref);
    found.ok_or_else(|| no_decider(one))
}

fn no_decider(one: &PreparedId) -> StoreError {
    let what = format!(
        "end the prepared transaction {one}: the store {} decides, and the configuration has no such commit group",
        one.decider
    );
    StoreError::new(StoreErrorKind::Config, what).with_hint(format!(
        "configure the store as it was; or a person ends the transaction in {}: COMMIT PREPARED if the target of {} \
         has run {} among its runs, else ROLLBACK PREPARED",
        one.group, one.decider, one.run
    ))
}
