//! The lease: one node whose epoch only rises. Whoever writes holds its write lock to the end of the
//! transaction; whoever takes it over ends the transactions of the dead owner, then raises the epoch
//! under the same lock.

use std::time::{Duration, Instant};

use neo4j::ValueSend;
use redistrict_model::RunId;
use redistrict_store::{
    Epoch, Lease, LeaseClaim, LeaseOutcome, LeaseStanding, Owner, StoreError, StoreErrorKind,
    Traces,
};

use super::enrolment::not_enrolled;
use super::transactions::{commit, parameters};
use crate::bolt::{Access, Begin, Bolt, Parameters, Transaction};
use crate::error::{Context as _, bug, is_memory};
use crate::record::{Fields, one_count};

/// The longest that a transaction on our own nodes may take, waiting for locks included.
pub(super) const SHORT: Duration = Duration::from_secs(60);

/// An empty map changes nothing and takes the write lock.
const LOCK: &str = "MATCH (l:RedistrictLease {id: 1}) SET l += {} RETURN count(l)";
const READ: &str = "MATCH (l:RedistrictLease {id: 1}) RETURN l.epoch, l.run, l.owner";
const TAKE: &str = "MATCH (l:RedistrictLease {id: 1}) \
                    SET l.epoch = $epoch, l.run = $run, l.owner = $owner";
/// On a node of its own: a merge holds that of the lease to its end.
const BEAT: &str = "MATCH (l:RedistrictLease {id: 1}) WHERE l.epoch = $epoch AND l.run = $run \
                    MERGE (h:RedistrictHeartbeat {id: 1}) SET h.at = timestamp()";
const QUIET: &str = "OPTIONAL MATCH (h:RedistrictHeartbeat {id: 1}) RETURN timestamp() - h.at";
const STAGED: &str = "MATCH (p:RedistrictPart) WHERE p.number >= 0 \
                      WITH DISTINCT p.run AS run RETURN run ORDER BY run";
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

/// Locks the lease in an open transaction and checks that it is this one.
pub(super) async fn hold(transaction: &mut Transaction, lease: &Lease) -> Result<(), StoreError> {
    let standing = locked(transaction).await?;
    if standing.epoch == lease.epoch && standing.holder.as_ref() == Some(&lease.run) {
        return Ok(());
    }
    let what = "write to the target: the lease was taken over or given back";
    Err(StoreError::new(StoreErrorKind::Superseded, what))
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
    let deadline = Instant::now() + patience(claim.is_resume);
    loop {
        match attempt().await {
            Err(error) if is_memory(&error) && Instant::now() < deadline => {
                tokio::time::sleep(POLL).await;
            }
            answer => return answer,
        }
    }
}

/// How long a claim waits for earlier transactions of its run to end, which it ends or not.
fn patience(ends: bool) -> Duration {
    if ends { GONE_TIMEOUT } else { GRACE }
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
    let seen = read(&mut reading).await?.ok_or_else(not_enrolled)?;
    reading.rollback().await.doing(what)?;
    let answer = seen.answer(claim);
    if !matches!(answer, LeaseOutcome::Held(_)) {
        return Ok(answer);
    }
    if !wait_until_alone(bolt, store, &claim.run, seen.is_taken_over(claim)).await? {
        let holder = claim.run.clone();
        return Ok(LeaseOutcome::Busy { holder });
    }
    let mut transaction = bolt
        .begin(Begin::new(Access::Write, SHORT))
        .await
        .doing(what)?;
    let now = locked(&mut transaction).await?;
    let answer = now.answer_after(&seen, claim);
    let LeaseOutcome::Held(lease) = &answer else {
        return Ok(answer);
    };
    let mut taken = named(lease);
    taken.insert("owner".to_owned(), claim.owner.as_str().into());
    transaction.all(TAKE, taken).await.doing(what)?;
    transaction.all(BEAT, named(lease)).await.doing(what)?;
    commit(transaction, what).await?;
    Ok(answer)
}

/// Says that the holder still works, if it still is the holder.
pub(super) async fn beat(bolt: &Bolt, lease: &Lease) -> Result<(), StoreError> {
    let what = "say that the lease of a graph is still used";
    let mut transaction = bolt
        .begin(Begin::new(Access::Write, SHORT))
        .await
        .doing(what)?;
    transaction.all(BEAT, named(lease)).await.doing(what)?;
    commit(transaction, what).await
}

/// See [`redistrict_store::TargetStore::traces`].
pub(super) async fn traces(transaction: &mut Transaction) -> Result<Traces, StoreError> {
    let what = "look for what runs have left in a graph";
    let Some(standing) = read(transaction).await? else {
        return Ok(Traces::default());
    };
    let quiet = transaction
        .all(QUIET, Parameters::new())
        .await
        .doing(what)?;
    let quiet = quiet
        .into_iter()
        .find_map(|record| Fields::of(record).integer())
        .map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or(0)));
    let runs = transaction
        .all(STAGED, Parameters::new())
        .await
        .doing(what)?;
    let staged: Option<Vec<RunId>> = runs
        .into_iter()
        .map(|record| Fields::of(record).text().map(RunId::new))
        .collect();
    Ok(Traces {
        holder: standing.holder,
        quiet,
        staged: staged.ok_or_else(|| bug(what))?,
        prepared: Vec::new(),
    })
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

/// Takes the write lock, then reads: what is read in the same statement may be older than the lock.
async fn locked(transaction: &mut Transaction) -> Result<LeaseStanding, StoreError> {
    let what = "lock the lease of a graph";
    let locked = transaction.all(LOCK, Parameters::new()).await.doing(what)?;
    if one_count(locked) != Some(1) {
        return Err(not_enrolled());
    }
    read(transaction).await?.ok_or_else(not_enrolled)
}

async fn read(transaction: &mut Transaction) -> Result<Option<LeaseStanding>, StoreError> {
    let what = "read the lease of a graph";
    let records = transaction.all(READ, Parameters::new()).await.doing(what)?;
    let Some(record) = records.into_iter().next() else {
        return Ok(None);
    };
    let mut fields = Fields::of(record);
    let mut take = || {
        Some(LeaseStanding {
            epoch: Epoch(fields.integer()?),
            holder: fields.optional_text()?.map(RunId::new),
            owner: fields.optional_text()?.as_deref().map(Owner::parse),
        })
    };
    take().ok_or_else(|| bug(what)).map(Some)
}

/// Waits until no transaction of the run is open; ends them where that is wanted. False if one is
/// still there that nobody ended.
async fn wait_until_alone(
    bolt: &Bolt,
    store: &str,
    run: &RunId,
    ends: bool,
) -> Result<bool, StoreError> {
    let waiting = async {
        loop {
            match is_alone(bolt, store, run, ends).await {
                Ok(true) => return Ok(()),
                Ok(false) => tokio::time::sleep(POLL).await,
                Err(error) => return Err(error),
            }
        }
    };
    match tokio::time::timeout(patience(ends), waiting).await {
        Ok(alone) => alone.map(|()| true),
        Err(_) if !ends => Ok(false),
        Err(_) => {
            let what = "end the earlier transactions of the run in time";
            Err(StoreError::new(StoreErrorKind::Transient, what))
        }
    }
}

async fn is_alone(bolt: &Bolt, store: &str, run: &RunId, ends: bool) -> Result<bool, StoreError> {
    let what = "look for earlier transactions of the run";
    let mut transaction = bolt
        .begin(Begin::new(Access::Write, SHORT))
        .await
        .doing(what)?;
    let who = parameters([("run", run.as_str().into()), ("store", store.into())]);
    let records = transaction.all(OTHERS, who).await.doing(what)?;
    let ids: Option<Vec<String>> = records
        .into_iter()
        .map(|record| Fields::of(record).text())
        .collect();
    let ids = ids.ok_or_else(|| bug(what))?;
    if ids.is_empty() {
        return transaction.rollback().await.doing(what).map(|()| true);
    }
    if ends {
        let what = "end the earlier transactions of the run";
        let ids: Vec<ValueSend> = ids.into_iter().map(ValueSend::from).collect();
        let ids = parameters([("ids", ValueSend::List(ids))]);
        transaction.all(TERMINATE, ids).await.doing(what)?;
    }
    transaction.rollback().await.doing(what).map(|()| false)
}
