//! The lease: one row whose epoch only rises. Whoever writes holds it for share to the end of the
//! transaction; whoever takes it over raises the epoch and waits for them (RELIABILITY §2.2).

use std::time::Duration;

use redistrict_model::RunId;
use redistrict_store::{
    Epoch, Lease, LeaseClaim, LeaseOutcome, LeaseStanding, Owner, StoreError, StoreErrorKind,
    Traces,
};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error, Row};

use super::prepared;
use crate::connect::{Session, Target, label_prefix};
use crate::error::{bug, failed};

const OWN_SESSIONS: &str = include_str!("../../sql/own_sessions.sql");
const TRACES: &str = include_str!("../../sql/traces.sql");
const READ_LEASE: &str = "select epoch, run_id, owner from redistrict_meta.lease";
const LOCK_LEASE: &str = "select epoch, run_id, owner from redistrict_meta.lease for update";
const TAKE_LEASE: &str = "update redistrict_meta.lease set epoch = $1, run_id = $2, owner = $3";
/// In a table of its own: a merge holds the row of the lease to its end.
const BEAT: &str = "insert into redistrict_meta.heartbeat as h (id, at) \
                    select 1, clock_timestamp() from redistrict_meta.lease \
                    where epoch = $1 and run_id = $2 \
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
        return Err(StoreError::new(StoreErrorKind::Superseded, what));
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
    let (how, hint) = if is_missing(error) {
        let hint = "a person marks it as a target, once: `redistrict enroll STORE --name NAME`";
        ("the target is not enrolled", hint)
    } else if is_older(error) {
        let hint = "a person enrolls it again, nothing of it is lost: `redistrict enroll STORE --name NAME`";
        ("the target was enrolled by an earlier version", hint)
    } else {
        return failed(what, error);
    };
    StoreError::new(StoreErrorKind::Config, format!("{what}: {how}")).with_hint(hint)
}

/// One of our own tables lacks a column.
fn is_older(error: &Error) -> bool {
    error.code().is_some_and(|code| code.code() == "42703")
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
    let seen = standing(client, READ_LEASE).await?;
    let answer = seen.answer(claim);
    if !matches!(answer, LeaseOutcome::Held(_)) {
        return Ok(answer);
    }
    let ends = seen.is_taken_over(claim);
    let timeout = if ends { GONE_TIMEOUT } else { GRACE };
    let is_alone = wait_until_alone(client, &claim.run, ends, timeout).await?;
    if !is_alone && ends {
        let what = "end the earlier sessions of the run in time";
        return Err(StoreError::new(StoreErrorKind::Transient, what));
    }
    if !is_alone {
        let holder = claim.run.clone();
        return Ok(LeaseOutcome::Busy { holder });
    }
    // It holds the row of the lease. What is prepared after this look the lock finds, and waits in vain.
    let prepared = prepared::list(client, Some(&claim.run)).await?;
    if !prepared.is_empty() {
        return Ok(LeaseOutcome::InDoubt { prepared });
    }
    begin(client).await?;
    let now = standing(client, LOCK_LEASE).await?;
    let answer = now.answer_after(&seen, claim);
    let LeaseOutcome::Held(lease) = &answer else {
        return Ok(answer);
    };
    client
        .execute_typed(
            TAKE_LEASE,
            &[
                (&lease.epoch.0, Type::INT8),
                (&lease.run.as_str(), Type::TEXT),
                (&claim.owner.as_str(), Type::TEXT),
            ],
        )
        .await
        .map_err(|error| own_failed("take the lease", &error))?;
    beat(client, lease).await?;
    commit(client, "take the lease").await?;
    Ok(answer)
}

/// Says that the holder still works, if it still is the holder.
pub(super) async fn beat(client: &Client, lease: &Lease) -> Result<(), StoreError> {
    client
        .execute_typed(
            BEAT,
            &[
                (&lease.epoch.0, Type::INT8),
                (&lease.run.as_str(), Type::TEXT),
            ],
        )
        .await
        .map_err(|error| own_failed("say that the lease is still used", &error))?;
    Ok(())
}

/// See [`redistrict_store::TargetStore::traces`].
pub(super) async fn traces(client: &Client) -> Result<Traces, StoreError> {
    let what = "look for what runs have left";
    let rows = match client.query_typed(TRACES, &[]).await {
        Err(error) if is_missing(&error) => return Ok(Traces::default()),
        rows => rows.map_err(|error| own_failed(what, &error))?,
    };
    let row = rows.first().ok_or_else(|| bug(what))?;
    let quiet: Option<f64> = row.get("quiet_seconds");
    let staged: Vec<String> = row.get("staged");
    Ok(Traces {
        holder: row.get::<_, Option<String>>("run_id").map(RunId::new),
        quiet: quiet.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()),
        staged: staged.into_iter().map(RunId::new).collect(),
        prepared: prepared::list(client, None).await?,
    })
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

async fn standing(client: &Client, sql: &str) -> Result<LeaseStanding, StoreError> {
    let rows = client
        .query_typed(sql, &[])
        .await
        .map_err(|error| own_failed("read the lease", &error))?;
    let row: &Row = rows.first().ok_or_else(|| bug("read the lease"))?;
    let owner: Option<&str> = row.get("owner");
    Ok(LeaseStanding {
        epoch: Epoch(row.get("epoch")),
        holder: row.get::<_, Option<String>>("run_id").map(RunId::new),
        owner: owner.map(Owner::parse),
    })
}

/// Waits until no other session of the run is there; ends them where that is wanted. Runs outside
/// of a transaction: inside, the server would show the same sessions again and again.
async fn wait_until_alone(
    client: &Client,
    run: &RunId,
    ends: bool,
    timeout: Duration,
) -> Result<bool, StoreError> {
    let prefix = label_prefix(run.as_str());
    let waiting = async {
        loop {
            let others = client
                .query_typed(OWN_SESSIONS, &[(&prefix, Type::TEXT), (&ends, Type::BOOL)])
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
