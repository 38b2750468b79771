//! One reader over all commit groups: each request goes to the open merge or to the view that has the
//! table. Only reads.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use futures::TryStreamExt;
use redistrict_model::{Catalog, KeyRow, Plan, StoreName, Table, TableRef};
use redistrict_store::{
    KeyRequest, Merge, RowRequest, StoreError, StoreErrorKind, TargetRead, TargetStore,
};

use crate::open_schema::completed;

/// Read-only views of groups, and how the rows of all known tables are identified.
#[derive(Default)]
pub(crate) struct Views {
    views: Vec<(Vec<StoreName>, Box<dyn TargetRead>)>,
    identities: BTreeMap<TableRef, Vec<String>>,
    /// Tables that can be read.
    tables: BTreeSet<TableRef>,
}

impl Views {
    /// Opens a view of one more group.
    pub(crate) async fn open(
        &mut self,
        target: &dyn TargetStore,
        tables: &[Table],
    ) -> Result<(), StoreError> {
        let view = target.read(tables).await?;
        self.views.push((target.stores().to_vec(), view));
        self.know(tables);
        Ok(())
    }

    /// Takes tables that PROD has for known: where CERT lacks one, it has no rows.
    pub(crate) fn with_source(mut self, catalogs: &[Catalog]) -> Self {
        for table in catalogs.iter().flat_map(|catalog| &catalog.tables) {
            if let Some(identity) = table.identity() {
                let known = self.identities.entry(table.name.clone());
                known.or_insert_with(|| identity.to_vec());
            }
        }
        self
    }

    /// Tells how the rows of tables are identified that are read through a merge.
    pub(crate) fn know(&mut self, tables: &[Table]) {
        self.tables
            .extend(tables.iter().map(|table| table.name.clone()));
        self.identities.extend(
            tables
                .iter()
                .filter_map(|table| Some((table.name.clone(), table.identity()?.to_vec()))),
        );
    }

    fn of(&mut self, table: &TableRef) -> Result<&mut Box<dyn TargetRead>, StoreError> {
        self.views
            .iter_mut()
            .find(|(stores, _)| stores.contains(&table.store))
            .map(|(_, view)| view)
            .ok_or_else(|| StoreError::new(StoreErrorKind::Bug, "read a store").at(table))
    }
}

/// The open transaction of a commit group.
pub(crate) struct OpenMerge {
    pub(crate) stores: Vec<StoreName>,
    pub(crate) merge: Box<dyn Merge>,
}

/// Everything that can be read now: what is open sees its own writes.
pub(crate) struct Readers<'a> {
    pub(crate) open: &'a mut [OpenMerge],
    pub(crate) views: &'a mut Views,
}

impl<'a> Readers<'a> {
    /// Only views.
    pub(crate) fn of_views(views: &'a mut Views) -> Self {
        let open = &mut [];
        Self { open, views }
    }

    fn merge_of(&mut self, table: &TableRef) -> Option<&mut Box<dyn Merge>> {
        let mut open = self.open.iter_mut();
        let found = open.find(|one| one.stores.contains(&table.store));
        found.map(|one| &mut one.merge)
    }

    /// The table is read through an open transaction.
    pub(crate) fn is_open(&self, table: &TableRef) -> bool {
        let mut open = self.open.iter();
        open.any(|one| one.stores.contains(&table.store))
    }

    /// The columns that identify the rows of each table.
    pub(crate) fn identities(&self) -> &BTreeMap<TableRef, Vec<String>> {
        &self.views.identities
    }

    /// The table can be read.
    pub(crate) fn has(&self, table: &TableRef) -> bool {
        self.views.tables.contains(table)
    }

    pub(crate) async fn keys(&mut self, request: &KeyRequest) -> Result<Vec<KeyRow>, StoreError> {
        match self.merge_of(&request.table) {
            Some(merge) => merge.keys(request).await,
            None => self.views.of(&request.table)?.keys(request).await,
        }
    }

    pub(crate) async fn rows(
        &mut self,
        request: &RowRequest,
    ) -> Result<Vec<RecordBatch>, StoreError> {
        // Asked twice, because a borrow that one arm gives away counts in the other one, too.
        if let Some(merge) = self.merge_of(&request.table) {
            return merge.rows(request).await?.try_collect().await;
        }
        let stream = self.views.of(&request.table)?.rows(request).await?;
        stream.try_collect().await
    }
}

/// The tables of a group as they are now; where its schema is open, as the plan completes them.
pub(crate) async fn live_tables(
    target: &dyn TargetStore,
    plan: &Plan,
) -> Result<Vec<Table>, StoreError> {
    let mut tables = Vec::new();
    for store in target.stores() {
        tables.extend(target.catalog(store).await?.tables);
    }
    if target.capabilities().open_schema {
        let stores = target.stores();
        let planned = plan.sections.load.tables.iter().map(|one| &one.table);
        let planned = planned.filter(|table| stores.contains(&table.name.store));
        tables = completed(tables, planned);
    }
    Ok(tables)
}
