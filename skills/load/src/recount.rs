//! The outcome of a merge whose outcome was lost: told by the ledger, and by comparing what it did not
//! write. Reads only.

use std::collections::HashMap;

use redistrict_artifact::MultisetDigest;
use redistrict_model::{Key, Membership, TableRef};
use redistrict_skill::{SkillError, UnitOutcome};
use redistrict_store::{LedgerOperation, StoreError};

use crate::classify::{Scope, compare_only};
use crate::error::store_failed;
use crate::merge::Merging;
use crate::our_writes::OurWrites;
use crate::preflight::differing;
use crate::readers::{Readers, Views};
use crate::report::{TableCounts, TableReport};
use crate::shape::Shape;

impl Merging<'_> {
    /// The outcome of a merge whose outcome was lost: from the ledger, and by comparing what it did
    /// not write.
    pub(crate) async fn tell_committed(&self) -> Result<UnitOutcome, SkillError> {
        let failed = |error: StoreError| store_failed(format!("load {}", self.group.name), &error);
        let ledger = self
            .target
            .ledger(&self.context.run, &self.live)
            .await
            .map_err(failed)?;
        let mut views = Views::default();
        views.open(self.target, &self.live).await.map_err(failed)?;
        let mut tables = Vec::new();
        let mut findings = Vec::new();
        for name in self.tables() {
            let mut operations: HashMap<&Key, LedgerOperation> = HashMap::new();
            let mut digest = MultisetDigest::default();
            let of_table = ledger.iter().filter(|entry| entry.table == *name);
            for entry in of_table.filter(|entry| entry.operation.is_write()) {
                digest.add(&entry.after);
                operations.extend(entry.keys.iter().map(|key| (key, entry.operation)));
            }
            let counts = self.count_again(&mut views, name, &operations).await?;
            findings.extend(differing(name, &counts));
            tables.push(TableReport {
                table: name.clone(),
                counts,
                written: Some(digest.to_string()),
            });
        }
        let sequences = self.session.raised(self.group, Vec::new());
        Ok(self.outcome(tables, sequences, findings))
    }

    async fn count_again(
        &self,
        views: &mut Views,
        name: &TableRef,
        operations: &HashMap<&Key, LedgerOperation>,
    ) -> Result<TableCounts, SkillError> {
        let shape = Shape::of(&self.context.plan, name)?;
        if shape.is_keyless() {
            let inserted = operations.len() as u64;
            let entry = self.artifact.manifest().table(name);
            let staged = entry.map_or(inserted, |entry| entry.rows);
            return Ok(TableCounts {
                staged,
                inserted,
                unchanged: staged.saturating_sub(inserted),
                ..TableCounts::default()
            });
        }
        let scope = Scope {
            plan: &self.context.plan,
            shape: &shape,
            writes: &OurWrites::default(),
            hasher: &self.hasher,
            locators: &self.locators,
        };
        let mut counts = TableCounts::default();
        for batch in self.rows(&shape).each() {
            let (batch, membership) = batch?;
            let mut readers = Readers::of_views(views);
            let compared = compare_only(&mut readers, &scope, &batch).await?;
            counts.staged += batch.num_rows() as u64;
            for ((key, is_equal), membership) in compared.into_iter().zip(membership) {
                let counter = match operations.get(&key) {
                    Some(LedgerOperation::Inserted) => &mut counts.inserted,
                    Some(_) => &mut counts.updated,
                    None if is_equal => &mut counts.unchanged,
                    None => {
                        let is_shared = membership == Membership::Shared;
                        counts.differing += u64::from(is_shared);
                        &mut counts.left
                    }
                };
                *counter += 1;
            }
        }
        Ok(counts)
    }
}
