//! CERT's side: a graph as one commit group. Every call opens its own session, so that a lost one is never
//! used again. Must not write without the lease, except to enroll.

mod apply;
mod cells;
mod delete;
mod enrolment;
mod lease;
mod ledger;
mod locked;
mod memory;
mod merge;
mod moves;
mod pages;
mod runs;
mod stage;
mod staged;
mod transactions;
mod view;
mod writes;

use std::time::Duration;

use arrow::array::ArrayRef;
use async_trait::async_trait;
use redistrict_model::{Catalog, Column, Finding, RunId, StoreName, Table};
use redistrict_store::{
    BatchStream, Enrolment, Fingerprint, Lease, LeaseClaim, LeaseOutcome, Ledger, Merge, Preparing,
    RunRecord, Secret, StagePart, Staged, StoreError, StoreErrorKind, TableSize,
    TargetCapabilities, TargetRead, TargetStore, Traces,
};

use crate::bolt::{Access, Begin, Bolt, Transaction};
use crate::error::{Context as _, bug, config};
use crate::live::{LiveTables, Side};
use crate::types::Form;
use crate::values::Refusal;
use crate::{catalog, source, statement};
use merge::Neo4jMerge;
use transactions::begin_holding;
use view::View;

/// The longest that a merge may take. A server that waits longer for a client that has stopped ends
/// its transaction.
const MERGE_TIMEOUT: Duration = Duration::from_secs(6 * 3600);
/// The longest that reading a catalog or a ledger may take.
const READ_TIMEOUT: Duration = Duration::from_secs(3600);

/// The first version that takes labels and names of properties as values.
const OLDEST: (u32, u32) = (5, 26);

/// A graph that is written: a commit group of one store.
#[derive(Clone, Debug)]
pub struct Neo4jTarget {
    names: [StoreName; 1],
    url: Secret,
    schemas: Vec<String>,
}

impl Neo4jTarget {
    /// A store with its connection URL (`bolt+s://user:password@host:port/database`) and the schemas of
    /// its catalog, `node` and `rel`; none means both. Connects when it is asked for something.
    #[must_use]
    pub fn new(name: StoreName, url: String, schemas: Vec<String>) -> Self {
        Self {
            names: [name],
            url: Secret::new(url),
            schemas,
        }
    }

    fn name(&self) -> &StoreName {
        let [name] = &self.names;
        name
    }

    fn require_own(&self, store: &StoreName) -> Result<(), StoreError> {
        if store == self.name() {
            return Ok(());
        }
        Err(bug(format!("find store {store} in this commit group")))
    }

    /// A session outside of any transaction.
    pub(crate) async fn session(&self) -> Result<Bolt, StoreError> {
        Bolt::open(&self.url).await
    }

    /// A session with a transaction that only reads.
    async fn reading(&self) -> Result<(Bolt, Transaction), StoreError> {
        let bolt = self.session().await?;
        let begin = Begin::new(Access::Read, READ_TIMEOUT);
        let transaction = bolt.begin(begin).await.doing("begin to read a graph")?;
        Ok((bolt, transaction))
    }

    async fn records(&self) -> Result<Vec<RunRecord>, StoreError> {
        // As a writer: in a cluster a reader may be behind.
        let bolt = self.session().await?;
        let begin = Begin::new(Access::Write, READ_TIMEOUT);
        let mut transaction = bolt.begin(begin).await.doing("read the runs of a graph")?;
        runs::read(&mut transaction).await
    }
}

/// Refuses servers that do not know the statements of a merge.
fn require_version(agent: &str) -> Result<(), StoreError> {
    let version = agent.strip_prefix("Neo4j/").unwrap_or_default();
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    let found = (parts.next().flatten(), parts.next().flatten());
    if let (Some(major), Some(minor)) = found
        && (major, minor) < OLDEST
    {
        let (major, minor) = OLDEST;
        return Err(config("write a graph on a server of this version")
            .with_hint(format!("{major}.{minor} or later is needed")));
    }
    Ok(())
}

#[async_trait]
impl TargetStore for Neo4jTarget {
    fn stores(&self) -> &[StoreName] {
        &self.names
    }

    fn capabilities(&self) -> TargetCapabilities {
        TargetCapabilities {
            // The ends of a relationship have to be there when it is written.
            defers_foreign_keys: false,
            open_schema: true,
        }
    }

    fn key_statement(&self, table: &Table) -> Option<String> {
        let key = table.identity().unwrap_or_default();
        statement::key_statement(&table.name.schema, &table.name.table, key)
    }

    fn verbatim(&self, column: &Column, values: &ArrayRef) -> Result<ArrayRef, StoreError> {
        let form = Form::of(column).ok_or(Refusal::OtherType);
        form.and_then(|form| crate::cells::tagged(form, values))
            .map_err(|refusal| {
                let what = format!("{} in column {:?}", refusal.what(), column.name);
                StoreError::new(StoreErrorKind::Data, what)
            })
    }

    async fn fingerprint(&self, store: &StoreName) -> Result<Fingerprint, StoreError> {
        self.require_own(store)?;
        let bolt = self.session().await?;
        source::fingerprint(&bolt).await
    }

    async fn catalog(&self, store: &StoreName) -> Result<Catalog, StoreError> {
        self.require_own(store)?;
        let (_bolt, mut transaction) = self.reading().await?;
        let version = source::version(&mut transaction).await?;
        catalog::read(
            &mut transaction,
            store,
            &version,
            &self.schemas,
            Side::Target,
        )
        .await
    }

    async fn fits(&self, size: &[TableSize]) -> Result<Option<Finding>, StoreError> {
        let (_bolt, mut transaction) = self.reading().await?;
        memory::check(&mut transaction, self.name(), size).await
    }

    async fn preparing(&self) -> Result<Preparing, StoreError> {
        Ok(Preparing::never("Neo4j"))
    }

    async fn enrolment(&self, store: &StoreName) -> Result<Option<Enrolment>, StoreError> {
        self.require_own(store)?;
        let (_bolt, mut transaction) = self.reading().await?;
        enrolment::read(&mut transaction).await
    }

    async fn enroll(&self, store: &StoreName, mark: &Enrolment) -> Result<(), StoreError> {
        self.require_own(store)?;
        let bolt = self.session().await?;
        require_version(bolt.agent())?;
        enrolment::write(&bolt, mark).await
    }

    async fn acquire_lease(&self, claim: &LeaseClaim) -> Result<LeaseOutcome, StoreError> {
        lease::with_memory(claim, || async {
            let bolt = self.session().await?;
            lease::acquire(&bolt, self.name().as_str(), claim).await
        })
        .await
    }

    async fn beat(&self, lease: &Lease) -> Result<(), StoreError> {
        lease::beat(&self.session().await?, lease).await
    }

    async fn traces(&self) -> Result<Traces, StoreError> {
        // As a writer: in a cluster a reader may be behind.
        let bolt = self.session().await?;
        let begin = Begin::new(Access::Write, lease::SHORT);
        let what = "look for what runs have left in a graph";
        lease::traces(&mut bolt.begin(begin).await.doing(what)?).await
    }

    async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        let bolt = self.session().await?;
        lease::release(&bolt, lease).await
    }

    async fn read(&self, tables: &[Table]) -> Result<Box<dyn TargetRead>, StoreError> {
        let bolt = self.session().await?;
        Ok(Box::new(View::open(bolt, tables).await?))
    }

    async fn stage(
        &self,
        lease: &Lease,
        table: &Table,
        part: &StagePart,
        batches: BatchStream<'_>,
    ) -> Result<Staged, StoreError> {
        stage::require_columns(table, part)?;
        let bolt = self.session().await?;
        let stager = stage::Stager {
            bolt: &bolt,
            store: self.name().as_str(),
            lease,
            table,
            part,
        };
        stager.stage(batches).await
    }

    async fn begin_merge(
        &self,
        lease: &Lease,
        tables: &[Table],
    ) -> Result<Box<dyn Merge>, StoreError> {
        let bolt = self.session().await?;
        require_version(bolt.agent())?;
        let store = self.name().as_str();
        let mut transaction = begin_holding(&bolt, store, lease, MERGE_TIMEOUT).await?;
        let tables = LiveTables::look_up(&mut transaction, tables, Side::Target).await?;
        let merge = Neo4jMerge::new(bolt, transaction, tables, lease.clone()).await?;
        Ok(Box::new(merge))
    }

    async fn run_record(&self, run: &RunId) -> Result<Option<RunRecord>, StoreError> {
        let records = self.records().await?;
        Ok(records.into_iter().find(|record| record.run == *run))
    }

    async fn run_records(&self) -> Result<Vec<RunRecord>, StoreError> {
        self.records().await
    }

    async fn ledger(&self, run: &RunId, _tables: &[Table]) -> Result<Ledger, StoreError> {
        let bolt = self.session().await?;
        let begin = Begin::new(Access::Write, READ_TIMEOUT);
        let mut transaction = bolt.begin(begin).await.doing("read the ledger")?;
        ledger::read(&mut transaction, self.name(), run).await
    }

    async fn clear_staging(&self, lease: &Lease) -> Result<(), StoreError> {
        let bolt = self.session().await?;
        stage::clear(&bolt, self.name().as_str(), lease).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_do_not_know_labels_as_values_are_refused() {
        for agent in [
            "Neo4j/5.26.30",
            "Neo4j/5.27.0-aura",
            "Neo4j/2025.08.0",
            "other",
        ] {
            assert!(require_version(agent).is_ok(), "{agent}");
        }
        for agent in ["Neo4j/5.25.1", "Neo4j/4.4.38"] {
            assert!(require_version(agent).is_err(), "{agent}");
        }
    }
}
