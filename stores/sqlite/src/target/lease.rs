//! The lease: who may write, counted by epochs. Every writing transaction checks it; the file's write
//! lock, which such a transaction holds from its beginning, keeps the answer true to its end.

use redistrict_model::RunId;
use redistrict_store::{Epoch, Lease, LeaseClaim, LeaseOutcome, StoreError};
use rusqlite::{Connection, TransactionBehavior, params};

use crate::error::{Context, busy};
use crate::names::quote;

/// The lease row of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct LeaseRow {
    epoch: i64,
    holder: Option<RunId>,
}

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
    let rows = read_all(&transaction, aliases)?;
    let outcome = decide(&rows, claim);
    if let LeaseOutcome::Held(lease) = &outcome {
        for alias in aliases {
            let sql = format!(
                "update {}.redistrict_lease set epoch = ?1, run_id = ?2",
                quote(alias)
            );
            let values = params![lease.epoch.0, lease.run.as_str()];
            transaction.execute(&sql, values).doing(what)?;
        }
        transaction.commit().doing(what)?;
    }
    Ok(outcome)
}

/// The lease is free where no file is held; a resume takes over what its own run holds.
fn decide(rows: &[LeaseRow], claim: &LeaseClaim) -> LeaseOutcome {
    let blocks = |holder: &&RunId| !(claim.is_resume && **holder == claim.run);
    if let Some(holder) = rows
        .iter()
        .filter_map(|row| row.holder.as_ref())
        .find(blocks)
    {
        return LeaseOutcome::Busy {
            holder: holder.clone(),
        };
    }
    let newest = rows.iter().map(|row| row.epoch).max().unwrap_or(0);
    LeaseOutcome::Held(Lease {
        run: claim.run.clone(),
        epoch: Epoch(newest + 1),
    })
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
    for alias in aliases {
        let sql = format!(
            "update {}.redistrict_lease set run_id = null where run_id = ?1 and epoch = ?2",
            quote(alias)
        );
        transaction
            .execute(&sql, params![lease.run.as_str(), lease.epoch.0])
            .doing(what)?;
    }
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
        |row: &LeaseRow| row.epoch == lease.epoch.0 && row.holder.as_ref() == Some(&lease.run);
    if read_all(connection, aliases)?.iter().all(is_ours) {
        return Ok(());
    }
    let hint = "another process took the lease over: this one must not write any more";
    Err(busy(format!(
        "write as epoch {}: it is not the newest",
        lease.epoch.0
    ))
    .with_hint(hint))
}

fn read_all(connection: &Connection, aliases: &[String]) -> Result<Vec<LeaseRow>, StoreError> {
    let read = |alias: &String| {
        let sql = format!(
            "select epoch, run_id from {}.redistrict_lease",
            quote(alias)
        );
        connection.query_row(&sql, [], |row| {
            let holder: Option<String> = row.get(1)?;
            Ok(LeaseRow {
                epoch: row.get(0)?,
                holder: holder.map(RunId::new),
            })
        })
    };
    let rows: Result<Vec<LeaseRow>, rusqlite::Error> = aliases.iter().map(read).collect();
    rows.doing("read the lease of a SQLite target")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(epoch: i64, holder: Option<&str>) -> LeaseRow {
        LeaseRow {
            epoch,
            holder: holder.map(RunId::new),
        }
    }

    fn claim(run: &str, is_resume: bool) -> LeaseClaim {
        LeaseClaim {
            run: RunId::new(run),
            is_resume,
        }
    }

    #[test]
    fn a_free_group_gives_an_epoch_above_that_of_every_file() {
        let outcome = decide(&[row(3, None), row(7, None)], &claim("a", false));
        let epoch = Epoch(8);
        assert_eq!(
            outcome,
            LeaseOutcome::Held(Lease {
                run: RunId::new("a"),
                epoch
            })
        );
    }

    #[test]
    fn one_file_held_by_another_run_makes_the_group_busy_also_for_a_resume() {
        let rows = [row(3, Some("a")), row(3, Some("b"))];
        let holder = RunId::new("b");
        assert_eq!(
            decide(&rows, &claim("a", true)),
            LeaseOutcome::Busy { holder }
        );
    }

    #[test]
    fn only_a_resume_takes_over_what_its_own_run_holds() {
        let rows = [row(3, Some("a"))];
        let holder = RunId::new("a");
        assert_eq!(
            decide(&rows, &claim("a", false)),
            LeaseOutcome::Busy { holder }
        );
        assert!(matches!(
            decide(&rows, &claim("a", true)),
            LeaseOutcome::Held(_)
        ));
    }
}
