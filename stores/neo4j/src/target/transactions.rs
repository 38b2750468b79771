//! Writing transactions: each holds the lease from its beginning, and says in its metadata whose it is, so
//! that a takeover finds it.

use std::collections::HashMap;
use std::time::Duration;

use neo4j::ValueSend;
use redistrict_store::{CommitOutcome, Lease, StoreError, StoreErrorKind};

use super::lease;
use crate::bolt::{Access, Begin, Bolt, Parameters, Transaction};
use crate::error::Context as _;

/// Parameters by name.
pub(super) fn parameters<const N: usize>(values: [(&str, ValueSend); N]) -> Parameters {
    let owned = values.map(|(name, value)| (name.to_owned(), value));
    HashMap::from(owned)
}

/// Begins a transaction, holds the lease in it to its end, or refuses.
pub(super) async fn begin_holding(
    bolt: &Bolt,
    store: &str,
    lease: &Lease,
    timeout: Duration,
) -> Result<Transaction, StoreError> {
    let begin = Begin::new(Access::Write, timeout)
        .with("store", store)
        .with("run", lease.run.as_str())
        .with("epoch", lease.epoch.0);
    let begun = bolt.begin(begin).await;
    let mut transaction = begun.doing("begin to write a graph")?;
    lease::hold(&mut transaction, lease).await?;
    Ok(transaction)
}

/// Commits what can be done again: a lost reply is a transient error.
pub(super) async fn commit(transaction: Transaction, what: &str) -> Result<(), StoreError> {
    match transaction.commit().await.doing(what)? {
        CommitOutcome::Committed => Ok(()),
        CommitOutcome::Unknown => Err(StoreError::new(
            StoreErrorKind::Transient,
            format!("{what}: the answer to the commit was lost"),
        )),
    }
}
