//! The lease: who may write, counted by epochs. Every writing transaction checks it; the file's write
//! lock, which such a transaction holds from its beginning, keeps the answer true to its end.

use std::time::Duration;

use redistrict_model::RunId;
use redistrict_store::{
    Epoch, Lease, LeaseClaim, LeaseOutcome, LeaseStanding, Owner, StoreError, Traces,
};
use rusqlite::{Connection, TransactionBehavior, params};

use super::enrolment;
use crate::error::{Context, superseded};
use crate::names::quote;

/// Takes the lease of every file, or says who has it, in one transaction. The transaction waits for
/// writers of earlier epochs to end; whatever they try later finds their epoch stale.
pub(crate) fn acquire(
    connection: &mut Connection,
    aliases: &[String],
    claim: &LeaseClaim,
) -> Result<LeaseOutcome, StoreError> {
    let what = "take the lease of a SQLite target";
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .doing(what)?;
    let outcome = of_group(&read_all(&transaction, aliases)?).answer(claim);
    if let LeaseOutcome::Held(lease) = &outcome {
        for alias in aliases {
            let sql = format!(
                "update {}.redistrict_lease set epoch = ?1, run_id = ?2, owner = ?3, beat = unixepoch()",
                quote(alias)
            );
            let values = params![lease.epoch.0, lease.run.as_str(), claim.owner.as_str()];
            transaction.execute(&sql, values).doing(what)?;
        }
        transaction.commit().doing(what)?;
    }
    Ok(outcome)
}

/// The lease of the group: it is held where one file is, by the process of the newest epoch.
fn of_group(rows: &[LeaseStanding]) -> LeaseStanding {
    let newest = rows.iter().max_by_key(|row| row.epoch);
    LeaseStanding {
        epoch: newest.map_or(Epoch(0), |row| row.epoch),
        holder: rows.iter().find_map(|row| row.holder.clone()),
        owner: newest.and_then(|row| row.owner.clone()),
    }
}

/// Says that the holder still works, inside the open transaction.
pub(crate) fn beat(
    connection: &Connection,
    aliases: &[String],
    lease: &Lease,
) -> Result<(), StoreError> {
    let what = "say that the lease is still used";
    set_held(connection, aliases, lease, "beat = unixepoch()").doing(what)
}

/// Changes the lease in the files in which it is still held, inside the open transaction.
fn set_held(
    connection: &Connection,
    aliases: &[String],
    lease: &Lease,
    change: &str,
) -> Result<(), rusqlite::Error> {
    for alias in aliases {
        let sql = format!(
            "update {}.redistrict_lease set {change} where run_id = ?1 and epoch = ?2",
            quote(alias)
        );
        connection.execute(&sql, params![lease.run.as_str(), lease.epoch.0])?;
    }
    Ok(())
}

/// What runs have left in the files that are enrolled.
pub(crate) fn traces(connection: &Connection, aliases: &[String]) -> Result<Traces, StoreError> {
    let what = "look for what runs have left in a SQLite target";
    let mut traces = Traces::default();
    for alias in aliases {
        if !enrolment::is_current(connection, alias)? {
            continue;
        }
        let alias = quote(alias);
        let sql = format!("select run_id, unixepoch() - beat from {alias}.redistrict_lease");
        let (holder, quiet): (Option<String>, Option<i64>) = connection
            .query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .doing(what)?;
        let quiet = quiet.map(|seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or(0)));
        if traces.holder.is_none() && holder.is_some() {
            (traces.holder, traces.quiet) = (holder.map(RunId::new), quiet);
        }
        let sql = format!("select distinct run_id from {alias}.redistrict_staging");
        let mut statement = connection.prepare(&sql).doing(what)?;
        let runs = statement.query_map([], |row| row.get(0)).doing(what)?;
        for run in runs {
            let run: String = run.doing(what)?;
            traces.staged.push(RunId::new(run));
        }
    }
    traces.staged.sort_unstable();
    traces.staged.dedup();
    Ok(traces)
}

/// Gives the lease back; does nothing if it is not held any more.
pub(crate) fn release(
    connection: &mut Connection,
    aliases: &[String],
    lease: &Lease,
) -> Result<(), StoreError> {
    let what = "give back the lease of a SQLite target";
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .doing(what)?;
    set_held(&transaction, aliases, lease, "run_id = null").doing(what)?;
    transaction.commit().doing(what)
}

/// Begins a writing transaction: takes the write lock of every file, then checks the lease.
pub(crate) fn begin(
    connection: &Connection,
    aliases: &[String],
    lease: &Lease,
) -> Result<(), StoreError> {
    connection
        .execute_batch("begin immediate")
        .doing("begin to write a SQLite target")?;
    check(connection, aliases, lease)
}

fn check(connection: &Connection, aliases: &[String], lease: &Lease) -> Result<(), StoreError> {
    let is_ours =
        |row: &LeaseStanding| row.epoch == lease.epoch && row.holder.as_ref() == Some(&lease.run);
    if read_all(connection, aliases)?.iter().all(is_ours) {
        return Ok(());
    }
    Err(superseded(
        "write to a SQLite target: the lease was taken over or given back",
    ))
}

fn read_all(connection: &Connection, aliases: &[String]) -> Result<Vec<LeaseStanding>, StoreError> {
    let read = |alias: &String| {
        let sql = format!(
            "select epoch, run_id, owner from {}.redistrict_lease",
            quote(alias)
        );
        connection.query_row(&sql, [], |row| {
            let (holder, owner): (Option<String>, Option<String>) = (row.get(1)?, row.get(2)?);
            Ok(LeaseStanding {
                epoch: Epoch(row.get(0)?),
                holder: holder.map(RunId::new),
                owner: owner.as_deref().map(Owner::parse),
            })
        })
    };
    let rows: Result<Vec<LeaseStanding>, rusqlite::Error> = aliases.iter().map(read).collect();
    rows.doing("read the lease of a SQLite target")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(epoch: i64, holder: Option<&str>) -> LeaseStanding {
        LeaseStanding {
            epoch: Epoch(epoch),
            holder: holder.map(RunId::new),
            owner: Some(Owner::parse(&epoch.to_string())),
        }
    }

    #[test]
    fn a_group_has_the_newest_epoch_of_its_files_and_is_held_where_one_is() {
        assert_eq!(of_group(&[row(3, None), row(7, None)]), row(7, None));
        let held = of_group(&[row(7, None), row(3, Some("b"))]);
        assert_eq!(held, row(7, Some("b")));
        assert_eq!(of_group(&[]).epoch, Epoch(0));
    }
}
