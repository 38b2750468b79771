//! The lease: one node whose epoch only rises. Whoever writes holds its write lock to the end of the
//! transaction; whoever takes it over ends the transactions of the dead owner, then raises the epoch
//! under the same lock.

use std::time::{Duration, Instant};

use neo4j::ValueSend;
use redistrict_model::RunId;
use redistrict_store::{Epoch, Lease, LeaseClaim, LeaseOutcome, StoreError, StoreErrorKind};

use super::enrolment::not_enrolled;
use super::transactions::{commit, parameters};
use crate::bolt::{Access, Begin, Bolt, Parameters, Transaction};
use crate::error::{Context as _, bug, is_memory};
use crate::record::{Fields, one_count};

/// The longest that a transaction on our own nodes may take, waiting for locks included.
pub(super) const SHORT: Duration = Duration::from_secs(60);

/// An empty map changes nothing and takes the write lock.
const LOCK: &str = "MATCH (l:RedistrictLease {id: 1}) SET l += {} RETURN count(l)";
const READ: &str = "MATCH (l:RedistrictLease {id: 1}) RETURN l.epoch, l.run";
const TAKE: &str = "MATCH (l:RedistrictLease {id: 1}) SET l.epoch = $epoch, l.run = $run";
const RELEASE: &str = "MATCH (l:RedistrictLease {id: 1}) \
                       WHERE l.epoch = $epoch AND l.run = $run REMOVE l.run";
/// Every transaction of a run says so in its metadata. One that is terminated cannot write and has lost
/// its locks; one that was about to commit keeps the lock of the lease until it has.
const OTHERS: &str = "SHOW TRANSACTIONS YIELD transactionId, metaData, status \
                      WHERE metaData.app = 'redistrict' AND metaData.run = $run \
                      AND metaData.store = $store AND NOT status STARTS WITH 'Terminated' \
                      RETURN transactionId";
const TERMINATE: &str = "TERMINATE TRANSACTIONS $ids YIELD transactionId RETURN transactionId";

const POLL: Duration = Duration::from_millis(20);
/// So long an ended transaction may take to go.
const GONE_TIMEOUT: Duration = Duration::from_secs(30);
/// So long a transaction that nobody ended may take to go before it counts as alive.
const GRACE: Duration = Duration::from_secs(2);

/// The lease as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Standing {
    epoch: i64,
    holder: Option<RunId>,
}

/// Locks the lease in an open transaction and checks that it is this one.
pub(super) async fn hold(transaction: &mut Transaction, lease: &Lease) -> Result<(), StoreError> {
    let standing = locked(transaction).await?;
    if standing.epoch == lease.epoch.0 && standing.holder.as_ref() == Some(&lease.run) {
        return Ok(());
    }
    let what = "write to the target: the lease was taken over or given back";
    Err(StoreError::new(StoreErrorKind::Busy, what))
}

/// Claims until there is memory for it: an earlier transaction may hold all that the server has, even
/// what a login takes, until it has ended.
pub(super) async fn with_memory<F>(
    claim: &LeaseClaim,
    attempt: impl Fn() -> F,
) -> Result<LeaseOutcome, StoreError>
where
    F: Future<Output = Result<LeaseOutcome, StoreError>>,
{
    let deadline = Instant::now() + patience(claim);
    loop {
        match attempt().await {
            Err(error) if is_memory(&error) && Instant::now() < deadline => {
                tokio::time::sleep(POLL).await;
            }
            answer => return answer,
        }
    }
}

/// How long a claim waits for earlier transactions of its run to end.
fn patience(claim: &LeaseClaim) -> Duration {
    if claim.is_resume { GONE_TIMEOUT } else { GRACE }
}

/// Answers a claim; see [`redistrict_store::TargetStore::acquire_lease`].
pub(super) async fn acquire(
    bolt: &Bolt,
    store: &str,
    claim: &LeaseClaim,
) -> Result<LeaseOutcome, StoreError> {
    let what = "take the lease of a graph";
    let mut reading = bolt
        .begin(Begin::new(Access::Write, SHORT))
        .await
        .doing(what)?;
    let standing = read(&mut reading).await?.ok_or_else(not_enrolled)?;
    reading.rollback().await.doing(what)?;
    if let Some(holder) = other_holder(&standing, claim) {
        return Ok(LeaseOutcome::Busy { holder });
    }
    if !wait_until_alone(bolt, store, claim).await? {
        let holder = claim.run.clone();
        return Ok(LeaseOutcome::Busy { holder });
    }
    let mut transaction = bolt
        .begin(Begin::new(Access::Write, SHORT))
        .await
        .doing(what)?;
    let standing = locked(&mut transaction).await?;
    if let Some(holder) = other_holder(&standing, claim) {
        return Ok(LeaseOutcome::Busy { holder });
    }
    let lease = Lease {
        run: claim.run.clone(),
        epoch: Epoch(standing.epoch + 1),
    };
    transaction.all(TAKE, named(&lease)).await.doing(what)?;
    commit(transaction, what).await?;
    Ok(LeaseOutcome::Held(lease))
}

/// Gives the lease back if it is still held.
pub(super) async fn release(bolt: &Bolt, lease: &Lease) -> Result<(), StoreError> {
    let what = "give the lease of a graph back";
    let mut transaction = bolt
        .begin(Begin::new(Access::Write, SHORT))
        .await
        .doing(what)?;
    transaction.all(RELEASE, named(lease)).await.doing(what)?;
    commit(transaction, what).await
}

fn named(lease: &Lease) -> Parameters {
    parameters([
        ("epoch", ValueSend::Integer(lease.epoch.0)),
        ("run", lease.run.as_str().into()),
    ])
}

/// Who holds the lease, unless it is the claim's own run that resumes. Pure.
fn other_holder(standing: &Standing, claim: &LeaseClaim) -> Option<RunId> {
    let holder = standing.holder.clone()?;
    (holder != claim.run || !claim.is_resume).then_some(holder)
}

/// Takes the write lock, then reads: what is read in the same statement may be older than the lock.
async fn locked(transaction: &mut Transaction) -> Result<Standing, StoreError> {
    let what = "lock the lease of a graph";
    let locked = transaction.all(LOCK, Parameters::new()).await.doing(what)?;
    if one_count(locked) != Some(1) {
        return Err(not_enrolled());
    }
    read(transaction).await?.ok_or_else(not_enrolled)
}

async fn read(transaction: &mut Transaction) -> Result<Option<Standing>, StoreError> {
    let what = "read the lease of a graph";
    let records = transaction.all(READ, Parameters::new()).await.doing(what)?;
    let Some(record) = records.into_iter().next() else {
        return Ok(None);
    };
    let mut fields = Fields::of(record);
    let mut take = || {
        Some(Standing {
            epoch: fields.integer()?,
            holder: fields.optional_text()?.map(RunId::new),
        })
    };
    take().ok_or_else(|| bug(what)).map(Some)
}

/// Waits until no transaction of the run is open; ends them if the claim is a resume. False if one is
/// still there that nobody ended.
async fn wait_until_alone(
    bolt: &Bolt,
    store: &str,
    claim: &LeaseClaim,
) -> Result<bool, StoreError> {
    let waiting = async {
        loop {
            match is_alone(bolt, store, claim).await {
                Ok(true) => return Ok(()),
                Ok(false) => tokio::time::sleep(POLL).await,
                Err(error) => return Err(error),
            }
        }
    };
    match tokio::time::timeout(patience(claim), waiting).await {
        Ok(alone) => alone.map(|()| true),
        Err(_) if !claim.is_resume => Ok(false),
        Err(_) => {
            let what = "end the earlier transactions of the run in time";
            Err(StoreError::new(StoreErrorKind::Transient, what))
        }
    }
}

async fn is_alone(bolt: &Bolt, store: &str, claim: &LeaseClaim) -> Result<bool, StoreError> {
    let what = "look for earlier transactions of the run";
    let mut transaction = bolt
        .begin(Begin::new(Access::Write, SHORT))
        .await
        .doing(what)?;
    let who = parameters([("run", claim.run.as_str().into()), ("store", store.into())]);
    let records = transaction.all(OTHERS, who).await.doing(what)?;
    let ids: Option<Vec<String>> = records
        .into_iter()
        .map(|record| Fields::of(record).text())
        .collect();
    let ids = ids.ok_or_else(|| bug(what))?;
    if ids.is_empty() {
        return transaction.rollback().await.doing(what).map(|()| true);
    }
    if claim.is_resume {
        let what = "end the earlier transactions of the run";
        let ids: Vec<ValueSend> = ids.into_iter().map(ValueSend::from).collect();
        let ids = parameters([("ids", ValueSend::List(ids))]);
        transaction.all(TERMINATE, ids).await.doing(what)?;
    }
    transaction.rollback().await.doing(what).map(|()| false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_resume_takes_over_what_its_own_run_holds() {
        let standing = |holder: Option<&str>| Standing {
            epoch: 3,
            holder: holder.map(RunId::new),
        };
        let claim = |is_resume| LeaseClaim {
            run: RunId::new("a"),
            is_resume,
        };
        assert_eq!(other_holder(&standing(None), &claim(false)), None);
        assert_eq!(other_holder(&standing(Some("a")), &claim(true)), None);
        for (holder, is_resume) in [("a", false), ("b", false), ("b", true)] {
            let found = other_holder(&standing(Some(holder)), &claim(is_resume));
            assert_eq!(found, Some(RunId::new(holder)));
        }
    }
}
