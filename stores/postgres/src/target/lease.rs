//! The lease: one row whose epoch only rises. Whoever writes holds it for share to the end of the
//! transaction; whoever takes it over raises the epoch and waits for them (RELIABILITY §2.2).

use std::time::Duration;

use redistrict_model::RunId;
use redistrict_store::{Epoch, Lease, LeaseClaim, LeaseOutcome, StoreError, StoreErrorKind};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error, Row};

use crate::connect::{Session, Target, label_prefix};
use crate::error::{bug, failed};

const OWN_SESSIONS: &str = include_str!("../../sql/own_sessions.sql");
const READ_LEASE: &str = "select epoch, run_id from redistrict_meta.lease";
const LOCK_LEASE: &str = "select epoch, run_id from redistrict_meta.lease for update";
const TAKE_LEASE: &str = "update redistrict_meta.lease set epoch = epoch + 1, run_id = $1 \
                          returning epoch";
const BEAT: &str = "insert into redistrict_meta.heartbeat as h (id, at) values (1, now()) \
                    on conflict (id) do update set at = excluded.at";
const POLL: Duration = Duration::from_millis(20);
/// So long an ended session may take to go.
const GONE_TIMEOUT: Duration = Duration::from_secs(30);
/// So long a session that nobody ended may take to go before it counts as alive.
const GRACE: Duration = Duration::from_secs(2);

/// Begins a transaction and holds the lease in it, or refuses.
pub(super) async fn begin_holding(client: &Client, lease: &Lease) -> Result<(), StoreError> {
    begin(client).await?;
    let sql = "select from redistrict_meta.lease where epoch = $1 and run_id = $2 for share";
    let held = client
        .query_typed(
            sql,
            &[
                (&lease.epoch.0, Type::INT8),
                (&lease.run.as_str(), Type::TEXT),
            ],
        )
        .await
        .map_err(|error| own_failed("check the lease", &error))?;
    if held.is_empty() {
        let what = "write to the target: the lease was taken over or given back";
        return Err(StoreError::new(StoreErrorKind::Busy, what));
    }
    Ok(())
}

/// Writes only where the role may: a role or a server that is read-only by default stays so, from the
/// first statement on, and not only in those of our statements that run outside of a transaction.
pub(super) async fn begin(client: &Client) -> Result<(), StoreError> {
    client
        .batch_execute("begin isolation level read committed")
        .await
        .map_err(|error| failed("begin a transaction", &error))
}

pub(super) async fn commit(client: &Client, what: &str) -> Result<(), StoreError> {
    client
        .batch_execute("commit")
        .await
        .map_err(|error| failed(what, &error))
}

/// Like [`failed`], for statements on our own tables: where those are missing the target was never
/// enrolled.
pub(super) fn own_failed(what: &str, error: &Error) -> StoreError {
    if !is_missing(error) {
        return failed(what, error);
    }
    StoreError::new(
        StoreErrorKind::Config,
        format!("{what}: the target is not enrolled"),
    )
    .with_hint("a person marks it as a target, once: `redistrict enroll STORE --name NAME`")
}

/// Our own tables are not there.
pub(super) fn is_missing(error: &Error) -> bool {
    error
        .code()
        .is_some_and(|code| matches!(code.code(), "42P01" | "3F000"))
}

/// Answers a claim; see [`redistrict_store::TargetStore::acquire_lease`].
pub(super) async fn acquire(
    session: &Session<Target>,
    claim: &LeaseClaim,
) -> Result<LeaseOutcome, StoreError> {
    let client = session.client();
    if let Some(holder) = other_holder(client, READ_LEASE, claim).await? {
        return Ok(LeaseOutcome::Busy { holder });
    }
    let timeout = if claim.is_resume { GONE_TIMEOUT } else { GRACE };
    let is_alone = wait_until_alone(client, claim, timeout).await?;
    if !is_alone && claim.is_resume {
        let what = "end the earlier sessions of the run in time";
        return Err(StoreError::new(StoreErrorKind::Transient, what));
    }
    if !is_alone {
        return Ok(LeaseOutcome::Busy {
            holder: claim.run.clone(),
        });
    }
    begin(client).await?;
    if let Some(holder) = other_holder(client, LOCK_LEASE, claim).await? {
        return Ok(LeaseOutcome::Busy { holder });
    }
    let rows = client
        .query_typed(TAKE_LEASE, &[(&claim.run.as_str(), Type::TEXT)])
        .await
        .map_err(|error| own_failed("take the lease", &error))?;
    client
        .batch_execute(BEAT)
        .await
        .map_err(|error| own_failed("take the lease", &error))?;
    commit(client, "take the lease").await?;
    let epoch = rows
        .first()
        .map(|row| Epoch(row.get(0)))
        .ok_or_else(|| bug("take the lease"))?;
    Ok(LeaseOutcome::Held(Lease {
        run: claim.run.clone(),
        epoch,
    }))
}

/// Gives the lease back if it is still held.
pub(super) async fn release(client: &Client, lease: &Lease) -> Result<(), StoreError> {
    let sql = "update redistrict_meta.lease set run_id = null where epoch = $1 and run_id = $2";
    client
        .execute_typed(
            sql,
            &[
                (&lease.epoch.0, Type::INT8),
                (&lease.run.as_str(), Type::TEXT),
            ],
        )
        .await
        .map_err(|error| own_failed("give the lease back", &error))?;
    Ok(())
}

/// Who holds the lease, unless it is the claim's own run that resumes.
async fn other_holder(
    client: &Client,
    sql: &str,
    claim: &LeaseClaim,
) -> Result<Option<RunId>, StoreError> {
    let rows = client
        .query_typed(sql, &[])
        .await
        .map_err(|error| own_failed("read the lease", &error))?;
    let row: &Row = rows.first().ok_or_else(|| bug("read the lease"))?;
    let holder: Option<String> = row.get("run_id");
    Ok(holder
        .map(RunId::new)
        .filter(|holder| *holder != claim.run || !claim.is_resume))
}

/// Waits until no other session of the run is there; ends them if the claim is a resume. Runs outside
/// of a transaction: inside, the server would show the same sessions again and again.
async fn wait_until_alone(
    client: &Client,
    claim: &LeaseClaim,
    timeout: Duration,
) -> Result<bool, StoreError> {
    let prefix = label_prefix(claim.run.as_str());
    let waiting = async {
        loop {
            let others = client
                .query_typed(
                    OWN_SESSIONS,
                    &[(&prefix, Type::TEXT), (&claim.is_resume, Type::BOOL)],
                )
                .await
                .map_err(|error| failed("look for earlier sessions of the run", &error))?;
            if others.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
    };
    match tokio::time::timeout(timeout, waiting).await {
        Ok(result) => result.map(|()| true),
        Err(_) => Ok(false),
    }
}
